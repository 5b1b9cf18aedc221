"""Settings of a derivation, such as ``stride=1`` or ``stride=s_h,s_w``, as substitutions of size symbols.

A setting names an option of the layer or a size symbol. Values are integers, numbers, true/false or symbol names, one
for all axes or one per axis. Text is matched against these forms and never evaluated.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from sympy import Expr, Float, Integer, Rational, Symbol

from gradscribe.derive.ir.index import floordiv, integer, sign
from gradscribe.derive.ir.quote import MOST, listed, quoted, shown
from gradscribe.derive.ir.term import EquationError, Program
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.derive.layer.interval import FINITE

SCALARS = ("E", "S")
"""How the scalar that is differentiated is called in print, at order 1 and 2; no setting makes a size of that name."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_INTEGER = re.compile(r"[+-]?[0-9]{1,9}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?|[+-]?[0-9]+/[0-9]*[1-9][0-9]*")
_FLAGS = {"true": 1, "false": 0, "1": 1, "0": 0}


@dataclass(frozen=True)
class Display:
    """A layer as its derivation is printed.

    Attributes:
        layer: the layer with its symbols replaced.
        mapping: what the symbols of the layer's definition were replaced by.
    """

    layer: Layer
    mapping: Mapping[Symbol, Expr]

    @property
    def program(self) -> Program:
        """The displayed layer's forward equations."""
        return self.layer.program

    def value(self, symbol: Symbol) -> Expr:
        """What `symbol` of the layer's definition is in print."""
        return self.mapping.get(symbol, symbol)


def displayed(layer: Layer, settings: Mapping[str, str] | None = None, order: int = 1) -> Display:
    """Apply `settings`, and where they say nothing `layer.display`, to the layer.

    Args:
        layer: the layer.
        settings: options and sizes by name.
        order: how often is differentiated: so many of the names `SCALARS` are taken.

    Raises:
        EquationError: when a setting names nothing or its value makes no sense; the message names the layer, the
            option, what is expected and what was received.
    """
    given = dict(settings or {})
    free = _size_symbols(layer.program)
    mapping: dict[Symbol, Expr] = {}
    for name, value in layer.display:
        option = layer.option(name)
        mapping |= _replacements(layer, option, str(value))
    for key, text in given.items():
        chosen = next((o for o in layer.options if o.name == key), None)
        if chosen is not None:
            mapping |= _replacements(layer, chosen, text)
        elif key in free:
            owner = next((o for o in layer.options if free[key] in o.symbols), None)
            mapping[free[key]] = _single(layer, key, text, owner or Option(key, (free[key],)))
        else:
            raise EquationError(_unknown(layer, key, [*(o.name for o in layer.options), *free]))
    # a value may name a symbol that is itself set: stride=R with kernel_size=2
    for _ in range(2):
        mapping = {s: e.xreplace(mapping) if not _own_name(s, e) else e for s, e in mapping.items()}
    mapping = {s: e for s, e in mapping.items() if s != e}
    for scalar in map(integer, SCALARS[:order]):
        if any(scalar in value.free_symbols for value in mapping.values()):
            raise EquationError(f"{layer.name}: {scalar} is what is differentiated; expected another symbol name")
    return _checked(layer, mapping)


def _own_name(symbol: Symbol, value: Expr) -> bool:
    return bool(symbol in value.free_symbols)


def _size_symbols(program: Program) -> dict[str, Symbol]:
    """The size symbols that may be set, by name: all but the derived extents."""
    derived = {symbol for symbol, _ in program.sizes}
    return {s.name: s for s in sorted(program.symbols() - derived, key=lambda s: s.name)}


