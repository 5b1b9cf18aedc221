"""Text -> syntax tree, by the grammar in ``grammar.lark``. No name has a meaning yet, and nothing is evaluated."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lark import (
    Lark,
    Token,
    Transformer,
    Tree,
    UnexpectedCharacters,
    UnexpectedEOF,
    UnexpectedInput,
    UnexpectedToken,
    v_args,
)
from lark.exceptions import VisitError

from gradscribe.derive.ir.quote import quoted
from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.language.definitions.library import defined_names, library_names
from gradscribe.derive.language.syntax.foreign import NAME, foreign
from gradscribe.derive.language.syntax.located_error import Located, unknown_function
from gradscribe.derive.language.syntax.tree import (
    Bracket,
    Call,
    Comparison,
    Condition,
    Connective,
    Declaration,
    Definition,
    Element,
    Ellipsis,
    Equation,
    Include,
    LettersLine,
    Limit,
    Name,
    Node,
    Number,
    Place,
    Power,
    Product,
    RangeLine,
    Reduction,
    RuleLine,
    Sum,
    Text,
)
from gradscribe.derive.language.syntax.words import KNOWN

LONGEST = 20_000
DEEPEST = 150
LONGEST_NUMBER = 60
LONGEST_NAME = 60
MORE = "; docs/language.md has the grammar"
FOREIGN = {
    "@": "; a matrix product is a sum over an index: sum(k) w[i,k] * x[k]",
    "\\": "; a sum is written sum(i) x[i], a root sqrt(x[i])",
    "'": "; a transpose is written by its indices: x[j,i]",
    "|": "; write or between conditions, abs(x[i]) for a magnitude",
    "&": "; write and between conditions",
    "!": "; write not before a condition",
    "~": "; write not before a condition",
    "∨": "; write or between conditions",
    "∧": "; write and between conditions",
    "¬": "; write not before a condition",
    "∑": "; a sum is written sum(i) x[i]",
    "Σ": "; a sum is written sum(i) x[i]",
}
"""What characters of other notations are here."""

WORDS = {
    "NAME": "a name",
    "NUMBER": "a number",
    "SIGN": "+ or -",
    "OPERATOR": "* or /",
    "ASSIGN": "=",
    "COMPARISON": "a comparison",
    "LSQB": "[",
    "RSQB": "]",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "LESSTHAN": "<",
    "POWER": "^",
    "AND": "and",
    "OR": "or",
    "NOT": "not",
    "WHERE": "where",
    "DEFINE": "define",
    "INCLUDE": "include",
    "DERIVATIVE": "derivative of",
    "BY": "by",
    "IS": "is",
    "KEYWORD": "input, output, ...",
    "EVALUATION": "evaluation",
    "LETTERS": "letters",
    "_END": "the end of the line",
    "$END": "the end of the line",
    "__ANON_0": "...",
}


@cache
def _parser() -> Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", propagate_positions=True)


def parse(text: str) -> Text:
    """The syntax tree of `text`.

    Raises:
        Located: when the text does not follow the grammar, or is absurdly long or deeply nested.
    """
    _check_size(text)
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise foreign(text, error.line) or _mistake(text, error) from None
    _check_depth(tree)
    try:
        lines = _Builder(_callable(text)).transform(tree).children
    except VisitError as error:
        raise error.orig_exc from None
    title = re.match(r"\s*#[ \t]*([^\n]*)", text)
    return Text(
        tuple(x for x in lines if isinstance(x, Declaration)),
        tuple(x for x in lines if isinstance(x, RangeLine)),
        tuple(x for x in lines if isinstance(x, Equation)),
        title[1].strip() if title else "",
        tuple(x for x in lines if isinstance(x, Limit)),
        tuple(x.equation for x in lines if isinstance(x, _Evaluation)),
        tuple(x for x in lines if isinstance(x, LettersLine)),
        tuple(x for x in lines if isinstance(x, Definition | Include)),
        tuple(x for x in lines if isinstance(x, RuleLine)),
    )


def _mistake(text: str, error: UnexpectedInput) -> Located:
    """What does not follow the grammar, and what would."""
    if isinstance(error, UnexpectedCharacters):
        hint = FOREIGN.get(error.char, "")
        return Located(f"character {quoted(error.char)} has no meaning here{hint}{MORE}", _at(error))
    if isinstance(error, UnexpectedEOF):
        return Located(f"the text ends too early; expected {_expected(error.expected)}", _end(text))
    assert isinstance(error, UnexpectedToken)  # lark has no other
    place = _at(error) if error.token.type != "$END" else _end(text)
    found = "the end of the text" if error.token.type == "$END" else _shown(error.token)
    _check_foreign(text, error.token)
    return Located(f"found {found}; expected {_expected(error.accepts or error.expected)}", place)


def _check_foreign(text: str, token: Token) -> None:
    """Say what is meant by notation that is not the language's: einsum, a call on the left, a comparison in a call."""
    line = text.split("\n")[(token.line or 1) - 1]
    if re.match(r"\s*[A-Za-z]+(\s*,\s*[A-Za-z]+)*\s*->", line):
        example = "y[b,i,k] = sum(j) x[b,i,j] * w[b,j,k]"
        raise Located(f"this is no equation; expected one such as {example}{MORE}", _token_place(token))
    before = text[: token.start_pos or 0]
    called = re.search(r"(?:^|[\n;])\s*([A-Za-z]\w*)[ \t]*\([^\n;]*$", before) if token == "=" else None
    known = _callable(text)
    if called and called[1] not in known:
        raise unknown_function(called[1], _span(text, called.start(1), called.end(1)))
    opened = [
        m.start() for m in re.finditer(r"\(", before) if before[m.start() :].count("(") > before[m.start() :].count(")")
    ]
    head = re.search(r"([A-Za-z]\w*)[ \t]*$", before if token == "(" else before[: opened[-1]] if opened else "")
    if head and head[1] not in known:
        raise unknown_function(head[1], _span(text, head.start(1), head.end(1)))
    if opened and token.type in ("COMPARISON", "LESSTHAN"):
        raise Located(f"a condition stands in brackets, as a factor: [x[n] > 0] * y[n]{MORE}", _token_place(token))


