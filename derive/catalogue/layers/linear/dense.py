"""Dense and reshaping layers, forward equations only."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.index import integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer

N, H, W, C, K, V, D, L = integers("N H W C K V D L")


def dense() -> Layer:
    """Every output sees every input of the last axis; there may be any number of axes before it."""
    return read(
        """
        input x[..., C], w[C, K], b[K]
        weight w, b
        optional b
        u[..., k] = sum(c) x[..., c] * w[c, k] + b[k]
        """,
        "dense",
        title=LAYERS["dense"].title,
        features=(("in_features", C), ("out_features", K)),
        axes=((C, "features"),),
        source="Rumelhart, Hinton and Williams, Learning representations by back-propagating errors, 1986, eq. 1",
    )


def flatten() -> Layer:
    """The elements of each image in row-major order as one axis."""
    return read(
        """
        input x[N, H, W, C]
        y[n, W*C*i + C*j + c] = x[n, i, j, c]
        """,
        "flatten",
        title=LAYERS["flatten"].title,
        source="Harris et al., Array programming with NumPy, 2020 (reshape in row-major order)",
        axes=((N, "batch"), (H, "height"), (W, "width"), (C, "channels")),
    )


def bilinear() -> Layer:
    """Every output sees every product of an element of x and one of z; there may be any number of axes before."""
    return read(
        """
        input x[..., C], z[..., D], w[C, D, K], b[K]
        weight w, b
        optional b
        u[..., k] = sum(c, d) x[..., c] * w[c, d, k] * z[..., d] + b[k]
        """,
        "bilinear",
        title=LAYERS["bilinear"].title,
        features=(("in1_features", C), ("in2_features", D), ("out_features", K)),
        axes=((C, "features"), (D, "features")),
        source="Tenenbaum and Freeman, Separating style and content with bilinear models, 2000, eq. 1",
    )


def embedding() -> Layer:
    """The row of the table w for every label t, of any shape."""
    return read(
        """
        input t[...], w[V, D]
        integer t
        weight w
        y[..., d] = w[t[...], d]
        """,
        "embedding",
        title=LAYERS["embedding"].title,
        features=(("num_embeddings", V), ("embedding_dim", D)),
        axes=((V, "labels"), (D, "features")),
        source="Bengio et al., A neural probabilistic language model, 2003, section 2",
    )


def unembedding() -> Layer:
    """The score of every label: the product of x with its row of the table w, which may be that of an embedding."""
    return read(
        """
        input x[..., D], w[V, D]
        weight w
        u[..., v] = sum(d) x[..., d] * w[v, d]
        """,
        "unembedding",
        title=LAYERS["unembedding"].title,
        features=(("embedding_dim", D), ("num_embeddings", V)),
        axes=((V, "labels"), (D, "features")),
        source="Press and Wolf, Using the output embedding to improve language models, 2017, eq. 3",
    )


def position_embedding() -> Layer:
    """The row of the table w for every position is added to what stands there."""
    return read(
        """
        input x[N, L, D], w[L, D]
        weight w
        y[n, l, d] = x[n, l, d] + w[l, d]
        """,
        "position_embedding",
        title=LAYERS["position_embedding"].title,
        initial=(("w", 0.0),),
        features=(("num_positions", L), ("embedding_dim", D)),
        axes=((N, "batch"), (L, "positions"), (D, "features")),
        source="Gehring et al., Convolutional sequence to sequence learning, 2017, section 3.1",
    )


def vector_quantizer() -> Layer:
    """The row of the codebook w that is nearest to x, and its number t; there may be any number of axes before.

    d is the squared distance less that of x from 0, which is the same for all rows. Of rows as near t is the first.
    """
    return read(
        """
        input x[..., C], w[K, C]
        weight w
        q[k] = sum(c) w[k, c]^2
        d[..., k] = q[k] - 2 * sum(c) x[..., c] * w[k, c]
        t[...] = argmin(k) d[..., k]
        y[..., c] = w[t[...], c]
        output y, t
        """,
        "vector_quantizer",
        title=LAYERS["vector_quantizer"].title,
        features=(("num_embeddings", K), ("embedding_dim", C)),
        axes=((C, "features"),),
        source="van den Oord, Vinyals and Kavukcuoglu, Neural discrete representation learning, 2017, eqs. 1 and 2",
    )
