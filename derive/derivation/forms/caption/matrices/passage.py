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
from gradscribe.derive.derivation.record.sentence import AND, Equals, Words, joined
from gradscribe.derive.ir.term import Access, Program
from gradscribe.said import say, say_number

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
    both = joined([Matrix(target), Matrix(delta)], AND)
    sides = say_number(
        2,
        "{matrices} has {sides}",
        "{matrices} have {sides}",
        matrices=both,
        sides=_sides(first.rows, first.columns),
    )
    if first.batch:
        sides = say("{matrices}, one of each for every {indices}", matrices=sides, indices=joined(first.batch))
    same = [words for name, made in form.added if (words := _same(name, made))]
    yield joined([*(w for part in form.parts for w in _held(part)), (*sides, "."), *same], " ", " ")
    products = [Matrices(*(Matrix(Access(t)) for t in part.tensors)) for part in form.parts]
    summands = [*products, *(Access(name) for name, _ in form.added)]
    yield Formula(Matrix(target), Added(*summands) if len(summands) > 1 else summands[0])
    for part in form.parts:
        yield from (_through(form, part, side, program) for side in (1, 0))
        if part.product.windows:
            name = Access(part.tensors[0])
            yield say(
                "Folded back (col2im), every element of {matrix} is added to that of {tensor} which it was read from, "
                "as windows overlap; what was read as padding is dropped.",
                matrix=Partial(E, Matrix(name)),
                tensor=Partial(E, name),
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
    return _part(gradient, form, _gradient(form, part, side))


def _part(gradient: Expr, form: MatrixForm, product: Expr) -> Words:
    return say(
        "The part of {gradient} that comes through {tensor} is {product}.",
        gradient=gradient,
        tensor=Access(form.target),
        product=product,
    )


def _held(part: Unfolding) -> Iterator[Words]:
    """What the two matrices hold."""
    data, weights = (Access(t) for t in part.tensors)
    element, kernel = (Element(a, *part.term.indices) for a in part.elements)
    sides = _sides(part.rows, part.inner)
    if part.product.windows:
        yield say(
            "{matrix} has {sides}, the element {element}, 0 outside of {tensor}: a row is a window (im2col).",
            matrix=Matrix(data),
            sides=sides,
            element=element,
            tensor=data,
        )
    else:
        yield say("{matrix} has {sides}, the element {element}.", matrix=Matrix(data), sides=sides, element=element)
    inner = _sides(part.inner, part.columns)
    yield say("{matrix} has {sides}, the element {element}.", matrix=Matrix(weights), sides=inner, element=kernel)


def _same(name: str, made: Product) -> Words:
    """Along what a tensor that is added is the same."""
    missing = joined([v for v in made.axes if v not in made.operands[0].labels])
    return say("{tensor} is the same for every {indices}.", tensor=Access(name), indices=missing) if missing else ()


def _sides(rows: Sequence[Expr], columns: Sequence[Expr]) -> Words:
    """``a row for every n, i, j and a column for every r, t, c``."""
    if not columns:
        return say("a row for every {rows} and one column", rows=joined(rows))
    return say("a row for every {rows} and a column for every {columns}", rows=joined(rows), columns=joined(columns))


def _example(
    part: Unfolding, example: Toeplitz, form: MatrixForm, program: Program, letter: Symbol
) -> Iterator[Premise]:
    """One matrix for the whole of a small tensor."""
    data, kernel = (Access(t) for t in part.tensors)
    shown = [Equals(s, Integer(number)) for s, number in example.sizes if s in _parameters(part)]
    kernel_size = say("{kernel} of {taps}", kernel=kernel, taps=_extents(example.taps))
    yield say(
        "For one channel of {elements} elements and {settings}, all of it is one matrix {matrix} that multiplies "
        "{tensor} element after element:",
        elements=_extents(example.data),
        settings=joined([kernel_size, *shown]),
        matrix=letter,
        tensor=data,
    )
    yield Formula(letter, example.matrix)
    gradient, product = Partial(E, data), Matrices(Transposed(letter), Access(form.gradient))
    back = say("Its transpose takes gradients back: {gradient}.", gradient=Equals(gradient, product))
    whole = readings(program, part.tensors[0]) == 1
    yield joined([_kind(part, example), back if whole else _part(gradient, form, product)], " ")


def _kind(part: Unfolding, example: Toeplitz) -> Words:
    """What kind of a matrix an example is."""
    if any(w.stride.xreplace(dict(example.sizes)) != 1 for w in part.product.windows):
        return say("Every row holds the kernel.")
    if len(example.data) == 1:
        return say("This is a Toeplitz matrix.")
    return say("This is a Toeplitz matrix of Toeplitz matrices.")


def _extents(extents: Sequence[int]) -> str:
    return " × ".join(map(str, extents))


def _parameters(part: Unfolding) -> set[Symbol]:
    """Strides, padding, dilation."""
    windows = part.product.windows
    places = [e for w in windows for e in (w.before, w.stride, w.dilation)]
    extents = {part.product.extent(w.tap) for w in windows if w.tap is not None}
    return {s for e in places for s in e.free_symbols} - extents
