"""The equation language: what a text means; docs/language.md is tested elsewhere."""

from itertools import permutations
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from sympy import Eq, Idx, IndexedBase, Sum, exp, tanh

import gradscribe
from gradscribe.codegen.numpy.package.runtime import runtime_sources
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import derive
from gradscribe.derive.ir.index import floordiv, integers
from gradscribe.derive.ir.interpret import complete_sizes, interpret
from gradscribe.derive.ir.term import EquationError, Program
from gradscribe.derive.language import LanguageError
from gradscribe.derive.layer.equations import Maximum, inside, program
from gradscribe.derive.layer.interface import Kind
from tests.cases.together import together

N, L, C, R, K, W = integers("N L C R K I")
s, p = integers("s p")


def same(text: str) -> Program:
    return gradscribe.layer(text).program


def test_a_convolution_is_the_program_of_the_sympy_builder() -> None:
    x, w = IndexedBase("x", shape=(N, L, C)), IndexedBase("w", shape=(R, C, K))
    b, y = IndexedBase("b", shape=(K,)), IndexedBase("y", shape=(N, W, K))
    n, i, k, r, c = Idx("n", N), Idx("i", W), Idx("k", K), Idx("r", R), Idx("c", C)
    built = program(
        Eq(y[n, i, k], b[k] + Sum(x[n, s * i + r - p, c] * w[r, c, k], r, c)),
        inputs=(x, w, b),
        sizes={W: floordiv(L + 2 * p - R, s) + 1},
    )
    assert built == same("input x[N,L,C]; y[n,i,k] = b[k] + sum(r,c) x[n, s*i + r - p, c] * w[r,c,k]")


def test_conditions_lets_and_maxima_are_the_same_too() -> None:
    x, m, y = IndexedBase("x", shape=(N, L)), IndexedBase("m", shape=(N,)), IndexedBase("y", shape=(N,))
    n, v = Idx("n", N), Idx("l", L)
    built = program(
        Eq(m[n], Maximum(inside(n - v, N) * x[n, v], v)),
        Eq(y[n], tanh(Sum(exp(x[n, v] - m[n]), v))),
        inputs=(x,),
        constants="m",
    )
    text = "m[n] = max(l) [l <= n] x[n,l]; y[n] = tanh(sum(l) exp(x[n,l] - m[n])); constant m"
    assert built == same(text)


@pytest.mark.parametrize(
    ("text", "extents"),
    [
        ("y[i] = sum(h) x[i - h] * w[h]", {"I": "H + X0 - 1"}),
        ("y[i] = sum(h) x[i + h] * w[h]", {"I": "-H + X0 + 1"}),
        ("d = 2; y[i] = sum(h) x[i + d*h - 3] * w[h]", {"I": "-H*d + X0 + d + 6"}),
        ("s = 2; y[i] = sum(h) x[s*i + h] * w[h]", {"I": "floordiv(-H + X0, s) + 1"}),
        ("y[i] = sum(h) x[i + h] * z[2*i + h] * w[h]", {"I": "minimum(-H + X0 + 1, floordiv(-H + Z0, 2) + 1)"}),
        ("M = L // 2 + 1; input x[L]; y[i] = x[2*i]; i < M", {"M": "floordiv(L, 2) + 1"}),
    ],
)
def test_derived_sizes(text: str, extents: dict[str, str]) -> None:
    assert {str(k): str(v) for k, v in same(text).sizes} == extents


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("s = 2; y[s*i + a] = x[i, a]; a < s", "(I*s,)"),
        ("s = 2; p = 1; y[s*i + r - p] = x[i] * w[r]", "(I*s + R - 2*p - s,)"),
        ("y[c] = x[c]; y[C + d] += z[d]", "(C + D,)"),
        ("y[n, 0] = x[n]; y[n, 1] += z[n]", "(N, 2)"),
        ("y[i] = x[i,i]", "(I,)"),
    ],
)
def test_shapes_of_targets(text: str, shape: str) -> None:
    assert str(gradscribe.layer(text).output.shape) == shape


def test_the_capital_of_an_index_is_its_extent_whatever_that_is_called() -> None:
    layer = gradscribe.layer("input a[N,Q]; y[n,c] = a[n,c] / C; y[n, C + d] += b[n,d]")
    assert str(layer.output.shape) == "(N, D + Q)"
    assert layer.options == ()


