"""What networks hold: memory that is used again, what is kept for backward, arrays that are views."""

import numpy as np
import pytest
from sympy import Integer

from gradscribe import network
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.network_kernels import network_kernels
from gradscribe.codegen.numpy.network.planning.memory import Memory
from gradscribe.codegen.numpy.network.planning.network_plans import backward_plan, forward_plan
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.composition import Network, concrete
from tests.cases.networks import instance
from tests.cases.thorough import some


def nothing_reads_what_was_given_back(net: Network) -> None:
    """What goes back to the buffers is spoiled at once: the results stay."""
    module = compile_layer(net)

    class Spoiling(module.rt.Buffers):  # type: ignore[name-defined]
        given = 0

        def give(self, *arrays: np.ndarray) -> None:
            for array in arrays:
                array.fill(np.nan)
            self.given += len(arrays)
            super().give(*arrays)

    found = []
    for buffers in (module.rt.Buffers(), Spoiling()):
        layer = getattr(module, net.class_name)(dtype=np.float64, rng=0)
        layer.buffers = buffers
        x = np.random.default_rng(1).normal(size=(3, *(int(e) for e in concrete(net).given[0].shape[1:])))
        y = layer(x)
        found.append([y, layer.predict(x), layer.backward(np.ones_like(layer(x))), *layer.grads.values()])
    assert buffers.given
    for kept, spoiled in zip(*found, strict=True):
        np.testing.assert_array_equal(kept, spoiled)


def test_results_stay_when_memory_is_used_again() -> None:
    """What a caller is given is his; inputs are never written; the last call can be followed by backward."""
    layer = instance(network("input x[N, 5, 5, 2]\nconv2d(3, 3) -> tanh -> conv2d(2, 2) -> relu"))
    rng = np.random.default_rng(0)
    x1, x2 = rng.normal(size=(2, 4, 5, 5, 2))
    before = x1.copy()
    y1 = layer(x1)
    kept = y1.copy()
    dy = rng.normal(size=y1.shape)
    dx1 = layer.backward(dy)
    grads = {k: g.copy() for k, g in layer.grads.items()}
    first = dx1.copy()
    layer(x2)
    layer.predict(x2)
    layer.backward(dy)
    np.testing.assert_array_equal(y1, kept)
    np.testing.assert_array_equal(dx1, first)
    np.testing.assert_array_equal(x1, before)
    layer(x1)
    layer.predict(x2)  # between a call and its backward
    np.testing.assert_array_equal(layer.backward(dy), first)
    for key, g in layer.grads.items():
        np.testing.assert_array_equal(g, grads[key])


def memories(net: Network) -> tuple[Memory, Memory]:
    """The plans of forward and backward, with what they keep and their peaks."""
    found = network_kernels(net)
    return forward_plan(found).memory, backward_plan(found).memory


@pytest.mark.parametrize("backend", some(["numpy", "auto"], 1))
def test_memory_is_used_again_and_as_much_as_the_plan_says(backend: str) -> None:
    """The buffers do not grow from step to step; they hold no more than the stated peak."""
    net = NETWORKS["lenet5"]()
    module = compile_layer(net)
    layer = getattr(module, net.class_name)(dtype=np.float64, rng=0)
    x = np.zeros((64, 32, 32, 1))
    sizes = []
    with module.rt.settings(backend=backend):
        for _ in range(4):
            layer.backward(np.ones_like(layer(x)))
            layer.predict(x)
            sizes.append(layer.buffers.size)
    assert sizes[1] == sizes[3]
    stated = memories(net)
    n = next(iter(stated[1].peak.free_symbols))
    peak = max(int(m.peak.xreplace({n: Integer(64)})) for m in stated) * 8
    blocks = 8 * 2**20
    assert sizes[3] <= peak + blocks
    text = "\n".join(words for m in stated for words in m.words)
    assert "Kept for backward: x, a1_y" in text
    assert "Peak: " in text


def test_only_what_a_gradient_needs_is_kept() -> None:
    """A batch normalisation with relu keeps h, v and the output of relu: neither its input nor the mean beside them."""
    net = network("input x[N, 4, 4, 2]\nconv2d(3, 3, bias=false) -> batch_norm -> relu -> flatten -> dense(2)")
    names = {t.name for t in network_kernels(net).kept}
    assert names == {"x", "batch_norm1_v", "batch_norm1_h", "relu1_y", "flatten1_y"}


def test_flattening_copies_nothing() -> None:
    net = network("input x[N, 4, 4, 2]\nconv2d(3, 3) -> tanh -> flatten -> dense(2)")
    lines = [line for m in memories(net) for line in str(m.plan).splitlines()]
    assert any("view flatten1_y = tanh1_y as (N, 12)" in line for line in lines)
    assert not any("allocate flatten1_y" in line or "allocate dtanh1_y" in line for line in lines)
