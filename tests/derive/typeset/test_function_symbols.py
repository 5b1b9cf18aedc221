"""How functions and brackets are written, as text and in LaTeX."""

import pytest
from sympy import Abs, Expr, Integer, Rational, Symbol, atan, cosh, erf, exp, pi, sinh, sqrt
from sympy.codegen.cfunctions import expm1, log1p

from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.ir.functions import at_least, greater, larger, smaller, softplus, unequal
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.term import Access
from gradscribe.derive.typeset.mathematics.latex_symbols import LatexTypesetter
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter

(n,) = integers("n")
p = Symbol("p", real=True)
x, w, u = Access("x", n), Access("w", n), Access("u_prev", n)


@pytest.mark.parametrize(
    ("body", "text_", "latex"),
    [
        (greater(x, w), "[x[n]>w[n]]", "[x_{n}>w_{n}]"),
        (at_least(x, w + 1), "[x[n]≥1+w[n]]", r"[x_{n}\ge 1+w_{n}]"),
        (unequal(n, 2), "[n≠2]", r"[n\ne 2]"),
        (larger(x, 0), "max(0, x[n])", r"\max(0,\,x_{n})"),
        (smaller(x, w) ** 2, "(min(x[n], w[n]))²", r"(\min(x_{n},\,w_{n}))^{2}"),
        (softplus(x), "softplus(x[n])", r"\operatorname{softplus}(x_{n})"),
        (erf(x), "erf(x[n])", r"\operatorname{erf}(x_{n})"),
        (expm1(x) + log1p(x), "expm1(x[n])+log1p(x[n])", r"\operatorname{expm1}(x_{n})+\operatorname{log1p}(x_{n})"),
        (Integer(-(10**30)) * x, "−10³⁰ x[n]", r"-10^{30}\,x_{n}"),
        (Integer(int(1e30)), "10³⁰", r"10^{30}"),
        (Integer(2**64), "18446744073709551616", "18446744073709551616"),
        (Integer(10**23 + 1), "1" + 22 * "0" + "1", "1" + 22 * "0" + "1"),
        (sinh(x) ** 2, "sinh²(x[n])", r"\sinh^{2}(x_{n})"),
        (cosh(x), "cosh(x[n])", r"\cosh(x_{n})"),
        (atan(x), "arctan(x[n])", r"\arctan(x_{n})"),
        (exp(-(x**2)) * 2 / sqrt(pi), "2 exp(−x[n]²)/√π", r"\frac{2\,\exp(-x_{n}^{2})}{\sqrt{\pi}}"),
        (sqrt(2) * x / 2, "x[n]/√2", r"\frac{x_{n}}{\sqrt{2}}"),
        (sqrt(2) * x / (3 * sqrt(pi)), "√(2/π) x[n]/3", r"\frac{\sqrt{\frac{2}{\pi}}\,x_{n}}{3}"),
        (sqrt(2) * x / (2 * sqrt(pi)), "x[n]/√(2π)", r"\frac{x_{n}}{\sqrt{2 \pi}}"),
        (sqrt(3) * x, "√3 x[n]", r"\sqrt{3}\,x_{n}"),
        (smaller(x, 0) * w, "w[n] min(0, x[n])", r"w_{n}\,\min(0,\,x_{n})"),
        (x ** Rational(-1, 2), "1/√(x[n])", r"\frac{1}{\sqrt{x_{n}}}"),
        (x ** Rational(-3, 2), "1/x[n]^(3/2)", r"\frac{1}{x_{n}^{3/2}}"),
        (Abs(x) ** p, "|x[n]|^p", r"\lvert x_{n}\rvert^{p}"),
        (Abs(x) ** (p - 1), "|x[n]|^(p−1)", r"\lvert x_{n}\rvert^{p-1}"),
        ((1 + x**2) ** (1 / p), "(1+x[n]²)^(1/p)", r"(1+x_{n}^{2})^{\frac{1}{p}}"),
        (u**2, "u⁽ˡ⁻¹⁾[n]²", r"(u^{(l-1)}_{n})^{2}"),
    ],
    ids=str,
)
def test_print(body: Expr, text_: str, latex: str) -> None:
    notation = Notation(levels={"u_prev": ("u", "l-1")}, order=("x", "w"))
    assert TextTypesetter(notation, (n,)).expr(body) == text_
    assert LatexTypesetter(notation, (n,)).expr(body) == latex
