"""What is wrong in a network, in its text or in a call, is named when it is written or called."""

from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe import network
from gradscribe.codegen.driver import compile_layer
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.composition import NetworkError, compose
from tests.cases.catalogue import TRIED
from tests.cases.networks import instance, node
from tests.cases.together import together

TEXTS = {
    "conv2d(4, 3) -> flatten -> max_pool2d(2)": "max_pool2d1 (max_pool2d): argument x: expected 4 axes (N, H, W, C)",
    "conv2D -> tanh": "unknown layer 'conv2D': did you mean conv2d?",
    "conv2d -> -> tanh": "line 1, column 11: found '-> tanh'",
    "input x[N, 4, 4, 1]\nconv2d(2, 5)": "conv2d1 (conv2d): H_out would be 0; the kernel is larger than its input",
    "input x[N, 4, 4, 1]\nconv2d(2, 3, in_channels=3)": "in_channels: expected 1, as its input has, received 3",
    "input x[N, 4, 4, 1]\nconv2d(2, 3, strides=2)": "unknown setting 'strides'; expected one of",
    "input x[N, 4, 4, 1]\nconv2d(0, 3)": "out_channels: expected an integer of at least 1, received 0",
    "input x[N, 4, 4, 1]\nconv2d(2, 3, padding=-1)": "padding: expected an integer of at least 0 or a name, re",
    "input x[N, 4, 4, 1]\nmax_pool2d(2, ceil_mode=1)": "(max_pool2d): ceil_mode: expected true or false, received 1",
    "input x[N, 4, 4, 1]\nmax_pool2d(2, ceil_mode=yes)": "ceil_mode: expected true or false, received 'yes'",
    "input x[N, 4, 4, 1]\nmax_pool2d(2, padding=2)": "argument padding: expected at most half of the kernel's extent",
    "input x[N, 4, 4, 2]\nresidual(conv2d(3, 3, padding=1))": "argument z, axis 3: expected 3, received 2, x of shape",
    "input x[N, 4, 4, 2]\nresidual(conv2d(2, 3))": "argument z, axis 1: expected 2, received 4",
    "a: conv2d(2, 3) -> a: tanh": "two nodes are called a; their weights would be one",
    "input x[N, 4]\na = dense(3)\nb = dense(2)\n(a, c) -> residual_add": "reads c, which is no node",
    "input x[N, 4]\na = x -> dense(3)\nx -> dense(2)": "nothing reads dense1",
    "tanh": "the number of axes of x is open; declare the input",
    "input x[N, 3]\ndense(3) -> bias": "unknown layer 'bias'",
    "input x[N, 3]\ndense(2, 3, 4, 5)": "at most",
    "input x[N, 3]\ndense(out_features=2, out_features=3)": "out_features is given twice",
    "# nothing": "the text has no layer",
    "input x[N, 3]\na = (x, b) -> residual_add\nb = a -> tanh": "read each other in a circle",
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_mistake_in_a_text_names_node_and_shapes_and_points_at_the_layer(text: str) -> None:
    with pytest.raises(NetworkError) as caught:
        network(text)
    message = str(caught.value)
    first, *place = message.split("\n")
    assert TEXTS[text] in first
    if place:  # of the layer at fault, or of a word that is none
        where, shown, caret = place
        assert where.startswith("  line ")
        assert shown.strip() in text
        layer = shown[caret.index("^") : caret.rindex("^") + len(caret.strip())]
        assert layer in (*LAYERS, "residual") or layer in first


def test_a_circle_is_named() -> None:
    nodes = [node("a", "residual_add", "x", "c"), node("b", "tanh", "a"), node("c", "relu", "b")]
    with pytest.raises(NetworkError, match=r"^ring: the nodes . -> . -> . -> . read each other in a circle$"):
        compose("ring", nodes, "c", inputs={"x": ("N", 3)})


def test_missing_and_misshapen_weights_are_named() -> None:
    layer = instance(network("input x[N, 3]\nf1: dense(2)", "small"))
    weight = layer.params.pop("f1.w")
    with pytest.raises(ValueError, match=r"^small: weight f1.w is missing; expected one of shape \(3, 2\)$"):
        layer(np.zeros((1, 3)))
    layer.params["f1.w"] = weight.T.copy()
    with pytest.raises(ValueError, match=r"^small: weight f1.w: expected shape \(3, 2\), found \(2, 3\)$"):
        layer(np.zeros((1, 3)))
    layer.params["f1.w"] = weight.astype(np.float32)
    with pytest.raises(TypeError, match=r"^small: the input is float64, weight f1.w is float32; expected one type: "):
        layer(np.zeros((1, 3)))


def test_an_input_that_does_not_fit_is_named() -> None:
    layer = instance(NETWORKS["lenet"]())
    with pytest.raises(ValueError, match=r"^lenet: argument x, axis 1 \(height\): expected 32, received 28$"):
        layer(np.zeros((2, 28, 28, 1)))


def test_backward_needs_a_call_and_the_loss_a_judgement() -> None:
    layer = instance(network("input x[N, 3]\nf1: dense(2)\nloss softmax_cross_entropy", "small"))
    with pytest.raises(RuntimeError, match="backward needs a forward call before it"):
        layer.backward(np.zeros((1, 2)))
    layer(np.zeros((1, 3)))
    with pytest.raises(RuntimeError, match="backward needs dy, or a call of loss before it"):
        layer.backward()


def test_a_loss_that_is_not_finite_names_the_layer_where_that_began() -> None:
    net = network("input x[N, 3]\nf1: dense(4) -> f2: dense(2)\nloss softmax_cross_entropy", "small")
    layer = instance(net)
    x = np.ones((2, 3))
    layer.params["f2.w"][0, 0] = np.nan
    with pytest.raises(
        FloatingPointError, match=r"^small: the loss is nan; the first .* is weight f2.w; lower the lea"
    ):
        layer.loss(layer(x), np.array([0, 1]))
    layer.params["f2.w"][0, 0] = 0
    x[0, 0] = np.inf
    with np.errstate(invalid="ignore"):
        y = layer(x)
    with pytest.raises(FloatingPointError, match=r"^small: the loss is nan; the first .* is input x; "):
        layer.loss(y, np.array([0, 1]))


def test_a_direction_of_no_weight_is_named() -> None:
    layer = compile_layer(network("input x[N, 3]\nf1: dense(2) -> tanh", "small"), 2).Small(rng=0)
    layer(np.ones((1, 3), np.float32))
    with pytest.raises(
        ValueError, match=r"^small: argument directions: expected names among x, f1.w, f1.b; received 'w'$"
    ):
        layer.double_backward({"dy": np.ones((1, 2), np.float32)}, {"w": np.ones((3, 2), np.float32)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "input params[N, 3]\ndense(2)",
            "network: input params: that is an argument of its own; call the i",
        ),
        (
            "input x[N, 3]\ndense(2)\nloss tanh",
            "network: loss tanh: expected a number, its value has 2 axes; ",
        ),
    ],
)
def test_what_cannot_be_generated_is_one_line(text: str, message: str) -> None:
    with pytest.raises(NetworkError) as caught:
        compile_layer(network(text))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("table", [((1.0, 2.0), (3.0,)), (((1.0,), (2.0, 3.0)),), (1.0, 2.0)])