def test_an_axis_of_blocks_has_as_many_blocks() -> None:
    layer = gradscribe.layer("input b[4*G]; c < 4; y[g] = sum(c) b[4*g + c]")
    assert str(layer.output.shape) == "(G,)"
    layer = gradscribe.layer("input b[6*G + 5]; y[i] = sum(c) [c < 3] b[3*i + c]; c < 3")
    assert str(layer.program.sizes[0][1]) == "2*G + 1"


def test_the_extent_of_an_index_is_no_index_beside_it() -> None:
    match = "line 1, column 3: C is the extent of index c, so that it is no index; call one of the two otherwise"
    for value in ("sum(r) x[C, i + r, c] * w[r, c]", "x[i, c] * w[C]", "x[i, c]"):
        with pytest.raises(LanguageError, match=match):
            gradscribe.layer(f"y[C, i, c] = {value}")
    assert (
        gradscribe.layer("output y[A, I, C]; y[C - 1, i, c] = x[i, c]").output.shape[0] == gradscribe.integers("A")[0]
    )


def test_parameters_are_options() -> None:
    layer = gradscribe.layer("s = 1; p = 0; a = 2/3; f = true; y[i] = a * sum(h) [f*h >= 0] x[s*i + d*h - p] * w[h]")
    found = {o.name: (o.kind, o.default, o.minimum) for o in layer.options}
    assert found == {
        "s": (Kind.COUNT, 1, 1),
        "p": (Kind.COUNT, 0, 0),
        "a": (Kind.NUMBER, 2 / 3, 1),
        "f": (Kind.FLAG, True, 1),
        "d": (Kind.COUNT, None, 1),
    }


def test_inputs_stand_in_the_order_of_their_declaration_or_as_the_catalogue_has_them() -> None:
    assert [t.name for t in gradscribe.layer("y[n,k] = b[k] + sum(c) w[c,k]*x[n,c]").program.inputs] == ["x", "w", "b"]
    text = "input b, w; y[n,k] = b[k] + sum(c) w[c,k]*x[n,c]"
    assert [t.name for t in gradscribe.layer(text.replace("b, w", "b[K], w[C,K]")).program.inputs] == ["b", "w", "x"]
    assert [t.name for t in gradscribe.layer("y[n] = q[n] * b[n] * a[n]").program.inputs] == ["q", "b", "a"]


def test_flags_of_inputs_and_weights() -> None:
    layer = gradscribe.layer("integer t; optional b; weight w, b; constant c\ny[n,k] = w[t[n], k] + b[k] + c[k]")
    tensors = layer.program.tensors
    assert not tensors["b"].absent
    scaled = gradscribe.layer("factor a; y[n,k] = a[k] * x[n,k]").program.tensors["a"]
    assert (scaled.optional, scaled.absent) == (True, True)
    assert (tensors["t"].integer, tensors["b"].optional, tensors["c"].constant) == (True, True, True)
    assert layer.weights == ("w", "b")
    assert layer.differentiable == ("w", "b")


def test_title_and_comments() -> None:
    layer = gradscribe.layer("# a title\ny[n] = x[n] # and why\n# another\n", "some_layer")
    assert (layer.title, layer.class_name) == ("a title", "SomeLayer")
    assert gradscribe.layer("y[n] = x[n] + \\\n  z[n]").program == gradscribe.layer("y[n] = x[n] + z[n]").program


def test_a_reduction_reaches_to_the_end_of_its_product() -> None:
    assert same("y[n] = sum(c) x[n,c] * w[c] / C + b[n]") == same("y[n] = b[n] + (sum(c) (x[n,c]*w[c]/C))")
    assert same("y[n] = v[n] * sum(c) x[n,c]") == same("y[n] = (sum(c) x[n,c]) * v[n]")


@pytest.mark.parametrize(("a", "b"), [(3, 1), (1, 1), (1, 2)])
def test_a_subscript_may_run_either_way(a: int, b: int) -> None:
    """Nobody knows before the parameters do whether it lies on its axis; beyond it 0 is read."""
    sizes = dict(zip(integers("N X1 I a b"), (2, 4, 3, a, b), strict=True))
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 4)), rng.normal(size=3)
    expected = np.zeros((2, 3))
    for n, i in np.ndindex(2, 3):
        at = (a - b) * i
        expected[n, i] = w[i] * x[n, at] if 0 <= at < 4 else 0
    found = interpret(same("y[n,i] = w[i] * x[n, (a-b)*i]; weight w"), {"x": x, "w": w}, sizes)
    np.testing.assert_allclose(found["y"], expected)


