"""Layers over sequences: against PyTorch's autograd and Keras, and structured losses against all paths one by one."""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.adapters import from_keras, from_torch, to_keras, to_torch
from tests.oracles.autograd import built, close, compare

Array = np.ndarray
SIZES = pytest.mark.parametrize(("n", "t", "c", "h"), [(2, 4, 3, 5), (1, 1, 1, 1), (3, 6, 2, 1)])
F64: dict[str, Any] = {"dtype": np.float64, "rng": 0}
MODULES = {"simple_rnn": "RNN", "lstm": "LSTM", "gru": "GRU", "bidirectional_lstm": "LSTM"}


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def both(torch: Any, name: str, c: int, h: int, bias: bool = True) -> tuple[Any, Any]:
    """A layer of ours and PyTorch's with the same weights."""
    absent = {} if bias else {"bias": False} | ({"d": False} if name in ("gru", "bidirectional_lstm") else {})
    ours = built(name, c, h, **absent, **F64)
    cls = getattr(torch.nn, MODULES[name])
    theirs = cls(c, h, bias=bias, batch_first=True, bidirectional=name.startswith("bi"), dtype=torch.float64)
    from_torch(ours, theirs.state_dict())
    return ours, theirs


@pytest.mark.oracle
@SIZES
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", MODULES)
def test_outputs_and_all_gradients_are_pytorchs(
    torch: Any, name: str, bias: bool, n: int, t: int, c: int, h: int
) -> None:
    rng = np.random.default_rng(n)
    ours, theirs = both(torch, name, c, h, bias)
    two, memory = name.startswith("bi"), name.endswith("lstm")
    states = [rng.normal(size=(2, n, h) if two else (n, h)) for _ in range(1 + memory)]
    inputs = [rng.normal(size=(n, t, c)), *states]
    given = [torch.tensor(a, requires_grad=True) for a in inputs]
    begin = given[1:] if two else [s[None] for s in given[1:]]
    expected, last = theirs(given[0], tuple(begin) if memory else begin[0])
    found = ours(*inputs)
    seed = rng.normal(size=tuple(expected.shape))
    if name == "lstm":
        end = rng.normal(size=(n, h))
        (expected * torch.tensor(seed)).sum().backward(retain_graph=True)
        (last[1][0] * torch.tensor(end)).sum().backward()
        gradients = ours.backward(seed, np.concatenate([np.zeros((n, t - 1, h)), end[:, None]], 1))
        close(found[0], expected, 1e-9)
        close(found[1][:, -1], last[1][0], 1e-9)
    else:
        expected.backward(torch.tensor(seed))
        gradients = ours.backward(seed)
        close(found, expected, 1e-9)
    for mine, wanted in zip(gradients, given, strict=True):
        close(mine, wanted.grad, 1e-9)
    slopes = type(theirs)(c, h, bias=bias, batch_first=True, bidirectional=two, dtype=torch.float64)
    slopes.load_state_dict({key: p.grad for key, p in theirs.named_parameters()})
    of_torch = built(name, c, h, **({} if bias else {k: False for k in ("bias", "d") if k in _options(name)}), **F64)
    halved = {k: v / 2 if k.startswith("bias") and name != "gru" else v for k, v in slopes.state_dict().items()}
    from_torch(of_torch, halved)  # of two biases that add, both have the slope
    for key, slope in ours.grads.items():
        np.testing.assert_allclose(slope, of_torch.params[key], rtol=1e-9, atol=1e-9)


def _options(name: str) -> tuple[str, ...]:
    return ("bias", "d") if name in ("gru", "bidirectional_lstm") else ("bias",)


@pytest.mark.oracle
@pytest.mark.parametrize("name", MODULES)
def test_weights_go_to_pytorch_and_come_back(torch: Any, name: str) -> None:
    ours, theirs = both(torch, name, 3, 4)
    ours.params["w"] += 0.5
    theirs.load_state_dict({key: torch.from_numpy(a) for key, a in to_torch(ours).items()})
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    found = ours(x, *[None] * (1 + name.endswith("lstm")))  # None stands for 0
    with torch.no_grad():
        close(found[0] if name == "lstm" else found, theirs(torch.from_numpy(x))[0], 1e-12)


