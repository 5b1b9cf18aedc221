"""Expressions and statements -> lines. Parentheses stand where Python's precedence needs them, and nowhere else."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

from gradscribe.codegen.python import expression as e
from gradscribe.codegen.python.definition import Function, Import, Parameter
from gradscribe.codegen.python.statement import (
    Assign,
    Body,
    Comment,
    Delete,
    Do,
    For,
    If,
    Return,
    Sourced,
    Statement,
    While,
)
from gradscribe.codegen.python.text.line_breaks import (
    INDENT,
    WIDTH,
    Bracket,
    Line,
    Operator,
    alternatives,
    fit,
    flat,
    wrapped,
)
from gradscribe.codegen.python.text.literal import between, literal

CHOICE, ALL, NOT, COMPARISON, EITHER, BOTH, SUM, PRODUCT, UNARY, POWER, ATOM = range(11)
LEVELS = {
    "|": EITHER,
    "&": BOTH,
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
    "//": PRODUCT,
    "%": PRODUCT,
    "**": POWER,
}


def text(value: e.Expression) -> str:
    """An expression on one line."""
    return flat(_line(value)[0])


@dataclass(frozen=True)
class CodeLine:
    """A line of code; `source` is what its statement was made of, None where that was not recorded."""

    text: str
    source: Any = None


def lines(body: Iterable[Statement], depth: int) -> list[CodeLine]:
    """Statements, broken so that they fit at `depth` levels of indentation, which is not added."""
    return [line for statement in body for line in _printed(statement, depth)]


def signature(function: Function, depth: int) -> str:
    """The first line of a function; its parameters on a line of their own, or one per line, where it is too long.

    So are the parts of what it returns, where what stands behind the parameters is too long.
    """
    given = function.signature
    star: list[Line] = [("*",)] if given.keyword else []
    if given.rest is not None:
        star = [("*", *_parameter(given.rest))]
    first = (*map(_parameter, given.unnamed), ("/",)) if given.unnamed else ()
    items = (*first, *map(_parameter, given.positional), *star, *map(_parameter, given.keyword))
    line = (f"def {function.name}", Bracket("(", items, ")", comma=True), f" -> {text(given.result)}:")
    margin = len(INDENT) * depth
    head = [f"@{text(function.decorator)}"] if function.decorator is not None else []
    *found, last = fit(line, margin)
    result = fit((") -> ", *_line(given.result)[0], ":"), margin) if margin + len(last) > WIDTH else [last]
    return "\n".join(" " * margin + part for part in (*head, *found, *result))


def _parameter(parameter: Parameter) -> Line:
    annotation = f": {text(parameter.annotation)}"
    kind = "" if parameter.name == "self" else annotation
    return (f"{parameter.name}{kind}", *([f" = {text(parameter.default)}"] if parameter.default is not None else []))


def imported(found: Import, depth: int = 0) -> list[str]:
    """An import, on one line, or each name on its own; what is no part of the standard library stands apart."""
    if not found.names:
        return ["", f"import {found.module} as {found.alias}"]
    start = f"from {found.module} import"
    whole = f"{start} {', '.join(found.names)}"
    if len(INDENT) * depth + len(whole) <= WIDTH:
        return [whole]
    return [f"{start} (", *(f"{INDENT}{name}," for name in found.names), ")"]


# ----- statements -----------------------------------------------------------------------------------------------------
def _printed(statement: Statement, depth: int) -> list[CodeLine]:
    margin = len(INDENT) * depth
    match statement:
        case Comment(words):
            return [CodeLine(f"# {words}")]
        case Assign(target, value, operator, remark, kind):
            annotation: Line = (f": {text(kind)}",) if kind is not None else ()
            head = (*_line(target)[0], *annotation, f" {operator} ")
            return _lines(wrapped(head, _line(value)[0], margin, remark))
        case Do(value, remark):
            return _lines(wrapped((), _line(value)[0], margin, remark))
        case Return(values):
            return _lines(alternatives("return ", [_line(v)[0] for v in values], margin))
        case Delete(name):
            return [CodeLine(f"del {name}")]
        case For(target, values, inner):
            return _block((f"for {text(target)} in ", *_line(values)[0], ":"), inner, depth)
        case While(test, inner):
            return _block(("while ", *_line(test)[0], ":"), inner, depth)
        case If():
            return _if("if", statement, depth)
        case Sourced(source, inner):
            return [line if line.source is not None else replace(line, source=source) for line in lines(inner, depth)]


def _if(word: str, statement: If, depth: int) -> list[CodeLine]:
    operands = statement.test.operands if isinstance(statement.test, e.All) else ()
    tests = [_line(o, NOT)[0] for o in operands]
    head = (f"{word} ", *_line(statement.test)[0], ":")
    margin = len(INDENT) * depth
    if tests and margin + len(flat(head)) > WIDTH:
        rows = [tests[0], *(("and ", *t) for t in tests[1:])]
        inner = [f"{INDENT}{part}" for row in rows for part in fit(row, margin + len(INDENT))]
        found = [*_lines([f"{word} (", *inner, "):"]), *_indented(statement.body, depth)]
    else:
        found = _block(head, statement.body, depth)
    match statement.otherwise:
        case ():
            return found
        case (If() as only,):
            return [*found, *_if("elif", only, depth)]
        case _:
            return [*found, CodeLine("else:"), *_indented(statement.otherwise, depth)]


def _block(head: Line, inner: Body, depth: int) -> list[CodeLine]:
    return [*_lines(fit(head, len(INDENT) * depth)), *_indented(inner, depth)]


def _indented(inner: Body, depth: int) -> list[CodeLine]:
    return [replace(line, text=INDENT + line.text) for line in lines(inner, depth + 1)]


def _lines(texts: Iterable[str]) -> list[CodeLine]:
    return [CodeLine(t) for t in texts]


# ----- expressions ----------------------------------------------------------------------------------------------------
def _line(value: e.Expression, least: int = CHOICE) -> tuple[Line, int]:
    """An expression for a context that needs precedence `least`, and its own."""
    line, own = _pieces(value)
    return (line, own) if own >= least else ((Bracket("(", (line,), ")"),), ATOM)


@singledispatch
def _pieces(value: e.Expression) -> tuple[Line, int]:
    raise TypeError(f"no such expression: {value}")


@_pieces.register
def _(value: e.Name) -> tuple[Line, int]:
    return (value.text,), ATOM


@_pieces.register
def _(value: e.Literal) -> tuple[Line, int]:
    negative = isinstance(value.value, int | float) and value.value < 0
    return (literal(value.value),), UNARY if negative else ATOM


@_pieces.register
def _(value: e.Format) -> tuple[Line, int]:
    parts = (between(p) if isinstance(p, str) else f"{{{text(p)}}}" for p in value.parts)
    return (f'f"{"".join(parts)}"',), ATOM


@_pieces.register
def _(value: e.Attribute) -> tuple[Line, int]:
    number = isinstance(value.value, e.Literal) and isinstance(value.value.value, int)  # 3.real would be a number
    return (*_line(value.value, ATOM + number)[0], f".{value.name}"), ATOM


@_pieces.register
def _(value: e.Call) -> tuple[Line, int]:
    items = [_line(a)[0] for a in value.arguments] + [(f"{k}=", *_line(v)[0]) for k, v in value.keywords]
    return (*_line(value.function, ATOM)[0], Bracket("(", tuple(items), ")", comma=True)), ATOM


@_pieces.register
def _(value: e.Part) -> tuple[Line, int]:
    items = tuple(_line(s)[0] for s in value.subscripts)
    return (*_line(value.value, ATOM)[0], Bracket("[", items, "]", comma=len(items) > 1)), ATOM


@_pieces.register
def _(value: e.Span) -> tuple[Line, int]:
    low, high = (_line(v, SUM)[0] if v is not None else () for v in (value.low, value.high))
    simple = all(v is None or isinstance(v, e.Name | e.Literal) for v in (value.low, value.high))
    return (*low, ":" if simple or not (low and high) else " : ", *high), ATOM


@_pieces.register
def _(value: e.Group) -> tuple[Line, int]:
    items = tuple(_line(i)[0] for i in value.items)
    return (Bracket("(", items, ")", comma=True, single=len(items) == 1, literal=True),), ATOM


@_pieces.register
def _(value: e.Table) -> tuple[Line, int]:
    items = tuple(_line(i)[0] for i in value.items)
    full = all(isinstance(i, e.Literal) for i in value.items)
    return (Bracket("[", items, "]", comma=True, literal=not full, full=full),), ATOM


@_pieces.register
def _(value: e.Items) -> tuple[Line, int]:
    return (", ".join(text(i) for i in value.items) + ("," if len(value.items) == 1 else ""),), CHOICE


@_pieces.register
def _(value: e.Star) -> tuple[Line, int]:
    return ("*", *_line(value.value, ATOM)[0]), ATOM


@_pieces.register
def _(value: e.Dictionary) -> tuple[Line, int]:
    items = tuple(
        (*_line(k)[0], ": ", *_line(v)[0]) if k is not None else ("**", *_line(v, ATOM)[0]) for k, v in value.entries
    )
    return (Bracket("{", items, "}", comma=True, literal=True),), ATOM


@_pieces.register
def _(value: e.Unary) -> tuple[Line, int]:
    if value.operator == "not":
        return ("not ", *_line(value.value, NOT)[0]), NOT
    return (value.operator, *_line(value.value, UNARY)[0]), UNARY


@_pieces.register
def _(value: e.Binary) -> tuple[Line, int]:
    own = LEVELS[value.operator]
    if value.operator == "**":
        base, power = _line(value.left, ATOM)[0], _line(value.right, UNARY)[0]
        simple = _is_simple(value.left) and _is_simple(value.right)
        return (*base, "**" if simple else " ** ", *power), own
    left, right = _line(value.left, own)[0], _line(value.right, own + 1)[0]
    return (*left, Operator(value.operator), *right), own


@_pieces.register
def _(value: e.Comparison) -> tuple[Line, int]:
    first, *rest = (_line(o, EITHER)[0] for o in value.operands)
    pieces = [piece for sign, line in zip(value.operators, rest, strict=True) for piece in (Operator(sign), *line)]
    return (*first, *pieces), COMPARISON


@_pieces.register
def _(value: e.All) -> tuple[Line, int]:
    first, *rest = (_line(o, NOT)[0] for o in value.operands)
    return (*first, *(piece for line in rest for piece in (Operator("and"), *line))), ALL


@_pieces.register
def _(value: e.Choice) -> tuple[Line, int]:
    then, test = _line(value.then, ALL)[0], _line(value.test, ALL)[0]
    return (*then, " if ", *test, " else ", *_line(value.otherwise)[0]), CHOICE


def _is_simple(value: e.Expression) -> bool:
    """Whether an operand of a power is a name or a number, perhaps with a sign: no blanks stand around the operator."""
    if isinstance(value, e.Unary):
        return value.operator == "-" and _is_simple(value.value)
    if isinstance(value, e.Attribute):
        return _is_simple(value.value)
    return isinstance(value, e.Name) or (isinstance(value, e.Literal) and not isinstance(value.value, str))
