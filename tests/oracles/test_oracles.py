"""Every generated kernel against PyTorch on thousands of random shapes. Needs PyTorch: make test-oracles."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from gradscribe import generated
from gradscribe.generated import avg_pool2d, conv2d, dense, flatten, max_pool2d, relu, scaled_tanh, sigmoid, tanh
from gradscribe.generated import mean_squared_error as mse
from gradscribe.generated import softmax_cross_entropy as cross_entropy
from tests.cases.layers import CASES, LayerCase, random_layer_case, random_values
from tests.cases.naive import both_axes, padding_pairs, windows
from tests.cases.thorough import some

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore:Using padding='same'")]

Array = np.ndarray
COUNT = 3000
"""Random shapes per windowed layer."""
CHUNKS = 3
TOLERANCE: dict[Any, float] = {np.float64: 1e-10, np.float32: 2e-4}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def agree(ours: Any, theirs: Any, what: str, dtype: Any = np.float64) -> None:
    """Relative difference to the largest element; NaN and infinity must be in the same places."""
    theirs = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else np.asarray(theirs)
    ours = np.asarray(ours)
    assert ours.shape == theirs.shape, f"{what}: shape {ours.shape}, PyTorch {theirs.shape}"
    assert ours.dtype == dtype, f"{what}: {ours.dtype}"
    if not ours.size:
        return
    finite = np.isfinite(theirs)
    np.testing.assert_array_equal(ours[~finite], theirs[~finite], err_msg=what)
    scale = max(1e-30, float(np.max(np.abs(theirs[finite]), initial=0.0)))
    difference = float(np.max(np.abs(ours[finite] - theirs[finite]), initial=0.0)) / scale
    assert difference <= TOLERANCE[dtype], f"{what}: relative difference {difference:.2e}"


def tensor(array: Array) -> Any:
    """In float64 always: PyTorch's float32 convolution crashes on some grouped shapes (2.13, oneDNN)."""
    return torch.tensor(np.asarray(array, np.float64), requires_grad=True)


def channels_first(t: Any) -> Any:
    return t.permute(0, 3, 1, 2)


def channels_last(t: Any) -> Any:
    return t.permute(0, 2, 3, 1)


def cases(name: str, chunk: int, count: int) -> Iterator[tuple[LayerCase, np.random.Generator]]:
    if chunk == 0:
        yield from ((case, np.random.default_rng(0)) for case in CASES if case.name == name)
    for seed in range(chunk, count, CHUNKS):
        rng = np.random.default_rng([seed, len(name)])
        yield random_layer_case(name, rng, most=9), rng


# ----- convolution ----------------------------------------------------------------------------------------------------
def reach(case: LayerCase) -> tuple[int, int]:
    dilation = both_axes(case.options.get("dilation", 1))
    kernel = case.shapes["w"][:2] if "w" in case.shapes else both_axes(case.options["kernel_size"])
    return dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1)


def torch_conv2d(case: LayerCase, x: Any, w: Any, b: Any) -> Any:
    padding = case.options.get("padding", 0)
    options = {k: v for k, v in case.options.items() if k != "padding"}
    planes, kernel = channels_first(x), w.permute(3, 2, 0, 1).contiguous()
    if isinstance(padding, str):
        return channels_last(F.conv2d(planes, kernel, b, padding=padding, **options))
    (top, bottom), (left, right) = padding_pairs(padding, reach(case))
    if (top, left) == (bottom, right):
        return channels_last(F.conv2d(planes, kernel, b, padding=(top, left), **options))
    return channels_last(F.conv2d(F.pad(planes, (left, right, top, bottom)), kernel, b, **options))


def check_conv2d(case: LayerCase, values: dict[str, Array], rng: np.random.Generator, dtype: Any) -> None:
    x, w, b = values["x"], values["w"], values.get("b")
    options = case.options
    tx, tw = tensor(x), tensor(w)
    tb = tensor(b) if b is not None else None
    expected = torch_conv2d(case, tx, tw, tb)
    agree(conv2d.conv2d_forward(x, w, b, **options), expected, f"{case.id} forward", dtype)
    dy: Array = rng.normal(size=tuple(expected.shape)).astype(dtype)
    expected.backward(torch.tensor(dy.astype(np.float64)))
    dx = conv2d.conv2d_grad_input(dy, w, input_shape=x.shape, **options)
    agree(dx, tx.grad, f"{case.id} grad_input", dtype)
    dw = conv2d.conv2d_grad_weight(dy, x, kernel_size=w.shape[:2], **options)
    agree(dw, tw.grad, f"{case.id} grad_weight", dtype)
    if tb is not None:
        agree(conv2d.conv2d_grad_bias(dy), tb.grad, f"{case.id} grad_bias", dtype)


