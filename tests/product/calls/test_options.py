"""The values that options may have: what is outside is refused at every entrance, by functions, classes and texts."""

import importlib
import inspect
import math
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe import generated, network
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.derive.composition import NetworkError
from gradscribe.derive.derivation import derive as derivation
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.language import LanguageError
from gradscribe.derive.layer.interface import Kind
from gradscribe.derive.layer.interval import FINITE, Interval
from gradscribe.derive.layer.sampling import sample_sizes
from gradscribe.generated.avg_pool2d import avg_pool2d_forward, avg_pool2d_grad_input
from gradscribe.generated.conv2d import conv2d_forward
from gradscribe.generated.hard_tanh import hard_tanh_forward
from gradscribe.generated.max_pool2d import max_pool2d_forward
from gradscribe.generated.zero_pad2d import zero_pad2d_forward
from tests.cases.catalogue import TRIED
from tests.cases.catalogue import layer as catalogue_layer
from tests.cases.layers import random_values, sampled_case
from tests.cases.together import together

UNLIMITED = {("constant_pad2d", "value"), ("hard_tanh", "min_val"), ("hard_tanh", "max_val")}


def outside(values: Interval) -> Iterator[float]:
    """Numbers beside an interval."""
    yield from (math.inf, -math.inf, math.nan)
    if values.low > -math.inf:
        yield float(values.low) if values.above else math.nextafter(values.low, -math.inf)
        yield values.low - 1.0
    if values.high < math.inf:
        yield float(values.high) if values.below else math.nextafter(values.high, math.inf)
        yield values.high + 1.0
    if values.without is not None:
        yield float(values.without)


def test_every_real_option_has_a_range_but_those_that_may_be_infinite() -> None:
    open_ones = {
        (name, o.name)
        for name in LAYERS
        for o in catalogue_layer(name).options
        if o.kind is Kind.NUMBER and o.values is None
    }
    assert open_ones == UNLIMITED
    for make in OPTIMISERS.values():
        assert all(o.values is not None for o in make().layer.options if o.kind is not Kind.FLAG)


@together("name", TRIED)
def test_numbers_out_of_range_are_refused(name: str) -> None:
    limits = {o.name: o.values for o in catalogue_layer(name).options if o.kind is Kind.NUMBER and o.values is not None}
    if not limits:
        return
    case = sampled_case(name, np.random.default_rng(3))
    values = random_values(case, np.random.default_rng(4))
    module = importlib.import_module(f"gradscribe.generated.{name}")
    forward, cls = getattr(module, f"{name}_forward"), getattr(module, case.layer.class_name)
    arrays = [values.get(t.name) for t in case.layer.program.inputs]
    needed = {
        p.name: case.options.get(p.name, 2)
        for p in list(inspect.signature(cls).parameters.values())
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    }
    for option, wrong in ((option, wrong) for option, allowed in limits.items() for wrong in outside(allowed)):
        message = rf"^{name}: argument {option}: expected .*, received {wrong!r}$".replace("+", r"\+")
        with pytest.raises(ValueError, match=message):
            forward(*arrays, **{**case.options, option: wrong})
        with pytest.raises(ValueError, match=message):
            cls(**{**needed, option: wrong})
        with pytest.raises(EquationError, match=f"{name}: {option} must be"):
            derivation(catalogue_layer(name), settings={option: repr(wrong)})


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers_refuse_what_is_out_of_range(name: str) -> None:
    optimiser = OPTIMISERS[name]()
    cls = getattr(generated, optimiser.class_name)
    for option in optimiser.settings:
        for wrong in outside(option.values) if option.values is not None else ():
            with pytest.raises(ValueError, match=rf"^{name}: argument {option.name}: expected"):
                cls({}, **{option.name: wrong})
            built = cls({"w": np.zeros(1)})
            setattr(built, option.name, wrong)
            with pytest.raises(ValueError, match=rf"^{name}: argument {option.name}: expected"):
                built.step({"w": np.zeros(1)})


def test_limits_of_a_clip_are_ordered_and_no_nan() -> None:
    for limits in ({"min_val": 2.0}, {"max_val": -2.0}, {"min_val": math.nan}, {"max_val": math.nan}):
        with pytest.raises(ValueError, match=r"^hard_tanh: argument min_val: expected at most max_val, received "):
            generated.HardTanh(**limits)
        with pytest.raises(ValueError, match="hard_tanh: argument min_val"):
            hard_tanh_forward(np.ones(3), **limits)
    np.testing.assert_array_equal(generated.HardTanh(min_val=0, max_val=math.inf)(np.array([-1.0, 9.0])), [0.0, 9.0])
    with pytest.raises(NetworkError, match="expected at most max_val, received 2"):
        network("input x[N, 3]\nhard_tanh(min_val=2)")
    with pytest.raises(EquationError, match="min_val must be at most max_val"):
        derivation(catalogue_layer("hard_tanh"), settings={"min_val": "2.5", "max_val": "1"})


