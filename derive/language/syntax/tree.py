"""What a text says, as data: the syntax tree of an equation text, before any name has a meaning."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from gradscribe.derive.language.syntax.words import FOLDED, LERP, STEPPED


@dataclass(frozen=True)
class Place:
    """Where something stands: line and column, counted from 1, and the column after its end (on its first line).

    What a definition brings stands where it is used; `within` is its name.
    """

    line: int
    column: int
    end: int
    within: str = ""


@dataclass(frozen=True)
class Number:
    """A number as it is written."""

    text: str
    at: Place


@dataclass(frozen=True)
class Name:
    """A name without subscripts."""

    name: str
    at: Place


@dataclass(frozen=True)
class Ellipsis:
    """``...``: any number of axes."""

    at: Place


@dataclass(frozen=True)
class Element:
    """``tensor[subscripts]``."""

    tensor: str
    subscripts: "tuple[Node, ...]"
    at: Place


@dataclass(frozen=True)
class Call:
    """``function(arguments)``."""

    function: str
    arguments: "tuple[Node, ...]"
    at: Place


@dataclass(frozen=True)
class Reduction:
    """``op(indices) body``."""

    op: str
    indices: tuple[Name | Ellipsis, ...]
    body: "Node"
    at: Place


@dataclass(frozen=True)
class Comparison:
    """``left sign right``."""

    left: "Node"
    sign: str
    right: "Node"
    at: Place


@dataclass(frozen=True)
class Connective:
    """``a or b``, ``a and b``, ``not a``."""

    word: str
    parts: "tuple[Condition, ...]"
    at: Place


Condition = Comparison | Connective


@dataclass(frozen=True)
class Bracket:
    """``[condition, ...]``: 1 where all conditions hold, else 0."""

    conditions: tuple[Condition, ...]
    at: Place


@dataclass(frozen=True)
class Sum:
    """``a + b - c``: parts with their signs."""

    parts: "tuple[tuple[str, Node], ...]"
    at: Place


@dataclass(frozen=True)
class Product:
    """``a * b / c``: the first factor, then (operator, factor) from left to right."""

    first: "Node"
    rest: "tuple[tuple[str, Node], ...]"
    at: Place


@dataclass(frozen=True)
class Power:
    """``base ** exponent``."""

    base: "Node"
    exponent: "Node"
    at: Place


@dataclass(frozen=True)
class Let:
    """A value that a definition gives a name; `own` where it is one of its ``where``, else what it stands for."""

    name: str
    value: "Node"
    own: bool
    at: Place


@dataclass(frozen=True)
class Decreed:
    """A call of a function that has its slopes by decree.

    In `value` and `slopes` its parameters have names that no text can have, see `definitions.decrees`.
    """

    function: str
    parameters: tuple[str, ...]
    value: "Node"
    slopes: "tuple[Node, ...]"
    arguments: "tuple[Node, ...]"
    at: Place


Node = Number | Name | Ellipsis | Element | Call | Reduction | Bracket | Sum | Product | Power | Let | Decreed


@dataclass(frozen=True)
class Declaration:
    """``keyword item, item, ...``; an item without subscripts is a Name."""

    keyword: str
    items: tuple[Name | Element, ...]
    at: Place


@dataclass(frozen=True)
class RangeLine:
    """``index < extent``."""

    index: Name
    extent: Node
    at: Place


@dataclass(frozen=True)
class Limit:
    """``0 <= parameter < 1``: comparisons that the values of parameters fulfil."""

    comparisons: tuple[Comparison, ...]
    at: Place


@dataclass(frozen=True)
class Equation:
    """``target = value`` or ``target += value``."""

    target: Name | Element
    value: Node
    accumulates: bool
    at: Place


@dataclass(frozen=True)
class RuleLine:
    """``derivative of name(parameters) by one of them is slope``, or a slope for each of them."""

    name: Name
    parameters: tuple[Name, ...]
    by: Name | None
    slopes: tuple[Node, ...]
    at: Place


@dataclass(frozen=True)
class LettersLine:
    """``letters goodfellow, n=N``: what derivations are written with."""

    request: str
    at: Place


@dataclass(frozen=True)
class Definition:
    """``define name(parameter, ...) = value where local = value, ...``."""

    name: Name
    parameters: tuple[Name, ...]
    value: Node
    locals: tuple[tuple[Name, Node], ...]
    at: Place


@dataclass(frozen=True)
class Include:
    """``include "file"``."""

    file: str
    at: Place


@dataclass(frozen=True)
class Text:
    """A whole text: its lines in order, and the title that its first comment gives.

    The equations of `evaluation` hold after training, in place of those of the same tensors. The last axis of `pairs`
    has two places, a real and an imaginary part. Once its definitions are expanded, `copies` has the indices that this
    made, and those whose extents they have.
    """

    declarations: tuple[Declaration, ...]
    ranges: tuple[RangeLine, ...]
    equations: tuple[Equation, ...]
    title: str
    limits: tuple[Limit, ...] = ()
    evaluation: tuple[Equation, ...] = ()
    letters: tuple[LettersLine, ...] = ()
    definitions: tuple[Definition | Include, ...] = ()
    rules: tuple[RuleLine, ...] = ()
    pairs: tuple[str, ...] = ()
    copies: tuple[tuple[str, str], ...] = ()


def walk(node: Any) -> Iterator[Any]:
    """`node` and every node below it, in reading order."""
    if isinstance(node, tuple):
        for part in node:
            yield from walk(part)
    elif hasattr(node, "at"):
        yield node
        for field in fields(node):
            yield from walk(getattr(node, field.name))


def reads_tensors(node: Any) -> bool:
    """Whether an element of a tensor stands in a node, or in some."""
    return any(isinstance(part, Element) for part in walk(node))


def below(node: Any) -> Iterator[Any]:
    """The nodes directly below `node`."""
    waiting = [getattr(node, field.name) for field in fields(node) if field.name != "at"]
    while waiting:
        value = waiting.pop()
        if isinstance(value, tuple):
            waiting += value
        elif hasattr(value, "at"):
            yield value


def rebuilt(node: Any, change: Callable[[Any], Any]) -> Any:
    """`node` with `change` applied to the nodes directly below it."""

    def part(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(part, value))
        return change(value) if hasattr(value, "at") else value

    return replace(node, **{f.name: part(getattr(node, f.name)) for f in fields(node) if f.name != "at"})


def is_computed(node: Any, indices: Collection[str]) -> bool:
    """Whether a subscript is no sum of indices and sizes.

    It reads a tensor, makes a position of real numbers, or takes the least or greatest of positions.
    """
    return any(isinstance(n, Element) or (isinstance(n, Call) and _computes(n, indices)) for n in walk(node))


def _computes(node: Call, indices: Collection[str]) -> bool:
    if node.function in FOLDED:
        return any(isinstance(n, Name) and n.name in indices for n in walk(node))
    return node.function in {*STEPPED, LERP}


def divides(node: Any) -> bool:
    """Whether quotients or remainders of integers stand in a node."""
    return any(isinstance(n, Product) and any(o in ("//", "%") for o, _ in n.rest) for n in walk(node))
