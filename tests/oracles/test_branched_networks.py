"""Transformers, U-Net, a tagger and networks of branches against PyTorch's functions: all values and gradients."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from gradscribe import network
from gradscribe.codegen.driver import compile_layer
from gradscribe.derive.catalogue.networks import NETWORKS
from tests.oracles.test_network_oracle import MODULES

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

if True:  # PyTorch is there
    from torch.nn import functional as F

Params = Mapping[str, Any]


def dense(x: Any, p: Params, at: str) -> Any:
    return x @ p[f"{at}.w"] + p[f"{at}.b"]


def norm(x: Any, p: Params, at: str) -> Any:
    return F.layer_norm(x, x.shape[-1:], p[f"{at}.gamma"], p[f"{at}.beta"])


def conv(x: Any, p: Params, at: str, padding: int = 0) -> Any:
    return F.conv2d(x, p[f"{at}.w"].permute(3, 2, 0, 1), p[f"{at}.b"], padding=padding)


def transformer(x: Any, p: Params, at: str, causal: bool, heads: int = 4) -> Any:
    n, length, width = x.shape
    h = norm(x, p, f"{at}_mix_norm")
    q, k, v = (
        dense(h, p, f"{at}_mix_{word}_dense1").view(n, length, heads, width // heads).transpose(1, 2)
        for word in ("query", "key", "value")
    )
    mixed = F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2).reshape(n, length, width)
    x = x + dense(mixed, p, f"{at}_mix_project")
    h = F.gelu(dense(norm(x, p, f"{at}_think_norm"), p, f"{at}_think_expand"))
    return x + dense(h, p, f"{at}_think_project")


def gpt(p: Params, tokens: Any) -> Any:
    x = F.embedding(tokens, p["embed.w"]) + p["place.w"]
    for layer in ("layer1", "layer2"):
        x = transformer(x, p, layer, causal=True)
    return norm(x, p, "norm") @ p["embed.w"].T


def vit(p: Params, x: Any) -> Any:
    patches = F.unfold(x.permute(0, 3, 1, 2), 4, stride=4)  # channels first, then the pixels of a patch
    words = patches.view(len(x), 3, 16, 64).permute(0, 3, 2, 1).reshape(len(x), 64, 48)
    x = dense(words, p, "embed") + p["place.w"]
    for layer in ("layer1", "layer2"):
        x = transformer(x, p, layer, causal=False)
    return dense(norm(x, p, "norm").mean(1), p, "output")


def unet(p: Params, x: Any) -> Any:
    def double(x: Any, at: str) -> Any:
        return F.relu(conv(F.relu(conv(x, p, f"{at}_conv1", 1)), p, f"{at}_conv2", 1))

    def up(below: Any, skip: Any, at: str) -> Any:
        grown = F.interpolate(below, scale_factor=2, mode="bilinear", align_corners=False)
        return double(torch.cat([conv(grown, p, f"{at}_conv"), skip], 1), f"{at}_merge")

    first = double(x.permute(0, 3, 1, 2), "down1")
    second = double(F.max_pool2d(first, 2), "down2")
    middle = up(double(F.max_pool2d(second, 2), "down3"), second, "up2")
    return conv(up(middle, first, "up1"), p, "output").permute(0, 2, 3, 1)


def tagger(p: Params, words: Any) -> Any:
    lstm = torch.nn.LSTM(32, 32, bidirectional=True, batch_first=True).double()
    own: dict[str, Any] = {}
    for way, w, r, b in (("", "w", "r", "b"), ("_reverse", "v", "q", "d")):
        own[f"weight_ih_l0{way}"] = p[f"states.{w}"].reshape(32, 128).T
        own[f"weight_hh_l0{way}"] = p[f"states.{r}"].reshape(32, 128).T
        own[f"bias_ih_l0{way}"] = p[f"states.{b}"].reshape(128)
        own[f"bias_hh_l0{way}"] = torch.zeros(128, dtype=torch.float64)
    states, _ = torch.func.functional_call(lstm, own, (F.embedding(words, p["embed.w"]),))
    return dense(states, p, "output")


def labels_of(y: Any, t: Any) -> Any:
    return F.cross_entropy(y.reshape(-1, y.shape[-1]), t.reshape(-1))


TWINS: dict[str, Callable[[Params, Any], Any]] = {"gpt": gpt, "vit": vit, "unet": unet, "tagger": tagger}
LETTERS = {"gpt": 65, "tagger": 1000}
"""How many letters or words those know that read such."""


def test_every_network_of_the_catalogue_has_a_twin() -> None:
    assert {*MODULES, *TWINS} == set(NETWORKS)


def there(net: Any) -> dict[str, Any]:
    """The weights as PyTorch's tensors, moved from where they start so that none is special."""
    rng = np.random.default_rng(0)
    for weight in net.params.values():
        weight += rng.normal(size=weight.shape) * 0.1
    return {key: torch.tensor(weight, requires_grad=True) for key, weight in net.params.items()}


