"""Blocks of a network as functions: they compute what the same layers compute without blocks, in less memory."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from gradscribe import network
from gradscribe.codegen.driver import compile_layer, emitted
from gradscribe.codegen.kernel.network_kernels import NetworkKernels, network_kernels
from gradscribe.codegen.numpy.network.planning.network_plans import backward_plan, forward_plan, predict_plan
from gradscribe.codegen.numpy.plan import Invoke, effects
from gradscribe.derive.composition import Network, compose, concrete
from tests.cases.thorough import some

RESIDUAL = """
input x[N, 6, 6, 2]
block unit(k) = sum: residual(conv: conv2d(k, 3, padding=1, bias=false) -> norm: batch_norm -> relu1: relu
  -> last: conv2d(k, 3, padding=1)) -> relu2: relu
block half(k) = conv: conv2d(k, 2, stride=2) -> tanh1: tanh
first: conv2d(3, 3, padding=1) -> a: unit(3) -> b: unit(3) -> c: half(4) -> d: unit(4) -> e: half(4)
-> flatten -> dense(3)
"""
CHAIN = """
input x[N, 5]
block unit(k) = inner: dense(k) -> act: gelu -> drop: dropout(p=0.25)
before: dense(4) -> a: unit(4) -> b: unit(4) -> c: unit(4) -> after: dense(2)
"""
OPEN = """
input x[N, H, W, 3]
block unit = conv: conv2d(3, 3, padding=1) -> act: silu
before: conv2d(3, 1) -> a: unit -> b: unit -> pool: max_pool2d(2)
"""
ACROSS = """
input x[N, 4, 4, 2]
block unit(k) = conv: conv2d(k, 1) -> act: tanh
before: conv2d(2, 1) -> a: unit(2)
b: unit(2)
(a, b) -> joined: concatenation
c: unit(3) -> d: unit(3)
(before, d) -> concatenation -> last: conv2d(2, 1)
"""
ENDS = """
input x[N, 4, 4, 2]
block unit = conv: conv2d(2, 1) -> act: tanh
a: unit -> b: unit -> c: unit
"""
COPIES = """
input x[N, 2, 2, 3]
block back = flat: flatten
before: conv2d(3, 1) -> tanh -> a: back -> dense(4) -> tanh -> dense(2)
"""
FIRST = """
input x[N, 5]
block unit(k) = inner: dense(k) -> act: tanh
before: tanh -> a: unit(5) -> b: unit(5) -> dense(2)
loss softmax_cross_entropy
"""
TEXTS = {
    "residual": RESIDUAL,
    "chain": CHAIN,
    "open": OPEN,
    "across": ACROSS,
    "ends": ENDS,
    "copies": COPIES,
    "first": FIRST,
}


@cache
def net(name: str, blocks: bool = True) -> Network:
    """A network of the texts above; without blocks of the same nodes."""
    found = network(TEXTS[name], "net")
    return found if blocks else without_blocks(found)


@cache
def module(name: str, blocks: bool = True) -> Any:
    return compile_layer(net(name, blocks))


@cache
def kernels(name: str) -> NetworkKernels:
    return network_kernels(net(name))


def without_blocks(net: Network) -> Network:
    """The same nodes, none of them in a block."""
    plain = tuple(replace(node, block="", instance="") for node in net.nodes)
    shapes = {t.name: tuple(str(e) for e in t.shape) for t in net.given}
    numbers = {str(s): int(v) for s, v in net.values if v.is_Integer}
    inputs = {name: tuple(numbers.get(e, e) for e in shape) for name, shape in shapes.items()}
    given = {n: s for n, s in inputs.items() if n not in net.part}
    return compose(net.name, plain, net.nodes[-1].name, inputs=given, class_name=net.class_name, loss=net.loss)


def runs(name: str, dtype: Any, blocks: bool = True, buffers: Any = None) -> Iterator[np.ndarray]:
    """All that a network computes, for batches of several sizes, in memory that has been used."""
    layer = module(name, blocks).Net(dtype=dtype, rng=0)
    arrays = concrete(net(name)).given
    rng = np.random.default_rng(1)
    for weight in layer.params.values():
        weight += 0.3 * rng.normal(size=weight.shape).astype(dtype)
    if buffers is not None:
        layer.buffers = buffers
    for batch in (3, 0, 2):
        sizes = {"N": batch, "H": 4, "W": 7}
        shapes = [[int(e) if e.is_Integer else sizes[str(e)] for e in t.shape] for t in arrays]
        given = [np.asarray(rng.normal(size=shape), dtype) for shape in shapes]
        with np.errstate(all="ignore"):
            y = layer(*given)
            dy = np.asarray(rng.normal(size=y.shape), dtype)
            yield from (y, layer.backward(dy), *layer.grads.values(), *layer.state.values(), layer.predict(given[0]))
    assert list(layer.grads) == list(layer.params)


@pytest.mark.parametrize("name", some(TEXTS, 1, first=1))
@pytest.mark.parametrize("dtype", some([np.float64, np.float32], 1))
def test_blocks_compute_what_their_layers_compute(name: str, dtype: Any) -> None:
    tolerance = 2e-5 if dtype == np.float32 else 1e-12
    for found, expected in zip(runs(name, dtype), runs(name, dtype, blocks=False), strict=True):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", some(TEXTS, 3, first=1))
def test_nothing_reads_what_a_block_or_the_network_gave_back(name: str) -> None:
    """What goes back to the buffers is spoiled at once; an array goes back once only."""

    class Spoiling(module(name).rt.Buffers):  # type: ignore[misc]
        def give(self, *arrays: np.ndarray) -> None:
            for array in arrays:
                array.fill(np.nan)
            super().give(*arrays)

    for found, expected in zip(runs(name, np.float64, buffers=Spoiling()), runs(name, np.float64), strict=True):
        np.testing.assert_array_equal(found, expected)


def functions(name: str) -> dict[str, list[str]]:
    """Which places every function of a block computes, in training."""
    found: dict[str, list[str]] = {}
    for record in forward_plan(kernels(name)).memory.plan.records:
        if isinstance(record, Invoke):
            found.setdefault(record.function, []).append(record.place)
    return found


def test_places_that_compute_the_same_share_a_function() -> None:
    assert functions("residual") == {"_unit_forward": ["a", "b", "d"], "_half_forward": ["c", "e"]}
    assert functions("chain") == {"_unit_forward": ["a", "b", "c"]}
    assert functions("open") == {"_unit_forward": ["a", "b"]}


def test_what_a_caller_is_given_is_made_by_the_network_itself() -> None:
    """The gradient of the input at the first place, the output at the last one."""
    assert functions("ends") == {"_unit_forward": ["b"]}


def test_gradients_of_weights_are_there_without_that_of_the_input() -> None:
    """No weight stands before the first block: what it makes but for them is for the gradient of the input only."""
    assert functions("first") == {"_unit_forward": ["a", "b"]}
    layer, x, labels = module("first").Net(dtype=np.float64, rng=0), np.ones((3, 5)), np.array([0, 1, 1])
    layer.loss(layer(x), labels)
    assert layer.backward() is None
    found = {key: array.copy() for key, array in layer.grads.items()}
    plain = module("first", False).Net(dtype=np.float64, rng=0)
    plain.loss(plain(x), labels)
    plain.backward()
    for key, array in found.items():
        np.testing.assert_allclose(array, plain.grads[key], rtol=1e-12, atol=1e-12)


def test_a_size_that_is_called_like_an_argument_of_the_function_is_refused() -> None:
    text = "input image[N, net]\nblock unit = inner: dense(3) -> tanh\ntanh -> a: unit -> b: unit -> dense(2)"
    with pytest.raises(ValueError, match="block unit: argument and size would be called net; rename one of them"):
        emitted(network(text, "net"))


def test_a_value_that_others_read_too_is_no_ones_to_add_to() -> None:
    """The gradients of `before` and of the value of a have parts from outside: neither a nor b is shared."""
    assert functions("across") == {"_unit_forward": ["c", "d"]}


def test_records_of_calls_say_what_is_read_and_made() -> None:
    k = kernels("residual")
    for plan, makes in ((forward_plan(k), "state saved"), (predict_plan(k), ""), (backward_plan(k), "gradients")):
        call = next(r for r in plan.memory.plan.records if isinstance(r, Invoke) and r.place == "b")
        assert [name for name, _ in call.groups] == [f"b_{what}" for what in makes.split()]
        assert set(call.arrays) <= effects(call).reads
        assert set(effects(call).made) == set(call.results)


def test_a_function_says_its_rows_and_its_places() -> None:
    made = emitted(net("residual"))
    assert "rows are those at a." in made.docs["_unit_forward"]
    head = " ".join(made.docs[""].split())
    assert "Block unit: (1) to (8), a and b (H = 6, C = 3); (1) to (8), d (H = 3" in head
    assert "half: (9) to (10), c (H = 6, C = 3, H′ = 3); (9) to (10), e (H = 3, C = 4, H′ = 1)." in head
    assert "(1) last_u[n,i,j,k] = Σ_{r,t,c} last_w[r,t,c,k] relu1_y[n, i+r−1, j+t−1, c]" not in head
    assert "    # (1) last_u[n,i,j,k] = Σ_{r,t,c} last_w[r,t,c,k] relu1_y[n, i+r−1, j+t−1, c]\n" in made.text
    assert " b unit a (N, 6, 6, 3) 171 " in head
    assert " conv conv2d x (N, H, H, C) w (3, 3, C, C) 9C² " in head
    assert "# (1) to (5), (7), b" not in made.text  # those at a, which the function's statements have
    assert "# (28), (33) to (35), (44), (50), (58), b" in made.text
    assert not [name for name in made.public if name.startswith("_")]


@pytest.mark.thorough
def test_what_is_not_finite_within_a_block_is_named() -> None:
    judged = network(RESIDUAL.replace("-> dense(3)", "-> dense(3)\nloss softmax_cross_entropy"), "net")
    layer = compile_layer(judged).Net(rng=0)
    layer.params["b_conv.w"][:] = np.float32(3e38)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=r"b_norm\.[vh] of b_norm \(batch_norm\)"):
        layer.loss(layer(np.ones((2, 6, 6, 2), np.float32)), np.array([0, 1]))


@pytest.mark.thorough
def test_gradients_of_gradients_read_what_blocks_kept() -> None:
    plain = network(CHAIN.replace(" -> drop: dropout(p=0.25)", ""), "net")
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(3, 5)), rng.normal(size=(3, 2))
    found = []
    for made in (plain, without_blocks(plain)):
        layer = compile_layer(made, order=2).Net(dtype=np.float64, rng=0)
        layer(x)
        directions = {"x": np.ones_like(x), **{key: np.ones_like(w) for key, w in layer.params.items()}}
        found.append(layer.double_backward({"dy": dy}, directions))
    assert list(found[0]) == list(found[1])
    for key, array in found[0].items():
        np.testing.assert_allclose(array, found[1][key], rtol=1e-12, atol=1e-12)
