"""The delta rewrites one by one: the form they give, that they keep the value, and that no guard is dropped wrongly.

Random sequences of them on random programs are in test_fuzz.py.
"""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from sympy import Expr, Integer, Symbol, exp, log, tanh

from gradscribe.derive.calculus.collapse import (
    digits,
    discharge,
    divide,
    identify,
    never_negative,
    proved,
    rename,
    rename_pairs,
    solve,
    vanishing_accesses,
)
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.functions import relu
from gradscribe.derive.ir.index import exact, floordiv, integers, minimum, mod
from gradscribe.derive.ir.interpret import complete_sizes, evaluate, number
from gradscribe.derive.ir.term import Access, Divisibility, Guard, Program, Range, Tensor, Term
from tests.cases.catalogue import TRIED
from tests.cases.thorough import some
from tests.cases.together import together

Array = np.ndarray
N, M, R, H, M_out, s, d, p = integers("N M R H M_out s d p")
i, j, k, q, v, r = integers("i j k q v r")
x, w, g, a = Tensor("x", (N,)), Tensor("w", (R,)), Tensor("g", (M,)), Tensor("a", (M,))
PROGRAM = Program((x, w, g, a), (), ())
SIZES = {N: 7, M: 4, R: 3, s: 2, d: 2, p: 1}
VALUES = {t.name: np.random.default_rng(len(t.name)).normal(size=SIZES[t.shape[0]]) for t in (x, w, g, a)}


def value(term: Term, sizes: dict[Symbol, int] | None = None) -> Array:
    return evaluate(term, VALUES, SIZES | (sizes or {}))[0]


def same(one: Term, other: Term) -> None:
    """Equal values at several strides, dilations and paddings."""
    for stride, dilation, padding in product((1, 2, 3), (1, 2), (0, 1, 2)):
        sizes = {s: stride, d: dilation, p: padding}
        np.testing.assert_allclose(value(one, sizes), value(other, sizes), rtol=1e-12, atol=1e-12)


# dx of a strided, dilated, padded convolution: q == s*i + d*r - p
DX = Term(
    free=(Range(q, N),),
    bound=(Range(i, M), Range(r, R)),
    body=g(i) * w(r),
    deltas=(q - s * i - d * r + p,),
)


# ----- rename ---------------------------------------------------------------------------------------------------------
def test_rename_takes_all_plain_deltas_at_once() -> None:
    term = Term((Range(q, N), Range(v, M)), (Range(i, N), Range(j, M)), x(i) * g(j), (q - i, j - v))
    renamed, pairs = rename(term)
    assert pairs == {i: q, j: v}
    assert renamed == Term(term.free, (), x(q) * g(v))
    same(renamed, term)


def test_rename_follows_chains() -> None:
    term = Term((Range(q, N),), (Range(i, N), Range(j, N), Range(k, N)), x(i) * x(j + k), (i - j, j - k, k - q))
    renamed, _ = rename(term)
    assert renamed == Term(term.free, (), x(q) * x(2 * q))
    same(renamed, term)


@pytest.mark.parametrize("extents", [(N, M), (M, N)])
def test_rename_between_different_ranges_leaves_a_guard(extents: tuple[Expr, Expr]) -> None:
    term = Term((Range(q, extents[0]),), (Range(i, extents[1]),), x(i), (q - i,))
    renamed, _ = rename(term)
    assert renamed.guards == (Guard(q, extents[1]),)
    same(renamed, term)


def test_two_free_indices_stay() -> None:
    term = Term((Range(q, N), Range(v, N)), (), x(q), (q - v,))
    assert rename(term) == (term, {})
    assert rename_pairs(DX) == {}


# ----- solve ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("sign", [1, -1])
def test_solve_substitutes_and_guards(sign: int) -> None:
    term = Term((Range(q, N),), (Range(i, M), Range(r, R)), g(i) * w(r), (sign * (q - i - d * r + p),))
    solved = solve(term, term.deltas[0], i)
    assert solved.bound == (Range(r, R),)
    assert solved.deltas == ()
    assert solved.body == g(q - d * r + p) * w(r)
    assert solved.guards == (Guard(q - d * r + p, M),)
    same(solved, term)


