"""What slides over what, in words: convolution or correlation, zeros put in, strides, padding, directions, sums."""

from collections.abc import Iterator, Sequence
from enum import Enum

from sympy import Expr, Symbol

from gradscribe.derive.derivation.forms.caption.operation import Product, Repeated, Window
from gradscribe.derive.derivation.forms.caption.remainder import expanded
from gradscribe.derive.derivation.forms.caption.words.shape import bare, full, ones, reach, routed, slides_alone, valid
from gradscribe.derive.derivation.forms.caption.words.signs import Rotated
from gradscribe.derive.derivation.record.sentence import AND, Hadamard, Words, joined
from gradscribe.derive.ir.index import sign
from gradscribe.said import say


class Mode(Enum):
    """Which windows count."""

    FULL, VALID, PADDED = range(3)


NOUNS = {
    Mode.FULL: (say("full correlation"), say("full convolution")),
    Mode.VALID: (say("valid correlation"), say("valid convolution")),
    Mode.PADDED: (say("correlation"), say("convolution")),
}


def sliding_words(p: Product) -> Words:
    """Convolution or correlation, how operands are put apart and padded, what is summed besides."""
    assert p.moved is not None  # there are windows
    moved, kernels = bare(p.moved), [bare(o) for o in p.kernels]
    if moved is None or None in kernels or not slides_alone(p.moved):
        return ()
    windows = p.windows
    if all(w.mirrored for w in windows):
        moved = Rotated(moved)
    mode = Mode.FULL if all(full(w, p) for w in windows) else Mode.VALID if all(map(valid, windows)) else Mode.PADDED
    correlation, convolution = NOUNS[mode]
    against: list[Expr] = [k for k in kernels if k is not None] or [ones(p)]
    kernel = joined(against, AND)
    turned = [w for w in windows if w.turned]
    if not turned:
        words = say("{operation} of {tensor} with {kernel}", operation=correlation, tensor=moved, kernel=kernel)
    elif len(turned) == len(windows):
        words = say("{operation} of {tensor} with {kernel}", operation=convolution, tensor=moved, kernel=kernel)
        if kernels:
            words = say(
                "{convolution}, that is the {operation} of {tensor} with {kernel}",
                convolution=words,
                operation=correlation,
                tensor=moved,
                kernel=joined([Rotated(k) for k in against], AND),
            )
    else:
        words = say(
            "{operation} along {turned} and correlation along {others} of {tensor} with {kernel}",
            operation=convolution,
            turned=axis_names(turned, p),
            others=axis_names([w for w in windows if not w.turned], p),
            tensor=moved,
            kernel=kernel,
        )
    qualified = joined([words, *_qualities(p, moved, against, mode)])
    shared = [v for v in p.axes if all(v in o.labels for o in (p.moved, *p.kernels) if o is not None) and p.kernels]
    return for_every(qualified, p, shared) if shared else qualified


def for_every(words: Words, p: Product, labels: Sequence[Symbol]) -> Words:
    """What is computed once for each value of some labels."""
    return say("{operation}, for every {indices}", operation=words, indices=joined([p.name(v) for v in labels]))


def _qualities(p: Product, moved: Expr, kernels: Sequence[Expr], mode: Mode) -> Iterator[Words]:
    """Zeros between elements, strides, padding, directions, sums."""
    windows = p.windows
    if any(w.spread != 1 for w in windows):
        yield say("{zeros} between the elements of {tensor}", zeros=zeros_between(windows), tensor=moved)
    if any(w.dilation != 1 for w in windows):
        dilation = one_or_each([w.dilation for w in windows])
        yield say("{kernel} dilated by {dilation}", kernel=joined(kernels, AND), dilation=dilation)
    if any(w.stride != 1 for w in windows):
        yield say("stride {stride}", stride=one_or_each([w.stride for w in windows]))
    if mode is Mode.PADDED and any(e for w in windows for e in (w.before, w.after)):
        yield cut_words((moved,), windows) if is_cut(windows) else padding_words(windows)
    mirrored = [w for w in windows if w.mirrored]
    if mirrored and len(mirrored) < len(windows):
        yield say("{tensor} turned round along {axes}", tensor=moved, axes=axis_names(mirrored, p))
    if backwards := [w for w in windows if w.backwards]:
        yield say("the result turned round along {axes}", axes=axis_names(backwards, p))
    if p.contracted:
        yield say("summed over {indices}", indices=joined([p.name(v) for v in p.contracted]))


