"""Networks: composition, generated modules against the interpreter."""

import ast
import inspect
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from sympy import Eq, Idx, IndexedBase, Sum, Symbol

import gradscribe
from gradscribe import network
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.tool.verify.network_gaps import network_gaps
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.networks.lenet5_data import TABLE
from gradscribe.derive.composition import compose, concrete
from gradscribe.derive.composition.joining.any_axes import written_out
from gradscribe.derive.composition.with_loss import with_loss
from gradscribe.derive.derivation import derive
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.layer.equations import program
from tests.cases.catalogue import GENERATED
from tests.cases.networks import instance, node
from tests.cases.random_networks import random_network
from tests.cases.thorough import some
from tests.derive.composition.test_network_memory import nothing_reads_what_was_given_back


def shipped(name: str) -> Any:
    """A network of the catalogue, of the generated files; they are what `compile_layer` makes."""
    module = import_module(f"gradscribe.generated.{name}")
    return getattr(module, NETWORKS[name]().class_name)(dtype=np.float64, rng=0)


def shaken(layer: Any, rng: np.random.Generator) -> None:
    """Weights of all signs, so that no gradient is 0 by chance."""
    for weight in layer.params.values():
        weight += 0.3 * rng.normal(size=weight.shape)


@pytest.mark.parametrize("seed", some(range(24), 1, first=1))
def test_a_random_network_equals_the_interpreter(seed: int) -> None:
    """Forward, all gradients, running statistics: fused and in reused memory, against the equations by brute force."""
    rng = np.random.default_rng(seed)
    net = network(random_network(rng))
    layer = instance(net)
    shaken(layer, rng)
    numbered = concrete(net)
    for batch in (3, 1, 2):  # buffers of another size, then of that one again
        shape = [batch, *(int(e) for e in numbered.given[0].shape[1:])]
        x = rng.normal(size=shape)
        values = {"x": x, **{name: layer.params[net.key(name)].copy() for name in net.weights}}
        values |= {name: layer.state[net.key(name)].copy() for name, _, _ in net.state}
        expected = interpret(numbered.program, values, {numbered.given[0].shape[0]: batch})
        y = layer(x)
        close(y, expected[numbered.program.outputs[0]])
        for name, new, _ in net.state:
            close(layer.state[net.key(name)], expected[new])
        dy = rng.normal(size=y.shape)
        gradient = differentiate(numbered.program)
        given = {**expected, "dy": dy}
        wanted = interpret(gradient.program, given, {numbered.given[0].shape[0]: batch})
        dx = layer.backward(dy)
        found = {net.key(w): layer.grads[net.key(w)] for w in net.weights} | {"x": dx}
        for name in (*net.weights, "x"):
            adjoint = gradient.adjoint(name)
            key = net.key(name) if name != "x" else "x"
            close(found[key], wanted[adjoint.gradient.name] if adjoint else np.zeros_like(found[key]))
    nothing_reads_what_was_given_back(net)