@pytest.fixture
def keras() -> Any:
    pytest.importorskip("torch")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    module = pytest.importorskip("keras")
    if module.backend.backend() != "torch":
        pytest.skip("another backend")
    return module


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")
@pytest.mark.parametrize("name", MODULES)
def test_outputs_and_the_gradient_are_kerass(keras: Any, name: str) -> None:
    import torch

    layers = keras.layers
    kind = {"simple_rnn": layers.SimpleRNN, "gru": layers.GRU}.get(name, layers.LSTM)
    theirs = kind(4, return_sequences=True, dtype="float64", name="lstm")
    theirs = layers.Bidirectional(theirs, dtype="float64") if name.startswith("bi") else theirs
    theirs.build((2, 5, 3))
    rng = np.random.default_rng(0)
    theirs.set_weights([rng.normal(size=w.shape) for w in theirs.get_weights()])
    ours = built(name, 3, 4, **F64)
    prefix = theirs.name if name.startswith("bi") else f"{theirs.name}/{theirs.cell.name}"
    variables = {v.path: v.numpy() for v in theirs.weights}
    from_keras(ours, variables, names={"": prefix})
    assert all(np.array_equal(to_keras(ours, names={"": prefix})[path], array) for path, array in variables.items())
    given = torch.tensor(rng.normal(size=(2, 5, 3)), requires_grad=True)
    expected = theirs(given)
    found = ours(given.detach().numpy(), *[None] * (1 + name.endswith("lstm")))
    found = found[0] if name == "lstm" else found
    tolerance = 1e-6 if name == "simple_rnn" else 1e-9  # Keras computes some layers in float32
    close(found, expected, tolerance)
    seed = rng.normal(size=found.shape)
    expected.backward(torch.tensor(seed))
    dx = ours.backward(seed, np.zeros_like(seed))[0] if name == "lstm" else ours.backward(seed)[0]
    close(dx, given.grad, tolerance)


MASKED = """
integer a
input x[N, T, C], a[N, T], w[C, 4, H], r[H, 4, H], b[4, H]
weight w, r, b
u[n, t, g, k] = sum(e) x[n, t, e] * w[e, g, k] + b[g, k] + sum(l) y[n, t-1, l] * r[l, g, k]
c[n, t, k] = [a[n, t] == 1] (sigmoid(u[n, t, 1, k]) * c[n, t-1, k] + sigmoid(u[n, t, 0, k]) * tanh(u[n, t, 2, k])) \\
    + [a[n, t] == 0] c[n, t-1, k]
y[n, t, k] = [a[n, t] == 1] sigmoid(u[n, t, 3, k]) * tanh(c[n, t, k]) + [a[n, t] == 0] y[n, t-1, k]
c[n, -1, k] = 0
y[n, -1, k] = 0
"""
"""An LSTM that stays as it is at positions that are left out."""


def masked(ours: Any, weights: tuple[str, str, str], backwards: bool) -> Any:
    """The masked LSTM, from the first position or from the last one, with weights of a layer of the catalogue."""
    text = MASKED.replace("t-1", "t+1").replace("[n, -1,", "[n, T,") if backwards else MASKED
    w, r, b = (ours.params[name] for name in weights)
    layer = gradscribe.layer(text, "masked").compile().Masked(C=w.shape[0], H=w.shape[2], **F64)
    layer.params |= {"w": w, "r": r, "b": b}
    return layer


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")
@pytest.mark.parametrize("both_ways", [False, True])
def test_a_mask_is_kerass(keras: Any, both_ways: bool) -> None:
    """What is left out at the beginning, within, and at the end; all of an example, too.

    An LSTM gives its last state there, `Bidirectional` zeros. Keras computes both in float32.
    """
    import torch

    layers = keras.layers
    theirs = layers.LSTM(4, return_sequences=True, dtype="float64", name="lstm")
    theirs = layers.Bidirectional(theirs, dtype="float64") if both_ways else theirs
    theirs.build((4, 5, 3))
    rng = np.random.default_rng(0)
    theirs.set_weights([rng.normal(size=w.shape) for w in theirs.get_weights()])
    ours = built("bidirectional_lstm" if both_ways else "lstm", 3, 4, **F64)
    prefix = theirs.name if both_ways else f"{theirs.name}/{theirs.cell.name}"
    from_keras(ours, {v.path: v.numpy() for v in theirs.weights}, names={"": prefix})
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 1, 0], [0, 0, 0, 0, 0]])
    given = torch.tensor(rng.normal(size=(4, 5, 3)), requires_grad=True)
    expected = theirs(given, mask=torch.tensor(mask == 1))
    ways = [masked(ours, ("w", "r", "b"), False), *([masked(ours, ("v", "q", "d"), True)] if both_ways else [])]
    found = [way(given.detach().numpy(), mask) for way in ways]
    shown = mask[..., None] if both_ways else np.ones((4, 5, 1))
    close(np.concatenate(found, -1) * shown, expected, 1e-6)
    seed = rng.normal(size=tuple(expected.shape))
    expected.backward(torch.tensor(seed))
    slopes = [way.backward(part) for way, part in zip(ways, np.split(seed * shown, len(ways), -1), strict=True)]
    close(sum(dx[0] if isinstance(dx, tuple) else dx for dx in slopes), given.grad, 1e-6)


