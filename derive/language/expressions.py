"""Syntax tree -> SymPy: the right side of an equation, built node by node; nothing is evaluated as text."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import sympy
from sympy import Eq, Expr, Idx, IndexedBase, Integer, Sum, Symbol

from derive.equations import Maximum, Minimum, inside
from derive.functions import at_least, equal, greater, unequal
from derive.index import integer
from derive.language import syntax
from derive.language.error import Located
from derive.language.extents import Extents
from derive.language.functions import CONSTANTS, FOLDED, FUNCTIONS, PADDINGS
from derive.language.integers import check_affine, direction_of, integer_expression, interval
from derive.language.padding import continued
from derive.language.scope import DOTS, Scope, nearest
from derive.language.syntax import (
    Bracket,
    Call,
    Comparison,
    Element,
    Ellipsis,
    Name,
    Node,
    Number,
    Power,
    Product,
    Reduction,
)

LARGEST_EXPONENT, LARGEST_NUMBER = 64, 1e300
REDUCTIONS = {"sum": Sum, "max": Maximum, "min": Minimum}


@dataclass(frozen=True)
class Condition:
    """What must be >= 0 for a layer to be defined, and the parameter to blame."""

    least: Expr
    parameter: str
    words: str


@dataclass
class Reader:
    """Reads the equations of one text; collects the equations of continued tensors and their conditions on the way.

    Attributes:
        scope: the meaning of the names.
        extents: the extents.
        before: equations that have to stand before the one being read.
        conditions: what the sizes must fulfil.
    """

    scope: Scope
    extents: Extents
    before: list[Eq] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bases = {n: self._base(n, self.extents.shapes[n]) for n in self.scope.ranks}
        self.symbols = {n: integer(n) for n in self.scope.indices if n != DOTS}
        if self.extents.dots is not None:
            self.symbols[DOTS] = self.extents.dots
        self.index = {n: Idx(self.symbols[n].name, self.extents.indices[n]) for n in self.scope.indices}
        self.ranges = {self.symbols[n]: self.extents.indices[n] for n in self.scope.indices}
        self.continuations: dict[tuple[str, int, str, Expr, Expr, Expr], IndexedBase] = {}
        self.taken = {
            *self.bases,
            *(i.name for i in self.symbols.values()),
            *self.scope.parameters,
            *self.extents.named,
        }

    def _base(self, name: str, shape: tuple[Expr, ...]) -> Expr:
        return IndexedBase(name, shape=shape, real=True) if shape else Symbol(name, real=True)

    def equation(self, equation: syntax.Equation) -> tuple[Eq, ...]:
        """The SymPy equations that `equation` stands for."""
        self.before = []
        target = equation.target
        left = self.bases[target.name] if isinstance(target, Name) else self._left(target)
        bound = {n.name if isinstance(n, Name) else DOTS for n in syntax.walk(target) if isinstance(n, Name | Ellipsis)}
        value = self.value(equation.value, frozenset(bound & set(self.index)), factor=True)
        return (*self.before, Eq(left, left + value if equation.accumulates else value, evaluate=False))

    def _left(self, target: Element) -> Expr:
        place: list[Expr] = []
        for node in target.subscripts:
            if any(isinstance(n, Element) for n in syntax.walk(node)):
                hint = f"reduce instead: {target.tensor}[v, ...] = sum(n) [v == label[n]] * ..."
                raise Located(f"a tensor stands in a subscript on the left side; {hint}", node.at)
            place.append(self._subscript(node, frozenset(self.index), self.bases[target.tensor].shape[len(place)]))
        return self.bases[target.tensor][tuple(place)]

    # ----- values -----
    def value(self, node: Node, bound: frozenset[str], factor: bool = False) -> Expr:
        """The value of a node.

        Args:
            node: the node.
            bound: the indices that have a value here.
            factor: whether the node is a factor of a summand, where a condition on indices restricts the summation.
        """
        found = self._value(node, bound, factor)
        if found.is_number and not (found.is_real and found.is_finite and abs(found) < LARGEST_NUMBER):
            raise Located("not a real number", node.at)
        return found

    def _value(self, node: Node, bound: frozenset[str], factor: bool) -> Expr:
        match node:
            case Number():
                return _number(node)
            case Name():
                return self._name(node, bound)
            case Element():
                return self._element(node, bound)
            case syntax.Sum(parts):
                return sympy.Add(*(self.value(p, bound, factor) * (1 if sign == "+" else -1) for sign, p in parts))
            case Product():
                return self._product(node, bound, factor)
            case Power():
                return self._power(node, bound)
            case Call():
                return self._call(node, bound)
            case Reduction():
                return self._reduction(node, bound)
            case Bracket():
                return self._bracket(node, bound, factor)
        raise Located("... stands for axes; expected a value", node.at)

    def _product(self, node: Product, bound: frozenset[str], factor: bool) -> Expr:
        value = self.value(node.first, bound, factor and not isinstance(node.first, syntax.Sum))
        for operator, part in node.rest:
            if operator in ("//", "%"):
                raise Located(f"{operator} is for integers in subscripts and sizes; expected / or *", part.at)
            own = self.value(part, bound, factor and operator == "*" and not isinstance(part, syntax.Sum))
            if operator == "/" and own == 0:
                raise Located("division by 0", part.at)
            value = value * own if operator == "*" else value / own
        return value

    def _power(self, node: Power, bound: frozenset[str]) -> Expr:
        base, exponent = self.value(node.base, bound), self.value(node.exponent, bound)
        if exponent.is_number and abs(exponent) > LARGEST_EXPONENT:
            raise Located(f"expected an exponent of at most {LARGEST_EXPONENT}", node.exponent.at)
        if base.is_number and exponent.is_number and base == 0 and exponent < 0:
            raise Located("division by 0", node.at)
        if exponent.is_number and base.is_number and not (base.is_Integer and exponent.is_Integer and abs(base) < 1000):
            return sympy.Float(float(base) ** float(exponent)) if base > 0 else base**exponent
        return base**exponent

    def _call(self, node: Call, bound: frozenset[str]) -> Expr:
        name, count = node.function, len(node.arguments)
        bare = count > 0 and all(isinstance(a, Name | Ellipsis) and _called(a) in self.index for a in node.arguments)
        if name in ("sum", *FOLDED) and bare:
            raise Located(f"{name}(...) reduces over indices and needs a factor after it", node.at)
        if name == "sum" or name in PADDINGS:
            hint = "sum(i) x[i]" if name == "sum" else f"it wraps a subscript: x[{name}(i - 1)]"
            raise Located(f"{name} does not stand for a value here; expected {hint}", node.at)
        if name in FOLDED:
            if count < 2:
                raise Located(f"{name} takes two values, or indices before a factor; found {count}", node.at)
            return FOLDED[name](*(self.value(a, bound) for a in node.arguments))
        if name not in FUNCTIONS:
            hint = (
                f"{name}[...] if it is a tensor" if name in self.bases else nearest(name, [*FUNCTIONS, *FOLDED, "sum"])
            )
            raise Located(f"unknown function {name}; {hint}", node.at)
        if count != 1:
            raise Located(f"{name} takes 1 argument; found {count}", node.at)
        return FUNCTIONS[name](self.value(node.arguments[0], bound))

    def _reduction(self, node: Reduction, bound: frozenset[str]) -> Expr:
        names = [_called(i) for i in node.indices]
        for name, index in zip(names, node.indices, strict=True):
            if name in bound or names.count(name) > 1:
                raise Located(f"index {name} is bound twice; use another index for one of them", index.at)
        body = self.value(node.body, bound | set(names), factor=True)
        return REDUCTIONS[node.op](body, *(self.index[n] for n in names))

    def _name(self, node: Name, bound: frozenset[str]) -> Expr:
        name = node.name
        if name in self.index:
            self._check_bound(node, bound)
            return self.index[name]
        if name in self.scope.parameters:
            return self._parameter(name)
        if name in self.bases:
            if self.scope.ranks[name]:
                raise Located(f"{name} has {self.scope.ranks[name]} axes; expected {name}[...]", node.at)
            return self.bases[name]
        if name in self.extents.named:
            return self.extents.named[name]
        if name in CONSTANTS:
            return CONSTANTS[name]
        known = [n for n in (*self.index, *self.bases, *self.scope.parameters, *self.extents.named) if n != DOTS]
        hint = nearest(name, known)
        if not hint.startswith("did"):
            hint = f"write {name} = 1 for a parameter, input {name} for a number, or {name}[...] for a tensor"
        raise Located(f"unknown name {name}; {hint}", node.at)

    def _parameter(self, name: str) -> Symbol:
        return integer(name) if self.scope.parameters[name].integer else Symbol(name, real=True)

    def _check_bound(self, node: Name | Ellipsis, bound: frozenset[str]) -> None:
        name = _called(node)
        if name not in bound:
            hint = f"put it on the left, or reduce over it: sum({name}) ..."
            raise Located(f"index {name} is neither on the left side nor reduced over; {hint}", node.at)

    # ----- elements -----
    def _element(self, node: Element, bound: frozenset[str]) -> Expr:
        base, place, lookups = self.bases[node.tensor], [], []
        for axis, subscript in enumerate(node.subscripts):
            if isinstance(subscript, Call) and subscript.function in PADDINGS:
                base, position = self._continued(base, axis, subscript, bound)
                place.append(position)
            elif any(isinstance(n, Element) for n in syntax.walk(subscript)):
                index = Idx(self._letter(), base.shape[axis])
                lookups.append((index, self._label(subscript, bound)))
                place.append(index)
            else:
                place.append(self._subscript(subscript, bound, base.shape[axis]))
        value = base[tuple(place)]
        if not lookups:
            return value
        brackets = sympy.Mul(*(equal(index, label) for index, label in lookups))
        return Sum(brackets * value, *(index for index, _ in lookups))

    def _subscript(self, node: Node, bound: frozenset[str], extent: Expr) -> Expr:
        if isinstance(node, Ellipsis):
            self._check_bound(node, bound)
            return self.index[DOTS]
        known = {*self.index, *self.extents.named, *self.scope.parameters, *self.bases}
        if isinstance(node, Name) and node.name not in known:
            hint = f"put it on the left, reduce over it: sum({node.name}) ..., or set a parameter: {node.name} = 0"
            raise Located(f"index {node.name} is neither on the left side nor reduced over; {hint}", node.at)
        expression = integer_expression(node, lambda name: self._integer_name(name, bound))
        check_affine(expression, self.ranges, node)
        return expression.xreplace({self.symbols[n]: self.index[n] for n in self.index})

    def _integer_name(self, node: Name, bound: frozenset[str]) -> Expr:
        if node.name in self.index:
            self._check_bound(node, bound)
            return self.symbols[node.name]
        if node.name in self.bases:
            raise Located(f"{node.name} is a tensor; expected an index, a parameter or a size", node.at)
        return self.extents.named.get(node.name, integer(node.name))

    def _label(self, node: Node, bound: frozenset[str]) -> Expr:
        """An integer expression with elements of integer tensors: a lookup."""

        def element(part: Node) -> Expr | None:
            if not isinstance(part, Element):
                return None
            if part.tensor not in self.scope.flags["integer"]:
                raise Located(f"{part.tensor} stands in a subscript; declare it: integer {part.tensor}", part.at)
            return self._element(part, bound)

        expression = integer_expression(node, lambda name: self._integer_name(name, bound), element)
        return expression.xreplace({self.symbols[n]: self.index[n] for n in self.index})

    def _continued(self, base: IndexedBase, axis: int, node: Call, bound: frozenset[str]) -> tuple[IndexedBase, Expr]:
        kind, count = node.function, PADDINGS[node.function]
        if len(node.arguments) != count:
            raise Located(f"{kind} takes {count} argument{'s' * (count > 1)}; found {len(node.arguments)}", node.at)
        subscript = node.arguments[0]
        position = self._subscript(subscript, bound, base.shape[axis])
        if kind == "zero":
            return base, position
        plain = position.xreplace({v: self.symbols[n] for n, v in self.index.items()})
        reach = interval(plain, self.ranges)
        if reach is None:
            raise Located("the sign of a coefficient is unknown; expected an index times a size", subscript.at)
        low = reach[0] if direction_of(reach[0]) < 0 else Integer(0)
        high = reach[1] if direction_of(base.shape[axis] - 1 - reach[1]) <= 0 else base.shape[axis] - 1
        value = self.value(node.arguments[1], frozenset()) if kind == "value" else Integer(0)
        if value.has(sympy.Indexed) or any(isinstance(n, Element) for n in syntax.walk(node.arguments[1:])):
            raise Located("the padding value depends on a tensor; expected a number or a parameter", node.at)
        key = (str(base.label), axis, kind, low, high, value)
        if key not in self.continuations:
            name = self._fresh(f"{base.label}_{kind}")
            letters = [self._letter() for _ in base.shape]
            found = continued(base, axis, kind, (low, high), name, letters, value)
            self.continuations[key] = found.base
            self.before += found.equations
            self._require(found.least, kind, str(base.label), axis, low)
        return self.continuations[key], sympy.expand(position - low)

    def _require(self, least: tuple[Expr, ...], kind: str, tensor: str, axis: int, low: Expr) -> None:
        words = {"reflect": "less than the extent it reflects", "circular": "at most the extent it repeats"}
        sizes = {s for shape in self.extents.shapes.values() for e in shape for s in e.free_symbols}
        blamed = sorted(s.name for s in low.free_symbols - sizes)
        for expression in least:
            name = blamed[0] if blamed else f"{tensor}, axis {axis}"
            self.conditions.append(Condition(expression, name, words.get(kind, "an axis that is not empty")))

    def _letter(self) -> str:
        letter = next(v for v in (*"qvmaol", *(f"q{k}" for k in range(1, 999))) if v not in self.taken)
        self.taken.add(letter)
        return letter

    def _fresh(self, name: str) -> str:
        while name in self.taken:
            name = f"{name}_"
        self.taken.add(name)
        return name

    # ----- conditions -----
    def _bracket(self, node: Bracket, bound: frozenset[str], factor: bool) -> Expr:
        return sympy.Mul(*self._brackets(node, bound, factor))

    def _brackets(self, node: Bracket, bound: frozenset[str], factor: bool) -> Iterator[Expr]:
        waiting = list(node.comparisons)
        while waiting:
            first = waiting.pop(0)
            if not self._is_integer(first.left) or not self._is_integer(first.right) or not factor:
                yield self._compared(first, bound)
            elif waiting and _is_range(first, waiting[0]) and self._is_integer(waiting[0].right):
                second = waiting.pop(0)
                extent = self._position(second.right, bound) + (1 if second.sign == "<=" else 0)
                yield inside(self._indexed(self._position(first.right, bound)), extent)
            else:
                yield self._restricted(first, bound)

    def _compared(self, node: Comparison, bound: frozenset[str]) -> Expr:
        """A comparison of values: a factor 0 or 1."""
        a, b = self.value(node.left, bound), self.value(node.right, bound)
        match node.sign:
            case "==":
                return equal(a, b)
            case "!=":
                return unequal(a, b)
            case ">":
                return greater(a, b)
            case ">=":
                return at_least(a, b)
            case "<":
                return greater(b, a)
        return at_least(b, a)

    def _restricted(self, node: Comparison, bound: frozenset[str]) -> Expr:
        """A comparison of indices: it restricts what is summed over."""
        a, b = self._position(node.left, bound), self._position(node.right, bound)
        if node.sign == "==":
            return equal(self._indexed(a), self._indexed(b))
        if node.sign == "!=":
            return unequal(self._indexed(a), self._indexed(b))
        margin = sympy.expand((a - b if node.sign[0] == ">" else b - a) - (1 if len(node.sign) == 1 else 0))
        reach = interval(margin, self.ranges)
        if reach is None:
            raise Located("the sign of a coefficient is unknown; expected an index times a size", node.at)
        return inside(self._indexed(margin), sympy.expand(reach[1] + 1))

    def _position(self, node: Node, bound: frozenset[str]) -> Expr:
        expression = integer_expression(node, lambda name: self._integer_name(name, bound))
        check_affine(expression, self.ranges, node)
        return expression

    def _indexed(self, expression: Expr) -> Expr:
        return expression.xreplace({self.symbols[n]: self.index[n] for n in self.index})

    def _is_integer(self, node: Node) -> bool:
        """Whether a side of a comparison consists of indices, sizes and integer parameters."""
        for part in syntax.walk(node):
            if isinstance(part, Element | Reduction | Bracket):
                return False
            if isinstance(part, Name) and part.name not in self.index and part.name not in self.extents.named:
                parameter = self.scope.parameters.get(part.name)
                if parameter is None or not parameter.integer:
                    return False
            if isinstance(part, Number) and not part.text.isdigit():
                return False
            if isinstance(part, Call) or (isinstance(part, Product) and any(o == "/" for o, _ in part.rest)):
                return False
        return True


def _called(index: Node) -> str:
    return index.name if isinstance(index, Name) else DOTS


def _is_range(first: Comparison, second: Comparison) -> bool:
    """``0 <= e < E`` (or <= E)."""
    zero = isinstance(first.left, Number) and first.left.text == "0"
    return zero and first.sign == "<=" and second.left is first.right and second.sign in ("<", "<=")


def _number(node: Number) -> Expr:
    return Integer(int(node.text)) if node.text.isdigit() else sympy.Float(node.text)
