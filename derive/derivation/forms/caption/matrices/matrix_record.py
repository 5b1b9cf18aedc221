"""A sum of products as a product of matrices: which labels count rows, columns and what is summed."""

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import ImmutableMatrix, Symbol

from gradscribe.derive.derivation.forms.caption.operation import Operand, Product
from gradscribe.derive.ir.term import Access, Program, Statement, Term, accesses


@dataclass(frozen=True)
class Unfolding:
    """A sum of products of two tensors as a product of matrices, one for every value of the labels `batch`.

    Attributes:
        product: the sum.
        term: the sum, with an index for each digit of the target.
        statement: where it stands in the program.
        data: the operand whose matrix has the rows of the result; windows slide over it, if any do.
        weights: the operand whose matrix has the columns of the result.
        rows: what counts the rows.
        inner: what is summed over.
        columns: what counts the columns.
        batch: what both operands and the result have.
    """

    product: Product
    term: Term
    statement: Statement
    data: Operand
    weights: Operand
    rows: tuple[Symbol, ...]
    inner: tuple[Symbol, ...]
    columns: tuple[Symbol, ...]
    batch: tuple[Symbol, ...]

    @property
    def elements(self) -> tuple[Access, Access]:
        """The elements of both, as the equation reads them."""
        found = {a.tensor: a for a in accesses(self.term.body)}
        data, weights = self.tensors
        return found[data], found[weights]

    @property
    def tensors(self) -> tuple[str, str]:
        """The names of both."""
        return self.data.reads[0][1].tensor, self.weights.reads[0][1].tensor


@dataclass(frozen=True)
class Toeplitz:
    """A matrix of kernel elements.

    Attributes:
        matrix: a row per window, a column per element of the data.
        data: the extents of the data along the axes that windows slide along.
        taps: those of the kernel.
        sizes: every size of the example.
    """

    matrix: ImmutableMatrix
    data: tuple[int, ...]
    taps: tuple[int, ...]
    sizes: tuple[tuple[Symbol, int], ...]


@dataclass(frozen=True)
class MatrixForm:
    """``target = sum of X̂ Ŵ + added``.

    Attributes:
        target: the tensor that the equation defines.
        gradient: the tensor of its gradient.
        parts: the products.
        added: tensors that are added, and how.
        examples: per part a small example of windows, None where there is none; () where none is shown.
    """

    target: str
    gradient: str
    parts: tuple[Unfolding, ...]
    added: tuple[tuple[str, Product], ...]
    examples: tuple[Toeplitz | None, ...] = ()


@dataclass(frozen=True)
class Factor:
    """A tensor as a factor of a product of matrices.

    Attributes:
        form: the equation.
        part: the product.
        side: 0 where the tensor is the left factor, 1 where it is the right one.
    """

    form: MatrixForm
    part: Unfolding
    side: int

    @property
    def matrix(self) -> tuple[object, ...]:
        """What the matrix holds: the element, and what counts its rows and columns."""
        rows, columns = (self.part.inner, self.part.columns) if self.side else (self.part.rows, self.part.inner)
        return self.side, self.part.elements[self.side], rows, columns, self.part.batch


def factors(forms: Sequence[MatrixForm], tensor: str) -> list[Factor]:
    """Every product that a tensor is a factor of."""
    return [
        Factor(form, part, side)
        for form in forms
        for part in form.parts
        for side, name in enumerate(part.tensors)
        if name == tensor
    ]


def readings(program: Program, tensor: str) -> int:
    """How many summands the gradient by a tensor has: one for each place that reads it, one that arrives from above."""
    read = sum(a.tensor == tensor for s in program.statements for a in accesses(s.term.body))
    return read + (tensor in program.outputs)
