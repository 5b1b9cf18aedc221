"""Equations that use definitions -> equations that do not.

An argument is an expression of the text. Where a definition reduces over an index j, the index k that is given for j
is bound in every argument; if k has a value there already, as in ``y[n,k] = softmax(x[n,k], k)``, another index of the
same extent takes its place: ``max(k2) x[n,k2]``. Indices of a definition's own get names that nothing else has. So
nothing is captured. What is reduced, and what ``where`` names, is a `Let`, of which a tensor is made. A call of what
has its slopes by decree is a `Decreed`, in which definitions are expanded likewise.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count

from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.language.definitions.decrees import Decree, decrees
from gradscribe.derive.language.definitions.defined import Defined, Known, arguments, placed, word_of
from gradscribe.derive.language.meaning.axes import extent_of
from gradscribe.derive.language.meaning.scope import DOTS
from gradscribe.derive.language.syntax.located_error import Located
from gradscribe.derive.language.syntax.tree import (
    Call,
    Decreed,
    Element,
    Ellipsis,
    Equation,
    Let,
    Name,
    Node,
    Place,
    Product,
    Reduction,
    Text,
    below,
    rebuilt,
    walk,
)

LONGEST, DEEPEST, MOST_USES = 10_000, 60, 20
"""Nodes that definitions make of a text, how deep these are nested, and definitions that use one another."""
Indices = tuple[Name | Ellipsis, ...]


def expanded(text: Text, known: Known) -> Text:
    """`text` without definitions and slopes by decree.

    Raises:
        Located: when a definition does not fit where it is used; at the place of use.
    """
    lines = (*text.equations, *text.evaluation)
    if not text.rules and not any(isinstance(n, Call) and n.function in known for n in walk(lines)):
        return replace(text, definitions=())
    expansion = _Expansion(text, known)
    equations = tuple(map(expansion.equation, text.equations))
    evaluation = tuple(map(expansion.equation, text.evaluation))
    expansion.check_called()
    copies = tuple(expansion.copies.items())
    return replace(text, equations=equations, evaluation=evaluation, definitions=(), rules=(), copies=copies)


@dataclass(frozen=True)
class _Use:
    """One use of a definition: what the names of its parameters, locals and own indices stand for."""

    defined: Defined
    at: Place
    values: Mapping[str, Node]
    indices: Mapping[str, Indices]


class _Expansion:
    """Expands the equations of one text; it counts what it makes, and keeps the names of new indices."""

    def __init__(self, text: Text, known: Known) -> None:
        self.known = known
        self.copies: dict[str, str] = {}
        self.made = self.nested = 0
        lines = (*text.equations, *text.evaluation, *text.declarations, *text.ranges, *text.limits)
        self.taken = {word_of(n) for n in walk(lines) if isinstance(n, Name | Element)}
        self.taken |= {name for defined in known.values() for name in defined.free}
        self.indices = _indices_of(text, known)
        self.decrees = decrees(text, known, self.indices)
        self.decreed: dict[str, Decreed] = {}

    def equation(self, equation: Equation) -> Equation:
        """An equation without definitions."""
        bound = frozenset(word_of(n) for n in walk(equation.target) if isinstance(n, Name | Ellipsis))
        return replace(equation, value=self._plain(equation.value, bound))

    def check_called(self) -> None:
        """Raise for slopes of what no equation calls."""
        for name in self.decrees:
            if name not in self.decreed:
                where = self.decrees[name].line.name.at
                raise Located(f"no equation calls {name}, so that its derivative says nothing", where)

    def _plain(self, node: Node, bound: frozenset[str]) -> Node:
        """A node of the text; `bound` are the indices that have a value here."""
        if isinstance(node, Call) and node.function in self.decrees:
            return self._by_decree(node, tuple(self._plain(a, bound) for a in node.arguments), node.at)
        if isinstance(node, Call) and node.function in self.known:
            called = self.known[node.function]
            given = arguments(called, node)
            indices = {name: _as_indices(given[name]) for name in called.reduced}
            values = {n: self._plain(g[0], bound) for n, g in given.items() if n not in indices}
            return self._called(called, values, indices, node.at, bound, 0)
        if isinstance(node, Reduction):
            bound = bound | {word_of(i) for i in node.indices}
        found: Node = rebuilt(node, lambda part: self._plain(part, bound))
        return found

    def _called(
        self,
        called: Defined,
        values: Mapping[str, Node],
        indices: Mapping[str, Indices],
        at: Place,
        bound: frozenset[str],
        depth: int,
    ) -> Node:
        """What a definition stands for."""
        use = _Use(called, placed(at, called.name), values, indices)
        if depth > MOST_USES:
            raise Located(f"more than {MOST_USES} definitions that use one another", use.at)
        for name, value in called.definition.locals:
            found = self._body(value, use, bound, depth)
            inner = found.value if isinstance(found, Let) and not found.own else found
            use = replace(use, values={**use.values, name.name: Let(name.name, inner, True, use.at)})
        found = self._body(called.definition.value, use, bound, depth)
        if isinstance(called.definition.value, Reduction) and isinstance(found, Let):
            found = replace(found, name=called.name)
        if _depth(found) > DEEPEST:
            raise Located("definitions nested too deeply; name a part and use the name", use.at)
        return found

    def _body(self, node: Node, use: _Use, bound: frozenset[str], depth: int) -> Node:
        """A node of a definition, in the text's names."""
        self._count(use.at)
        match node:
            case Name():
                return self._name(node, use)
            case Reduction():
                return self._reduction(node, use, bound, depth)
            case Call() if self._is_decreed(node.function, use.defined.known):
                given_values = tuple(self._body(a, use, bound, depth) for a in node.arguments)
                return self._by_decree(node, given_values, use.at)
            case Call() if node.function in use.defined.known:
                called = use.defined.known[node.function]
                given = arguments(called, node)
                indices = {n: self._handed_on(called, n, given[n], use) for n in called.reduced}
                values = {n: self._body(g[0], use, bound, depth) for n, g in given.items() if n not in indices}
                return self._called(called, values, indices, use.at, bound, depth + 1)
        found: Node = replace(rebuilt(node, lambda part: self._body(part, use, bound, depth)), at=use.at)
        return found

    def _name(self, node: Name, use: _Use) -> Node:
        if node.name in use.values:
            self._count(use.at, sum(1 for _ in walk(use.values[node.name])))
            return use.values[node.name]
        if node.name in use.indices:
            first, *others = use.indices[node.name]
            if others:
                raise Located(f"{node.name} stands for several indices; expected one", use.at)
            return replace(first, at=use.at)
        group = next((i for p, i in use.indices.items() if p.upper() == node.name), None)
        if group is not None:
            size, *sizes = (Name(extent_of(word_of(i)), use.at) for i in group)
            return Product(size, tuple(("*", other) for other in sizes), use.at) if sizes else size
        if node.name in self.indices:
            name = use.defined.name
            parameters = ", ".join((*use.defined.parameters, node.name))
            hint = f"make it an argument: define {name}({parameters})"
            raise Located(f"{node.name} is an index of the text, and none of {name}; {hint}", use.at)
        return replace(node, at=use.at)

    def _reduction(self, node: Reduction, use: _Use, bound: frozenset[str], depth: int) -> Let:
        """A reduction, whose indices get a value in it: the arguments', or the definition's own."""
        renamed: dict[str, Name] = {}
        indices = dict(use.indices)
        for index in node.indices:
            name = word_of(index)
            if name not in use.indices:
                if name in use.values:
                    raise Located(f"{name} is a value; expected an index to reduce over", use.at)
                indices[name] = (self._own(name, use),)
                continue
            group: list[Name | Ellipsis] = []
            for given in use.indices[name]:
                if word_of(given) in bound:
                    group.append(renamed.setdefault(word_of(given), self._copy(given, use)))
                else:
                    group.append(given)
            indices[name] = tuple(group)
        over = tuple(i for index in node.indices for i in indices[word_of(index)])
        values = {n: self._renamed(v, renamed, use) for n, v in use.values.items()} if renamed else use.values
        inner = replace(use, values=values, indices=indices)
        own = frozenset(word_of(i) for i in over)
        body = self._apart(self._body(node.body, inner, bound | own, depth), own, use)
        letter = "m" if REDUCTIONS[node.op].selects else "z"
        return Let(letter, Reduction(node.op, over, body, use.at), False, use.at)

    def _handed_on(self, called: Defined, parameter: str, given: tuple[Node, ...], use: _Use) -> Indices:
        """The indices for a parameter of a definition that another one uses."""
        found: list[Name | Ellipsis] = []
        for node in given:
            own = use.indices.get(word_of(node)) if isinstance(node, Name) else None
            if own is None:
                words = f"{called.name} reduces over its argument {parameter}; expected an index"
                raise Located(f"{words}, {word_of(node)} is none", use.at)
            found += own
        return tuple(found)

    # ----- slopes by decree -----
    def _is_decreed(self, function: str, known: Known) -> bool:
        """Whether a definition that knows `known` calls the very function whose slopes are given."""
        return function in self.decrees and known.get(function) is self.known.get(function)

    def _by_decree(self, node: Call, given: tuple[Node, ...], at: Place) -> Decreed:
        """A call of a function whose slopes are given."""
        decree = self.decrees[node.function]
        decree.check(node)
        if decree.name not in self.decreed:
            self.decreed[decree.name] = self._decreed(decree)
        found = self.decreed[decree.name]
        self._count(at, sum(1 for _ in walk(found)))
        return replace(found, arguments=given, at=at)

    def _decreed(self, decree: Decree) -> Decreed:
        """The value and the slopes of such a function, of its parameters."""
        at, own = decree.line.name.at, decree.marked
        if self.nested >= MOST_USES:
            raise Located(f"more than {MOST_USES} derivatives that use one another", at)
        self.nested += 1
        called = self.known.get(decree.name)
        value: Node = Call(decree.name, own, at)
        if called is not None:
            value = self._called(called, dict(zip(called.parameters, own, strict=True)), {}, at, frozenset(), 0)
        slopes = tuple(self._plain(slope, frozenset()) for slope in decree.slopes)
        self.nested -= 1
        decree.check_read((value, *slopes))
        return Decreed(decree.name, decree.parameters, value, slopes, (), at)

    # ----- indices -----
    def _copy(self, index: Name | Ellipsis, use: _Use) -> Name:
        """Another index of the same extent."""
        word = word_of(index)
        root = self.copies.get(word, word)
        name = self._fresh(root if root != DOTS else "q")
        self.copies[name] = root
        return Name(name, use.at)

    def _own(self, name: str, use: _Use) -> Name:
        return Name(self._fresh(name), use.at)

    def _fresh(self, name: str) -> str:
        found = name if name not in self.taken else next(n for k in count(2) if (n := f"{name}{k}") not in self.taken)
        self.taken.add(found)
        return found

    def _renamed(self, node: Node, names: Mapping[str, Name], use: _Use) -> Node:
        """A node of the text with other indices, where these are not bound in it."""
        self._count(use.at)
        match node:
            case Name() | Ellipsis():
                new = names.get(word_of(node))
                return replace(new, at=node.at) if new is not None else node
            case Reduction():
                names = {n: new for n, new in names.items() if n not in {word_of(i) for i in node.indices}}
                return replace(node, body=self._renamed(node.body, names, use))
        found: Node = rebuilt(node, lambda part: self._renamed(part, names, use))
        return found

    def _apart(self, node: Node, bound: frozenset[str], use: _Use) -> Node:
        """`node`, in which no reduction binds what is bound around it."""
        node = rebuilt(node, lambda part: self._apart(part, bound, use))
        if not isinstance(node, Reduction) or not any(word_of(i) in bound for i in node.indices):
            return node
        names = {word_of(i): self._copy(i, use) for i in node.indices if word_of(i) in bound}
        over = tuple(names.get(word_of(i), i) for i in node.indices)
        return replace(node, indices=over, body=self._renamed(node.body, names, use))

    def _count(self, at: Place, made: int = 1) -> None:
        self.made += made
        if self.made > LONGEST:
            raise Located(f"definitions make more than {LONGEST} parts; name a part and use the name", at)


