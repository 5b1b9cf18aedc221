"""The catalogue: every layer by name. A file of this folder holds forward equations of one family, nothing else."""

from collections.abc import Callable

from derive.interface import Layer
from derive.layers.activation import hyperbolic_tangent, relu, scaled_tanh, sigmoid
from derive.layers.convolution import conv2d
from derive.layers.dense import dense, flatten
from derive.layers.loss import mean_squared_error, softmax_cross_entropy
from derive.layers.pooling import avg_pool2d, max_pool2d

LAYERS: dict[str, Callable[[], Layer]] = {
    "conv2d": conv2d,
    "max_pool2d": max_pool2d,
    "avg_pool2d": avg_pool2d,
    "dense": dense,
    "flatten": flatten,
    "relu": relu,
    "sigmoid": sigmoid,
    "tanh": hyperbolic_tangent,
    "scaled_tanh": scaled_tanh,
    "softmax_cross_entropy": softmax_cross_entropy,
    "mean_squared_error": mean_squared_error,
}
