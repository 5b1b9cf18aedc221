"""Recurrences with checkpoints: gradients as without them, of texts around recurrences too, and memory that is less."""

import sys
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.kernel.kernel import first_order
from gradscribe.codegen.kernel.second_order_kernels import kernels_of_order
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.tool.explain import explain
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.layer.interface import Layer
from gradscribe.generated.runtime.machine.configuration import has_c
from tests.cases.agreement import called, compiled, shapes
from tests.cases.recurrences import TEXTS
from tests.cases.thorough import some

Array = np.ndarray
RUN = """
    h[n,t,k] = tanh(x[n,t,k] + sum(j) h[n,t-1,j]*u[j,k])
    h[n,-1,k] = 0"""
AROUND = {
    "stacked": """
    h[n,t,k] = tanh(sum(d) x[n,t,d]*w[d,k] + sum(j) h[n,t-1,j]*u[j,k])
    h[n,-1,k] = 0
    g[n,t,k] = tanh(sum(d) h[n,t,d]*v[d,k] + sum(j) g[n,t-1,j]*r[j,k])
    g[n,-1,k] = g0[n,k]
    output g""",
    "pooled": f"""{RUN}
    s[n,t] = sum(k) h[n,t,k]*q[k]
    m[n] = max(t) s[n,t]
    e[n,t] = exp(s[n,t] - m[n])
    y[n,k] = sum(t) e[n,t]*h[n,t,k] / sum(j) e[n,j]""",
    "attending": f"{RUN}\n    y[n,t,k] = sum(i) [i <= t] (sum(d) h[n,t,d]*h[n,i,d]) * h[n,i,k]",
    "square": f"{RUN}\n    y[n,t,k] = sum(j) [j <= t] (sum(d) h[n,t,d]*h[n,j,d]) * h[n,j,k]",
    "windows": """
    c[n,t,k] = sum(r,d) x[n,t+r-1,d]*w[r,d,k]
    h[n,t,k] = tanh(c[n,t,k] + c[n,t-1,k] + sum(j) h[n,t-1,j]*u[j,k])
    h[n,-1,k] = 0
    output h""",
    "last": f"{RUN}\n    y[n,k] = h[n,T-1,k] + h[n,0,k]\n    z[k] = sum(n,t) h[n,t,k]^2\n    output y, z",
    "timed": """
    a = 0.3
    h[n,t,k] = tanh(x[n,t,k]*exp(-a*t) + [t % 2 == 0] * sum(j) h[n,t-1,j]*u[j,k])
    h[n,-1,k] = 0""",
    "masked": """
    integer l
    h[n,t,k] = [t < l[n]] * tanh(x[n,t,k] + sum(j) h[n,t-1,j]*u[j,k]) + [t >= l[n]] * h[n,t-1,k]
    h[n,-1,k] = 0
    y[n,k] = h[n,T-1,k]""",
    "three_back": """
    h[n,t,k] = tanh(x[n,t,k] + h[n,t-3,k]*u[k] + h[n,t-1,k]*p[n,t,k])
    h[n,-1,k] = a[n,k]
    h[n,-2,k] = b[n,k]
    h[n,-3,k] = 0""",
    "from_behind": """
    h[n,t,k] = tanh(x[n,t,k] + h[n,t+2,k]*u[k] + h[n,t+1,k]*p[n,t+1,k])
    h[n,T,k] = a[n,k]
    h[n,T+1,k] = b[n,k]
    y[n,t,k] = h[n,t+1,k]*x[n,t,k] + h[n,t,k]""",
    "two_sequences": f"""{RUN}
    s[n,i,k] = tanh(z[n,i,k] + sum(j) s[n,i-1,j]*v[j,k] + sum(t) h[n,t,k]*q[t,i])
    s[n,-1,k] = h0[n,k]
    output s""",
    "mirrored": f"{RUN}\n    y[n,t,k] = h[n,T-1-t,k]*x[n,t,k]",
    "one_number": "input w, x[T]\n    h[t] = tanh(x[t]*w + h[t-1])\n    h[-1] = 0\n    y = sum(t) h[t]^2",
    "in_turn": f"""{RUN}
    m[n,k] = sum(t) h[n,t,k]
    g[n,t,k] = tanh(h[n,t,k]*m[n,k] + g[n,t-1,k]*v[k])
    g[n,-1,k] = 0
    output g""",
}
"""What stands around recurrences: what goes along with them, and what does not."""
LONG = {"N": 2, "T": 5, "K": 3, "J": 3, "D": 2, "V": 2, "I": 6, "R": 3}
NONE = {"N": 2, "T": 0, "K": 2, "J": 2, "D": 2, "V": 2, "I": 0}
ONE = dict.fromkeys(LONG, 1)
EMPTY = {**LONG, "N": 0}


