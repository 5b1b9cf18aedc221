"""The records of a derivation: the rewrites that lead from the forward equations to each gradient.

Every row of a derivation is a `Step`: what it equals on the left, and on the right a sum of Terms that the functions of
`derive.calculus.collapse` made from the row before. Printers only arrange a Derivation;
`derive.derivation.certificate` evaluates its rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sympy
from sympy import Expr, ImmutableMatrix, Integer, Symbol

from gradscribe.derive.derivation.forward.insertion import Rewritten
from gradscribe.derive.derivation.notation import Notation
from gradscribe.derive.ir.term import Access, Program, Statement, Tensor, Term
from gradscribe.derive.layer.interface import Layer
from gradscribe.printed import Printed

Words = tuple[str | Expr, ...]
"""A sentence: words and, between them, mathematics. An Access without indices stands for the tensor itself."""


class Partial(Expr):
    """``d(upper)/d(lower)`` of two accesses; display only. For one tensor it is 1 where the indices agree, else 0."""

    is_commutative = True

    @property
    def upper(self) -> Access:
        """The tensor element that is differentiated."""
        return self.args[0]

    @property
    def lower(self) -> Access:
        """The tensor element differentiated by."""
        return self.args[1]


class Between(Expr):
    """``0 <= index < extent`` in a sentence."""


class Equals(Expr):
    """``a = b`` in a sentence."""


class Hadamard(Expr):
    """The sign of the product element by element, in a sentence."""


class Rounded(Expr):
    """The mark of a row that was evaluated in float64, where others were evaluated exactly."""


class Inverse(Expr):
    """The inverse of a matrix; display only."""


class Matrices(Expr):
    """A product of matrices, in this order; display only."""

    is_commutative = False


class Elementwise(Expr):
    """Two matrices multiplied element by element, in brackets within a product of matrices; display only."""

    is_commutative = False


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Result:
    """A boxed row, the words that name what it is, and a clause that leads to it."""

    step: Step
    name: Words
    lead: Words = ()


@dataclass(frozen=True)
class Section:
    """The derivation of one gradient.

    Attributes:
        title: its heading.
        setup: sentences before the rows.
        steps: the rows.
        caption: sentences after the rows.
        results: the boxed rows; the first equals the last row, further ones hold under conditions.
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
class Row:
    """One layer of a network in the table of its layers.

    Attributes:
        label: its level, such as "l+1" or "c3".
        layers: what it consists of, names of the catalogue: a layer and its activation.
        reads: the levels or inputs that it reads.
        shape: the extents of its value.
        weights: what is trained, (letter, shape).
        parameters: how many numbers are trained.
    """

    label: str
    layers: tuple[str, ...]
    reads: tuple[str, ...]
    shape: tuple[Expr, ...]
    weights: tuple[tuple[str, tuple[Expr, ...]], ...]
    parameters: Expr


@dataclass(frozen=True)
class LayerTable:
    """The layers of a network.

    Attributes:
        rows: one per layer.
        numbers: what its sizes are, as far as the network fixes them.
        notation: how the letters of its tensors are written.
    """

    rows: tuple[Row, ...]
    numbers: Mapping[Symbol, Expr]
    notation: Notation

    @property
    def parameters(self) -> Expr:
        """How many numbers the network trains."""
        return sympy.expand(sum((row.parameters for row in self.rows), Integer(0)))

    def number(self, extents: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """Extents with the numbers that the network fixes."""
        return tuple(sympy.expand(e.xreplace(dict(self.numbers))) for e in extents)


@dataclass(frozen=True)
class Definition:
    """A forward equation as it is printed: ``left = op of terms``; `argument` records where an extremum was found."""

    left: Access
    terms: tuple[Term, ...]
    argument: Tensor | None = None


@dataclass(frozen=True)
class Derivation(Printed):
    """Everything a printer needs.

    Attributes:
        name: the layer's name.
        title: what is derived.
        source: the literature.
        setup: sentences before the forward equations: shapes and parameters.
        definitions: the forward equations.
        sizes: the derived extents.
        notes: sentences after the forward equations: zero padding, ties.
        sections: one per gradient, in order of computation.
        program: the forward program as displayed.
        rewritten: the differentiated program that the kernels start from, too, and what is shown of it; None where
            nothing is differentiated.
        notation: how tensors are written.
        layer: the layer as displayed; None when there is none.
        mapping: what the symbols of the layer's definition were replaced by.
        appendix: derivations of identities that this one speaks of.
        table: of a network, its layers.
        chapters: of a network, its sections layer by layer, the last layer first; empty for a layer.
        seed: of a network, the gradient tensor of its output.
        premises: what stands between the forward equations and the sections, of order 2: the first gradients.
    """

    name: str
    title: str
    source: str
    setup: tuple[Words, ...]
    definitions: tuple[Definition, ...]
    sizes: tuple[tuple[Symbol, Expr], ...]
    notes: tuple[Words, ...]
    sections: tuple[Section, ...]
    program: Program
    notation: Notation
    rewritten: Rewritten | None = None
    layer: Layer | None = None
    mapping: Mapping[Symbol, Expr] = field(default_factory=dict)
    appendix: tuple["Derivation", ...] = ()
    table: LayerTable | None = None
    chapters: tuple[Chapter, ...] = ()
    seed: str = ""
    premises: tuple[Premise, ...] = ()

    @property
    def heading(self) -> str:
        """Name and title; the name alone where there is no title."""
        return f"{self.name}: {self.title}" if self.title else self.name


def joined(parts: Sequence[Expr | str], last: str = ", ") -> Words:
    """``a, b, c``, with `last` before the last one."""
    words: list[Expr | str] = []
    for number, part in enumerate(parts):
        if number:
            words.append(last if number == len(parts) - 1 else ", ")
        words.append(part)
    return tuple(words)
