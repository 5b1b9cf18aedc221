"""One time step of recurrent layers, forward equations only; gates are stacked in PyTorch's order.

A sequence is a loop over these cells; backward goes through the steps in reverse and adds up the gradients of weights.
"""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.index import integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer

N, C, H = integers("N C H")
FEATURES = (("input_size", C), ("hidden_size", H))
AXES = ((N, "batch"), (C, "features"), (H, "units"))


def simple_rnn_cell() -> Layer:
    """The new state y from the input x and the state h."""
    return read(
        """
        input x[N, C], h[N, H], w[C, H], r[H, H], b[H]
        weight w, r, b
        optional b
        u[n, k] = sum(c) x[n, c] * w[c, k] + sum(l) h[n, l] * r[l, k] + b[k]
        y[n, k] = tanh(u[n, k])
        """,
        "simple_rnn_cell",
        class_name="SimpleRNNCell",
        title=LAYERS["simple_rnn_cell"].title,
        features=FEATURES,
        axes=AXES,
        source="Elman, Finding structure in time, 1990",
    )


def lstm_cell() -> Layer:
    """The new state y and the new memory z from the input x, the state h and the memory c.

    The second axis of the weights holds the gates in the order input i, forget f, candidate g, output o. PyTorch keeps
    two biases that are always added; b is their sum.
    """
    return read(
        """
        input x[N, C], h[N, H], c[N, H], w[C, 4, H], r[H, 4, H], b[4, H]
        weight w, r, b
        optional b
        output y, z
        u[n, a, k] = sum(e) x[n, e] * w[e, a, k] + sum(l) h[n, l] * r[l, a, k] + b[a, k]
        i[n, k] = sigmoid(u[n, 0, k])
        f[n, k] = sigmoid(u[n, 1, k])
        g[n, k] = tanh(u[n, 2, k])
        o[n, k] = sigmoid(u[n, 3, k])
        z[n, k] = f[n, k] * c[n, k] + i[n, k] * g[n, k]
        s[n, k] = tanh(z[n, k])
        y[n, k] = o[n, k] * s[n, k]
        """,
        "lstm_cell",
        class_name="LSTMCell",
        title=LAYERS["lstm_cell"].title,
        features=FEATURES,
        axes=AXES,
        source="Gers, Schmidhuber and Cummins, Learning to forget: continual prediction with LSTM, 2000",
    )


def gru_cell() -> Layer:
    """The new state y from the input x and the state h.

    The second axis of the weights holds the gates in the order reset s, update z, candidate g. The reset gate scales
    the product with the state, its bias d included, as in cuDNN; the original paper scales the state before it.
    """
    return read(
        """
        input x[N, C], h[N, H], w[C, 3, H], r[H, 3, H], b[3, H], d[3, H]
        weight w, r, b, d
        optional b, d
        u[n, a, k] = sum(e) x[n, e] * w[e, a, k] + b[a, k]
        v[n, a, k] = sum(l) h[n, l] * r[l, a, k] + d[a, k]
        s[n, k] = sigmoid(u[n, 0, k] + v[n, 0, k])
        z[n, k] = sigmoid(u[n, 1, k] + v[n, 1, k])
        g[n, k] = tanh(u[n, 2, k] + s[n, k] * v[n, 2, k])
        y[n, k] = (1 - z[n, k]) * g[n, k] + z[n, k] * h[n, k]
        """,
        "gru_cell",
        class_name="GRUCell",
        title=LAYERS["gru_cell"].title,
        features=FEATURES,
        axes=AXES,
        source="Cho et al., Learning phrase representations using RNN encoder-decoder, 2014, eqs. 5 to 8",
    )