def results(source: Layer, sizes: Mapping[str, int], backend: str = "numpy") -> dict[tuple[str, str], Any]:
    """The outputs, and what every function of gradients returns, on numbers that depend on sizes alone."""
    rng, kernels, module = np.random.default_rng(0), first_order(source), compiled(source)
    known = {s: sizes.get(s.name, 3) if s.is_integer else 0.5 for s in source.program.symbols()}
    whole = {t.name for t in source.program.inputs if t.integer}
    with sys.modules[module.rt.__name__].settings(backend=backend):
        given: dict[str, Any] = {o.name: known[o.symbols[0]] for o in source.options}
        for name, shape in shapes(source, known).items():
            given[name] = rng.integers(1, 4, size=shape) if name in whole else rng.normal(size=shape)
        found = called(getattr(module, kernels[0].name), given)
        given |= dict(zip(kernels[0].results, found if isinstance(found, tuple) else (found,), strict=True))
        for output, seed in source.differentiate().seeds.items():
            given[seed.name] = rng.normal(size=np.shape(given[output]))
        every = {("outputs", name): given[name] for name in source.program.outputs}
        for kernel in kernels[1:]:
            made = called(getattr(module, kernel.name), given)
            made = made if isinstance(made, tuple) else (made,)
            every |= {(kernel.name, name): value for name, value in zip(kernel.results, made, strict=True)}
    return every


def assert_same(source: Layer, every: int, sizes: Mapping[str, int], backend: str = "numpy") -> None:
    expected, found = (results(s, sizes, backend) for s in (source, source.with_checkpoint(every)))
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert np.shape(found[key]) == np.shape(value)
        np.testing.assert_allclose(found[key], value, 1e-12, 1e-12, err_msg=f"{key}, every {every}")


@pytest.mark.parametrize("every", [1, 2, 3, 100])
@pytest.mark.parametrize("name", some(TEXTS, 3))
def test_gradients_are_those_without_checkpoints(name: str, every: int) -> None:
    assert_same(gradscribe.layer(TEXTS[name], name), every, LONG)


@pytest.mark.parametrize("every", some([1, 2, 3, 100], 2, 1))
@pytest.mark.parametrize("name", some(AROUND, 5))
def test_what_stands_around_a_recurrence_is_as_it_was(name: str, every: int) -> None:
    assert_same(gradscribe.layer(AROUND[name], name), every, LONG)


@pytest.mark.parametrize("name", some(["two_back", *TEXTS], 2))
def test_by_compiled_loops(name: str) -> None:
    assert_same(gradscribe.layer(TEXTS[name], name), 2, LONG, "compiled")


@pytest.mark.parametrize("sizes", [NONE, ONE, EMPTY], ids=["no position", "one", "no example"])
@pytest.mark.parametrize("name", some(["two_back", "rnn", "both_ways", *TEXTS], 3))
def test_at_odd_sizes(name: str, sizes: dict[str, int]) -> None:
    assert_same(gradscribe.layer(TEXTS[name], name), 2, sizes)


@pytest.mark.parametrize("name", some(["gru", "bidirectional_lstm", "ctc_loss", "crf_loss", "state_space"], 2))
def test_layers_of_the_catalogue(name: str) -> None:
    assert_same(find(name), 3, {"N": 2, "T": 7, "K": 4, "S": 3, "C": 2, "H": 4, "D": 3})


def test_nan_stays_where_it_comes_to() -> None:
    x = np.arange(6.0)
    x[3] = np.nan
    module = compiled(gradscribe.layer(TEXTS["running_sum"], "running_sum").with_checkpoint(2))
    np.testing.assert_array_equal(np.isnan(called(module.running_sum_forward, {"x": x})), [False] * 3 + [True] * 3)


def class_of(source: Layer, rng: int = 0) -> Any:
    return compiled(source).LSTM(8, 16, rng=rng)


def test_a_class_learns_as_without_them() -> None:
    """Also in calls that come again."""
    x = np.random.default_rng(0).normal(size=(3, 20, 8)).astype(np.float32)
    nets = [class_of(source) for source in (find("lstm"), find("lstm").with_checkpoint(6))]
    for _ in range(4):
        given = []
        for net in nets:
            h, c = net(x)
            given.append((h, c, *net.backward(h, c)[:1], *net.grads.values()))
        for a, b in zip(*given, strict=True):
            np.testing.assert_allclose(a, b, 1e-4, 1e-5)


@pytest.mark.skipif(not has_c(), reason="no C compiler")
def test_recorded_calls_have_the_memory_of_a_stretch() -> None:
    x = np.random.default_rng(0).normal(size=(3, 40, 8)).astype(np.float32)
    sources = find("lstm"), find("lstm").with_checkpoint(4), find("lstm").with_checkpoint(7)
    given, sizes = [], []
    for source in sources:
        net = class_of(source)
        with sys.modules[compiled(source).rt.__name__].settings(backend="compiled"):
            for _ in range(2):
                h, c = net(x)
                slopes = [net.backward(h, c)[0], *net.grads.values()]
        given.append((h, c, *slopes))
        assert len(net._recordings.found) == 2
        sizes.append(net._recordings.arena.size)
    for arrays in zip(*given, strict=True):
        for other in arrays[1:]:
            np.testing.assert_allclose(other, arrays[0], 1e-4, 1e-5)
    assert max(sizes[1:]) < sizes[0] / 2