def _callable(text: str) -> frozenset[str]:
    """What may stand before a parenthesis: anything that does, where files are included that may define it."""
    includes = re.search(r'(?:^|[\n;])[ \t]*include[ \t]*"', text)
    others = re.findall(rf"{NAME}(?=[ \t]*\()", text) if includes else ()
    return frozenset({*KNOWN, *library_names(), *defined_names(text), *others})


def _check_size(text: str) -> None:
    """Refuse what no layer needs before any work starts."""
    if len(text) > LONGEST:
        raise Located(f"the text has {len(text)} characters; expected at most {LONGEST}", Place(1, 1, 2))
    for match in re.finditer(r"#[^\n]*|\d+|[A-Za-z_]\w*", text):
        length, word = len(match[0]), match[0][0]
        if word.isdigit() and length >= LONGEST_NUMBER:
            message = f"a number of {length} digits; expected fewer than {LONGEST_NUMBER}"
            raise Located(message, _span(text, match.start(), match.end()))
        if word != "#" and length > LONGEST_NAME:
            message = f"a name of {length} characters; expected at most {LONGEST_NAME}"
            raise Located(message, _span(text, match.start(), match.end()))


def _check_depth(tree: Tree[Token]) -> None:
    """Refuse a tree that would exhaust the stack of whoever walks it."""
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST:
            raise Located("nested too deeply; name a part and use the name", _place(node.meta))
        waiting += [(child, depth + 1) for child in node.children if isinstance(child, Tree)]


def _span(text: str, start: int, stop: int) -> Place:
    line, first = text.count("\n", 0, start) + 1, text.rfind("\n", 0, start) + 1
    return Place(line, start - first + 1, stop - first + 1)


def _at(error: Any) -> Place:
    width = len(error.token) if isinstance(error, UnexpectedToken) and error.token.type != "_END" else 1
    return Place(error.line, error.column, error.column + width)


def _token_place(token: Token) -> Place:
    return Place(token.line or 1, token.column or 1, (token.column or 1) + len(token))


def _end(text: str) -> Place:
    lines = text.rstrip().split("\n")
    return Place(len(lines), len(lines[-1]) + 1, len(lines[-1]) + 2)


def _shown(token: Token) -> str:
    return "the end of the line" if token.type == "_END" and token != ";" else quoted(token)


def _expected(names: Any) -> str:
    words = sorted({WORDS.get(n, n) for n in names})
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _place(meta: Any) -> Place:
    end = meta.end_column if meta.end_line == meta.line else meta.column + 1
    return Place(meta.line, meta.column, end)


@dataclass(frozen=True)
class _Evaluation:
    """A line ``evaluation equation``."""

    equation: Equation


