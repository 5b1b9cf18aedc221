"""The equation IR: Access, Term, Statement, Program.

    out[free] = op over bound of [delta == 0] [0 <= guard < extent] [modulus | value] * body

`body` is a SymPy scalar over `Access` leaves: no Sum, Piecewise or KroneckerDelta inside. All index ranges start at 0.
(For display there are brackets of divisibility, and an `InnerSum` within a body.)
An access outside its tensor's shape reads 0: that is zero padding. A bracket that is false is a strong zero: the
summand is 0 even if its body is infinite or NaN there. Another reduction has the elements only where its brackets hold;
brackets on values among them are part of its body, see `derive.ir.functions.admitted`. A gradient is again a Program.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, reduce
from typing import Any

import sympy
from sympy import Expr, Integer, Symbol, Tuple
from sympy.core.symbol import Str

from gradscribe.derive.ir.error import EquationError as EquationError  # noqa: PLC0414  (exported, as mypy sees it)
from gradscribe.derive.ir.functions import admission
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.reductions import REDUCTIONS, SUM, Reduction
from gradscribe.printed import Printed


class Access(Expr):
    """``tensor[indices]``: one element of a tensor, addressed by affine index expressions."""

    is_commutative = True
    is_real = True  # or SymPy writes Abs(x[i]) with conjugates

    def __new__(cls, tensor: str, *indices: Expr) -> "Access":
        """SymPy keeps arguments, so that `xreplace` reaches the indices."""
        return Expr.__new__(cls, Str(tensor) if isinstance(tensor, str) else tensor, *indices)

    @property
    def tensor(self) -> str:
        """The name of the tensor."""
        return str(self.args[0].name)

    @property
    def indices(self) -> tuple[Expr, ...]:
        """One index expression per axis."""
        return tuple(self.args[1:])

    def _sympystr(self, printer: Any) -> str:
        return f"{self.tensor}[{', '.join(printer.doprint(e) for e in self.indices)}]"

    @property
    def free_symbols(self) -> set[Any]:
        """The symbols of its indices."""
        return set(_symbols_of(self))

    @lru_cache(maxsize=20_000)  # noqa: B019  (an access is a value; what stands in order is sorted by its text)
    def __str__(self) -> str:
        return super().__str__()


@lru_cache(maxsize=20_000)
def text(expression: Expr) -> str:
    """The expression as SymPy prints it: what decides an order where nothing else does."""
    return str(expression)


@lru_cache(maxsize=20_000)
def _symbols_of(access: Access) -> frozenset[Any]:
    return frozenset().union(*(e.free_symbols for e in access.indices))


@dataclass(frozen=True)
class Tensor:
    """A named array: its shape, and what may be done with it.

    Attributes:
        name: name in equations, code and print.
        shape: extents, integer expressions.
        integer: holds integers (labels, arg of an extremum); never differentiated.
        constant: real, but not differentiated (a stabilising shift).
        optional: may be absent.
        ravel: the axis that stands for any number (0, 1, 2, ...) of consecutive axes of the array given, in row-major
            order; None for no axis.
        absent: every element of it where it is absent: 0 (a bias switched off), or 1 (weights of equal size).
    """

    name: str
    shape: tuple[Expr, ...]
    integer: bool = False
    constant: bool = False
    optional: bool = False
    ravel: int | None = None
    absent: int = 0

    def __call__(self, *indices: Any) -> Access:
        """The element at `indices`."""
        if len(indices) != len(self.shape):
            raise EquationError(f"{self.name} has {len(self.shape)} axes, but is used with {len(indices)} indices")
        return Access(self.name, *(Integer(e) if isinstance(e, int) else e for e in indices))


@dataclass(frozen=True)
class Range:
    """An index and its extent: ``0 <= index < extent``."""

    index: Symbol
    extent: Expr


def position(ranges: Iterable[Range]) -> Expr:
    """The row-major position of some indices within their box."""
    return sympy.expand(reduce(lambda total, r: total * r.extent + r.index, ranges, Integer(0)))


class InnerSum(Expr):
    """``sum over ranges of body``, a factor within a body; display form only.

    Its indices are no symbols of the expression around it, which must not have them: nothing is renamed here.
    """

    is_commutative = True
    is_real = True

    def __new__(cls, body: Expr, *ranges: Range | Tuple) -> "InnerSum":
        """Ranges are kept as SymPy's tuples, so that `xreplace` reaches the extents."""
        return Expr.__new__(cls, body, *(Tuple(r.index, r.extent) if isinstance(r, Range) else r for r in ranges))

    @property
    def body(self) -> Expr:
        """What is summed."""
        return self.args[0]

    @property
    def ranges(self) -> tuple[Range, ...]:
        """Over what."""
        return tuple(Range(*pair) for pair in self.args[1:])

    @property
    def free_symbols(self) -> set[Symbol]:
        """All but the indices that it sums over."""
        own = {r.index for r in self.ranges}
        return set().union(self.body.free_symbols - own, *(r.extent.free_symbols for r in self.ranges))


