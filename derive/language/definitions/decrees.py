"""Lines ``derivative of spike(v) is ...``: the slopes that functions have by decree.

Where definitions are expanded, every call of such a function is a `Decreed` (`definitions.expansion`). Its parameters
have names that no text can have (``v'`` for v): whatever is put in where it stands, none of them is captured.
"""

import keyword
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradscribe.derive.ir.quote import listed, shown
from gradscribe.derive.language.definitions.defined import Known
from gradscribe.derive.language.syntax.located_error import Located
from gradscribe.derive.language.syntax.tree import (
    Call,
    Element,
    Ellipsis,
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


@dataclass(frozen=True)
class Rule:
    """All lines of one function: its slopes by its parameters, in their order."""

    line: RuleLine
    slopes: tuple[Node, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its arguments."""
        return tuple(p.name for p in self.line.parameters)

    @property
    def marked(self) -> tuple[Name, ...]:
        """The same as names that no text can have."""
        return tuple(Name(p + MARK, self.line.name.at) for p in self.parameters)

    @property
    def marked_slopes(self) -> tuple[Node, ...]:
        """The slopes, of these names."""
        names = dict(zip(self.parameters, self.marked, strict=True))
        return tuple(_replaced(slope, names) for slope in self.slopes)

    def check(self, node: Call) -> None:
        """Raise unless a call has as many arguments."""
        if len(node.arguments) != len(self.slopes):
            raise Located(f"{node.function} takes {_arguments(self.parameters)}; found {len(node.arguments)}", node.at)


Rules = Mapping[str, Rule]


def rules(text: Text, known: Known) -> Rules:
    """The slopes by decree of functions of the text, by name.

    Args:
        text: the text.
        known: the definitions that it may call.

    Raises:
        Located: for a rule that fits nothing, or reads what it may not.
    """
    found = _rules(text, known)
    _check_endless(known, found)
    bodies = [part for d in known.values() for part in (d.definition.value, *(v for _, v in d.definition.locals))]
    called = {n.function for n in walk((*text.equations, *text.evaluation, *bodies)) if isinstance(n, Call)}
    for name, rule in found.items():
        if name not in called:
            raise Located(f"no equation calls {name}, so that its derivative says nothing", rule.line.name.at)
    return found


def _rules(text: Text, known: Known) -> Rules:
    """The rules by function, each complete."""
    groups: dict[str, list[RuleLine]] = {}
    for line in text.rules:
        groups.setdefault(line.name.name, []).append(line)
    tensors, indices = _names(text)
    found = {}
    for name, lines in groups.items():
        first = lines[0]
        own = [p.name for p in first.parameters]
        if name not in {*known, *FUNCTIONS, *FOLDED}:
            hint = f"define it on a line: define {name}({', '.join(own)}) = ..."
            raise Located(f"no function of values is called {shown(name)}; {hint}", first.name.at)
        if len(name) < 2 or name in tensors | indices:
            what = "a single letter" if len(name) < 2 else _kind(name, tensors)
            raise Located(f"{name} is {what}; call a function with a derivative by decree otherwise", first.name.at)
        if name in known and len(own) != len(known[name].parameters):
            takes = _arguments(known[name].parameters)
            raise Located(f"{name} takes {takes}; found {len(own)}", first.name.at)
        found[name] = Rule(first, _slopes(name, lines))
        for line in lines:
            _check_parameters(line.parameters)
            for node in (n for slope in line.slopes for n in walk(slope)):
                _check_part(node, name, own, tensors, indices)
    return found


def _check_endless(known: Known, rules: Rules) -> None:
    """Raise where the slope of a function is written with that function, by way of others."""
    parts: dict[str, tuple[Node, ...]] = {
        name: (d.definition.value, *(v for _, v in d.definition.locals)) for name, d in known.items()
    }
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


def _replaced(node: Any, names: Mapping[str, Node]) -> Any:
    """A node with others in the place of names."""
    if isinstance(node, Name):
        return names.get(node.name, node)
    return rebuilt(node, lambda part: _replaced(part, names))


def _arguments(names: Iterable[str]) -> str:
    own = list(names)
    return f"{len(own)} argument{'s' * (len(own) != 1)}, {', '.join(own)}"
