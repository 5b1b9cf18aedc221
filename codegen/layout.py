"""Line breaks: long statements in the house format, so that generated files need no formatter.

A statement that is too long is broken at its last outermost bracket, first with the content on one line of its own,
else with one item per line and a trailing comma.
"""

WIDTH = 120
INDENT = "    "
PAIRS = {"(": ")", "[": "]", "{": "}"}


def fit(lines: list[str], depth: int) -> list[str]:
    """`lines` broken so that they fit at `depth` levels of indentation, which is not added."""
    return [part for line in lines for part in _fit(line, len(INDENT) * depth)]


def _fit(line: str, margin: int) -> list[str]:
    if margin + len(line) <= WIDTH:
        return [line]
    found = _last_bracket(line)
    if found is None:
        return [line]
    start, stop = found
    indent = line[: len(line) - len(line.lstrip())] + INDENT
    head, inner, tail = line[: start + 1], line[start + 1 : stop], line[stop:]
    if not inner:
        return [line]
    if margin + len(indent) + len(inner) <= WIDTH:
        return [head, indent + inner, indent[len(INDENT) :] + tail]
    found_items = split_items(inner)
    grouping = not (head[:-1].rstrip()[-1:].isalnum() or head[-2:-1] in "_)]")
    comma = "" if grouping and len(found_items) == 1 and not inner.rstrip().endswith(",") else ","
    items = [part for item in found_items for part in _fit(f"{indent}{item}{comma}", margin)]
    return [head, *items, indent[len(INDENT) :] + tail]


def _last_bracket(line: str) -> tuple[int, int] | None:
    """Start and end of the last outermost bracket pair with content."""
    stack: list[int] = []
    found = None
    quoted = ""
    for k, character in enumerate(line):
        if quoted:
            quoted = "" if character == quoted else quoted
        elif character in "\"'":
            quoted = character
        elif character in PAIRS:
            stack.append(k)
        elif character in PAIRS.values() and stack:
            start = stack.pop()
            if not stack and k > start + 1:
                found = (start, k)
    return found


def split_items(text: str) -> list[str]:
    """The items of a bracket's content, cut at its outermost commas."""
    items, depth, start, quoted = [], 0, 0, ""
    for k, character in enumerate(text):
        if quoted:
            quoted = "" if character == quoted else quoted
        elif character in "\"'":
            quoted = character
        elif character in PAIRS:
            depth += 1
        elif character in PAIRS.values():
            depth -= 1
        elif character == "," and depth == 0:
            items.append(text[start:k].strip())
            start = k + 1
    rest = text[start:].strip()
    return [*items, rest] if rest else items
