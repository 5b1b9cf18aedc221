"""A matrix form as it stands on a page: what the matrices hold, the equation, its gradients, a small example."""

from collections.abc import Iterator, Sequence

from sympy import Expr, Integer, Symbol

from gradscribe.derive.derivation.forms.caption.matrices.matrix_record import (
    MatrixForm,
    Toeplitz,
    Unfolding,
    factors,
    readings,
)
from gradscribe.derive.derivation.forms.caption.operation import Product
from gradscribe.derive.derivation.forms.caption.words.signs import Added, Element, Matrices, Matrix, Transposed
from gradscribe.derive.derivation.forward.quotients import Partial
from gradscribe.derive.derivation.record.section_record import Formula, Premise
from gradscribe.derive.derivation.record.sentence import Equals, Words, joined
from gradscribe.derive.ir.term import Access, Program

E = Access("E")


def passage(form: MatrixForm, program: Program, letter: Symbol) -> Iterator[Premise]:
    """Sentences and formulas of one matrix form.

    Args:
        form: the form.
        program: the equations that it is one of.
        letter: what the matrix of the example is called.
    """
    target, delta = Access(form.target), Access(form.gradient)
    first = form.parts[0]
    batch: Words = (", one of each for every ", *joined(first.batch)) if first.batch else ()
    sides = _sides((Matrix(target), " and ", Matrix(delta), " have"), first.rows, first.columns)
    same = (w for name, made in form.added for w in _same(name, made))
    yield (*(w for part in form.parts for w in _held(part)), *sides, *batch, ".", *same)
    products = [Matrices(*(Matrix(Access(t)) for t in part.tensors)) for part in form.parts]
    summands = [*products, *(Access(name) for name, _ in form.added)]
    yield Formula(Matrix(target), Added(*summands) if len(summands) > 1 else summands[0])
    for part in form.parts:
        yield from (_through(form, part, side, program) for side in (1, 0))
        if part.product.windows:
            name = Access(part.tensors[0])
            data = Matrix(name)
            yield (
                *("Folded back (col2im), every element of ", Partial(E, data), " is added to that of "),
                *(
                    Partial(E, name),
                    " which it was read from, as windows overlap; what was read as padding is dropped.",
                ),
            )
    for part, example in zip(form.parts, form.examples, strict=False):
        if example is not None:
            yield from _example(part, example, form, program, letter)


def matrix_gradient(forms: Sequence[MatrixForm], program: Program, tensor: str) -> Formula | None:
    """The gradient by a tensor as a sum of products of matrices; None where it is none, or one of several matrices."""
    found = factors(forms, tensor)
    if not found or len(found) != readings(program, tensor) or len({factor.matrix for factor in found}) > 1:
        return None
    products = [_gradient(factor.form, factor.part, factor.side) for factor in found]
    return Formula(Partial(E, Matrix(Access(tensor))), Added(*products) if len(products) > 1 else products[0])


def _gradient(form: MatrixForm, part: Unfolding, side: int) -> Expr:
    """What arrives at the left or right matrix of a product."""
    delta, other = Matrix(Access(form.gradient)), Transposed(Matrix(Access(part.tensors[1 - side])))
    return Matrices(other, delta) if side else Matrices(delta, other)


def _through(form: MatrixForm, part: Unfolding, side: int, program: Program) -> Premise:
    """The gradient by one of both; of one that is read elsewhere, too, the part that comes this way."""
    gradient = Partial(E, Matrix(Access(part.tensors[side])))
    if readings(program, part.tensors[side]) == 1:
        return Formula(gradient, _gradient(form, part, side))
    return (*_part(gradient, form), " is ", _gradient(form, part, side), ".")


def _part(gradient: Expr, form: MatrixForm) -> Words:
    return ("The part of ", gradient, " that comes through ", Access(form.target))


def _held(part: Unfolding) -> Words:
    """What the two matrices hold."""
    data, weights = (Access(t) for t in part.tensors)
    element, kernel = (Element(a, *part.term.indices) for a in part.elements)
    window: Words = (", 0 outside of ", data, ": a row is a window (im2col). ") if part.product.windows else (". ",)
    return (
        *(*_sides((Matrix(data), " has"), part.rows, part.inner), ", the element ", element, *window),
        *(*_sides((Matrix(weights), " has"), part.inner, part.columns), ", the element ", kernel, ". "),
    )


def _same(name: str, made: Product) -> Words:
    """Along what a tensor that is added is the same."""
    missing = [v for v in made.axes if v not in made.operands[0].labels]
    return (" ", Access(name), " is the same for every ", *joined(missing), ".") if missing else ()


def _sides(subject: Words, rows: Sequence[Expr], columns: Sequence[Expr]) -> Words:
    """``X has a row for every n, i, j and a column for every r, t, c``."""
    across: Words = (" and a column for every ", *joined(columns)) if columns else (" and one column",)
    return (*subject, " a row for every ", *joined(rows), *across)


def _example(
    part: Unfolding, example: Toeplitz, form: MatrixForm, program: Program, letter: Symbol
) -> Iterator[Premise]:
    """One matrix for the whole of a small tensor."""
    data, kernel = (Access(t) for t in part.tensors)
    shown = [Equals(s, Integer(number)) for s, number in example.sizes if s in _parameters(part)]
    yield (
        *("For one channel of ", *_extents(example.data), " elements and ", kernel, " of ", *_extents(example.taps)),
        *((", ", *joined(shown)) if shown else ()),
        *(", all of it is one matrix ", letter, " that multiplies ", data, " element after element:"),
    )
    yield Formula(letter, example.matrix)
    sizes = dict(example.sizes)
    if any(w.stride.xreplace(sizes) != 1 for w in part.product.windows):
        kind = "Every row holds the kernel"
    else:
        kind = (
            "This is a Toeplitz matrix" if len(example.data) == 1 else "This is a Toeplitz matrix of Toeplitz matrices"
        )
    gradient, product = Partial(E, data), Matrices(Transposed(letter), Access(form.gradient))
    if readings(program, part.tensors[0]) == 1:
        yield (kind, ", and ", Equals(gradient, product), ".")
    else:
        yield (kind, ". ", *_part(gradient, form), " is ", product, ".")


def _extents(extents: Sequence[int]) -> Words:
    return (" × ".join(map(str, extents)),)


def _parameters(part: Unfolding) -> set[Symbol]:
    """Strides, padding, dilation."""
    windows = part.product.windows
    places = [e for w in windows for e in (w.before, w.stride, w.dilation)]
    extents = {part.product.extent(w.tap) for w in windows if w.tap is not None}
    return {s for e in places for s in e.free_symbols} - extents
