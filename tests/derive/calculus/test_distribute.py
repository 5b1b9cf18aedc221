"""A factor that is a sum, inserted into a product: against the interpreter, and left alone where it may not be."""

import numpy as np
import pytest
from sympy import Expr, Integer

from gradscribe.derive.calculus.collapse import reaching_access
from gradscribe.derive.calculus.passes.rewrite import distribute
from gradscribe.derive.ir.index import floordiv, integers
from gradscribe.derive.ir.interpret import complete_sizes, evaluate
from gradscribe.derive.ir.term import Access, Guard, Program, Range, Tensor, Term
from tests.cases.together import together

N, H, R, S, K, M = integers("N H R S K M")
n, i, j, r, k, q = integers("n i j r k q")
x, w, v, g = Tensor("x", (N, M)), Tensor("w", (R, K)), Tensor("v", (S,)), Tensor("g", (N, H, K))
PROGRAM = Program((x, w, v, g), (), (), ((M, H - R + 1),))
INNER = Term((Range(n, N), Range(i, H), Range(k, K)), (Range(r, R),), x(n, i - r) * w(r, k))
"""g[n, i, k] as a full convolution."""
ONE = Integer(1)
SIZES: list[tuple[int, dict[str, int]]] = [
    (0, {}), (1, {"R": 1}), (2, {"R": 4, "S": 1}), (3, {"H": 3, "R": 3, "S": 4}),
]  # fmt: skip


def value(terms: tuple[Term, ...], seed: int, **given: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    numbers = {"N": 2, "H": 5, "R": 2, "S": 3, "K": 2, **given}
    sizes = complete_sizes(PROGRAM, dict(zip(integers(" ".join(numbers)), numbers.values(), strict=True)))
    shapes = {t.name: tuple(int(e.xreplace(sizes)) for e in t.shape) for t in (x, w, v)}
    values = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    values["g"] = evaluate(INNER, values, sizes)[0]
    return np.asarray(sum(evaluate(t, values, sizes)[0] for t in terms))


def product(index: Expr, *extra: Range, factor: Expr = ONE) -> Term:
    return Term((Range(n, N), Range(q, H * S), Range(k, K)), extra, g(n, index, k) * factor)


OUTER: dict[str, Term] = {
    "plain": Term((Range(n, N), Range(i, H), Range(k, K)), (), g(n, i, k) * x(n, i)),
    "upsampled": product(floordiv(q, S)),
    "beyond the end": product(floordiv(q, Integer(2))),
    "before the start": product(q - 2),
    "summed over an index of the same name": product(q - r, Range(r, S), factor=v(r)),
    "summed over free letters": Term((Range(n, N),), (Range(i, H), Range(k, K)), g(n, i, k) * g(n, i, k)),
    "with a bracket": Term(
        (Range(n, N), Range(q, H), Range(k, K)), (Range(j, S),), g(n, q + j, k) * v(j), guards=(Guard(q - 1, H),)
    ),
    "with a delta": Term((Range(n, N), Range(q, H), Range(k, K)), (Range(i, H),), g(n, i, k), deltas=(q - i,)),
}


@together("name", [n for n in OUTER if n != "summed over free letters"])
@together(("seed", "given"), SIZES)
def test_the_value_is_the_same(name: str, seed: int, given: dict[str, int]) -> None:
    term = OUTER[name]
    terms = distribute(term, "g", (INNER, INNER), PROGRAM)
    assert len(terms) == 2
    assert all(a.tensor != "g" for t in terms for a in t.body.atoms(Access))
    assert np.allclose(value(terms, seed, **given), 2 * value((term,), seed, **given))


def test_a_range_that_a_factor_implies_is_not_printed() -> None:
    """x[n, q div S - r] is 0 wherever q div S leaves H, for x has H - R + 1 elements; other accesses tell nothing."""
    (term,) = distribute(OUTER["upsampled"], "g", (INNER,), PROGRAM)
    assert term.guards == ()
    shorter = Term(INNER.free, INNER.bound, x(n, i + r) * w(r, k))
    (kept,) = distribute(OUTER["beyond the end"], "g", (shorter,), PROGRAM)
    assert [str(g.value) for g in kept.guards] == ["floordiv(q, 2)"]
    assert reaching_access(kept, kept.guards[0], PROGRAM) is None


def test_names_that_are_taken_get_a_prime() -> None:
    (term,) = distribute(OUTER["summed over an index of the same name"], "g", (INNER,), PROGRAM)
    assert [r.index.name for r in term.bound] == ["r", "r_prime"]


@pytest.mark.parametrize(
    "term",
    [
        OUTER["summed over free letters"],
        Term((Range(n, N), Range(i, H), Range(k, K)), (), g(n, i, k) + x(n, i)),
        Term((Range(n, N), Range(i, H), Range(k, K)), (), x(n, i) / g(n, i, k)),
        Term((Range(n, N), Range(i, H)), (Range(k, K),), g(n, i, k), op="max"),
        Term((Range(n, N), Range(i, H)), (), x(n, i)),
    ],
    ids=["squared", "in a sum", "below a line", "under a maximum", "absent"],
)
def test_where_it_may_not_be_inserted_nothing_changes(term: Term) -> None:
    assert distribute(term, "g", (INNER,), PROGRAM) == (term,)


def test_a_maximum_is_not_inserted() -> None:
    maximum = Term(INNER.free, INNER.bound, INNER.body, op="max")
    assert distribute(OUTER["plain"], "g", (maximum,), PROGRAM) == (OUTER["plain"],)
