"""Form -> LoopOrder: which index runs where in loops over single elements.

Loops over windows follow from which indices the target sees:

    gather         all but the taps: every element of the target is one window's
    scatter        taps, too: windows add to positions that they share
    reduce         taps and channels: every element of the target sums up over all windows

All other sums are made element by element of the target:

    result_rows    the innermost loop goes along the target
    summed_rows    it goes along what is summed, where nothing lies in a row along the target
"""

from collections.abc import Collection
from dataclasses import dataclass

import sympy
from sympy import Expr, Integer, Mul, Symbol

from gradscribe.codegen.kernel.form import SMALL, Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.slices.taps import choose_loops
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Range, accesses

ONE = Integer(1)
MOST_TAPS = 16
"""Elements of a window without overlap that are taken for one."""


@dataclass(frozen=True)
class LoopOrder:
    """Loops: those outside, those over taps, the innermost one; of `kind` see `Nest`."""

    kind: str
    outer: tuple[Range, ...]
    taps: tuple[Range, ...]
    vector: Range

    @property
    def inner(self) -> tuple[Symbol, ...]:
        """The indices within the outer loops."""
        return (*(r.index for r in self.taps), self.vector.index)

    @property
    def indices(self) -> tuple[Symbol, ...]:
        """All indices."""
        return (*(r.index for r in self.outer), *self.inner)


def of_windows(form: Form, scope: Scope) -> LoopOrder | None:
    """Loops over windows of few elements; None where there are none."""
    loops = choose_loops(form, scope) or _few(form)
    vector = _along_target(form, scope, loops)
    if vector is None:
        return None
    outer = _outer(form, {*loops, vector})
    kind = _kind(form, loops, outer)
    return LoopOrder(kind, outer, tuple(map(form.range, loops)), form.range(vector)) if kind else None


def of_sums(form: Form, scope: Scope) -> LoopOrder | None:
    """Loops that make one element of the target after the other; None where rows are no rows of memory.

    A target without axes is a number of Python's; one whose elements are neither summed up nor met twice is no sum.
    """
    summed, plain = form.contracted, is_plain(form)
    if not form.place or not (summed if plain else form.is_sum):
        return None
    vector = _along_target(form, scope, summed)
    along_sum = next((v for v in reversed(summed) if form.is_sum and _is_row(v, form, scope)), None)
    if vector is not None and (along_sum is None or not _is_short(vector, form, scope)):
        outer = _outer(form, {*summed, vector})
        kind = "result_rows" if form.is_sum else "gather" if outer else ""
        return LoopOrder(kind, outer, tuple(map(form.range, summed)), form.range(vector)) if kind else None
    if along_sum is None or _is_short(along_sum, form, scope):
        return None
    taps = tuple(form.range(v) for v in summed if v != along_sum)
    return LoopOrder("summed_rows", _outer(form, set(summed)), taps, form.range(along_sum))


def _few(form: Form) -> tuple[Symbol, ...]:
    """The indices that are summed over, where these are a known small number of elements: whole windows."""
    number = Mul(*(form.range(v).extent for v in form.contracted))
    return form.contracted if number.is_Integer and int(number) <= MOST_TAPS else ()


def _outer(form: Form, inside: Collection[Symbol]) -> tuple[Range, ...]:
    """The other indices than those `inside`, in the order of the target's axes."""
    return tuple(sorted((r for r in form.box if r.index not in inside), key=lambda r: _axis(r.index, form)))


def _axis(index: Symbol, form: Form) -> int:
    """The first axis of the target that an index moves along; after all of them for an index that is summed over."""
    return next((k for k, e in enumerate(form.place) if index in e.free_symbols), len(form.place))


# ----- rows of memory -------------------------------------------------------------------------------------------------
def _along_target(form: Form, scope: Scope, loops: Collection[Symbol]) -> Symbol | None:
    """The index along which the target is contiguous, and every other array is or does not vary."""
    last = [e for e, extent in zip(form.place, form.target.shape, strict=True) if extent != 1]
    for v in affine(last[-1], form.indices).indices if last else ():
        if v not in loops and _is_row(v, form, scope):
            return v
    return None


def _is_row(index: Symbol, form: Form, scope: Scope) -> bool:
    """Whether arrays are contiguous along an index, at least one of them, or do not vary with it.

    What compares the index itself with positions has no vectors.
    """
    if index in form.body.xreplace(dict.fromkeys(accesses(form.body), ONE)).free_symbols:
        return False
    groups = [(form.place, form.target.shape)]
    groups += [(a.indices, scope.tensors[a.tensor].shape) for a in accesses(form.body)]
    steps = {_stride(index, place, shape, form) for place, shape in groups}
    return 1 in steps and steps <= {0, 1}


def _is_short(index: Symbol, form: Form, scope: Scope) -> bool:
    """Whether an index is one of a window: a few neighbours, which make no row."""
    slides = any(index in e.free_symbols and e != index for a in accesses(form.body) for e in a.indices)
    return slides and scope.volume([form.range(index)]) <= SMALL


def _stride(index: Symbol, place: tuple[Expr, ...], shape: tuple[Expr, ...], form: Form) -> Expr:
    """By how many elements a position moves when `index` increases by one."""
    steps = [affine(e, form.indices).coefficient(index) for e in place]
    return sympy.expand(sum((c * Mul(*shape[k + 1 :]) for k, c in enumerate(steps)), Integer(0)))


def _kind(form: Form, loops: tuple[Symbol, ...], outer: tuple[Range, ...]) -> str:
    summed = {r.index for r in outer} - form.placed
    placed = [v for v in loops if v in form.placed]
    if not loops or not outer:
        return ""
    if summed:
        whole = 1 < len(summed) == len(outer) and len(placed) == len(loops)
        return "reduce" if is_plain(form) and form.is_sum and whole else ""
    if placed:
        return "scatter" if form.is_sum else ""
    return "gather" if is_plain(form) else ""


def is_plain(form: Form) -> bool:
    """Whether the target has an axis for each index that it sees, so that no two of their values meet."""
    return all(e.is_Symbol or e.is_Integer for e in form.place)
