"""The boxed rows of a network, evaluated from the last layer down, against PyTorch's autograd of the same network."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.derivation.certificate.boxes import back_propagated
from gradscribe.derive.ir.interpret import complete_sizes, interpret
from gradscribe.derive.layer.sampling import sample_sizes, sample_values

torch = pytest.importorskip("torch")
functional = torch.nn.functional
pytestmark = pytest.mark.oracle

Tensors = dict[str, Any]


def conv(x: Any, t: Tensors, name: str, padding: int = 0) -> Any:
    """Channels last, as everything here."""
    w, b = t[f"{name}_w"].permute(3, 2, 0, 1).contiguous(), t.get(f"{name}_b")
    return functional.conv2d(x.permute(0, 3, 1, 2).contiguous(), w, b, padding=padding).permute(0, 2, 3, 1)


def pooled(x: Any, pool: Callable[..., Any], size: tuple[int, int]) -> Any:
    return pool(x.permute(0, 3, 1, 2), size).permute(0, 2, 3, 1)


def dense(x: Any, t: Tensors, name: str) -> Any:
    return x @ t[f"{name}_w"] + t[f"{name}_b"]


def subsampled(x: Any, t: Tensors, name: str, size: tuple[int, int], sizes: dict[str, Any]) -> tuple[Any, Any]:
    total = pooled(x, functional.avg_pool2d, size) * size[0] * size[1]
    u = t[f"{name}_a"] * total + t[f"{name}_b"]
    return u, sizes["A"] * torch.tanh(sizes["S"] * u)


def conv_tanh_conv(t: Tensors, sizes: dict[str, Any]) -> tuple[Tensors, Any]:
    u = conv(t["x"], t, "conv2d1")
    out = conv(torch.tanh(u), t, "conv2d2")
    return {"l": u, "l+1": out}, out


def conv_relu_max_pool_conv(t: Tensors, sizes: dict[str, Any]) -> tuple[Tensors, Any]:
    u = conv(t["x"], t, "conv2d1")
    y = pooled(torch.relu(u), functional.max_pool2d, (sizes["R_2"], sizes["T_2"]))
    out = conv(y, t, "conv2d2")
    return {"l": u, "l+1": y, "l+2": out}, out


def conv_tanh_avg_pool_conv(t: Tensors, sizes: dict[str, Any]) -> tuple[Tensors, Any]:
    u = conv(t["x"], t, "conv2d1")
    y = pooled(torch.tanh(u), functional.avg_pool2d, (sizes["R_2"], sizes["T_2"]))
    out = conv(y, t, "conv2d2")
    return {"l": u, "l+1": y, "l+2": out}, out


def conv_tanh_subsampling_conv(t: Tensors, sizes: dict[str, Any]) -> tuple[Tensors, Any]:
    u = conv(t["x"], t, "conv2d1")
    v, z = subsampled(torch.tanh(u), t, "subsampling2d1", (sizes["R_2"], sizes["T_2"]), sizes)
    out = conv(z, t, "conv2d2")
    return {"l": u, "l+1": v, "l+2": out}, out


def conv_tanh_flatten_dense(t: Tensors, sizes: dict[str, Any]) -> tuple[Tensors, Any]:
    u = conv(t["x"], t, "conv2d1")
    out = dense(torch.tanh(u).flatten(1), t, "dense1")
    return {"l": u, "l+1": out}, out


def residual(t: Tensors, sizes: dict[str, Any]) -> tuple[Tensors, Any]:
    u = conv(t["x"], t, "conv2d1", padding=1)
    z = torch.relu(u)
    y = conv(z, t, "conv2d2", padding=1) + z
    out = conv(y, t, "conv2d3")
    return {"l": u, "l+2": y, "l+3": out}, out


def conv_norm_relu_conv(t: Tensors, sizes: dict[str, Any]) -> tuple[Tensors, Any]:
    u = conv(t["x"], t, "conv2d1")
    gamma, beta = t["batch_norm1_gamma"], t["batch_norm1_beta"]
    y = functional.batch_norm(
        u.permute(0, 3, 1, 2), None, None, gamma, beta, training=True, eps=sizes["epsilon"]
    ).permute(0, 2, 3, 1)
    out = conv(torch.relu(y), t, "conv2d2")
    return {"l": u, "l+1": y, "l+2": out}, out


def dense_chain_with_loss(t: Tensors, sizes: dict[str, Any]) -> tuple[Tensors, Any]:
    u = dense(t["x"], t, "dense1")
    out = dense(torch.sigmoid(u), t, "dense2")
    return {"l": u, "l+1": out}, functional.cross_entropy(out, t["t"])


CASES: list[tuple[str, Callable[[Tensors, dict[str, Any]], tuple[Tensors, Any]]]] = [
    ("conv2d -> tanh -> conv2d", conv_tanh_conv),
    ("conv2d -> relu -> max_pool2d -> conv2d", conv_relu_max_pool_conv),
    ("conv2d -> tanh -> avg_pool2d -> conv2d", conv_tanh_avg_pool_conv),
    ("conv2d -> tanh -> subsampling2d -> conv2d", conv_tanh_subsampling_conv),
    ("conv2d -> tanh -> flatten -> dense", conv_tanh_flatten_dense),
    ("conv2d(4, 3, padding=1) -> relu -> residual(conv2d(4, 3, padding=1)) -> conv2d", residual),
    ("conv2d -> batch_norm -> relu -> conv2d", conv_norm_relu_conv),
    ("input x[N, C]; dense -> sigmoid -> dense; loss softmax_cross_entropy", dense_chain_with_loss),
]


@pytest.mark.parametrize(("name", "forward"), CASES, ids=[f.__name__ for _, f in CASES])
@pytest.mark.parametrize("seed", range(3))
def test_boxed_rows_equal_autograd(name: str, forward: Callable[..., tuple[Tensors, Any]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    derivation = derive(find(name))
    sizes = complete_sizes(derivation.program, sample_sizes(derivation.layer or derivation.program, rng))
    values = interpret(derivation.program, sample_values(derivation.program, sizes, rng), sizes)
    given = {t.name: values[t.name] for t in derivation.program.inputs}
    tensors = {n: torch.tensor(v, requires_grad=v.dtype.kind == "f") for n, v in given.items()}
    signals, output = forward(tensors, {s.name: v for s, v in sizes.items()})
    assert np.allclose(output.detach().numpy(), values[derivation.program.outputs[0]], atol=1e-12)
    seed_value = rng.normal(size=tuple(output.shape)) if output.ndim else np.array(1.0)
    found = back_propagated(derivation, {**values, derivation.seeds[0][1]: seed_value}, sizes, rng)
    weights = [s.wrt for s in derivation.sections if s.wrt in tensors]
    expected = torch.autograd.grad(
        (output * torch.tensor(seed_value)).sum(), [*signals.values(), *(tensors[w] for w in weights)]
    )
    names = [gradient(derivation, label) for label in signals] + [f"d{w}" for w in weights]
    assert len(weights) >= 4
    for label, value in zip(names, expected, strict=True):
        assert np.allclose(found[label], value.numpy(), rtol=1e-9, atol=1e-10), label


def gradient(derivation: Derivation, label: str) -> str:
    return next(name for name, own in derivation.notation.deltas.items() if own == label)


def test_lenet_equals_autograd() -> None:
    """The plain LeNet at its published sizes, from the loss down to the first kernel."""
    rng = np.random.default_rng(0)
    network = NETWORKS["lenet"]()
    derivation = derive(network)
    sizes = complete_sizes(derivation.program, {s: int(v) for s, v in network.values} | batch(derivation))
    values = interpret(derivation.program, sample_values(derivation.program, sizes, rng), sizes)
    found = back_propagated(derivation, values, sizes, rng)
    t = {n.name: torch.tensor(values[n.name], requires_grad=not n.integer) for n in derivation.program.inputs}
    x = pooled(torch.tanh(conv(t["x"], t, "c1")), functional.max_pool2d, (2, 2))
    x = pooled(torch.tanh(conv(x, t, "c3")), functional.max_pool2d, (2, 2)).flatten(1)
    x = torch.tanh(dense(torch.tanh(dense(x, t, "f5")), t, "f6"))
    loss = functional.cross_entropy(dense(x, t, "output"), t["t"])
    weights = [s.wrt for s in derivation.sections if s.wrt in network.weights]
    assert len(weights) == 10
    for name, value in zip(weights, torch.autograd.grad(loss, [t[w] for w in weights]), strict=True):
        assert np.allclose(found[f"d{name}"], value.numpy(), rtol=1e-9, atol=1e-12), name


def batch(derivation: Derivation) -> dict[Any, int]:
    return {s: 2 for s in derivation.program.symbols() if s.name == "N"}
