"""Definitions: what they expand to, that nothing is captured, and what is said of a mistake."""

import time
from pathlib import Path

import numpy as np
import pytest

import gradscribe
from gradscribe.derive.derivation import derive
from gradscribe.derive.ir.interpret import complete_sizes, interpret
from gradscribe.derive.language import LanguageError
from gradscribe.derive.language.definitions.library import library_names, library_text
from tests.cases.together import together

ROOT = Path(__file__).parents[3]
SOFTMAX = "define soft(s, j) = exp(s - max(j) s) / sum(j) exp(s - max(j) s); "


def statements(text: str) -> list[str]:
    """The statements of a text, as they print."""
    return [str(s) for s in gradscribe.layer(text).program.statements]


ALIKE = [
    # what uses definitions, and the same written out with names of lets that the first text makes
    (
        SOFTMAX + "y[n,k] = soft(x[n,k], k)",
        "m[n] = max(k) x[n,k]; z[n] = sum(k) exp(x[n,k] - m[n]); y[n,k] = exp(x[n,k] - m[n]) / z[n]",
    ),
    ("y[n] = mean(x[n,k], k)", "y[n] = sum(k) x[n,k] / K"),
    ("y[n] = mean(x[n,i,j], i, j)", "y[n] = sum(i,j) x[n,i,j] / I / J"),
    ("y[c] = mean(x[...,c], ...)", "y[c] = sum(...) x[...,c] / E"),
    (
        "y[n,c] = norm(x[n,c], c)",
        """mean[n] = sum(c) x[n,c] / C; var[n] = sum(c) (x[n,c] - mean[n])^2 / C
        y[n,c] = (x[n,c] - mean[n]) / sqrt(var[n] + 1e-5)""",
    ),
    # names that the text has, too
    (
        "m[n,k] = mean(x[n,k] * z[k], k) + x[n,k]; y[n,k] = softmax(m[n,k], k) * mean[n]",
        """mean2[n] = sum(k) x[n,k] * z[k] / K; m[n,k] = mean2[n] + x[n,k]
        m2[n] = max(k) m[n,k]; h[n,k] = exp(m[n,k] - m2[n]); z2[n] = sum(k) h[n,k]
        y[n,k] = h[n,k] / z2[n] * mean[n]; input x[N,K], z[K], mean[N]""",
    ),
    # an index of the definition's own that the text has for something else
    (
        "define later(j) = sum(q) [q > j] w[q]; y[q,k] = x[q,k] * later(q); input x[Q,K], w[Q]",
        "z[q] = sum(r) [r > q] w[r]; y[q,k] = x[q,k] * z[q]; input x[Q,K], w[Q]",
    ),
    # one whose index is called like a tensor of another
    (
        "define f(s) = s * u[0]; define g(s) = sum(u) f(s) * w[u]; y[n] = g(x[n]); input x[N], w[N], u[N]",
        "y[n] = sum(k) x[n] * u[0] * w[k]; input x[N], w[N], u[N]",
    ),
    # a text's own definition instead of the library's; the library's own keep theirs
    (
        "define mean(s, j) = sum(j) s; y[n,k] = mean(x[n,k], k) + var(x[n,k], k)",
        """mean[n] = sum(k) x[n,k]; y[n,k] = mean[n]
        mean2[n] = sum(k) x[n,k] / K; var[n] = sum(k) (x[n,k] - mean2[n])^2 / K
        y[n,k] += var[n]""",
    ),
    # one tensor for what is the same, whatever its index
    (
        "define size(s, c) = sqrt(sum(c) s^2); y[i,j] = sum(c) x[i,c]*x[j,c] / (size(x[i,c], c) * size(x[j,c], c))",
        "z[i] = sum(c) x[i,c]^2; y[i,j] = sum(c) x[i,c]*x[j,c] / (sqrt(z[i]) * sqrt(z[j]))",
    ),
    (
        "y[n,k] = exp(sum(c) x[n,c]) + x[n,k] / exp(sum(c) x[n,c])",
        "t1[n] = sum(c) x[n,c]; y[n,k] = exp(t1[n]) + x[n,k] / exp(t1[n]); input x[N,K]",
    ),
    (
        "define f(s) = s * eps + b[0]; eps = 0.5; y[n] = f(x[n])",
        "eps = 0.5; y[n] = x[n] * eps + b[0]",
    ),
    # an index that runs over a part of its axis, and a setting called like a local
    (
        "h = 2; L = C // h; k < L; y[n,k] = softmax(x[n,k], k); input x[N,C]",
        """h = 2; L = C // h; k < L; j < L; m[n] = max(k) x[n,k]; z[n] = sum(j) exp(x[n,j] - m[n])
        g[n,k] = exp(x[n,k] - m[n]); y[n,k] = g[n,k] / z[n]; input x[N,C]""",
    ),
    (
        "y[n] = log_sum_exp(x[n,k], k)",
        "m[n] = max(k) x[n,k]; z[n] = sum(k) exp(x[n,k] - m[n]); y[n] = m[n] + log(z[n])",
    ),
]  # fmt: skip


