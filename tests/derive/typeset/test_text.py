"""The Unicode form: order of terms and factors, brackets, lines that fit a terminal."""

import pytest
from sympy import Expr, Symbol, exp, tanh

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.functions import activation_prime, relu, sigmoid, step
from gradscribe.derive.ir.index import exact, floordiv, integers, mod
from gradscribe.derive.ir.term import Access, Divisibility, Guard, Range, Term
from gradscribe.derive.typeset.writers.text import text_lines, text_writer
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from tests.cases.together import together

s, d, p, q, i, r, k, R, H, e, C, s_h, H_out, n, m = integers("s d p q i r k R H e C s_h H_out n m")
x, y, z = Access("x", i), Access("y", i), Access("z", i)
NOTATION = Notation(
    quotients={"dx": "x"}, deltas={"dy": "l"}, levels={"u_prev": ("u", "l-1")}, order=("x", "w", "y", "z")
)
WRITER = TextTypesetter(NOTATION, (q, i, r, k))


@together(
    ("expression", "expected"),
    [
        (s * i + d * r - p, "si+dr−p"),
        (q + p - d * r, "q+p−dr"),
        (R - 1 - r, "R−1−r"),
        (H + 2 * p - d * (R - 1) - 1, "H+2p−d(R−1)−1"),
        (s_h * i - p, "s_h·i−p"),
        (floordiv(H - R, s) + 1, "⌊(H−R)/s⌋+1"),
        (H_out - 1, "H′−1"),
        (exact(q + p, s), "(q+p)/s"),
        (C * floordiv(q, C) + k, "C⌊q/C⌋+k"),
        (mod(q, C), "(q mod C)"),
        (1 - y**2, "1−y[i]²"),
        (y * (1 - y), "y[i] (1−y[i])"),
        (1 - tanh(x) ** 2, "1−tanh²(x[i])"),
        (sigmoid(x), "σ(x[i])"),
        (relu(x), "max(0, x[i])"),
        (step(x), "[x[i]>0]"),
        (activation_prime(Access("u_prev", i)), "f′(u⁽ˡ⁻¹⁾[i])"),
        (2 * x - 2 * y, "2 x[i]−2 y[i]"),
        (x / z, "x[i]/z[i]"),
        (1 / (1 + exp(-Symbol("a"))), "1/(1+exp(−a))"),
        (Access("dx", i, k), "∂E/∂x[i,k]"),
        (Access("dy", i, s * k), "δ⁽ˡ⁾[i, sk]"),
        (Symbol("gamma"), "γ"),
        (Access("w_hat", r, k), "ŵ[r,k]"),
    ],
)
def test_expressions_read_like_a_textbook(expression: Expr, expected: str) -> None:
    assert WRITER.expr(expression) == expected


def row(term: Term, outer: tuple[Symbol, ...] = ()) -> str:
    left = Access("dx", *(v.index for v in term.free))
    return text_lines.row(Step("", (), left, (term,), outer, notation=NOTATION))


def test_factors_stand_in_reading_order() -> None:
    """Constants, sum, divisibility, delta, tensors, brackets."""
    term = Term(
        free=(Range(q, H),),
        bound=(Range(i, H_out), Range(r, R)),
        body=Access("w", r) * Access("x", i) * Access("dy", i) / R,
        deltas=(q - s * i - r,),
        guards=(Guard(i + r, H),),
        divisibilities=(Divisibility(q - r, s),),
    )
    assert row(term) == "∂E/∂x[q] = 1/R Σ_{i,r} [s | q−r] δ⁽ˡ⁾[i] x[i] w[r] [q=si+r][i+r<H]"


def test_a_delta_of_two_indices_names_the_summed_one_first() -> None:
    term = Term((Range(m, H),), (Range(n, H),), Access("dy", n), deltas=(m - n,))
    assert row(term) == "∂E/∂x[m] = Σ_{n} δ⁽ˡ⁾[n] [n=m]"


def test_negative_summands_come_last() -> None:
    free = (Range(q, H),)
    terms = (Term(free, (), -Access("y", q)), Term(free, (), Access("x", q)))
    step_ = Step("", (), Access("dx", q), terms, notation=NOTATION)
    assert text_lines.row(step_) == "∂E/∂x[q] = x[q] − y[q]"


def test_a_row_is_broken_only_where_it_is_longer_than_a_line() -> None:
    free = (Range(q, H),)
    terms = (Term(free, (), Access("x", q)), Term(free, (), -Access("y", q)))
    step_ = Step("", (), Access("dx", q), terms, notation=NOTATION)
    whole = "∂E/∂x[q] = x[q] − y[q]"
    assert text_lines.row_lines(step_, len(whole)) == [whole]
    assert [line.strip() for line in text_lines.row_lines(step_, len(whole) - 1)] == ["∂E/∂x[q] = x[q]", "− y[q]"]


def test_a_summand_of_several_factors_rather_starts_a_line_than_is_broken() -> None:
    """Its first factors would fit behind what stands there."""
    free = (Range(q, H),)
    terms = (Term(free, (), Access("x", q, q, q, q)), Term(free, (), -Access("y", q) * Access("z", q)))
    step_ = Step("", (), Access("dx", q), terms, notation=NOTATION)
    width = len("∂E/∂x[q] = x[q,q,q,q] − y[q]")
    lines = text_lines.row_lines(step_, width)
    assert [line.strip() for line in lines] == ["∂E/∂x[q] = x[q,q,q,q]", "− y[q] z[q]"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (-Access("x", n, i), "max_{i} (−x[n,i])"),
        (-2 * Access("x", n, i) * y, "max_{i} (−2 x[n,i] y[i])"),
        (-Access("x", n, i) - y, "max_{i} (−x[n,i]−y[i])"),
        (Symbol("a", real=True) * Access("x", n, i), "max_{i} a x[n,i]"),
        (1 - Access("x", n, i), "max_{i} (1−x[n,i])"),
    ],
)
def test_a_factor_stays_within_an_extremum(body: Expr, expected: str) -> None:
    """The maximum of -x is not minus the maximum of x; nor is that of a x, where a may be negative."""
    assert row(Term((Range(n, H),), (Range(i, C),), body, op="max")) == f"∂E/∂x[n] = {expected}"


def test_every_row_has_its_reason_and_number() -> None:
    lines = text_writer.render(derive(LAYERS["dense"](), wrt=("x",))).splitlines()
    start = lines.index("For one element x[e′,c′]:") + 1
    end = lines.index("", start)
    reasons = [
        "chain rule",
        "definition of u; b does not depend on x",
        "derivative of x by itself: 1 for the same element, else 0",
        "of e, c only e′, c′ are left",
    ]
    assert [line.strip() for line in lines[start:end:2]] == reasons
    for number, row_ in enumerate(lines[start + 1 : end : 2], start=2):
        assert " = " in row_
        assert row_.endswith(f"({number})")


def test_the_footer_states_what_was_measured() -> None:
    derivation = derive(LAYERS["dense"]())
    certificate = certify(derivation, shapes=2)
    rendered = text_writer.render(derivation, certificate)
    assert f"{certificate.rows} rows compared with the row before on 2 random shapes" in rendered
    assert "·10⁻¹" in rendered.splitlines()[-1] or "·10⁻¹" in rendered.splitlines()[-2]
    assert "compared" not in text_writer.render(derivation)
