"""How an update says its sum: what stands before it, how often it counts, whether it is a product of matrices."""

from collections.abc import Callable
from dataclasses import dataclass

from sympy import Expr, Integer, Mul, Symbol

from gradscribe.codegen.numpy.plan.records import Record
from gradscribe.codegen.numpy.plan.reduction import Contract
from gradscribe.codegen.numpy.plan.slice_update import Define, Scale, Update
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.term import Access, accesses


@dataclass(frozen=True)
class Sum:
    """``outer * scale * sum(body)``, times the number of values of every index that the body does not vary along.

    Attributes:
        outer: what the sum does not see, along the axes that are kept.
        scale: one number.
        body: what is summed.
        axes: the vector indices of the body, in order.
        summed: those that are summed over; () where nothing is left to sum.
        counted: the indices that the body does not vary along.
        product: the two arrays whose contraction it is, if it is one.
    """

    outer: Expr
    scale: Expr
    body: Expr
    axes: tuple[Symbol, ...]
    summed: tuple[Symbol, ...]
    counted: tuple[Symbol, ...]
    product: tuple[Access, Access] | None = None

    @property
    def kept(self) -> tuple[Symbol, ...]:
        """The vector indices of the result."""
        return tuple(v for v in self.axes if v not in self.summed)


def summation(update: Update) -> Sum:
    """The sum of an update whose operation is no extremum."""
    counted = tuple(v for v in update.summed if v not in update.body.free_symbols)
    summed = tuple(v for v in update.summed if v not in counted)
    axes = tuple(v for v in update.axes if v not in counted)
    if not summed:
        return Sum(Integer(1), Integer(1), update.body, axes, (), counted)
    kept = {v for v in update.axes if v not in update.summed}
    outer, body = _apart(update.body, lambda f: bool(f.free_symbols & kept) and not f.free_symbols & set(summed))
    product = _product(update, body, summed)
    if product is not None:
        scale = Mul(*(f for f in Mul.make_args(body) if f not in product))
        return Sum(outer, scale, body, axes, summed, counted, product)
    scale, body = _apart(body, lambda f: not accesses(f) and not f.free_symbols & set(axes))
    return Sum(outer, scale, body, axes, summed, counted)


def contracts(record: Record) -> bool:
    """Whether a record is computed as a product of matrices."""
    match record:
        case Contract():
            return True
        case Update():
            return record.is_sum and summation(record).product is not None
        case Define(_, update) | Scale(update):
            return contracts(update)
    return False


def _apart(body: Expr, outside: Callable[[Expr], bool]) -> tuple[Expr, Expr]:
    """The factors of `body` that are `outside` of its sum, and the others; brackets keep what they multiply."""
    factors = Mul.make_args(body)
    found = [f for f in factors if outside(f)]
    if any(is_indicator(f) for f in factors) or len(found) == len(factors):
        return Integer(1), body
    return Mul(*found), Mul(*(f for f in factors if f not in found))


def _product(update: Update, body: Expr, summed: tuple[Symbol, ...]) -> tuple[Access, Access] | None:
    """The factors of a product of exactly two arrays that share the summed indices, and a number."""
    factors = Mul.make_args(body)
    arrays = [f for f in factors if isinstance(f, Access)]
    scale = Mul(*(f for f in factors if not isinstance(f, Access)))
    if len(arrays) != 2 or scale.free_symbols & set(update.axes) or accesses(scale):
        return None
    lookup = dict(update.slices)
    left, right = (set(lookup[a].axes) for a in arrays)
    kept = {v for v in update.axes if v not in summed}
    return (arrays[0], arrays[1]) if set(summed) <= left & right and kept <= left | right else None


def row(update: Update) -> tuple[Symbol, ...]:
    """The last axes, if what is added to a whole array sees them and not the two axes before; () otherwise."""
    read = {part.axes for _, part in update.slices}
    own = next(iter(read)) if len(read) == 1 else ()
    rest = update.axes[: len(update.axes) - len(own)]
    if update.summed or not update.whole or len(rest) < 2 or update.axes != rest + own:
        return ()
    return () if set(rest) & update.body.free_symbols else own