@together("name", TRIED)
def test_samples_are_within_the_ranges(name: str) -> None:
    layer = catalogue_layer(name)
    for seed in range(5):
        sizes = sample_sizes(layer, np.random.default_rng(seed))
        for option in layer.options:
            assert all(sizes[s] in (option.values or FINITE) for s in option.symbols if s in sizes)


# ----- in texts -------------------------------------------------------------------------------------------------------
def test_a_text_declares_ranges() -> None:
    layer = gradscribe.layer("p = 0.5; 0 <= p < 1; s = 2; 1 <= s < 4; a = 1.0; a != 0; y[n] = p * x[s*n] / a")
    found = {o.name: o.values for o in layer.options}
    assert found == {"p": Interval(0, 1, below=True), "s": Interval(1, 3), "a": Interval(without=0)}
    module: Any = layer.compile()
    x = np.arange(9.0)
    np.testing.assert_allclose(module.layer_forward(x, p=0.25, s=3, a=-2), x[::3] * 0.25 / -2)
    for wrong in ({"p": 1}, {"p": -0.1}, {"s": 4}, {"s": 0}, {"a": 0}, {"a": math.inf}):
        with pytest.raises(ValueError, match=f"^layer: argument {next(iter(wrong))}: expected "):
            module.layer_forward(x, **wrong)
        with pytest.raises(ValueError, match=f"^layer: argument {next(iter(wrong))}: expected "):
            module.Layer(**wrong)


def test_a_text_declares_relations() -> None:
    module: Any = gradscribe.layer("a = 0.0; b = 1.0; a <= b; c = 1; d = 2; c < d; y[n] = a*b*c*d*x[n]").compile()
    for wrong in ({"a": 2}, {"b": -1}, {"c": 2}, {"d": 1}):
        with pytest.raises(ValueError, match=r"^layer: argument [ac]: expected (at most b|less than d), received"):
            module.layer_forward(np.ones(2), **wrong)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        (
            "p = 1.5; 0 <= p < 1; y[n] = p*x[n]",
            10,
            "p is 1.5 by default; expected a number, at least 0 and less than 1",
        ),
        ("0 <= q < 1; y[n] = x[n]", 1, "q is no parameter; expected the range of a parameter, such as 0 <= p < 1"),
        ("p = 1.0; p == 1; y[n] = p*x[n]", 10, "expected the range of a parameter"),
        ("a = 0.0; b = 1.0; a < b; y[n] = a*b*x[n]", 19, "expected <= or >= between two parameters"),
        ("a = 2.0; b = 1.0; a <= b; y[n] = a*b*x[n]", 19, "the defaults of a and b do not fulfil this"),
        ("f = true; f < 1; y[n] = f*x[n]", 11, "f is a flag"),
        ("s = 1; s < 1.5; y[n] = x[s*n]", 8, "1.5 is no integer"),
        ("x[n] < 1; y[n] = x[n]", 1, "expected the range of a parameter"),
    ],
)
def test_ranges_that_say_nothing_are_refused(text: str, column: int, message: str) -> None:
    with pytest.raises(LanguageError) as caught:
        gradscribe.layer(text)
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (1, column)


# ----- sizes ----------------------------------------------------------------------------------------------------------
X = np.random.default_rng(0).normal(size=(2, 7, 8, 3))
W = np.random.default_rng(1).normal(size=(3, 3, 3, 4))


@pytest.mark.parametrize("several", [tuple, list, np.array, lambda v: [np.int16(e) for e in v]])
def test_one_in_a_sequence_stands_for_all_axes(several: Any) -> None:
    pool = avg_pool2d_forward
    one = several([2])
    expected = pool(X, kernel_size=(2, 2), stride=(2, 2), padding=(1, 1))
    np.testing.assert_array_equal(pool(X, kernel_size=one, stride=one, padding=several([1])), expected)
    layer = generated.AvgPool2D(one, stride=one, padding=several([1]))
    np.testing.assert_array_equal(layer(X), expected)
    conv = conv2d_forward
    np.testing.assert_array_equal(
        conv(X, W, padding=((1, 2),), dilation=one), conv(X, W, padding=((1, 2), (1, 2)), dilation=2)
    )
    same = network("input x[N, 7, 8, 3]\navg_pool2d((2,), stride=(2,), padding=(1,))").program.statements
    assert same == network("input x[N, 7, 8, 3]\navg_pool2d(2, stride=2, padding=1)").program.statements


NO_INTEGER = [True, np.bool_(True), "3", 2.0, np.float32(2), np.array(2.0), None, b"22", {2}, (True, 2), 1.5, math.nan]
NO_SIZE = [-1, 2**31, 2**62, 2**70, -(2**70), (1, 2, 3), (), np.array([1, 2, 3]), np.uint64(2**63)]


