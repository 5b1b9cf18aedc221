"""Places of a block that differ in sizes share a function: it computes what functions of their own compute."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from sympy import Add, Integer, Rational

from gradscribe import network
from gradscribe.codegen.driver import compile_layer, emitted
from gradscribe.codegen.kernel.blocks import parts
from gradscribe.codegen.kernel.blocks.parts import PlacedPart
from gradscribe.codegen.kernel.blocks.size_symbols import Sizes
from gradscribe.codegen.kernel.blocks.unify import UnlikeError, Use, put, skeleton, unified
from gradscribe.codegen.kernel.network_kernels import NetworkKernels, network_kernels
from gradscribe.codegen.loops import FEWEST_STEPS
from gradscribe.codegen.numpy.network.planning.network_plans import backward_plan, forward_plan, predict_plan
from gradscribe.derive.composition import Network
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.term import Access
from gradscribe.generated.runtime.machine import compiled
from tests.cases.thorough import some

AREAS = """
input x[N, 8, 8, 2]
block unit(k) = conv: conv2d(k, 3, padding=1, bias=false) -> norm: batch_norm -> act: silu
block half(k) = conv: conv2d(k, 2, stride=2) -> pool: max_pool2d(3, stride=1, padding=1)
before: conv2d(4, 1) -> a: unit(4) -> b: half(8) -> c: unit(8) -> d: half(6) -> e: unit(6) -> last: conv2d(2, 1)
"""
"""At b the height is the number of new channels, and what is left of it the number of old ones."""
FLAT = """
input x[N, 4, 4, 2]
block head(k) = conv: conv2d(k, 1) -> flat: flatten -> inner: dense(5) -> act: tanh
before: conv2d(3, 1) -> sum: residual(one: max_pool2d(2) -> a: head(3), two: tanh -> b: head(2)) -> last: dense(2)
"""
"""What is flattened is a product of sizes."""
SHIFTED = """
input x[N, 7, 7, 2]
block padded(p, k) = pad: zero_pad2d(p) -> conv: conv2d(k, 3) -> act: tanh
before: conv2d(2, 1) -> a: padded(2, 3) -> b: padded(3, 5) -> c: padded(5, 2) -> last: conv2d(2, 1)
"""
"""The paddings are no products of sizes."""
UNLIKE = """
input x[N, 6, 6, 2]
block unit(p) = conv: conv2d(2, 3, padding=p) -> act: tanh
block leak(s) = act: leaky_relu(s) -> conv: conv2d(2, 1)
before: conv2d(2, 1) -> a: unit(1) -> b: unit(0) -> c: leak(0.1) -> d: leak(0.2) -> last: conv2d(2, 1)
"""
"""A padding of 0 leaves nothing to subtract; a slope is no size."""
NORMS = """
input x[N, 4, 4, 2]
block unit(k) = conv: conv2d(k, 1) -> norm: batch_norm -> act: tanh
before: conv2d(3, 1) -> a: unit(4) -> b: unit(3) -> last: conv2d(2, 1)
"""
TEXTS = {"areas": AREAS, "flat": FLAT, "shifted": SHIFTED, "unlike": UNLIKE}
SHARED = {
    "areas": {"unit": ["a", "c", "e"], "half": ["b", "d"]},
    "flat": {"head": ["a", "b"]},
    "shifted": {"padded": ["a", "b", "c"]},
    "unlike": {"unit": ["a"], "unit2": ["b"], "leak": ["c"], "leak2": ["d"]},
}


@cache
def net(text: str, name: str = "net") -> Network:
    return network(TEXTS[text], name)


def never(*_: Any) -> Any:
    """Nothing stands for a number: a function for every size."""
    raise UnlikeError("no size")


def places(k: NetworkKernels) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for place, word in k.blocks.items():
        found.setdefault(word, []).append(place)
    return found


@pytest.mark.parametrize("name", some(TEXTS, 1, first=1))
def test_a_shared_function_computes_what_those_of_every_size_do(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory whose peak is theirs; and places that differ in sizes only do share one."""
    shared, made = network_kernels(net(name)), compile_layer(net(name))
    assert places(shared) == SHARED[name]
    monkeypatch.setattr(parts, "unified", never)
    other = net(name, "apart")  # what is made of an equal one is kept
    apart = network_kernels(other)
    assert len(set(places(apart))) > len(SHARED[name]) or name == "unlike"
    for found, expected in zip(runs(made.Net, name), runs(compile_layer(other).Apart, name), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    for plan in (forward_plan, predict_plan, backward_plan):
        assert plan(shared).memory.peak == plan(apart).memory.peak


def runs(cls: Any, name: str) -> Iterator[np.ndarray]:
    """All that a network computes."""
    layer, rng = cls(dtype=np.float64, rng=0), np.random.default_rng(1)
    for weight in layer.params.values():
        weight += 0.3 * rng.normal(size=weight.shape)
    size = {"shifted": 7, "flat": 4, "unlike": 6}.get(name, 8)
    for batch in (3, 1):
        y = layer(rng.normal(size=(batch, size, size, 2)))
        yield from (y, layer.backward(rng.normal(size=y.shape)), *layer.grads.values(), *layer.state.values())
        yield layer.predict(rng.normal(size=(batch, size, size, 2)))


def sizes_at(name: str, place: str) -> dict[str, int]:
    found = (p for p in network_kernels(net(name)).parts["net"] if isinstance(p, PlacedPart))
    return {s.name: int(n) for part in found if part.place.name == place for s, n in part.sizes.items()}


@pytest.mark.thorough
def test_sizes_are_called_as_the_layers_call_them() -> None:
    assert sizes_at("areas", "c") == {"H": 4, "C": 8}
    assert sizes_at("areas", "b") == {"H": 8, "C": 4, "H_out": 4, "K": 8}
    assert sizes_at("areas", "d") == {"H": 4, "C": 8, "H_out": 2, "K": 6}


@pytest.mark.thorough
def test_sizes_that_no_array_tells_are_given_by_name() -> None:
    text = emitted(net("areas")).text
    assert "    N, H, _, C = x.shape\n" in text
    assert 'net.at("b"), a_act_y, H_out=4, K=8' in " ".join(text.split())
    assert "rt.ratio(1, H**2 * N)" in text


@pytest.mark.thorough
def test_no_loops_are_written_for_what_is_small_at_every_place() -> None:
    """New running statistics are a few operations on a vector of channels."""
    assert FEWEST_STEPS == compiled.FEWEST_STEPS
    text = emitted(network(NORMS, "net")).text
    assert "norm_new_mean = " in text
    assert "wanted(" not in text.partition("norm_new_mean = ")[2].partition("\n\n\n")[0]


# ----- records and numbers --------------------------------------------------------------------------------------------
H, C, N, i = integers("H C N i")
X, Y = Access("x", i), Access("y", i)


def test_what_differs_in_numbers_has_one_skeleton() -> None:
    assert skeleton(16 * X + 3 * Y) == skeleton(2 * X + 8 * Y)
    assert skeleton(X**2) != skeleton(X**3)
    assert skeleton(2 * X) != skeleton(X)
    assert skeleton(0.5 * X) != skeleton(0.25 * X)
    assert skeleton(Access("x", i - 1)) == skeleton(Access("x", i - 2))
    assert skeleton(Access("x", i - 1)) != skeleton(Access("x", i))


def sizes() -> Sizes:
    """Heights (32, 8) and channels (16, 64); an image has two axes of the height."""
    high, channels = (Integer(32), Integer(8)), (Integer(16), Integer(64))
    area = (Integer(1024), Integer(64))
    return Sizes({high: "H", channels: "C"}, {area: (high, high)}, {"size"})


def test_a_number_is_a_size_a_fraction_of_an_area_or_a_size_of_its_own() -> None:
    found = sizes()
    versions = [X / (1024 * N) + Y / 10, X / (64 * N) + Y / 10]
    assert unified(versions, found) == X / (H**2 * N) + Y / 10
    assert unified([X / 512, X / 32], found) == 2 * X / H**2
    assert unified([X / 8, X / 32], found) == 2 * X / C
    assert unified([Add(X, -32), Add(X, -8)], found) == X - H
    own = unified([Access("x", i - 7), Access("x", i - 3)], found)
    (size,) = own.free_symbols - {i}
    assert (own, size.name) == (Access("x", i - size), "size2")
    assert [put(own, found.numbers(k)) for k in range(2)] == [Access("x", i - 7), Access("x", i - 3)]


def test_a_position_is_no_fraction_of_a_size() -> None:
    """16 and 4 are halves of the heights, which says nothing about a shift."""
    moved = unified([Access("x", i - 16), Access("x", i - 4)], sizes())
    assert H not in moved.free_symbols


@pytest.mark.parametrize("numbers", [(Rational(1, 3), Rational(1, 7)), (Integer(2), Integer(-3))])
def test_numbers_that_are_no_sizes_are_refused(numbers: tuple[Rational, ...]) -> None:
    with pytest.raises(UnlikeError, match="expected natural numbers or fractions of sizes"):
        sizes()(numbers, Use.VALUE)


def test_the_place_with_most_work_decides_how_a_block_is_computed() -> None:
    """At c an image has fewer elements than a kernel, so that sums over its elements would be shorter there."""
    small = """
    input x[N, 8, 8, 2]
    block unit(k) = conv: conv2d(k, 3, padding=1) -> pool: max_pool2d(2)
    before: conv2d(4, 1) -> a: unit(4) -> b: unit(4) -> c: unit(4) -> flat: flatten -> last: dense(2)
    """
    text = emitted(network(small, "small")).text
    assert "dx[m,q,v,e] = Σ_{r,t,k} conv_w[r,t,e,k] dconv_u[m, q+1−r, v+1−t, k]" in text