def peak(source: Layer, length: int) -> tuple[int, int]:
    """The bytes that forward holds, and the most that there are at once, of a pass there and back."""
    module = compiled(source)
    runtime = sys.modules[module.rt.__name__]
    rng = np.random.default_rng(0)
    x, w, r = (rng.normal(size=s).astype(np.float32) for s in ((4, length, 8), (8, 4, 32), (32, 4, 32)))
    forward, backward = first_order(source)[0], first_order(source)[-1]
    with runtime.settings(backend="numpy"):
        runtime.release()
        tracemalloc.start()
        try:
            given: dict[str, Any] = {"x": x, "w": w, "r": r, "b": None, "h0": None, "c0": None}
            given |= dict(zip(forward.results, called(module.lstm_forward, given), strict=True))
            kept = sum(given[t.name].nbytes for t in backward.arguments if t.name in forward.results)
            given |= {"dh": given["h"], "dc": given["c"]}
            called(module.lstm_backward, given)
            return kept, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def test_memory_is_less() -> None:
    """What is kept grows with T/K, what is computed again with K; x, its gradient and the outputs grow with T."""
    kept, most = peak(find("lstm"), 400)
    kept_20, most_20 = peak(find("lstm").with_checkpoint(20), 400)
    plane = 4 * 4 * 32 * 400
    assert kept == 7 * plane
    assert kept_20 == 2 * plane // 20
    outputs_and_slope_of_x = 2 * plane + plane // 4
    assert most - outputs_and_slope_of_x > 9 * plane
    assert most_20 - outputs_and_slope_of_x < 3 * plane


def test_the_plan_says_it() -> None:
    source = find("lstm").with_checkpoint(10)
    forward, *_, backward = (str(plan(kernel)) for kernel in first_order(source))
    assert "checkpoints: 10 positions of T at a time; before_h goes on" in forward
    assert "keeps kept_c, kept_h; makes c, h" in forward
    assert "checkpoints: 10 positions of T at a time, from the last; computed again from kept_" in backward
    assert "adds up dw, dr, db" in backward
    shown = explain("simple_rnn", {"x": (2, 9, 3), "h0": None}, {"hidden_size": "4"}, checkpoint=4).as_data()
    assert "checkpoints: 4 positions of 9 at a time" in str(shown)


def test_a_module_that_is_written_has_them(tmp_path: Path) -> None:
    gradscribe.layer(TEXTS["rnn"], "rnn", checkpoint=5).generate(tmp_path)
    text = (tmp_path / "rnn.py").read_text(encoding="utf-8")
    assert "Checkpoints: recurrences are computed 5 positions at a time" in text
    assert "for start, stop in rt.stretches(T, 5, -1):" in text


@pytest.mark.parametrize("every", [0, -3, 2.5, True, "4", None])
def test_refused_as_no_number_of_positions(every: Any) -> None:
    with pytest.raises(EquationError, match=r"lstm: checkpoint .*: expected a number of positions, at least 1"):
        find("lstm").with_checkpoint(every)


def test_refused_where_nothing_is_kept_by_position() -> None:
    with pytest.raises(EquationError, match="relu: checkpoint 4: expected a layer with a recurrence; it has none"):
        find("relu").with_checkpoint(4)
    with pytest.raises(EquationError, match="expected a layer with a recurrence"):
        gradscribe.layer("y[n] = x[n]^2", checkpoint=4)
    with pytest.raises(EquationError, match="lenet: checkpoint 4: a network keeps every position; expected a layer"):
        find("lenet").with_checkpoint(4)


def test_refused_within_a_network() -> None:
    """It lost its checkpoint there."""
    source = gradscribe.layer(f"{RUN}\nweight u", "rnn")
    assert gradscribe.network("rnn -> relu", layers={"rnn": source})
    with pytest.raises(
        EquationError, match="rnn has checkpoint 4, but a network keeps every position; expected rnn wit"
    ):
        gradscribe.network("rnn -> relu", layers={"rnn": source.with_checkpoint(4)})


def test_refused_at_order_2_and_in_c(tmp_path: Path) -> None:
    source = gradscribe.layer(TEXTS["rnn"], "rnn", checkpoint=4)
    with pytest.raises(EquationError, match="rnn: checkpoint 4: expected order 1"):
        kernels_of_order(source, 2)
    with pytest.raises(EquationError, match="rnn: checkpoint 4: C keeps every position"):
        source.generate(tmp_path, backend="c")
    assert not [*tmp_path.iterdir()]