def test_a_condition_inside_a_function_is_a_value() -> None:
    layer = gradscribe.layer("y[i] = exp([i < 2] * x[i])")
    (statement,) = layer.program.statements
    assert statement.term.guards == ()
    assert gradscribe.layer("y[i] = [i < 2] x[i]").program.statements[0].term.guards != ()


def test_a_tie_or_a_corner_is_no_failure_of_verification() -> None:
    """The window of a maximum meets mirrored elements twice: it has no slope there."""
    layer = gradscribe.layer("p = 1; y[n,i] = max(r) x[n, reflect(2*i + r - p)]; r < 3")
    assert all(row.passed for row in verify_layer(layer, 4))


def test_a_layer_of_the_catalogue_is_given_its_methods() -> None:
    plain = LAYERS["max_pool2d"]()
    made = gradscribe.layer(plain, ties="split")
    assert made.program == plain.with_ties("split").program
    assert str(made.derivation()) == str(derive(plain.with_ties("split")))
    assert (made.name, gradscribe.layer(plain, "own", title="mine").name) == ("max_pool2d", "own")


def test_text_and_sympy_are_the_same_layer(tmp_path: Path) -> None:
    x, w, y = IndexedBase("x", shape=(N, C)), IndexedBase("w", shape=(C, K)), IndexedBase("y", shape=(N, K))
    n, c, k = Idx("n", N), Idx("c", C), Idx("k", K)
    built = gradscribe.layer(program(Eq(y[n, k], Sum(x[n, c] * w[c, k], c)), inputs=(x, w)), "product")
    text = gradscribe.layer("y[n,k] = sum(c) x[n,c] * w[c,k]", "product")
    assert built.differentiate(wrt=["w"]) == text.differentiate(wrt=["w"])
    files = ["__init__.py", "product.py", *runtime_sources()]
    assert [p.relative_to(tmp_path / "a").as_posix() for p in built.generate(tmp_path / "a")] == files
    text.generate(tmp_path / "b")
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    given = np.arange(6.0).reshape(2, 3), np.ones((3, 4))
    for module in (built.compile(), text.compile()):
        np.testing.assert_array_equal(module.product_forward(*given), given[0] @ given[1])
        found = module.product_grad_weight(np.ones((2, 4)), given[0])
        np.testing.assert_array_equal(found, given[0].T @ np.ones((2, 4)))
    with pytest.raises(EquationError, match="expected one of x, w"):
        text.differentiate(wrt=["y"])


def test_equations_may_stand_in_any_order() -> None:
    lines = [
        "a[n,k] = sum(c) x[n,c]*w[c,k]",
        "h[n,t,k] = tanh(a[n,k] + b[t]*h[n,t-1,k])",
        "y[n,t,k] = h[n,t-1,k] + a[n,k]",
    ]
    rest = ["h[n,-1,k] = h0[n,k]", "input x, w, b, h0", "output y"]
    expected = gradscribe.layer("\n".join([*lines, *rest])).program
    for order in permutations(lines):
        assert gradscribe.layer("\n".join([*order, *rest])).program == expected


def test_both_signs_of_a_power_mean_the_same() -> None:
    caret, stars = (gradscribe.layer(f"y[n] = x[n]{sign}2 * x[n]").program for sign in ("^", "**"))
    assert caret == stars


@pytest.mark.parametrize(("word", "mode"), [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")])
def test_one_of_several_axes_is_continued_as_numpy_pads_it(word: str, mode: Literal["reflect", "edge", "wrap"]) -> None:
    source = same(f"input x[N,L,C]; y[n,i,c] = sum(r) x[n, {word}(i + r - 2), c] * w[r]")
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 5, 3)), rng.normal(size=4)
    sizes = complete_sizes(source, {N: 2, L: 5, C: 3, R: 4})
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (2, 2), (0, 0)), mode), 4, axis=1)
    np.testing.assert_allclose(interpret(source, {"x": x, "w": w}, sizes)["y"], windows @ w)


def test_what_is_read_twice_is_continued_once() -> None:
    source = same("p = 1; y[i] = sum(r) (x[replicate(i + r - p)]^2 * w[r] - x[replicate(i + r - p)])")
    assert list(source.tensors) == ["x", "w", "x_replicate", "y"]
    x, w = np.array([1.0, 2.0, 4.0]), np.array([1.0, 8.0])
    (p,) = (s for s in source.symbols() if s.name == "p")
    sizes = complete_sizes(source, {source.tensors["x"].shape[0]: 3, source.tensors["w"].shape[0]: 2, p: 1})
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, 1, "edge"), 2)
    np.testing.assert_allclose(interpret(source, {"x": x, "w": w}, sizes)["y"], windows**2 @ w - windows.sum(1))


