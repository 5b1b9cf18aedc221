"""Elementwise activations, forward equations only; x may have any shape."""

from sympy import Eq, Expr, Idx, IndexedBase, Symbol, tanh

from derive.equations import program
from derive.functions import relu as relu_function
from derive.functions import sigmoid as sigmoid_function
from derive.index import integers
from derive.interface import Kind, Layer, Option

E = integers("E")[0]
x, y, e = IndexedBase("x", shape=(E,)), IndexedBase("y", shape=(E,)), Idx("e", E)
amplitude, slope = Symbol("A", real=True), Symbol("S", real=True)


def _elementwise(
    name: str, class_name: str, title: str, value: Expr, source: str, options: tuple[Option, ...] = ()
) -> Layer:
    equations = program(Eq(y[e], value), inputs=(x,), ravel="x y")
    return Layer(name, class_name, title, equations, options=options, axes=((E, "elements"),), source=source)


def relu() -> Layer:
    """Rectified linear unit; its derivative at 0 is 0."""
    source = "Nair and Hinton, Rectified linear units improve restricted Boltzmann machines, 2010"
    return _elementwise("relu", "ReLU", "rectified linear unit", relu_function(x[e]), source)


def sigmoid() -> Layer:
    """Logistic function."""
    source = "Rumelhart, Hinton and Williams, Learning representations by back-propagating errors, 1986, eq. 2"
    return _elementwise("sigmoid", "Sigmoid", "logistic function", sigmoid_function(x[e]), source)


def hyperbolic_tangent() -> Layer:
    """Hyperbolic tangent."""
    source = "LeCun et al., Efficient BackProp, 1998, section 4.4"
    return _elementwise("tanh", "Tanh", "hyperbolic tangent", tanh(x[e]), source)


def scaled_tanh() -> Layer:
    """LeNet's squashing function ``A*tanh(S*x)`` with A = 1.7159 and S = 2/3."""
    source = "LeCun et al., Gradient-based learning applied to document recognition, 1998, appendix A"
    options = (
        Option("amplitude", (amplitude,), Kind.NUMBER, default=1.7159),
        Option("slope", (slope,), Kind.NUMBER, default=2 / 3),
    )
    value = amplitude * tanh(slope * x[e])
    return _elementwise("scaled_tanh", "ScaledTanh", "LeNet's scaled hyperbolic tangent", value, source, options)
