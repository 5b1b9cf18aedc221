"""Attention, forward equations only."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.index import integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer

AXES = tuple(zip(integers("L S D F"), ("queries", "keys", "features", "features of a value"), strict=True))


def scaled_dot_product_attention() -> Layer:
    """The mean of the values v, weighted by the softmax p of the scaled products u of a query q with all keys k.

    Several heads are one more axis among the leading ones: reshape (N, L, heads*D) to (N, L, heads, D), swap the middle
    axes, and all heads are computed at once. The mask m is added to the scores and counts as a constant; where it is
    -infinity, or with is_causal where j > i, a query does not see a key. A query that sees none yields 0: scores below
    -1e30 count as such. With is_causal the derivation has brackets [j <= i] (``--set is_causal=true``).
    """
    return read(
        """
        input q[..., L, D], k[..., S, D], v[..., S, F], m[L, S]
        optional m
        constant m, c
        is_causal = false
        u[..., i, j] = sum(d) q[..., i, d] * k[..., j, d] / sqrt(D) + m[i, j]
        c[..., i] = max(j) [is_causal*j <= is_causal*i] * max(u[..., i, j], -1e30)
        h[..., i, j] = [is_causal*j <= is_causal*i] * exp(u[..., i, j] - c[..., i])
        z[..., i] = sum(j) h[..., i, j] + [c[..., i] == -1e30]
        s[..., i] = log(z[..., i])
        p[..., i, j] = [is_causal*j <= is_causal*i] * exp(u[..., i, j] - c[..., i] - s[..., i])
        y[..., i, f] = sum(j) p[..., i, j] * v[..., j, f]
        """,
        "scaled_dot_product_attention",
        title=LAYERS["scaled_dot_product_attention"].title,
        axes=AXES,
        display=(("is_causal", False),),
        source="Vaswani et al., Attention is all you need, 2017, eq. 1",
    )
