"""What slides over what, in words: convolution or correlation, zeros put in, strides, padding, directions, sums."""

from collections.abc import Sequence

from sympy import Expr

from gradscribe.derive.derivation.forms.caption.operation import Product, Repeated, Window
from gradscribe.derive.derivation.forms.caption.remainder import expanded
from gradscribe.derive.derivation.forms.caption.words.shape import bare, full, ones, reach, routed, slides_alone, valid
from gradscribe.derive.derivation.forms.caption.words.signs import Rotated
from gradscribe.derive.derivation.record.sentence import Hadamard, Words, joined
from gradscribe.derive.ir.index import sign


def sliding_words(p: Product) -> Words:
    """Convolution or correlation, how operands are put apart and padded, what is summed besides."""
    assert p.moved is not None  # there are windows
    moved, kernels = bare(p.moved), [bare(o) for o in p.kernels]
    if moved is None or None in kernels or not slides_alone(p.moved):
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
        words = (
            f"{mode}convolution along ",
            *axis_names(turned, p),
            " and correlation along ",
            *axis_names(straight, p),
        )
        words += (" of ", *of)
    return (*words, *_qualified(p, moved, against, mode))


def _qualified(p: Product, moved: Expr, kernels: Sequence[Expr], mode: str) -> Words:
    """Zeros between elements, strides, padding, directions, sums."""
    windows = p.windows
    words: Words = ()
    if any(w.spread != 1 for w in windows):
        words += (", ", *zeros_between(windows), " between the elements of ", moved)
    if any(w.dilation != 1 for w in windows):
        words += (", ", *joined(kernels, " and "), " dilated by ", *one_or_each([w.dilation for w in windows]))
    if any(w.stride != 1 for w in windows):
        words += (", stride ", *one_or_each([w.stride for w in windows]))
    ends = padding_words(windows) if not mode else ()
    words += (", ", moved, *ends) if ends and str(ends[0]).startswith(" without") else ends
    mirrored = [w for w in windows if w.mirrored]
    if mirrored and len(mirrored) < len(windows):
        words += (", ", moved, " turned round along ", *axis_names(mirrored, p))
    if backwards := [w for w in windows if w.backwards]:
        words += (", the result turned round along ", *axis_names(backwards, p))
    if p.contracted:
        words += (", summed over ", *joined([p.name(v) for v in p.contracted]))
    shared = [v for v in p.axes if all(v in o.labels for o in (p.moved, *p.kernels) if o is not None) and p.kernels]
    return (*words, ", for every ", *joined([p.name(v) for v in shared])) if shared else words


def padding_words(windows: Sequence[Window | Repeated]) -> Words:
    """Zeros in front and behind, or elements that are left away."""
    before, after = [w.before for w in windows], [w.after for w in windows]
    more = [expanded(a - b) for a, b in zip(after, before, strict=True)]
    if not any((*before, *after)):
        return ()
    if is_cut(windows):
        first: Words = (" without the first ", *one_or_each([-e for e in before]), " elements") if any(before) else ()
        last: Words = ("the last ", *one_or_each([-e for e in after]), " elements") if any(after) else ()
        return (*first, *((" and " if first else " without ", *last) if last else ()))
    if not any(before):
        return (", padded at the end by ", *one_or_each(after))
    words: Words = (", padded by ", *one_or_each(before))
    if not any(more):
        return words
    if all(m == 0 or sign(m) > 0 for m in more):
        return (*words, ", at the end by ", *one_or_each(more), " more")
    if all(m == 0 or sign(m) < 0 for m in more):
        return (*words, ", at the end by ", *one_or_each([-m for m in more]), " less")
    return (*words, " in front and ", *one_or_each(after), " behind")


def is_cut(windows: Sequence[Window | Repeated]) -> bool:
    """Whether elements at the ends are left away, and no zeros are added."""
    return all(e == 0 or sign(e) < 0 for w in windows for e in (w.before, w.after))


def zeros_between(windows: Sequence[Window]) -> Words:
    """How many zeros stand between elements."""
    return (
        ("one zero",)
        if all(w.spread == 2 for w in windows)
        else (*one_or_each([w.spread - 1 for w in windows]), " zeros")
    )


def one_or_each(values: Sequence[Expr]) -> Words:
    """A value that all axes share, or one per axis."""
    return (values[0],) if len(set(values)) == 1 else joined(values, " and ")


def axis_names(windows: Sequence[Window | Repeated], p: Product) -> Words:
    """What counts along axes."""
    return joined([p.name(w.at) for w in windows], " and ")


def routed_words(p: Product) -> Words:
    """A signal that is added where recorded positions of windows are."""
    found = routed(p)
    if found is None:
        return ()
    signal, position, others = found
    factors = [e for o in others if (e := bare(o)) is not None]
    if len(factors) < len(others):
        return ()
    words: Words = ("every element of ", signal, " added at the place ", position, " of its window")
    windows, repeated = p.windows, [a for o in p.operands for a in o.axes if isinstance(a, Repeated)]
    if windows:
        words += (", windows of ", *_by([p.extent(w.tap) for w in windows if w.tap is not None]), " elements")
        words += (", stride ", *one_or_each([w.spread for w in windows])) if any(w.spread != 1 for w in windows) else ()
        words += (
            (", dilated by ", *one_or_each([w.dilation for w in windows]))
            if any(w.dilation != 1 for w in windows)
            else ()
        )
        before = [expanded(reach(w, p) - w.before) for w in windows]
        words += (", padded by ", *one_or_each(before)) if any(before) else ()
    elif repeated:
        sizes = list(dict.fromkeys((a.at, a.times) for a in repeated))
        words += (", windows of ", *_by([times for _, times in sizes]), " elements that do not overlap")
    return (*(w for e in factors for w in (e, " ", Hadamard(), " ")), *(("[", *words, "]") if factors else words))


def _by(sizes: Sequence[Expr]) -> Words:
    """``R × T``."""
    return joined(sizes, " × ", " × ")
