"""Python statements as data; a body is a tuple of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gradscribe.codegen.python.expression import (
    Attribute,
    Call,
    Choice,
    Comparison,
    Expression,
    Group,
    Items,
    Name,
    Part,
    Star,
    Unary,
    reads,
)
from gradscribe.kept import kept_with


@dataclass(frozen=True)
class Assign:
    """``target: kind operator value``: the operator is "=", "+=" and the like; `remark` is a comment behind it."""

    target: Expression
    value: Expression
    operator: str = "="
    remark: str = ""
    kind: Expression | None = None


@dataclass(frozen=True)
class Do:
    """An expression for its effect: a call."""

    value: Expression
    remark: str = ""


@dataclass(frozen=True)
class For:
    """``for target in values:``."""

    target: Expression
    values: Expression
    body: "Body"


@dataclass(frozen=True)
class While:
    """``while test:``."""

    test: Expression
    body: "Body"


@dataclass(frozen=True)
class If:
    """``if test:``, with an else where `otherwise` holds anything; a single If there is an elif."""

    test: Expression
    body: "Body"
    otherwise: "Body" = ()


@dataclass(frozen=True)
class Return:
    """``return values``."""

    values: tuple[Expression, ...]


@dataclass(frozen=True)
class Delete:
    """``del name``: a variable that is read no more."""

    name: str


@dataclass(frozen=True)
class Comment:
    """Words on a line of their own."""

    words: str


@dataclass(frozen=True)
class Sourced:
    """Statements, and what they were made of: how a line of code is traced back to what it computes."""

    source: Any
    body: "Body"


Statement = Assign | Do | For | While | If | Return | Delete | Comment | Sourced
Body = tuple[Statement, ...]


def let(target: str, value: Expression) -> Assign:
    """``target = value``."""
    return Assign(Name(target), value)


def conditional(cases: Sequence[tuple[Expression, Body]], otherwise: Body = ()) -> Body:
    """if, elif, ..., else."""
    for test, body in reversed(cases):
        otherwise = (If(test, body, otherwise),)
    return otherwise


def inner(statement: Statement) -> Body:
    """The statements within one."""
    if isinstance(statement, If):
        return (*statement.body, *statement.otherwise)
    return statement.body if isinstance(statement, For | While | Sourced) else ()


@kept_with  # a function, the sizes that it needs and its module ask for it
def used(statement: Statement) -> frozenset[str]:
    """The variables that a statement reads, those within it too; what is written in part is read."""
    found = frozenset[str]().union(*(used(s) for s in inner(statement)))
    match statement:
        case Assign(target, value, operator, _, kind):
            return found | reads((value, kind)) | (reads(target) - (bound(target) if operator == "=" else set()))
        case Do(value):
            return found | reads(value)
        case For(_, values):
            return found | reads(values)
        case While(test) | If(test):
            return found | reads(test)
        case Return(values):
            return found | reads(values)
        case Delete(name):
            return frozenset({name})
        case Sourced():
            return found
        case Comment():
            return frozenset()


def bound(target: Expression) -> set[str]:
    """The variables that an assignment to `target` binds."""
    match target:
        case Name(text):
            return {text}
        case Group(items) | Items(items):
            return set().union(*(bound(item) for item in items), set())
        case Star(value):
            return bound(value)
        case Part() | Attribute():
            return set()
    raise TypeError(f"nothing can be assigned to: {target}")


def walk(body: Iterable[Statement]) -> Iterator[Statement]:
    """Every statement, outer ones first."""
    for statement in body:
        yield statement
        yield from walk(inner(statement))


def folded(body: Body) -> Body:
    """`body` whose last statement returns what the one before it computes, without a name for that."""
    *before, last, end = body
    inside = last.body if isinstance(last, Sourced) else (last,)
    match inside, end:
        case (Assign(Name(name), value, "=", "", None),), Return((Name(returned),)) if name == returned:
            made = Return((value,))
        case (Assign(Name(name), Call() as value, "=", "", None),), Return(
            (Call(Attribute(Name(of), word)) as call,)
        ) if name == of and name not in reads((call.arguments, call.keywords)):
            made = Return((replace(call, function=Attribute(value, word)),))
        case _:
            return body
    return (*before, replace(last, body=(made,)) if isinstance(last, Sourced) else made)


def live(body: Body, later: Iterable[str], refusing: str) -> Body:
    """`body` without assignments to names that nothing reads afterwards.

    What reads the module `refusing`, whose functions may refuse what they are given, stays without its name.
    """
    kept: list[Statement] = []
    read = set(later)
    for statement in reversed(body):
        if _forgotten(statement, read):
            assert isinstance(statement, Assign)  # `_forgotten` said so
            if refusing not in reads(statement.value):
                continue
            statement = _asked(statement.value, refusing)
        kept.append(statement)
        read |= used(statement)
    return tuple(kept[::-1])


def _asked(value: Expression, refusing: str) -> Statement:
    """What computes a value that nothing reads, as it may be refused; of a choice only what may be."""
    if not isinstance(value, Choice):
        return Do(value)
    then, otherwise = ((_asked(v, refusing),) if refusing in reads(v) else () for v in (value.then, value.otherwise))
    match value.test:
        case test if then:
            return If(test, then, otherwise)
        case Comparison(operands, ("is",)):
            return If(Comparison(operands, ("is not",)), otherwise)
        case test:
            return If(Unary("not", test), otherwise)


def _forgotten(statement: Statement, read: set[str]) -> bool:
    """Whether a statement does nothing but assign to one name that is not read."""
    if not isinstance(statement, Assign) or statement.operator != "=":
        return False
    return isinstance(statement.target, Name) and statement.target.text not in read
