"""Caption -> Words: convolution, correlation, sum, product, and all that it takes to compute it again."""

from collections.abc import Sequence

from sympy import Add, Expr

from gradscribe.derive.derivation.forms.caption.operation import Caption, Digits, Operand, Product, Repeated, Window
from gradscribe.derive.derivation.forms.caption.words.shape import (
    bare,
    is_outer_product,
    is_whole,
    letter,
    permuted,
    product_of_matrices,
)
from gradscribe.derive.derivation.forms.caption.words.signs import Elementwise
from gradscribe.derive.derivation.forms.caption.words.window_words import (
    axis_names,
    cut_words,
    for_every,
    is_cut,
    one_or_each,
    padding_words,
    routed_words,
    sliding_words,
    zeros_between,
)
from gradscribe.derive.derivation.record.sentence import AND, Hadamard, Words, joined, put_for
from gradscribe.derive.ir.term import Access
from gradscribe.kept import kept_with
from gradscribe.said import ENGLISH, say, spoken

FEW = 3
"""A sum of more summands is not named."""


@kept_with  # as an operator form is
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
        words = put_for(Access(name), bracketed(put), words)
    return say("{tensor} itself", tensor=words) if len(words) == 1 and isinstance(words[0], Expr) else words


def bracketed(words: Words) -> Words:
    """The words in brackets, unless they are a tensor."""
    return words if len(words) == 1 and isinstance(words[0], Access) else ("[", *words, "]")


def _added(parts: Sequence[Words]) -> Words:
    """Summands, one after the other."""
    words = parts[0]
    for part in parts[1:]:
        first = spoken(part, ENGLISH)[0]  # where that has no article, neither has a sentence for it
        beginning = first if isinstance(first, str) else ""
        if beginning.startswith("minus "):
            words = (*words, ", ", *part)
        elif beginning and not beginning.startswith("every "):
            words = say("{sum}, plus the {summand}", sum=words, summand=part)
        else:
            words = say("{sum}, plus {summand}", sum=words, summand=part)
    return words


def _behind(front: Sequence[Expr | None], words: Words) -> Words:
    """Factors, and in brackets what is multiplied by them element by element."""
    shown = (Elementwise(e) if isinstance(e, Add) else e for e in front if e is not None)  # a sum in parentheses
    factors: Words = tuple(w for e in shown for w in (e, " ", Hadamard(), " "))
    return (*factors, *bracketed(words)) if factors else words


def _scaled(p: Product) -> Words:
    """A number and what is multiplied by it."""
    inner = routed_words(p) or (sliding_words(p) if p.windows else _summed(p) if p.summed else _placed(p))
    if not inner or p.scale == 1:
        return inner
    if p.scale == -1:
        return say("minus the {product}", product=inner) if p.summed else say("minus {product}", product=inner)
    if p.summed:
        return say("{number} times the {product}", number=p.scale, product=inner)
    return say("{number} times {product}", number=p.scale, product=inner)


def _summed(p: Product) -> Words:
    """A matrix product, a sum, or a contraction."""
    operands = [bare(o) for o in p.operands]
    matrices = product_of_matrices(p)
    if matrices is not None:
        words = say("matrix product {matrices}", matrices=matrices)
        return for_every(words, p, p.axes[:-2]) if len(p.axes) > 2 else words
    if None in operands or not operands or not all(map(is_whole, p.operands)):
        return ()
    over = joined([p.name(v) for v in p.summed])
    if len(operands) == 1:
        return say("sum of {tensor} over {indices}", tensor=operands[0], indices=over)
    first, *others = [o for o in operands if o is not None]
    tensors = joined(others, AND)
    return say("contraction of {tensor} with {others} over {indices}", tensor=first, others=tensors, indices=over)


def _placed(p: Product) -> Words:
    """A product element by element, or one tensor with its elements in other places."""
    if len(p.operands) == 1:
        return _moved(p, p.operands[0])
    operands = [o for operand in p.operands if (o := bare(operand)) is not None]
    named = len(operands) == len(p.operands) and is_outer_product(p)
    return say("outer product of {tensors}", tensors=joined(operands, AND)) if named else ()


def _moved(p: Product, operand: Operand) -> Words:
    """One tensor whose elements are spread, cut or put into another shape."""
    shown = letter(operand)
    axes = list(operand.axes)
    windows = [a for a in axes if isinstance(a, Window)]
    if shown is None or not permuted(p) or any(isinstance(a, Repeated) for a in axes):
        return ()
    if any(isinstance(a, Digits) for a in (*axes, *p.result)):
        plain = all(a in p.axes or isinstance(a, Digits) for a in axes)
        return say("{tensor} in another shape", tensor=shown) if plain else ()
    if windows:
        shifted = [w for w in windows if w.before != 0 and w.spread == w.stride == 1 and not w.mirrored]
        if is_cut(windows):
            return _along((shown,), windows, p)
        others = [w for w in windows if w not in shifted]
        words = _taken_apart((shown,), others, p) if others else (shown,)
        places = joined([p.name(w.at) - w.before for w in shifted])
        if others and shifted:
            return say("{tensor}, read at {places}, 0 outside", tensor=words, places=places)
        return say("{tensor} read at {places}, 0 outside", tensor=words, places=places) if shifted else words
    missing = joined([p.name(v) for v in p.axes if v not in operand.labels])
    return say("{tensor}, the same for every {indices}", tensor=shown, indices=missing) if missing else (shown,)


def _taken_apart(words: Words, windows: Sequence[Window], p: Product) -> Words:
    """How the elements stand along axes that are more than cut or shifted."""
    mirrored = [w for w in windows if w.mirrored]
    if mirrored:
        words = say("{tensor} turned round along {axes}", tensor=words, axes=axis_names(mirrored, p))
    if any(w.spread != 1 for w in windows):
        words = say("{tensor} with {zeros} between its elements", tensor=words, zeros=zeros_between(windows))
    if any(w.stride != 1 for w in windows):
        words = say("{tensor}, one element in {steps}", tensor=words, steps=one_or_each([w.stride for w in windows]))
    return _along(words, windows, p)


def _along(words: Words, axes: Sequence[Window | Repeated], p: Product) -> Words:
    """The axes, and what is added or left away at their ends."""
    ends = any(e for w in axes for e in (w.before, w.after))
    tensor = cut_words(words, axes) if is_cut(axes) else (*words, ", ", *padding_words(axes)) if ends else words
    return say("{tensor} along {axes}", tensor=tensor, axes=axis_names(axes, p))