# ----- linear states: a loop in PyTorch -----
@pytest.mark.oracle
@pytest.mark.parametrize(("n", "t", "d", "k"), [(2, 4, 3, 2), (1, 1, 1, 1)])
def test_state_space(torch: Any, n: int, t: int, d: int, k: int) -> None:
    rng = np.random.default_rng(0)

    def reference(x: Any, state: Any, a: Any, b: Any, c: Any, f: Any) -> Any:
        found = []
        for step in x.unbind(1):
            state = a * state + b * step[..., None]
            found.append((c * state).sum(-1) + f * step)
        return torch.stack(found, 1)

    layer = built("state_space", d, k, **F64)
    compare(layer, [rng.normal(size=(n, t, d)), rng.normal(size=(n, d, k))], reference, rng)


@pytest.mark.oracle
@pytest.mark.parametrize(("n", "t", "d", "k"), [(2, 4, 3, 2), (1, 1, 1, 1)])
def test_selective_scan(torch: Any, n: int, t: int, d: int, k: int) -> None:
    """Against selective_scan_ref of Mamba's code."""
    rng = np.random.default_rng(0)

    def reference(x: Any, u: Any, b: Any, c: Any, a: Any, f: Any) -> Any:
        delta, rate = torch.nn.functional.softplus(u), -torch.exp(a)
        decay = torch.exp(torch.einsum("ntd,dk->ntdk", delta, rate))
        driven = torch.einsum("ntd,ntk,ntd->ntdk", delta, b, x)
        state, found = torch.zeros_like(decay[:, 0]), []
        for i in range(x.shape[1]):
            state = decay[:, i] * state + driven[:, i]
            found.append(torch.einsum("ndk,nk->nd", state, c[:, i]))
        return torch.stack(found, 1) + x * f

    layer = built("selective_scan", d, k, **F64)
    inputs = [rng.normal(size=(n, t, e)) for e in (d, d, k, k)]
    compare(layer, inputs, reference, rng)


@pytest.mark.oracle
@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize(("n", "t", "k", "v"), [(2, 4, 3, 2), (1, 1, 1, 1)])
def test_delta_rule(torch: Any, gated: bool, n: int, t: int, k: int, v: int) -> None:
    """Against the products of matrices by which the papers say it."""
    rng = np.random.default_rng(0)

    def reference(q: Any, key: Any, value: Any, b: Any, a: Any) -> Any:
        state, found = torch.zeros((n, v, k), dtype=torch.float64), []
        for i in range(t):
            outer = torch.einsum("ni,nj->nij", key[:, i], key[:, i])
            kept = a[:, i, None, None] * (torch.eye(k, dtype=torch.float64) - b[:, i, None, None] * outer)
            state = state @ kept + b[:, i, None, None] * torch.einsum("nv,nk->nvk", value[:, i], key[:, i])
            found.append(torch.einsum("nvk,nk->nv", state, q[:, i]))
        return torch.stack(found, 1)

    inputs = [rng.normal(size=(n, t, e)) for e in (k, k, v)] + [rng.random((n, t)), rng.random((n, t))]
    layer = built("delta_rule")
    if gated:
        compare(layer, inputs, reference, rng)
    else:
        every = [*map(torch.tensor, inputs[:4]), torch.ones((n, t), dtype=torch.float64)]
        expected = reference(*every)
        close(layer(*inputs[:4], None), expected, 1e-12)


# ----- losses over paths -----
def log_softmax(x: Array) -> Array:
    shifted: Array = x - np.logaddexp.reduce(x, -1, keepdims=True)
    return shifted


