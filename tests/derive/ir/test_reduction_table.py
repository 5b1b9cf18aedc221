"""Every row of derive/ir/reductions.py and its row in codegen/numpy/print/numpy_table.py, whatever rows there are.

What a row states is compared with what follows from its combination alone: the identity, the order of the elements, the
slope by finite differences; then everything that is made of it, from the language to the kernels, with loops in Python.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache, reduce
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sympy import Expr, Idx, Integer, Symbol
from sympy import lambdify as as_function

import gradscribe
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.loops import LOOPED
from gradscribe.codegen.numpy.print.numpy_table import NUMPY_FUNCTIONS, NUMPY_REDUCTIONS
from gradscribe.codegen.tool.cli.screen import plain
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.derivation import derive
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.functions import FUNCTIONS
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.interpret import evaluate, interpret
from gradscribe.derive.ir.reductions import REDUCTIONS, SUM, Element, Reduction
from gradscribe.derive.ir.term import Access, Range, Statement, Tensor, Term
from gradscribe.derive.ir.term import Program as Equations
from gradscribe.derive.ir.well_formed import check
from gradscribe.derive.language.syntax.words import FOLDED
from gradscribe.derive.layer.equations import REDUCED, program, to_sympy
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.typeset.formats import rendered
from gradscribe.derive.typeset.mathematics.latex_width import width
from gradscribe.generated import runtime as rt
from tests.cases.run_loops import COMPILED, looped
from tests.cases.sources import tree
from tests.cases.thorough import some
from tests.codegen.loops.test_compiled import everything, same

ROOT = Path(__file__).parents[3]
VALUES = [word for word, row in REDUCTIONS.items() if not row.places]
PLACES = {word: row.places for word, row in REDUCTIONS.items() if row.places}
ROWS = pytest.mark.parametrize("word", VALUES)
"""Of values; those of places are asked for where they are."""
Array = np.ndarray[Any, Any]


def numbers(*shape: int, seed: int = 0) -> Array:
    """Positive and negative numbers away from 0."""
    rng = np.random.default_rng(seed)
    return rng.choice([-1, 1], shape) * rng.uniform(0.5, 1.5, shape)


def combine(row: Reduction) -> np.ufunc:
    found: np.ufunc = getattr(np, row.combine)
    return found


def combined(row: Reduction, values: Iterator[float] | list[float]) -> float:
    """One value after the other, from the identity on."""
    return reduce(lambda a, b: float(combine(row)(a, b)), values, float(row.identity))


# ----- the rows -------------------------------------------------------------------------------------------------------
def test_the_tables_of_derive_and_of_numpy_have_the_same_rows() -> None:
    assert list(NUMPY_REDUCTIONS) == VALUES
    assert set(NUMPY_FUNCTIONS) == set(FUNCTIONS)


@ROWS
def test_a_combination_has_its_identity_and_no_order(word: str) -> None:
    row = REDUCTIONS[word]
    values = numbers(40)
    np.testing.assert_array_equal(combine(row)(values, row.identity), values)
    np.testing.assert_array_equal(combine(row)(row.identity, values), values)
    a, b, c = numbers(3, 40, seed=1)
    np.testing.assert_array_equal(combine(row)(a, b), combine(row)(b, a))
    np.testing.assert_allclose(combine(row)(combine(row)(a, b), c), combine(row)(a, combine(row)(b, c)), rtol=1e-14)


@ROWS
def test_a_slope_is_the_one_measured(word: str) -> None:
    row, step = REDUCTIONS[word], 1e-6
    names = tuple(Symbol(name, real=True) for name in ("value", "result", "chosen", "others"))
    slope = as_function(names, row.slope(Element(*names)), "numpy")
    elements = numbers(6).tolist()
    total = combined(row, elements)
    for k, element in enumerate(elements):
        ends = (combined(row, [*elements[:k], element + move, *elements[k + 1 :]]) for move in (step, -step))
        measured = (next(ends) - next(ends)) / (2 * step)
        others = combined(row, [*elements[:k], *elements[k + 1 :]])
        found = slope(element, total, float(element == total), others)
        np.testing.assert_allclose(found, measured, rtol=1e-8, atol=1e-8)


@ROWS
def test_a_row_that_selects_yields_one_of_its_elements(word: str) -> None:
    row = REDUCTIONS[word]
    assert row.selects == all(combined(row, list(pair)) in pair for pair in numbers(20, 2).tolist())
    how = NUMPY_REDUCTIONS[word]
    assert all(bool(text) == row.selects for text in (how.recorded, how.searched))
    if word in LOOPED:
        assert bool(LOOPED[word].wins) == row.selects


@ROWS
def test_numpy_computes_what_the_row_says(word: str) -> None:
    row, how = REDUCTIONS[word], NUMPY_REDUCTIONS[word]
    names = {"np": np, "rt": rt}
    a, b = numbers(2, 30)
    np.testing.assert_array_equal(eval(how.ufunc, names)(a, b), combine(row)(a, b))
    if how.along:
        found = eval(how.along, names)(a.reshape(2, 3, 5), axis=(-2, -1), initial=row.identity)
        np.testing.assert_allclose(found, [combined(row, part.tolist()) for part in a.reshape(2, 15)], rtol=1e-14)


@pytest.mark.parametrize("word", LOOPED)
def test_loops_compute_what_the_row_says(word: str) -> None:
    row, how = REDUCTIONS[word], LOOPED[word]
    a, b = numbers(2, 30)
    if how.operator:
        found = [eval(f"a {how.operator} b", {"a": x, "b": y}) for x, y in zip(a, b, strict=True)]
        np.testing.assert_array_equal(found, combine(row)(a, b))


@pytest.mark.parametrize("word", [word for word in VALUES if REDUCTIONS[word].selects and word in LOOPED])
@COMPILED
def test_loops_select_what_the_row_does(word: str) -> None:
    """Every pair of numbers that compare in their own ways, in one lane or another."""
    pairs = np.array(list(product([-1.0, 1.0, np.inf, -np.inf, np.nan], repeat=2)))
    layer = layer_of(word, "a window")
    module = compile_layer(layer)
    with looped(module) as ran:
        y = module.reduced_forward(pairs.T[None], R=2, s=1, p=1)
    assert ran
    y = y[0] if isinstance(y, tuple) else y
    np.testing.assert_array_equal(y[0, 1], [combine(REDUCTIONS[word])(a, b) for a, b in pairs])


@ROWS
def test_the_oracle_leaves_out_what_brackets_exclude(word: str) -> None:
    row = REDUCTIONS[word]
    layer = gradscribe.layer(f"n < N\ny[n] = {word}(k) [k < n] x[k]", "excluding")
    x = numbers(4)
    found = interpret(layer.program, {"x": x}, dict(zip(integers("N K"), (5, 4), strict=True)))["y"]
    np.testing.assert_allclose(found, [combined(row, x[:n].tolist()) for n in range(5)], rtol=1e-14)


def test_a_row_of_a_sum_is_added_up_as_numpy_does() -> None:
    i, j, N, M = integers("i j N M")
    x = np.random.default_rng(0).normal(size=(5, 1001))
    term = Term((Range(i, N),), (Range(j, M),), Access("x", i, j))
    np.testing.assert_array_equal(evaluate(term, {"x": x}, {N: 5, M: 1001})[0], x.sum(-1))


# ----- what is made of a row ------------------------------------------------------------------------------------------
TEXTS = {
    "an axis": "y[n] = {word}(k) x[n,k]",
    "a product": "y[n] = {word}(k) x[n,k] * w[k]",
    "an expression": "y[n] = {word}(k) (2 - x[n,k] * w[k])",
    "a window": "s = 2; p = 1; input x[N,L,C]; y[n,i,c] = {word}(r) [0 <= s*i + r - p < L] x[n, s*i + r - p, c]",
    "within a sum": "y[n] = sum(j) v[j] * {word}(k) x[n,j,k]",
    "a condition": "y[n] = {word}(k) [x[n,k] > 0] * w[k] * x[n,k]",
    "scattered": "y[n, 2*i + a] = {word}(k) x[n,i,a,k]; a < 2",
    "a triangle": "y[n,i] = {word}(j) [j <= i] x[n,i,j] * w[j]",
}


def layer_of(word: str, text: str) -> Layer:
    return gradscribe.layer(TEXTS[text].format(word=word).replace("; ", "\n"), "reduced")


@ROWS
@pytest.mark.parametrize("text", some(TEXTS, 3))
def test_kernels_page_oracle_and_differences_agree(word: str, text: str) -> None:
    layer = layer_of(word, text)
    assert all(line.passed for line in verify_layer(layer, shapes=2))


@ROWS
def test_double_backward_and_hessian_agree(word: str) -> None:
    assert all(line.passed for line in verify_layer(layer_of(word, "a product"), shapes=2, order=2))


@cache
def module_of(word: str, text: str) -> ModuleType:
    return compile_layer(layer_of(word, text))


@ROWS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_kernel_equals_loops(word: str, dtype: Any) -> None:
    """A window that reaches beyond the array, and one that is nowhere within it."""
    row = REDUCTIONS[word]
    x = numbers(2, 7, 3).astype(dtype)
    y = module_of(word, "a window").reduced_forward(x, R=3, s=2, p=4)
    y = y[0] if isinstance(y, tuple) else y
    assert y.dtype == dtype
    for n, i, c in np.ndindex(*y.shape):
        places = [at for at in range(2 * i - 4, 2 * i - 1) if 0 <= at < 7]
        expected = combined(row, [float(x[n, at, c]) for at in places])
        np.testing.assert_allclose(y[n, i, c], expected, rtol=1e-5 if dtype == np.float32 else 1e-12)


@ROWS
@COMPILED
def test_loops_compute_what_numpy_does(word: str) -> None:
    layer = layer_of(word, "a window")
    module, found = compile_layer(layer), kernels(layer)
    given, options = {"x": numbers(2, 7, 3)}, {"R": 3, "s": 1, "p": 2}
    with module.rt.settings(backend="numpy"):
        expected = everything(layer, found, module, given, options)
    with looped(module) as ran:
        same(everything(layer, found, module, given, options), expected, word)
    assert ("reduced_forward_1_loops" in ran) == (word in LOOPED)


@ROWS
def test_equations_of_sympy_and_text_are_one_program(word: str) -> None:
    layer = layer_of(word, "an axis")
    (equation,) = to_sympy(layer.program)
    assert equation.rhs.func is REDUCED[word]
    x = layer.program.inputs[0]
    n, k = (Idx(v, e) for v, e in zip("nk", x.shape, strict=True))
    base, target = (next(a.base for a in side.atoms(type(equation.lhs))) for side in (equation.rhs, equation.lhs))
    again = program(equation.func(target[n], REDUCED[word](base[n, k], k), evaluate=False), inputs=(base,))
    assert [s.term for s in again.statements] == [s.term for s in layer.program.statements]


@ROWS
def test_a_page_says_it_in_the_signs_of_the_row(word: str) -> None:
    row = REDUCTIONS[word]
    derivation = derive(layer_of(word, "an axis"))
    assert f"= {row.text}_{{k" in str(derivation)
    assert f"{row.latex}_{{k" in rendered(derivation, "latex")
    assert row.reason in str(derivation)
    assert width(row.latex) > 1  # a sign as wide as words, not as a letter


@ROWS
def test_a_terminal_of_few_characters_is_shown_the_word(word: str) -> None:
    sign = REDUCTIONS[word].text
    assert sign == word or plain(sign) == word


@pytest.mark.parametrize("word", PLACES)
@pytest.mark.parametrize("text", [text for text in some(TEXTS, 3) if text != "scattered"])
def test_kernels_page_and_oracle_agree_on_places(word: str, text: str) -> None:
    assert all(line.passed for line in verify_layer(layer_of(word, text), shapes=2))


@pytest.mark.parametrize("word", PLACES)
def test_a_place_is_the_one_of_numpy(word: str) -> None:
    """The first of several that are equal, the first NaN; row by row over several indices; none is -1."""
    x = np.random.default_rng(0).integers(0, 3, (50, 2, 3)).astype(float)
    x[0, 1, 1], x[1] = np.nan, -np.inf
    text = f"k[n] = {word}(i,j) x[n,i,j]\nl[n] = {word}(i) [x[n,i,0] > 5] x[n,i,0]\noutput k, l"
    layer = gradscribe.layer(text, "places")
    k, none = compile_layer(layer).places_forward(x)
    assert k.dtype.kind == "i"
    np.testing.assert_array_equal(k, getattr(np, word)(x.reshape(50, -1), axis=1))
    np.testing.assert_array_equal(none, -1)
    sizes = dict(zip(integers("N I J"), x.shape, strict=True))
    np.testing.assert_array_equal(interpret(layer.program, {"x": x}, sizes)["k"], k)


# ----- what messages say ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("word", REDUCTIONS)
def test_mistakes_are_answered_with_the_words_of_the_table(word: str) -> None:
    with pytest.raises(EquationError, match=re.escape(f"{', '.join(REDUCTIONS)} or *")):
        gradscribe.layer("y[n] = exp(k) x[n,k]", "wrong")
    with pytest.raises(EquationError, match=re.escape(f"{word}(k) reduces over indices and needs a factor after it")):
        gradscribe.layer(f"y[n] = {word}(k) -x[n,k]", "wrong")
    with pytest.raises(EquationError, match=re.escape(f"expected {word}(i, j)")):
        gradscribe.layer(f"y[n] = {word}(2) x[n,k]", "wrong")
    if word not in FOLDED:
        with pytest.raises(EquationError, match=f"{word} is a reserved word"):
            gradscribe.layer(f"{word}[n] = x[n]", "wrong")


def equations(op: str, body: Expr, more: tuple[Statement, ...] = ()) -> Equations:
    i, j, N = integers("i j N")
    x, y = Tensor("x", (N,)), Tensor("y", (N,), constant=True)
    return Equations((x,), (Statement(y, Term((Range(i, N),), (Range(j, N),), body, op=op)), *more), ("y",))


def test_a_program_has_reductions_of_the_table_only() -> None:
    with pytest.raises(EquationError, match=f"reduction median is unknown; expected one of {', '.join(REDUCTIONS)}"):
        check(equations("median", Access("x", integers("j")[0])))


@ROWS
def test_only_sums_are_added_to(word: str) -> None:
    i, N = integers("i N")
    again = Statement(Tensor("y", (N,), constant=True), Term((Range(i, N),), (), Integer(1)))
    twice = equations(word, Access("x", integers("j")[0]), (again,))
    if REDUCTIONS[word] is SUM:
        check(twice)
        return
    with pytest.raises(EquationError, match=f"a {REDUCTIONS[word].noun} cannot be added to"):
        check(twice)


def test_the_reference_lists_the_reductions() -> None:
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8").partition("## Reductions")[2]
    listed = text[: text.index("before a factor reduce over indices")]
    assert re.findall(r"`(\w+)\(i,j\)`", listed) == list(REDUCTIONS)


# ----- nobody else knows them -----------------------------------------------------------------------------------------
def compared(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The words that a module compares something with, looks for in a list of its own, or has a table of."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
            lists = [e for p in parts if isinstance(p, ast.Tuple | ast.List | ast.Set) for e in p.elts]
            found: list[ast.expr | None] = [*parts, *lists]
        elif isinstance(node, ast.Dict):
            found = list(node.keys)
        else:
            continue
        for e in found:
            if isinstance(e, ast.Constant) and isinstance(e.value, str):
                yield node.lineno, e.value


INTEGERS = {
    "derive/language/meaning/integers.py",
    "derive/language/meaning/scope.py",
    "derive/language/syntax/words.py",
    "codegen/loops/text/c_printer.py",
}
"""Where the smaller and the larger of integers or values are read, functions of the same words."""
TABLES = {"derive/ir/reductions.py", "codegen/numpy/print/numpy_table.py", "codegen/loops/writing/body.py"}


def test_no_other_code_asks_for_a_reduction_by_its_word() -> None:
    files = [p for room in ("derive", "codegen") for p in sorted((ROOT / room).rglob("*.py"))]
    known = {str(p.relative_to(ROOT)) for p in files} & (INTEGERS | TABLES)
    assert known == INTEGERS | TABLES
    for path in files:
        name = str(path.relative_to(ROOT))
        words = set(compared(tree(path, f'"({"|".join(REDUCTIONS)})"'))) if name not in known else set()
        assert not {(line, word) for line, word in words if word in REDUCTIONS}, name


def test_no_text_of_a_backend_is_in_derive() -> None:
    files = sorted((ROOT / "derive").rglob("*.py"))
    assert len(files) > 50
    for path in files:
        nodes = ast.walk(tree(path, r"\b(np|rt)\."))
        texts = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        assert not [text for text in texts if re.search(r"\b(np|rt)\.[a-z]\w*\(", text)], path.name
