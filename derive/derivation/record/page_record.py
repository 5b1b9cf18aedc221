"""The record of a whole page: equations, gradients, and what stands beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sympy import Expr, Symbol

from gradscribe.derive.derivation.forms.caption.matrices.matrix_record import MatrixForm
from gradscribe.derive.derivation.forward.insertion import Rewritten
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.network.kinds.likeness import Likeness
from gradscribe.derive.derivation.network.layer_record import LayerTable, Repeat
from gradscribe.derive.derivation.record.section_record import Chapter, Formula, LevelGradients, Premise, Section, Step
from gradscribe.derive.derivation.record.sentence import Words
from gradscribe.derive.ir.term import Access, Program, Tensor, Term
from gradscribe.derive.layer.interface import Layer
from gradscribe.printed import Printed
from gradscribe.said import ENGLISH, Said


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
        seeds: of a network, its outputs and their gradients, (tensor, gradient).
        premises: what stands between the forward equations and the sections, of order 2: the first gradients.
        language: in which it is printed.
    """

    name: str
    title: str | Said
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
    seeds: tuple[tuple[str, str], ...] = ()
    premises: tuple[Premise, ...] = ()
    glossary: tuple[Words, ...] = ()
    form: str = "index"
    matrices: tuple[MatrixForm, ...] = ()
    matrix: tuple[Premise, ...] = ()
    update: Update | None = None
    example: Example | None = None
    unchanging: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    language: str = ENGLISH

    @property
    def heading(self) -> Words:
        """Name and title; the name alone where there is no title."""
        return (self.name, ": ", self.title) if self.title else (self.name,)

    @property
    def equations(self) -> tuple[Definition, ...]:
        """The forward equations that are printed."""
        return tuple(d for d in self.definitions if d.likeness is None)

    @property
    def printed_sections(self) -> tuple[Section, ...]:
        """The sections of which more is printed than a line of the table of all levels."""
        return tuple(s for s in self.sections if s.likeness is None or not self.levels)