def test_solve_reaches_the_other_deltas_and_guards() -> None:
    term = Term(
        (Range(q, N), Range(v, N)),
        (Range(i, M), Range(r, R)),
        g(i) * w(r),
        (q - i - r, v - 2 * i + r),
        (Guard(i + r, Integer(3)),),
        (Divisibility(i, Integer(2)),),
    )
    solved = solve(term, term.deltas[0], i)
    assert solved.deltas == (-2 * q + 3 * r + v,)
    same(solved, term)


# ----- divide ---------------------------------------------------------------------------------------------------------
def test_divide_brings_the_divisibility_bracket() -> None:
    divided = divide(DX, DX.deltas[0], i)
    rest = q + p - d * r
    assert divided.deltas == ()
    assert divided.body == g(exact(rest, s)) * w(r)
    assert divided.divisibilities == (Divisibility(rest, s),)
    assert divided.guards == (Guard(exact(rest, s), M),)
    same(divided, DX)


def test_divide_twice() -> None:
    once = divide(DX, DX.deltas[0], r)
    assert once.divisibilities[0].modulus == d
    same(once, DX)


def test_divide_with_coupled_deltas_and_half_multiples() -> None:
    # the second delta holds (1 - s)*i, of which i = rest/2 makes halves
    term = Term(
        (Range(q, N), Range(v, N)),
        (Range(i, M), Range(r, R)),
        g(i) * x(i - s * i + 3) * w(r),
        (q - 2 * i, v - r + s * i - i),
        (Guard(3 * i - r, Integer(5)),),
    )
    divided = divide(term, term.deltas[0], i)
    same(divided, term)
    same(solve(divided, divided.deltas[0], r) if divided.deltas[0].coeff(r) in (1, -1) else divided, term)


# ----- digits ---------------------------------------------------------------------------------------------------------
def test_digits_of_a_reshape() -> None:
    term = Term((Range(q, N * M),), (Range(i, N), Range(j, M)), x(i) * g(j), (q - M * i - j,))
    split = digits(term, term.deltas[0])
    assert split == Term(term.free, (), x(floordiv(q, M)) * g(mod(q, M)))
    same(split, term)


def test_digits_that_do_not_fill_the_range_leave_a_guard() -> None:
    for extent in (N * M + 3, N * M - 3, Integer(5)):
        term = Term((Range(q, extent),), (Range(i, N), Range(j, M)), x(i) * g(j), (M * i + j - q,))
        split = digits(term, term.deltas[0])
        assert split is not None
        assert len(split.guards) == 1
        same(split, term)


def test_three_digits() -> None:
    term = Term(
        (Range(q, N * M * R),),
        (Range(i, N), Range(j, M), Range(r, R)),
        x(i) * g(j) * w(r),
        (q - M * R * i - R * j - r,),
    )
    split = digits(term, term.deltas[0])
    assert split is not None
    same(split, term)


@pytest.mark.parametrize("delta", [q - 2 * i - j, q - M * i - j - 1, q - M * i, q, q - M * i - j - k])
def test_no_digits(delta: Expr) -> None:
    term = Term((Range(q, N), Range(k, N)), (Range(i, N), Range(j, M)), x(i) * g(j), (delta,))
    assert digits(term, delta) is None


# ----- identify -------------------------------------------------------------------------------------------------------
def test_identify_writes_the_element_differentiated_by() -> None:
    term = replace(DX, body=g(i) * w(r) * tanh(x(s * i + d * r - p)))
    identified = identify(term)
    assert identified.body == g(i) * w(r) * tanh(x(q))
    same(identified, term)


def test_identify_reads_deltas_for_a_free_index_of_factor_1_only() -> None:
    doubled = Term((Range(q, N), Range(v, N)), (), x(2 * q), (2 * q - v,))
    assert identify(doubled).body == x(v)
    same(identify(doubled), doubled)
    summed = Term((Range(q, N),), (Range(i, M), Range(j, M), Range(r, R)), g(i) * x(j + r), (i - j - r,))
    assert identify(summed) == summed


# ----- discharge ------------------------------------------------------------------------------------------------------
def guarded(body: Expr, guard: Guard) -> Term:
    return Term((Range(q, N),), (Range(i, M),), body, guards=(guard,))