def test_a_table_that_is_no_array_of_its_axes_is_refused(table: Any) -> None:
    own = {"scaled": lambda: gradscribe.layer("y[n, j, k] = x[n, j, k] * T[j, k]", "scaled")}
    made = network("input x[N, 2, 2]\nf: scaled", "net", layers=own, data={"f.T": table})
    with pytest.raises(NetworkError, match=r"^net: the data of f_T: expected numbers in tuples, one level per axis$"):
        compile_layer(made)


INCOMPLETE = {
    "x -> scaled_dot_product_attention": (2, 6, "lacks its inputs k and v; expected (q, k, v) -> scaled_dot_product_a"),
    "k = dense(4)\n(x, k) -> scaled_dot_product_attention": (3, 11, "lacks its input v; expected (q, k, v) -> scaled_"),
    "tanh -> bilinear(3)": (2, 9, "lacks its input z; expected (x, z) -> bilinear, received tanh1"),
    "concatenation": (2, 1, "lacks its input z; expected (x, z) -> concatenation, received x"),
    "tanh -> residual_add": (2, 9, "lacks its input z"),
    "(x, x, x) -> channel_product": (2, 14, "takes 2 inputs, is given 3"),
    "(dense(4), dense(4))": (2, 2, "a chain ends with 2 values; expected a layer that joins them"),
    "(x, x) -> residual(dense(4))": (2, 11, "a residual reads one value, received x, x"),
    "dense(3) -> share(a)": (2, 13, "share: nothing is called 'a': expected a layer or block above that has a name"),
    "first: dense(4) -> share(frist)": (2, 20, "share: nothing is called 'frist': did you mean first?"),
    "a: dense(3) -> share(a)": (2, 16, "argument w, axis 0: expected 3, received 4, a_w of shape (4, 3)"),
    "a: dense(4) -> share(a, bias=false)": (2, 16, "expected the name of a layer or block, as share(a); its setting"),
    "r: relu -> share(r)": (2, 12, "share: r is relu, which has no weights to share"),
    "a: dense(4) -> dense(3, w=a.w)": (2, 16, "out_features: expected 4, as its input has, received 3"),
    "a: dense(4) -> dense(4, w=a.q)": (2, 16, "shares a.q: a has no weight 'q'; expected one of w, b"),
    "a: dense(4, bias=false) -> dense(4, b=a.b)": (2, 28, "shares a.b: a does without"),
    "a: dense(4) -> dense(4, w=c.w)": (2, 16, "reads c, which is no node"),
    "a: dense(4) -> tanh(q=a.w)": (2, 16, "q=a.w: expected a weight of it: none, as it has no weights"),
    "rearrange('n l (h d) -> n h l d', h=3)": (2, 1, "argument x, axis 2: expected a multiple of 3, received 4"),
    "rearrange('n l (h d) -> n h l d')": (2, 1, "(h d) is divided: expected the sizes of all but one of h, d, such"),
    "rearrange('n l (h d) -> n h l', h=2)": (2, 1, "d stands on the left only; expected the same axes on both sides"),
    "rearrange('n l l -> n l l')": (2, 1, "l stands twice on the left; expected each axis once"),
    "rearrange('n l c')": (2, 1, "expected a pattern such as 'n l (h d) -> n h l d', received 'n l c'"),
    "rearrange": (2, 1, "expected a pattern such as 'n l (h d) -> n h l d', received none"),
    "rearrange('n l c -> n c l', q=2)": (2, 1, "'q' is no axis of the pattern; expected one of n, l, c"),
    "rearrange('n (l c -> n c l')": (2, 1, "expected names of axes, those of one axis in parentheses, received"),
    "rearrange('n l 1 -> n l 1')": (2, 1, "expected names of axes, those of one axis in parentheses, received '1'"),
    "rearrange('n c -> c n')": (2, 1, "argument x: expected 2 axes (N, C), received 3, x of shape (N, 8, 4)"),
    "repeat 1000000: dense(4)": (2, 8, "repeat: expected a number of times from 1 to 4000, received 1000000"),
    "repeat 0: dense(4)": (2, 8, "repeat: expected a number of times from 1 to 4000, received 0"),
    "repeat k: dense(4)": (2, 8, "repeat: expected a number of times from 1 to 4000, received k"),
    "repeat 4000: repeat 4000: tanh": (2, 27, "more than 4000 layers; blocks within blocks multiply"),
    "s: dense(3)\ns.z -> dense(2)": (3, 8, "reads s.z: s has no output 'z'; expected one of u"),
    "a = dense(3)\noutput q": (3, 8, "output q: expected a layer or a named line: a, dense1"),
    "a = dense(3)\nloss mean_squared_error of q": (3, 28, "output q: expected a layer or a named line: a, dense1"),
    "dense(4)\nloss cross_entropy(smoothing=1)": (3, 6, "unknown setting 'smoothing'; expected one of ignore_index, l"),
    "dense(4)\nloss cross_entropy(label_smoothing=2)": (
        3,
        6,
        "label_smoothing: expected a number, at least 0 and at m",
    ),
    "block up(k) of (a, b) = (a, b) -> residual_add\nup(3)": (3, 1, "up: expected (a, b) -> up, received x"),
    "layer dense { y[n] = x[n] }\ndense": (2, 7, "layer dense: that is the name of a layer"),
    "layer g { y[n,l,k] = sum(c) x[n,l,c]*w[c,k]; weight w }\ng(Q=3)": (3, 1, "unknown setting 'Q'; expected one of K"),
    "dense(4)\nloss softmax_cross_entropy": (3, 6, "argument x: expected 2 axes (N, K), received 3, dense1_u of shape"),
    "dense(4)\nloss map_criterion": (3, 6, "argument x: expected 2 axes (N, K), received 3, dense1_u of shape"),
    "dense(4)\nloss tanh": (3, 6, "loss tanh: expected a number, its value has 3 axes"),
    "dense(4)\nloss lstm_cell": (3, 6, "argument x: expected 2 axes (N, C), received 3"),
    "dense(4)\nloss embedding": (3, 6, "argument t: expected integers, received real numbers"),
}