@v_args(meta=True)
class _Builder(Transformer[Token, Any]):
    """One method per rule of the grammar; `known` may stand before a parenthesis."""

    def __init__(self, known: Collection[str]) -> None:
        super().__init__()
        self.known = known

    def number(self, meta: Any, children: Sequence[Token]) -> Number:
        return Number(str(children[0]), _place(meta))

    def name(self, meta: Any, children: Sequence[Token]) -> Name:
        return Name(str(children[0]), _place(meta))

    def ellipsis(self, meta: Any, children: Sequence[Token]) -> Ellipsis:
        return Ellipsis(_place(meta))

    def subscripts(self, meta: Any, children: Sequence[Node]) -> tuple[Node, ...]:
        return tuple(children)

    def element(self, meta: Any, children: Sequence[Any]) -> Element:
        return Element(str(children[0]), children[1], _place(meta))

    def call(self, meta: Any, children: Sequence[Any]) -> Call:
        return Call(str(children[0]), children[1] or (), _place(meta))

    def reduction(self, meta: Any, children: Sequence[Any]) -> Reduction:
        call, body = children
        if call.function not in self.known:
            raise unknown_function(call.function, call.at)
        if call.function not in REDUCTIONS:
            words = ", ".join(REDUCTIONS)
            raise Located(f"{call.function}(...) stands before a factor; expected {words} or *", call.at)
        wrong = next((a for a in call.arguments if not isinstance(a, Name | Ellipsis)), None)
        if wrong is not None or not call.arguments:
            if isinstance(wrong, Call) and wrong.function not in self.known:
                raise unknown_function(wrong.function, wrong.at)
            at = wrong.at if wrong is not None else call.at
            raise Located(f"{call.function} before a factor reduces over indices; expected {call.function}(i, j)", at)
        return Reduction(call.function, call.arguments, body, call.at)

    def sum(self, meta: Any, children: Sequence[Any]) -> Node:
        items = list(children) if isinstance(children[0], Token) else ["+", *children]
        parts = tuple((str(s), part) for s, part in zip(items[::2], items[1::2], strict=True))
        return parts[0][1] if len(parts) == 1 and parts[0][0] == "+" else Sum(parts, _place(meta))

    def product(self, meta: Any, children: Sequence[Any]) -> Node:
        first, *rest = children
        pairs = tuple((str(o), f) for o, f in zip(rest[::2], rest[1::2], strict=True))
        return Product(first, pairs, _place(meta)) if pairs else first

    def bracketed(self, meta: Any, children: Sequence[Any]) -> Product:
        return Product(children[0], (("*", children[1]),), _place(meta))

    def power(self, meta: Any, children: Sequence[Any]) -> Power:
        return Power(children[0], children[2], _place(meta))

    def signed(self, meta: Any, children: Sequence[Any]) -> Node:
        return Sum(((str(children[0]), children[1]),), _place(meta))

    def condition(self, meta: Any, children: Sequence[Any]) -> Condition:
        triples = zip(children[:-2:2], children[1:-1:2], children[2::2], strict=True)
        found = tuple(Comparison(a, str(s), b, _place(meta)) for a, s, b in triples)
        return found[0] if len(found) == 1 else Connective("and", found, _place(meta))

    def conjunction(self, meta: Any, children: Sequence[Any]) -> Connective:
        return Connective("and", tuple(children[::2]), _place(meta))

    def disjunction(self, meta: Any, children: Sequence[Any]) -> Connective:
        return Connective("or", tuple(children[::2]), _place(meta))

    def negated(self, meta: Any, children: Sequence[Any]) -> Connective:
        return Connective("not", (children[1],), _place(meta))

    def bracket(self, meta: Any, children: Sequence[Any]) -> Bracket:
        return Bracket(tuple(children), _place(meta))

    def item(self, meta: Any, children: Sequence[Any]) -> Name | Element:
        name, subscripts = children
        return Element(str(name), subscripts, _place(meta)) if subscripts else Name(str(name), _place(meta))

    target = item

    def declaration(self, meta: Any, children: Sequence[Any]) -> Declaration:
        return Declaration(str(children[0]), tuple(children[1:]), _place(meta))

    def range(self, meta: Any, children: Sequence[Any]) -> RangeLine | Limit:
        (found,) = children
        if isinstance(found, Connective):
            return Limit(tuple(c for c in found.parts if isinstance(c, Comparison)), _place(meta))
        if found.sign == "<" and isinstance(found.left, Name):
            return RangeLine(found.left, found.right, _place(meta))
        return Limit((found,), _place(meta))

    def evaluation(self, meta: Any, children: Sequence[Any]) -> "_Evaluation":
        return _Evaluation(children[1])

    def letters(self, meta: Any, children: Sequence[Token]) -> LettersLine:
        return LettersLine(str(children[0]).removeprefix("letters").strip(), _place(meta))

    def parameters(self, meta: Any, children: Sequence[Token]) -> tuple[Name, ...]:
        return tuple(Name(str(t), _token_place(t)) for t in children)

    def local(self, meta: Any, children: Sequence[Any]) -> tuple[Name, Node]:
        name, _, value = children
        return Name(str(name), _token_place(name)), value

    def definition(self, meta: Any, children: Sequence[Any]) -> Definition:
        _, name, parameters, _, value, *local = children
        return Definition(Name(str(name), _token_place(name)), parameters or (), value, tuple(local[1:]), _place(meta))

    def include(self, meta: Any, children: Sequence[Token]) -> Include:
        return Include(str(children[0]).split('"')[1], _place(meta))

    def slopes(self, meta: Any, children: Sequence[Node]) -> tuple[Node, ...]:
        return tuple(children)

    def rule(self, meta: Any, children: Sequence[Any]) -> RuleLine:
        _, name, parameters, *by, _, slopes = children
        one = Name(str(by[-1]), _token_place(by[-1])) if by[-1] is not None else None
        return RuleLine(Name(str(name), _token_place(name)), parameters, one, slopes, _place(meta))

    def equation(self, meta: Any, children: Sequence[Any]) -> Equation:
        target, sign, value = children
        return Equation(target, value, str(sign) == "+=", _place(meta))