def compare(net: Any, params: Mapping[str, Any]) -> None:
    assert set(net.grads) == set(params)
    for key, weight in params.items():
        wanted = weight.grad.numpy()
        assert np.abs(net.grads[key] - wanted).max() <= 1e-9 * max(1.0, np.abs(wanted).max()), key
        weight.grad = None


@pytest.mark.parametrize("name", TWINS)
def test_forward_and_every_gradient(name: str) -> None:
    source, rng = NETWORKS[name](), np.random.default_rng(1)
    net = getattr(compile_layer(source), source.class_name)(dtype=np.float64, rng=3)
    params, words = there(net), name in LETTERS
    x = rng.integers(0, LETTERS[name], (3, 32)) if words else rng.normal(size=(3, 32, 32, 3 if name == "vit" else 1))
    given = torch.tensor(x, requires_grad=not words)
    expected = TWINS[name](params, given)
    for _ in range(2):  # the second time in memory that has been used
        y = net(x)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(net.predict(x), y, rtol=1e-9, atol=1e-9)
    t = rng.integers(0, y.shape[-1], y.shape[:-1])
    value, loss = net.loss(y, t), labels_of(expected, torch.tensor(t))
    assert abs(value - loss.item()) <= 1e-9 * max(1, abs(value))
    net.backward()
    loss.backward(retain_graph=True)
    compare(net, params)
    given.grad = None
    dy = rng.normal(size=y.shape)
    dx = net.backward(dy)
    expected.backward(torch.tensor(dy))
    compare(net, params)
    if not words:
        np.testing.assert_allclose(dx, given.grad.numpy(), rtol=1e-9, atol=1e-9)


def test_a_network_of_several_outputs_and_losses_is_pytorchs() -> None:
    text = """
    input x[N, 5]
    inner = h: dense(6) -> tanh
    scores = inner -> out: dense(3)
    side = inner -> aux: dense(2) -> sigmoid
    output scores, inner, side
    loss cross_entropy(label_smoothing=0.1) of scores
    loss 0.25 * mean_squared_error of side
    """
    rng = np.random.default_rng(2)
    net = network(text, "several").compile().Several(dtype=np.float64, rng=0)
    p, x = there(net), rng.normal(size=(7, 5))
    t, z = rng.integers(0, 3, 7), rng.random((7, 2))
    given = torch.tensor(x, requires_grad=True)
    inner = torch.tanh(dense(given, p, "h"))
    outputs = dense(inner, p, "out"), inner, torch.sigmoid(dense(inner, p, "aux"))
    found = net(x)
    for own, other in zip(found, outputs, strict=True):
        np.testing.assert_allclose(own, other.detach().numpy(), rtol=1e-12)
    loss = F.cross_entropy(outputs[0], torch.tensor(t), label_smoothing=0.1)
    loss = loss + 0.25 * F.mse_loss(outputs[2], torch.tensor(z))
    assert abs(net.loss(*found, t, z) - loss.item()) <= 1e-12
    net.backward()
    loss.backward(retain_graph=True)
    compare(net, p)
    given.grad = None
    seeds = [rng.normal(size=y.shape) for y in found]
    dx = net.backward(*seeds)
    torch.autograd.backward(outputs, [torch.tensor(seed) for seed in seeds])
    compare(net, p)
    np.testing.assert_allclose(dx, given.grad.numpy(), rtol=1e-10)


def test_the_gradient_by_a_shared_weight_is_the_sum_over_its_places() -> None:
    text = """
    input x[N, 6, 6, 1]
    input z[N, 6, 6, 1]
    block tower(k) = conv2d(k, 3) -> norm: batch_norm -> relu -> flatten -> dense(4)
    a = x -> left: tower(2)
    b = z -> right: share(left)
    (a, b) -> elementwise_product
    """
    rng = np.random.default_rng(3)
    net = network(text, "siamese").compile().Siamese(dtype=np.float64, rng=0)
    p, x, z = there(net), rng.normal(size=(5, 6, 6, 1)), rng.normal(size=(5, 6, 6, 1))
    assert sorted(p) == [
        "left_conv2d1.b",
        "left_conv2d1.w",
        "left_dense1.b",
        "left_dense1.w",
        "left_norm.beta",
        "left_norm.gamma",
    ]
    mean, var = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)

    def tower(image: np.ndarray, training: bool) -> Any:
        u = conv(torch.tensor(image).permute(0, 3, 1, 2), p, "left_conv2d1")
        u = F.batch_norm(u, mean, var, p["left_norm.gamma"], p["left_norm.beta"], training)
        return dense(F.relu(u).permute(0, 2, 3, 1).flatten(1), p, "left_dense1")

    y = net(x, z)
    expected = tower(x, True) * tower(z, True)  # one after the other moves the running statistics
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-9, atol=1e-12)
    dy = rng.normal(size=y.shape)
    net.backward(dy)
    expected.backward(torch.tensor(dy))
    compare(net, p)
    np.testing.assert_allclose(net.state["left_norm.running_mean"], mean.numpy(), rtol=1e-9)
    np.testing.assert_allclose(net.state["left_norm.running_var"], var.numpy(), rtol=1e-9)
    after = (tower(x, False) * tower(z, False)).detach().numpy()
    np.testing.assert_allclose(net.predict(x, z), after, rtol=1e-9, atol=1e-12)


