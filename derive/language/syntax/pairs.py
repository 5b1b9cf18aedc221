"""Complex values as pairs of real ones: a complex tensor has one axis more, its last, with the real and imaginary part.

Every equation of a complex tensor becomes two, of the parts, by the rules of the field; nothing behind knows complex
numbers. Gradients are pairs likewise, dE/d(real part) and dE/d(imaginary part): PyTorch's gradient, as one number.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

from gradscribe.derive.ir.reductions import REDUCTIONS, SUM
from gradscribe.derive.language.syntax.located_error import Located, nearest
from gradscribe.derive.language.syntax.tree import (
    Bracket,
    Call,
    Comparison,
    Declaration,
    Element,
    Equation,
    Let,
    Name,
    Node,
    Number,
    Place,
    Power,
    Product,
    Reduction,
    Sum,
    Text,
    below,
    rebuilt,
    walk,
)
from gradscribe.derive.language.syntax.words import CONSTANT, PAIRED

KEYWORD = "complex"
LARGEST, HIGHEST = 20_000, 8
"""Nodes of a part, and the highest power of a complex value."""

Terms = tuple[tuple[str, Node], ...]
"""Summands with their signs; () is 0."""


class Pair(NamedTuple):
    """A value: its real and its imaginary part."""

    re: Terms
    im: Terms = ()


def paired(text: Text) -> Text:
    """The text with pairs of real values in the place of complex ones.

    Raises:
        Located: where a complex value stands in what is for real ones.
    """
    lines = (*text.equations, *text.evaluation)
    declared = [i for d in text.declarations if d.keyword == KEYWORD for i in d.items]
    if not declared and not any(isinstance(n, Call) and n.function in PAIRED for n in walk(lines)):
        return text
    tensors = {_named(n) for n in walk((*lines, *text.ranges)) if isinstance(n, Element | Name)}
    for item in declared:
        if _named(item) not in tensors:
            raise Located(f"{_named(item)} is no tensor; {nearest(_named(item), tensors)}", item.at)
    pairs = _Pairs({_named(i) for i in declared})
    pairs.follow(lines)
    equations, evaluation = (
        tuple(part for line in group for part in pairs.equation(line)) for group in (text.equations, text.evaluation)
    )
    found = (pairs.declaration(d) for d in text.declarations)
    declarations = tuple(d for d in found if d.items)
    names = tuple(sorted(pairs.names))
    return replace(text, equations=equations, evaluation=evaluation, declarations=declarations, pairs=names)


class _Pairs:
    """The complex tensors of a text, which grow while it is followed."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def follow(self, lines: Iterable[Equation]) -> None:
        """Add the tensors that complex values make, until there are no more."""
        waiting = [e for e in lines if _named(e.target) not in self.names]
        found = [e for e in waiting if self.is_complex(e.value)]
        self.names |= {_named(e.target) for e in found}
        if found:
            self.follow(waiting)

    def is_complex(self, node: Any) -> bool:
        """Whether a value has an imaginary part."""
        if isinstance(node, Element | Name):
            return _named(node) in self.names
        if isinstance(node, Call) and node.function in PAIRED:
            return node.function == "complex" or (node.function == "conj" and any(map(self.is_complex, node.arguments)))
        if isinstance(node, Bracket) or (isinstance(node, Call) and node.function not in ("exp", CONSTANT)):
            return False
        return any(map(self.is_complex, below(node)))

    def declaration(self, line: Declaration) -> Declaration:
        """A declaration whose shapes have the axis of the parts; names of complex tensors say no more."""
        items = (i for i in line.items if isinstance(i, Element) or line.keyword != KEYWORD)
        return replace(line, items=tuple(map(self._shape, items)))

    def _shape(self, item: Name | Element) -> Name | Element:
        if isinstance(item, Name) or item.tensor not in self.names:
            return item
        return replace(item, subscripts=(*item.subscripts, Number("2", item.at)))

    def equation(self, line: Equation) -> tuple[Equation, ...]:
        """The equations of the parts of a complex tensor, or the equation of a real one."""
        pair = self.value(line.value)
        if _named(line.target) not in self.names:
            return (replace(line, value=_sum(self.real(pair, line.value), line.at)),)
        found = []
        for part, terms in enumerate(pair):
            if terms or part == 0:
                target = _part(line.target, part)
                added = line.accumulates or part == 1
                found.append(Equation(target, _sum(terms, line.at), added, line.at))
        return tuple(found)

    # ----- values ---------------------------------------------------------------------------------------------------
    def real(self, pair: Pair, node: Node) -> Terms:
        """The value of a node that has to be real."""
        if pair.im:
            hint = "take re(...), im(...) or abs(...)"
            raise Located(f"a complex value stands where a real one is expected; {hint}", node.at)
        return pair.re

    def value(self, node: Node) -> Pair:
        """The parts of a value."""
        if not any(self._touches(n) for n in walk(node)):
            return Pair((("+", node),))
        found = self._value(node)
        for terms in found:
            if next(islice(walk(tuple(t for _, t in terms)), LARGEST, None), None) is not None:
                raise Located("too long an expression of complex values; name a part and use the name", node.at)
        return found

    def _touches(self, node: Any) -> bool:
        named = isinstance(node, Element | Name) and _named(node) in self.names
        return named or (isinstance(node, Call) and node.function in PAIRED)

    def _value(self, node: Node) -> Pair:
        match node:
            case Element() | Name() if _named(node) in self.names:
                return Pair((("+", _part(node, 0)),), (("+", _part(node, 1)),))
            case Sum(parts):
                pairs = [(sign, self.value(part)) for sign, part in parts]
                re, im = (tuple(t for sign, p in pairs for t in _signed(sign, p[k])) for k in (0, 1))
                return Pair(re, im)
            case Product():
                return self._product(node)
            case Power():
                return self._power(node)
            case Reduction():
                return self._reduction(node)
            case Call():
                return self._call(node)
            case Let():
                return self._let(node)

        def real(part: Any) -> Any:
            if not isinstance(part, Node):  # a comparison
                return rebuilt(part, real)
            return _sum(self.real(self.value(part), part), part.at)

        return Pair((("+", rebuilt(node, real)),))

    def _product(self, node: Product) -> Pair:
        found = self.value(node.first)
        for operator, factor in node.rest:
            other = self.value(factor)
            if operator == "*":
                found = _times(found, other, factor.at)
            elif operator == "/" and not other.im:
                found = _divided(found, _sum(other.re, factor.at))
            elif operator == "/":
                conjugate = Pair(other.re, _signed("-", other.im))
                found = _divided(_times(found, conjugate, factor.at), _squared(other, factor.at))
            else:
                raise Located(f"{operator} is for integers in subscripts and sizes; expected / or *", factor.at)
        return found

    def _power(self, node: Power) -> Pair:
        two = isinstance(node.exponent, Number) and node.exponent.text == "2"
        if two and isinstance(node.base, Call) and node.base.function == "abs" and len(node.base.arguments) == 1:
            inner = self.value(node.base.arguments[0])
            if inner.im:
                return Pair((("+", _squared(inner, node.at)),))
        base, exponent = self.value(node.base), self.value(node.exponent)
        power = _sum(self.real(exponent, node.exponent), node.exponent.at)
        if not base.im:
            return Pair((("+", Power(_sum(base.re, node.base.at), power, node.at)),))
        if not (isinstance(power, Number) and power.text.isdigit() and 1 <= int(power.text) <= HIGHEST):
            raise Located(f"a complex value has powers from 1 to {HIGHEST} here; expected such a number", power.at)
        found = base
        for _ in range(int(power.text) - 1):
            found = _times(found, base, node.at)
        return found

    def _reduction(self, node: Reduction) -> Pair:
        body = self.value(node.body)
        if REDUCTIONS[node.op] is not SUM:
            whole = _sum(self.real(body, node.body), node.body.at)
            return Pair((("+", replace(node, body=whole)),))
        return _each(body, lambda t: replace(node, body=t))

    def _let(self, node: Let) -> Pair:
        pair = self.value(node.value)
        if not pair.im:
            return Pair((("+", replace(node, value=_sum(pair.re, node.at))),))
        named = zip(("re", "im"), pair, strict=True)
        re, im = (
            ((("+", replace(node, name=f"{node.name}_{k}", value=_sum(t, node.at))),) if t else ()) for k, t in named
        )
        return Pair(re, im)

    def _call(self, node: Call) -> Pair:
        name, arguments = node.function, [self.value(a) for a in node.arguments]
        expected = 2 if name == "complex" else 1
        if (name in PAIRED or name in ("exp", "abs", CONSTANT)) and len(arguments) != expected:
            raise Located(f"{name} takes {expected} argument{'s' * (expected > 1)}; found {len(arguments)}", node.at)
        if name == "complex":
            re, im = (self.real(p, a) for p, a in zip(arguments, node.arguments, strict=True))
            return Pair(*(() if _is_zero(terms) else terms for terms in (re, im)))
        if name in PAIRED:
            re, im = arguments[0]
            return {"re": Pair(re), "im": Pair(im), "conj": Pair(re, _signed("-", im))}[name]
        if name == CONSTANT:
            return Pair(*((("+", Call(name, (_sum(t, node.at),), node.at)),) if t else () for t in arguments[0]))
        if name == "exp" and arguments[0].im:
            re, im = arguments[0]
            turn = _sum(im, node.at)
            unit = Pair(*((("+", Call(f, (turn,), node.at)),) for f in ("cos", "sin")))
            return _times(Pair((("+", Call("exp", (_sum(re, node.at),), node.at)),)), unit, node.at) if re else unit
        if name == "abs" and arguments[0].im:  # s/sqrt(s + [s = 0]) is sqrt(s), of slope 0 at 0
            square, zero = _squared(arguments[0], node.at), Number("0", node.at)
            at_zero = Bracket((Comparison(square, "==", zero, node.at),), node.at)
            root = Call("sqrt", (Sum((("+", square), ("+", at_zero)), node.at),), node.at)
            return Pair((("+", Product(square, (("/", root),), node.at)),))
        real = tuple(_sum(self.real(p, a), a.at) for p, a in zip(arguments, node.arguments, strict=True))
        return Pair((("+", replace(node, arguments=real)),))


