"""What closed forms are made of: sums known by definitions, sums within products, normal forms."""

from dataclasses import replace

import numpy as np
from sympy import Abs, Expr, Integer, Mul, Rational, exp, log, sign, sqrt

from gradscribe import layer as layer_of_text
from gradscribe.derive.calculus.closed.rewrites.factor import common_in_front, divided_out, factored, over_one_divisor
from gradscribe.derive.calculus.closed.rewrites.identities import Identities
from gradscribe.derive.calculus.closed.rewrites.nested import measure, nested, normal
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.interpret import evaluate
from gradscribe.derive.ir.term import Access, InnerSum, Range, Tensor, Term
from gradscribe.derive.typeset.writers.latex import latex_writer
from gradscribe.derive.typeset.writers.text import text_writer
from tests.cases.catalogue import derived
from tests.cases.together import together

N, C, n, c, k = integers("N C n c k")
X, D, M = Tensor("x", (N, C)), Tensor("dy", (N, C)), Tensor("m", (N,))


def total(text: str, wrt: str = "m") -> tuple[Identities, InnerSum, tuple[Range, ...]]:
    """What a program knows, and the sum over c of x - m for one n."""
    program = layer_of_text(text, "own").program
    extent = program.tensors["x"].shape[1]
    return Identities(program), InnerSum(X(n, c) - Access(wrt, n), Range(c, extent)), (Range(n, N),)


@together(
    "text, value",
    [
        ("m[n] = sum(c) x[n, c] / C; y[n, c] = x[n, c] - m[n]", 0),
        ("s[n] = sum(k) x[n, k]; m[n] = s[n] / C; y[n, c] = x[n, c] - m[n]", 0),  # by way of another name
        ("m[n] = sum(c) 2 * x[n, c] / C; y[n, c] = x[n, c] - m[n]", "-C*m[n]/2"),
        ("m[n] = sum(c) x[n, c] / (C + 1); y[n, c] = x[n, c] - m[n]", "m[n]"),
        ("m[n] = sum(c) x[n, c] * w[c]; y[n, c] = x[n, c] - m[n]", None),  # no mean
        ("m[n] = sum(c) x[n, c]^2; y[n, c] = x[n, c] - m[n]", None),
        ("m[n] = max(c) x[n, c]; y[n, c] = x[n, c] - m[n]", None),
        ("m[n] = sum(c) [c < 2] * x[n, c]; y[n, c] = x[n, c] - m[n]", None),
    ],
)
def test_a_sum_is_known_by_definitions_and_else_not(text: str, value: object) -> None:
    known, wanted, free = total(text.replace("; ", "\n"))
    found = known.known(wanted, free)
    assert (found is None and value is None) or (found is not None and str(found.value) == str(value))


def test_shares_add_up_to_one() -> None:
    program = derived("softmax").program
    shares = InnerSum(Access("y", n, c), Range(c, program.tensors["y"].shape[1]))
    (extent, _) = program.tensors["y"].shape
    found = Identities(program).known(shares, (Range(n, extent),))
    assert found is not None
    assert (found.value, found.tensors) == (1, ("z",))


def test_divisors_are_cancelled_beside_sums_and_within_them_however_deep_these_stand() -> None:
    x, y = X(n, c), D(n, c)
    both = x * (1 - x) * (y / x - (1 - y) / (1 - x))
    summed = InnerSum(both, Range(c, C))
    assert divided_out(both) == y - x
    assert divided_out(summed) == InnerSum(y - x, Range(c, C))
    for function in (lambda e: 2 / e, sqrt, lambda e: M(n) * exp(-e), lambda e: 1 / (1 + e) ** 2):
        assert divided_out(function(summed)) == function(InnerSum(y - x, Range(c, C)))
        assert divided_out(function(InnerSum(x, Range(c, C)))) == function(InnerSum(x, Range(c, C)))


@together(
    "text, box",
    [
        ("x[n]/(1 + abs(x[n]))", "1/(1+|x[n]|)² δ[n]"),
        ("x[n]/sqrt(1 + x[n]^2)", "1/(1+x[n]²)^(3/2) δ[n]"),
        ("x[n]/(1 + x[n]^2)", "1/(1+x[n]²)² δ[n] (1−x[n]²)"),
        ("(exp(x[n]) - exp(-x[n]))/(exp(x[n]) + exp(-x[n]))", "4/(exp(−x[n])+exp(x[n]))² δ[n]"),
        ("x[n]^2/(1 + x[n]^2)", "2 δ[n] x[n]/(1+x[n]²)²"),
        ("log(x[n]/(1 - x[n]))", "1/(x[n] (1−x[n])) δ[n]"),
        ("x[n]*exp(-x[n]^2)", "δ[n] exp(−x[n]²) (1−2 x[n]²)"),  # nothing to put over a divisor
        ("x[n]/(1 + exp(x[n]))", "1/(1+exp(x[n])) δ[n] (1−x[n] exp(x[n])/(1+exp(x[n])))"),  # would be longer
    ],
)
def test_quotients_that_are_added_become_one_where_that_is_shorter(text: str, box: str) -> None:
    page = derive(layer_of_text(f"y[n] = {text}", "own"))
    assert f"│ ∂E/∂x[n] = {box}  " in text_writer.render(page)
    assert certify(page, shapes=2).holds


