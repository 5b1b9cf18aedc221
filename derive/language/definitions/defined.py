"""What may be called beside the functions: the definitions of the library, of included files and of the text.

A definition may use those before it, so that none uses itself; a text's own come before the library's.
"""

import keyword
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from gradscribe.derive.ir.quote import quoted, shown
from gradscribe.derive.language.definitions.library import library_text
from gradscribe.derive.language.meaning.scope import DOTS
from gradscribe.derive.language.syntax.located_error import LanguageError, Located, unknown_function
from gradscribe.derive.language.syntax.parse import parse
from gradscribe.derive.language.syntax.tree import (
    Call,
    Definition,
    Element,
    Ellipsis,
    Include,
    Name,
    Node,
    Place,
    Reduction,
    Text,
    walk,
)
from gradscribe.derive.language.syntax.words import CONSTANTS, KNOWN

MOST_FILES, MOST_DEFINITIONS = 20, 500
Known = Mapping[str, "Defined"]
Load = Callable[[str, str], tuple[str, str]]
"""(the file that says so, what it says) -> the path of the included file and its text; ValueError says why not."""


@dataclass(frozen=True)
class Defined:
    """A definition.

    Attributes:
        definition: what the text says.
        reduced: the parameters that stand for indices: what is reduced over, or whose extent is read.
        known: the definitions before it.
    """

    definition: Definition
    reduced: tuple[str, ...]
    known: Known

    @property
    def name(self) -> str:
        """What it is called."""
        return self.definition.name.name

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters."""
        return tuple(p.name for p in self.definition.parameters)

    @property
    def free(self) -> frozenset[str]:
        """The names in it that are the text's."""
        nodes = list(walk((self.definition.value, self.definition.locals)))
        own = {*self.parameters, *(name.name for name, _ in self.definition.locals)}
        own |= {i.name for n in nodes if isinstance(n, Reduction) for i in n.indices if isinstance(i, Name)}
        return frozenset({word_of(n) for n in nodes if isinstance(n, Name | Element)} - own)


def definitions(text: Text, file: str = "", load: Load | None = None) -> Known:
    """All that equations of `text` may call, by name.

    Args:
        text: the text.
        file: its own path.
        load: reads included files; None where none may be included.

    Raises:
        Located: for a mistake in a definition, or a file that cannot be included.
    """
    collected = _Collected(dict(_library()), load, [file])
    collected.add(text.definitions, file)
    return collected.known


@cache
def _library() -> Known:
    collected = _Collected({}, None, [])
    collected.add(parse(library_text()).definitions, "")
    return collected.known


class _Collected:
    """Definitions so far; the only mutable thing of this module."""

    def __init__(self, known: dict[str, Defined], load: Load | None, open_files: list[str]) -> None:
        self.known, self.load, self.open = known, load, open_files
        self.own: set[str] = set()
        self.read: set[str] = set()

    def add(self, items: Iterable[Definition | Include], file: str) -> None:
        """Add definitions, and those of included files where these stand."""
        waiting = list(items)
        while waiting:
            item = waiting.pop(0)
            if isinstance(item, Include):
                self._include(item, file)
                continue
            name = item.name.name
            if name in self.own:
                raise Located(f"{name} is defined twice", item.name.at)
            later = {i.name.name for i in waiting if isinstance(i, Definition)}
            found = defined({n: d for n, d in self.known.items() if n != name}, item, later)
            self.own.add(name)
            self.known = {**self.known, name: found}
            if len(self.own) > MOST_DEFINITIONS:
                raise Located(f"more than {MOST_DEFINITIONS} definitions", item.at)

    def _include(self, item: Include, file: str) -> None:
        if self.load is None:
            raise Located("include stands in files only; write the definitions into this text instead", item.at)
        try:
            path, text = self.load(file, item.file)
        except ValueError as error:
            raise Located(str(error), item.at) from None
        if path in self.open:
            raise Located(f"{quoted(item.file)} includes itself", item.at)
        if path in self.read:
            return
        self.read.add(path)
        if len(self.read) > MOST_FILES:
            raise Located(f"more than {MOST_FILES} files are included", item.at)
        self.open.append(path)
        try:
            found = parse(text)
            _check_only_definitions(found)
            self.add(found.definitions, path)
        except Located as error:
            raise LanguageError(error.message, error.place, text, path) from None
        self.open.pop()


def _check_only_definitions(text: Text) -> None:
    lines: Any = (
        *(text.declarations, text.equations, text.ranges, text.limits),
        *(text.evaluation, text.letters, text.rules),
    )
    for line in (line for group in lines for line in group):
        raise Located("a file that is included has definitions only: define name(s, j) = ...", line.at)


