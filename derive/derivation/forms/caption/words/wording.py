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
    is_cut,
    one_or_each,
    padding_words,
    routed_words,
    sliding_words,
    zeros_between,
)
from gradscribe.derive.derivation.record.sentence import Hadamard, Words, joined
from gradscribe.derive.ir.term import Access
from gradscribe.kept import kept_with

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
        words = tuple(w for word in words for w in (bracketed(put) if word == Access(name) else (word,)))
    return (*words, " itself") if len(words) == 1 else words


def bracketed(words: Words) -> Words:
    """The words in brackets, unless they are a tensor."""
    return words if len(words) == 1 and isinstance(words[0], Access) else ("[", *words, "]")


def _added(parts: Sequence[Words]) -> Words:
    """Summands, one after the other."""
    words = parts[0]
    for part in parts[1:]:
        first = part[0] if isinstance(part[0], str) else ""
        article = "the " if first and not first.startswith("every ") else ""
        words = (*words, ", ", *(part if first.startswith("minus ") else (f"plus {article}", *part)))
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
    article = ("the ",) if p.summed else ()
    return ("minus ", *article, *inner) if p.scale == -1 else (p.scale, " times ", *article, *inner)


def _summed(p: Product) -> Words:
    """A matrix product, a sum, or a contraction."""
    operands = [bare(o) for o in p.operands]
    matrices = product_of_matrices(p)
    if matrices is not None:
        every = joined([p.name(v) for v in p.axes[:-2]])
        return ("matrix product ", matrices, *((", for every ", *every) if every else ()))
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
        shifted = [w for w in windows if w.before != 0 and w.spread == w.stride == 1 and not w.mirrored]
        if is_cut(windows):
            return (shown, *_along(windows, p))
        others = [w for w in windows if w not in shifted]
        words: Words = (shown, *(_taken_apart(others, p) if others else ()))
        at: Words = (" read at ", *joined([p.name(w.at) - w.before for w in shifted]), ", 0 outside") if shifted else ()
        return (*words, *((",",) if others and shifted else ()), *at)
    missing = [v for v in p.axes if v not in operand.labels]
    return (shown, ", the same for every ", *joined([p.name(v) for v in missing])) if missing else (shown,)


def _taken_apart(windows: Sequence[Window], p: Product) -> Words:
    """How the elements stand along axes that are more than cut or shifted."""
    words: Words = ()
    mirrored = [w for w in windows if w.mirrored]
    if mirrored:
        words += (" turned round along ", *axis_names(mirrored, p))
    if any(w.spread != 1 for w in windows):
        words += (" with ", *zeros_between(windows), " between its elements")
    if any(w.stride != 1 for w in windows):
        words += (", one element in ", *one_or_each([w.stride for w in windows]))
    return (*words, *_along(windows, p))


def _along(axes: Sequence[Window | Repeated], p: Product) -> Words:
    """The axes, and what is added or left away at their ends."""
    return (*padding_words(axes), " along ", *axis_names(axes, p))
