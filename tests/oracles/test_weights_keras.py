"""Weights to and from the real Keras, on its PyTorch backend: the same outputs either way.

Keras computes some layers in float32, whatever its inputs are: hence the tolerance.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradscribe import generated as g
from gradscribe.adapters import from_keras, to_keras

pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(keras.backend.backend() != "torch", reason="another backend"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy"),  # Keras's own (3.15)
]

F64: dict[str, Any] = {"dtype": np.float64}
L = keras.layers
F = {"dtype": "float64"}

CASES: dict[str, tuple[Callable[[], Any], Callable[[], Any], tuple[int, ...]]] = {
    "conv1d": (lambda: g.Conv1D(4, 6, 3, groups=2, **F64), lambda: L.Conv1D(6, 3, groups=2, **F), (2, 7, 4)),
    "conv2d": (lambda: g.Conv2D(3, 4, (3, 2), **F64), lambda: L.Conv2D(4, (3, 2), **F), (2, 5, 6, 3)),
    "conv3d": (lambda: g.Conv3D(2, 3, 2, **F64), lambda: L.Conv3D(3, 2, **F), (2, 3, 4, 5, 2)),
    "conv_transpose1d": (
        lambda: g.ConvTranspose1D(3, 4, 3, stride=2, **F64), lambda: L.Conv1DTranspose(4, 3, 2, **F), (2, 5, 3)
    ),
    "conv_transpose2d": (
        lambda: g.ConvTranspose2D(3, 4, (3, 2), stride=2, **F64),
        lambda: L.Conv2DTranspose(4, (3, 2), 2, **F), (2, 5, 6, 3),
    ),
    "depthwise_conv2d": (
        lambda: g.DepthwiseConv2D(3, 2, (3, 2), **F64),
        lambda: L.DepthwiseConv2D((3, 2), depth_multiplier=2, **F), (2, 5, 6, 3),
    ),
    "depthwise_conv1d": (
        lambda: g.DepthwiseConv1D(3, 2, 3, **F64), lambda: L.DepthwiseConv1D(3, depth_multiplier=2, **F), (2, 6, 3)
    ),
    "dense": (lambda: g.Dense(3, 4, **F64), lambda: L.Dense(4, **F), (2, 3)),
    "dense without bias": (lambda: g.Dense(3, 4, bias=False, **F64), lambda: L.Dense(4, use_bias=False, **F), (2, 3)),
    "layer_norm": (lambda: g.LayerNorm(4, **F64), lambda: L.LayerNormalization(epsilon=1e-5, **F), (3, 4)),
    "rms_norm": (lambda: g.RMSNorm(4, **F64), lambda: L.RMSNormalization(epsilon=1e-6, **F), (3, 4)),
    "group_norm": (
        lambda: g.GroupNorm(4, num_groups=2, **F64), lambda: L.GroupNormalization(2, epsilon=1e-5, **F), (2, 3, 3, 4)
    ),
    "prelu": (lambda: g.PReLU(4, **F64), lambda: L.PReLU(shared_axes=[1, 2], **F), (2, 3, 3, 4)),
}  # fmt: skip


def variables(layer: Any) -> dict[str, Any]:
    return {v.path: v.numpy() for v in layer.weights}


def scrambled(layer: Any, rng: np.random.Generator) -> Any:
    layer.set_weights([0.2 + rng.random(w.shape) for w in layer.get_weights()])
    return layer


def tensor(array: Any) -> Any:
    """Keras would make an array float32."""
    return keras.ops.convert_to_tensor(array, "float64" if array.dtype.kind == "f" else "int64")


def evaluated(layer: Any, x: Any, **options: Any) -> Any:
    return layer(tensor(x), **options).detach().numpy()


@pytest.mark.parametrize("case", CASES)
def test_the_same_outputs_after_either_way(case: str) -> None:
    make_ours, make_theirs, shape = CASES[case]
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    ours, theirs = make_ours(), make_theirs()
    theirs.build(shape)
    scrambled(theirs, rng)
    from_keras(ours, variables(theirs), names={"": theirs.name})
    np.testing.assert_allclose(ours(x), evaluated(theirs, x), rtol=1e-5, atol=1e-5)
    for array in ours.params.values():
        array += rng.normal(size=array.shape)
    given = to_keras(ours, names={"": theirs.name})
    for variable in theirs.weights:
        variable.assign(given[variable.path].reshape(variable.shape))
    np.testing.assert_allclose(ours(x), evaluated(theirs, x), rtol=1e-5, atol=1e-5)


CELLS: dict[str, tuple[Callable[[], Any], Any, int]] = {
    "simple_rnn_cell": (lambda: g.SimpleRNNCell(3, 4, **F64), L.SimpleRNNCell, 1),
    "lstm_cell": (lambda: g.LSTMCell(3, 4, **F64), L.LSTMCell, 2),
    "gru_cell": (lambda: g.GRUCell(3, 4, **F64), L.GRUCell, 1),
}


@pytest.mark.parametrize("case", CELLS)
def test_recurrent_cells(case: str) -> None:
    make, cell, states = CELLS[case]
    rng = np.random.default_rng(0)
    ours, theirs = make(), cell(4, **F)
    theirs.build((2, 3))
    scrambled(theirs, rng)
    x, *begin = rng.normal(size=(2, 3)), *(rng.normal(size=(2, 4)) for _ in range(states))
    from_keras(ours, variables(theirs), names={"": theirs.name})
    found = ours(x, *begin)
    expected, _ = theirs(tensor(x), [tensor(b) for b in begin])
    np.testing.assert_allclose(found[0] if states > 1 else found, expected.detach().numpy(), rtol=1e-5, atol=1e-5)
    given = to_keras(ours, names={"": theirs.name})
    assert all(np.array_equal(given[path], array) for path, array in variables(theirs).items())


def test_embedding() -> None:
    ours, theirs = g.Embedding(7, 3, **F64), L.Embedding(7, 3, **F)
    theirs.build((2,))
    from_keras(ours, variables(theirs), names={"": theirs.name})
    t = np.array([[0, 6], [3, 3]])
    np.testing.assert_array_equal(ours(t), evaluated(theirs, t))


def test_a_model_with_a_flatten_and_running_statistics() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 6, 6, 1))
    model = keras.Sequential(
        [L.Input((6, 6, 1)), L.Conv2D(3, 3, name="c1", **F), L.BatchNormalization(epsilon=1e-5, name="n1", **F),
         L.ReLU(**F), L.MaxPooling2D(2, **F), L.Flatten(**F), L.Dense(5, name="f1", **F)], name="net",
    )  # fmt: skip
    scrambled(model, rng)
    net = g.Sequential(
        g.Conv2D(1, 3, 3, **F64), g.BatchNorm(3, **F64), g.ReLU(), g.MaxPool2D(2), g.Flatten(), g.Dense(12, 5, **F64)
    )
    names = {"0": "net/c1", "1": "net/n1", "5": "net/f1"}
    given = {f"net/{path}" if not path.startswith("net/") else path: a for path, a in variables(model).items()}
    from_keras(net, given, names)
    np.testing.assert_array_equal(net.layers[1].state["running_var"], given["net/n1/moving_variance"])
    np.testing.assert_allclose(net(x), evaluated(model, x, training=True), rtol=1e-5, atol=1e-5)
