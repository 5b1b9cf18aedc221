"""How names and sums are written: which letter stands for a name, and in which order the parts of a sum come.

Nothing here knows LaTeX or Unicode; the typesetters of `derive.typeset` do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import sympy
from sympy import Add, Expr, Function, Mul, Symbol

from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.derivation.letters.name import PRIME, Name, name_parts
from gradscribe.derive.ir.functions import Indicator
from gradscribe.derive.ir.index import IntegerFunction
from gradscribe.derive.ir.term import Access, InnerSum, Range, accesses, text
from gradscribe.derive.layer.letters import PLAIN, Style


@dataclass(frozen=True)
class Notation:
    """How names are written.

    Attributes:
        quotients: gradient tensors written as dE/d(tensor): gradient -> tensor.
        deltas: gradient tensors written as the error signal delta: gradient -> the layer's number, such as "l", or ""
            where no tensor beside it carries one.
        levels: tensors of a numbered layer: name -> (letter, number), such as u_prev -> (u, "l-1").
        order: tensors in reading order; products are written in it.
        sizes: extents in reading order, that of the axes.
        seeds: gradients given from outside that a sentence introduces: gradient -> output.
        scalars: gradient tensors of another scalar than E: gradient -> "S".
        dots: rates of change, written with a dot: tensor -> the tensor that changes.
        symbols: letters of indices, sizes and parameters; what is not among them has its name.
        tensors: letters of tensors by name, likewise.
        specials: letters of what has no name in the equations, by the words of `derive.layer.letters.SPECIAL`.
        style: how index sets and levels are written.
        places: recorded positions of maxima, and the indices whose values these are; they are written (r*, t*).
        indices: indices in reading order, that of the forward equations; sums of indices are written in it everywhere.
        stated: whether a sentence says what sums run over, so that no sum has to.
    """

    quotients: Mapping[str, str] = field(default_factory=dict)
    deltas: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    sizes: tuple[Symbol, ...] = ()
    seeds: Mapping[str, str] = field(default_factory=dict)
    scalars: Mapping[str, str] = field(default_factory=dict)
    dots: Mapping[str, str] = field(default_factory=dict)
    symbols: Mapping[Symbol, Name] = field(default_factory=dict)
    tensors: Mapping[str, Name] = field(default_factory=dict)
    specials: Mapping[str, Name] = field(default_factory=dict)
    style: Style = PLAIN
    places: Mapping[str, tuple[Range, ...]] = field(default_factory=dict)
    indices: tuple[Symbol, ...] = ()
    stated: bool = False

    def symbol(self, symbol: Symbol) -> Name:
        """How an index, a size or a parameter is written."""
        return self.symbols.get(symbol) or name_parts(symbol.name)

    def tensor(self, name: str) -> Name:
        """The letter of a tensor, without its level."""
        letter, _ = self.levels.get(name, (name, ""))
        return self.tensors.get(name) or name_parts(letter)

    def level(self, name: str) -> str:
        """The level that a tensor's letter carries, "" for none."""
        return self.levels.get(name.partition(".")[0], ("", ""))[1]  # a coordinate has that of the place

    def starred(self, name: str) -> tuple[Range, ...]:
        """The indices that a tensor is written with, as (r*, t*); () for one that has a letter."""
        return () if name in self.tensors else self.places.get(name, ())

    def special(self, word: str) -> Name:
        """How what has no name in the equations is written: "E", "delta", "l", "f"."""
        return self.specials.get(word) or name_parts(word)

    def scalar(self, gradient: str) -> str:
        """The scalar that a gradient tensor is the gradient of."""
        return self.scalars.get(gradient, "E")

    def is_gradient(self, name: str) -> bool:
        """Whether a tensor is a gradient."""
        return name in self.quotients or name in self.deltas or name in self.seeds

    def in_order(self, indices: Iterable[Symbol]) -> tuple[Symbol, ...]:
        """Indices in reading order, those with primes where those without have their place; others last."""
        found = tuple(indices)
        return tuple(sorted(found, key=lambda v: self._places.get(_unprimed(v), len(self.indices))))

    def known(self, expressions: Iterable[Expr]) -> tuple[Symbol, ...]:
        """The indices that occur in expressions, in reading order."""
        symbols = set().union(*(e.free_symbols for e in expressions))
        return self.in_order(sorted((v for v in symbols if _unprimed(v) in self._places), key=str))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {v.name: k for k, v in enumerate(self.indices)}

    def rank(self, name: str) -> int:
        """The place of a tensor in reading order."""
        return self._ranks.get(name, len(self.order))

    @cached_property
    def _ranks(self) -> dict[str, int]:
        return {name: k for k, name in reversed(tuple(enumerate(self.order)))}