def test_a_gate_per_channel_and_another_output_of_a_cell_are_pytorchs() -> None:
    text = """
    input x[N, 5]
    input h[N, 3]
    input c[N, 3]
    s = (x, h, c) -> cell: lstm_cell
    (s, cell.z, x -> dense(2)) -> concatenation -> (dense(4), dense(4) -> sigmoid, dense(4)) -> elementwise_product
    """
    rng = np.random.default_rng(4)
    net = network(text, "gated").compile().Gated(dtype=np.float64, rng=0)
    p, given = there(net), [rng.normal(size=(6, size)) for size in (5, 3, 3)]
    x, h, c = (torch.tensor(value) for value in given)
    u = torch.einsum("ne,eak->nak", x, p["cell.w"]) + torch.einsum("nl,lak->nak", h, p["cell.r"]) + p["cell.b"]
    i, f, g, o = torch.sigmoid(u[:, 0]), torch.sigmoid(u[:, 1]), torch.tanh(u[:, 2]), torch.sigmoid(u[:, 3])
    z = f * c + i * g
    joined = torch.cat([o * torch.tanh(z), z, dense(x, p, "dense1")], 1)
    expected = dense(joined, p, "dense2") * torch.sigmoid(dense(joined, p, "dense3")) * dense(joined, p, "dense4")
    y = net(*given)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-9)
    dy = rng.normal(size=y.shape)
    net.backward(dy)
    expected.backward(torch.tensor(dy))
    compare(net, p)


def test_a_shared_cell_is_pytorchs_lstm() -> None:
    text = """
    input x0[N, 5]
    input x1[N, 5]
    input x2[N, 5]
    input h[N, 4]
    input c[N, 4]
    h1 = (x0, h, c) -> s1: lstm_cell
    h2 = (x1, h1, s1.z) -> s2: share(s1)
    h3 = (x2, h2, s2.z) -> s3: share(s2)
    """
    rng = np.random.default_rng(5)
    net = network(text, "unrolled").compile().Unrolled(dtype=np.float64, rng=0)
    p, x = there(net), rng.normal(size=(3, 6, 5))
    h, c = rng.normal(size=(2, 6, 4))
    lstm = torch.nn.LSTM(5, 4).double()
    rows = {"weight_ih_l0": p["s1.w"], "weight_hh_l0": p["s1.r"], "bias_ih_l0": p["s1.b"]}
    own = {name: w.reshape(-1, 16).T if w.ndim == 3 else w.reshape(16) for name, w in rows.items()}
    own["bias_hh_l0"] = torch.zeros(16, dtype=torch.float64)
    y, _ = torch.func.functional_call(lstm, own, (torch.tensor(x), (torch.tensor(h)[None], torch.tensor(c)[None])))
    found = net(*x, h, c)
    np.testing.assert_allclose(found, y[-1].detach().numpy(), rtol=1e-9, atol=1e-12)
    dy = rng.normal(size=found.shape)
    net.backward(dy)
    y[-1].backward(torch.tensor(dy))
    compare(net, p)


def test_a_loss_may_be_a_number_of_the_network_itself() -> None:
    text = """
    input x[N, 6]
    input noise[N, 2]
    layer sample { z[n,k] = m[n,k] + exp(s[n,k]/2) * e[n,k]; constant e }
    layer divergence { input m[N,K], s[N,K]; y = sum(n,k) (exp(s[n,k]) + m[n,k]^2 - 1 - s[n,k]) / (2*N) }
    hidden = x -> dense(5) -> tanh
    m = hidden -> dense(2)
    s = hidden -> dense(2)
    y = (m, s, noise) -> sample -> dense(6)
    kl = (m, s) -> divergence
    output y
    loss mean_squared_error
    loss 0.1 * kl
    """
    rng = np.random.default_rng(6)
    net = network(text, "vae").compile().Vae(dtype=np.float64, rng=0)
    p, x, e = there(net), rng.normal(size=(4, 6)), rng.normal(size=(4, 2))
    hidden = torch.tanh(dense(torch.tensor(x), p, "dense1"))
    m, s = dense(hidden, p, "dense2"), dense(hidden, p, "dense3")
    y = dense(m + torch.exp(s / 2) * torch.tensor(e), p, "dense4")
    kl = (torch.exp(s) + m**2 - 1 - s).sum() / (2 * len(x))
    loss = F.mse_loss(y, torch.tensor(x)) + 0.1 * kl
    found = net(x, e)
    assert abs(net.loss(*found, x) - loss.item()) <= 1e-12
    net.backward()
    loss.backward()
    compare(net, p)
