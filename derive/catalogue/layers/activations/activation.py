"""Smooth elementwise activations, forward equations only; x may have any shape."""

from sympy import Symbol

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.derive.layer.interval import FINITE, Interval
from gradscribe.said import Message


def number(name: str, symbol: str, default: float, interval: Interval | None = FINITE, words: str = "") -> Option:
    """An option that is one real number of an interval, or any with None, printed as `symbol`, in sentences `words`."""
    return Option(name, (Symbol(symbol, real=True),), Kind.NUMBER, default, interval, words=words)


AMPLITUDE = number("amplitude", "A", 1.7159, words=Message("amplitude"))
SLOPE = number("slope", "S", 2 / 3, words=Message("slope"))
"""Those of LeNet's squashing function."""


def sigmoid() -> Layer:
    """Logistic function."""
    return read(
        "y[...] = sigmoid(x[...])",
        "sigmoid",
        title=LAYERS["sigmoid"].title,
        source="Rumelhart, Hinton and Williams, Learning representations by back-propagating errors, 1986, eq. 2",
    )


def log_sigmoid() -> Layer:
    """The logarithm of the logistic function, finite for every finite x."""
    return read(
        "y[...] = -softplus(-x[...])",
        "log_sigmoid",
        class_name="LogSigmoid",
        title=LAYERS["log_sigmoid"].title,
        source="Rumelhart, Hinton and Williams, Learning representations by back-propagating errors, 1986, eq. 2",
    )


def tanh() -> Layer:
    """Hyperbolic tangent."""
    return read(
        "y[...] = tanh(x[...])",
        "tanh",
        title=LAYERS["tanh"].title,
        source="LeCun et al., Efficient BackProp, 1998, section 4.4",
    )


def scaled_tanh() -> Layer:
    """LeNet's squashing function ``A*tanh(S*x)`` with A = 1.7159 and S = 2/3."""
    return read(
        """
        A = 1.7159
        S = 2/3
        y[...] = A * tanh(S * x[...])
        """,
        "scaled_tanh",
        class_name="ScaledTanh",
        title=LAYERS["scaled_tanh"].title,
        options=(AMPLITUDE, SLOPE),
        source="LeCun et al., Gradient-based learning applied to document recognition, 1998, appendix A",
    )


def softplus() -> Layer:
    """The smooth rectifier ``log(1 + exp(beta*x)) / beta``; no threshold is needed against overflow."""
    return read(
        """
        beta = 1.0
        beta != 0
        y[...] = softplus(beta * x[...]) / beta
        """,
        "softplus",
        class_name="Softplus",
        title=LAYERS["softplus"].title,
        source="Dugas et al., Incorporating second-order functional knowledge for better option pricing, 2000",
    )


def softsign() -> Layer:
    """Approaches its limits -1 and 1 slower than the hyperbolic tangent."""
    return read(
        "y[...] = x[...] / (1 + abs(x[...]))",
        "softsign",
        title=LAYERS["softsign"].title,
        source="Bergstra et al., Quadratic polynomials learn better image features, 2009",
    )


def silu() -> Layer:
    """The sigmoid linear unit, also called swish."""
    return read(
        """
        s[...] = sigmoid(x[...])
        y[...] = x[...] * s[...]
        """,
        "silu",
        class_name="SiLU",
        title=LAYERS["silu"].title,
        source="Elfwing, Uchibe and Doya, Sigmoid-weighted linear units for neural network function approximation, "
        "2018; Ramachandran, Zoph and Le, Searching for activation functions, 2017",
    )


def gelu() -> Layer:
    """The argument times the normal distribution function of it."""
    return read(
        """
        s[...] = 1 + erf(x[...] / sqrt(2))
        y[...] = x[...] / 2 * s[...]
        """,
        "gelu",
        class_name="GELU",
        title=LAYERS["gelu"].title,
        source="Hendrycks and Gimpel, Gaussian error linear units, 2016, section 2",
    )


def gelu_tanh() -> Layer:
    """The approximation of gelu by the hyperbolic tangent."""
    return read(
        """
        s[...] = tanh(sqrt(2 / pi) * (x[...] + 0.044715 * x[...]^3))
        y[...] = x[...] / 2 * (1 + s[...])
        """,
        "gelu_tanh",
        class_name="GELUTanh",
        title=LAYERS["gelu_tanh"].title,
        source="Hendrycks and Gimpel, Gaussian error linear units, 2016, section 2",
    )


def mish() -> Layer:
    """The argument times the hyperbolic tangent of its softplus."""
    return read(
        """
        s[...] = tanh(softplus(x[...]))
        y[...] = x[...] * s[...]
        """,
        "mish",
        title=LAYERS["mish"].title,
        source="Misra, Mish: a self regularized non-monotonic activation function, 2019, eq. 4",
    )