IMPLIED = {
    "the access itself": (g(q - i) * x(i), Guard(q - i, M), True),
    "written otherwise": (g(q - i) * x(i), Guard(-(i - q), M), True),
    "a power of it": (g(q - i) ** 2, Guard(q - i, M), True),
    "another extent": (g(q - i) * x(i), Guard(q - i, M - 1), False),
    "another index": (g(q - i) * x(i), Guard(q - i + 1, M), False),
    "a summand": (g(q - i) + x(i), Guard(q - i, M), False),
    "a function": (exp(g(q - i)), Guard(q - i, M), False),
    "a denominator": (x(i) / g(q - i), Guard(q - i, M), False),
    "0/0 outside": (g(q - i) / a(q - i), Guard(q - i, M), False),
    "0*log(0) outside": (g(q - i) * log(a(q - i)), Guard(q - i, M), False),
    "a denominator that stays positive": (g(q - i) / (1 + a(q - i) ** 2), Guard(q - i, M), True),
    "proved by the ranges": (x(q) * g(i), Guard(q + i, N + M - 1), True),
    "one too many": (x(q) * g(i), Guard(q + i, N + M - 2), False),
    "one too low": (x(q) * g(i), Guard(q + i - 1, N + M), False),
    "an unknown sign": (x(q), Guard((s - d) * i + q, N), False),
}


@pytest.mark.parametrize(("body", "guard", "expected"), IMPLIED.values(), ids=IMPLIED)
def test_discharge(body: Expr, guard: Guard, expected: bool) -> None:
    term = guarded(body, guard)
    kept, dropped = discharge(term, PROGRAM)
    assert (dropped == (guard,)) == expected
    assert kept.guards == (() if expected else (guard,))
    same(kept, term)


def test_no_guard_of_a_maximum_is_implied_by_an_access() -> None:
    term = replace(guarded(g(q - i), Guard(q - i, M)), op="max")
    assert discharge(term, PROGRAM) == (term, ())


def test_vanishing_accesses() -> None:
    body = x(q) * g(i) ** 2 * (w(r) * a(i)) ** 3 * exp(a(q)) / a(j) * (x(i) + 1) * relu(x(j))
    assert {str(access) for access in vanishing_accesses(body)} == {"x[q]", "g[i]", "w[r]", "a[i]"}


# ----- proofs from derived extents ------------------------------------------------------------------------------------
def window_program(definition: Expr) -> Program:
    return Program((Tensor("x", (H,)),), (), (), ((M_out, definition),))


WINDOWS = {
    "as many as fit": floordiv(H + 2 * p - d * (R - 1) - 1, s) + 1,
    "stride 2": floordiv(H + 2 * p - d * (R - 1) - 1, Integer(2)) + 1,
    "the fewer of two": minimum(floordiv(H + 2 * p - d * (R - 1) - 1, s) + 1, floordiv(H + p - 1, s) + 1),
    "rounded up": floordiv(H + 2 * p - d * (R - 1) - 1 + s - 1, s) + 1,
    "no division": H + 2 * p - d * (R - 1),
    "something else": 2 * floordiv(H, s) + 1,
}


def holds_everywhere(guard: Guard, definition: Expr) -> bool:
    """Whether a guard over i < M_out and r < R holds for all small sizes at which both ranges are not empty."""
    ranges = {H: range(1, 6), R: range(1, 4), s: range(1, 4), d: range(1, 3), p: range(3)}
    for point in product(*ranges.values()):
        sizes = dict(zip(ranges, point, strict=True))
        count = number(definition, sizes)
        extent = number(guard.extent, sizes | {M_out: count})
        for at in product(range(count), range(sizes[R])):
            here = sizes | {M_out: count} | dict(zip((i, r), at, strict=True))
            if not 0 <= number(guard.value, here) < extent:
                return False
    return True


@pytest.mark.parametrize("name", some(WINDOWS, 3))
def test_what_is_proved_holds_everywhere(name: str) -> None:
    definition = WINDOWS[name]
    source = window_program(definition)
    rng = np.random.default_rng(len(name))
    term = Term((Range(i, M_out),), (Range(r, R),), Integer(1))
    found = 0
    for _ in range(300):
        stride, dilation = [s, s, s, Integer(2), Integer(1)][rng.integers(5)], [d, d, d, Integer(1)][rng.integers(4)]
        value_ = stride * i + dilation * r + int(rng.integers(-1, 2)) * p + int(rng.integers(0, 2))
        space = [H, H, H, s * M_out, M_out][rng.integers(5)]
        extent = space + int(rng.integers(0, 4)) * p + int(rng.integers(-1, 3)) + int(rng.integers(0, 2)) * (s - 1)
        guard = Guard(value_, extent)
        if proved(term, guard, source):
            found += 1
            assert holds_everywhere(guard, definition), f"{guard} does not follow from M_out = {definition}"
    assert found >= (0 if name == "something else" else 1)