def defined(known: Known, item: Definition, later: Iterable[str] = ()) -> Defined:
    """A definition, checked.

    Args:
        known: those before it.
        item: what the text says.
        later: the names of those after it.

    Raises:
        Located: when it uses itself, what is defined later, or a name for two things.
    """
    name, parameters = item.name.name, [p.name for p in item.parameters]
    if name in KNOWN or keyword.iskeyword(name):
        raise Located(f"{name} is a word of the language; use another name", item.name.at)
    if not parameters:
        raise Located(f"{name} has no argument; write {name} = ... for a setting or a tensor", item.name.at)
    for place, part in enumerate((*item.parameters, *(n for n, _ in item.locals))):
        before = [*parameters, *(n.name for n, _ in item.locals)][:place]
        if part.name in before:
            raise Located(f"{part.name} has two meanings in {name}; rename one of them", part.at)
        if part.name in CONSTANTS or keyword.iskeyword(part.name):
            raise Located(f"{part.name} is a reserved word; use another name", part.at)
    values = [value for _, value in item.locals]
    for number, value in enumerate((*values, item.value)):
        unready = {n.name for n, _ in item.locals[number:]}
        for node in walk(value):
            _check(node, item, known, set(later), unready)
    return Defined(item, tuple(p for p in parameters if _is_index(p, (*values, item.value), known)), known)


def _check(node: Node, item: Definition, known: Known, later: set[str], unready: set[str]) -> None:
    name = item.name.name
    if isinstance(node, Ellipsis):
        raise Located("... does not stand in a definition; make it an argument, an index such as j", node.at)
    if isinstance(node, Element) and node.tensor in {
        *(p.name for p in item.parameters),
        *(n.name for n, _ in item.locals),
    }:
        raise Located(f"{node.tensor} stands for a value here; expected {node.tensor} without subscripts", node.at)
    if isinstance(node, Name) and node.name in unready:
        raise Located(f"{node.name} is used before it is defined; move what defines it to the left", node.at)
    if not isinstance(node, Call) or node.function in KNOWN:
        return
    if node.function == name:
        raise Located(f"{name} is defined by itself; a definition may use those before it", node.at)
    if node.function in later:
        raise Located(f"{node.function} is defined further down; move its definition up", node.at)
    if node.function not in known:
        raise unknown_function(node.function, node.at, names=known)
    arguments(known[node.function], node)


def _is_index(parameter: str, values: tuple[Node, ...], known: Known) -> bool:
    """Whether a parameter stands for indices: it is reduced over, handed on as such, or its extent is read."""
    for node in walk(values):
        if isinstance(node, Reduction) and any(isinstance(i, Name) and i.name == parameter for i in node.indices):
            return True
        if isinstance(node, Name) and node.name == parameter.upper() != parameter:
            return True
        if isinstance(node, Call) and node.function in known:
            called = known[node.function]
            for name, given in arguments(called, node).items():
                if name in called.reduced and any(isinstance(a, Name) and a.name == parameter for a in given):
                    return True
    return False


def arguments(called: Defined, node: Call) -> dict[str, tuple[Node, ...]]:
    """What is given for each parameter of a definition; the last one, if it is reduced over, takes several indices.

    Raises:
        Located: for too many or too few, and for what is no index where one is expected.
    """
    names, given = called.parameters, node.arguments
    several = names[-1] in called.reduced and len(given) > len(names)
    if len(given) != len(names) and not several:
        expected = f"{len(names)} argument{'s' * (len(names) > 1)}, {called.name}({', '.join(names)})"
        raise Located(f"{called.name} takes {expected}; found {len(given)}", node.at)
    found: dict[str, tuple[Node, ...]] = {name: (value,) for name, value in zip(names, given, strict=False)}
    found[names[-1]] = given[len(names) - 1 :]
    for name in called.reduced:
        seen: set[str] = set()
        for value in found[name]:
            if not isinstance(value, Name | Ellipsis):
                raise Located(f"{called.name} reduces over its argument {name}; expected an index such as k", value.at)
            word = word_of(value)
            if word in seen:
                raise Located(f"index {shown(word)} is given twice", value.at)
            seen.add(word)
    return found


def word_of(node: Node) -> str:
    """The name of an index or a tensor; of ``...`` as it is written."""
    if isinstance(node, Element):
        return node.tensor
    return node.name if isinstance(node, Name) else DOTS


def placed(at: Place, within: str) -> Place:
    """Where what a definition brings stands: at its use."""
    return Place(at.line, at.column, at.end, within)