@together("text, written_out", ALIKE, ids=[a for a, _ in ALIKE])
def test_a_definition_is_what_it_stands_for(text: str, written_out: str) -> None:
    ours, theirs = gradscribe.layer(text), gradscribe.layer(written_out)
    rng = np.random.default_rng(0)
    sizes = {s: 3 + n for n, s in enumerate(sorted(ours.program.symbols(), key=str)) if str(s) not in ("eps", "h")}
    sizes |= {s: {"eps": 0.5, "h": 2}[str(s)] for s in ours.program.symbols() if str(s) in ("eps", "h")}
    sizes = complete_sizes(ours.program, {s: n for s, n in sizes.items() if s not in dict(ours.program.sizes)})
    assert sorted(map(str, ours.program.symbols())) == sorted(map(str, theirs.program.symbols()))
    assert len(ours.program.statements) <= len(theirs.program.statements)
    values = {t.name: rng.normal(size=tuple(int(e.xreplace(sizes)) for e in t.shape)) for t in ours.program.inputs}
    assert sorted(values) == sorted(t.name for t in theirs.program.inputs)
    found, expected = (interpret(layer.program, values, sizes) for layer in (ours, theirs))
    np.testing.assert_allclose(
        found[ours.program.outputs[0]], expected[theirs.program.outputs[0]], rtol=1e-12, atol=1e-12
    )


def test_a_softmax_is_recognised() -> None:
    for text in ("y[n,k] = softmax(x[n,k], k)", SOFTMAX + "y[n,k] = soft(x[n,k], k)"):
        printed = str(derive(gradscribe.layer(text)))
        assert "m counts as a constant" in printed
        assert "∂E/∂x = y ⊙ (δ − Σ_{k} δ ⊙ y)" in printed
    large = gradscribe.layer("y[n,k] = softmax(x[n,k], k)", "soft").compile().soft_forward(np.array([[1e4, 1e4]]))
    assert large.tolist() == [[0.5, 0.5]]


def test_what_a_text_repeats_is_one_tensor() -> None:
    assert statements("y[n,k] = x[n,k] / sum(j) x[n,j] + exp(-sum(i) x[n,i])") == [
        "t1[n] = Σ_{j=0..K−1} x[n,j]",
        "y[n,k] = exp(−t1[n]) + x[n,k]/t1[n]",
    ]
    assert len(statements("y[n] = exp(max(k) x[n,k]); z[m] = tanh(max(k) x[m,k]); output y, z")) == 3
    different = "y[n,m] = exp(sum(k) x[n,k,m]) * exp(sum(k) x[m,k,n])"
    found = gradscribe.layer(different).program
    assert [s.target.name for s in found.statements] == ["t1", "y"]
    values = {"x": np.random.default_rng(0).normal(size=(3, 4, 3))}
    sizes = {s: {"N": 3, "K": 4}[str(s)] for s in found.symbols()}
    total = values["x"].sum(1)
    np.testing.assert_allclose(interpret(found, values, sizes)["y"], np.exp(total) * np.exp(total.T))