def close(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    assert np.abs(found - expected).max(initial=0.0) <= 1e-9 * scale


def test_sizes_that_a_text_leaves_open_are_arguments() -> None:
    """The constructor takes the extents, the functions read them from the arrays."""
    net = network("conv2d -> tanh -> max_pool2d -> conv2d -> flatten -> dense", "open_net")
    assert net.class_name == "OpenNet"
    sizes = {"C": 2, "K_1": 3, "R_1": 2, "T_1": 3, "R_2": 2, "T_2": 2, "K_3": 2, "R_3": 2, "T_3": 1, "K_4": 4}
    layer = instance(net, **sizes, H=8, W=9)
    x = np.random.default_rng(0).normal(size=(2, 8, 9, 2))
    y = layer(x)
    assert y.shape == (2, 4)
    assert layer.flattened == {"dense1.w": (2, 3, 2)}
    values = {"x": x, **{n: layer.params[net.key(n)] for n in net.weights}}
    known = {s: v for s in net.program.symbols() if (v := {**sizes, "N": 2, "H": 8, "W": 9}.get(s.name)) is not None}
    close(y, interpret(net.program, values, known)[net.program.outputs[0]])
    dy = np.ones_like(y)
    layer.backward(dy)
    close(layer.grads["dense1.b"], dy.sum(0))


def test_backward_returns_a_gradient_for_each_real_input() -> None:
    """Of two inputs a tuple, of labels alone None, the gradient of a weight in both cases."""
    two = instance(network("input x[N, 3]\ninput z[N, 3]\na = x -> tanh\n(a, z) -> residual_add -> dense(2)", "two"))
    rng = np.random.default_rng(0)
    x, z, dy = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    two(x, z)
    dx, dz = two.backward(dy)
    w = two.params["dense1.w"]
    np.testing.assert_allclose(dz, dy @ w.T, rtol=1e-12)
    np.testing.assert_allclose(dx, (dy @ w.T) * (1 - np.tanh(x) ** 2), rtol=1e-12)
    words = instance(network("input t[N]\nembedding(5, 2)", "words"))
    words(np.array([3, 0, 3]))
    assert words.backward(np.ones((3, 2))) is None
    np.testing.assert_array_equal(words.grads["embedding1.w"][:, 0], [1, 0, 0, 2, 0])


def test_a_call_takes_inputs_in_the_order_of_the_text() -> None:
    net = network("input x[N, 3]\ninput z[N, 3]\na = z -> tanh\n(x, a) -> residual_add", "two")
    layer = compile_layer(net).Two()
    x, z, dy = np.random.default_rng(0).normal(size=(3, 4, 3))
    np.testing.assert_allclose(layer(x, z), x + np.tanh(z), rtol=1e-12)
    dx, dz = layer.backward(dy)
    np.testing.assert_allclose(dx, dy)
    np.testing.assert_allclose(dz, dy * (1 - np.tanh(z) ** 2), rtol=1e-12)


def test_batches_of_none_one_and_float32() -> None:
    net = network("input x[N, 6, 6, 1]\nconv2d(2, 3) -> tanh -> max_pool2d(2) -> flatten -> dense(3)")
    layer = getattr(compile_layer(net), net.class_name)(rng=0)
    for batch in (0, 1, 5):
        y = layer(np.ones((batch, 6, 6, 1), np.float32))
        assert y.shape == (batch, 3)
        assert y.dtype == np.float32
        dx = layer.backward(np.ones((batch, 3), np.float32))
        assert dx.shape == (batch, 6, 6, 1)
        assert dx.dtype == np.float32
        assert all(g.dtype == np.float32 for g in layer.grads.values())


def test_ties_go_to_the_first_and_nan_is_passed_on() -> None:
    net = network("input x[N, 2, 2, 1]\nmax_pool2d(2)")
    layer = compile_layer(net).Network()
    assert layer(np.ones((1, 2, 2, 1)))[0, 0, 0, 0] == 1
    np.testing.assert_array_equal(layer.backward(np.ones((1, 1, 1, 1)))[0, :, :, 0], [[1, 0], [0, 0]])
    assert np.isnan(layer(np.array([1, np.nan, 2, 3.0]).reshape(1, 2, 2, 1))).all()


@pytest.mark.parametrize("shape", [(2, 3), (1, 3), (0, 3)])
def test_every_index_over_any_axes_gets_letters_of_its_own(shape: tuple[int, int]) -> None:
    """The letters of the network's value are not free here: two indices are named anew."""
    E, A, B = integers("E A B")
    n, k = Idx("n", E), Idx("k", E)
    x, y = IndexedBase("x", shape=(E,)), IndexedBase("y", shape=(E,))
    source = program(Eq(y[n], Sum(x[n] * x[k] ** 2, k)), inputs=(x,), ravel="x")
    found = written_out(source, (A, B), integers("n i"))
    values = np.random.default_rng(0).normal(size=shape)
    result = interpret(found, {"x": values}, {A: shape[0], B: shape[1]})["y"]
    np.testing.assert_allclose(result, values * (values**2).sum())


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_known_of_sizes_is_no_condition(name: str) -> None:
    """Sizes are numbers here: nothing is compared, and no range clipped, that is known when the module is written."""
    found = ast.parse((GENERATED / f"{name}.py").read_text(encoding="utf-8"))
    for syntax in ast.walk(found):
        parts = [syntax.left, *syntax.comparators] if isinstance(syntax, ast.Compare) else []
        if isinstance(syntax, ast.Call) and ast.unparse(syntax.func) == "rt.clip":
            parts = list(syntax.args)
        assert not parts or any(isinstance(n, ast.Name) for part in parts for n in ast.walk(part)), ast.unparse(syntax)


def test_no_letter_of_a_page_changes_the_table_of_a_module() -> None:
    text = "input x[N, C]; dense(3) -> relu -> dense(2)"
    plain, lettered = (str(compile_layer(network(t)).__doc__) for t in (text, f"letters goodfellow; {text}"))
    assert "w (C, 3)" in plain
    assert plain[plain.index("level ") :] == lettered[lettered.index("level ") :]


def test_a_module_begins_with_the_text_and_the_table_of_its_layers() -> None:
    """The names are those of the code; what a text says stays a text."""
    text = 'input x[N, 4, 4, 2]  # a "comment" \\ of the user\'s\nconv2d(3, 3) -> relu\n-> flatten -> dense(2)'
    made = compile_layer(network(text))
    lines = inspect.cleandoc(str(made.__doc__)).splitlines()  # as Python itself keeps them from 3.13 on
    start = lines.index(text.splitlines()[0])
    assert lines[start : start + 3] == text.splitlines()
    rows = {words[0]: words[1:] for line in lines[start + 6 :] if (words := line.split())}
    assert rows["conv2d1"][0] == "conv2d,"
    assert rows["conv2d1"][-1] == str(3 * 3 * 2 * 3 + 3)
    assert rows["dense1"][:2] == ["dense", "conv2d1"]
    assert rows["dense1"][-1] == str(12 * 2 + 2)


def test_the_weights_of_lenet5_are_those_of_the_paper() -> None:
    """LeCun et al. 1998, section II.B: trainable parameters per layer, 60,000 in all; C3 counts its connections."""
    layer = instance(NETWORKS["lenet5"]())
    counts: dict[str, int] = {}
    for key, weight in layer.params.items():
        used = (60 * 25) if key == "c3.w" else weight.size  # table I has 60 connections of maps
        counts[key.partition(".")[0]] = counts.get(key.partition(".")[0], 0) + used
    assert counts == {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48120, "f6": 10164}
    assert sum(counts.values()) == 60_000
    layer.backward(np.ones_like(layer(np.ones((2, 32, 32, 1)))))
    unused = np.array(TABLE) == 0
    assert (layer.grads["c3.w"][:, :, unused] == 0).all()


def test_how_weights_start() -> None:
    layer = shipped("resnet20")
    weight = layer.params["stage1_block2_conv2.w"]
    assert abs(weight.std() / np.sqrt(2 / (16 * 9)) - 1) < 0.05
    assert (layer.params["stage1_block1_norm2.gamma"] == 1).all()
    text = (GENERATED / "resnet20.py").read_text(encoding="utf-8")
    assert '"conv2.w": rt.Normal((3, 3, C, C), 2.0 / (9 * C))' in text
    assert '**rt.placed(_basic_weights(C=16), "stage1_block1", "stage1_block2", "stage1_block3")' in text
    assert [w.tobytes() for w in shipped("lenet").params.values()] == [
        w.tobytes() for w in shipped("lenet").params.values()
    ]


@pytest.mark.parametrize(
    ("padding", "pairs"),
    [("((1, 2), (0, 1))", ((1, 2), (0, 1))), ("((1, 2), 3)", ((1, 2), (3, 3))), ("2", ((2, 2),) * 2)],
)
def test_padding_is_a_pair_per_axis_or_a_number_for_both_ends(padding: str, pairs: tuple[tuple[int, int], ...]) -> None:
    net = concrete(network(f"input x[N, 4, 2, 1]; conv2d(1, 3, padding={padding})"))
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 4, 2, 1)), rng.normal(size=(3, 3, 1, 1))
    values = {"x": x, "conv2d1_w": w, "conv2d1_b": np.zeros(1)}
    found = interpret(net.program, values, {net.given[0].shape[0]: 2})[net.program.outputs[0]]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), *pairs, (0, 0))), (3, 3), axis=(1, 2))
    close(found, np.einsum("nijcrt,rtck->nijk", windows, w))


