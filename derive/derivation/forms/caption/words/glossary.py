"""What signs and words of captions mean: one sentence for each that a page uses, none for others."""

from collections.abc import Iterable, Iterator, Sequence

from sympy import Expr, Function, Symbol, preorder_traversal

from gradscribe.derive.calculus.collapse import radix_order
from gradscribe.derive.derivation.forms.caption.operation import Caption, Digits, Product, Whole, Window
from gradscribe.derive.derivation.forms.caption.remainder import expanded
from gradscribe.derive.derivation.forms.caption.words.shape import full, product_of_matrices, reach, routed, valid
from gradscribe.derive.derivation.forms.caption.words.signs import (
    Apart,
    Convolved,
    Correlated,
    Elementwise,
    Every,
    Kronecker,
    OneHot,
    Ones,
    Reshaped,
    Rotated,
    Shifted,
    Total,
    Unpooled,
)
from gradscribe.derive.derivation.record.section_record import Result, Section
from gradscribe.derive.derivation.record.sentence import AND, Hadamard, Words, joined, mathematics
from gradscribe.derive.ir.functions import ceil, floor, is_indicator, rounded
from gradscribe.derive.ir.index import affine, integer
from gradscribe.derive.ir.term import Access, Statement, Term, accesses
from gradscribe.said import say

_HIDDEN: Words = (" ", *say("Formulas show neither padding nor further sums."))
"""The box above one does, and where it has words these."""
_PADDED: Words = say(
    "Padding puts zeros at both ends of every axis that windows slide along, or takes elements away where its number "
    "is negative; windows begin with what is first then."
)
_TURNED_WINDOWS: Words = say("The windows of a convolution are those of the correlation with the kernel turned round.")
_FULL: Words = say("Full: every window that meets an element counts.")
_VALID: Words = say("Valid: no window leaves the tensor.")


FIRST, SECOND, STEP, PLACE, TAP = "any array", "any kernel", "any step", "any place", "any tap"
LETTERS = {FIRST: "a", SECOND: "g", STEP: "m", PLACE: "i", TAP: "r"}
"""What definitions speak of, by names that nobody else can have, and the letters that they have if these are free."""


def glossary(sections: Iterable[Section], statements: Iterable[Statement]) -> tuple[Words, ...]:
    """The definitions that the boxes of these sections need.

    Args:
        sections: the sections of a page.
        statements: the equations of the page; a definition has the indices of their windows.
    """
    parts, equations = [part for section in sections for part in section.parts], [s.term for s in statements]
    boxes = [result for part in parts for result in part.results]
    terms = [t for part in parts for step in part.steps for t in step.terms]
    return (
        *_brackets([*terms, *(t for box in boxes for t in box.step.terms)]),
        *_rounded([*(t.body for t in terms), *(t.body for t in equations)]),
        *_signs(boxes, equations),
    )


def _brackets(terms: Sequence[Term]) -> Iterator[Words]:
    """Iverson's bracket."""
    if any(t.divisibilities for t in terms):
        yield say(
            "A bracket [...] is 1 where what stands in it holds, and 0 elsewhere; a bar in it says that the left side "
            "divides the right one."
        )
    elif any(t.deltas or t.guards or any(map(is_indicator, preorder_traversal(t.body))) for t in terms):
        yield say("A bracket [...] is 1 where what stands in it holds, and 0 elsewhere.")


def _rounded(bodies: Sequence[Expr]) -> Iterator[Words]:
    """What makes integers of real numbers."""
    used = {f.func for body in bodies for f in body.atoms(floor, ceil, rounded)}
    a = Access(FIRST)
    if floor in used:
        yield say("{floor} is the largest integer that is not above {a}; its derivative is 0.", floor=floor(a), a=a)
    if ceil in used:
        yield say("{ceil} is the smallest integer that is not below {a}; its derivative is 0.", ceil=ceil(a), a=a)
    if rounded in used:
        yield say(
            "{rounded} is the integer nearest to {a}, the even one of two; its derivative is 0.",
            rounded=rounded(a),
            a=a,
        )


def _indices(equations: Iterable[Term]) -> tuple[Symbol, Symbol]:
    """The index of a window and the one within it, as the first equation with windows has them, or others."""
    for term in equations:
        free, bound = ({r.index for r in ranges} for ranges in (term.free, term.bound))
        for index in (e for a in accesses(term.body) for e in a.indices):
            at, taps = index.free_symbols & free, index.free_symbols & bound
            if len(at) == len(taps) == 1:
                return at.pop(), taps.pop()
    return integer(PLACE), integer(TAP)


