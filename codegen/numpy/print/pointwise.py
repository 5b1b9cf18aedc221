"""Pointwise expressions into arrays that exist: ``np.tanh(u, out=y)`` instead of a new array for every operation.

Where an operation has a compound operand, that operand is computed into the target first; a second one needs a
temporary array of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sympy import Add, Expr, Mul, Pow, Rational

from gradscribe.codegen.numpy.plan import Update
from gradscribe.codegen.numpy.print.numpy_table import NUMPY_FUNCTIONS, takes_target
from gradscribe.codegen.python.expression import ELLIPSIS, Call, Expression, Part, call, chain, negated
from gradscribe.codegen.python.scalars.array_printer import ArrayPrinter
from gradscribe.codegen.python.scalars.scalar import ONE, fraction, may_vanish, ordered_terms
from gradscribe.codegen.python.statement import Assign, Do, Statement
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.term import Access


def has_target(update: Update) -> bool:
    """Whether `into` can compute an update: it is pointwise and its outermost operation takes a target."""
    return not update.summed and update.is_sum and _operation(update.body)


def _operation(body: Expr) -> bool:
    if isinstance(body, Add | Access):
        return True
    if isinstance(body, Mul):
        return not any(is_indicator(f) for f in body.args)
    if isinstance(body, Pow):
        return body.exp in (2, Rational(1, 2)) or (body.exp.is_negative and body.exp.is_number)
    return takes_target(body.func)


def into(target: Expression, body: Expr, printer: ArrayPrinter) -> list[Statement]:
    """The statements that compute `body` into the array `target`, which none of its accesses reads."""
    if isinstance(body, Access):
        return [Do(call("np.copyto", target, printer.value(body)))]
    if not _operation(body) or printer.is_scalar(body):
        return [Assign(Part(target, (ELLIPSIS,)), printer.value(body))]
    if isinstance(body, Add):
        return _sum(target, body, printer)
    if isinstance(body, Mul):
        return _product(target, body, printer)
    if isinstance(body, Pow):
        if body.exp.is_negative:
            return _after(target, body.base**-body.exp, printer, lambda x: call("np.divide", ONE, x))
        return _after(target, body.base, printer, lambda x: call(f"np.{'square' if body.exp == 2 else 'sqrt'}", x))
    inner, *more = body.args
    rest = [printer.value(a) for a in more]
    return _after(target, inner, printer, lambda x: NUMPY_FUNCTIONS[body.func](x, *rest))


def _is_compound(e: Expr, printer: ArrayPrinter) -> bool:
    """Whether an operand is worth a statement of its own; an array that is subtracted is none."""
    return _operation(e) and not isinstance(_size(e), Access) and not printer.is_scalar(e)


def _to(target: Expression, made: Expression) -> Statement:
    """A call that writes into the target."""
    assert isinstance(made, Call)  # `takes_target` said so
    return Do(Call(made.function, made.arguments, (*made.keywords, ("out", target))))


def _binary(word: str, a: Expression, b: Expression, target: Expression) -> Statement:
    return _to(target, call(f"np.{word}", a, b))


def _after(
    target: Expression, inner: Expr, printer: ArrayPrinter, operation: Callable[[Expression], Expression]
) -> list[Statement]:
    if _is_compound(inner, printer):
        return [*into(target, inner, printer), _to(target, operation(target))]
    return [_to(target, operation(printer.value(inner)))]


def _sum(target: Expression, body: Add, printer: ArrayPrinter) -> list[Statement]:
    terms = ordered_terms(body)
    first = next((t for t in terms if _is_compound(t, printer) and not _negative(t)), None)
    if first is None:
        first = next((t for t in terms if _is_compound(t, printer)), None)
    statements: list[Statement]
    if first is None:
        start = next((t for t in terms if not _negative(t)), terms[0])
        one, two, *rest = start, *(t for t in terms if t is not start)
        word = "subtract" if _negative(two) else "add"
        if _negative(one):
            return [Assign(Part(target, (ELLIPSIS,)), printer.value(body))]
        statements = [_binary(word, printer.value(one), printer.value(_size(two)), target)]
    elif _negative(first):
        rest = [t for t in terms if t != first]
        other, *rest = rest
        if _negative(other):
            return [Assign(Part(target, (ELLIPSIS,)), printer.value(body))]
        statements = [*into(target, -first, printer), _binary("subtract", printer.value(other), target, target)]
    else:
        rest = [t for t in terms if t != first]
        statements = into(target, first, printer)
    added = (Assign(target, _operand(_size(t), printer), "-=" if _negative(t) else "+=") for t in rest)
    return [*statements, *added]


def _negative(term: Expr) -> bool:
    return bool(term.as_coeff_Mul()[0].is_negative)


def _size(term: Expr) -> Expr:
    return -term if _negative(term) else term


@dataclass(frozen=True)
class _Factors:
    """A product for arrays: one coefficient that varies along fewer axes, and the factors that span the target."""

    coefficient: Expression | None
    above: tuple[Expr, ...]
    below: tuple[Expr, ...]


def _factors(body: Expr, printer: ArrayPrinter) -> _Factors:
    coefficient, rest = body.as_coeff_Mul()
    above, below = fraction(rest if coefficient == -1 else body)

    def axes(f: Expr) -> int:
        return len(f.free_symbols & printer.vectors)

    most = max(axes(f) for f in (*above, *below))
    scalars = ([f for f in above if printer.is_scalar(f)], [f for f in below if printer.is_scalar(f)])
    low = [f for f in above if axes(f) < most and not printer.is_scalar(f)]
    under = [f for f in below if axes(f) < most and not printer.is_scalar(f)]
    parts = [_scalar(*scalars, printer)] if scalars[0] or scalars[1] else []
    if low or under:
        parts.append(printer.value(Mul(*low) / Mul(*under)))
    found = chain("*", parts) if parts else None
    if coefficient == -1:
        found = negated(found or ONE)
    full = tuple(f for f in above if axes(f) == most and not printer.is_scalar(f))
    return _Factors(found, full, tuple(f for f in below if axes(f) == most and not printer.is_scalar(f)))


def _operand(term: Expr, printer: ArrayPrinter) -> Expression:
    """A summand, the factors that vary along fewer axes multiplied first."""
    if not isinstance(term, Mul) or not _operation(term) or printer.is_scalar(term):
        return printer.value(term)
    factors = _factors(term, printer)
    above = [factors.coefficient] if factors.coefficient is not None else []
    above += [printer.value(f) for f in factors.above]
    return chain("/", [chain("*", above or [ONE]), *(printer.value(f) for f in factors.below)])


def _product(target: Expression, body: Mul, printer: ArrayPrinter) -> list[Statement]:
    factors = _factors(body, printer)
    factor = factors.coefficient
    arrays, under = list(factors.above), list(factors.below)
    if not arrays:
        return _after(target, Mul(*under), printer, lambda x: call("np.divide", factor or ONE, x))
    first = next((f for f in arrays if _is_compound(f, printer)), None)
    statements: list[Statement]
    if first is not None:
        others = [f for f in arrays if f is not first]
        statements = into(target, first, printer)
        statements += [Assign(target, factor, "*=")] if factor is not None else []
    else:
        one, *others = arrays
        if factor is not None:
            statements = [_binary("multiply", printer.value(one), factor, target)]
        elif others:
            two, *others = others
            statements = [_binary("multiply", printer.value(one), printer.value(two), target)]
        else:
            two, *under = under
            statements = [_binary("divide", printer.value(one), printer.value(two), target)]
    statements += [Assign(target, printer.value(f), "*=") for f in others]
    return [*statements, *(Assign(target, printer.value(f), "/=") for f in under)]


def _scalar(above: list[Expr], below: list[Expr], printer: ArrayPrinter) -> Expression:
    """The numbers of a product as one number."""
    if any(map(may_vanish, below)):
        return call("rt.ratio", printer.product(above), printer.product(below))
    return printer.value(Mul(*above) / Mul(*below))
