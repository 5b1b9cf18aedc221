"""A layer's compiled kernels beside the interpreter: every result of the forward function and every gradient."""

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.kernel import first_order
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.ir.interpret import complete_sizes, interpret, shape_of
from gradscribe.derive.layer.interface import ROLES, Layer

Array = np.ndarray
Sizes = Mapping[Any, Any]


@lru_cache(maxsize=8)
def compiled(layer: Layer) -> ModuleType:
    """The layer's module; the same for a layer that is asked for again."""
    return compile_layer(layer)


def called(function: Callable[..., Any], found: Mapping[str, Any]) -> Any:
    """The result of a generated function, its arguments taken from `found` by name."""
    known = dict(found) | {f"{ROLES.get(k, k)}_shape": np.shape(value) for k, value in found.items()}
    parameters = inspect.signature(function).parameters.values()
    by_place = [known[o.name] for o in parameters if o.kind is not inspect.Parameter.KEYWORD_ONLY]
    keywords = [o for o in parameters if o.kind is inspect.Parameter.KEYWORD_ONLY]
    asked = (o.name for o in keywords if o.name in known or o.default is o.empty)
    return function(*by_place, **{name: known[name] for name in asked})


def shapes(layer: Layer, sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """The shapes of the inputs."""
    known = complete_sizes(layer.program, sizes)
    return {t.name: shape_of(t.shape, known) for t in layer.program.inputs}


def assert_kernels_agree(layer: Layer, sizes: Sizes, values: Mapping[str, Array], rng: np.random.Generator) -> None:
    """Raise unless all that the kernels return is what the interpreter finds, recorded positions included."""
    module, made = compiled(layer), first_order(layer)
    gradient = differentiate(layer.program)
    options = {o.name: sizes[o.symbols[0]] for o in layer.options if o.symbols[0] in sizes}  # others have defaults
    with np.errstate(all="ignore"):
        forward = interpret(gradient.forward, values, sizes)
        seeds = {seed.name: rng.normal(size=forward[output].shape) for output, seed in gradient.seeds.items()}
        expected = interpret(gradient.program, {**forward, **seeds}, sizes)
        given = {**forward, **seeds, **options, **values}
        for kernel in made:
            results = called(getattr(module, kernel.name), given)
            results = results if isinstance(results, tuple) else (results,)
            for name, result in zip(kernel.results, results, strict=True):
                wanted = expected.get(name, np.zeros(np.shape(result)))  # what outputs do not depend on has slope 0
                np.testing.assert_allclose(result, wanted, 1e-9, 1e-9, err_msg=f"{kernel.name}: {name}")
