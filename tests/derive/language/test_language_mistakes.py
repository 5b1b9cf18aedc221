"""What the equation language says about a mistake, and that whatever it is given it ends soon and cleanly."""

import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gradscribe
from gradscribe.derive.language import LanguageError
from gradscribe.derive.language.syntax.parse import LONGEST, LONGEST_NAME, LONGEST_NUMBER
from gradscribe.derive.layer.interface import Layer
from tests.cases.thorough import draws
from tests.cases.together import together

BAD = [
    ("y[n] = foo * x[n]", 8, "unknown name foo"),
    ("y[n] = x[n] * N2", 15, "did you mean N?"),
    ("y[n] = x[n, j]", 13, "index j is neither"),
    ("y[n] = sum(n) x[n]", 12, "bound twice"),
    ("y[n] = sum(i,i) x[n,i]", 12, "bound twice"),
    ("y[n,m] = x[n] - sum(m) x[m]", 21, "bound twice"),
    ("y[n,k] = sum(c) x[n,c] * w[k]*w[c,k]", 31, "w has 1 subscript; found 2"),
    ("y[n] = x[n*n]", 10, "not affine"),
    ("y[n] = x[reflect(n//2)]", 18, "inside // or %"),
    ("y[n,i] = x[n, i//n]", 15, "divide by n, an index, which may be 0"),
    ("y[n,i] = x[n,i] * (i % n)", 20, "divide by n, an index"),
    ("y[i//n] = x[n,i]", 3, "divide by n, an index"),
    ("y[n,i] = x[n, i*n//2]", 15, "or the rows of a triangle: i*(i + 1)//2 + j"),
    ("y[n,i] = x[n, i//0]", 18, "division by 0"),
    ("y[n,i] = x[n,i]//2", 18, "of other values write floor(a / b)"),
    ("y[n,i] = [x[n,i]%2 == 0] * x[n,i]", 18, "of other values write a - b*floor(a / b)"),
    ("y[n,i,j] = x[n, i*(i+1)//2 + j]", 5, "give it on a line: i < ..."),
    ("input x[N,C], w[K,D]; y[n,k] = sum(c) x[n,c]*w[k,c]", 50, "two extents, C and D"),
    ("input x[N,K], w[2*K]; y[n] = sum(j) x[n,j]*(w[j] + w[K+j])", 47, "or say how far it runs: j < K"),
    ("input x[N], z[M]; y[n] = x[n]; y[n] += z[n]", 42, "two extents"),
    ("y[n] = y[n] + x[n]", 8, "defined by itself at the same position"),
    ("y[n] = y[n-1] + x[n]", 8, "y has no start; add a line that says it, such as y[-1] = 0"),
    ("y[n] = y[n+1] + x[n]", 8, "such as y[N] = 0"),
    ("y[n] = y[n-2] + x[n]; y[-1] = 0", 8, "such as y[-2] = 0"),
    ("y[n] = y[n-1] + y[n+1] + x[n]; y[-1] = 0", 17, "at earlier and at later positions"),
    ("d[i,j] = d[i-1,j] + d[i,j-1] + x[i,j]; d[-1,j] = 0", 21, "two indices at once"),
    ("d[i,j] = d[i-1,j-1] + d[i-1,j] + d[i,j-1] + x[i,j]; d[-1,j] = 0", 34, "or the diagonals of both"),
    ("d[i,j] = d[i-1,j-1] + x[i,j]", 10, "d has no start; add a line that says it, such as d[-1, j] = 0"),
    ("d[i,j] = d[i-1,j+1] + d[i,j-1] + x[i,j]; d[-1,j] = 0", 23, "at earlier and at later positions"),
    ("d[i,j] = d[i-1,j-1] + x[i,j]; d[-1,j] = 0; d[i,-1] = 1", 44, "goes along axis 0; beyond its other axes it is 0"),
    ("y[n] = x[n]; y[-1] = 0", 14, "no equation reads y at an earlier position"),
    ("y[n] = sum(j) [j < n] y[j]*x[n,j]", 23, "not at t - 1 of an index t"),
    ("a[t] = b[t] + x[t]; b[t] = a[t]", 8, "by each other at the same position"),
    ("s = 1; y[n] = y[n-s] + x[n]; y[-1] = 0", 15, "not at t - 1 of an index t"),
    ("y[n] = y[n-1] + x[n]; y[-1] += 0", 23, "a start is one equation"),
    ("z[n] = x[n]; y[n] = z[n]; z[n] += x[n]", 21, "before its equation is complete; move this equation down"),
    ("y[n] = x[n]; y[n] = x[n] + 1", 14, "defined twice"),
    ("d[i,j] = sum(d) x[i,d]*w[d,j]", 14, "d is an index and a tensor; rename one of them"),
    ("y[n] = sum(d) d[n,d]", 12, "d is an index and a tensor; rename one of them"),
    ("y[n] += x[n]", 1, "needs an equation y = ..."),
    ("lambda[n] = x[n]", 1, "reserved"),
    ("exp[n] = x[n]", 1, "reserved"),
    ("y[n] = exp(x[n], 2)", 8, "exp takes 1 argument; found 2"),
    ("y[n] = expp(x[n])", 8, "did you mean exp?"),
    ("y[n] = x[n,c] * sum(c) w[c]", 12, "index c is neither"),
    ("y[n] = x[1.5]", 10, "1.5 is no integer"),
    ("y[n] = x[n]/0", 13, "division by 0"),
    ("y[n] = x[t[n]]", 10, "declare it: integer t"),
    ("y[t[n]] = x[n]", 3, "reduce instead"),
    ("y[lerp(p[n], zero)] = x[n]", 3, "reduce instead"),
    ("y[n] = x[lerp(p[n])]", 10, "found 1 argument; write lerp(p, zero), or replicate"),
    ("y[n] = x[lerp(p[n], zeros)]", 21, "did you mean zero?"),
    ("y[n] = x[lerp(p[n], circular)]", 21, "does not know what is read outside of the axis; write lerp(p, zero)"),
    ("y[n] = x[lerp(p[n], 0)]", 21, "does not know what is read outside"),
    ("y[n] = x[2*lerp(p[n], zero)]", 12, "lerp is a subscript by itself"),
    ("y[n] = x[reflect(lerp(p[n], zero))]", 10, "reflect cannot wrap lerp"),
    (f"y[n] = x[{', '.join(['lerp(p[n], zero)'] * 5)}]", 8, "lerp stands in 5 subscripts; expected at most 4"),
    ("y[n] = lerp(p[n], zero)", 8, "lerp does not stand for a value"),
    ("y[n] = x[p[n]]", 10, "or read between elements: lerp(p[...], zero)"),
    ("y[n] = x[0.5*n]; n < 4", 10, "a subscript between two is lerp(..., zero)"),
    ("y[n,i] = x[n, lerp(i/2, zero)]", 5, "give it on a line: i < ..."),
    ("integer f; f[n] = 2*p[n]; y[n] = x[f[n]]", 19, "expected one equation such as f[...] = floor(...)"),
    ("lerp[n] = x[n]", 1, "reserved"),
    ("y[n] = x[n]^100", 13, "exponent of at most 64"),
    ("y[n] = x[n] * 9^9^9^9", 19, "exponent of at most 64"),
    ("input y[N]; y[n] = x[n]", 7, "y is an input, but"),
    ("output q; y[n] = x[n]", 8, "no equation defines the output q"),
    ("integer q; y[n] = x[n]", 9, "q is no tensor"),
    ("s = -1; y[n] = x[n]", 6, "at least 0"),
    ("P = 0; y[i] = x[i + 1 - P]", 5, "a capital is a size, at least 1"),
    ("s = 0.5; y[n] = x[n + s]", 23, "s is a real number"),
    ("y[n] = x[n, reflect(n, 2)]", 13, "reflect takes 1 argument; found 2"),
    ("y[n] = reflect(x[n])", 8, "wraps a subscript"),
    ("y[n] = max(x[n])", 8, "max takes two values"),
    ("y[n] = x[n]; n < min(N)", 18, "not an integer; expected integers, indices and sizes"),
    ("y[n] = sum(i) -x[n,i]", 8, "sum(i) (-x[...])"),
    ("y[n] = x[n] $ 3", 13, "character '$'"),
    ("y[n] = (x[n]", 13, "expected )"),
    ("y[n] = 5 x[n]", 10, "expected * or /"),
    ("s = 1", 1, "no equation"),
    ("", 1, "no equation"),
    ("y[i] = sum(j) x[j]", 3, "give it on a line: i < ..."),
    ("y[n] = log(0)*x[n]", 8, "not a real number"),
    ("y[n] = sqrt(-1)*x[n]", 8, "not a real number"),
    ("y[n] = 1e400 * x[n]", 8, "not a real number"),
    ("y[n] = x[n]*1e-200*1e-200", 8, "a number that no floating point holds"),
    ("y[n] = (2^60*x[n])^60", 8, "a number that no floating point holds"),
    ("y[n] = x[n]" + "*9^50" * 8, 8, "a number that no floating point holds"),
    ("N = M; M = N; y[n] = x[n]", 1, "defined by itself"),
    ("n < x; y[n] = x[n]", 5, "x is a tensor"),
    ("i < 3; y[n] = x[n]", 1, "i is no index"),
    ("y[n] = __import__('os').system('true')", 8, "character '_'"),
    ("y[n] = x.__class__", 9, "character '.'"),
    ("y[n] = [n <] x[n]", 12, "found ']'"),
    ("y[i,j] = 1 - [j <= i]; i < 3; j < 4", 1, "read no tensor"),
    ("y[n] = z[n] * x[...]", 17, "index ... is neither"),
    ("y[i] = x[i,-1]", 12, "never lies on axis 1 of x, and would always read 0; positions count from 0 to X1 - 1"),
    ("y[i] = x[i] * z[I]; input x[I], z[I]", 17, "never lies on axis 0 of z"),
    ("y[n] = sum(i) x[n, i - I]", 1, "defined by itself"),
    ("i < I; y[n] = sum(i) x[n, i - I]", 27, "never lies on axis 1"),
    ("y[n,k] = sum(c) x[n,c] * w[c,j]", 30, "index j is neither on the left side nor reduced over"),
    ("y[n] = det(a)", 8, "unknown function det"),
    ("y[n] = x[n] * flop(j) a[j]", 15, "unknown function flop"),
    ("y[n] = sum(j) flop(j) a[n,j]", 15, "unknown function flop"),
    ("y[n] = where(x[n] > 0, x[n], 0)", 1, "write y[n] = [x[n] > 0] * x[n] instead"),
    ("y[n] = where(m[n], x[n], 0)", 8, "unknown function where; a condition is a factor, in brackets"),
    ("det(a) = x[n]", 1, "unknown function det"),
    ("y[det(n)] = x[n]", 3, "unknown function det"),
    ("y[n] = x[det(n)]", 10, "unknown function det"),
    ("y[n] = [det(n) > 0] x[n]", 9, "unknown function det"),
    ("y[n] = sum(det(n)) x[n]", 12, "unknown function det"),
    ("y[n] = det(x[n], 2, 3)", 8, "unknown function det"),
    ("y[n] = det() * x[n]", 8, "unknown function det"),
    ("n < det(3); y[n] = x[n]", 5, "unknown function det"),
    ("y[n] = exp(x[n] > 0)", 17, "a condition stands in brackets"),
    ("y[n] = x(n)", 8, "x[...] if it is a tensor"),
    ("y[n] = choose(1, 2, 3) * x[n]", 8, "choose is for sizes"),
    ("y[n] = max(j) -x[n,j]", 8, "max(j) (-x[...])"),
    ("y[n] = sum(j) -(1-q[n]) * x[j]", 8, "put parentheses around a sum or a minus"),
    ("y = W @ x + b", 1, "write y[i] = sum(j) W[i,j] * x[j] + b[i] instead"),
    ("y[i] = \\sum_i x[i]", 8, "a sum is written sum(i) x[i]"),
    ("bij,bjk->bik", 1, "write y[b,i,k] = sum(j) x[b,i,j] * w[b,j,k] instead"),
    ("integer a; y[i] = sum(k) x[i, circular(i + a[k])]", 31, "circular cannot wrap a label; write (...) % X1"),
    ("integer a; y[k] = x[replicate(a[k])]", 21, "replicate cannot wrap a label; write max(0, min(..., X0 - 1))"),
    ("y[k] = x[min(p[k], 3)]", 10, "min of what are no integers"),
    ("q = 2; l[b,i] = x[b,i]; i < q; r[b,k] = x[b,q+k]; output l, r", 45, "where x is longer than that, say so"),
    ("y[n,c] = x[n,c]; y[n,C] = 2", 18, "for elements behind those of another equation write +="),
    ("a[n] = b[n]; b[n] = a[n]; y[n] = x[n] * a[n]", 8, "a and b are defined by each other"),
    ("a[n] = b[n] * x[n]; b[n] = c[n]; c[n] = a[n]", 8, "a and b are defined by each other"),
    ("y[n] = a[n]; a[n] = b[n] * x[n]; b[n] = a[n]", 21, "a and b are defined by each other"),
    ("input x[N,T]; y[n,t] = sum(r) x[n,t+r-1]*w[r]", 35, "T would not be its extent; write t < T, or call that"),
    ("H = L // 2; y[h] = sum(r) x[2*h+r]*w[r]; input x[L]", 29, "write h < H"),
]