def _named(node: Name | Element) -> str:
    return node.name if isinstance(node, Name) else node.tensor


def _part(node: Name | Element, part: int) -> Element:
    """The real (0) or the imaginary (1) part of an element."""
    subscripts = node.subscripts if isinstance(node, Element) else ()
    return Element(_named(node), (*subscripts, Number(str(part), node.at)), node.at)


def _signed(sign: str, terms: Terms) -> Terms:
    return terms if sign == "+" else tuple(("-" if s == "+" else "+", t) for s, t in terms)


def _sum(terms: Terms, at: Place) -> Node:
    if not terms:
        return Number("0", at)
    return terms[0][1] if len(terms) == 1 and terms[0][0] == "+" else Sum(terms, at)


def _is_zero(terms: Terms) -> bool:
    return len(terms) == 1 and isinstance(terms[0][1], Number) and not float(terms[0][1].text)


def _each(pair: Pair, change: Callable[[Node], Node]) -> Pair:
    """A pair with every summand changed."""
    return Pair(*(tuple((sign, change(t)) for sign, t in terms) for terms in pair))


def _divided(pair: Pair, divisor: Node) -> Pair:
    return _each(pair, lambda t: Product(t, (("/", divisor),), t.at))


def _times(a: Pair, b: Pair, at: Place) -> Pair:
    re = (*_multiplied(a.re, b.re, at), *_signed("-", _multiplied(a.im, b.im, at)))
    return Pair(re, (*_multiplied(a.re, b.im, at), *_multiplied(a.im, b.re, at)))


def _multiplied(a: Terms, b: Terms, at: Place) -> Terms:
    """The products of all summands: each is one of matrices then, where it is summed; of many, of the sums."""
    if not a or not b:
        return ()
    if len(a) * len(b) > HIGHEST:
        a, b = ((("+", _sum(terms, at)),) for terms in (a, b))
    return tuple(("+" if s == r else "-", Product(t, (("*", u),), at)) for s, t in a for r, u in b)


def _squared(pair: Pair, at: Place) -> Node:
    """The square of the absolute value."""
    two = Number("2", at)
    return _sum(tuple(("+", Power(_sum(terms, at), two, at)) for terms in pair if terms), at)