@pytest.mark.parametrize("text", INCOMPLETE)
def test_what_lacks_an_input_or_cannot_be_judged_is_refused_when_it_is_written(text: str) -> None:
    line, column, message = INCOMPLETE[text]
    with pytest.raises(NetworkError) as caught:
        network(f"input x[N, 8, 4]\n{text}", "net")
    first, where, shown, caret = str(caught.value).split("\n")
    assert message in first
    assert first.startswith("net")
    assert where == f"  line {line}, column {column}:"
    assert shown.strip() == text.split("\n")[line - 2]
    assert caret.index("^") == column + 3


@together("name", TRIED)
def test_every_layer_that_lacks_an_input_is_refused(name: str) -> None:
    """All inputs but weights, state, and what may be absent or only training reads; one less is an error."""
    layer = LAYERS[name]()
    held = {*layer.weights, *(n for n, _, _ in layer.state)}
    after = {t.name for t in layer.evaluation.inputs} if layer.evaluation else {t.name for t in layer.program.inputs}
    needed = [t for t in layer.program.inputs if t.name in after - held and not t.optional]
    if len(needed) == 1 or needed != list(layer.program.inputs[: len(needed)]):
        return
    shapes = {t.name: ("N", *(3 for _ in t.shape[1:])) for t in needed}
    for given in range(1, len(needed)):
        own = node("a", name, *(t.name for t in needed[:given]))
        lacking = " and ".join(t.name for t in needed[given:])
        with pytest.raises(NetworkError, match=rf"^net, a \({name}\): lacks its inputs? {lacking}; expected"):
            compose("net", [own], "a", inputs={n: shapes[n] for n in own.inputs})
