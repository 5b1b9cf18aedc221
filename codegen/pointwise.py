"""Pointwise expressions into arrays that exist: ``np.tanh(u, out=y)`` instead of a new array for every operation.

Where an operation has a compound operand, that operand is computed into the target first; a second one needs a
temporary array of its own.
"""

import re
from dataclasses import dataclass

from sympy import Add, Expr, Mul, Pow, Rational

from gradscribe.codegen.plan import Update
from gradscribe.codegen.scalar import ATOM, POWER, ArrayPrinter, fraction, ordered_terms
from gradscribe.derive.functions import FUNCTIONS, is_indicator
from gradscribe.derive.term import EXTREMA, Access

_UFUNC = re.compile(r"np\.[a-z0-9_]+\(.*\)")


def has_target(update: Update) -> bool:
    """Whether `into` can compute an update: it is pointwise and its outermost operation takes a target."""
    return not update.summed and update.op not in EXTREMA and _operation(update.body)


def _operation(body: Expr) -> bool:
    if isinstance(body, Add | Access):
        return True
    if isinstance(body, Mul):
        return not any(is_indicator(f) for f in body.args)
    if isinstance(body, Pow):
        return body.exp in (2, Rational(1, 2)) or (body.exp.is_negative and body.exp.is_number)
    return body.func in FUNCTIONS and not is_indicator(body) and bool(_UFUNC.fullmatch(FUNCTIONS[body.func].numpy))


def into(target: str, body: Expr, printer: ArrayPrinter) -> list[str]:
    """The lines that compute `body` into the array `target`, which none of its accesses reads."""
    if isinstance(body, Access):
        return [f"np.copyto({target}, {printer.text(body)})"]
    if not _operation(body) or printer.is_scalar(body):
        return [f"{target}[...] = {printer.text(body)}"]
    if isinstance(body, Add):
        return _sum(target, body, printer)
    if isinstance(body, Mul):
        return _product(target, body, printer)
    if isinstance(body, Pow):
        if body.exp.is_negative:
            return _after(target, body.base**-body.exp, printer, "np.divide(1, {}, out={})")
        return _after(target, body.base, printer, f"np.{'square' if body.exp == 2 else 'sqrt'}({{}}, out={{}})")
    inner, *more = body.args
    form = FUNCTIONS[body.func].numpy
    rest = [printer.text(a) for a in more]
    return _after(target, inner, printer, f"{form[:-1].format('{}', *rest)}, out={{}})")


def _is_compound(e: Expr, printer: ArrayPrinter) -> bool:
    """Whether an operand is worth a line of its own."""
    return _operation(e) and not isinstance(e, Access) and not printer.is_scalar(e)


def _after(target: str, inner: Expr, printer: ArrayPrinter, call: str) -> list[str]:
    if _is_compound(inner, printer):
        return [*into(target, inner, printer), call.format(target, target)]
    return [call.format(printer.text(inner), target)]


def _sum(target: str, body: Add, printer: ArrayPrinter) -> list[str]:
    terms = ordered_terms(body)
    first = next((t for t in terms if _is_compound(t, printer) and not _negative(t)), None)
    if first is None:
        first = next((t for t in terms if _is_compound(t, printer)), None)
    if first is None:
        one, two, *rest = terms
        word = "subtract" if _negative(two) else "add"
        if _negative(one):
            return [f"{target}[...] = {printer.text(body)}"]
        lines = [f"np.{word}({printer.text(one, POWER)}, {printer.text(_size(two), POWER)}, out={target})"]
    elif _negative(first):
        rest = [t for t in terms if t != first]
        other, *rest = rest
        if _negative(other):
            return [f"{target}[...] = {printer.text(body)}"]
        lines = [*into(target, -first, printer), f"np.subtract({printer.text(other)}, {target}, out={target})"]
    else:
        rest = [t for t in terms if t != first]
        lines = into(target, first, printer)
    return [*lines, *(f"{target} {'-' if _negative(t) else '+'}= {_operand(_size(t), printer)}" for t in rest)]


def _negative(term: Expr) -> bool:
    return bool(term.as_coeff_Mul()[0].is_negative)


def _size(term: Expr) -> Expr:
    return -term if _negative(term) else term


@dataclass(frozen=True)
class _Factors:
    """A product for arrays: one coefficient that varies along fewer axes, and the factors that span the target."""

    coefficient: str
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
    texts = [_scalar(*scalars, printer)] if scalars[0] or scalars[1] else []
    if low or under:
        texts.append(printer.text(Mul(*low) / Mul(*under), POWER if texts else 0))
    text = " * ".join(texts)
    if coefficient == -1:
        text = f"-{_atom(text)}" if text else "-1"
    full = tuple(f for f in above if axes(f) == most and not printer.is_scalar(f))
    return _Factors(text, full, tuple(f for f in below if axes(f) == most and not printer.is_scalar(f)))


def _operand(term: Expr, printer: ArrayPrinter) -> str:
    """A summand as text, the factors that vary along fewer axes multiplied first."""
    if not isinstance(term, Mul) or not _operation(term) or printer.is_scalar(term):
        return printer.text(term)
    parts = _factors(term, printer)
    above = [parts.coefficient] if parts.coefficient else []
    above = [f"({above[0]})" if not re.fullmatch(r"-?[\w.]+", above[0]) else above[0]] if above else []
    above += [printer.text(f, ATOM) for f in parts.above]
    return " / ".join([" * ".join(above) or "1", *(printer.text(f, ATOM) for f in parts.below)])


def _product(target: str, body: Mul, printer: ArrayPrinter) -> list[str]:
    parts = _factors(body, printer)
    factor = parts.coefficient
    arrays, under = list(parts.above), list(parts.below)
    if not arrays:
        return _after(target, Mul(*under), printer, f"np.divide({factor or '1'}, {{}}, out={{}})")
    first = next((f for f in arrays if _is_compound(f, printer)), None)
    if first is not None:
        others = [f for f in arrays if f is not first]
        lines = into(target, first, printer)
        lines += [f"{target} *= {factor}"] if factor else []
    else:
        one, *others = arrays
        if factor:
            lines = [f"np.multiply({printer.text(one, ATOM)}, {factor}, out={target})"]
        elif others:
            two, *others = others
            lines = [f"np.multiply({printer.text(one, ATOM)}, {printer.text(two, ATOM)}, out={target})"]
        else:
            two, *under = under
            lines = [f"np.divide({printer.text(one, ATOM)}, {printer.text(two, ATOM)}, out={target})"]
    lines += [f"{target} *= {printer.text(f)}" for f in others]
    return [*lines, *(f"{target} /= {printer.text(f)}" for f in under)]


def _scalar(above: list[Expr], below: list[Expr], printer: ArrayPrinter) -> str:
    """The numbers of a product as one number."""
    if below and any(f.free_symbols for f in below):
        top = " * ".join(printer.text(f, POWER) for f in above) or "1"
        return f"rt.ratio({top}, {' * '.join(printer.text(f, POWER) for f in below)})"
    return printer.text(Mul(*above) / Mul(*below))


def _atom(text: str) -> str:
    return text if re.fullmatch(r"[\w.]+", text) else f"({text})"
