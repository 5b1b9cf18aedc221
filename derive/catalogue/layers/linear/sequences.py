"""Recurrent layers over whole sequences, forward equations only; gates are stacked in PyTorch's order.

What does not depend on the state before is one product for all positions; weights are those of the cells.
"""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.layers.linear.recurrent import FEATURES, C, H, N
from gradscribe.derive.ir.index import integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer

T = integers("T")[0]
AXES = ((N, "batch"), (T, "positions"), (C, "features"), (H, "units"))


def simple_rnn() -> Layer:
    """The states h at all positions of x, from the state h0 before the first; the last one is h[:, -1]."""
    return read(
        """
        input x[N, T, C], h0[N, H], w[C, H], r[H, H], b[H]
        weight w, r, b
        optional h0, b
        u[n, t, k] = sum(c) x[n, t, c] * w[c, k] + b[k]
        h[n, t, k] = tanh(u[n, t, k] + sum(l) h[n, t-1, l] * r[l, k])
        h[n, -1, k] = h0[n, k]
        """,
        "simple_rnn",
        class_name="SimpleRNN",
        title=LAYERS["simple_rnn"].title,
        features=FEATURES,
        axes=AXES,
        source="Elman, Finding structure in time, 1990",
    )


def lstm() -> Layer:
    """The states h and memories c at all positions of x, from h0 and c0 before the first.

    The second axis of the weights holds the gates in the order input i, forget f, candidate g, output o. PyTorch keeps
    two biases that are always added; b is their sum.
    """
    return read(
        """
        input x[N, T, C], h0[N, H], c0[N, H], w[C, 4, H], r[H, 4, H], b[4, H]
        weight w, r, b
        optional h0, c0, b
        output h, c
        v[n, t, a, k] = sum(e) x[n, t, e] * w[e, a, k] + b[a, k]
        u[n, t, a, k] = v[n, t, a, k] + sum(l) h[n, t-1, l] * r[l, a, k]
        i[n, t, k] = sigmoid(u[n, t, 0, k])
        f[n, t, k] = sigmoid(u[n, t, 1, k])
        g[n, t, k] = tanh(u[n, t, 2, k])
        o[n, t, k] = sigmoid(u[n, t, 3, k])
        c[n, t, k] = f[n, t, k] * c[n, t-1, k] + i[n, t, k] * g[n, t, k]
        s[n, t, k] = tanh(c[n, t, k])
        h[n, t, k] = o[n, t, k] * s[n, t, k]
        h[n, -1, k] = h0[n, k]
        c[n, -1, k] = c0[n, k]
        """,
        "lstm",
        class_name="LSTM",
        title=LAYERS["lstm"].title,
        features=FEATURES,
        axes=AXES,
        source="Gers, Schmidhuber and Cummins, Learning to forget: continual prediction with LSTM, 2000",
    )


def gru() -> Layer:
    """The states h at all positions of x, from the state h0 before the first; the last one is h[:, -1].

    The second axis of the weights holds the gates in the order reset s, update z, candidate g. The reset gate scales
    the product with the state, its bias d included, as in cuDNN; the original paper scales the state before it.
    """
    return read(
        """
        input x[N, T, C], h0[N, H], w[C, 3, H], r[H, 3, H], b[3, H], d[3, H]
        weight w, r, b, d
        optional h0, b, d
        u[n, t, a, k] = sum(e) x[n, t, e] * w[e, a, k] + b[a, k]
        v[n, t, a, k] = sum(l) h[n, t-1, l] * r[l, a, k] + d[a, k]
        s[n, t, k] = sigmoid(u[n, t, 0, k] + v[n, t, 0, k])
        z[n, t, k] = sigmoid(u[n, t, 1, k] + v[n, t, 1, k])
        g[n, t, k] = tanh(u[n, t, 2, k] + s[n, t, k] * v[n, t, 2, k])
        h[n, t, k] = (1 - z[n, t, k]) * g[n, t, k] + z[n, t, k] * h[n, t-1, k]
        h[n, -1, k] = h0[n, k]
        """,
        "gru",
        class_name="GRU",
        title=LAYERS["gru"].title,
        features=FEATURES,
        axes=AXES,
        source="Cho et al., Learning phrase representations using RNN encoder-decoder, 2014, eqs. 5 to 8",
    )


def bidirectional_lstm() -> Layer:
    """The states y of two LSTMs over x, one forwards (w, r, b) and one backwards (v, q, d), one behind the other.

    The first axis of h0 and c0 holds the two directions, as PyTorch's do.
    """
    return read(
        """
        input x[N, T, C], h0[2, N, H], c0[2, N, H], w[C, 4, H], r[H, 4, H], b[4, H], v[C, 4, H], q[H, 4, H], d[4, H]
        weight w, r, b, v, q, d
        optional h0, c0, b, d
        i[n, t, a, k] = sum(e) x[n, t, e] * w[e, a, k] + b[a, k]
        u[n, t, a, k] = i[n, t, a, k] + sum(l) h[n, t-1, l] * r[l, a, k]
        c[n, t, k] = sigmoid(u[n, t, 1, k]) * c[n, t-1, k] + sigmoid(u[n, t, 0, k]) * tanh(u[n, t, 2, k])
        h[n, t, k] = sigmoid(u[n, t, 3, k]) * tanh(c[n, t, k])
        h[n, -1, k] = h0[0, n, k]
        c[n, -1, k] = c0[0, n, k]
        j[n, t, a, k] = sum(e) x[n, t, e] * v[e, a, k] + d[a, k]
        s[n, t, a, k] = j[n, t, a, k] + sum(l) z[n, t+1, l] * q[l, a, k]
        m[n, t, k] = sigmoid(s[n, t, 1, k]) * m[n, t+1, k] + sigmoid(s[n, t, 0, k]) * tanh(s[n, t, 2, k])
        z[n, t, k] = sigmoid(s[n, t, 3, k]) * tanh(m[n, t, k])
        z[n, T, k] = h0[1, n, k]
        m[n, T, k] = c0[1, n, k]
        y[n, t, k] = h[n, t, k]
        y[n, t, H + k] += z[n, t, k]
        """,
        "bidirectional_lstm",
        class_name="BidirectionalLSTM",
        title=LAYERS["bidirectional_lstm"].title,
        features=FEATURES,
        axes=AXES,
        source="Graves and Schmidhuber, Framewise phoneme classification with bidirectional LSTM, 2005",
    )
