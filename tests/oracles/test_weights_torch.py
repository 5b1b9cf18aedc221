"""Weights to and from PyTorch's own modules: the same outputs either way, for every layer that both have."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from gradscribe import generated as g
from gradscribe.adapters import from_torch, to_torch
from tests.oracles.torch_calls import kernel_first

torch = pytest.importorskip("torch")
nn = torch.nn

pytestmark = pytest.mark.oracle

Array = Any
F64: dict[str, Any] = {"dtype": np.float64}


def same(x: Array) -> Array:
    return x


def first(x: Array) -> Array:
    """Channels first."""
    return np.moveaxis(x, -1, 1)


def conv(cls: str, rank: int, **options: Any) -> tuple[Any, Any, Any, Any]:
    size = (3, 2, 3)[:rank]
    ours = getattr(g, f"{cls}{rank}D")(4, 6, size, **options, **F64, rng=1)
    theirs = getattr(nn, f"{cls}{rank}d")(4, 6, size, **options)
    return ours, theirs, (2, *(7, 6, 5)[:rank], 4), first


def depthwise(rank: int) -> tuple[Any, Any, Any, Any]:
    cls, module = (g.DepthwiseConv1D, nn.Conv1d) if rank == 1 else (g.DepthwiseConv2D, nn.Conv2d)
    size = (3, 2)[:rank]
    return cls(3, 2, size, **F64, rng=1), module(3, 6, size, groups=3), (2, *(7, 6)[:rank], 3), first


def normalised(ours: Any, theirs: Any, layout: Callable[[Array], Array] = first) -> tuple[Any, Any, Any, Any]:
    return ours, theirs, (3, 4, 4, 4) if layout is first else (3, 4), layout


CASES: dict[str, Callable[[], tuple[Any, Any, Any, Any]]] = {
    **{f"conv{r}d": partial(conv, "Conv", r, groups=2, padding=1) for r in (1, 2, 3)},
    **{f"conv_transpose{r}d": partial(conv, "ConvTranspose", r, groups=2, stride=2) for r in (1, 2, 3)},
    "conv2d without bias": partial(conv, "Conv", 2, bias=False),
    **{f"depthwise_conv{r}d": partial(depthwise, r) for r in (1, 2)},
    "dense": lambda: (g.Dense(5, 3, **F64, rng=1), nn.Linear(5, 3), (2, 4, 5), same),
    "embedding": lambda: (g.Embedding(7, 3, **F64, rng=1), nn.Embedding(7, 3), None, same),
    "prelu": lambda: normalised(g.PReLU(4, **F64), nn.PReLU(4)),
    "batch_norm": lambda: normalised(g.BatchNorm(4, **F64), nn.BatchNorm2d(4)),
    "layer_norm": lambda: normalised(g.LayerNorm(4, **F64), nn.LayerNorm(4), same),
    "rms_norm": lambda: normalised(g.RMSNorm(4, **F64), nn.RMSNorm(4, eps=1e-6), same),
    "group_norm": lambda: normalised(g.GroupNorm(4, num_groups=2, **F64), nn.GroupNorm(2, 4)),
    "instance_norm": lambda: normalised(g.InstanceNorm(4, **F64), nn.InstanceNorm2d(4, affine=True)),
}


def scrambled(module: Any) -> Any:
    """The module in float64, no weight at the value that it starts with."""
    generator = torch.Generator().manual_seed(3)
    module = module.double()
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator, dtype=torch.float64) + 0.1 * len(name))
    return module


def outputs(module: Any, *inputs: Array) -> list[Array]:
    with torch.no_grad():
        found = module(*map(torch.from_numpy, inputs))
    return [t.numpy() for t in (found if isinstance(found, tuple) else (found,))]


@pytest.mark.parametrize("case", CASES)
def test_the_same_outputs_after_either_way(case: str) -> None:
    ours, theirs, shape, layout = CASES[case]()
    rng = np.random.default_rng(0)
    x = rng.integers(0, 7, (3, 4)) if shape is None else rng.normal(size=shape)
    theirs = scrambled(theirs)
    from_torch(ours, theirs.state_dict())
    np.testing.assert_allclose(layout(ours(x)), outputs(theirs, layout(x).copy())[0], rtol=1e-12, atol=1e-12)

    for array in ours.params.values():
        array += rng.normal(size=array.shape)
    theirs.load_state_dict({name: torch.from_numpy(a) for name, a in to_torch(ours).items()})
    np.testing.assert_allclose(layout(ours(x)), outputs(theirs, layout(x).copy())[0], rtol=1e-12, atol=1e-12)
    before = {name: array.copy() for name, array in ours.params.items()}
    from_torch(ours, theirs.state_dict())
    assert all(np.array_equal(ours.params[name], array) for name, array in before.items())


def test_bilinear() -> None:
    ours, theirs = g.Bilinear(3, 4, 5, **F64, rng=1), scrambled(nn.Bilinear(3, 4, 5))
    x, z = (np.random.default_rng(k).normal(size=(2, n)) for k, n in ((0, 3), (1, 4)))
    from_torch(ours, theirs.state_dict())
    np.testing.assert_allclose(ours(x, z), outputs(theirs, x, z)[0], rtol=1e-12)
    assert {n: a.shape for n, a in to_torch(ours).items()} == {
        n: tuple(t.shape) for n, t in theirs.state_dict().items()
    }


CELLS: dict[str, tuple[Any, Any, int]] = {
    "SimpleRNNCell": (g.SimpleRNNCell, nn.RNNCell, 1),
    "LSTMCell": (g.LSTMCell, nn.LSTMCell, 2),
    "GRUCell": (g.GRUCell, nn.GRUCell, 1),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_cells(cell: str, bias: bool) -> None:
    cls, module, states = CELLS[cell]
    absent = {"bias": False, "d": False} if cell == "GRUCell" else {"bias": False}
    ours = cls(3, 4, **({} if bias else absent), **F64, rng=1)
    theirs = scrambled(module(3, 4, bias=bias))
    rng = np.random.default_rng(0)
    x, *begin = rng.normal(size=(2, 3)), *(rng.normal(size=(2, 4)) for _ in range(states))

    def both() -> None:
        found = ours(x, *begin)
        given = torch.from_numpy(begin[0]) if states == 1 else tuple(map(torch.from_numpy, begin))
        with torch.no_grad():
            expected = theirs(torch.from_numpy(x), given)
        for a, b in zip(*(v if isinstance(v, tuple) else (v,) for v in (found, expected)), strict=True):
            np.testing.assert_allclose(a, b.numpy(), rtol=1e-12)

    from_torch(ours, theirs.state_dict())
    both()
    ours.params["w"] += 0.5
    theirs.load_state_dict({name: torch.from_numpy(a) for name, a in to_torch(ours).items()})
    both()


def test_a_pattern_names_the_weights_of_a_module_of_many_layers() -> None:
    theirs = scrambled(nn.LSTM(3, 4, num_layers=1))
    ours = g.LSTMCell(3, 4, **F64, rng=1)
    from_torch(ours, theirs.state_dict(), names={"": "{}_l0"})
    x = np.random.default_rng(0).normal(size=(2, 3))
    y, _ = ours(x, np.zeros((2, 4)), np.zeros((2, 4)))
    with torch.no_grad():
        expected, _ = theirs(torch.from_numpy(x[None]))
    np.testing.assert_allclose(y, expected[0].numpy(), rtol=1e-12)


def test_the_connections_of_a_convolution_are_those_of_a_full_one() -> None:
    ours, theirs = g.ConnectedConv2D(2, 3, 3, **F64, rng=1), scrambled(nn.Conv2d(2, 3, 3))
    from_torch(ours, theirs.state_dict())
    np.testing.assert_array_equal(ours.params["w"], kernel_first(theirs.weight.detach()).numpy())


def test_types_are_converted_but_only_real_ones() -> None:
    ours = g.Dense(2, 2, rng=0)
    weight = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        from_torch(ours, {"weight": weight.to(dtype), "bias": torch.zeros(2)})
        np.testing.assert_array_equal(ours.params["w"], [[1, 3], [2, 4]])
        assert ours.params["w"].dtype == np.float32
    for dtype in (torch.int64, torch.bool):
        with pytest.raises(ValueError, match=r"weight: expected type float, found (int64|bool)$"):
            from_torch(ours, {"weight": weight.to(dtype), "bias": torch.zeros(2)})


def test_what_pytorch_counts_is_accepted_and_given_but_not_kept() -> None:
    ours = g.BatchNorm(2)
    found = to_torch(ours)
    assert found["num_batches_tracked"].dtype == np.int64
    assert found["num_batches_tracked"].shape == ()
    nn.BatchNorm1d(2).load_state_dict({n: torch.from_numpy(a) for n, a in found.items()})
    from_torch(ours, {name: a for name, a in found.items() if name != "num_batches_tracked"})
