"""Networks of several outputs, with integers among them, with shared weights, and with recurrences, as texts."""

from typing import Any

import numpy as np

from gradscribe import network

TEXTS = {
    "several": """
        input x[N, 5]
        inner = h: dense(6) -> tanh
        scores = inner -> out: dense(3)
        output scores, inner
        loss cross_entropy of scores
        """,
    "places": """
        input x[N, 5]
        layer best { k[n] = argmax(j) x[n,j]; y[n,j] = 2 * x[n,j]; output y, k }
        a = x -> norm: batch_norm -> best: best
        output best.k, a
        """,
    "siamese": """
        input x[N, 4]
        input z[N, 4]
        block tower(k) = dense(k) -> norm: batch_norm -> tanh
        a = x -> left: tower(3)
        b = z -> right: share(left)
        (a, b) -> elementwise_product
        """,
    "tied": "input x[N, 4]; x -> embed: embedding(7, 5) -> scores: unembedding(w=embed.w)",
    "memories": "input x[N, T, 3]; l = x -> l: lstm(2); a = l.c -> dense(2); output l, l.c, a",
    "stacked": "input x[N, T, 3]; x -> a: lstm(3) -> b: share(a) -> both: bidirectional_lstm(2)",
}
SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "several": ((3, 5),),
    "places": ((3, 5),),
    "siamese": ((3, 4), (3, 4)),
    "tied": ((3, 4),),
    "memories": ((2, 3, 3),),
    "stacked": ((2, 3, 3),),
}


def built(name: str, order: int = 1, rng: int = 0) -> Any:
    """The network with its weights, in float64."""
    source = network(TEXTS[name], name)
    return getattr(source.compile(order=order), source.class_name)(dtype=np.float64, rng=rng)


def inputs(name: str, seed: int = 0) -> list[Any]:
    """Arrays for a call."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 7, s) if name == "tied" else rng.normal(size=s) for s in SHAPES[name]]