@together(("text", "column", "message"), BAD, ids=[t for t, _, _ in BAD])
def test_a_mistake_is_one_line_and_a_caret_at_the_place(text: str, column: int, message: str) -> None:
    with pytest.raises(LanguageError) as caught:
        gradscribe.layer(text)
    first, shown, caret = str(caught.value).split("\n")
    assert message in first
    assert (caught.value.line, caught.value.column) == (1, column)
    assert shown == f"    {text}"
    assert caret.index("^") == 4 + column - 1


def test_line_and_file_are_named() -> None:
    with pytest.raises(LanguageError, match=r"^line 3, column 8: unknown name z"):
        gradscribe.layer("# title\ns = 1\ny[n] = z * x[n]")


def layer_or_error(text: str) -> bool:
    """Whether `text` is a layer, or its error has the three lines that errors have."""
    try:
        return isinstance(gradscribe.layer(text), Layer)
    except LanguageError as error:
        return str(error).count("\n") == 2


ABSURD = [
    "y[n] = " + "(" * 3000 + "x[n]" + ")" * 3000,
    "y[n] = " + "sum(i) [i < 2] " * 1000 + "x[n]",
    "y[n] = " + "x[n]^" * 2000 + "x[n]",
    "y[n] = x[" + "n+" * 6000 + "n]",
    "y[n] = " + "exp(" * 500 + "x[n]" + ")" * 500,
    "y[n] = x[n] + " + "9" * (LONGEST_NUMBER + 1),
    "y[n] = x[n]" + " + x[n]" * LONGEST,
    "y" * 9000 + "[n] = x[n]",
    "y[n] = x[(" + "+".join("ABCDEFGH") + ")^8 * n]",
    "y[n] = x[n]" + "".join(f" * (a{k}[n] + b{k}[n])" for k in range(draws(67, 300))),
    "[" * 5000,
    "y[n] = \x00x[n]",
    "y[n] = x[n]\ud800",
    "…" * 100,
]


