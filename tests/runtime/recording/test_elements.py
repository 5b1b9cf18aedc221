"""What stands for NumPy in a recorded call: functions of elements, brackets, choices, copies, sums over axes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradscribe.generated.runtime.arguments.arrays import Array
from gradscribe.generated.runtime.arguments.traced import Traced, Untraceable, traced
from gradscribe.generated.runtime.machine.memory import empty
from gradscribe.generated.runtime.recording.elements import OPERATIONS
from gradscribe.generated.runtime.recording.trace import Tracing
from tests.cases.together import together

pytestmark = pytest.mark.usefixtures("compiled")

KINDS = (np.float32, np.float64)
UNARY = tuple(word for word in OPERATIONS[OPERATIONS.index("negative") : OPERATIONS.index("greater")])
BINARY = ("add", "subtract", "multiply", "divide", "maximum", "minimum")
TESTS = ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal")


def computed(function: Callable[..., Any], *given: Array) -> Array:
    """What a function makes of arrays that are traced."""
    trace = Tracing()
    with traced(trace):
        found = function(*(a.view(Traced) for a in given))
    assert isinstance(found, Traced)
    assert trace.steps or not found.size
    return found.view(np.ndarray)


def same(function: Callable[..., Any], *given: Array) -> None:
    """As NumPy's, to 4 units in the last place."""
    expected, found = np.asarray(function(*given)), computed(function, *given)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    few = 4 * np.finfo(given[-1].dtype).eps
    defined = np.nan_to_num(np.abs(expected), nan=0)  # arccosh is of numbers from 1 on
    np.testing.assert_allclose(found, expected, few, few * float(np.max(defined, initial=1)))


def arrays(rng: np.random.Generator, kind: Any) -> tuple[Array, Array]:
    """Two arrays that are broadcast, of odd strides: positive numbers, some of them equal."""
    shape = tuple(rng.integers(1, 20, 3).tolist())
    other = tuple(n if rng.random() < 0.6 else 1 for n in shape[rng.integers(3) :])
    one, two = (np.round(rng.uniform(0.1, 3, s), 1).astype(kind) for s in (shape, other))
    turned = one.transpose(2, 0, 1).copy().transpose(1, 2, 0)
    return [one, turned, np.repeat(one, 2, axis=1)[:, ::2], one[::-1]][rng.integers(4)], two


@together("shape", [(3, 700, 16), (2, 1000, 5), (9000, 1, 2), (3, 20_000), (8200, 33)])
def test_more_than_one_block(shape: tuple[int, ...]) -> None:
    """Of short rows several make a block, of long ones a piece; the last one is what is left."""
    rng = np.random.default_rng(2)
    one, two = rng.normal(size=(2, *shape))
    for first in (one, np.repeat(one, 2, axis=-1)[..., ::2], one[:, ::-1], np.repeat(one, 2, axis=0)[::2]):
        same(np.add, first, two)
        same(np.multiply, first, two[-1])
        same(lambda a, b: np.where(a > b, a, b), first, two[:1])


@together("kind", KINDS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_functions_of_one_and_of_two(kind: Any) -> None:
    rng = np.random.default_rng(0)
    for word in (*UNARY, *BINARY):
        for _ in range(3):
            one, two = arrays(rng, kind)
            function = getattr(np, word)
            same(function, *((one,) if word in UNARY else (one, two)))
            same(lambda a, f=function, w=word: f(a) if w in UNARY else f(2, a), one)


@together("kind", KINDS)
def test_what_ends_in_nan_and_infinity(kind: Any) -> None:
    ends = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1, 2], kind)
    with np.errstate(all="ignore"):
        for word in ("maximum", "minimum", "add", "divide", *TESTS):
            function = getattr(np, word)
            found, expected = computed(function, ends[:, None], ends), function(ends[:, None], ends)
            np.testing.assert_array_equal(found, expected, err_msg=word)
        for word in ("exp", "log", "tanh", "sqrt", "absolute", "negative"):
            np.testing.assert_allclose(computed(getattr(np, word), ends), getattr(np, word)(ends), 1e-6, err_msg=word)


@together("kind", KINDS)
def test_brackets_and_choices(kind: Any) -> None:
    rng = np.random.default_rng(1)
    for word in TESTS:
        for _ in range(3):
            one, two = arrays(rng, kind)
            function = getattr(np, word)
            same(lambda a, b, f=function: np.where(f(a, b), a, 0), one, two)
            same(lambda a, b, f=function: f(a, b) * a, one, two)
            same(lambda a, b, f=function: np.where(~f(a, b) | (a > 1) & (b > 1), b, a), one, two)
            same(lambda a, b, f=function: f(a, b).astype(a.dtype), one, two)


@together("kind", KINDS)
def test_sums_and_extrema_over_any_axes(kind: Any) -> None:
    rng = np.random.default_rng(2)
    for _ in range(40):
        shape = tuple(rng.integers(1, 9, rng.integers(1, 5)).tolist())
        a = rng.uniform(0.5, 1, shape).astype(kind)
        axes = tuple(rng.permutation(len(shape))[: rng.integers(1, len(shape) + 1)].tolist())
        keep = bool(rng.integers(2))
        for turned in (a, a.T.copy().T):
            same(lambda a, x=axes, k=keep: a.sum(axis=x, keepdims=k), turned)
            same(lambda a, x=axes, k=keep: np.max(a, axis=x, keepdims=k, initial=-np.inf), turned)
            same(lambda a, x=axes, k=keep: np.minimum.reduce(a, axis=x, keepdims=k), turned)


@pytest.mark.parametrize("shape", [(3, 70_000), (70_000, 3), (2, 40_000, 5), (1, 1, 1), (4, 0), (0, 4)])
def test_long_and_empty_sums(shape: tuple[int, ...]) -> None:
    a = np.random.default_rng(3).uniform(0, 1, shape).astype(np.float32)
    for axis in range(len(shape)):
        found = computed(lambda a, x=axis: a.sum(axis=x, dtype=np.float64).astype(np.float32, copy=False), a)
        np.testing.assert_allclose(found, a.sum(axis=axis, dtype=np.float64), 2e-7)


def test_writing() -> None:
    a = np.arange(24, dtype=np.float32).reshape(2, 3, 4)

    def written(a: Any) -> Any:
        found = empty((2, 3, 4), np.float32)
        found[...] = 7
        found[1, :, 1:3] = a[0, :, 2:]
        found[0, 2] *= a[1, 2, ::-1]
        found[:, 0] += a[:, 0].sum(axis=-1, keepdims=True)
        np.copyto(found[:, 1], a[:, 2])
        found -= 1
        return found

    same(written, a)


@pytest.mark.parametrize(
    "refused",
    [
        lambda a: float(a[0, 0]),
        lambda a: bool(a[0, 0]),
        lambda a: a.argmax(),
        lambda a: a[[0, 1]],
        lambda a: a[a > 0],
        lambda a: np.concatenate([a, a]),
        lambda a: np.cumsum(a, axis=0),
        lambda a: a.astype(np.float64),
        lambda a: a + np.float64(1),
        lambda a: a + np.ones(3),
        lambda a: a @ a,
        np.add.accumulate,
        lambda a: np.power(a, 3),
        lambda a: a.T.reshape(-1),
        lambda a: a.tolist(),
        lambda a: np.add(a[1:], a[:-1], out=a[1:]),
        lambda a: [*a.flat],
    ],
)
def test_what_looks_at_elements_otherwise_is_refused(refused: Callable[[Any], Any]) -> None:
    with pytest.raises(Untraceable):
        computed(refused, np.ones((3, 3), np.float32))
