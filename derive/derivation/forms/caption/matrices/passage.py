"""A matrix form as it stands on a page: what the matrices hold, the equation, its gradients, a small example."""

from collections.abc import Iterator, Sequence

from sympy import Expr, Integer, Symbol

from gradscribe.derive.derivation.forms.caption.matrices.matrix_record import MatrixForm, Toeplitz, Unfolding
from gradscribe.derive.derivation.forms.caption.operation import Product
from gradscribe.derive.derivation.forms.caption.words.signs import Added, Element, Matrices, Matrix, Transposed
from gradscribe.derive.derivation.forward.quotients import Partial
from gradscribe.derive.derivation.record.section_record import Formula, Premise
from gradscribe.derive.derivation.record.sentence import Equals, Words, joined
from gradscribe.derive.ir.term import Access

E = Access("E")


def passage(form: MatrixForm, letter: Symbol) -> Iterator[Premise]:
    """Sentences and formulas of one matrix form.

    Args:
        form: the form.
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
        data, weights = (Matrix(Access(t)) for t in part.tensors)
        yield Formula(Partial(E, weights), Matrices(Transposed(data), Matrix(delta)))
        yield Formula(Partial(E, data), Matrices(Matrix(delta), Transposed(weights)))
        if part.product.windows:
            name = Access(part.tensors[0])
            yield (
                *("Folded back (col2im), every element of ", Partial(E, data), " is added to that of "),
                *(
                    Partial(E, name),
                    " which it was read from, as windows overlap; what was read as padding is dropped.",
                ),
            )
    for part, example in zip(form.parts, form.examples, strict=False):
        if example is not None:
            yield from _example(part, example, form, letter)


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


def _example(part: Unfolding, example: Toeplitz, form: MatrixForm, letter: Symbol) -> Iterator[Premise]:
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
    gradient = Equals(Partial(E, data), Matrices(Transposed(letter), Access(form.gradient)))
    yield (kind, ", and ", gradient, ".")


def _extents(extents: Sequence[int]) -> Words:
    return (" × ".join(map(str, extents)),)


def _parameters(part: Unfolding) -> set[Symbol]:
    """Strides, padding, dilation."""
    windows = part.product.windows
    places = [e for w in windows for e in (w.before, w.stride, w.dilation)]
    extents = {part.product.extent(w.tap) for w in windows if w.tap is not None}
    return {s for e in places for s in e.free_symbols} - extents