def _unprimed(index: Symbol) -> str:
    name = str(index.name)
    while name.endswith(PRIME):
        name = name.removesuffix(PRIME)
    return name


def gradient_notation(gradient: Gradient) -> Notation:
    """The seed of the output tensor is the error signal delta, several have their own names; the others are quotients.

    A number's seed is a quotient too, unless that is the sum of what is given and what later statements add.
    """
    summed = {a.tensor.name for a in gradient.adjoints}
    seeds = {seed.name: output for output, seed in gradient.seeds.items() if seed.shape or output in summed}
    deltas = dict.fromkeys(seeds, "") if len(seeds) == 1 else {}
    quotients = {seed.name: output for output, seed in gradient.seeds.items() if seed.name not in seeds}
    quotients |= {a.gradient.name: a.tensor.name for a in gradient.adjoints}
    quotients |= {zero.name: name for name, zero in gradient.zeros.items()}
    shapes = [e for t in gradient.forward.tensors.values() for e in t.shape]
    sizes = tuple(dict.fromkeys(e for e in shapes if isinstance(e, Symbol)))
    return Notation(quotients, deltas, {}, tuple(gradient.forward.tensors), sizes, seeds)


@dataclass(frozen=True)
class Monomial:
    """One part of a sum: its sign, its numeric coefficient > 0 and its other factors, ordered."""

    negative: bool
    coefficient: Expr
    factors: tuple[Expr, ...]


def monomials(expression: Expr, indices: Sequence[Symbol], notation: Notation) -> tuple[Monomial, ...]:
    """The parts of a sum in reading order.

    Positive ones come first, the ones with an index before parameters, those before numbers: s i + d r - p, q + 1 - r;
    in a size a number is last: H - R + 1. What is summed comes after what is not, the more factors the later.
    """
    parts = [monomial(part, indices, notation) for part in _parts(expression, tuple(indices))]
    if len(parts) == 1:
        return tuple(parts)
    scalar = any(
        f.has(Access) or (isinstance(f, Function) and not isinstance(f, IntegerFunction))
        for p in parts
        for f in p.factors
    )
    leading = any(not p.negative and _index_rank(p, indices) < len(indices) for p in parts)
    size = not leading and any(p.factors and not p.negative for p in parts)

    def key(part: Monomial) -> tuple[object, ...]:
        rank = _index_rank(part, indices)
        kind = 0 if rank < len(indices) else 2 if not part.factors else 1
        if part.negative and not leading and kind == 0:
            kind = 3  # R - 1 - r, but q + p - d r
        if scalar and not part.factors:
            kind = -1  # 1 + exp(-a)
        inner = len(part.factors) if any(f.has(InnerSum) for f in part.factors) else 0
        last = size and not scalar and not part.factors
        high = len(part.factors) if rank < 0 else 0  # of two digits the one that counts more
        return part.negative or last, inner, kind, rank, -high, *_parts_key(part, notation)

    return tuple(sorted(parts, key=key))


@lru_cache(maxsize=20_000)  # a page writes most sums many times
def _parts(total: Expr, indices: tuple[Symbol, ...]) -> tuple[Expr, ...]:
    """The parts of a sum; of one of sizes s (I - 1) in place of s I - s, d (R - 1) as it is read everywhere."""
    parts = Add.make_args(total)
    for part in parts if len(parts) > 1 else ():
        if part.is_number or not all(f.is_Integer or f.is_Symbol for f in Mul.make_args(part)) or not total.is_integer:
            continue
        for other in (p for p in parts if part.free_symbols < p.free_symbols):
            size = -other / part
            if size.is_Symbol and size.is_integer and not {size, *part.free_symbols} & {*indices}:
                rest = (p for p in parts if p not in (part, other))
                return (*_parts(Add(*rest), indices), Mul(-part, size - 1)) if len(parts) > 2 else (-part * (size - 1),)
    return parts


