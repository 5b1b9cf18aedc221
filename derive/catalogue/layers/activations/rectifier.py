"""Piecewise elementwise activations, forward equations only; x may have any shape.

The slope at a kink is PyTorch's: a rectified part that is written ``relu(x)`` or ``max(a, x)`` is flat at its kink, one
that is written ``min(x, a)`` is not, since a tie belongs to the first argument.
"""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.layers.activations.activation import number
from gradscribe.derive.ir.index import integer
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer


def relu() -> Layer:
    """Rectified linear unit; its derivative at 0 is 0."""
    return read(
        "y[...] = relu(x[...])",
        "relu",
        class_name="ReLU",
        title=LAYERS["relu"].title,
        source="Nair and Hinton, Rectified linear units improve restricted Boltzmann machines, 2010",
    )


def leaky_relu() -> Layer:
    """The negative part scaled by a small slope; its derivative at 0 is that slope."""
    return read(
        """
        alpha = 0.01
        y[...] = relu(x[...]) + alpha * min(x[...], 0)
        """,
        "leaky_relu",
        class_name="LeakyReLU",
        title=LAYERS["leaky_relu"].title,
        options=(number("negative_slope", "alpha", 0.01),),
        source="Maas, Hannun and Ng, Rectifier nonlinearities improve neural network acoustic models, 2013",
    )


def prelu() -> Layer:
    """The negative part scaled by a slope that is learned, one per channel."""
    return read(
        """
        input x[..., C], a[C]
        weight a
        y[..., c] = relu(x[..., c]) + a[c] * min(x[..., c], 0)
        """,
        "prelu",
        class_name="PReLU",
        title=LAYERS["prelu"].title,
        features=(("num_parameters", integer("C")),),
        initial=(("a", 0.25),),
        source="He et al., Delving deep into rectifiers, 2015, eq. 1",
    )


def elu() -> Layer:
    """Exponential linear unit; its derivative at 0 is alpha."""
    return read(
        """
        alpha = 1.0
        y[...] = relu(x[...]) + alpha * expm1(min(x[...], 0))
        """,
        "elu",
        class_name="ELU",
        title=LAYERS["elu"].title,
        options=(number("alpha", "alpha", 1.0),),
        source="Clevert, Unterthiner and Hochreiter, Fast and accurate deep network learning by exponential linear "
        "units, 2016",
    )


def selu() -> Layer:
    """Scaled exponential linear unit, with the constants that make mean 0 and variance 1 a fixed point."""
    return read(
        "y[...] = 1.0507009873554805 * (relu(x[...]) + 1.6732632423543772 * expm1(min(x[...], 0)))",
        "selu",
        class_name="SELU",
        title=LAYERS["selu"].title,
        source="Klambauer et al., Self-normalizing neural networks, 2017, eq. 2",
    )


def celu() -> Layer:
    """An exponential linear unit whose derivative is continuous for every alpha."""
    return read(
        """
        alpha = 1.0
        alpha != 0
        y[...] = relu(x[...]) + alpha * expm1(min(x[...], 0) / alpha)
        """,
        "celu",
        class_name="CELU",
        title=LAYERS["celu"].title,
        source="Barron, Continuously differentiable exponential linear units, 2017",
    )


def relu6() -> Layer:
    """A rectified linear unit that stops at 6; its derivative at 0 and 6 is 0."""
    return read(
        "y[...] = min(6, max(0, x[...]))",
        "relu6",
        class_name="ReLU6",
        title=LAYERS["relu6"].title,
        source="Krizhevsky, Convolutional deep belief networks on CIFAR-10, 2010",
    )


def hard_tanh() -> Layer:
    """The identity within two limits; its derivative at the limits is 0."""
    return read(
        """
        a = -1.0
        b = 1.0
        a <= b
        y[...] = min(b, max(a, x[...]))
        """,
        "hard_tanh",
        class_name="HardTanh",
        title=LAYERS["hard_tanh"].title,
        options=(number("min_val", "a", -1.0, None), number("max_val", "b", 1.0, None)),
        source="Collobert, Large scale machine learning, 2004",
    )


def hard_sigmoid() -> Layer:
    """The logistic function by three lines; its derivative at -3 and 3 is 0."""
    return read(
        "y[...] = min(6, max(0, x[...] + 3)) / 6",
        "hard_sigmoid",
        class_name="HardSigmoid",
        title=LAYERS["hard_sigmoid"].title,
        source="Howard et al., Searching for MobileNetV3, 2019, section 5.2",
    )


def hard_swish() -> Layer:
    """Swish with the hard sigmoid; its derivative is 0 at -3 and 1 at 3."""
    return read(
        "y[...] = x[...] * min(6, max(0, x[...] + 3)) / 6",
        "hard_swish",
        class_name="HardSwish",
        title=LAYERS["hard_swish"].title,
        source="Howard et al., Searching for MobileNetV3, 2019, section 5.2",
    )