def test_a_line_may_read_what_is_named_further_down() -> None:
    net = network("input x[N, 3]\ny = (a, x) -> residual_add -> relu\na = x -> tanh\ny -> dense(2)")
    assert [n.layer.name for n in net.nodes] == ["tanh", "residual_add", "relu", "dense"]


def test_a_step_without_a_name_never_takes_the_name_of_a_line() -> None:
    net = network("input x[N, 3]\na = x -> tanh\ntanh1 = a -> relu\n(a, tanh1) -> residual_add")
    assert [n.layer.name for n in net.nodes] == ["tanh", "relu", "residual_add"]
    assert net.nodes[1].inputs == (net.nodes[0].name,)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("input x[N, 3]\ndense(4)\nloss softmax_cross_entropy", ["x", "t"]),
        ("input t[N, 3]\ndense(4)\nloss softmax_cross_entropy", ["t", "t1"]),
        ("input x[N, 3]\nt: dense(4)\nloss mean_squared_error", ["x", "t1"]),
        ("input t[N, 3]\nt1: dense(4)\nloss mean_squared_error", ["t", "t2"]),
        ("input t[N, 3]\nloss: dense(4)\nloss mean_squared_error", ["t", "t1"]),
    ],
)
def test_labels_have_a_name_that_the_network_does_not_use(text: str, given: list[str]) -> None:
    assert [t.name for t in with_loss(network(text)).given] == given


