"""Lines ``derivative of spike(v) is ...``: the slopes that a function has by decree, whatever its derivative is.

The function is one of the language, or a definition; where it is called, `definitions.expansion` puts a `Decreed`. Its
parameters have names there that no text can have (``v'`` for v): whatever is put in, none of them is captured.
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
    Definition,
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
from gradscribe.derive.language.syntax.words import CONSTANTS, FOLDED, FUNCTIONS, KNOWN

MARK = "'"


@dataclass(frozen=True)
class Decree:
    """All lines of one function.

    Attributes:
        line: the first one.
        slopes: its slopes by its parameters, in their order, which have their marked names.
    """

    line: RuleLine
    slopes: tuple[Node, ...]

    @property
    def name(self) -> str:
        """The function."""
        return self.line.name.name

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters."""
        return tuple(p.name for p in self.line.parameters)

    @property
    def marked(self) -> tuple[Name, ...]:
        """Its parameters by names that no text has."""
        return tuple(Name(p.name + MARK, p.at) for p in self.line.parameters)

    def check(self, call: Call) -> None:
        """Raise unless a call has an argument for each parameter."""
        if len(call.arguments) != len(self.parameters):
            expected = _arguments(self.name, self.parameters)
            raise Located(f"{self.name} takes {expected}; found {len(call.arguments)}", call.at)

    def check_read(self, parts: Iterable[Node]) -> None:
        """Raise where parts that are made of definitions read what a function of values may not."""
        for node in walk(tuple(parts)):
            _check_values(node, self.name, self.line.name)


def decrees(text: Text, known: Known, indices: frozenset[str]) -> Mapping[str, Decree]:
    """The functions that have slopes by decree, by name.

    Args:
        text: the text.
        known: its definitions.
        indices: the names that are its indices.

    Raises:
        Located: for a line that fits no function, or reads what it may not.
    """
    groups: dict[str, list[RuleLine]] = {}
    for line in text.rules:
        groups.setdefault(line.name.name, []).append(line)
    tensors = _tensors(text)
    own = {d.name.name: d for d in text.definitions if isinstance(d, Definition)}
    for name, lines in groups.items():
        _check_function(lines[0], known, tensors, indices)
        parameters = {p.name for p in lines[0].parameters}
        for line in lines:
            _check_parameters(line.parameters)
            _check_parts(line.slopes, name, parameters, lines[0].parameters, tensors, indices)
        if name in own:
            item = own[name]
            parts, names = (
                [v for _, v in item.locals],
                {n.name for n in (*item.parameters, *(n for n, _ in item.locals))},
            )
            _check_parts((*parts, item.value), name, names, item.parameters, tensors, indices)
    found = {name: Decree(lines[0], _slopes(name, lines)) for name, lines in groups.items()}
    _check_endless(found, known)
    return found


def _check_function(line: RuleLine, known: Known, tensors: set[str], indices: frozenset[str]) -> None:
    """Raise unless a line is of a function of values, with its arguments."""
    name, own = line.name.name, [p.name for p in line.parameters]
    if name not in {*known, *FUNCTIONS, *FOLDED}:
        hint = f"define it on a line: define {name}({', '.join(own)}) = ..."
        raise Located(f"no function of values is called {shown(name)}; {hint}", line.name.at)
    if len(name) < 2 or name in tensors | indices:
        what = "a single letter" if len(name) < 2 else _kind(name, tensors)
        raise Located(f"{name} is {what}; call a function with a derivative by decree otherwise", line.name.at)
    if name not in known:
        return
    if known[name].reduced:
        index = known[name].reduced[0]
        hint = "a function with a derivative by decree takes values"
        raise Located(f"{index} stands for an index in {name}; {hint}", line.name.at)
    if len(own) != len(known[name].parameters):
        takes = _arguments(name, known[name].parameters)
        raise Located(f"{name} takes {takes}; found {len(own)}", line.name.at)


def _check_endless(found: Mapping[str, Decree], known: Known) -> None:
    """Raise where the slope of a function is written with that function, by way of others."""
    parts: dict[str, tuple[Any, ...]] = {n: (d.definition.value, d.definition.locals) for n, d in known.items()}
    for name, decree in found.items():
        parts[name] = (*parts.get(name, ()), *decree.slopes)
    for name, decree in found.items():
        reached: set[str] = set()
        waiting = {name}
        while waiting:
            nodes = (n for other in waiting for n in walk(parts.get(other, ())))
            waiting = {n.function for n in nodes if isinstance(n, Call)} - reached
            reached |= waiting
        if name in reached:
            raise Located(f"the derivative of {name} is written with {name} by way of others", decree.line.name.at)


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
            takes = _arguments(name, [p.name for p in by])
            raise Located(f"{name} takes {takes}; found {len(line.slopes)}{hint}", line.name.at)
        for parameter, slope in zip(by, line.slopes, strict=True):
            if parameter.name in slopes:
                raise Located(f"{name} has a derivative by {parameter.name} already", parameter.at)
            slopes[parameter.name] = _replaced(slope, {p: Name(p + MARK, line.name.at) for p in own})
    if missing := [p for p in first if p not in slopes]:
        raise Located(f"{name} has no derivative by {missing[0]}; write 0 where there is none", lines[0].name.at)
    return tuple(slopes[p] for p in first)


def _check_parameters(parameters: Iterable[Name]) -> None:
    seen: set[str] = set()
    for parameter in parameters:
        if parameter.name in seen or keyword.iskeyword(parameter.name) or parameter.name in {*KNOWN, *CONSTANTS}:
            why = "stands twice" if parameter.name in seen else "is a reserved word"
            raise Located(f"argument {parameter.name} {why}; use another name", parameter.at)
        seen.add(parameter.name)


def _check_parts(
    parts: Sequence[Node],
    name: str,
    own: set[str],
    parameters: Sequence[Name],
    tensors: set[str],
    indices: frozenset[str],
) -> None:
    """What a value or a slope may read: the arguments, parameters of the text, sizes."""
    given = [p.name for p in parameters]
    for node in walk(tuple(parts)):
        _check_values(node, name, node)
        if isinstance(node, Call) and node.function == name:
            raise Located(f"{name} reads itself; write what it is of {listed(given)}", node.at)
        if isinstance(node, Name) and node.name not in own and node.name in tensors | indices:
            hint = f"make it an argument: {name}({', '.join([*given, node.name])})"
            raise Located(f"{node.name} is {_kind(node.name, tensors)}; {hint}", node.at)


def _check_values(node: Node, name: str, where: Node) -> None:
    if isinstance(node, Reduction | Element | Ellipsis):
        what = "a reduction" if isinstance(node, Reduction) else "a tensor"
        raise Located(f"{what} stands in {name}, which may read its arguments and parameters only", where.at)


def _kind(name: str, tensors: set[str]) -> str:
    return "a tensor" if name in tensors else "an index"


def _tensors(text: Text) -> set[str]:
    """The tensors of a text, as far as its lines show."""
    nodes = walk((*text.equations, *text.evaluation, *text.declarations))
    found = {n.tensor for n in nodes if isinstance(n, Element)}
    return found | {i.name for d in text.declarations for i in d.items if isinstance(i, Name)}


def _replaced(node: Any, names: Mapping[str, Node]) -> Any:
    """A node with others in the place of names."""
    if isinstance(node, Name):
        return names.get(node.name, node)
    return rebuilt(node, lambda part: _replaced(part, names))


def _arguments(name: str, parameters: Sequence[str]) -> str:
    return f"{len(parameters)} argument{'s' * (len(parameters) != 1)}, {name}({', '.join(parameters)})"
