"""Functions that a network's functions share: what is alike but for names and sizes is computed by one of them."""

import ast
import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from gradscribe import network
from gradscribe.codegen.driver import compile_layer, emitted
from gradscribe.codegen.loops import Correspondence
from gradscribe.codegen.numpy.network import network_source
from gradscribe.codegen.numpy.network.sharing import shared_functions
from gradscribe.codegen.numpy.network.sharing.general_extents import Extents
from gradscribe.codegen.numpy.plan import Allocate
from gradscribe.codegen.python.names import Names
from gradscribe.derive.composition import Network
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.term import Range

NORMS = """
input x[N, 6, 5, 2]
n1: batch_norm -> a1: tanh -> p1: max_pool2d(2) -> n2: batch_norm -> a2: tanh -> flatten -> dense(2)
"""
POOLS = """
input x[N, 32, 32, 1]
c1: conv2d(4, 5) -> s1: scaled_tanh -> p1: subsampling2d -> c2: conv2d(6, 5) -> s2: scaled_tanh -> p2: subsampling2d
-> flatten -> dense(3)
"""
OPEN = """
input x[N, H, W, 3]
c1: conv2d(5, 1) -> n1: batch_norm -> r1: relu -> c2: conv2d(5, 1) -> n2: batch_norm -> r2: relu -> c3: conv2d(4, 1)
"""
OTHERS = """
input x[N, 6, 6, 2]
c1: conv2d(3, 1) -> e1: elu(alpha=0.5) -> c2: conv2d(3, 1) -> e2: elu(alpha=0.25) -> c3: conv2d(3, 1)
"""


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is shared."""
    monkeypatch.setattr(shared_functions, "alike", lambda drafts: [])


def made(text: str) -> Network:
    return network(text, "net")


def shared(text: str) -> dict[str, int]:
    """The functions that are no place's, and how often they are called."""
    code = emitted(made(text)).text
    found = [f.name for f in ast.parse(code).body if isinstance(f, ast.FunctionDef) and f.name.startswith("_")]
    return {name: len(re.findall(rf"= {name}\(", code)) for name in found}


def results(module: ModuleType, backend: str, shape: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(5)
    x = rng.standard_normal(shape)
    with module.rt.settings(backend=backend):
        own = (module.Net if hasattr(module, "Net") else module.Alone)(dtype=np.float64, rng=3)
        y = own(x)
        dx = own.backward(rng.standard_normal(y.shape))
        return [y, dx, own.predict(x), *own.grads.values(), *own.state.values()]


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        (POOLS, (2, 32, 32, 1)),
        (OPEN, (2, 40, 37, 3)),
        (OPEN, (0, 3, 1, 3)),
    ],
)
@pytest.mark.parametrize("backend", ["numpy", "compiled"])
def test_the_same_numbers_as_without(
    text: str, shape: tuple[int, ...], backend: str, request: pytest.FixtureRequest
) -> None:
    together = results(compile_layer(made(text)), backend, shape)
    request.getfixturevalue("apart")
    apart = network(text, "alone")  # what is of another name was not compiled before
    alone = results(compile_layer(apart), backend, shape)
    assert len(together) == len(alone) > 5
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13, equal_nan=True)


def test_layers_of_other_sizes_share_their_functions() -> None:
    assert shared(POOLS) == {"_conv2d_scaled_tanh_subsampling2d_forward": 4, "_subsampling2d_backward": 4}
    assert shared(OPEN) == {"_conv2d_batch_norm_relu_forward": 2, "_relu_batch_norm_backward": 2}


def test_what_counts_with_numbers_of_its_own_is_not_shared() -> None:
    """A mean over 30 N numbers is none over 6 N."""
    assert shared(NORMS) == {}


def test_sizes_that_no_shape_tells_are_given() -> None:
    """LeNet-5's pools: the function is given the images that are pooled, and how large the result is."""
    text = emitted(made(POOLS)).text
    given = re.findall(r"= (_\w+)\(net, c\d_u, c\d_b, (\w+)=(\d+)\)", text)
    (name, size), *others = {(name, size) for name, size, _ in given}
    assert not others
    assert f"net: rt.Pass, u: rt.Array, b: rt.Array, *, {size}: int" in text.partition(f"def {name}(")[2]
    assert sorted(int(number) for *_, number in given) == [5, 5, 14, 14]


def test_other_numbers_are_not_alike() -> None:
    assert not any("elu" in name and "backward" in name for name in shared(OTHERS))


def test_a_shared_function_is_no_longer_than_what_it_replaces() -> None:
    text = emitted(made(OPEN)).text
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_functions, "alike", lambda drafts: [])
        alone = network_source(made(OPEN), 1).text
    assert text.count("\n") < alone.count("\n")


N, K, H = (integer(name) for name in "NKH")


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (Allocate("a", (N, K), None), Allocate("b", (N, K), None), True),
        (Allocate("a", (N, K), None), Allocate("b", (H, H), None), True),  # both sizes may be one there
        (Allocate("a", (N, N), None), Allocate("b", (N, K), None), False),  # one cannot be two
        (Allocate("a", (N, K), None), Allocate("b", (N, K), 0.0), False),
        (Allocate("a", (N, K), None), Allocate("b", (N, K, K), None), False),
    ],
)
def test_records_that_correspond(one: Allocate, other: Allocate, alike: bool) -> None:
    assert Correspondence().enter(one, other) is alike


def test_arrays_stand_for_one_another_one_by_one() -> None:
    pair = Allocate("a", (N,), None), Allocate("b", (N,), None)
    same = Allocate("c", (N,), None), Allocate("c", (N,), None)
    assert not Correspondence().enter(pair, same)
    assert not Correspondence().enter(same, pair)
    assert Correspondence().enter(pair, pair[::-1])


def test_a_multiple_that_differs_is_a_size_of_its_own() -> None:
    """As between the levels of a U-Net: 4 H rows here are 2 H there."""
    other = Correspondence()
    assert other.enter(Allocate("a", (N, 4 * H, K), None), Allocate("b", (N, 2 * H, K), None))
    found = Extents([Correspondence(), other], Names(()))
    found.enter([(N, 4 * H, K)], [Range(integer("i"), 4 * H)], other.extents)
    assert found.put == {4 * H: integer("I")}
    assert [found.value(integer("I"), run) for run in range(2)] == [4 * H, 2 * H]
