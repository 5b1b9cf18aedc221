"""The reductions an equation may use, one row each: ``y[f] = sum over b of body``.

A row says how two values become one, what the value over no element is, what the derivative by one element is, and how
it is written. Whoever treats reductions differently asks the row for the property that makes the difference, never for
its word. The words are those of the language (`derive.language`); how NumPy computes a row stands in
`codegen.numpy.print.numpy_table`.

In every reduction brackets leave elements out. In a sum, and there only, that is the same as a factor 0, factors may
leave it, and statements may add to one tensor: `SUM` is what such rewrites ask for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from sympy import Expr, S

from gradscribe.said import Message


@dataclass(frozen=True)
class Element:
    """One element of a reduction, in the terms of the equations; what a slope is written with.

    Attributes:
        value: the element itself.
        result: the element of the target that it goes into.
        chosen: of a reduction that selects: 1 where this is the element that the gradient goes to, else 0; where ties
            share the gradient, the share. 0 for other reductions.
        others: of a reduction whose slope needs it: what all other elements come to.
    """

    value: Expr
    result: Expr
    chosen: Expr = S.Zero
    others: Expr = S.Zero


@dataclass(frozen=True)
class Reduction:
    """One row.

    Attributes:
        noun: its value in a sentence, such as "maximum".
        plural: several of these.
        combine: two values as one, associative and commutative: how the interpreter computes it, by the name that NumPy
            has for it and `derive.ir.interpret.scalars` too.
        identity: the value over no element; combined with another value it yields that.
        slope: the derivative of the result by one element.
        text: its sign in plain text.
        latex: its sign in LaTeX.
        limits: whether a forward equation has the ranges of its indices at the sign, as a big operator has.
        selects: whether the value is that of one element. Then the position of that is recorded, and a policy decides
            about ties, see `derive.calculus.passes.ties`.
        leaves_out: whether the slope by an element is written with what all others come to, which is a tensor of its
            own, see `derive.calculus.programs.products.others`.
        places: the word of the reduction whose element this is the position of: an integer, row by row within the
            indices, and -1 where there is no element; "" for a value.
        reason: why the slope is what it is, said where a derivation puts it in; "" where that goes without saying.
    """

    noun: str
    plural: str
    combine: str
    identity: float
    slope: Callable[[Element], Expr]
    text: str
    latex: str
    limits: bool = False
    selects: bool = False
    leaves_out: bool = False
    places: str = ""
    reason: str = ""

    @property
    def of_values(self) -> "Reduction":
        """The reduction that a value comes from: of a position that of the element which is there."""
        return REDUCTIONS[self.places] if self.places else self


SUM = Reduction(Message("sum"), Message("sums"), "add", 0, lambda e: S.One, "Σ", r"\sum", limits=True)

REDUCTIONS: dict[str, Reduction] = {
    "sum": SUM,
    "max": Reduction(
        Message("maximum"),
        Message("maxima"),
        "maximum",
        -inf,
        lambda e: e.chosen,
        "max",
        r"\max",
        selects=True,
        reason=Message("a maximum changes with the element that it is, and with no other"),
    ),
    "min": Reduction(
        Message("minimum"),
        Message("minima"),
        "minimum",
        inf,
        lambda e: e.chosen,
        "min",
        r"\min",
        selects=True,
        reason=Message("a minimum changes with the element that it is, and with no other"),
    ),
    "prod": Reduction(
        Message("product"),
        Message("products"),
        "multiply",
        1,
        lambda e: e.others,
        "Π",
        r"\prod",
        limits=True,
        leaves_out=True,
        reason=Message("a product changes with one factor at the rate of the product of the others"),
    ),
    "argmax": Reduction(
        Message("place of a maximum"),
        Message("places of maxima"),
        "maximum",
        -1,
        lambda e: S.Zero,
        "argmax",
        r"\operatorname{argmax}",
        selects=True,
        places="max",
    ),
    "argmin": Reduction(
        Message("place of a minimum"),
        Message("places of minima"),
        "minimum",
        -1,
        lambda e: S.Zero,
        "argmin",
        r"\operatorname{argmin}",
        selects=True,
        places="min",
    ),
}
"""The rows by the word that equations have for them."""
