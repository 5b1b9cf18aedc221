"""The generated functions of a layer, called with arrays by name: what tests against foreign samples share."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import Kernel
from tests.cases.catalogue import layer, layer_kernels

Array = np.ndarray


@cache
def functions(name: str) -> tuple[ModuleType, tuple[Kernel, ...]]:
    """The generated module of a layer and what its functions take and return; the forward function is first.

    Tests of the generated files hold that it is what the equations give. Machine code of its loops is kept on disk.
    """
    return import_module(f"gradscribe.generated.{name}"), layer_kernels(name)


def call(name: str, kernel: Kernel, values: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """One function's results by name; an array that is missing among the `values` is absent."""
    module, _ = functions(name)
    taken = {o.name: options[o.name] for o in kernel.options if o.name in options}
    taken |= {shape_argument(t): values[t.name].shape for t in kernel.shaped}
    # what a condition excludes is computed all the same: smooth_l1_loss divides by beta = 0
    with np.errstate(divide="ignore", invalid="ignore"):
        results = getattr(module, kernel.name)(*(values.get(t.name) for t in kernel.arguments), **taken)
    return dict(zip(kernel.results, results if len(kernel.results) > 1 else (results,), strict=True))


def forward(name: str, arrays: Mapping[str, Array | None], options: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a layer and what its gradients need, by name."""
    known = {o.name for o in layer(name).options} | {t.name for t in layer(name).program.inputs}
    assert {*options, *arrays} <= known, f"{name} has no {({*options} | {*arrays}) - known}"
    return call(name, functions(name)[1][0], arrays, options)


def gradients(
    name: str, values: Mapping[str, Any], cotangents: Sequence[Array], options: Mapping[str, Any]
) -> dict[str, Array]:
    """The gradient of every input that is present, by name; outputs after the last cotangent have 0."""
    _, (_, *backward) = functions(name)
    found = {}
    for tensor, kernel in zip(layer(name).differentiable, backward, strict=True):
        if values.get(tensor) is None:
            continue
        seeds = {seed: np.zeros_like(values[output]) for seed, output in kernel.seeds}
        seeds |= dict(zip(seeds, cotangents, strict=False))
        found[tensor] = call(name, kernel, {**values, **seeds}, options)[kernel.results[0]]
    return found


def agree(ours: Any, theirs: Any, tolerance: float, what: str) -> None:
    """Differences relative to the largest element or 1e-3; NaN and infinity must be in the same places."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, f"{what}: our shape is {ours.shape}, theirs {theirs.shape}"
    finite = np.isfinite(theirs)
    np.testing.assert_array_equal(ours[~finite], theirs[~finite], err_msg=what)
    scale = max(float(np.abs(theirs[finite]).max(initial=0)), 1e-3)  # of integers a maximum is one
    difference = float(np.abs(ours[finite] - theirs[finite]).max(initial=0)) / scale
    assert difference <= tolerance, f"{what}: relative difference {difference:.2e}"