def _as_indices(given: tuple[Node, ...]) -> Indices:
    return tuple(i for i in given if isinstance(i, Name | Ellipsis))


def _indices_of(text: Text, known: Known) -> frozenset[str]:
    """The names that are indices by where they stand: on left sides, of reductions, and where one is expected."""
    settings = {e.target.name for e in text.equations if isinstance(e.target, Name)}
    found: set[str] = set()
    for equation in (*text.equations, *text.evaluation):
        if isinstance(equation.target, Element):
            found |= {n.name for n in walk(equation.target.subscripts) if isinstance(n, Name)}
        groups: Iterator[tuple[Node, ...]] = (group for n in walk(equation.value) for group in _reduced_over(n, known))
        found |= {n.name for group in groups for n in group if isinstance(n, Name)}
    return frozenset(n for n in found - settings if n.lower() == n or n.lower() not in found)


def _reduced_over(node: Node, known: Known) -> Iterator[tuple[Node, ...]]:
    """The indices that a reduction, or a definition, is given."""
    if isinstance(node, Reduction):
        yield node.indices
    elif isinstance(node, Call) and node.function in known:
        given = arguments(known[node.function], node)
        yield from (given[name] for name in known[node.function].reduced)


def _depth(node: Node) -> int:
    """How deep a node is nested."""
    deepest, waiting = 0, [(node, 1)]
    while waiting:
        part, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(child, depth + 1) for child in below(part)]
    return deepest