def _signs(boxes: Sequence[Result], equations: Sequence[Term]) -> Iterator[Words]:
    """Signs and words, in the order in which they build on each other."""
    used = {type(e) for box in boxes for root in _expressions(box) for e in preorder_traversal(root)}
    products = [p for box in boxes if box.operation is not None for p in _products(box.operation)]
    windows = [(w, p) for p in products if routed(p) is None for w in p.windows]
    a, g, m = Access(FIRST), Access(SECOND), integer(STEP)
    i, r = _indices(equations)

    def summed(index: Expr) -> Expr:
        return Total(Access(a.tensor, index) * Access(g.tensor, r), r)

    turned = any(w.turned for w, _ in windows)
    hidden: Words = _HIDDEN if used & {Convolved, Correlated} else ()
    if windows:
        correlation = say(
            "The correlation {correlation} has the elements {elements}.",
            correlation=Correlated(a, g),
            elements=summed(i + r),
        )
        yield (*correlation, *(() if turned else hidden))
    if turned:
        convolution = say(
            "The convolution {convolution} has the elements {elements}: up to a shift it is {correlation}, where "
            "{rotated} is {kernel} turned round along every axis that windows slide along, its last element first.",
            convolution=Convolved(a, g),
            elements=summed(i - r),
            correlation=Correlated(a, Rotated(g)),
            rotated=Rotated(g),
            kernel=g,
        )
        yield (*convolution, *hidden)
    elif Rotated in used:
        yield say(
            "{rotated} is {kernel} turned round along every axis that windows slide along, its last element first.",
            rotated=Rotated(g),
            kernel=g,
        )
    yield from _padding(windows)
    if Apart in used or any(w.dilation != 1 for w, _ in windows):
        yield _apart(a, m, bool(windows))
    if Every in used or any(w.stride != 1 for w, _ in windows):
        yield say(
            "{every} is every {step}-th element of {array}, from the first one on; with stride {step} every {step}-th "
            "window counts.",
            every=Every(a, m),
            step=m,
            array=a,
        )
    if Shifted in used:
        yield say(
            "{shifted} has at {place} what {array} has at {other}, and 0 where that is outside of {array}.",
            shifted=Shifted(a, i + m),
            place=i,
            array=a,
            other=i + m,
        )
    if Ones in used:
        yield say("{ones} is a kernel of {number} ones.", ones=Ones(m), number=m)
    if Kronecker in used:
        yield say(
            "{product} has every element of {array} {number} times, and zeros behind them where the axis is longer.",
            product=Kronecker(a, Ones(m)),
            array=a,
            number=m,
        )
    if Unpooled in used:
        yield _unpooled(a, g, _pads(products, equations))
    if Reshaped in used:
        yield say(
            "{reshaped} has the elements of {array} in row-major order in the shape of what it is equal to.",
            reshaped=Reshaped(a),
            array=a,
        )
    if OneHot in used:
        yield say(
            "{onehot} has axes that {array} has not: along these it is 1 at the place that is the element of {array}, "
            "in row-major order where they are several, and 0 elsewhere.",
            onehot=OneHot(a),
            array=a,
        )
    if any(len(p.axes) > 2 and product_of_matrices(p) is not None for p in products):
        yield say(
            "A product of tensors of more than two axes is one of matrices, along their last two, which a transpose "
            "exchanges; one of two axes is the same matrix in all."
        )
    yield from _digits(boxes, equations)
    if used & {Elementwise, Hadamard}:
        yield say(
            "{hadamard} multiplies element by element; a tensor is the same along an axis that it lacks.",
            hadamard=Hadamard(),
        )


def _apart(a: Access, m: Symbol, windows: bool) -> Words:
    """Zeros between elements, of windows or not."""
    places = {"apart": Apart(a, m), "array": a, "number": m - 1, "step": m}
    if windows:
        return say(
            "{apart} is {array} with {number} zeros between its elements along every axis that windows slide along; a "
            "kernel dilated by {step} is the same.",
            **places,
        )
    return say(
        "{apart} is {array} with {number} zeros between its elements; a kernel dilated by {step} is the same.",
        **places,
    )


def _unpooled(a: Access, g: Access, pads: bool) -> Words:
    """What unpooling adds; where windows have padding, what it leaves out."""
    places = {"unpooled": Unpooled(a, g), "array": a, "place": g}
    if pads:
        return say(
            "{unpooled} adds every element of {array} at the place {place} of its window, and leaves out what falls on "
            "padding.",
            **places,
        )
    return say("{unpooled} adds every element of {array} at the place {place} of its window.", **places)


def _pads(products: Sequence[Product], equations: Sequence[Term]) -> bool:
    """Whether the maximum of a window may be one of the zeros before or behind its tensor."""
    open_ = any(t.reduction.selects and not t.guards for t in equations)
    found = [(w, p) for p in products if routed(p) is not None for w in p.windows]
    return open_ and any(expanded(reach(w, p) - w.before) != 0 for w, p in found)


def _digits(boxes: Sequence[Result], terms: Sequence[Term]) -> Iterator[Words]:
    """What a sum over a digit of an index means where a form has no indices; an equation has the index itself."""
    forms = [box.caption for box in boxes if isinstance(box.caption, Whole)]
    axes = ((axis, form) for form in forms for _, own in form.tensors for axis in own if isinstance(axis, Digits))
    below = {tuple(dict(form.extents)[v] for v in axis.labels[1:]) for axis, form in axes}
    found: dict[tuple[Expr, ...], Words] = {}
    for term in terms:
        for place in (e for a in accesses(term.body) for e in a.indices if not e.has(Function)):
            digits = (radix_order(term, list(affine(place, term.indices).terms)) or [])[::-1]
            extents = tuple(term.extent(v) for v in digits[1:])
            if extents in below:
                words = say(
                    "In whole tensors an axis of places {place} counts as one axis for each of {digits}.",
                    place=place,
                    digits=joined(digits, AND),
                )
                found.setdefault(extents, words)
    yield from found.values()


def _padding(windows: Sequence[tuple[Window, Product]]) -> Iterator[Words]:
    """Where windows begin and end."""
    whole, inner = [full(w, p) for w, p in windows], [valid(w) for w, _ in windows]
    if not all(a or b for a, b in zip(whole, inner, strict=True)):
        yield (*_PADDED, *((" ", *_TURNED_WINDOWS) if any(w.turned for w, _ in windows) else ()))
    yield from [_FULL] if any(whole) else []
    yield from [_VALID] if any(inner) else []


def _expressions(box: Result) -> Iterator[Expr]:
    """The mathematics in the words and the form of a box."""
    yield from mathematics(box.name)
    if box.form is not None:
        yield box.form


def _products(caption: Caption) -> Iterator[Product]:
    yield from caption.summands
    for _, inner in caption.inserted:
        yield from _products(inner)
