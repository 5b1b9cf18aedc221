"""Statements and expressions -> lines of C. Parentheses stand where C needs them or a compiler would ask for them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce, singledispatch

from gradscribe.codegen.loops.text.c_comment import comment
from gradscribe.codegen.loops.text.c_function import (
    LONG,
    Along,
    CBlank,
    CBlock,
    CBody,
    CFunction,
    CIf,
    Count,
    CSourced,
    CStatement,
    CUnused,
    CWhile,
)
from gradscribe.codegen.loops.text.vectors import numbered, repeatable, vectorised
from gradscribe.codegen.python import expression as e
from gradscribe.codegen.python.statement import Assign, Comment, Do, Return
from gradscribe.codegen.python.text.line_breaks import INDENT, WIDTH, Bracket, Line, Operator, fit, flat, wrapped
from gradscribe.codegen.python.text.literal import number
from gradscribe.codegen.python.text.printer import CodeLine

CHOICE, EITHER, BOTH, BITS, COMPARISON, SUM, PRODUCT, UNARY, ATOM = range(9)
LEVELS = {"&": BITS, "|": BITS, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT}
FUNCTIONS = {"//": "floor_quotient", "%": "floor_remainder", "**": "power"}
"""Of integers: operators of Python that C has not, or otherwise."""
WORDS = {"min": "least", "max": "most"}
"""Functions of Python that take any number of integers, and those of two."""


def c_lines(body: Iterable[CStatement], depth: int = 1) -> list[str]:
    """Statements, indented."""
    return [line.text for line in c_code(body, depth)]


def c_code(body: Iterable[CStatement], depth: int = 1) -> list[CodeLine]:
    """The same, each line with what it was made of, None where that was not recorded."""
    return [_moved(line, INDENT * depth) for statement in body for line in _printed(statement, depth)]


def parameters(function: CFunction) -> list[str]:
    """The parameters of a function, in lines."""
    return _listed([f"{p.kind} {p.name}" for p in function.parameters])


def arguments(function: CFunction) -> list[str]:
    """What it is called with, in lines."""
    return _listed([p.given for p in function.parameters])


def _listed(items: Sequence[str]) -> list[str]:
    """Items with commas between them, as many on a line as fit."""
    *most, last = items
    lines = [""]
    for item in (*(f"{item}," for item in most), last):
        if lines[-1] and len(lines[-1]) + len(item) > 108:
            lines.append("")
        lines[-1] += f" {item}" if lines[-1] else item
    return lines


# ----- statements -----------------------------------------------------------------------------------------------------
def _printed(statement: CStatement, depth: int) -> list[CodeLine]:
    match statement:
        case CSourced(source, inner):
            return [replace(line, source=line.source or source) for s in inner for line in _printed(s, depth)]
        case Count(index, low, high, inner, macro, kind, step):
            further = "++" if step == 1 else f" += {step}"
            return [*_plain([macro] if macro else []), *_for(index.text, low, high, further, inner, depth, kind)]
        case Along():
            return _along(statement, depth)
        case CWhile(test, inner):
            return [*_plain(_head("while", test, depth)), *_block(inner, depth)]
        case CIf():
            return _if("if", statement, depth)
        case CBlock(inner):
            return [CodeLine("{"), *_block(inner, depth)]
        case _:
            return _plain(_simple(statement, depth))


def _plain(lines: Iterable[str]) -> list[CodeLine]:
    return [CodeLine(line) for line in lines]


def _simple(statement: Assign | Do | Comment | Return | CBlank | CUnused, depth: int) -> list[str]:
    """What has no statements within it."""
    margin = len(INDENT) * depth + 1  # a semicolon
    match statement:
        case Assign(target, value, operator, _, kind):
            declared = f"{kind.text} " if isinstance(kind, e.Name) else ""
            head: Line = (declared, *_line(target)[0], f" {operator} ")
            if margin + len(flat(head)) >= WIDTH:
                return _ended(fit((*head, *_line(value)[0]), margin))
            return _ended(wrapped(head, _line(value)[0], margin))
        case Do(value):
            return _ended(fit(_line(value)[0], margin))
        case Comment(words):
            return comment(words, WIDTH - len(INDENT) * depth)
        case Return(values):
            return _ended([" ".join(["return", *(flat(_line(v)[0]) for v in values)])])
        case CBlank():
            return [""]
        case CUnused(name):
            return [f"(void){name.text};"]


def _for(
    index: str, low: e.Expression, high: e.Expression, step: str, inner: CBody, depth: int, kind: e.Name = LONG
) -> list[CodeLine]:
    start, end = _line(low)[0], _line(high, SUM)[0]
    parts = (f"for ({kind.text} {index} = {flat(start)};", f"{index} < {flat(end)};", f"{index}{step}) {{")
    whole = " ".join(parts)
    if len(INDENT) * depth + len(whole) <= WIDTH:
        return [CodeLine(whole), *_block(inner, depth)]
    head = [parts[0], *(f"{' ' * len('for (')}{part}" for part in parts[1:])]
    return [*_plain(head), *_block(inner, depth)]


def _along(loop: Along, depth: int) -> list[CodeLine]:
    index = loop.index.text
    rest = Count(loop.index, loop.low, loop.high, loop.body, loop.macro)
    if numbered(loop):
        return _printed(rest, depth)
    again = loop.again and repeatable(loop)
    whole = e.call("covered" if again else "whole", loop.low, loop.high)
    step = f" = {flat(_line(e.call('onward', loop.index, loop.high))[0])}" if again else " += LANES"
    vectors = _for(index, loop.low, whole, step, vectorised(loop), depth)
    return [*vectors, *_printed(replace(rest, low=whole), depth)]


def _if(word: str, statement: CIf, depth: int) -> list[CodeLine]:
    found = [*_plain(_head(word, statement.test, depth)), *_block(statement.body, depth)]
    match statement.otherwise:
        case ():
            return found
        case (CIf() as only,):
            return [*found[:-1], *_if("} else if", only, depth)]
        case _:
            return [*found[:-1], CodeLine("} else {"), *_block(statement.otherwise, depth)]


def _head(word: str, test: e.Expression, depth: int) -> list[str]:
    return fit((f"{word} ", Bracket("(", (_line(test)[0],), ")"), " {"), len(INDENT) * depth)


def _block(inner: CBody, depth: int) -> list[CodeLine]:
    """The lines of a body that stands one level deeper, indented by that, and the end of it."""
    return [*(_moved(line, INDENT) for s in inner for line in _printed(s, depth + 1)), CodeLine("}")]


def _moved(line: CodeLine, margin: str) -> CodeLine:
    """A line behind a margin; an empty one stays empty."""
    return replace(line, text=margin + line.text) if line.text else line


def _ended(lines: list[str]) -> list[str]:
    return [*lines[:-1], f"{lines[-1]};"]


# ----- expressions ----------------------------------------------------------------------------------------------------
def _line(value: e.Expression, least: int = CHOICE) -> tuple[Line, int]:
    """An expression for a context that needs precedence `least`, and its own."""
    line, own = _pieces(value)
    return (line, own) if own >= least else ((Bracket("(", (line,), ")"),), ATOM)


@singledispatch
def _pieces(value: e.Expression) -> tuple[Line, int]:
    raise TypeError(f"no such expression of C: {value}")


@_pieces.register
def _(value: e.Name) -> tuple[Line, int]:
    if not (value.text.isascii() and value.text.isidentifier()):
        raise ValueError(f"no name of C: {value.text}")
    return (value.text,), ATOM


@_pieces.register
def _(value: e.Literal) -> tuple[Line, int]:
    negative = isinstance(value.value, int) and value.value < 0
    return (number(value.value),), UNARY if negative else ATOM


@_pieces.register
def _(value: e.Attribute) -> tuple[Line, int]:
    return (*_line(value.value, ATOM)[0], f"->{value.name}"), ATOM


@_pieces.register
def _(value: e.Call) -> tuple[Line, int]:
    if value.name in WORDS:
        return _pieces(reduce(lambda a, b: e.call(WORDS[value.name], a, b), value.arguments))
    return _called(value.name, value.arguments)


def _called(name: str, given: Iterable[e.Expression]) -> tuple[Line, int]:
    return (name, Bracket("(", tuple(_line(a)[0] for a in given), ")", between=True)), ATOM


@_pieces.register
def _(value: e.Part) -> tuple[Line, int]:
    (subscript,) = value.subscripts
    return (*_line(value.value, ATOM)[0], Bracket("[", (_line(subscript)[0],), "]")), ATOM


@_pieces.register
def _(value: e.Unary) -> tuple[Line, int]:
    sign = "!" if value.operator == "not" else value.operator
    return (sign, *_line(value.value, UNARY + (sign == "-"))[0]), UNARY


@_pieces.register
def _(value: e.Binary) -> tuple[Line, int]:
    if value.operator in FUNCTIONS:
        return _called(FUNCTIONS[value.operator], (value.left, value.right))
    if value.operator == "||":
        left, right = (_line(o, COMPARISON)[0] for o in (value.left, value.right))
        return (*left, Operator("||"), *right), EITHER
    own = LEVELS[value.operator]
    same = isinstance(value.left, e.Binary) and value.left.operator == value.operator
    left = _line(value.left, own if own != BITS or same else SUM + 1)[0]
    right = _line(value.right, own + 1 if own != BITS else SUM + 1)[0]
    return (*left, Operator(value.operator), *right), own


@_pieces.register
def _(value: e.Comparison) -> tuple[Line, int]:
    operands = [_line(o, SUM)[0] for o in value.operands]
    pairs = [(*a, Operator(sign), *b) for a, sign, b in zip(operands[:-1], value.operators, operands[1:], strict=True)]
    return _joined(pairs) if len(pairs) > 1 else (pairs[0], COMPARISON)


@_pieces.register
def _(value: e.All) -> tuple[Line, int]:
    return _joined([_line(o, BOTH)[0] for o in value.operands])


def _joined(lines: Sequence[Line]) -> tuple[Line, int]:
    first, *rest = lines
    return (*first, *(piece for line in rest for piece in (Operator("&&"), *line))), BOTH


@_pieces.register
def _(value: e.Choice) -> tuple[Line, int]:
    test, then = _line(value.test, BOTH)[0], _line(value.then, BOTH)[0]
    return (*test, " ? ", *then, " : ", *_line(value.otherwise, BOTH)[0]), CHOICE
