"""Layers of the catalogue, what they are called with and their derivations: each made once for all tests."""

from functools import cache

from codegen.kernel import Kernel, kernels
from derive.derivation import Derivation, derive
from derive.interface import Layer
from derive.layers import LAYERS


@cache
def layer(name: str) -> Layer:
    """A layer of the catalogue."""
    return LAYERS[name]()


@cache
def layer_kernels(name: str) -> tuple[Kernel, ...]:
    """What the functions of a layer take and return; the forward function is first."""
    return kernels(layer(name))


@cache
def derived(name: str, **settings: str) -> Derivation:
    """The derivation of a layer, under some settings of its options."""
    return derive(layer(name), settings=settings)


@cache
def derived_twice(name: str) -> Derivation:
    """The derivation of a layer's second order."""
    return derive(layer(name), order=2)