@pytest.mark.parametrize("option", ["kernel_size", "stride", "dilation", "padding"])
def test_what_is_no_size_is_refused_at_once(option: str) -> None:
    given: dict[str, Any] = {"kernel_size": 2}
    for values, error in ((NO_INTEGER, TypeError), (NO_SIZE, ValueError)):
        for value in values:
            if option == "stride" and value is None:  # the kernel's extent
                continue
            kind = ValueError if option == "padding" and isinstance(value, str) else error
            tracemalloc.start()
            start = time.perf_counter()
            with pytest.raises(kind, match=rf"^max_pool2d: argument {option}: expected "):
                max_pool2d_forward(X, **{**given, option: value})
            with pytest.raises(kind, match=rf"^max_pool2d: argument {option}: expected "):
                generated.MaxPool2D(**{**given, option: value})
            assert time.perf_counter() - start < 0.5
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
            tracemalloc.stop()


def test_what_is_an_integer_counts_as_one() -> None:
    expected = max_pool2d_forward(X, kernel_size=2)[0]
    same: tuple[Any, ...] = (np.int8(2), np.uint64(2), np.array(2), np.array([2]), np.array([2, 2], np.uint8))
    for value in same:
        np.testing.assert_array_equal(max_pool2d_forward(X, kernel_size=value)[0], expected)


def test_results_that_no_memory_holds_are_refused_at_once() -> None:
    def pool(**options: Any) -> Any:
        return zero_pad2d_forward(X, **options)

    calls: dict[str, Any] = {
        "conv2d: u": lambda: conv2d_forward(X, W, padding=2**29),
        "zero_pad2d: y": lambda: pool(padding=2**31 - 1),
        "upsample_nearest2d: y": lambda: generated.UpsampleNearest2D(2**30)(X),
        "adaptive_avg_pool2d: y": lambda: generated.AdaptiveAvgPool2D(2**31 - 1)(X),
        "conv_transpose2d: u": lambda: generated.ConvTranspose2D(3, 4, 3, stride=2**30, dtype=np.float64)(X),
        "conv2d: w": lambda: generated.Conv2D(2**20, 2**20, 3),
        "avg_pool2d: dx": lambda: avg_pool2d_grad_input(
            np.ones((1, 1, 1, 1)), input_shape=(1, 2**30, 2**30, 1), kernel_size=2**30
        ),
    }
    for words, call in calls.items():
        start = time.perf_counter()
        with pytest.raises(ValueError, match=f"^{words} would have the shape .* expected smaller sizes$"):
            call()
        assert time.perf_counter() - start < 0.5


def test_no_batch_takes_no_memory() -> None:
    large = 2**17
    y = conv2d_forward(X[:0], W, padding=large)
    assert y.shape == (0, 7 + 2 * large - 2, 8 + 2 * large - 2, 4)


# ----- against PyTorch ------------------------------------------------------------------------------------------------
@pytest.mark.oracle
def test_ranges_are_those_of_pytorch() -> None:
    torch: Any = pytest.importorskip("torch")
    F = torch.nn.functional
    x, labels = torch.rand(4, 3), torch.zeros(4, dtype=torch.long)
    theirs: dict[tuple[str, str], Any] = {
        ("dropout", "p"): lambda v: F.dropout(x, v),
        ("huber_loss", "delta"): lambda v: F.huber_loss(x, 2 * x, delta=v),
        ("smooth_l1_loss", "beta"): lambda v: F.smooth_l1_loss(x, 2 * x, beta=v),
        ("cross_entropy", "label_smoothing"): lambda v: F.cross_entropy(x, labels, label_smoothing=v),
        ("celu", "alpha"): lambda v: F.celu(x, v),
        ("batch_norm", "eps"): lambda v: F.batch_norm(x, None, None, training=True, eps=v),
    }
    exceptions = {("dropout", "p", 1.0), ("cross_entropy", "label_smoothing", -0.5)}  # 0/0; one that PyTorch lets pass
    for (name, option), call in theirs.items():
        values = catalogue_layer(name).option(option).values
        assert values is not None
        for value in (-0.5, 0.0, 0.25, 1.0, 1.5):
            try:
                call(value)
                allowed = True
            except (ValueError, RuntimeError):
                allowed = False
            assert ((value in values) == allowed) != ((name, option, value) in exceptions), (name, option, value)


@pytest.mark.parametrize(
    "text",
    [
        "dropout(p=1)",
        "dropout(p=1.5)",
        "batch_norm(eps=-1)",
        "layer_norm(eps=-1e-5)",
        "celu(alpha=0)",
        "leaky_relu(negative_slope=1e999)",
        "hard_tanh(min_val=2)",
        "lp_pool2d(2, norm_type=0.5)",
        "conv2d(4, 3, padding=-1)",
        "conv2d(4, 3, stride=99999999999)",
        "max_pool2d(2, stride=(1, 2, 3))",
        "conv2d(99999999999, 3)",
    ],
)
def test_networks_refuse_settings_out_of_range(text: str) -> None:
    with pytest.raises(
        NetworkError, match=r"^network, \w+1 \(\w+\): .*expected .*, received .*\n  line 2, column 9:\n"
    ):
        network(f"input x[N, 9, 9, 2]\ntanh -> {text}")