@dataclass(frozen=True)
class Guard:
    """The bracket ``[0 <= value < extent]``."""

    value: Expr
    extent: Expr

    @property
    def is_true(self) -> bool:
        """Whether it holds whatever the indices are: it is one of numbers."""
        return self.value.is_Integer and self.extent.is_Integer and 0 <= int(self.value) < int(self.extent)

    def substitute(self, mapping: Mapping[Any, Expr]) -> "Guard":
        """Replace symbols."""
        m = dict(mapping)
        return Guard(self.value.xreplace(m), self.extent.xreplace(m))


@dataclass(frozen=True)
class Divisibility:
    """The bracket ``[modulus | value]``; display form only."""

    value: Expr
    modulus: Expr


@dataclass(frozen=True)
class Term:
    """One reduction, see the module's docstring. `op` is its word in `derive.ir.reductions.REDUCTIONS`."""

    free: tuple[Range, ...]
    bound: tuple[Range, ...]
    body: Expr
    deltas: tuple[Expr, ...] = ()
    guards: tuple[Guard, ...] = ()
    divisibilities: tuple[Divisibility, ...] = ()
    op: str = "sum"

    @property
    def reduction(self) -> Reduction:
        """What the table says of this reduction."""
        return REDUCTIONS[self.op]

    @property
    def is_sum(self) -> bool:
        """Whether factors may leave it and brackets are factors, as is so in a sum only."""
        return self.reduction is SUM

    @property
    def admission(self) -> tuple[Expr, ...]:
        """The brackets on values that say which elements a reduction has, besides the guards and deltas."""
        return admission(self.body)[0]

    @property
    def value(self) -> Expr:
        """The body without these brackets."""
        return admission(self.body)[1]

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The free ranges, then the bound ones."""
        return self.free + self.bound

    @property
    def indices(self) -> tuple[Symbol, ...]:
        """The free indices, then the bound ones."""
        return tuple(r.index for r in self.ranges)

    def extent(self, index: Symbol) -> Expr:
        """The extent of an index."""
        return next(r.extent for r in self.ranges if r.index == index)

    def substitute(self, mapping: Mapping[Any, Expr]) -> "Term":
        """Replace symbols or accesses everywhere but in the list of ranges' own indices; extents are replaced too."""
        m = dict(mapping)
        return replace(
            self,
            free=tuple(Range(r.index, r.extent.xreplace(m)) for r in self.free),
            bound=tuple(Range(r.index, r.extent.xreplace(m)) for r in self.bound),
            body=self.body.xreplace(m),
            deltas=tuple(sympy.expand(e.xreplace(m)) for e in self.deltas),
            guards=tuple(g for g in (g.substitute(m) for g in self.guards) if not g.is_true),
            divisibilities=tuple(Divisibility(d.value.xreplace(m), d.modulus.xreplace(m)) for d in self.divisibilities),
        )

    def rename(self, mapping: Mapping[Symbol, Symbol]) -> "Term":
        """Replace indices by other indices, in the ranges too."""
        renamed = self.substitute(mapping)
        return replace(
            renamed,
            free=tuple(Range(mapping.get(r.index, r.index), r.extent) for r in renamed.free),
            bound=tuple(Range(mapping.get(r.index, r.index), r.extent) for r in renamed.bound),
        )

    def without(self, *indices: Symbol) -> "Term":
        """Drop bound indices (that no longer occur)."""
        return replace(self, bound=tuple(r for r in self.bound if r.index not in indices))


@dataclass(frozen=True, repr=False)
class Statement(Printed):
    """``target[free] (+)= term``; for an extremum it also says which positions a gradient flows to.

    Attributes:
        target: the tensor written.
        term: its value.
        argument: holds, per element of the target, the row-major position of the first maximum (minimum) within the
            bound indices, or -1 when no position satisfies the guards (the value is then -infinity, for a minimum
            +infinity). The gradient goes there.
        ties: instead of `argument`, the tensor that counts the positions which attain the extremum, defined by a
            statement of its own (see `derive.calculus.passes.ties`). They share the gradient equally.
        others: of a reduction whose slope is written with it: the tensor of what all elements but one come to, by the
            free indices and those of the one, of a statement of its own (`derive.calculus.programs.products.others`).
    """

    target: Tensor
    term: Term
    argument: Tensor | None = None
    ties: Tensor | None = None
    others: Tensor | None = None

    @property
    def written(self) -> tuple[str, ...]:
        """The names of the tensors that it writes: its target, and where an extremum was found."""
        return tuple(t.name for t in (self.target, self.argument) if t is not None)

    @cached_property
    def sizes(self) -> frozenset[Symbol]:
        """The symbols of its extents and index expressions that are no indices."""
        t = self.term
        parts = (t.body, *t.deltas, *(e for g in t.guards for e in (g.value, g.extent)), *(r.extent for r in t.ranges))
        return frozenset().union(*(p.free_symbols for p in parts)) - set(t.indices)


