"""Caption -> Words: convolution, correlation, sum, product, and all that it takes to compute it again."""

from collections.abc import Sequence

from sympy import Expr

from gradscribe.derive.derivation.forms.caption.operation import Caption, Digits, Operand, Product, Repeated, Window
from gradscribe.derive.derivation.forms.caption.remainder import expanded
from gradscribe.derive.derivation.forms.caption.words.shape import (
    bare,
    full,
    is_outer_product,
    is_whole,
    letter,
    ones,
    permuted,
    product_of_matrices,
    reach,
    routed,
    valid,
)
from gradscribe.derive.derivation.forms.caption.words.signs import Rotated
from gradscribe.derive.derivation.record import Hadamard, Words, joined
from gradscribe.derive.ir.index import sign
from gradscribe.derive.ir.term import Access

FEW = 3
"""A sum of more summands is not named."""


def wording(caption: Caption) -> Words:
    """What a caption says; () where there are no words for it."""
    parts = [_scaled(p) for p in caption.summands]
    fronts = [[bare(o) for o in p.front] for p in caption.summands]
    if not all(parts) or len(parts) > FEW or any(None in front for front in fronts):
        return ()
    shared = all(front == fronts[0] for front in fronts)
    words = _added(parts if shared else [_behind(f, part) for f, part in zip(fronts, parts, strict=True)])
    words = _behind(fronts[0], words) if shared else words
    for name, inner in reversed(caption.inserted):
        put = wording(inner)
        if not put:
            return ()
        words = tuple(w for word in words for w in (bracketed(put) if word == Access(name) else (word,)))
    return (*words, " itself") if len(words) == 1 else words


def bracketed(words: Words) -> Words:
    """The words in brackets, unless they are a tensor."""
    return words if len(words) == 1 and isinstance(words[0], Access) else ("[", *words, "]")


def _added(parts: Sequence[Words]) -> Words:
    """Summands, one after the other."""
    words = parts[0]
    for part in parts[1:]:
        less = isinstance(part[0], str) and part[0].startswith("minus ")
        words = (*words, ", ", *(part if less else ("plus ", *part)))
    return words


def _behind(front: Sequence[Expr | None], words: Words) -> Words:
    """Factors, and in brackets what is multiplied by them element by element."""
    factors: Words = tuple(w for e in front if e is not None for w in (e, " ", Hadamard(), " "))
    return (*factors, *bracketed(words)) if factors else words


def _scaled(p: Product) -> Words:
    """A number and what is multiplied by it."""
    inner = _routed(p) or (_sliding(p) if p.windows else _summed(p) if p.summed else _placed(p))
    if not inner or p.scale == 1:
        return inner
    article = ("the ",) if p.summed else ()
    return ("minus ", *article, *inner) if p.scale == -1 else (p.scale, " times ", *article, *inner)


# ----- windows --------------------------------------------------------------------------------------------------------
def _sliding(p: Product) -> Words:
    """Convolution or correlation, how operands are put apart and padded, what is summed besides."""
    assert p.moved is not None  # there are windows
    moved, kernels = bare(p.moved), [bare(o) for o in p.kernels]
    if moved is None or None in kernels:
        return ()
    windows = p.windows
    if all(w.mirrored for w in windows):
        moved = Rotated(moved)
    mode = "full " if all(full(w, p) for w in windows) else "valid " if all(map(valid, windows)) else ""
    against: list[Expr] = [k for k in kernels if k is not None] or [ones(p)]
    of: Words = (moved, " with ", *joined(against, " and "))
    turned = [w for w in windows if w.turned]
    words: Words
    if not turned:
        words = (f"{mode}correlation of ", *of)
    elif len(turned) == len(windows):
        words = (f"{mode}convolution of ", *of)
        if kernels:
            rotated = [Rotated(k) for k in against]
            words += (f", that is the {mode}correlation of ", moved, " with ", *joined(rotated, " and "))
    else:
        straight = [w for w in windows if not w.turned]
        words = (f"{mode}convolution along ", *_names(turned, p), " and correlation along ", *_names(straight, p))
        words += (" of ", *of)
    return (*words, *_qualified(p, moved, against, mode))


def _qualified(p: Product, moved: Expr, kernels: Sequence[Expr], mode: str) -> Words:
    """Zeros between elements, strides, padding, directions, sums."""
    windows = p.windows
    words: Words = ()
    if any(w.spread != 1 for w in windows):
        words += (", ", *_zeros(windows), " between the elements of ", moved)
    if any(w.dilation != 1 for w in windows):
        words += (", ", *joined(kernels, " and "), " dilated by ", *_one_or_each([w.dilation for w in windows]))
    if any(w.stride != 1 for w in windows):
        words += (", stride ", *_one_or_each([w.stride for w in windows]))
    ends = _padding(windows) if not mode else ()
    words += (", ", moved, *ends) if ends and str(ends[0]).startswith(" without") else ends
    mirrored = [w for w in windows if w.mirrored]
    if mirrored and len(mirrored) < len(windows):
        words += (", ", moved, " turned round along ", *_names(mirrored, p))
    if backwards := [w for w in windows if w.backwards]:
        words += (", the result turned round along ", *_names(backwards, p))
    if p.contracted:
        words += (", summed over ", *joined([p.name(v) for v in p.contracted]))
    shared = [v for v in p.axes if all(v in o.labels for o in (p.moved, *p.kernels) if o is not None) and p.kernels]
    return (*words, ", for every ", *joined([p.name(v) for v in shared])) if shared else words


