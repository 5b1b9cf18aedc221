"""The functions of second order of a layer, and S, the sum of direction * gradient, by its first-order functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.kernel.second_order_kernels import kernels_of_order
from gradscribe.derive.layer.interface import Layer
from tests.cases.catalogue import layer as catalogue_layer
from tests.cases.layers import SampledCase, random_values, sampled_case

Array = np.ndarray
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Functions:
    """The module of a layer with functions of second order, and what each of them takes and returns."""

    layer: Layer
    module: ModuleType
    forward: Kernel
    gradients: dict[str, Kernel]
    double_backward: Kernel
    hessian_vector: Kernel

    @property
    def seeds(self) -> dict[str, str]:
        """Seed -> output."""
        return dict(self.double_backward.seeds)

    @property
    def names(self) -> tuple[str, ...]:
        """What S is differentiated by: seeds, then inputs."""
        return (*self.seeds, *self.layer.differentiable)

    def call(self, kernel: Kernel, values: Values, options: Values) -> tuple[Any, ...]:
        """The results of one function; what is missing among the `values` is absent."""
        taken = {o.name: options[o.name] for o in kernel.options if o.name in options}
        taken |= {shape_argument(t): np.shape(values[t.name]) for t in kernel.shaped}
        with np.errstate(divide="ignore", invalid="ignore"):
            found = getattr(self.module, kernel.name)(*(values.get(t.name) for t in kernel.arguments), **taken)
        return found if len(kernel.results) > 1 else (found,)

    def returned(self, values: Values, options: Values) -> dict[str, Any]:
        """`values` and what the forward function returns."""
        return {**values, **dict(zip(self.forward.results, self.call(self.forward, values, options), strict=True))}

    def scalar(self, directions: Mapping[str, Array], options: Values) -> Callable[[Values], float]:
        """S as a function of seeds and inputs, by the first-order functions."""

        def value(values: Values) -> float:
            known = self.returned(values, options)
            watched = {n: self.call(self.gradients[n], known, options)[0] for n in directions}
            return sum(float((directions[n] * g).sum()) for n, g in watched.items())

        return value

    def gradients_of_s(self, values: Values, directions: Mapping[str, Array], options: Values) -> dict[str, Any]:
        """What double backward returns, by name."""
        called = {d: directions.get(n) for d, n in self.double_backward.directions}
        known = {**self.returned(values, options), **called}
        return dict(zip(self.names, self.call(self.double_backward, known, options), strict=True))

    def hessian_product(self, values: Values, directions: Mapping[str, Array], options: Values) -> dict[str, Any]:
        """What the Hessian-vector product returns, by name."""
        called = {d: directions.get(n) for d, n in self.hessian_vector.directions}
        found = self.call(self.hessian_vector, {**values, **called}, options)
        return dict(zip(self.layer.differentiable, found, strict=True))


def functions_of(layer: Layer) -> Functions:
    """Compile the module of `layer` with order 2."""
    (forward, *first), second = kernels_of_order(layer, 2)
    gradients = dict(zip(layer.differentiable, first, strict=True))
    return Functions(layer, compile_layer(layer, 2), forward, gradients, *second)


@cache
def functions(name: str) -> Functions:
    """The functions of a layer of the catalogue, compiled once."""
    return functions_of(catalogue_layer(name))


def drawn(name: str, rng: np.random.Generator) -> tuple[SampledCase, dict[str, Array], dict[str, Array]]:
    """A case with values of inputs and seeds, and directions of the inputs that are there."""
    found = functions(name)
    case = sampled_case(name, rng)
    values: dict[str, Any] = random_values(case, rng)
    outputs = found.returned(values, case.options)
    values |= {seed: np.asarray(rng.normal(size=np.shape(outputs[o]))) for seed, o in found.seeds.items()}
    watched = [n for n in found.layer.differentiable if values.get(n) is not None]
    return case, values, {n: np.asarray(rng.normal(size=np.shape(values[n]))) for n in watched}