def test_nodes_may_be_given_in_any_order() -> None:
    nodes = [node("d", "dense", "t", out_features=2), node("t", "tanh", "x")]
    assert [n.name for n in compose("net", nodes, "d", inputs={"x": ("N", 3)}).nodes] == ["t", "d"]


def test_numbers_share_a_symbol_where_they_are_equal() -> None:
    net = network("input x[N, 3]\nleaky_relu(0.5) -> leaky_relu(0.25) -> leaky_relu(0.5)")
    slopes = [s for o in net.program.statements for s in o.term.body.free_symbols if not s.is_integer]
    assert [float(dict(net.values)[s]) for s in slopes] == [0.5, 0.25, 0.5]
    assert slopes[0] == slopes[2] == Symbol("alpha", real=True) != slopes[1]


@pytest.mark.thorough
@pytest.mark.parametrize("name", some(["lenet", "lenet5"], 1))
def test_second_order_equals_differences_of_first_order(name: str) -> None:
    net = NETWORKS[name]()
    layer = getattr(compile_layer(net, 2), net.class_name)(dtype=np.float64, rng=0)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 32, 32, 1))
    dy = rng.normal(size=layer(x).shape)
    layer.backward(dy)
    directions = {k: rng.normal(size=v.shape) for k, v in layer.params.items()} | {"x": rng.normal(size=x.shape)}
    found = layer.double_backward({"dy": dy}, directions)

    def scalar() -> float:
        layer(x)
        dx = layer.backward(dy)
        return float((dx * directions["x"]).sum() + sum((layer.grads[k] * directions[k]).sum() for k in layer.params))

    for key, array in {**layer.params, "dy": dy, "x": x}.items():
        at = int(rng.integers(array.size))
        old = array.flat[at]
        ends = []
        for sign in (1, -1):
            array.flat[at] = old + sign * 1e-6
            ends.append(scalar())
        array.flat[at] = old
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(found[key].flat[at], rel=1e-5, abs=1e-5), key


@pytest.mark.parametrize("policy", ["first", "split"])
def test_ties_within_a_network(policy: str) -> None:
    net = network("input x[N, 2, 2, 1]\nc1: conv2d(1, 1, bias=false) -> max_pool2d(2)", "tied").with_ties(policy)
    layer = compile_layer(net).Tied(rng=0, dtype=np.float64)
    layer.params["c1.w"][...] = 2
    assert layer(np.ones((1, 2, 2, 1)))[0, 0, 0, 0] == 2
    expected = [[2, 0], [0, 0]] if policy == "first" else [[0.5, 0.5], [0.5, 0.5]]
    np.testing.assert_array_equal(layer.backward(np.ones((1, 1, 1, 1)))[0, :, :, 0], expected)
    assert layer.grads["c1.w"][0, 0, 0, 0] == 1


