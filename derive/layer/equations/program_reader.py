"""SymPy equations -> Program.

Nested reductions are flattened: each becomes a statement of its own, so that every statement has one reduction. A
constant value is a tensor of its own likewise.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count, permutations
from typing import Any

import sympy
from sympy import Add, Eq, Expr, Idx, Indexed, IndexedBase, Mul, Sum, Symbol

from gradscribe.derive.calculus.invariance import with_constants
from gradscribe.derive.ir.functions import among, constant, equal, is_indicator
from gradscribe.derive.ir.index import floors_as_quotients, integer, own_symbols
from gradscribe.derive.ir.interpret.recurrence import arranged, set_apart
from gradscribe.derive.ir.quote import quoted, shown
from gradscribe.derive.ir.reductions import REDUCTIONS, SUM
from gradscribe.derive.ir.term import (
    Access,
    EquationError,
    Guard,
    Program,
    Range,
    Statement,
    Tensor,
    Term,
    drop_unit_ranges,
)
from gradscribe.derive.ir.well_formed import check
from gradscribe.derive.layer.equations.right_sides import (
    is_bracket,
    is_separate,
    looked_up_along,
    own_indices,
    unnamed,
    unpowered,
)
from gradscribe.derive.layer.equations.written_objects import Named, Reduced, inside

MOST_REORDERED = 4
"""Free indices of an inner reduction that are tried in any order when another one is the same."""


def program(
    *equations: Eq,
    inputs: Sequence[IndexedBase | Symbol],
    outputs: Sequence[IndexedBase | Symbol] = (),
    sizes: Mapping[Symbol, Expr] | None = None,
    integers: str = "",
    optional: str = "",
    factors: str = "",
    constants: str = "",
    ravel: str | Mapping[str, int] = "",
    arguments: Mapping[str, str] | None = None,
    copies: Mapping[str, str] | None = None,
) -> Program:
    """Build a checked Program from SymPy equations.

    Args:
        equations: ``Eq(u[n, i], ...)`` in order of computation; the left side is an element of a tensor.
        inputs: the tensors given from outside, in the order in which functions take them.
        outputs: the results, the last equation's target by default.
        sizes: derived extents in order, e.g. ``{H_out: floordiv(H + 2 * p - R, s) + 1}``.
        integers: blank-separated names of inputs that hold integers (never differentiated).
        optional: names of inputs that may be absent (and then count as 0).
        factors: names of inputs that may be absent and then count as 1.
        constants: names of tensors through which no gradient flows.
        ravel: tensors with an axis that stands for any number of consecutive axes in row-major order: names, for
            axis 0, or name -> axis. Every other tensor that has an axis of that extent follows.
        arguments: name of the tensor that records where an extremum was found, by name of the extremum's tensor.
        copies: index by index that stands for it where it has a value already; they are one where it has none.

    Returns:
        The program, of which `gradscribe.layer` makes a layer.

    Raises:
        EquationError: when an equation is not well formed.
    """
    flags = {
        "integer": set(integers.split()),
        "optional": {*optional.split(), *factors.split()},
        "absent": set(factors.split()),
        "constant": set(constants.split()),
    }
    reader = _Reader(flags, dict(arguments or {}), dict(copies or {}), outputs)
    given = tuple(reader.tensor(base) for base in inputs)
    reader.names |= {s.name for pair in (sizes or {}).items() for e in pair for s in e.free_symbols}
    for equation in equations:
        reader.names |= {_name(v) for v in equation.atoms(IndexedBase, Symbol)}
        reader.targets += [_target(equation.lhs)] if isinstance(equation, Eq) else []
    for equation in equations:
        reader.read(equation)
    if not reader.statements:
        raise EquationError("a program needs at least one equation")
    names = tuple(_name(base) for base in outputs) or (reader.statements[-1].target.name,)
    defined = tuple((own_symbols(symbol), own_symbols(e)) for symbol, e in (sizes or {}).items())
    found = with_constants(check(Program(given, arranged(set_apart(reader.statements, reader.names)), names, defined)))
    return _raveled(found, dict.fromkeys(ravel.split(), 0) if isinstance(ravel, str) else ravel)


def _raveled(source: Program, axes: Mapping[str, int]) -> Program:
    """`source` with `axes` raveled, and with them every axis of the same extent: it stands for the same axes."""
    tensors = source.tensors
    extents: set[Expr] = set()
    for name, axis in axes.items():
        if name not in tensors:
            raise EquationError(f"ravel names {shown(name)}, which is not a tensor of the equations")
        shape = tensors[name].shape
        if not 0 <= axis < len(shape) or not isinstance(shape[axis], Symbol):
            raise EquationError(f"{name}: ravel needs the number of an axis whose extent is a symbol, received {axis}")
        extents.add(shape[axis])

    def follow(tensor: Tensor) -> Tensor:
        found = [axis for axis, extent in enumerate(tensor.shape) if extent in extents]
        if len(found) > 1:
            raise EquationError(f"{tensor.name} has two axes that stand for any number of axes; expected one at most")
        return replace(tensor, ravel=found[0] if found else None)

    statements = (
        replace(s, target=follow(s.target), argument=s.argument and follow(s.argument), ties=s.ties and follow(s.ties))
        for s in source.statements
    )
    return replace(source, inputs=tuple(follow(t) for t in source.inputs), statements=tuple(statements))


def _name(base: IndexedBase | Symbol) -> str:
    return base.name if isinstance(base, Symbol) else str(base.label)


def _target(left: Expr) -> Any:
    """What an equation defines: the IndexedBase of an element, or a scalar."""
    return left.base if isinstance(left, Indexed) else left


class _Reader:
    """Collects statements while equations are read; the only mutable thing of this module."""

    def __init__(
        self,
        flags: Mapping[str, set[str]],
        arguments: Mapping[str, str],
        copies: Mapping[str, str],
        results: Sequence[IndexedBase | Symbol],
    ) -> None:
        self.flags, self.arguments, self.copies, self.results = flags, arguments, copies, results
        self.lets: dict[tuple[Term, bool], Tensor] = {}
        self.statements: list[Statement] = []
        self.extents: dict[Symbol, Expr] = {}
        self.names: set[str] = set()
        self.scalars: set[Symbol] = set()
        self.targets: list[Any] = []
        self.constants: dict[tuple[Expr, tuple[Range, ...]], Expr] = {}
        self.fixed = False  # whether what is being read counts as constant

    def tensor(self, base: IndexedBase | Symbol) -> Tensor:
        """The tensor of an IndexedBase; a plain Symbol is a scalar, a tensor without axes."""
        if isinstance(base, Symbol):
            self.scalars.add(base)
            self.names.add(base.name)
            return Tensor(base.name, (), **self._flags(base.name))
        if base.shape is None:
            raise EquationError(f"{base.label} has no shape; write IndexedBase({quoted(str(base.label))}, shape=(...))")
        name = str(base.label)
        self.names.add(name)
        return Tensor(name, tuple(own_symbols(e) for e in base.shape), **self._flags(name))

    def _flags(self, name: str) -> dict[str, Any]:
        return {flag: name in names for flag, names in self.flags.items()}

    def read(self, equation: Eq) -> None:
        """Add the statements of one equation; an index belongs to its equation."""
        self.extents = {}
        if not isinstance(equation, Eq):
            raise EquationError(
                f"SymPy decided an equation to be {shown(equation)}; write Eq(left, right, evaluate=False)"
            )
        left, right = equation.lhs, equation.rhs
        if not isinstance(left, Indexed | Symbol):
            raise EquationError(f"the left side of {shown(equation)} is not an element of a tensor such as u[n, i]")
        once = self.targets.count(_target(left)) == 1
        if isinstance(right, constant) and once and self._is_between(_target(left)):
            self.flags["constant"].add(_name(_target(left)))  # its own name will do
            (right,) = right.args
        target = self.tensor(_target(left))
        free_form = [self._convert(e) for e in left.indices] if isinstance(left, Indexed) else []
        again = any(s.target.name == target.name for s in self.statements)
        summands = [part for part in Add.make_args(right) if not (again and part == left)]  # y = y + ... accumulates
        self._define(target, free_form, summands, not once)

    def _is_between(self, target: Any) -> bool:
        """Whether a target is no result."""
        return target not in (self.results or self.targets[-1:])

    def _define(self, target: Tensor, left: list[Expr], summands: Sequence[Expr], added: bool = False) -> None:
        """Add the statements of a sum; `added`: it is not all of the tensor."""
        before, self.fixed = self.fixed, target.constant
        free = {e for e in left if e.is_Symbol}
        summands = [unnamed(part, free, len(summands) == 1) for part in summands]
        separate = any(is_separate(part) for part in summands)
        parts = sorted(summands, key=lambda e: not e.has(Sum)) if separate else [Add(*summands)]
        for part in parts:
            self._add(self._statement(target, left, part, added or len(parts) > 1))
        self.fixed = before

    def _add(self, statement: Statement) -> None:
        self.names |= {t.name for t in (statement.target, statement.argument) if t is not None}
        self.statements.append(statement)

    def _statement(self, target: Tensor, left: list[Expr], right: Expr, added: bool = False) -> Statement:
        """One statement; `added`: it is one of several that add up, and all but a sum gets a tensor of its own."""
        op, bound, body = ("sum", (), right) if added and isinstance(right, Reduced) else self._peel(right)
        body = self._convert(body)
        factors = Mul.make_args(body)
        is_sum = REDUCTIONS[op] is SUM
        alone = not is_sum and all(is_indicator(f) or f.is_number for f in factors)  # a reduction of 0 and 1
        brackets = [] if alone else [f for f in factors if is_bracket(f)]
        body = Mul(*(f for f in factors if f not in brackets))
        brackets = [unpowered(f) for f in brackets]
        guards = tuple(Guard(f.args[0], f.args[1]) for f in brackets if isinstance(f, inside))
        deltas = [f.args[0] - f.args[1] for f in brackets if isinstance(f, equal)]
        body = body if is_sum else among(body)
        if body.has(inside):
            nested = min(body.atoms(inside), key=sympy.default_sort_key)
            raise EquationError(f"{target.name}: the bracket {shown(nested)} must be a factor of a summand")
        used = {v for e in left for v in e.free_symbols if v in self.extents}
        plain = [e for e in left if isinstance(e, Symbol) and e in self.extents]
        free, scattered = [], []
        taken = {v.name for e in (right, *left, *target.shape) for v in e.atoms(Idx, Symbol)}
        for axis, (expression, extent) in enumerate(zip(left, target.shape, strict=True)):
            name = _unused(f"{target.name}_{axis}", taken)
            if expression in plain and left.count(expression) == 1 and self.extents[expression] == extent:
                free.append(Range(expression, extent))
            else:
                free.append(Range(integer(name), extent))
                deltas.append(integer(name) - expression)
                scattered += sorted(expression.free_symbols & used, key=lambda v: v.name)
        kept = {r.index for r in free}
        extra = tuple(Range(v, self.extents[v]) for v in dict.fromkeys(scattered) if v not in kept)
        term = Term(tuple(free), extra + bound, body, tuple(deltas), guards, op=op)
        self._bound_everywhere(target, term)
        argument = None
        if term.reduction.places and scattered:
            raise EquationError(f"{target.name}: {op} stands for single indices on the left; give it a name of its own")
        if term.reduction.places:
            target = replace(target, integer=True)
        elif term.reduction.selects and not target.constant:
            name = self.arguments.get(target.name, f"arg_{target.name}")
            argument = Tensor(name, target.shape, integer=True)
        return Statement(target, drop_unit_ranges(self._with_originals(term)), argument)

    def _with_originals(self, term: Term) -> Term:
        """The term, whose indices are no copies where the index that they stand for has no value."""
        taken = {v.name for v in term.indices}
        mapping: dict[Symbol, Symbol] = {}
        for index in (v for v in term.indices if v.name in self.copies):
            original = self.copies[index.name]
            if original not in taken:
                taken.add(original)
                mapping[index] = integer(original)
        return term.rename(mapping) if mapping else term

    def _bound_everywhere(self, target: Tensor, term: Term) -> None:
        parts = [term.body, *term.deltas, *(g.value for g in term.guards)]
        used = set().union(*(part.free_symbols for part in parts))
        loose = [v for v in self.extents if v in used and v not in term.indices]
        if loose:
            raise EquationError(
                f"{target.name}: index {loose[0].name} is neither on the left side nor summed over; "
                f"put it on the left or into a Sum"
            )

    def _peel(self, expression: Expr) -> tuple[str, tuple[Range, ...], Expr]:
        """Split ``factor * Sum(body, ...)`` or ``Maximum(body, ...)`` at the top into op, bound indices and body."""
        if isinstance(expression, Reduced):
            return expression.op, tuple(self._range(v) for v in expression.args[1]), expression.args[0]
        sums = [f for f in Mul.make_args(expression) if isinstance(f, Sum)]
        if len(sums) != 1:
            return "sum", (), expression
        others = Mul(*(f for f in Mul.make_args(expression) if f is not sums[0]))
        bound = []
        for limits in sums[0].limits:
            if len(limits) == 3 and limits[1] != 0:
                raise EquationError(f"the sum over {limits[0]} starts at {shown(limits[1])}; expected 0")
            bound.append(self._range(*limits) if len(limits) == 3 else self._range(limits[0]))
        nested = isinstance(sums[0].function, Sum)
        _, inner, body = self._peel(sums[0].function) if nested else ("sum", (), sums[0].function)
        return "sum", tuple(bound) + inner, others * body

    def _range(self, index: Idx | Symbol, lower: Expr = sympy.S.Zero, upper: Expr | None = None) -> Range:
        """The range of an `Idx`, or of any index whose upper limit a sum gives."""
        if upper is None and isinstance(index, Idx):
            upper = index.upper
        if upper is None:
            raise EquationError(f"index {index} has no extent; write Idx({quoted(str(index))}, extent)")
        own, extent = integer(index.name), own_symbols(upper + 1)
        if self.extents.setdefault(own, extent) != extent:
            raise EquationError(
                f"index {own.name} is used with two extents, {shown(self.extents[own])} and {shown(extent)}"
            )
        return Range(own, extent)

    def _convert(self, expression: Expr) -> Expr:
        """Replace inner reductions by tensors of their own, then SymPy's Indexed by Access."""
        if isinstance(expression, Named):
            return self._let(expression.args[0], expression.label)
        if isinstance(expression, Sum | Reduced):
            return self._let(expression)
        if isinstance(expression, constant):
            return self._constant(expression.args[0])
        if isinstance(expression, Indexed):
            self.names.add(str(expression.base.label))
            shape = expression.base.shape
            if shape is not None and len(shape) != len(expression.indices):
                raise EquationError(
                    f"{expression.base.label} has {len(shape)} axes, but is used as {shown(expression)}"
                )
            return Access(str(expression.base.label), *(self._convert(e) for e in expression.indices))
        if isinstance(expression, Idx):
            return self._range(expression).index
        if isinstance(expression, sympy.conjugate):
            name = expression.args[0]
            raise EquationError(f"SymPy takes {name} for a complex number; write IndexedBase(..., real=True)")
        if not expression.args:
            return Access(expression.name) if expression in self.scalars else own_symbols(expression)
        return floors_as_quotients(expression.func(*(self._convert(e) for e in expression.args)))

    def _let(self, expression: Expr, name: str = "") -> Expr:
        """A tensor for an inner reduction; the same one, whatever its indices are called, has its tensor already."""
        names = chain([name] if name else [], (f"{name or 't'}{k}" for k in count(2 if name else 1)))
        target, ranges = self._inner(names, expression, self.fixed)
        statement = self._statement(target, [r.index for r in ranges], expression)
        plain = tuple(range(len(ranges)))
        for order in permutations(plain) if len(plain) <= MOST_REORDERED else [plain]:
            found = self.lets.get((_anonymous(statement.term, order), self.fixed))
            if found is not None:
                self.names.discard(target.name)
                return Access(found.name, *(ranges[k].index for k in order))
        self.lets[_anonymous(statement.term, plain), self.fixed] = target
        self._add(statement)
        return Access(target.name, *(r.index for r in ranges))

    def _constant(self, expression: Expr) -> Expr:
        """A tensor for a value that counts as constant; what reads no tensor is constant as it is."""
        if not expression.has(Indexed) and not self.scalars & expression.free_symbols:
            return self._convert(expression)
        key = expression, self._outer(expression)
        if key not in self.constants:
            target, ranges = self._inner((f"c{k}" for k in count(1)), expression, True)
            self._define(target, [r.index for r in ranges], Add.make_args(expression))
            self.constants[key] = Access(target.name, *(r.index for r in ranges))
        return self.constants[key]

    def _inner(self, names: Iterable[str], expression: Expr, fixed: bool) -> tuple[Tensor, tuple[Range, ...]]:
        """A new tensor for a part of an equation, and the ranges of its axes."""
        name = next(n for n in names if n not in self.names)
        ranges = self._outer(expression)
        self.names.add(name)
        return Tensor(name, tuple(r.extent for r in ranges), **{**self._flags(name), "constant": fixed}), ranges

    def _outer(self, expression: Expr) -> tuple[Range, ...]:
        """The indices of the outside that a part of an equation uses: of a lookup as it reads, else the left side's."""
        inner = {integer(v.name) for v in own_indices(expression)}
        outer = {v.name: v for v in expression.atoms(Symbol) if integer(v.name) in self.extents}
        outer |= {v.name: v for v in expression.atoms(Idx)}
        places = {v.name: place for place, v in enumerate(looked_up_along(expression) or self.extents)}
        places |= {copy: places[index] for copy, index in self.copies.items() if index in places}
        return tuple(
            self._range(v) if isinstance(v, Idx) else Range(integer(v.name), self.extents[integer(v.name)])
            for _, v in sorted(outer.items(), key=lambda item: (places.get(item[0], len(places)), item[0]))
            if integer(v.name) not in inner
        )


def _anonymous(term: Term, order: tuple[int, ...]) -> Term:
    """The term with its free indices in an order, and all indices called by their places."""
    free = tuple(term.free[k] for k in order)
    places = {r.index: integer(f"_{k}") for k, r in enumerate((*free, *term.bound))}
    return replace(term, free=free).rename(places)


def _unused(name: str, taken: set[str]) -> str:
    return _unused(f"{name}_", taken) if name in taken else name