def test_the_windows_of_average_pooling_need_no_guard() -> None:
    term = Term((Range(i, M_out),), (Range(r, R),), Integer(1))
    inside_padding = Guard(s * i + d * r, H + 2 * p)
    assert proved(term, inside_padding, window_program(WINDOWS["as many as fit"]))
    assert proved(term, inside_padding, window_program(WINDOWS["the fewer of two"]))
    assert not proved(term, inside_padding, window_program(WINDOWS["rounded up"]))
    assert not proved(term, Guard(s * i + d * r - p, H), window_program(WINDOWS["as many as fit"]))


@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize("include", [0, 1])
def test_guards_of_average_pooling(ceil_mode: int, include: int) -> None:
    layer = LAYERS["avg_pool2d"]()
    mode, counting = layer.option("ceil_mode").symbols[0], layer.option("count_include_pad").symbols[0]
    special = layer.specialise({mode: Integer(ceil_mode), counting: Integer(include)}).program
    counts = [s_ for s_ in special.statements if s_.target.name in ("a_h", "a_w")]
    assert len(counts) == 2
    for statement in counts:
        _, dropped = discharge(statement.term, special)
        assert len(dropped) == (1 if include and not ceil_mode else 0)


def test_never_negative() -> None:
    term = Term((Range(q, N),), (), Integer(1))
    assert never_negative(N - 1 + s * p, term, PROGRAM)
    assert not never_negative(N - 2, term, PROGRAM)
    assert not never_negative(M - 1, term, PROGRAM)
    assert not never_negative(s - p, term, PROGRAM)
    assert not never_negative(floordiv(p - s, Integer(2)), term, PROGRAM)


def test_a_rounded_quotient_bounds_from_one_side() -> None:
    term = Term((Range(i, M_out),), (), Integer(1))
    source = window_program(floordiv(H, s) + 1)
    assert never_negative(H - s * (M_out - 1), term, source)
    assert not never_negative(s * (M_out - 1) - H, term, source)


# ----- every gradient of the catalogue --------------------------------------------------------------------------------
@together("name", TRIED)
def test_proved_guards_of_layers_hold(name: str) -> None:
    """Solve gradients every possible way; whatever guard is called proved must hold on the whole box."""
    layer = LAYERS[name]()
    source = differentiate(layer.program).program
    rng = np.random.default_rng(1)
    for statement in source.statements:
        term = rename(statement.term)[0]
        for delta in term.deltas:
            for bound in term.bound:
                if delta.coeff(bound.index) in (1, -1):
                    solved = solve(term, delta, bound.index)
                    for guard in solved.guards:
                        if proved(solved, guard, source):
                            assert_holds(solved, guard, source, rng)


def assert_holds(term: Term, guard: Guard, source: Program, rng: np.random.Generator) -> None:
    symbols = sorted(source.symbols() - dict(source.sizes).keys(), key=lambda v: v.name)
    for _ in range(10):
        sizes = complete_sizes(source, {v: int(rng.integers(1, 4)) for v in symbols})
        if any(number(t.extent, sizes) < 1 for t in term.ranges):
            continue
        for _ in range(20):
            at = {t.index: int(rng.integers(number(t.extent, sizes))) for t in term.ranges}
            assert 0 <= number(guard.value, sizes | at) < number(guard.extent, sizes)


def test_accesses_beyond_a_second_tensor_keep_their_guard() -> None:
    """The gather form of average pooling divides by counts that exist for real windows only."""
    term = Term((Range(q, N),), (Range(i, M), Range(r, R)), g(i) / a(i), (q - i - r,))
    solved, _ = discharge(solve(term, term.deltas[0], i), PROGRAM)
    assert solved.guards == (Guard(q - r, M),)
    assert np.isfinite(value(solved)).all()
    same(solved, term)
    assert solved.body == Access("g", q - r) / Access("a", q - r)
