"""Layers whose state is linear in the state before, forward equations only."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.index import integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer

N, T, D, K, V = integers("N T D K V")
AXES = ((N, "batch"), (T, "positions"), (D, "features"))
FEATURES = (("features", D), ("state_size", K))


def state_space() -> Layer:
    """A diagonal linear system per feature: K states s that decay by a, are driven by x and read by c."""
    return read(
        """
        input x[N, T, D], s0[N, D, K], a[D, K], b[D, K], c[D, K], f[D]
        weight a, b, c, f
        optional s0, f
        s[n, t, d, k] = a[d, k] * s[n, t-1, d, k] + b[d, k] * x[n, t, d]
        s[n, -1, d, k] = s0[n, d, k]
        y[n, t, d] = sum(k) c[d, k] * s[n, t, d, k] + f[d] * x[n, t, d]
        """,
        "state_space",
        title=LAYERS["state_space"].title,
        features=FEATURES,
        axes=(*AXES, (K, "states")),
        source="Gupta, Gu and Berant, Diagonal state spaces are as effective as structured state spaces, 2022",
    )


def selective_scan() -> Layer:
    """Mamba's scan: the step softplus(u), the input b and the readout c of a linear system depend on the position.

    The system decays at the rate exp(a), so that a is the logarithm of what the paper calls -A.
    """
    return read(
        """
        input x[N, T, D], u[N, T, D], b[N, T, K], c[N, T, K], a[D, K], f[D]
        weight a, f
        optional f
        p[n, t, d] = softplus(u[n, t, d])
        s[n, t, d, k] = exp(-(p[n, t, d] * exp(a[d, k]))) * s[n, t-1, d, k] + p[n, t, d] * b[n, t, k] * x[n, t, d]
        s[n, -1, d, k] = 0
        y[n, t, d] = sum(k) c[n, t, k] * s[n, t, d, k] + f[d] * x[n, t, d]
        """,
        "selective_scan",
        title=LAYERS["selective_scan"].title,
        features=FEATURES,
        axes=(*AXES, (K, "states")),
        source="Gu and Dao, Mamba: linear-time sequence modeling with selective state spaces, 2023, algorithm 2",
    )


def delta_rule() -> Layer:
    """A matrix s that is corrected at every position: what it says of the key k moves by b towards the value v.

    The gate a is what is left of the matrix before; without it nothing is forgotten. The query q reads the matrix.
    """
    return read(
        """
        input q[N, T, K], k[N, T, K], v[N, T, V], b[N, T], a[N, T]
        factor a
        o[n, t, e] = sum(i) a[n, t] * s[n, t-1, e, i] * k[n, t, i]
        s[n, t, e, i] = a[n, t] * s[n, t-1, e, i] + b[n, t] * (v[n, t, e] - o[n, t, e]) * k[n, t, i]
        s[n, -1, e, i] = 0
        y[n, t, e] = sum(i) s[n, t, e, i] * q[n, t, i]
        """,
        "delta_rule",
        title=LAYERS["delta_rule"].title,
        axes=((N, "batch"), (T, "positions"), (K, "features of a key"), (V, "features of a value")),
        source="Yang, Kautz and Hatamizadeh, Gated delta networks: improving Mamba2 with delta rule, 2024, eq. 10",
    )