@pytest.mark.parametrize("text", ABSURD, ids=range(len(ABSURD)))
def test_absurd_texts_end_soon_and_cleanly(text: str) -> None:
    start = time.perf_counter()
    assert layer_or_error(text)
    assert time.perf_counter() - start < 30


NUMBER, NAME = "9" * (LONGEST_NUMBER - 1), "q" * LONGEST_NAME
"""The longest that are read."""


@pytest.mark.parametrize(
    ("text", "longer", "place", "message"),
    [
        (
            f"y[n] = x[n] + {NUMBER}",
            f"y[n] = x[n] + {NUMBER}9",
            (1, 15),
            "a number of 60 digits; expected fewer than 60",
        ),
        (
            f"s = 1\ny[n] = s*{NAME}[n]",
            f"s = 1\ny[n] = s*{NAME}q[n]",
            (2, 10),
            "a name of 61 characters; expected at most",
        ),
        (
            f"# {NUMBER}9 {NAME}q\ny[n] = x[n]".ljust(LONGEST),
            f"# {NUMBER}9 {NAME}q\ny[n] = x[n]".ljust(LONGEST + 1),
            (1, 1),
            f"the text has {LONGEST + 1} characters; expected at most {LONGEST}",
        ),
    ],
    ids=["number", "name", "text"],
)
def test_what_is_a_little_too_long_is_refused(text: str, longer: str, place: tuple[int, int], message: str) -> None:
    """Words of comments may have any length."""
    assert isinstance(gradscribe.layer(text), Layer)
    with pytest.raises(LanguageError) as caught:
        gradscribe.layer(longer)
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == place


