"""Lines ``derivative of spike(v) is ...``: every call of such a function is marked, definitions are put in.

The parameters of a marked call have names that no text can have (``v'`` for v): whatever is put in where it stands,
none of them is captured.
"""

import keyword
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from gradscribe.derive.ir.quote import listed, shown
from gradscribe.derive.language.syntax.located_error import Located
from gradscribe.derive.language.syntax.tree import (
    Call,
    Decreed,
    Definition,
    Element,
    Ellipsis,
    Equation,
    Name,
    Node,
    Reduction,
    RuleLine,
    Text,
    rebuilt,
    walk,
)
from gradscribe.derive.language.syntax.words import FOLDED, FUNCTIONS, KNOWN

MARK = "'"
LARGEST = 20_000
"""Nodes of an equation with all definitions put in."""


@dataclass(frozen=True)
class _Rule:
    """All lines of one function: its slopes by its parameters, in their order."""

    line: RuleLine
    slopes: tuple[Node, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.line.parameters)

    def call(self, node: Call) -> Decreed:
        """A call that is marked."""
        if len(node.arguments) != len(self.slopes):
            raise Located(f"{node.function} takes {_arguments(self.parameters)}; found {len(node.arguments)}", node.at)
        own = {p: Name(p + MARK, self.line.name.at) for p in self.parameters}
        value = Call(node.function, tuple(own.values()), self.line.name.at)
        slopes = tuple(_replaced(slope, own) for slope in self.slopes)
        return Decreed(node.function, self.parameters, value, slopes, node.arguments, node.at)


def decreed(text: Text) -> Text:
    """The text with marked calls in the place of those that have a rule, and no lines of rules and definitions.

    Raises:
        Located: for a rule or a definition that fits nothing, or reads what it may not.
    """
    if not text.definitions and not text.rules:
        return text
    rules = _rules(text)
    _check_endless(text, rules)
    known = _definitions(text, rules)
    lines = (*text.equations, *text.evaluation)
    called = {n.function for n in walk((*lines, *(d.value for d in text.definitions))) if isinstance(n, Call)}
    for name, rule in rules.items():
        if name not in called:
            raise Located(f"no equation calls {name}, so that its derivative says nothing", rule.line.name.at)

    def changed(line: Equation) -> Equation:
        found = replace(line, value=_expanded(_marked(line.value, rules), known))
        if next(islice(walk(found.value), LARGEST, None), None) is not None:
            raise Located("too long an equation once functions are put in; name a part and use the name", line.at)
        return found

    equations, evaluation = (tuple(map(changed, group)) for group in (text.equations, text.evaluation))
    return replace(text, equations=equations, evaluation=evaluation, definitions=(), rules=())


def _rules(text: Text) -> Mapping[str, _Rule]:
    """The rules by function, each complete."""
    groups: dict[str, list[RuleLine]] = {}
    for line in text.rules:
        groups.setdefault(line.name.name, []).append(line)
    tensors, indices = _names(text)
    defined = {d.name.name: d for d in text.definitions}
    found = {}
    for name, lines in groups.items():
        first = lines[0]
        own = [p.name for p in first.parameters]
        if name not in {*defined, *FUNCTIONS, *FOLDED}:
            hint = f"define it on a line: define {name}({', '.join(own)}) = ..."
            raise Located(f"no function of values is called {shown(name)}; {hint}", first.name.at)
        if len(name) < 2 or name in tensors | indices:
            what = "a single letter" if len(name) < 2 else _kind(name, tensors)
            raise Located(f"{name} is {what}; call a function with a derivative by decree otherwise", first.name.at)
        if name in defined and len(own) != len(defined[name].parameters):
            takes = _arguments(p.name for p in defined[name].parameters)
            raise Located(f"{name} takes {takes}; found {len(own)}", first.name.at)
        found[name] = _Rule(first, _slopes(name, lines))
        for line in lines:
            _check_parameters(line.parameters)
            for node in (n for slope in line.slopes for n in walk(slope)):
                _check_part(node, name, own, tensors, indices)
    return found


def _check_endless(text: Text, rules: Mapping[str, _Rule]) -> None:
    """Raise where the slope of a function is written with that function, by way of others."""
    parts: dict[str, tuple[Node, ...]] = {d.name.name: (d.value,) for d in text.definitions}
    for name, rule in rules.items():
        parts[name] = (*parts.get(name, ()), *rule.slopes)
    for name, rule in rules.items():
        reached: set[str] = set()
        waiting = {name}
        while waiting:
            nodes = (n for other in waiting for n in walk(parts.get(other, ())))
            waiting = {n.function for n in nodes if isinstance(n, Call)} - reached
            reached |= waiting
        if name in reached:
            raise Located(f"the derivative of {name} is written with {name} by way of others", rule.line.name.at)