@pytest.mark.parametrize("chunk", some(range(CHUNKS), 1))
def test_conv2d(chunk: int) -> None:
    for case, rng in cases("conv2d", chunk, COUNT):
        check_conv2d(case, random_values(case, rng), rng, np.float64)


def test_conv2d_in_float32() -> None:
    for case, rng in cases("conv2d", 0, COUNT // 4):
        values = {k: v.astype(np.float32) for k, v in random_values(case, rng).items()}
        check_conv2d(case, values, rng, np.float32)


def test_conv2d_of_real_sizes() -> None:
    rng = np.random.default_rng(1)
    rows: list[dict[str, Any]] = [
        {"x": (8, 32, 32, 1), "w": (5, 5, 1, 6)},
        {"x": (8, 14, 14, 6), "w": (5, 5, 6, 16)},
        {"x": (2, 56, 56, 64), "w": (3, 3, 64, 64), "padding": 1},
        {"x": (2, 57, 55, 32), "w": (3, 3, 32, 48), "padding": 1, "stride": 2},
        {"x": (2, 64, 64, 3), "w": (7, 7, 3, 32), "padding": 3, "stride": 2},
        {"x": (2, 28, 28, 32), "w": (1, 1, 32, 64)},
        {"x": (2, 28, 28, 32), "w": (3, 3, 1, 32), "padding": 1, "groups": 32},
        {"x": (2, 28, 28, 32), "w": (3, 3, 8, 64), "padding": 2, "dilation": 2, "groups": 4},
    ]
    for row in rows:
        shapes = {"x": row["x"], "w": row["w"], "b": row["w"][3:]}
        case = LayerCase("conv2d", shapes, {k: v for k, v in row.items() if k not in shapes})
        check_conv2d(case, random_values(case, rng), rng, np.float64)


# ----- pooling --------------------------------------------------------------------------------------------------------
def comparable(case: LayerCase) -> tuple[bool, tuple[int, int]]:
    """Whether PyTorch has this padding (alike on both sides, at most half of the undilated kernel), and the padding."""
    (top, bottom), (left, right) = padding_pairs(case.options.get("padding", 0), reach(case))
    half = [k // 2 for k in both_axes(case.options["kernel_size"])]
    return (top, left) == (bottom, right) and top <= half[0] and left <= half[1], (top, left)


def torch_options(case: LayerCase, padding: tuple[int, int]) -> dict[str, Any]:
    return {**case.options, "padding": padding}


def sees_all(case: LayerCase) -> bool:
    """Whether every window sees an element of the input; PyTorch's backward writes out of bounds where one does not."""
    pads = padding_pairs(case.options.get("padding", 0), reach(case))
    stride = case.options.get("stride") or case.options["kernel_size"]
    dilation, ceil_mode = case.options.get("dilation", 1), case.options.get("ceil_mode", False)
    x = np.empty(case.shapes["x"])
    return all(found for *_, found in windows(x, case.options["kernel_size"], stride, pads, dilation, ceil_mode))


def values_of(case: LayerCase, rng: np.random.Generator, kind: str) -> Array:
    shape = case.shapes["x"]
    if kind == "ties":
        return rng.integers(-2, 3, size=shape).astype(float)
    if kind == "negative":
        return -1 - rng.random(size=shape)
    values = rng.normal(size=shape)
    if kind == "nan" and values.size:
        values.ravel()[rng.integers(values.size)] = np.nan
    return values


@pytest.mark.parametrize("kind", ["random", "ties", "negative", "nan"])
def test_max_pool2d(kind: str) -> None:
    compared = 0
    for case, rng in cases("max_pool2d", 0, COUNT):
        symmetric, padding = comparable(case)
        if not symmetric or not case.shapes["x"][0] or not sees_all(case):
            continue
        compared += 1
        x = values_of(case, rng, kind)
        tx = tensor(x)
        expected = channels_last(F.max_pool2d(channels_first(tx), **torch_options(case, padding)))
        y, argmax = max_pool2d.max_pool2d_forward(x, **case.options)
        agree(y, expected, f"{case.id} {kind} forward")
        dy = rng.normal(size=y.shape)
        expected.backward(torch.tensor(dy))
        dx = max_pool2d.max_pool2d_grad_input(dy, argmax, input_shape=x.shape, **case.options)
        agree(dx, tx.grad, f"{case.id} {kind} grad_input")
    assert compared > 100


def test_avg_pool2d() -> None:
    compared = 0
    for chunk in range(CHUNKS):
        for case, rng in cases("avg_pool2d", chunk, COUNT):
            symmetric, padding = comparable(case)
            if not symmetric or not case.shapes["x"][0]:
                continue
            compared += 1
            x = random_values(case, rng)["x"]
            tx = tensor(x)
            expected = channels_last(F.avg_pool2d(channels_first(tx), **torch_options(case, padding)))
            y = avg_pool2d.avg_pool2d_forward(x, **case.options)
            agree(y, expected, f"{case.id} forward")
            dy = rng.normal(size=y.shape)
            expected.backward(torch.tensor(dy))
            dx = avg_pool2d.avg_pool2d_grad_input(dy, input_shape=x.shape, **case.options)
            agree(dx, tx.grad, f"{case.id} grad_input")
    assert compared > 500


def test_pools_with_asymmetric_padding() -> None:
    """PyTorch pads both sides alike: pad the input by hand, with -infinity or zeros that count."""
    for seed in range(200):
        rng = np.random.default_rng([seed, 3])
        case = random_layer_case("max_pool2d", rng)
        if case.options["ceil_mode"] or not case.shapes["x"][0]:
            continue
        (top, bottom), (left, right) = padding_pairs(case.options["padding"], reach(case))
        x = random_values(case, rng)["x"]
        options = {k: v for k, v in case.options.items() if k not in ("padding", "ceil_mode")}
        padded = F.pad(channels_first(torch.tensor(x)), (left, right, top, bottom), value=-np.inf)
        y, _ = max_pool2d.max_pool2d_forward(x, **case.options)
        agree(y, channels_last(F.max_pool2d(padded, **options)), case.id)
        if both_axes(options.pop("dilation")) == (1, 1):
            zeros = F.pad(channels_first(torch.tensor(x)), (left, right, top, bottom))
            mean = avg_pool2d.avg_pool2d_forward(x, padding=case.options["padding"], **options)
            agree(mean, channels_last(F.avg_pool2d(zeros, **options)), case.id)


def test_pools_in_float32() -> None:
    for case, rng in cases("max_pool2d", 0, 200):
        symmetric, padding = comparable(case)
        if symmetric and case.shapes["x"][0]:
            x = random_values(case, rng)["x"].astype(np.float32)
            expected = channels_last(F.max_pool2d(channels_first(tensor(x)), **torch_options(case, padding)))
            agree(max_pool2d.max_pool2d_forward(x, **case.options)[0], expected, case.id, np.float32)


# ----- dense, flatten, activations ------------------------------------------------------------------------------------
def test_dense() -> None:
    for case, rng in cases("dense", 0, 600):
        values = random_values(case, rng)
        x, w, b = values["x"], values["w"], values.get("b")
        tx, tw = tensor(x), tensor(w)
        tb = tensor(b) if b is not None else None
        expected = F.linear(tx, tw.T, tb)
        agree(dense.dense_forward(x, w, b), expected, case.id)
        dy = rng.normal(size=tuple(expected.shape))
        expected.backward(torch.tensor(dy))
        agree(dense.dense_grad_input(dy, w), tx.grad, f"{case.id} grad_input")
        agree(dense.dense_grad_weight(dy, x), tw.grad, f"{case.id} grad_weight")
        if tb is not None:
            agree(dense.dense_grad_bias(dy), tb.grad, f"{case.id} grad_bias")


def test_flatten() -> None:
    for case, rng in cases("flatten", 0, 200):
        x = random_values(case, rng)["x"]
        y = flatten.flatten_forward(x)
        agree(y, torch.flatten(torch.tensor(x), 1), case.id)
        dy = rng.normal(size=y.shape)
        agree(flatten.flatten_grad_input(dy, input_shape=x.shape), dy.reshape(x.shape), f"{case.id} grad_input")


ACTIVATIONS: dict[str, tuple[Any, Callable[..., Any]]] = {
    "relu": (relu, torch.relu),
    "sigmoid": (sigmoid, torch.sigmoid),
    "tanh": (tanh, torch.tanh),
    "scaled_tanh": (scaled_tanh, lambda x, amplitude=1.7159, slope=2 / 3: amplitude * torch.tanh(slope * x)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_activations(name: str, scale: float) -> None:
    module, reference = ACTIVATIONS[name]
    for case, rng in cases(name, 0, 100):
        x = np.asarray(scale * random_values(case, rng)["x"])
        if x.size:
            x.reshape(-1)[:1] = 0
        tx = tensor(x)
        expected = reference(tx, **case.options)
        y = getattr(module, f"{name}_forward")(x, **case.options)
        agree(y, expected, f"{case.id} {scale}")
        dy = np.asarray(rng.normal(size=x.shape))
        expected.backward(torch.tensor(dy))
        dx = getattr(module, f"{name}_grad_input")(dy, y, **case.options)
        difference = np.abs(dx - tx.grad.numpy())
        # a slope written by the value y loses the digits that y lost near its limits
        assert np.max(difference, initial=0.0) <= 1e-10, f"{case.id} {scale} grad_input"


# ----- losses ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("scale", [1.0, 50.0, 5000.0])
def test_softmax_cross_entropy(scale: float) -> None:
    for seed in range(300):
        rng = np.random.default_rng([seed, 5])
        n, k = int(rng.integers(1, 8)), int(rng.integers(1, 12))
        x, t = scale * rng.normal(size=(n, k)), rng.integers(k, size=n)
        tx = tensor(x)
        expected = F.cross_entropy(tx, torch.tensor(t))
        value, *saved = cross_entropy.softmax_cross_entropy_forward(x, t)
        assert abs(value - expected.item()) <= 1e-10 * max(1.0, abs(expected.item()), scale)
        expected.backward()
        h, z = saved
        agree(cross_entropy.softmax_cross_entropy_grad_input(1.0, t, h, z), tx.grad, f"{n}x{k} {scale}")


def test_mean_squared_error() -> None:
    for seed in range(200):
        rng = np.random.default_rng([seed, 6])
        shape = tuple(int(v) for v in rng.integers(1, 5, size=int(rng.integers(1, 4))))
        x, t = rng.normal(size=(2, *shape))
        tx = tensor(x)
        expected = F.mse_loss(tx, torch.tensor(t))
        assert abs(mse.mean_squared_error_forward(x, t) - expected.item()) <= 1e-12 * max(1.0, expected.item())
        expected.backward()
        agree(mse.mean_squared_error_grad_input(1.0, x, t), tx.grad, str(shape))


# ----- layer classes --------------------------------------------------------------------------------------------------
def test_a_network_of_layer_objects() -> None:
    """LeNet's shape, forward and backward, weights copied to PyTorch."""
    rng = np.random.default_rng(8)
    layers = [
        generated.Conv2D(1, 4, 5, padding=2, dtype=np.float64, rng=rng),
        generated.Tanh(),
        generated.AvgPool2D(2),
        generated.Conv2D(4, 6, 3, stride=2, groups=2, dtype=np.float64, rng=rng),
        generated.ReLU(),
        generated.MaxPool2D(2, stride=1),
        generated.Flatten(),
        generated.Dense(24, 5, dtype=np.float64, rng=rng),
    ]
    network, loss = generated.Sequential(*layers), generated.SoftmaxCrossEntropy()
    x, t = rng.normal(size=(3, 14, 14, 1)), rng.integers(5, size=3)
    value = loss(network(x), t)
    dx = network.backward(loss.backward())

    tx = tensor(x)
    weights = {name: tensor(p) for name, p in network.params.items()}
    first, second, last = (f"{k}." for k in (0, 3, 7))
    u = F.conv2d(channels_first(tx), weights[first + "w"].permute(3, 2, 0, 1), weights[first + "b"], padding=2)
    u = F.avg_pool2d(torch.tanh(u), 2)
    u = F.conv2d(u, weights[second + "w"].permute(3, 2, 0, 1), weights[second + "b"], stride=2, groups=2)
    u = channels_last(F.max_pool2d(torch.relu(u), 2, stride=1)).flatten(1)
    expected = F.cross_entropy(u @ weights[last + "w"] + weights[last + "b"], torch.tensor(t))
    expected.backward()
    assert abs(value - expected.item()) < 1e-12
    agree(dx, tx.grad, "dx")
    assert set(network.grads) == set(network.params) == set(weights)
    for name, weight in weights.items():
        agree(network.grads[name], weight.grad, name)


@pytest.mark.parametrize("chunk", range(2))
def test_conv2d_class(chunk: int) -> None:
    for case, rng in cases("conv2d", chunk + 1, 120):
        values = random_values(case, rng)
        kernel = case.shapes["w"][:2]
        channels = (case.shapes["x"][3], case.shapes["w"][3])
        bias = "b" in values
        layer = generated.Conv2D(*channels, kernel, bias=bias, dtype=np.float64, rng=rng, **case.options)
        assert {name: p.shape for name, p in layer.params.items()} == {k: case.shapes[k] for k in layer.params}
        tx, tw = tensor(values["x"]), tensor(layer.params["w"])
        tb = tensor(layer.params["b"]) if bias else None
        expected = torch_conv2d(case, tx, tw, tb)
        agree(layer(values["x"]), expected, case.id)
        dy = rng.normal(size=tuple(expected.shape))
        expected.backward(torch.tensor(dy))
        agree(layer.backward(dy), tx.grad, f"{case.id} dx")
        agree(layer.grads["w"], tw.grad, f"{case.id} dw")
        if tb is not None:
            agree(layer.grads["b"], tb.grad, f"{case.id} db")
