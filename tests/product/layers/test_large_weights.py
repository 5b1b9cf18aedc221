"""Large weights, which optimisers update block by block: as if at once, and all of them or none."""

from typing import Any

import numpy as np
import pytest

from gradscribe.generated import SGD, Adam
from tests.runtime.rooms import set_in_all

STEPS = 4


def copied(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value.copy() for name, value in arrays.items()}


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of more than 20 elements are updated 7 at a time."""
    set_in_all(monkeypatch, "TOGETHER", 20)
    set_in_all(monkeypatch, "AT_A_TIME", 7)


@pytest.mark.parametrize("build", [SGD, Adam])
def test_a_large_weight_is_updated_block_by_block(build: type[Any], cut: None, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(9)
    start = {"w": rng.normal(size=(5, 9)), "turned": rng.normal(size=(9, 5)).T, "b": rng.normal(size=3)}
    params, others = copied(start), copied(start)
    params["turned"], others["turned"] = (np.asfortranarray(p["turned"]) for p in (params, others))
    optimiser = build(params, lr=0.1)
    assert {group.names: len(group.blocks) for group in optimiser._groups} == {("w",): 7, ("turned",): 0, ("b",): 0}
    grads = [{name: rng.normal(size=p.shape) for name, p in params.items()} for _ in range(STEPS)]
    for given in grads:
        optimiser.step({**given, "w": np.asfortranarray(given["w"])})
    monkeypatch.undo()
    whole = build(others, lr=0.1)
    for given in grads:
        whole.step(given)
    for name, value in {**params, **optimiser.state}.items():
        np.testing.assert_array_equal(value, {**others, **whole.state}[name], err_msg=name)


@pytest.mark.parametrize("build", [SGD, Adam])
@pytest.mark.parametrize(
    ("wrong", "message"), [(np.nan, "the gradient of w: .* nan"), (1e308, "w would not stay finite")]
)
def test_where_the_last_block_is_wrong_nothing_changes(build: type[Any], wrong: float, message: str, cut: None) -> None:
    params = {"b": np.ones(3), "w": np.ones((5, 9))}
    optimiser = build(params, lr=10.0)
    optimiser.step({name: np.ones_like(p) for name, p in params.items()})
    before = copied({**params, **optimiser.state})
    grads = {"b": np.ones(3), "w": np.ones((5, 9))}
    grads["w"][4, 8] = wrong
    with pytest.raises(FloatingPointError, match=message):
        optimiser.step(grads)
    for name, value in {**params, **optimiser.state}.items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
