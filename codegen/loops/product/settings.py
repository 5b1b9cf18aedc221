"""Layer -> the sizes and options that its functions of C are given as one struct, and what is asked of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

from sympy import Expr, Symbol

from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.loops.text.c_names import CNames
from gradscribe.codegen.python.text.literal import number
from gradscribe.derive.ir.index import choose, floordiv
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.derive.layer.interval import LARGEST, Interval

MACROS = ("NAN", "M_E")
"""Short names that headers of C define; names of four capitals and more make way for macros anyway."""


@dataclass(frozen=True)
class Field:
    """A size or an option.

    Attributes:
        symbol: what it is in equations.
        name: of the member.
        words: what it is, for a comment.
        values: those that it may have.
        default: its value where nobody says otherwise; "" for none.
        option: whether it is an option of the layer.
        whole: whether it is an integer.
    """

    symbol: Symbol
    name: str
    words: str
    values: Interval
    default: str
    option: bool
    whole: bool


@dataclass(frozen=True)
class Settings:
    """All of a module.

    Attributes:
        layer: the layer.
        fields: what is given.
        sizes: what follows from that: symbol and formula, in order.
        shapes: those of all arrays.
    """

    layer: Layer
    fields: tuple[Field, ...]
    sizes: tuple[tuple[Symbol, Expr], ...]
    shapes: tuple[tuple[Expr, ...], ...]

    @cached_property
    def members(self) -> dict[Symbol, str]:
        """The names of the members by symbol."""
        return {field.symbol: field.name for field in self.fields}

    @property
    def positive(self) -> set[Symbol]:
        """The sizes that are at least 1 in every function."""
        derived = {symbol for symbol, definition in self.sizes if slides(definition)}
        return derived | {f.symbol for f in self.fields if f.whole and f.values.low >= 1}


def slides(definition: Expr) -> bool:
    """Whether a size counts windows: at least one has to fit."""
    window = definition.args[2] if isinstance(definition, choose) else definition
    return any(isinstance(part, floordiv) for part in window.args)


def settings_of(layer: Layer, kernels: Sequence[Kernel]) -> Settings:
    """What the functions of a layer are given besides arrays."""
    programs = [layer.program, *(k.program for k in kernels)]
    sizes = dict(pair for p in programs for pair in p.sizes)
    options = [(option, k, s) for option in layer.options for k, s in enumerate(option.symbols)]
    by_symbol = {s: (option, k) for option, k, s in reversed(options)}
    extents = (s for p in programs for t in p.tensors.values() for e in t.shape for s in _in_order(e))
    others = (s for p in programs for s in sorted(p.symbols(), key=lambda s: s.name))
    given = [s for s in (*extents, *(s for _, _, s in options), *others) if s not in sizes]
    ordered = sorted(dict.fromkeys(given), key=lambda s: s in by_symbol)
    names = CNames()
    names.take(MACROS)
    fields = tuple(_field(s, names.own(s.name), layer, by_symbol.get(s)) for s in ordered)
    shapes = dict.fromkeys(t.shape for p in programs for t in p.tensors.values())
    return Settings(layer, fields, tuple(sizes.items()), tuple(shapes))


def _in_order(e: Expr) -> list[Symbol]:
    return sorted(e.free_symbols, key=lambda s: s.name)


def _field(symbol: Symbol, name: str, layer: Layer, found: tuple[Option, int] | None) -> Field:
    words = dict(layer.axes).get(symbol, "")
    if found is None:
        values = Interval(0, LARGEST) if symbol.is_integer else Interval()
        ravel = any(t.ravel is not None and t.shape[t.ravel] == symbol for t in layer.program.tensors.values())
        return Field(
            symbol,
            name,
            "any number of axes: the product of their sizes" if ravel else words,
            values,
            "",
            False,
            symbol.is_integer,
        )
    option, place = found
    values = option.values or Interval()
    whole = option.kind is not Kind.NUMBER
    if whole:
        flag = option.kind is Kind.FLAG
        low = values.low if option.interval is not None else option.minimum
        values = Interval(0, 1) if flag else Interval(max(low, -LARGEST), min(values.high, LARGEST))
    default = _default(option, place)
    said = [option.name, *_place(option, place), *_interval(values), *([f"{default} by default"] if default else [])]
    return Field(symbol, name, ", ".join(said), values, default, True, whole)


def _place(option: Option, place: int) -> Iterator[str]:
    """Which of an option's numbers one is."""
    if option.kind is Kind.PADDING:
        of = f" (axis {place // 2 + 1} of {len(option.symbols) // 2})" if len(option.symbols) > 2 else ""
        yield f"{'behind' if place % 2 else 'in front'}{of}"
    elif len(option.symbols) > 1:
        yield f"axis {place + 1} of {len(option.symbols)}"


def _interval(values: Interval) -> Iterator[str]:
    high = values.high if values.high != LARGEST else float("inf")
    if isfinite(values.low) or isfinite(high):
        yield Interval(values.low, high, values.above, values.below, values.without).ends


def _default(option: Option, place: int) -> str:
    """The default of one of an option's numbers, "" where it has none or follows another option."""
    value: Any = option.default
    if option.kind is Kind.PADDING:
        value = 0 if value == "valid" else value
        pair = value[place // 2] if isinstance(value, tuple) else value
        value = pair[place % 2] if isinstance(pair, tuple) else pair
    elif isinstance(value, tuple):
        value = value[place]
    if value is None or isinstance(value, str):
        return ""
    return number(float(value) if option.kind is Kind.NUMBER else int(value), option.name)


def check_names(layer: Layer, names: Iterable[str]) -> None:
    """Raise where two functions of a module would have one name."""
    found: set[str] = set()
    for name in names:
        if name in found:
            raise EquationError(f"{layer.name}: two functions in C would be called {name}; rename a size of it")
        found.add(name)