def test_x_times_its_sign_is_its_magnitude() -> None:
    x, m = X(n, c), M(n)
    assert (
        over_one_divisor(D(n, c) * (1 / (1 + Abs(x)) - x * sign(x) / (1 + Abs(x)) ** 2)) == D(n, c) / (1 + Abs(x)) ** 2
    )
    kept = D(n, c) * (1 / (1 + Abs(x)) - m * sign(x) / (1 + Abs(x)) ** 2)
    assert over_one_divisor(kept) == kept


@together("power", [40, Rational(81, 2)])
def test_what_would_have_many_summands_is_not_multiplied_out(power: Expr) -> None:
    """Above and below: SymPy would take minutes."""
    many = sum((Access(f"a{i}", n) for i in range(6)), X(n, c))
    body = D(n, c) * (1 / many + X(n, c) / many**power)
    assert over_one_divisor(body) == body
    assert divided_out(body) == body
    assert divided_out(body * many**power).has(X(n, c))


def test_sums_to_high_powers_in_a_text_have_a_page() -> None:
    page = derive(layer_of_text("z[n] = sum(c) (x[n,c] + a[n] + b[n] + d[n] + e[n])^40\ny[n,c] = x[n,c]/z[n]", "high"))
    assert page.sections[-1].results


def test_a_sum_within_a_body_is_evaluated_and_normal_forms_are_equal_to_it() -> None:
    rng = np.random.default_rng(3)
    values = {"x": rng.normal(size=(3, 4)), "dy": rng.normal(size=(3, 4)), "m": rng.normal(size=3)}
    sizes = {N: 3, C: 4}
    free = (Range(n, N), Range(c, C))
    both = InnerSum(D(n, k) * X(n, k) * (M(n) - X(n, k)) + 2 * M(n), Range(k, C))
    body = X(n, c) * (D(n, c) / C + both) * (M(n) - X(n, c)) / sqrt(exp(M(n)))
    x, dy, m = values["x"], values["dy"], values["m"][:, None]
    inner = (dy * x * (m - x) + 2 * m).sum(1, keepdims=True)
    expected = x * (dy / 4 + inner) * (m - x) / np.exp(m / 2)
    flat = normal(body, {"dy"})
    for form in (body, flat, factored(flat, {"dy"})):
        np.testing.assert_allclose(evaluate(Term(free, (), form), values, sizes)[0], expected, rtol=1e-12)
    assert measure(factored(flat, {"dy"})) <= measure(flat)
    over_two = InnerSum(D(n, k), Range(n, N), Range(k, C))
    np.testing.assert_allclose(evaluate(Term((), (), over_two), values, sizes)[0], dy.sum())
    np.testing.assert_allclose(evaluate(Term((), (), over_two), {"dy": np.zeros((3, 0))}, {N: 3, C: 0})[0], 0)
    assert over_two.free_symbols == {N, C}
    plain = Term((Range(n, N),), (Range(c, C),), D(n, c))
    np.testing.assert_allclose(evaluate(replace(plain, bound=(), body=nested(plain)), values, sizes)[0], dy.sum(1))


def test_powers_of_e_and_of_one_sum_cancel() -> None:
    """SymPy leaves exp(x - m) exp(m - x), and takes 1 - m and m - 1 for different sums."""
    e, rest = exp(X(n, c) - M(n)), 2 * M(n) - 2
    both = factored(D(n, c) * e * M(n) - D(n, c) * e, {"dy"})
    assert both == D(n, c) * e * (M(n) - 1)
    inside = common_in_front(D(n, c) * (-((1 - M(n)) ** 2) / (C * M(n)) - rest * log(M(n)) / C))
    assert measure(inside)[0] < 9
    assert sum(f in (M(n) - 1, 1 - M(n)) for f in Mul.make_args(inside)) == 1
    assert common_in_front(D(n, c) * (2 * X(n, c) - 2 * M(n))) == D(n, c) * (2 * X(n, c) - 2 * M(n))


def test_m_minus_x_is_x_minus_m() -> None:
    one, other = (normal(D(n, c) * e, {"dy"}) for e in (M(n) - X(n, c), X(n, c) - M(n)))
    assert one == -other
    assert normal(InnerSum(D(n, c) * (2 * M(n) - 2 * X(n, c)), Range(c, C)), {"dy"}) == normal(
        -2 * InnerSum(D(n, c) * (X(n, c) - M(n)), Range(c, C)), {"dy"}
    )
    assert normal(InnerSum(Integer(1), Range(c, C)), ()) == C


def test_formats_write_sums_within_products() -> None:
    text = latex_writer.render(derived("layer_norm"))
    assert r"\Bigl(C\,\delta_{e',c'}\,\gamma_{c'} - \sum_{c} \delta_{e',c}\,\gamma_{c} - h_{e',c'} \sum_{c}" in text