def _padding(windows: Sequence[Window | Repeated]) -> Words:
    """Zeros in front and behind, or elements that are left away."""
    before, after = [w.before for w in windows], [w.after for w in windows]
    more = [expanded(a - b) for a, b in zip(after, before, strict=True)]
    if not any((*before, *after)):
        return ()
    if all(e == 0 or sign(e) < 0 for e in (*before, *after)):
        first: Words = (" without the first ", *_one_or_each([-e for e in before]), " elements") if any(before) else ()
        last: Words = ("the last ", *_one_or_each([-e for e in after]), " elements") if any(after) else ()
        return (*first, *((" and " if first else " without ", *last) if last else ()))
    words: Words = (", padded by ", *_one_or_each(before))
    if not any(more):
        return words
    if all(m == 0 or sign(m) > 0 for m in more):
        return (*words, ", at the end by ", *_one_or_each(more), " more")
    if all(m == 0 or sign(m) < 0 for m in more):
        return (*words, ", at the end by ", *_one_or_each([-m for m in more]), " less")
    return (*words, " in front and ", *_one_or_each(after), " behind")


def _zeros(windows: Sequence[Window]) -> Words:
    """How many zeros stand between elements."""
    return (
        ("one zero",)
        if all(w.spread == 2 for w in windows)
        else (*_one_or_each([w.spread - 1 for w in windows]), " zeros")
    )


def _one_or_each(values: Sequence[Expr]) -> Words:
    """A value that all axes share, or one per axis."""
    return (values[0],) if len(set(values)) == 1 else joined(values, " and ")


def _names(windows: Sequence[Window | Repeated], p: Product) -> Words:
    return joined([p.name(w.at) for w in windows], " and ")


def _routed(p: Product) -> Words:
    """A signal that is added where recorded positions of windows are."""
    found = routed(p)
    if found is None:
        return ()
    signal, position, others = found
    factors = [e for o in others if (e := bare(o)) is not None]
    if len(factors) < len(others):
        return ()
    words: Words = ("every element of ", signal, " added at the place in its window that ", position, " has recorded")
    windows, repeated = p.windows, [a for o in p.operands for a in o.axes if isinstance(a, Repeated)]
    if windows:
        words += (", windows of ", *joined([p.extent(w.tap) for w in windows if w.tap is not None], " × "), " elements")
        words += (
            (", stride ", *_one_or_each([w.spread for w in windows])) if any(w.spread != 1 for w in windows) else ()
        )
        words += (
            (", dilated by ", *_one_or_each([w.dilation for w in windows]))
            if any(w.dilation != 1 for w in windows)
            else ()
        )
        before = [expanded(reach(w, p) - w.before) for w in windows]
        words += (", padded by ", *_one_or_each(before)) if any(before) else ()
    elif repeated:
        sizes = list(dict.fromkeys((a.at, a.times) for a in repeated))
        words += (", windows of ", *joined([times for _, times in sizes], " × "), " elements that do not overlap")
    return (*(w for e in factors for w in (e, " ", Hadamard(), " ")), *(bracketed(words) if factors else words))


# ----- no windows -----------------------------------------------------------------------------------------------------
def _summed(p: Product) -> Words:
    """A matrix product, a sum, or a contraction."""
    operands = [bare(o) for o in p.operands]
    matrices = product_of_matrices(p)
    if matrices is not None:
        return ("matrix product ", matrices)
    if None in operands or not operands or not all(map(is_whole, p.operands)):
        return ()
    over = joined([p.name(v) for v in p.summed])
    if len(operands) == 1:
        return ("sum of ", operands[0], " over ", *over)
    first, *others = [o for o in operands if o is not None]
    return ("contraction of ", first, " with ", *joined(others, " and "), " over ", *over)


def _placed(p: Product) -> Words:
    """A product element by element, or one tensor with its elements in other places."""
    if len(p.operands) == 1:
        return _moved(p, p.operands[0])
    operands = [o for operand in p.operands if (o := bare(operand)) is not None]
    named = len(operands) == len(p.operands) and is_outer_product(p)
    return ("outer product of ", *joined(operands, " and ")) if named else ()


def _moved(p: Product, operand: Operand) -> Words:
    """One tensor whose elements are spread, cut or put into another shape."""
    shown = letter(operand)
    axes = list(operand.axes)
    windows = [a for a in axes if isinstance(a, Window)]
    if shown is None or not permuted(p) or any(isinstance(a, Repeated) for a in axes):
        return ()
    if any(isinstance(a, Digits) for a in (*axes, *p.result)):
        plain = all(a in p.axes or isinstance(a, Digits) for a in axes)
        return (shown, " in another shape") if plain else ()
    if windows:
        words: Words = (shown,)
        mirrored = [w for w in windows if w.mirrored]
        if mirrored:
            words += (" turned round along ", *_names(mirrored, p))
        if any(w.spread != 1 for w in windows):
            words += (" with ", *_zeros(windows), " between its elements")
        if any(w.stride != 1 for w in windows):
            words += (", one element in ", *_one_or_each([w.stride for w in windows]))
        return (*words, *_along(windows, p))
    missing = [v for v in p.axes if v not in operand.labels]
    return (shown, ", the same for every ", *joined([p.name(v) for v in missing])) if missing else (shown,)


def _along(axes: Sequence[Window | Repeated], p: Product) -> Words:
    """The axes, and what is added or left away at their ends."""
    return (*_padding(axes), " along ", *_names(axes, p))
