"""The records of a gradient's derivation: the rewrites that lead from the forward equations to it.

Every row of a derivation is a `Step`: what it equals on the left, and on the right a sum of Terms that the functions of
`derive.calculus.collapse` made from the row before. Printers only arrange them;
`derive.derivation.certificate` evaluates the rows.
"""

from dataclasses import dataclass, field

from sympy import Expr, ImmutableMatrix, Symbol

from gradscribe.derive.derivation.forms.caption.operation import Caption, Whole
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.network.kinds.likeness import Likeness
from gradscribe.derive.derivation.record.sentence import Words
from gradscribe.derive.ir.term import Access, Program, Statement, Term
from gradscribe.printed import Printed
from gradscribe.said import Message


@dataclass(frozen=True, repr=False)
class Step(Printed):
    """One row: ``left = sum of terms``.

    Attributes:
        rule: the rewrite that made it, one of `derive.derivation.gradient.section`.
        reason: the words beside it.
        left: the element that it equals.
        terms: the summands.
        outer: the indices of the tensor that the chain rule runs over; they are printed as a group of their own.
        where: values of symbols for which the row is claimed; all values when empty.
        notation: how tensors are written.
    """

    rule: str
    reason: Words
    left: Access
    terms: tuple[Term, ...]
    outer: tuple[Symbol, ...] = ()
    where: tuple[tuple[Symbol, Expr], ...] = ()
    notation: Notation = field(default_factory=Notation)


@dataclass(frozen=True)
class Formula:
    """``left = right`` on a line of its own; the right side is an expression, a sum or a matrix of numbers."""

    left: Expr
    right: Expr | Term | ImmutableMatrix


@dataclass(frozen=True)
class Grid:
    """A table of expressions with a heading for each column."""

    head: tuple[Words, ...]
    rows: tuple[tuple[Expr, ...], ...]


Premise = Words | Step | Formula | Grid
"""What may stand between the forward equations and the sections."""


@dataclass(frozen=True, repr=False)
class Result(Printed):
    """A boxed row.

    Attributes:
        step: the row.
        name: the words that say what it is; () for none.
        lead: a clause that leads to it.
        caption: what the words or the form say, which can be computed; None where they are no operation.
        form: the row in whole tensors, made from the caption; None where there is no such form.
        steps: rows before that, from the box above.
        closed: whether it is the closed form of the box above.
    """

    step: Step
    name: Words
    lead: Words = ()
    caption: Caption | Whole | None = None
    form: Expr | None = None
    steps: tuple[Step, ...] = ()
    closed: bool = False

    @property
    def operation(self) -> Caption | None:
        """The caption, if it is that of an operation on whole tensors."""
        return self.caption if isinstance(self.caption, Caption) else None

    @property
    def rows(self) -> tuple[Step, ...]:
        """The rows, then the box itself."""
        return (*self.steps, self.step)


ELEMENT = Message("For one element {element}:")
"""The sentence that leads to rows: they are about one element."""


@dataclass(frozen=True, repr=False)
class Section(Printed):
    """The derivation of one gradient.

    Attributes:
        title: its heading.
        setup: sentences before the rows.
        steps: the rows.
        caption: sentences after the rows.
        results: the boxed rows; the first equals the last row, further ones hold under conditions or are in closed
            form.
        forward: the program that the rows speak about.
        gradient: the gradient program, for the rows' gradient tensors; None where there are none.
        raw: the terms as differentiation made them, the row before the first one.
        wrt: the tensor differentiated by, for comparison with finite differences; "" where there is none.
        lets: names introduced on the way.
        lemmas: derivations of gradients that this one inserts; their rows stand before its own.
        seeds: of a section in a network, the tensors at which `forward` ends and their gradients, (tensor, gradient).
            These are whole gradients: where something else in `forward` reads such a tensor it counts as fixed. Empty
            elsewhere: there the outputs of `forward` are meant.
        numbers: inputs of `forward` for whose values the rows are claimed, (name, matrix); others are arbitrary.
        like: the tensor in whose section the same rows are printed; of this one only the boxes are. "" for none.
        likeness: the names under which rows and boxes are those of that section; in a network, nothing else of this
            one is printed then.
    """

    title: Words
    setup: tuple[Words, ...]
    steps: tuple[Step, ...]
    caption: tuple[Words, ...]
    results: tuple[Result, ...]
    forward: Program
    gradient: Program | None = None
    raw: tuple[Term, ...] = ()
    wrt: str = ""
    lets: tuple[Statement, ...] = ()
    lemmas: tuple["Section", ...] = ()
    seeds: tuple[tuple[str, str], ...] = ()
    numbers: tuple[tuple[str, ImmutableMatrix], ...] = ()
    like: str = ""
    likeness: Likeness | None = None

    @property
    def closed(self) -> Step | None:
        """The closed form, if there is one behind the formula."""
        return next((r.step for r in self.results if r.closed), None)

    @property
    def parts(self) -> tuple["Section", ...]:
        """The lemmas, then the section itself."""
        return (*self.lemmas, self)


@dataclass(frozen=True)
class Chapter:
    """The gradients of one layer of a network: its heading, sentences, and the sections."""

    title: Words
    setup: tuple[Words, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class LevelGradients:
    """One line of the table of all levels of a network.

    Attributes:
        label: the level.
        signal: its error signal in whole tensors, or the gradient that stands for it; () where there is no such form.
        sections: the tensor of the error signal, the trained ones, and those whose gradients their boxes read, if they
            have sections.
    """

    label: str
    signal: Words
    sections: tuple[str, ...]