def test_losses_of_any_number_of_axes_still_fit() -> None:
    for loss in ("cross_entropy", "nll_loss", "mean_squared_error", "kl_divergence", "binary_cross_entropy"):
        for shape in ("N, 4", "N, 8, 4", "N, 8, 8, 4"):
            assert network(f"input x[{shape}]\ntanh\nloss {loss}").loss is not None


@pytest.mark.parametrize(
    ("equation", "value"),
    [
        ("y[n,c] = -v[c] * tanh(x[n,c])", lambda x, v, u: -v * np.tanh(x)),
        ("y[n,c] = -v[c] / (1 + x[n,c]^2)", lambda x, v, u: -v / (1 + x**2)),
        ("y[n,c] = -(v[c] - u[c]) / (1 + x[n,c]^2)", lambda x, v, u: (u - v) / (1 + x**2)),
        ("y[n,c] = x[n,c] - v[c] * u[c] * tanh(x[n,c])", lambda x, v, u: x - v * u * np.tanh(x)),
    ],
)
def test_a_factor_that_varies_along_fewer_axes_keeps_its_sign(equation: str, value: Any) -> None:
    weights = "weight v, u" if "u" in equation else "weight v"
    own = gradscribe.layer(f"{equation}; {weights}", "own")
    layer = instance(network("input x[N, 4]\na: own -> b: own", "twice", layers={"own": lambda: own}))
    rng = np.random.default_rng(0)
    shaken(layer, rng)
    x = rng.normal(size=(3, 4))
    first, second = ([layer.params.get(f"{n}.{w}", 0) for w in "vu"] for n in "ab")
    close(layer(x), value(value(x, *first), *second))


HALF = """
input x[N, H, W, C]
n < N
i < (H + 1)//2
j < (W + 1)//2
k < 2*C
y[n, i, j, k] = x[n, 2*i, 2*j, k]
"""


def test_sizes_of_branches_that_join_are_one() -> None:
    """The extents around a convolution are written otherwise than its own, for images of any size."""
    text = "input x[N, H, W, 4]; residual(conv2d(8, 3, stride=2, padding=1), half()) -> relu"
    program = network(text, layers={"half": gradscribe.layer(HALF, "half")}).program
    shapes = {s.target.name: s.target.shape for s in program.statements}
    assert len(set(shapes.values())) == 1
    assert shapes["conv2d1_u"][1] in dict(program.sizes)
    assert str(shapes["conv2d1_u"][3]) == "2*C"


UNET = """
input x[N, 8, 12, 2]
e1 = conv2d(2, 3, padding=1) -> relu
e2 = e1 -> max_pool2d(2) -> conv2d(3, 3, padding=1) -> relu
up2 = e2 -> max_pool2d(2) -> conv2d(2, 3, padding=1) -> relu -> upsample_nearest2d(2)
up1 = (e2, up2) -> concatenation -> conv2d(2, 3, padding=1) -> relu -> upsample_nearest2d(2)
(e1, up1) -> concatenation -> conv2d(1, 1)
"""


@pytest.mark.thorough
def test_what_is_halved_and_doubled_meets_what_was_not() -> None:
    """An image of 8 x 12 is 4 H x 4 W: the sizes of all levels are multiples, whatever H and W are."""
    unet = network(UNET, "unet")
    assert [str(e) for e in unet.program.inputs[0].shape] == ["N", "4*H", "4*W", "C"]
    assert unet.program.sizes == ()
    assert {str(s): int(v) for s, v in unet.values if str(s) in "HW"} == {"H": 2, "W": 3}
    gaps = list(network_gaps(unet, {1: derive(unet)}, 1, np.random.default_rng(0)))
    assert len(gaps) > 3
    assert all(gap < 1e-6 for *_, gap in gaps)