@together(
    "text, letters",
    [
        (
            "y[n,i,j,c] = sum(r,t) x[n, reflect(i + r), reflect(j + t), c] * w[r,t]",
            {"x_reflect": "nqvc", "x_reflect2": "nqmc"},
        ),
        ("y[i,j] = sum(r) x[j, circular(i + r), j] * w[r]", {"x_circular": "jqv"}),  # a letter is one axis
        ("y[...,i] = sum(r) x[..., replicate(i + r)] * w[r]", {"x_replicate": "eq"}),
        (
            "input x[M,L]; i < 2; y[i,j] = sum(r) x[i, reflect(j + r)] * w[r]",
            {"x_reflect": "qv"},
        ),  # i is not all of axis 0
    ],
)
def test_a_continued_tensor_has_the_letters_of_the_axes_it_is_read_along(text: str, letters: dict[str, str]) -> None:
    source = same(text)
    found = {name: source.definitions(name)[0].term.free for name in letters}
    assert {name: "".join(r.index.name for r in ranges) for name, ranges in found.items()} == letters
    for name, ranges in found.items():
        assert tuple(r.extent for r in ranges) == source.tensors[name].shape


def test_an_error_at_run_time_names_the_letter_that_joined_axes() -> None:
    layer = gradscribe.layer("input a[M], b[M]\ny = (sum(q) a[q]^2) + sum(q) b[q]^2", "joined")
    with pytest.raises(ValueError, match=r"joined: argument b, axis 0 \(M of index q\): expected 3, received 4"):
        layer.compile().joined_forward(np.ones(3), np.ones(4))


def test_a_condition_on_indices_restricts_a_maximum_with_a_sign_too() -> None:
    before, after = (same(f"m[n] = max(j) [j > 0] {body}") for body in ("* (-x[n,j])", "x[n,j] * (-1)"))
    assert before == after
    assert before.statements[0].term.guards != ()


@pytest.mark.parametrize(
    ("kind", "mode", "most", "words"),
    [("reflect", "reflect", 2, "less than the extent it reflects"), ("circular", "wrap", 3, "at most the extent")],
)
def test_an_axis_is_continued_as_far_as_its_elements_last(kind: Any, mode: Any, most: int, words: str) -> None:
    layer = gradscribe.layer(f"p = 1; y[i] = sum(r) x[{kind}(i + r - p)] * w[r]", "continued")
    forward, x, w = layer.compile().continued_forward, np.array([1.0, 2.0, 4.0]), np.array([1.0, 8.0])
    y, *_ = forward(x, w, p=most)
    np.testing.assert_array_equal(y, np.correlate(np.pad(x, most, mode), w))
    with pytest.raises(ValueError, match=f"continued: argument p: expected {words}.*, received {most + 1}"):
        forward(x, w, p=most + 1)


def test_a_sum_of_brackets_alone_beside_a_tensor() -> None:
    module = gradscribe.layer("y = x[0] * (sum(i,k,o) [i == k + o])", "counted").compile()
    assert module.counted_forward(np.array([2.0, 5.0]), I=3, K=2, O=2) == 2 * 4
    np.testing.assert_array_equal(module.counted_grad_input(1.0, input_shape=(2,), I=3, K=2, O=2), [4, 0])


def test_ties_are_chosen_from_python_as_from_the_command_line() -> None:
    x, text = np.array([[1.0, 1.0]]), "y[n] = max(k) x[n,k]"
    for layer in (gradscribe.layer(text, "tied", ties="split"), gradscribe.layer(text, "tied").with_ties("split")):
        made = layer.compile().Tied()
        made(x)
        np.testing.assert_array_equal(made.backward(np.ones(1)), [[0.5, 0.5]])
    with pytest.raises(EquationError, match="unknown policy for ties 'last'"):
        gradscribe.layer(text, ties="last")


def test_a_lookup_of_its_own_has_its_axes_as_it_reads() -> None:
    """Not those of the left side first: rows that are looked up stay rows."""
    text = "integer s, t; v < V; y[v,k] = sum(e) [t[e] == v] g[e] * z[s[e],k]; input z[V,K], g[E], s[E], t[E]"
    (lookup,) = (s for s in same(text).statements if s.target.name == "t1")
    assert [r.index.name for r in lookup.term.free] == ["e", "k"]