def cut_words(tensor: Words, windows: Sequence[Window | Repeated]) -> Words:
    """A tensor whose elements at the ends are left away, as many as `is_cut` knows of; as it is where none is."""
    first, last = [-w.before for w in windows], [-w.after for w in windows]
    if any(first) and any(last):
        return say(
            "{tensor} without the first {first} elements and the last {last} elements",
            tensor=tensor,
            first=one_or_each(first),
            last=one_or_each(last),
        )
    if any(first):
        return say("{tensor} without the first {first} elements", tensor=tensor, first=one_or_each(first))
    if any(last):
        return say("{tensor} without the last {last} elements", tensor=tensor, last=one_or_each(last))
    return tensor


def padding_words(windows: Sequence[Window | Repeated]) -> Words:
    """Zeros in front and behind."""
    before, after = [w.before for w in windows], [w.after for w in windows]
    more = [expanded(a - b) for a, b in zip(after, before, strict=True)]
    front = one_or_each(before)
    if not any(before):
        return say("padded at the end by {padding}", padding=one_or_each(after))
    if not any(more):
        return say("padded by {padding}", padding=front)
    if all(m == 0 or sign(m) > 0 for m in more):
        return say("padded by {padding}, at the end by {more} more", padding=front, more=one_or_each(more))
    if all(m == 0 or sign(m) < 0 for m in more):
        less = one_or_each([-m for m in more])
        return say("padded by {padding}, at the end by {less} less", padding=front, less=less)
    return say("padded by {front} in front and {behind} behind", front=front, behind=one_or_each(after))


def is_cut(windows: Sequence[Window | Repeated]) -> bool:
    """Whether elements at the ends are left away, and no zeros are added."""
    return all(e == 0 or sign(e) < 0 for w in windows for e in (w.before, w.after))


def zeros_between(windows: Sequence[Window]) -> Words:
    """How many zeros stand between elements."""
    if all(w.spread == 2 for w in windows):
        return say("one zero")
    return say("{number} zeros", number=one_or_each([w.spread - 1 for w in windows]))


def one_or_each(values: Sequence[Expr]) -> Words:
    """A value that all axes share, or one per axis."""
    return (values[0],) if len(set(values)) == 1 else joined(values, AND)


def axis_names(windows: Sequence[Window | Repeated], p: Product) -> Words:
    """What counts along axes."""
    return joined([p.name(w.at) for w in windows], AND)


def routed_words(p: Product) -> Words:
    """A signal that is added where recorded positions of windows are."""
    found = routed(p)
    if found is None:
        return ()
    signal, position, others = found
    factors = [e for o in others if (e := bare(o)) is not None]
    if len(factors) < len(others):
        return ()
    added = say("every element of {tensor} added at the place {place} of its window", tensor=signal, place=position)
    words = joined([added, *_windows(p)])
    return (*(w for e in factors for w in (e, " ", Hadamard(), " ")), *(("[", *words, "]") if factors else words))


def _windows(p: Product) -> Iterator[Words]:
    """What windows a signal is added in."""
    windows, repeated = p.windows, [a for o in p.operands for a in o.axes if isinstance(a, Repeated)]
    if windows:
        yield say("windows of {size} elements", size=_by([p.extent(w.tap) for w in windows if w.tap is not None]))
        if any(w.spread != 1 for w in windows):
            yield say("stride {stride}", stride=one_or_each([w.spread for w in windows]))
        if any(w.dilation != 1 for w in windows):
            yield say("dilated by {dilation}", dilation=one_or_each([w.dilation for w in windows]))
        before = [expanded(reach(w, p) - w.before) for w in windows]
        if any(before):
            yield say("padded by {padding}", padding=one_or_each(before))
    elif repeated:
        sizes = list(dict.fromkeys((a.at, a.times) for a in repeated))
        yield say("windows of {size} elements that do not overlap", size=_by([times for _, times in sizes]))


def _by(sizes: Sequence[Expr]) -> Words:
    """``R × T``."""
    return joined(sizes, " × ", " × ")
