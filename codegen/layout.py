"""Line breaks: long statements in the house format, so that generated files need no formatter.

A statement that is too long is broken at its last outermost bracket before which it fits, first with the content on one
line of its own, else with one item per line and a trailing comma; an item that is too long, before its operators.
"""

import re
from collections.abc import Iterator, Sequence

WIDTH = 120
INDENT = "    "
PAIRS = {"(": ")", "[": "]", "{": "}"}


def fit(lines: list[str], depth: int) -> list[str]:
    """`lines` broken so that they fit at `depth` levels of indentation, which is not added."""
    return [part for line in lines for part in _fit(line, len(INDENT) * depth)]


def imported(start: str, names: Sequence[str], depth: int) -> list[str]:
    """An import of `names`: on one line, or each on its own."""
    whole = f"{start} {', '.join(names)}"
    return [whole] if len(INDENT) * depth + len(whole) <= WIDTH else [f"{start} (", *_each(names), ")"]


def entry(key: str, items: Sequence[str], depth: int) -> list[str]:
    """An entry of a dict, a tuple: on one line, or each item on its own."""
    whole = f"{key}: ({', '.join(items)}{',' if len(items) == 1 else ''}),"
    return [whole] if len(INDENT) * depth + len(whole) <= WIDTH else [f"{key}: (", *_each(items), "),"]


def _each(items: Sequence[str]) -> list[str]:
    return [f"{INDENT}{item}," for item in items]


def _fit(line: str, margin: int) -> list[str]:
    if margin + len(line) <= WIDTH:
        return [line]
    brackets = _outermost_brackets(line)
    if not brackets:
        return [line]
    values = split_items(line.lstrip().removeprefix("return ")) if line.lstrip().startswith("return ") else []
    if len(values) > 1:
        margin_text = line[: len(line) - len(line.lstrip())]
        items = [part for value in values for part in _item(f"{margin_text}{INDENT}{value},", margin)]
        return [f"{margin_text}return (", *items, f"{margin_text})"]
    wrapped = _conditions(line, margin) or _wrapped(line, margin)
    if wrapped:
        return wrapped
    start, stop = next((b for b in reversed(brackets) if margin + b[0] < WIDTH), brackets[0])
    indent = line[: len(line) - len(line.lstrip())] + INDENT
    head, inner, tail = line[: start + 1], line[start + 1 : stop], line[stop:]
    if margin + len(indent) + len(inner) <= WIDTH:
        return [head, indent + inner, *_fit(indent[len(INDENT) :] + tail, margin)]
    found_items = split_items(inner)
    # a comma after a single item would make a tuple of it
    single = len(found_items) == 1 and not inner.rstrip().endswith(",") and not _is_call(head) and head[-1] != "{"
    comma = "" if single else ","
    items = [part for item in found_items for part in _item(f"{indent}{item}{comma}", margin)]
    return [head, *items, *_fit(indent[len(INDENT) :] + tail, margin)]


def _conditions(line: str, margin: int) -> list[str]:
    """Several conditions in parentheses, a line each."""
    match = re.match(r"(\s*)if (.*):$", line)
    operands = _operands(match[2], ("and",)) if match else []
    if not match or not operands:
        return []
    return [f"{match[1]}if (", *(p for o in operands for p in _fit(f"{match[1]}{INDENT}{o}", margin)), f"{match[1]}):"]


def _wrapped(line: str, margin: int) -> list[str]:
    """An assignment of a sum or product in parentheses: of many operands, or with a subscript at its end."""
    match = re.match(r"(\s*\S[^=(]*? [-+*/]?= )(.*)", line)
    value = match[2] if match else ""
    operands = _operands(value, ("+", "-")) or _operands(value, ("*", "/", "//", "%"))
    if not match or len(operands) < (2 if value.endswith("]") else 3):
        return []
    indent = line[: len(line) - len(line.lstrip())]
    whole = f"{indent}{INDENT}{value}"
    items = [whole] if margin + len(whole) <= WIDTH else [f"{indent}{INDENT}{o}" for o in operands]
    return [f"{match[1]}(", *(part for item in items for part in _fit(item, margin)), f"{indent})"]


def _item(line: str, margin: int) -> list[str]:
    """The lines of an item within brackets: it may be broken before its operators of lowest precedence."""
    if margin + len(line) <= WIDTH:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    levels = ((">=", "<=", ">", "<", "==", "!="), ("+", "-"), ("*", "/", "//", "%"))
    operands = next((o for level in levels if (o := _operands(line.strip(), level))), [])
    return [part for o in operands for part in _fit(indent + o, margin)] if operands else _fit(line, margin)


def _operands(text: str, operators: tuple[str, ...]) -> list[str]:
    """`text` cut before its outermost `operators`; nothing where there is none."""
    start, found = 0, []
    for k, character, depth in _code(text):
        if character == " " and depth == 0 and text[k + 1 :].partition(" ")[0] in operators and k > start:
            found.append(text[start:k])
            start = k + 1
    return [*found, text[start:]] if found else []


def _code(text: str) -> Iterator[tuple[int, str, int]]:
    """The characters outside of strings: place, character, and within how many brackets it stands."""
    depth, quote, escaped = 0, "", False
    for k, character in enumerate(text):
        if quote:
            quote = "" if character == quote and not escaped else quote
            escaped = character == "\\" and not escaped
        elif character in "\"'":
            quote = character
        else:
            depth -= character in PAIRS.values()
            yield k, character, depth
            depth += character in PAIRS


def _is_call(head: str) -> bool:
    """Whether the bracket that `head` ends with opens the arguments of a call."""
    return head[-1] == "(" and (head[-2:-1].isalnum() or head[-2:-1] in tuple("_)]"))


def _outermost_brackets(line: str) -> list[tuple[int, int]]:
    """Start and end of the outermost bracket pairs with content."""
    found, start = [], 0
    for k, character, depth in _code(line):
        if depth == 0 and character in PAIRS:
            start = k
        elif depth == 0 and character in PAIRS.values() and k > start + 1:
            found.append((start, k))
    return found


def split_items(text: str) -> list[str]:
    """The items of a bracket's content, cut at its outermost commas."""
    items, start = [], 0
    for k, character, depth in _code(text):
        if character == "," and depth == 0:
            items.append(text[start:k].strip())
            start = k + 1
    rest = text[start:].strip()
    return [*items, rest] if rest else items