def _index_rank(part: Monomial, indices: Sequence[Symbol]) -> int:
    if any(isinstance(f, IntegerFunction) for f in part.factors):
        return -1  # the high digit first: K (e div C) + k
    ranks = [n for n, v in enumerate(indices) if any(f == v or (f.has(v) and not f.has(Access)) for f in part.factors)]
    return min(ranks, default=len(indices))


def _parts_key(part: Monomial, notation: Notation) -> tuple[object, ...]:
    tensors = sorted(notation.rank(a.tensor) for f in part.factors for a in accesses(f))
    symbols = [f for f in part.factors if isinstance(f, Symbol)]
    names = [(notation.sizes.index(f) if f in notation.sizes else len(notation.sizes), f.name) for f in symbols]
    upper = not (symbols and symbols[0].name[0].isupper())
    return (
        tensors or [0],
        len(part.factors) if upper else 0,
        upper,
        names,
        part.coefficient != 1,
        [*map(_ByText, part.factors)],
    )


def monomial(part: Expr, indices: Sequence[Symbol], notation: Notation) -> Monomial:
    """Read one part of a sum, or a product."""
    coefficient, rest = part.as_coeff_Mul()
    factors = []
    for factor in Mul.make_args(rest):
        if isinstance(factor, Add):
            content, factor = primitive(factor, indices, notation)
            coefficient *= content
        if factor != 1:
            factors.append(factor)
    negative = bool(coefficient < 0)
    return Monomial(negative, -coefficient if negative else coefficient, ordered(factors, indices, notation))


def primitive(sum_: Expr, indices: Sequence[Symbol], notation: Notation) -> tuple[Expr, Expr]:
    """Split 2*x - 2*t into 2 and x - t."""
    content, rest = sum_.primitive()
    return (content, rest) if content.is_Integer or content.is_Rational else (sympy.Integer(1), sum_)


class _ByText:
    """An expression that is sorted by its text, which is written only where nothing before it decides."""

    def __init__(self, expression: Expr) -> None:
        self.expression = expression

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _ByText):
            return NotImplemented
        return bool(self.expression == other.expression) or text(self.expression) == text(other.expression)

    def __hash__(self) -> int:
        return hash(text(self.expression))

    def __lt__(self, other: "_ByText") -> bool:
        return text(self.expression) < text(other.expression)


def ordered(factors: Sequence[Expr], indices: Sequence[Symbol], notation: Notation) -> tuple[Expr, ...]:
    """Parameters before indices (``s i``), then gradients, tensors in reading order, sums and functions."""

    def key(factor: Expr) -> tuple[object, ...]:
        names = [a.tensor for a in accesses(factor)]
        size = factor.base if factor.is_Pow and factor.exp.is_negative else factor  # 1/(N H W), too
        if isinstance(size, Symbol):
            if size in indices:
                return 1, indices.index(size), _ByText(size)
            known = size in notation.sizes
            return 0, notation.sizes.index(size) if known else len(notation.sizes), _ByText(size)
        if names and (isinstance(factor, Access) or (factor.is_Pow and isinstance(factor.base, Access))):
            gradient = any(notation.is_gradient(n) for n in names)
            return (2 if gradient else 3, min(notation.rank(n) for n in names), _ByText(factor))
        if not names and isinstance(factor, Add | IntegerFunction):
            return 1, len(indices), _ByText(factor)  # d (R - 1)
        order = InnerSum, Indicator, Add  # the last first: sigma(x) (1 - sigma(x)) [x > 0]
        place = next((7 - n for n, kind in enumerate(order) if isinstance(factor, kind)), 4)
        return (place if names else 0, min((notation.rank(n) for n in names), default=1), _ByText(factor))

    return tuple(sorted(factors, key=key) if len(factors) > 1 else factors)
