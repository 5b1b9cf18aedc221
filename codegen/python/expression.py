"""Python expressions as data: what generated code consists of until it is printed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Name:
    """A variable, or what a module offers: ``x``, ``np.inf``."""

    text: str

    @property
    def variable(self) -> str:
        """The variable that is read: that of the module, for what one offers."""
        return self.text.partition(".")[0]


@dataclass(frozen=True)
class Literal:
    """A number, a string, a truth value, None."""

    value: int | float | str | bool | None


@dataclass(frozen=True)
class Format:
    """A string with values in it: ``f"{step}i+r"``."""

    parts: "tuple[str | Expression, ...]"


@dataclass(frozen=True)
class Attribute:
    """``value.name``."""

    value: "Expression"
    name: str


@dataclass(frozen=True)
class Call:
    """``function(*arguments, **keywords)``."""

    function: "Expression"
    arguments: "tuple[Expression, ...]" = ()
    keywords: "tuple[tuple[str, Expression], ...]" = ()

    @property
    def name(self) -> str:
        """The function's name; "" for what is called otherwise."""
        return self.function.text if isinstance(self.function, Name) else ""


@dataclass(frozen=True)
class Part:
    """``value[subscripts]``."""

    value: "Expression"
    subscripts: "tuple[Expression, ...]"


@dataclass(frozen=True)
class Span:
    """``low:high`` within a subscript."""

    low: "Expression | None" = None
    high: "Expression | None" = None


@dataclass(frozen=True)
class Group:
    """A tuple."""

    items: "tuple[Expression, ...]"


@dataclass(frozen=True)
class Table:
    """A list: a row of numbers, or such rows; what is too long for a line fills several."""

    items: "tuple[Expression, ...]"


@dataclass(frozen=True)
class Items:
    """A tuple without brackets, which an assignment or a loop takes apart: ``low, high``."""

    items: "tuple[Expression, ...]"


@dataclass(frozen=True)
class Star:
    """``*value`` among items."""

    value: "Expression"


@dataclass(frozen=True)
class Dictionary:
    """``{key: value}``; a value without key is a dictionary whose entries are its own: ``**value``."""

    entries: "tuple[tuple[Expression | None, Expression], ...]"


@dataclass(frozen=True)
class Unary:
    """``-value``, ``not value``."""

    operator: str
    value: "Expression"


@dataclass(frozen=True)
class Binary:
    """``left operator right``: arithmetic, and ``&``, ``|`` of arrays."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True)
class Comparison:
    """``a < b``, ``0 <= a < b``: one operator less than operands."""

    operands: "tuple[Expression, ...]"
    operators: tuple[str, ...]


@dataclass(frozen=True)
class All:
    """``a and b``."""

    operands: "tuple[Expression, ...]"


@dataclass(frozen=True)
class Choice:
    """``then if test else otherwise``."""

    then: "Expression"
    test: "Expression"
    otherwise: "Expression"


Expression = (
    Name
    | Literal
    | Format
    | Attribute
    | Call
    | Part
    | Span
    | Group
    | Table
    | Items
    | Star
    | Dictionary
    | Unary
    | Binary
    | Comparison
    | All
    | Choice
)
ELLIPSIS = Name("...")


def call(function: str, *arguments: Expression, **keywords: Expression) -> Call:
    """A call of a function by its name."""
    return Call(Name(function), arguments, tuple(keywords.items()))


def method(value: Expression, name: str, *arguments: Expression) -> Call:
    """A call of a method."""
    return Call(Attribute(value, name), arguments)


def formatted(words: Sequence[str | Expression]) -> Expression:
    """A string, with values in it where there are any."""
    if any(not isinstance(word, str) for word in words):
        return Format(tuple(words))
    return Literal("".join(word for word in words if isinstance(word, str)))


def member(name: str) -> Attribute:
    """``self.name``."""
    return Attribute(Name("self"), name)


def item(value: Expression, key: str) -> Part:
    """``value["key"]``."""
    return Part(value, (Literal(key),))


def texts(words: Iterable[str]) -> Group:
    """A tuple of strings."""
    return Group(tuple(Literal(word) for word in words))


def names(words: Iterable[str]) -> Expression:
    """One name, or several that an assignment takes apart: ``a, b``."""
    found = tuple(Name(word) for word in words)
    return found[0] if len(found) == 1 else Items(found)


LONGEST = 100
"""Characters of names before what they are taken from."""


def unpacked(words: Sequence[str]) -> Expression:
    """The names that an assignment takes a tuple apart into; in brackets one alone, and what does not fit on a line."""
    one_line = sum(len(word) + 2 for word in words) < LONGEST
    return names(words) if len(words) > 1 and one_line else Group(tuple(Name(word) for word in words))


def absent(name: str) -> Comparison:
    """``name is None``."""
    return Comparison((Name(name), Literal(None)), ("is",))


def chain(operator: str, operands: "list[Expression] | tuple[Expression, ...]") -> Expression:
    """``a + b + c``, from the left."""
    result, *rest = operands
    for operand in rest:
        result = Binary(operator, result, operand)
    return result


def signed(terms: Iterable[tuple[bool, Expression]]) -> Expression:
    """``a + b - c``, from the left; of every term there is given whether it is taken away."""
    (minus, first), *rest = terms
    result = negated(first) if minus else first
    for minus, term in rest:
        result = Binary("-" if minus else "+", result, term)
    return result


def every(tests: Sequence[Expression]) -> Expression:
    """``a and b``; a single test stands for itself."""
    return tests[0] if len(tests) == 1 else All(tuple(tests))


def negated(value: Expression) -> Expression:
    """``-value``: of a product of numbers its first factor takes the sign, as it is written by hand."""
    if isinstance(value, Binary) and value.operator in ("*", "/"):
        return Binary(value.operator, negated(value.left), value.right)
    return Unary("-", value)


def parts(value: Any) -> Iterator[Any]:
    """A record and all records in it, outer ones first."""
    left = [value]
    while left:
        part = left.pop()
        kind: Any = type(part)
        if isinstance(part, tuple):
            left += reversed(part)
        elif names := _fields(kind):
            yield part
            left += [getattr(part, name) for name in reversed(names)]


@cache
def _fields(kind: Any) -> tuple[str, ...]:
    """The names of a record's fields; of anything else none."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()


def reads(value: Any) -> set[str]:
    """The variables that an expression reads."""
    return {part.variable for part in parts(value) if isinstance(part, Name)}