WRONG = [
    ("define f(s) = f(s) + 1; y[n] = f(x[n])", 15, "f is defined by itself"),
    ("define f(s) = g(s)\ndefine g(s) = f(s); y[n] = f(x[n])", 15, "g is defined further down; move its definition up"),
    ("define f(s) = s; define f(s) = 2*s; y[n] = f(x[n])", 25, "f is defined twice"),
    ("define max(s) = s; y[n] = x[n]", 8, "max is a word of the language"),
    ("define f() = 2; y[n] = x[n]", 8, "f has no argument"),
    ("define f(s, s) = s; y[n] = x[n]", 13, "s has two meanings in f"),
    ("define f(s) = a where s = 1, a = s; y[n] = x[n]", 23, "s has two meanings in f"),
    ("define f(s) = a where a = b, b = s; y[n] = f(x[n])", 27, "b is used before it is defined"),
    ("define f(s) = s[0]; y[n] = f(x[n])", 15, "s stands for a value here"),
    ("define f(s) = sum(...) s; y[n] = x[n]", 19, "... does not stand in a definition"),
    ("define f(s) = gg(s); y[n] = f(x[n])", 15, "unknown function gg"),
    ("define f(s, j) = sum(j) s; y[n] = f(x[n,k])", 35, "f takes 2 arguments, f(s, j); found 1"),
    ("define f(s) = 2*s; y[n] = f(x[n], n)", 27, "f takes 1 argument, f(s); found 2"),
    ("define f(s, j) = sum(j) s; y[n] = f(x[n,k], 2*k)", 45, "f reduces over its argument j; expected an index"),
    ("y[n] = mean(x[n,k], k, k)", 24, "index k is given twice"),
    (
        "define f(s) = s + k; y[n,k] = f(x[n,k])",
        31,
        "in f: k is an index of the text, and none of f; make it an argument",
    ),
    ("define f(s) = s * w[k]; y[n,k] = f(x[n,k])", 34, "in f: k is an index of the text"),
    ("y[n] = x[n] * mean(x[n] * z[k], q)", 29, "index k is neither on the left side nor reduced over"),
    ("define f(s, j) = sum(j) s * c; y[n] = f(x[n,c], c)", 39, "in f: c is an index of the text, and none of f"),
    ("define g(s) = s * q; define f(s, j) = sum(q) g(s * w[q]); y[n] = f(x[n], n)", 66, "in g: unknown name q"),
    ("define f(s, j) = [j > 0] * sum(j) s; y[n] = f(x[n,a,b], a, b)", 45, "in f: j stands for several indices"),
    ("define f(s) = s / 0; y[n] = f(x[n])", 29, "in f: division by 0"),
    ("define f(s) = sqrt(s, 2); y[n] = f(x[n])", 34, "in f: sqrt takes 1 argument; found 2"),
    ("y[n,k] = softmax(x[n,k], k) y[n]", 10, "softmax(...) stands before a factor; expected"),
    ("y[n] = softmux(x[n], n)", 8, "did you mean softmax?"),
    ("define f(s) = s where; y[n] = x[n]", 22, "found ';'; expected a name"),
    ('include "blocks.eq"; y[n] = x[n]', 1, "include stands in files only"),
    ("define f(s) = y[n] = x[n]", 20, "found '='"),
    ("define f(s) = s", 1, "no equation"),
]


@together("text, column, message", WRONG, ids=[text for text, *_ in WRONG])
def test_a_mistake_is_one_line_and_a_caret_at_the_place(text: str, column: int, message: str) -> None:
    with pytest.raises(LanguageError) as error:
        gradscribe.layer(text)
    first, _, caret = str(error.value).split("\n")
    assert message in first
    assert f"column {column}:" in first
    assert caret.index("^") == column + 3


def test_definitions_that_grow_are_refused_soon() -> None:
    doubling = "\n".join(f"define f{n}(s) = f{n - 1}(f{n - 1}(s) + s)" for n in range(1, 60))
    deep = "\n".join(f"define f{n}(s) = sin(cos(f{n - 1}(s)))" for n in range(1, 400))
    wide = "define f0(s) = " + " + ".join(["s"] * 300) + "\ndefine f1(s) = f0(f0(f0(s)))\n"
    start = time.perf_counter()
    for text, last in ((f"define f0(s) = s + s\n{doubling}", 59), (f"define f0(s) = s\n{deep}", 399), (wide, 1)):
        with pytest.raises(LanguageError, match=r"definitions (make more than|nested too deeply|that use one another)"):
            gradscribe.layer(f"{text}\ny[n] = f{last}(x[n])")
    assert time.perf_counter() - start < 5


def test_the_library_is_what_the_page_says() -> None:
    assert {"softmax", "log_softmax", "log_sum_exp", "mean", "var", "norm", "one_hot"} <= library_names()
    page = (ROOT / "docs/language.md").read_text(encoding="utf-8")
    shown = library_text().split("\n\n", 1)[1].strip()
    assert shown in page
