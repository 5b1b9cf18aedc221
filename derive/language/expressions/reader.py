"""Syntax tree -> SymPy: the right side of an equation, built node by node; nothing is evaluated as text."""

import sympy
from sympy import Eq, Expr, Idx, IndexedBase, Integer, Sum, Symbol

from gradscribe.derive.ir.functions import Rule, constant, decreed, equal, whole
from gradscribe.derive.ir.reductions import REDUCTIONS, SUM
from gradscribe.derive.language.definitions.decrees import MARK
from gradscribe.derive.language.expressions.conditions import brackets, excludes
from gradscribe.derive.language.expressions.elements import Condition, Elements
from gradscribe.derive.language.expressions.float_positions import is_integral
from gradscribe.derive.language.meaning.digits import check_divisors
from gradscribe.derive.language.meaning.extents import Extents
from gradscribe.derive.language.meaning.scope import Scope
from gradscribe.derive.language.meaning.vocabulary import Bound, Vocabulary, called
from gradscribe.derive.language.syntax import tree
from gradscribe.derive.language.syntax.located_error import Located
from gradscribe.derive.language.syntax.tree import (
    Bracket,
    Call,
    Element,
    Ellipsis,
    Name,
    Node,
    Number,
    Power,
    Product,
    Reduction,
)
from gradscribe.derive.language.syntax.words import CONSTANT, FOLDED, FUNCTIONS, LERP, PADDINGS
from gradscribe.derive.layer.equations import REDUCED, named

LARGEST_EXPONENT, LARGEST_NUMBER = 64, 1e300


