"""Layers of the catalogue, what they are called with and their derivations: each made once for all tests."""

from functools import cache
from pathlib import Path

from gradscribe import generated
from gradscribe.codegen.kernel.kernel import Kernel, first_order, kernels
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import Plan
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.layer.interface import Layer
from tests.cases.thorough import THOROUGH

GENERATED = Path(__file__).parents[2] / "generated"
FUNCTIONS = {
    function: name
    for name in LAYERS
    for function in generated._MODULES[name]
    if function.startswith((f"{name}_forward", f"{name}_grad_", f"{name}_backward"))
}
"""The layer of every generated function of first order; nothing has to be lowered to know their names."""

SAMPLE = [
    *("conv2d", "conv_transpose1d", "depthwise_conv2d", "locally_connected1d", "max_pool2d", "avg_pool2d", "lp_pool1d"),
    *("adaptive_max_pool1d", "upsample_nearest1d", "pixel_shuffle", "replication_pad1d", "dense", "embedding", "gelu"),
    *("relu", "prelu", "softmax", "batch_norm", "layer_norm", "group_norm", "dropout", "concatenation", "lstm_cell"),
    *("scaled_dot_product_attention", "cross_entropy", "nll_loss", "huber_loss", "kl_divergence"),
]
TRIED = list(LAYERS) if THOROUGH else SAMPLE
"""The layers that tests run through: the same in all, so that each is differentiated, lowered and derived once."""


def generated_with(text: str) -> list[str]:
    """The layers whose generated modules have some text in them."""
    return [name for name in LAYERS if text in (GENERATED / f"{name}.py").read_text(encoding="utf-8")]


@cache
def kernel(function: str) -> Kernel:
    """What a generated function takes and returns, and its program."""
    return next(k for k in first_order(layer(FUNCTIONS[function])) if k.name == function)


@cache
def planned(function: str) -> Plan:
    """How a generated function is computed."""
    return plan(kernel(function))


@cache
def layer(name: str) -> Layer:
    """A layer of the catalogue."""
    return LAYERS[name]()


@cache
def layer_kernels(name: str) -> tuple[Kernel, ...]:
    """What the functions of a layer take and return: forward first, then a gradient each; none has all gradients."""
    return kernels(layer(name))


@cache
def derived(name: str, **settings: str) -> Derivation:
    """The derivation of a layer, under some settings of its options."""
    return derive(layer(name), settings=settings)


@cache
def derived_twice(name: str) -> Derivation:
    """The derivation of a layer's second order."""
    return derive(layer(name), order=2)
