"""The records of a derivation: the rewrites that lead from the forward equations to each gradient.

Every row of a derivation is a `Step`: what it equals on the left, and on the right a sum of Terms that the functions of
`derive.calculus.collapse` made from the row before. Printers only arrange a Derivation;
`derive.derivation.certificate` evaluates its rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sympy import Expr, ImmutableMatrix, Symbol
from sympy.core.symbol import Str

from gradscribe.derive.derivation.forms.caption.matrices.matrix_record import MatrixForm
from gradscribe.derive.derivation.forms.caption.operation import Caption
from gradscribe.derive.derivation.forward.insertion import Rewritten
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.network.kinds.likeness import Likeness
from gradscribe.derive.derivation.network.layer_record import LayerTable as LayerTable  # noqa: PLC0414  (as mypy sees)
from gradscribe.derive.derivation.network.layer_record import Repeat as Repeat  # noqa: PLC0414
from gradscribe.derive.derivation.network.layer_record import Row as Row  # noqa: PLC0414
from gradscribe.derive.ir.term import Access, Program, Statement, Tensor, Term
from gradscribe.derive.layer.interface import Layer
from gradscribe.printed import Printed

Words = tuple[str | Expr, ...]
"""A sentence: words and, between them, mathematics. An Access without indices stands for the tensor itself."""


class Scalar(Expr):
    """What is differentiated, E, or S at order 2; it has no name in the equations."""

    def __new__(cls, word: str) -> "Scalar":
        """`word` is one of `derive.layer.letters.SPECIAL`."""
        return Expr.__new__(cls, Str(word) if isinstance(word, str) else word)

    @property
    def word(self) -> str:
        """Which one."""
        return str(self.args[0].name)

    @property
    def indices(self) -> tuple[Expr, ...]:
        """None: it stands where an element of a tensor might."""
        return ()


class Label(Scalar):
    """The label of a level in a sentence: l+1, or the name of a node."""


class Letter(Expr):
    """The letter of a tensor without its level, of an error signal delta, in a sentence."""

    @property
    def access(self) -> Access:
        """The tensor."""
        return self.args[0]


class Between(Expr):
    """``0 <= index < extent`` in a sentence."""


class Below(Expr):
    """``index < extent`` in a sentence."""


class Equals(Expr):
    """``a = b`` in a sentence."""


class Hadamard(Expr):
    """The sign of the product element by element, in a sentence."""


class Rounded(Expr):
    """The mark of a row that was evaluated in float64, where others were evaluated exactly."""


class Inverse(Expr):
    """The inverse of a matrix; display only."""


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


@dataclass(frozen=True)
class Result:
    """A boxed row.

    Attributes:
        step: the row.
        name: the words that say what it is; () for none.
        lead: a clause that leads to it.
        caption: what the words say, which can be computed; None where they are no operation.
        form: the row in whole tensors, made from the caption; None where there is no such form.
        steps: rows before that, from the box above.
        closed: whether it is the closed form of the box above.
    """

    step: Step
    name: Words
    lead: Words = ()
    caption: Caption | None = None
    form: Expr | None = None
    steps: tuple[Step, ...] = ()
    closed: bool = False

    @property
    def rows(self) -> tuple[Step, ...]:
        """The rows, then the box itself."""
        return (*self.steps, self.step)


@dataclass(frozen=True)
class Section:
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
        sections: the tensor of the error signal and the trained ones, if their gradients have sections.
    """

    label: str
    signal: Words
    sections: tuple[str, ...]


@dataclass(frozen=True)
class Definition:
    """An equation as it is printed: ``left = op of terms``.

    Attributes:
        left: the element, or a whole tensor.
        terms: the summands.
        argument: records where an extremum was found.
        becomes: whether the right side takes the place of what `left` was, as an update does.
        likeness: the names under which it is another equation, which is printed in its place.
    """

    left: Access
    terms: tuple[Term, ...]
    argument: Tensor | None = None
    becomes: bool = False
    likeness: Likeness | None = None


@dataclass(frozen=True)
class Update:
    """What training makes of the trained tensors.

    Attributes:
        title: its heading.
        setup: sentences before the equations.
        equations: in the order in which they are computed.
        notation: how their tensors are written; one stands for those of all levels that share its letter.
    """

    title: Words
    setup: tuple[Words, ...]
    equations: tuple[Definition, ...]
    notation: Notation


@dataclass(frozen=True)
class Remark:
    """How the code does what a page says: a sentence, and the equations that it leads to."""

    words: Words
    equations: tuple[Definition, ...] = ()


@dataclass(frozen=True)
class Worked:
    """The gradient by tensor `wrt` in numbers: its matrices, and rows that work out one element."""

    wrt: str
    matrices: tuple[Formula, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Example:
    """The numbers of one small case, each of which stands beside its formula.

    Attributes:
        setup: sentences: the sizes.
        given: every tensor of the forward equations, and what arrives from above.
        gradients: one for each section.
        notation: how tensors are written.
    """

    setup: tuple[Words, ...]
    given: tuple[Formula, ...]
    gradients: tuple[Worked, ...]
    notation: Notation

    def of(self, wrt: str) -> Worked | None:
        """The gradient by a tensor; None where it has no numbers."""
        return next((g for g in self.gradients if g.wrt == wrt), None)


@dataclass(frozen=True, repr=False)
class Derivation(Printed):
    """Everything a printer needs.

    Attributes:
        name: the layer's name.
        title: what is derived.
        source: the literature.
        setup: sentences before the forward equations: shapes and parameters.
        form: what is shown of it, one of `derive.derivation.forms.caption.page_form.FORMS`.
        matrices: the equations that are products of matrices.
        matrix: these, as they stand on a page.
        glossary: sentences that define the signs and words of the boxes.
        update: what training makes of the weights; None where none is derived.
        unchanging: constants of which the page says that no output depends on them.
        remarks: how the code does what the equations say; () where that is not asked for.
        example: the same in numbers; None where they are not asked for.
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
        table: of a network, its layers.
        chapters: of a network, its printed sections layer by layer, the last layer first; empty for a layer.
        levels: of a network some of whose sections are not printed, all gradients level by level.
        repeated: blocks of these levels that are not listed, as every gradient is that of a level above.
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
    table: LayerTable | None = None
    chapters: tuple[Chapter, ...] = ()
    levels: tuple[LevelGradients, ...] = ()
    repeated: tuple[Repeat, ...] = ()
    seed: str = ""
    premises: tuple[Premise, ...] = ()
    glossary: tuple[Words, ...] = ()
    form: str = "index"
    matrices: tuple[MatrixForm, ...] = ()
    matrix: tuple[Premise, ...] = ()
    update: Update | None = None
    example: Example | None = None
    unchanging: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def heading(self) -> str:
        """Name and title; the name alone where there is no title."""
        return f"{self.name}: {self.title}" if self.title else self.name

    @property
    def equations(self) -> tuple[Definition, ...]:
        """The forward equations that are printed."""
        return tuple(d for d in self.definitions if d.likeness is None)

    @property
    def printed_sections(self) -> tuple[Section, ...]:
        """The sections of which more is printed than a line of the table of all levels."""
        return tuple(s for s in self.sections if s.likeness is None or not self.levels)


def joined(parts: Sequence[Expr | str], last: str = ", ") -> Words:
    """``a, b, c``, with `last` before the last one."""
    words: list[Expr | str] = []
    for number, part in enumerate(parts):
        if number:
            words.append(last if number == len(parts) - 1 else ", ")
        words.append(part)
    return tuple(words)