def _replacements(layer: Layer, option: Option, text: str) -> dict[Symbol, Expr]:
    """The symbols of `option` with the values that `text` gives them."""
    parts = [part.strip() for part in text.split(",")]
    count = len(option.symbols)
    other = next((o for o in layer.options if o.name == text.strip() and o is not option), None)
    if other is not None and len(other.symbols) == count:
        return dict(zip(option.symbols, other.symbols, strict=True))
    if option.kind is Kind.PADDING and len(parts) == count // 2:
        parts = [part for part in parts for _ in range(2)]
    if len(parts) not in (1, count):
        allowed = sorted({1, count // 2, count} if option.kind is Kind.PADDING else {1, count})
        raise EquationError(
            f"{layer.name}: {option.name} takes {' or '.join(map(str, allowed))} values, "
            f"received {len(parts)}: {quoted(text)}"
        )
    if len(parts) == 1:
        parts *= count
    values = (_single(layer, option.name, part, option) for part in parts)
    return dict(zip(option.symbols, values, strict=True))


def _single(layer: Layer, name: str, text: str, option: Option) -> Expr:
    """One value of an option: an integer, a flag, a number or a symbol."""
    kind, values = option.kind, option.values
    number = values.words if values is not None else "a finite number"
    expected = {Kind.FLAG: "true or false", Kind.NUMBER: f"{number}, or a symbol name"}.get(
        kind, f"an integer >= {option.minimum} or a symbol name"
    )
    error = EquationError(f"{layer.name}: {name} must be {expected}, received {quoted(text)}")
    if kind is Kind.FLAG:
        if text.lower() not in _FLAGS:
            raise error
        return Integer(_FLAGS[text.lower()])
    if len(text) > MOST:
        raise error
    if kind is Kind.NUMBER and _NUMBER.fullmatch(text):
        if Fraction(text) not in (values or FINITE):
            raise error
        if "/" in text or _INTEGER.fullmatch(text):
            fraction = Fraction(text)
            return Rational(fraction.numerator, fraction.denominator)
        if not math.isfinite(float(text)):
            raise error
        return Float(float(text))
    if _INTEGER.fullmatch(text):
        if values is not None and int(text) not in values:
            raise error
        return Integer(int(text))
    if not _NAME.fullmatch(text) or text.lower() in ("inf", "infinity", "nan"):
        raise error
    if text in _reserved(layer.program):
        raise EquationError(
            f"{layer.name}: {name} cannot be called {quoted(text)}, which names a tensor, an index or a derived "
            f"extent; expected another symbol name"
        )
    return Symbol(text, real=True) if kind is Kind.NUMBER else integer(text)


def _reserved(program: Program) -> set[str]:
    """The names that already mean something else."""
    indices = {v.name for s in program.statements for v in s.term.indices}
    derived = {symbol.name for symbol, _ in program.sizes}
    gradients = {f"d{name}" for name in program.tensors}
    reals = {s.name for s in program.symbols() if not s.is_integer}
    return set(program.tensors) | indices | derived | gradients | reals | {SCALARS[0]}


def _unknown(layer: Layer, key: str, known: list[str]) -> str:
    close = get_close_matches(key, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{layer.name}: unknown setting {quoted(key)}; expected one of: {listed(known) or 'none'}{hint}"


def _checked(layer: Layer, mapping: dict[Symbol, Expr]) -> Display:
    """The specialised layer; derived extents that become numbers are replaced too, and none of them may be empty."""
    for requirement in layer.requirements:
        values = [e.xreplace(mapping) for e in requirement.expressions]
        if any(v.is_number and v < 0 for v in values):
            raise EquationError(f"{layer.name}: {requirement.option} must be {requirement.expected}")
    for symbol, expression in _derived(layer, mapping):
        impossible = any(q.args[0].is_Integer and q.args[0] < 0 for q in expression.atoms(floordiv))
        if not expression.is_Integer and not impossible:
            continue
        if impossible or expression < 1:
            raise EquationError(
                f"{layer.name}: the settings make {symbol.name} = {shown(expression)}; expected at least 1 "
                f"(the kernel must fit into the padded input)"
            )
        mapping[symbol] = expression
    for name, extent in layer.features:
        value = extent.xreplace(mapping)
        if value.is_Integer and sign(value) < 1:
            raise EquationError(f"{layer.name}: {name} must be at least 1, received {value}")
    special = layer.specialise(mapping)
    return Display(replace(special, requirements=_mapped(layer, mapping)), mapping)


def _derived(layer: Layer, mapping: Mapping[Symbol, Expr]) -> Iterator[tuple[Symbol, Expr]]:
    for symbol, expression in layer.program.sizes:
        yield symbol, expression.xreplace(dict(mapping))


def _mapped(layer: Layer, mapping: Mapping[Symbol, Expr]) -> tuple[Any, ...]:
    return tuple(
        replace(r, expressions=tuple(e.xreplace(dict(mapping)) for e in r.expressions)) for r in layer.requirements
    )
