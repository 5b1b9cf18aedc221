"""Normalisation over the batch, the channels or groups of them, forward equations only.

The mean m and the variance v have names, as in Ioffe and Szegedy, 2015, section 3: so each has its own gradient. The
variance is the mean of squared differences from m, which cancels nothing.
"""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.layers.activations.activation import number
from gradscribe.derive.ir.index import integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.derive.layer.interval import Interval
from gradscribe.said import Message

C, G, R = integers("C G R")
EPS = number("eps", "epsilon", 1e-5, Interval(0), Message("eps"))
WEIGHTS = ("gamma", "beta")
INITIAL = (("gamma", 1.0), ("beta", 0.0))
IOFFE = "Ioffe and Szegedy, Batch normalization, 2015"


def batch_norm() -> Layer:
    """Each channel normalised over all other axes; also the running statistics, the variance among them unbiased."""
    return read(
        """
        input x[..., C], gamma[C], beta[C], running_mean[C], running_var[C]
        constant running_mean, running_var, new_mean, new_var
        output y, new_mean, new_var
        epsilon = 1e-5
        epsilon > 0
        rho = 0.1
        0 <= rho <= 1
        m[c] = sum(...) x[..., c] / E
        v[c] = sum(...) (x[..., c] - m[c])^2 / E
        h[..., c] = (x[..., c] - m[c]) / sqrt(v[c] + epsilon)
        y[..., c] = gamma[c] * h[..., c] + beta[c]
        evaluation m[c] = running_mean[c]
        evaluation v[c] = running_var[c]
        new_mean[c] = (1 - rho) * running_mean[c] + rho * m[c]
        new_var[c] = (1 - rho) * running_var[c] + rho * v[c] * E / max(E - 1, 1)
        """,
        "batch_norm",
        class_name="BatchNorm",
        title=LAYERS["batch_norm"].title,
        state=(("running_mean", "new_mean", 0.0), ("running_var", "new_var", 1.0)),
        options=(EPS, number("momentum", "rho", 0.1, words=Message("momentum"))),
        features=(("num_features", C),),
        source=f"{IOFFE}, section 3",
        weights=WEIGHTS,
        initial=INITIAL,
    )


def batch_norm_inference() -> Layer:
    """Each channel normalised by the running statistics of training."""
    return read(
        """
        input x[..., C], gamma[C], beta[C], running_mean[C], running_var[C]
        constant running_mean, running_var
        epsilon = 1e-5
        h[..., c] = (x[..., c] - running_mean[c]) / sqrt(running_var[c] + epsilon)
        y[..., c] = gamma[c] * h[..., c] + beta[c]
        """,
        "batch_norm_inference",
        class_name="BatchNormInference",
        title=LAYERS["batch_norm_inference"].title,
        options=(EPS,),
        features=(("num_features", C),),
        source=f"{IOFFE}, section 3.1",
        weights=WEIGHTS,
        initial=INITIAL,
    )


def layer_norm() -> Layer:
    """Each vector of features normalised by itself."""
    return read(
        """
        input x[..., C], gamma[C], beta[C]
        epsilon = 1e-5
        m[...] = sum(c) x[..., c] / C
        v[...] = sum(c) (x[..., c] - m[...])^2 / C
        h[..., c] = (x[..., c] - m[...]) / sqrt(v[...] + epsilon)
        y[..., c] = gamma[c] * h[..., c] + beta[c]
        """,
        "layer_norm",
        class_name="LayerNorm",
        title=LAYERS["layer_norm"].title,
        options=(EPS,),
        features=(("normalized_shape", C),),
        source="Ba, Kiros and Hinton, Layer normalization, 2016, eq. 3",
        weights=WEIGHTS,
        initial=INITIAL,
    )


def rms_norm() -> Layer:
    """Each vector of features divided by its root mean square."""
    return read(
        """
        input x[..., C], gamma[C]
        epsilon = 1e-6
        v[...] = sum(c) x[..., c]^2 / C
        h[..., c] = x[..., c] / sqrt(v[...] + epsilon)
        y[..., c] = gamma[c] * h[..., c]
        """,
        "rms_norm",
        class_name="RMSNorm",
        title=LAYERS["rms_norm"].title,
        weights=("gamma",),
        options=(number("eps", "epsilon", 1e-6, Interval(0), Message("eps")),),
        features=(("normalized_shape", C),),
        initial=(("gamma", 1.0),),
        source="Zhang and Sennrich, Root mean square layer normalization, 2019, eq. 4",
    )


def group_norm() -> Layer:
    """Each group of channels of each example normalised by itself."""
    return read(
        """
        input x[N, ..., G*C], gamma[G*C], beta[G*C]
        g < G
        c < C
        epsilon = 1e-5
        m[n, g] = sum(..., c) x[n, ..., C*g + c] / (C * E)
        v[n, g] = sum(..., c) (x[n, ..., C*g + c] - m[n, g])^2 / (C * E)
        h[n, ..., C*g + c] = (x[n, ..., C*g + c] - m[n, g]) / sqrt(v[n, g] + epsilon)
        y[n, ..., k] = gamma[k] * h[n, ..., k] + beta[k]
        """,
        "group_norm",
        class_name="GroupNorm",
        title=LAYERS["group_norm"].title,
        options=(Option("num_groups", (G,), Kind.COUNT), EPS),
        features=(("num_channels", G * C),),
        source="Wu and He, Group normalization, 2018, eq. 1 and 7",
        weights=WEIGHTS,
        initial=INITIAL,
    )


def instance_norm() -> Layer:
    """Each channel of each example normalised by itself."""
    return read(
        """
        input x[N, ..., C], gamma[C], beta[C]
        epsilon = 1e-5
        m[n, c] = sum(...) x[n, ..., c] / E
        v[n, c] = sum(...) (x[n, ..., c] - m[n, c])^2 / E
        h[n, ..., c] = (x[n, ..., c] - m[n, c]) / sqrt(v[n, c] + epsilon)
        y[n, ..., c] = gamma[c] * h[n, ..., c] + beta[c]
        """,
        "instance_norm",
        class_name="InstanceNorm",
        title=LAYERS["instance_norm"].title,
        options=(EPS,),
        features=(("num_features", C),),
        source="Ulyanov, Vedaldi and Lempitsky, Instance normalization, 2016, eq. 3",
        weights=WEIGHTS,
        initial=INITIAL,
    )


def local_response_norm() -> Layer:
    """Each channel divided by a power of the mean square of its neighbours; beyond the last channel stand zeros."""
    return read(
        """
        input x[..., C]
        q < R
        P = R // 2
        alpha = 1e-4
        alpha >= 0
        beta = 0.75
        k = 1.0
        k >= 0
        z[..., c] = k + sum(q) alpha / R * x[..., c + q - P]^2
        y[..., c] = x[..., c] / z[..., c]^beta
        """,
        "local_response_norm",
        class_name="LocalResponseNorm",
        title=LAYERS["local_response_norm"].title,
        options=(
            Option("size", (R,), words=Message("size")),
            number("alpha", "alpha", 1e-4),
            number("beta", "beta", 0.75),
            number("k", "k", 1.0),
        ),
        source="Krizhevsky, Sutskever and Hinton, ImageNet classification with deep convolutional neural networks, "
        "2012, section 3.3",
    )
