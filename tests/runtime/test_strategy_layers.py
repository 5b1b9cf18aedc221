"""The layers of the catalogue and every strategy: results do not depend on how a contraction is computed."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from gradscribe.generated.runtime.contractions.choice import SCATTERING
from gradscribe.generated.runtime.contractions.gathering import GATHERING
from tests.cases.catalogue import generated_with
from tests.cases.kernel_calls import Array, agree, forward, functions, gradients
from tests.cases.layers import CASES, LayerCase, random_layer_case, random_values, sampled_case
from tests.cases.thorough import draws, some
from tests.runtime.rooms import room

STRATEGIES = sorted({s.name for s in (*GATHERING, *SCATTERING)})
CONTRACTING = generated_with("rt.contract(")


@cache
def taken() -> dict[str, int]:
    """How many contractions of layers every strategy has computed when it was forced."""
    return dict.fromkeys(STRATEGIES, 0)


def computed(case: LayerCase, values: dict[str, Array]) -> dict[str, Any]:
    """What the layer and its gradients yield, by name."""
    options = dict(case.options)
    if "w" in values and any(o.name == "kernel_size" for o in case.layer.options):
        options.setdefault("kernel_size", values["w"].shape[:-2])  # which the gradient of the weights is given
    given: dict[str, Any] = {**dict.fromkeys(t.name for t in case.layer.program.inputs), **values}
    results = forward(case.name, given, options)
    rng = np.random.default_rng(3)
    cotangents = [rng.normal(size=np.shape(results[name])) for name in case.layer.program.outputs]
    backward = gradients(case.name, {**given, **results}, cotangents, options)
    return results | {f"d{name}": gradient for name, gradient in backward.items()}


def compare(case: LayerCase, values: dict[str, Array]) -> None:
    """Every strategy against the choice of the runtime."""
    rt = functions(case.name)[0].rt
    own = room("contractions.choice", rt)

    def counted(c: Any, compute: Any) -> None:
        way = own.choice(c, rt.current())
        taken()[rt.current().strategy] += way.strategy.name == rt.current().strategy
        compute(way)

    expected = computed(case, values)
    for strategy in STRATEGIES:
        for threads, backend in ((1, "numpy"), (2, "numpy"), (1, "compiled")):
            with rt.settings(strategy=strategy, backend=backend, threads=threads), own.observing(counted):
                found = computed(case, values)
            for name, value in found.items():
                agree(value, expected[name], 1e-11, f"{strategy}, {backend}: {case.id}: {name}")


@pytest.mark.parametrize("name", some(CONTRACTING, 3))
def test_a_layer_of_random_sizes(name: str) -> None:
    for seed in range(draws(2, 3)):
        rng = np.random.default_rng([seed, 21])
        case = sampled_case(name, rng, draws=4)
        compare(case, random_values(case, rng))


@pytest.mark.parametrize("case", some([c for c in CASES if c.name in CONTRACTING], 3), ids=lambda c: c.id)
def test_a_layer_of_the_table(case: LayerCase) -> None:
    compare(case, random_values(case, np.random.default_rng(5)))


def convolutions() -> Iterator[LayerCase]:
    """3x3 and 5x5 windows at stride 1, as large as tiles and bands need them, and any others."""
    for seed, (side, channels, features) in enumerate([(3, 5, 8), (3, 16, 4), (5, 4, 12), (3, 1, 6), (5, 3, 8)]):
        rng = np.random.default_rng([seed, 22])
        size = tuple(int(v) for v in rng.integers(side, 15, size=2))
        shapes = {"x": (2, *size, channels), "w": (side, side, channels, features), "b": (features,)}
        yield LayerCase("conv2d", shapes, {"padding": int(rng.integers(3))})
    for seed in range(10):
        yield random_layer_case("conv2d", np.random.default_rng([seed, 23]), most=12)


@pytest.mark.thorough
def test_convolutions_by_every_strategy() -> None:
    before = dict(taken())
    for seed, case in enumerate(convolutions()):
        compare(case, random_values(case, np.random.default_rng([seed, 24])))
    assert [name for name, number in taken().items() if number == before[name]] == ["dots"]  # no window is one of these
