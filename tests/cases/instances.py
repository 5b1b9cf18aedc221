"""An object of any generated class, its arguments taken from a sampled case."""

import inspect
from typing import Any

from gradscribe import generated
from gradscribe.derive.ir.interpret import number
from tests.cases.layers import SampledCase


def instance(case: SampledCase, dtype: Any, module: Any = generated) -> Any:
    """The object whose options, weights and state fit the case; whatever may be absent is there."""
    cls = getattr(module, case.layer.class_name)
    sizes = {symbol.name: value for symbol, value in case.sizes.items()}
    features = {name: number(extent, case.sizes) for name, extent in case.layer.features}
    known = {**sizes, **features, **case.options, "dtype": dtype, "rng": 0}
    return cls(**{name: known[name] for name in inspect.signature(cls).parameters if name in known})


def call_arguments(case: SampledCase) -> tuple[str, ...]:
    """The names of the arrays that a call takes: neither weights nor state."""
    held = {*case.layer.weights, *(name for name, _, _ in case.layer.state)}
    return tuple(t.name for t in case.layer.program.inputs if t.name not in held)


def returned(case: SampledCase) -> tuple[str, ...]:
    """The names of what a call returns."""
    replacing = {output for _, output, _ in case.layer.state}
    return tuple(name for name in case.layer.program.outputs if name not in replacing)