def spelt(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(k for k, _ in itertools.groupby(path) if k != blank)


def test_ctc_loss_is_the_sum_over_all_paths() -> None:
    rng = np.random.default_rng(0)
    x = log_softmax(rng.normal(size=(3, 4, 3)))
    t, r, h = np.array([[1, 2], [1, 1], [2, 0]]), np.array([4, 3, 2]), np.array([2, 2, 1])
    expected = 0.0
    for x_n, t_n, r_n, h_n in zip(x, t, r, h, strict=True):
        paths = (p for p in itertools.product(range(3), repeat=int(r_n)) if spelt(p, 0) == tuple(t_n[:h_n]))
        expected -= np.log(sum(np.exp(sum(x_n[i, k] for i, k in enumerate(p))) for p in paths)) / h_n / 3
    assert built("ctc_loss")(x, t, r, h) == pytest.approx(expected)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ctc_loss_of_classes_that_cannot_be(dtype: type) -> None:
    """Probabilities of 0: the gradient is the share of paths that pass a class, and 0 where no path spells the labels.

    PyTorch has NaN for the first example.
    """
    rng = np.random.default_rng(0)
    x: Any = log_softmax(rng.normal(size=(3, 4, 3))).astype(dtype)
    t, r, h = np.array([[1, 2], [1, 1], [2, 1]]), np.full(3, 4), np.full(3, 2)
    x[0, :2, 1] = x[1, 2, 0] = x[1, 0, 1] = x[1, 1, :2] = x[2, 1, :] = -np.inf
    x[0, 3, 1] = -np.inf
    expected, gradient = 0.0, np.zeros(x.shape)
    for n in range(3):
        found = {p: np.exp(sum(x[n, i, k] for i, k in enumerate(p))) for p in paths(4, 3) if spelt(p, 0) == tuple(t[n])}
        total = sum(found.values())
        expected -= (np.log(total) if total else 0.0) / 2 / 3
        for p, share in found.items():
            gradient[n, range(4), p] -= share / total / 2 / 3 if total else 0.0
    layer = built("ctc_loss")
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    assert layer(x, t, r, h) == pytest.approx(expected, rel=tolerance)
    np.testing.assert_allclose(layer.backward(), gradient, atol=tolerance)
    assert gradient[0].any()
    assert not gradient[2].any()


@pytest.mark.oracle
@pytest.mark.parametrize("blank", [0, 2])
def test_ctc_loss_is_pytorchs(torch: Any, blank: int) -> None:
    """By the scores before log_softmax: PyTorch's gradient of the log-probabilities has that in it."""
    rng = np.random.default_rng(0)
    scores = 2 * rng.normal(size=(4, 12, 5))
    t = rng.choice([k for k in range(5) if k != blank], size=(4, 4))
    t[0, 1] = t[0, 0]
    r, h = np.array([12, 9, 7, 5]), np.array([4, 2, 3, 0])
    given = torch.tensor(scores, requires_grad=True)
    lengths = torch.tensor(r), torch.tensor(h)
    expected = torch.nn.functional.ctc_loss(given.log_softmax(-1).transpose(0, 1), torch.tensor(t), *lengths, blank)
    expected.backward()
    layer, softmax = built("ctc_loss", blank=blank), built("log_softmax")
    close(layer(softmax(scores), t, r, h), expected, 1e-9)
    close(softmax.backward(layer.backward()), given.grad, 1e-9)


@pytest.mark.oracle
@pytest.mark.filterwarnings("error")
def test_what_no_path_spells_counts_0(torch: Any) -> None:
    """Four labels in three positions, beside an example that is possible."""
    rng = np.random.default_rng(0)
    scores, t = rng.normal(size=(2, 3, 5)).astype(np.float32), np.array([[1, 2, 3, 4], [1, 1, 0, 0]])
    r, h = np.array([3, 3]), np.array([4, 2])
    given = torch.tensor(scores, requires_grad=True)
    probabilities = given.log_softmax(-1).transpose(0, 1)
    lengths = torch.tensor(r), torch.tensor(h)
    expected = torch.nn.functional.ctc_loss(probabilities, torch.tensor(t), *lengths, zero_infinity=True)
    expected.backward()
    layer, softmax = built("ctc_loss"), built("log_softmax")
    close(layer(softmax(scores), t, r, h), expected, 1e-6)
    close(softmax.backward(layer.backward()), given.grad, 1e-6)


def paths(t: int, k: int) -> Iterator[tuple[int, ...]]:
    return itertools.product(range(k), repeat=t)


@pytest.mark.oracle
@pytest.mark.parametrize(("lengths", "k"), [((4, 3), 3), ((1, 2), 2), ((2, 4), 1)])
def test_crf_loss_is_that_of_all_paths(torch: Any, lengths: tuple[int, ...], k: int) -> None:
    rng = np.random.default_rng(0)
    longest = max(lengths)
    labels = rng.integers(0, k, (2, longest))

    def reference(x: Any, t: Any, r: Any, w: Any, s: Any, f: Any) -> Any:
        def score(n: int, path: Any) -> Any:
            total = s[path[0]] + f[path[-1]] + sum(x[n, i, j] for i, j in enumerate(path))
            return total + sum(w[i, j] for i, j in itertools.pairwise(path))

        found = 0.0
        for n, length in enumerate(lengths):
            every = torch.stack([score(n, path) for path in paths(length, k)])
            found = found + (every.logsumexp(0) - score(n, [int(v) for v in labels[n, :length]])) / len(lengths)
        return found

    layer = built("crf_loss", k, **F64)
    compare(layer, [rng.normal(size=(2, longest, k)), labels, np.array(lengths)], reference, rng)