PIECES = [
    *("x[n]", "y[n]", "w[c,k]", "sum(c)", "max(i)", "=", "+=", "+", "-", "*", "/", "^", "(", ")", "[", "]", ",", ";"),
    *(
        "\n",
        "n",
        "c",
        "i",
        "N",
        "2",
        "0.5",
        "...",
        "<",
        "<=",
        "==",
        "input ",
        "output ",
        "integer ",
        "exp(",
        "reflect(",
    ),
    *(
        "s = 1;",
        "y[n] = x[n]",
        "[i <= n]",
        "//",
        "%",
        " ",
        "#",
        "\\",
        "'",
        '"',
        "é",
        "_",
        ":",
        "lambda",
        "pi",
        "E",
        "max(",
    ),
]


@settings(max_examples=draws(67, 400), deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_any_text_is_a_layer_or_a_language_error(text: str) -> None:
    assert layer_or_error(text)


@together("seed", range(150))
def test_a_mutilated_layer_is_a_layer_or_a_language_error(seed: int) -> None:
    rng = random.Random(seed)
    text = list("s = 2; y[n,i,k] = b[k] + sum(h,c) x[n, reflect(s*i + h - p), c] * w[h,c,k]; i < 5; output y; weight w")
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(text))
        text[place : place + rng.randint(0, 3)] = rng.choice([*PIECES, "", ""])
    assert layer_or_error("".join(text))
