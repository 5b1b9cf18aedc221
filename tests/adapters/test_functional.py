"""Layers as pure functions, without any framework: the same numbers as the class, and no memory in common."""

from typing import Any

import numpy as np

from gradscribe import generated as g
from gradscribe.adapters.functional import REMEMBERED, Functional
from gradscribe.adapters.saved import put_together, taken_apart
from tests.cases.catalogue import TRIED
from tests.cases.instances import instance
from tests.cases.layers import random_values, sampled_case
from tests.cases.together import together
from tests.cases.wired_networks import TEXTS, built, inputs

Array = Any


def drawn(name: str) -> tuple[Any, dict[str, Array], list[Array], list[Array]]:
    """A layer, the inputs of a call, its weights and its state."""
    rng = np.random.default_rng(len(name))
    case = sampled_case(name, rng)
    layer = instance(case, np.float64)
    values = {**layer.params, **layer.state, **random_values(case, rng)}
    layer.params = {n: np.array(values[n]) for n in layer.params}
    layer.state = {n: np.array(values[n]) for n in layer.state}
    its = Functional(layer)
    given = {n: np.array(values[n]) for n in its.inputs if values.get(n) is not None}
    return layer, given, list(layer.params.values()), list(layer.state.values())


@together("name", TRIED)
def test_the_same_as_the_class(name: str) -> None:
    layer, given, params, state = drawn(name)
    its, rng = Functional(layer), np.random.default_rng(0)
    before = [a.copy() for a in (*given.values(), *params, *state)]
    with np.errstate(all="ignore"):
        results = its.forward(given, params, state)
        other = its.forward({n: a[...] * 1 for n, a in given.items()}, [2 * p for p in params], state)  # in between
        count = len(its.outputs)
        kept = [*results[:count], *results[count + len(state) :]]
        seeds = [rng.normal(size=a.shape) for a, (_, seed) in zip(results, its.outputs, strict=False) if seed]
        gradients = its.backward(seeds, given, params, kept)
        outputs = layer(**given)
        found = layer.backward(*seeds)
    for a, b in zip(results, outputs if isinstance(outputs, tuple) else (outputs,), strict=False):
        np.testing.assert_array_equal(a, b)
    for a, name in zip(results[count:], its.state, strict=False):
        np.testing.assert_array_equal(a, layer.state[name])
    expected = list(found if isinstance(found, tuple) else () if found is None else (found,))
    expected = [a for a in expected if a is not None] + [layer.grads[n] for n in its.params]
    for a, b in zip(gradients, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    apart = [*given.values(), *params, *state, *seeds, *results, *gradients, *other]
    for k, a in enumerate(apart):
        assert not any(np.may_share_memory(a, b) for b in apart[:k])
    assert all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
               for a, b in zip(before, (*given.values(), *params, *state), strict=True))  # fmt: skip


@together("name", TRIED)
def test_the_structure_follows_from_the_shapes(name: str) -> None:
    layer, given, params, state = drawn(name)
    with np.errstate(all="ignore"):
        one, other = Functional(layer), Functional(layer)
        results = one.forward(given, params, state)
    of_zeros = other.structure(given, params)
    assert of_zeros == one.structure(given, params)
    assert of_zeros.results == tuple((a.shape, a.dtype) for a in results)


@together("name", list(TEXTS))
def test_networks_of_several_outputs_and_shared_weights(name: str) -> None:
    own, x, rng = built(name), inputs(name), np.random.default_rng(1)
    its, params = Functional(own), [w.copy() for w in own.params.values()]
    given = dict(zip(its.inputs, x, strict=True))
    state = [a.copy() for a in own.state.values()]
    results = its.forward(given, params, state)
    y = own(*x)
    outputs = y if isinstance(y, tuple) else (y,)
    assert len(its.outputs) == len(outputs)
    after = [*outputs, *own.state.values()]
    for result, own_result in zip(results, after, strict=False):
        np.testing.assert_array_equal(result, own_result)
    seeds = [rng.normal(size=a.shape) for a, (_, seed) in zip(outputs, its.outputs, strict=True) if seed]
    kept = [*results[: len(outputs)], *results[len(after) :]]
    found = its.backward(seeds, given, params, kept)
    dx = own.backward(*seeds)
    expected = [a for a in (dx if isinstance(dx, tuple) else (dx,)) if a is not None]
    for one, other in zip(found, [*expected, *own.grads.values()], strict=True):
        np.testing.assert_array_equal(one, other)
    evaluated, predicted = its.evaluate(given, params, list(own.state.values())), own.predict(*x)
    for one, other in zip(evaluated, predicted if isinstance(predicted, tuple) else (predicted,), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_structures_do_not_pile_up() -> None:
    layer = g.ReLU()
    its = Functional(layer)
    for n in range(REMEMBERED + 10):
        its.forward({"x": np.zeros(n)}, [], [])
    assert len(its._structures) < REMEMBERED
    x = np.array([-1.0, 2.0])  # whose structure is forgotten
    np.testing.assert_array_equal(its.backward([np.ones(2)], {"x": x}, [], its.forward({"x": x}, [], [])), [[0, 1]])


class Noise:
    """A layer that draws numbers when it is called."""

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}
        self.state: dict[str, Array] = {}
        self.rng = np.random.default_rng(0)

    def __call__(self, x: Array) -> Array:
        noise = self.rng.random(x.shape)
        self._saved = (noise,)
        return x * noise

    def backward(self, dy: Array) -> Array:
        return dy * self._saved[0]


def test_shapes_are_found_without_drawing_numbers() -> None:
    layer = Noise()
    its = Functional(layer)
    assert its.structure({"x": np.zeros(3)}, []).results == (((3,), np.float64), ((3,), np.float64))
    y, noise = its.forward({"x": np.ones(3)}, [], [])
    np.testing.assert_array_equal(noise, np.random.default_rng(0).random(3))
    its.forward({"x": np.ones(3)}, [], [])
    np.testing.assert_array_equal(its.backward([np.ones(3)], {"x": np.ones(3)}, [], [y, noise]), [noise])


def test_what_is_kept_is_taken_apart_and_put_together() -> None:
    x, u, scalar = np.arange(6.0).reshape(2, 3), np.ones(2), np.float64(3)
    arrays: list[Any] = [x]
    saved = (x, (u, u), {"shape": (2, 3), "none": None}, [x[:], scalar], x.T, x[:1])
    structure = taken_apart(saved, arrays)
    assert [a is b for a, b in zip(arrays, (x, u, scalar), strict=False)] == [True] * 3
    assert len(arrays) == 5  # x.T and a part of x are other arrays
    again = put_together(structure, [a + 1 for a in arrays])
    np.testing.assert_array_equal(again[0], x + 1)
    assert again[1][0] is again[1][1]
    assert again[2] == {"shape": (2, 3), "none": None}
    np.testing.assert_array_equal(again[3][0], x + 1)
    assert again[3][1] == 4
    np.testing.assert_array_equal(again[4], x.T + 1)