class Reader:
    """Reads the equations of one text.

    Args:
        scope: the meaning of the names.
        extents: the extents.
    """

    def __init__(self, scope: Scope, extents: Extents) -> None:
        self.vocabulary = Vocabulary(scope, extents)
        self.elements = Elements(self.vocabulary, self.value)

    @property
    def conditions(self) -> list[Condition]:
        """What the sizes must fulfil, as far as the equations have been read, and ranges such as ``i < L - 2``."""
        given = {v.name: e for v, e in self.vocabulary.ranges.items() if _may_be_negative(e)}
        words = "a range that is not negative"
        return [*self.elements.conditions, *(Condition(e, f"index {v}", words, e) for v, e in given.items())]

    def equation(self, equation: tree.Equation) -> tuple[Eq, ...]:
        """The SymPy equations that `equation` stands for: those of continued tensors first."""
        target = equation.target
        self._check_place(equation)
        left, brackets, over = self._left(target)
        bound = frozenset(called(n) for n in tree.walk(target) if isinstance(n, Name | Ellipsis))
        value = self._right(equation.value, bound & set(self.vocabulary.indices))
        name = target.name if isinstance(target, Name) else target.tensor
        if name in self.vocabulary.scope.flags["integer"]:
            if equation.accumulates or not is_integral(value, self.vocabulary.scope.flags["integer"]):
                hint = f"expected one equation such as {name}[...] = floor(...), ceil or round"
                raise Located(f"{name} is declared a tensor of integers; {hint}", equation.value.at)
            value = whole(value)
        value = Sum(sympy.Mul(*brackets) * value, *over) if brackets else value
        before = tuple(self.elements.before)
        self.elements.before.clear()
        return (*before, Eq(left, left + value if equation.accumulates else value, evaluate=False))

    @property
    def integers(self) -> list[str]:
        """The tensors of integers that the equations need and the text does not name."""
        return self.elements.wholes.integers

    def _left(self, target: Name | Element) -> tuple[Expr, tuple[Expr, ...], tuple[Idx, ...]]:
        """A left side, see `Elements.target`."""
        if isinstance(target, Name):
            return self.vocabulary.bases[target.name], (), ()
        return self.elements.target(target)

    def _right(self, node: Node, bound: Bound) -> Expr:
        """The value of a right side."""
        if isinstance(node, Element):
            return self.elements.read(node, bound, alone=True)
        return self.value(node, bound, factor=True)

    def _check_place(self, equation: tree.Equation) -> None:
        """A place is one of each element on the left, and no sum."""
        value, target = equation.value, equation.target
        if not isinstance(value, Reduction) or not REDUCTIONS[value.op].places or isinstance(target, Name):
            return
        indices = [called(s) for s in target.subscripts if isinstance(s, Name | Ellipsis)]
        if len(set(indices)) < len(target.subscripts) or not set(indices) <= set(self.vocabulary.indices):
            expected = f"expected single indices on the left: k[n, i] = {value.op}(j) ..."
            raise Located(f"{value.op} has one place for each element; {expected}", target.at)

    def value(self, node: Node, bound: Bound, factor: bool = False) -> Expr:
        """The value of a node.

        Args:
            node: the node.
            bound: the indices that have a value here.
            factor: whether the node is a factor of a summand, where a condition on indices restricts the summation.
        """
        found = self._value(node, bound, factor)
        if found.is_number and not (found.is_real and found.is_finite and abs(found) < LARGEST_NUMBER):
            raise Located("not a real number", node.at)
        coefficients = [abs(summand.as_coeff_Mul()[0]) for summand in sympy.Add.make_args(found)]
        if not all(c == 0 or 1 / LARGEST_NUMBER < c < LARGEST_NUMBER for c in coefficients):
            raise Located("a number that no floating point holds; expected one from 1e-300 to 1e+300", node.at)
        return found

    def _value(self, node: Node, bound: frozenset[str], factor: bool) -> Expr:
        match node:
            case Number():
                return _number(node)
            case Name():
                if node.name.endswith(MARK):
                    return Symbol(node.name.removesuffix(MARK))
                return self.vocabulary.name(node, bound)
            case Element():
                return self.elements.read(node, bound)
            case tree.Sum(parts):
                return sympy.Add(*(self.value(p, bound, factor) * (1 if sign == "+" else -1) for sign, p in parts))
            case Product():
                return self._product(node, bound, factor)
            case Power():
                return self._power(node, bound)
            case Call():
                return self._call(node, bound)
            case Reduction():
                return self._reduction(node, bound)
            case tree.Decreed():
                return self._decreed(node, bound)
            case tree.Let(name, value, own):
                return self._named(name, self.value(value, bound, factor), own)
            case Bracket():
                found = brackets(node, bound, factor, self.vocabulary, self.value)
                return sympy.Mul(*(self._labelled(bracket, bound) for bracket in found))
        raise Located("... stands for axes; expected a value", node.at)

    def _named(self, name: str, value: Expr, own: bool) -> Expr:
        """What a definition gives a name; what reads no tensor needs none."""
        scalars = {base for base in self.vocabulary.bases.values() if isinstance(base, sympy.Symbol)}
        return named(value, name, own) if value.has(IndexedBase) or value.free_symbols & scalars else value

    def _labelled(self, bracket: Expr, bound: Bound) -> Expr:
        """An equality with labels in place of what makes integers of real numbers, so that it is a lookup."""
        if not isinstance(bracket, equal):
            return bracket
        return equal(*(self.elements.wholes.labelled(side, bound) for side in bracket.args))

    def _product(self, node: Product, bound: frozenset[str], factor: bool) -> Expr:
        whole = [(operator, part) for operator, part in node.rest if operator in ("//", "%")]
        if whole and self.vocabulary.is_integer(node):
            return self._whole(node, bound)
        value = self.value(node.first, bound, factor and not isinstance(node.first, tree.Sum))
        for operator, part in node.rest:
            if operator in ("//", "%"):
                hint = "write floor(a / b)" if operator == "//" else "write a - b*floor(a / b)"
                raise Located(f"{operator} is for indices and sizes; of other values {hint}", part.at)
            own = self.value(part, bound, factor and operator == "*" and not isinstance(part, tree.Sum))
            if operator == "/" and own == 0:
                raise Located("division by 0", part.at)
            value = value * own if operator == "*" else value / own
        return value

    def _decreed(self, node: tree.Decreed, bound: Bound) -> Expr:
        """A call of a function whose slopes are given."""
        own = tuple(map(Symbol, node.parameters))
        value, *slopes = (self.value(n, frozenset()) for n in (node.value, *node.slopes))
        besides = {s for e in (value, *slopes) for s in e.free_symbols} - set(own)
        others = tuple(sorted(besides, key=sympy.default_sort_key))
        if read := [s.name for s in others if s in self.vocabulary.bases.values()]:
            hint = f"{node.function}({', '.join([*node.parameters, *read])})"
            raise Located(f"{read[0]} is a tensor; make it an argument: {hint}", node.value.at)
        rule = Rule(node.function, own + others, value, tuple(slopes))
        return decreed(rule, *(self.value(a, bound) for a in node.arguments), *others)

    def _whole(self, node: Product, bound: Bound) -> Expr:
        """A quotient or a remainder of indices and sizes as a value."""
        words = self.vocabulary
        found = words.integer(node, bound)
        check_divisors(found, words.ranges, node)
        return words.indexed(found)

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
        names = [called(a) for a in node.arguments if isinstance(a, Name | Ellipsis)]
        bare = 0 < count == len(names) and (count == 1 or set(names) <= set(self.vocabulary.indices))
        if name in REDUCTIONS and bare:
            over = f"{name}({', '.join(names)})"
            hint = f"put parentheses around a sum or a minus: {over} (-x[...])"
            raise Located(f"{over} reduces over indices and needs a factor after it; {hint}", node.at)
        reduces = name in REDUCTIONS and name not in FOLDED
        if reduces or name in PADDINGS or name == LERP:
            inner = "p[i], zero" if name == LERP else "i - 1"
            hint = f"{name}(i) x[i]" if reduces else f"it wraps a subscript: x[{name}({inner})]"
            raise Located(f"{name} does not stand for a value here; expected {hint}", node.at)
        if name in FOLDED:
            if count < 2:
                raise Located(f"{name} takes two values, or indices before a factor; found {count}", node.at)
            return FOLDED[name](*(self.value(a, bound) for a in node.arguments))
        if name not in FUNCTIONS and name != CONSTANT:
            raise Located(f"{name} is for sizes; expected a function of values", node.at)
        if count != 1:
            raise Located(f"{name} takes 1 argument; found {count}", node.at)
        if name == CONSTANT:  # a tensor of its own: what stands in it is read as the right side of an equation
            return constant(self.value(node.arguments[0], bound, factor=True))
        return FUNCTIONS[name](self.value(node.arguments[0], bound))

    def _reduction(self, node: Reduction, bound: frozenset[str]) -> Expr:
        names = [called(i) for i in node.indices]
        for name, index in zip(names, node.indices, strict=True):
            if name in bound or names.count(name) > 1:
                raise Located(f"index {name} is bound twice; use another index for one of them", index.at)
        restricts = not isinstance(node.body, tree.Sum) and (REDUCTIONS[node.op] is SUM or excludes(node.body))
        body = self.value(node.body, bound | set(names), factor=restricts)
        return REDUCED[node.op](body, *(self.vocabulary.indices[n] for n in names))


def _number(node: Number) -> Expr:
    return Integer(int(node.text)) if node.text.isdigit() else sympy.Float(node.text)


def _may_be_negative(extent: Expr) -> bool:
    """Whether something is taken away from a size, which may be small."""
    return any(c < 0 for c in sympy.expand(extent).as_coefficients_dict().values())