@dataclass(frozen=True, repr=False)
class Program(Printed):
    """Statements in order; several with one target accumulate.

    Attributes:
        inputs: the tensors that are given, in the order in which functions take them.
        statements: in order of computation.
        outputs: the names of the results.
        sizes: derived extents in order, each by those before it: (symbol, formula).
    """

    inputs: tuple[Tensor, ...]
    statements: tuple[Statement, ...]
    outputs: tuple[str, ...]
    sizes: tuple[tuple[Symbol, Expr], ...] = field(default=())

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by name, inputs first, then in order of definition."""
        found = {t.name: t for t in self.inputs}
        for s in self.statements:
            found.setdefault(s.target.name, s.target)
            if s.argument is not None:
                found.setdefault(s.argument.name, s.argument)
        return found

    def definitions(self, name: str) -> tuple[Statement, ...]:
        """The statements that write tensor `name`; none for an input."""
        return self._definitions.get(name, ())

    @cached_property
    def _definitions(self) -> dict[str, tuple[Statement, ...]]:
        found: dict[str, tuple[Statement, ...]] = {}
        for statement in self.statements:
            name = statement.target.name
            found[name] = (*found.get(name, ()), statement)
        return found

    def symbols(self) -> set[Symbol]:
        """All size symbols in shapes, extents and index expressions (not the indices)."""
        return set(self._symbols)

    @cached_property
    def _symbols(self) -> frozenset[Symbol]:
        shapes = (e.free_symbols for tensor in self.tensors.values() for e in tensor.shape)
        sizes = ({symbol} | expression.free_symbols for symbol, expression in self.sizes)
        return frozenset().union(*shapes, *(s.sizes for s in self.statements), *sizes)

    def names(self) -> set[str]:
        """Every name in use: tensors, sizes and indices."""
        return set(self._names)

    @cached_property
    def _names(self) -> frozenset[str]:
        indices = (v.name for s in self.statements for v in s.term.indices)
        return frozenset(self.tensors).union((s.name for s in self._symbols), indices)

    def substitute(self, mapping: Mapping[Symbol, Expr], whole_axes: bool = False) -> "Program":
        """Replace size symbols everywhere (``stride=1`` is a substitution); an index of extent 1 becomes 0.

        Args:
            mapping: what replaces what.
            whole_axes: let an index of extent 1 stay where it is an axis of its own, such as that of one channel.
        """
        m = dict(mapping)

        def tensor(t: Tensor) -> Tensor:
            return replace(t, shape=tuple(e.xreplace(m) for e in t.shape))

        return Program(
            inputs=tuple(tensor(t) for t in self.inputs),
            statements=tuple(
                Statement(
                    tensor(s.target),
                    drop_unit_ranges(s.term.substitute(m), whole_axes),
                    tensor(s.argument) if s.argument else None,
                    tensor(s.ties) if s.ties else None,
                    tensor(s.others) if s.others else None,
                )
                for s in self.statements
            ),
            outputs=self.outputs,
            sizes=tuple((symbol, e.xreplace(m)) for symbol, e in self.sizes if symbol not in m),
        )


def drop_unit_ranges(term: Term, whole_axes: bool = False) -> Term:
    """An index of extent 1 takes only the value 0: substitute it (free indices stay, they are axes of the target)."""
    units = [r.index for r in term.bound if r.extent == 1]
    if whole_axes:
        positions = (
            *(e for a in accesses(term.body) for e in a.indices),
            *term.deltas,
            *(g.value for g in term.guards),
        )
        units = [v for v in units if any(e != v and v in e.free_symbols for e in positions)]
    if not term.is_sum or not units:
        return term
    return term.substitute({v: Integer(0) for v in units}).without(*units)


@lru_cache(maxsize=20_000)
def accesses(expression: Expr) -> tuple[Access, ...]:
    """The distinct accesses of `expression`, in a stable order of first occurrence."""
    found: dict[Access, None] = {}
    for node in sympy.preorder_traversal(expression):
        if isinstance(node, Access):
            found.setdefault(node)
    return tuple(sorted(found, key=lambda a: (a.tensor, sympy.default_sort_key(a))))


def index_ranges(names: Iterable[str], extents: Iterable[Expr]) -> tuple[Range, ...]:
    """Ranges from names and extents, paired in order."""
    return tuple(Range(integer(name), extent) for name, extent in zip(names, extents, strict=True))