def _slopes(name: str, lines: list[RuleLine]) -> tuple[Node, ...]:
    """The slopes of a function by its parameters, of one line or of one for each."""
    first = [p.name for p in lines[0].parameters]
    slopes: dict[str, Node] = {}
    for line in lines:
        own = [p.name for p in line.parameters]
        if own != first:
            raise Located(f"expected {name}({', '.join(first)}) as in the line before", line.parameters[0].at)
        by = [line.by] if line.by is not None else list(line.parameters)
        if wrong := next((p for p in by if p.name not in own), None):
            raise Located(f"{wrong.name} is no argument of {name}; expected one of {listed(own)}", wrong.at)
        if len(line.slopes) != len(by):
            hint = f"; a derivative by each: is (..., ...), or a line by {own[0]} and so on" if len(by) > 1 else ""
            raise Located(
                f"{name} takes {_arguments(p.name for p in by)}; found {len(line.slopes)}{hint}", line.name.at
            )
        for parameter, slope in zip(by, line.slopes, strict=True):
            if parameter.name in slopes:
                raise Located(f"{name} has a derivative by {parameter.name} already", parameter.at)
            slopes[parameter.name] = slope
    if missing := [p for p in first if p not in slopes]:
        raise Located(f"{name} has no derivative by {missing[0]}; write 0 where there is none", lines[0].name.at)
    return tuple(slopes[p] for p in first)


def _definitions(text: Text, rules: Mapping[str, _Rule]) -> Mapping[str, Definition]:
    """The definitions by name, those before them put in."""
    tensors, indices = _names(text)
    found: dict[str, Definition] = {}
    for line in text.definitions:
        name, own = line.name.name, [p.name for p in line.parameters]
        if name in found or name in KNOWN or keyword.iskeyword(name):
            raise Located(f"{name} is {'defined twice' if name in found else 'a word of the language'}", line.name.at)
        _check_parameters(line.parameters)
        for node in walk(line.value):
            if isinstance(node, Call) and node.function not in {*found, *KNOWN}:
                raise Located(f"{shown(node.function)} is no function that is defined before this line", node.at)
            _check_part(node, name, own, tensors, indices)
        found[name] = replace(line, value=_expanded(_marked(line.value, rules), found))
    return found


def _check_parameters(parameters: Iterable[Name]) -> None:
    seen: set[str] = set()
    for parameter in parameters:
        if parameter.name in seen or keyword.iskeyword(parameter.name) or parameter.name in {*KNOWN, "pi"}:
            why = "stands twice" if parameter.name in seen else "is a reserved word"
            raise Located(f"argument {parameter.name} {why}; use another name", parameter.at)
        seen.add(parameter.name)


def _check_part(node: Any, name: str, own: Sequence[str], tensors: set[str], indices: set[str]) -> None:
    """What a value or a slope may read: the arguments, parameters of the text, sizes."""
    if isinstance(node, Reduction | Element | Ellipsis):
        what = "a reduction" if isinstance(node, Reduction) else "a tensor"
        raise Located(f"{what} stands in {name}, which may read its arguments and parameters only", node.at)
    if isinstance(node, Call) and node.function == name:
        raise Located(f"{name} reads itself; write what it is of {listed(own)}", node.at)
    if isinstance(node, Name) and node.name not in own and node.name in tensors | indices:
        hint = f"make it an argument: {name}({', '.join([*own, node.name])})"
        raise Located(f"{node.name} is {_kind(node.name, tensors)}; {hint}", node.at)


def _kind(name: str, tensors: set[str]) -> str:
    return "a tensor" if name in tensors else "an index"


def _names(text: Text) -> tuple[set[str], set[str]]:
    """The tensors and the indices of a text, as far as its lines show."""
    nodes = list(walk((*text.equations, *text.evaluation, *text.declarations)))
    tensors = {n.tensor for n in nodes if isinstance(n, Element)}
    tensors |= {i.name for d in text.declarations for i in d.items if isinstance(i, Name)}
    lefts = [e.target for e in text.equations if isinstance(e.target, Element)]
    found = [n for target in lefts for s in target.subscripts for n in walk(s)]
    found += [i for n in nodes if isinstance(n, Reduction) for i in n.indices]
    indices = {n.name for n in found if isinstance(n, Name)} - tensors
    return tensors, {n for n in indices if n != n.upper()}


def _marked(node: Node, rules: Mapping[str, _Rule]) -> Node:
    """A node with its calls marked."""
    found = rebuilt(node, lambda part: _marked(part, rules))
    if not isinstance(found, Call) or found.function not in rules:
        return found
    marked = rules[found.function].call(found)
    return replace(marked, slopes=tuple(_marked(s, rules) for s in marked.slopes))


def _expanded(node: Node, known: Mapping[str, Definition]) -> Node:
    """A node with definitions put in."""
    found = rebuilt(node, lambda part: _expanded(part, known))
    if not isinstance(found, Call) or found.function not in known:
        return found
    definition = known[found.function]
    own = [p.name for p in definition.parameters]
    if len(found.arguments) != len(own):
        raise Located(f"{found.function} takes {_arguments(own)}; found {len(found.arguments)}", found.at)
    return _replaced(definition.value, dict(zip(own, found.arguments, strict=True)))


def _replaced(node: Any, names: Mapping[str, Node]) -> Any:
    """A node with others in the place of names."""
    if isinstance(node, Name):
        return names.get(node.name, node)
    return rebuilt(node, lambda part: _replaced(part, names))


def _arguments(names: Iterable[str]) -> str:
    own = list(names)
    return f"{len(own)} argument{'s' * (len(own) != 1)}, {', '.join(own)}"
