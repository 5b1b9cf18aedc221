"""How wide a piece of LaTeX mathematics is, roughly, in em: to end lines before the margin does."""

import re
from collections.abc import Iterator
from functools import lru_cache
from unicodedata import east_asian_width

from gradscribe.derive.ir.reductions import REDUCTIONS

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}^_&]|\S")
_COMMANDS = {
    "\\,": 0.17, "\\;": 0.28, "\\quad": 1.0, "\\qquad": 2.0, "\\sum": 1.5, "\\partial": 0.55, "\\delta": 0.5,
    "\\mid": 0.85, "\\le": 1.3, "\\max": 1.75, "\\min": 1.6, "\\exp": 1.5, "\\log": 1.25, "\\tanh": 2.1, "\\sin": 1.2,
    "\\cos": 1.3, "\\sinh": 1.9, "\\cosh": 2.0, "\\arctan": 3.0, "\\ge": 1.3, "\\ne": 1.3,
    "\\bmod": 2.7, "\\odot": 1.2, "\\pi": 0.57, "\\sigma": 0.6, "\\lfloor": 0.45, "\\rfloor": 0.45,
    "\\lceil": 0.45, "\\rceil": 0.45,
    "\\left": 0.1, "\\right": 0.1, "\\displaystyle": 0.0, "\\top": 0.8, "\\bigl": 0.1, "\\bigr": 0.1,
    "\\Bigl": 0.2, "\\Bigr": 0.2, "\\cdot": 0.7,
    "\\color": 0.0, "\\new": 0.0, "\\text": 0.0, "\\mathrm": 0.0, "\\operatorname": 0.1, "\\substack": 0.0,
    "\\linked": 0.0, "\\place": 0.0,
    "\\hat": 0.0, "\\dot": 0.1, "\\lvert": 0.3, "\\rvert": 0.3, "\\sqrt": 0.9,
}  # fmt: skip
_WIDE = {
    "+": 1.25,
    "-": 1.25,
    "=": 1.35,
    "<": 1.35,
    ">": 1.35,
    ",": 0.45,
    "(": 0.4,
    ")": 0.4,
    "[": 0.3,
    "]": 0.3,
    "'": 0.3,
}
_TIGHT = {"+": 0.8, "-": 0.8, "=": 0.8, "<": 0.8, ">": 0.8, ",": 0.3}
_LETTERS = {
    "i": 0.36,
    "j": 0.43,
    "l": 0.32,
    "t": 0.38,
    "r": 0.47,
    "m": 0.9,
    "w": 0.74,
    "f": 0.55,
    "s": 0.48,
    "n": 0.6,
    "u": 0.57,
}
_SCRIPT = 0.74
_REDUCTIONS = {row.latex for row in REDUCTIONS.values()}
_OPENING, _CLOSING = ("{", "\\left"), ("}", "\\right")
_SIGNS = ("=", "+", "-", "<", ">", "\\le", "\\ge", "\\ne", "\\odot", "\\cdot", "\\ast", "\\star", "\\otimes", "\\times")
"""The signs of relations and operations behind which a line of a paragraph may end."""


@lru_cache(maxsize=20_000)  # pages are made of few different pieces
def width(latex: str) -> float:
    """The width of display mathematics in em of its font size."""
    return _group(_TOKEN.findall(latex), [0], 1.0)


def parted(latex: str) -> Iterator[str]:
    """The parts of a formula within a paragraph, between which LaTeX may end a line."""
    depth, start = 0, 0
    for token in _TOKEN.finditer(latex):
        depth += (token[0] in _OPENING) - (token[0] in _CLOSING)
        if not depth and token[0] in (*_SIGNS, "\\allowbreak"):
            yield latex[start : token.end()]
            start = token.end()
    yield latex[start:]


def _group(tokens: list[str], at: list[int], scale: float) -> float:
    """Tokens up to the closing brace; `at` holds the position."""
    total = 0.0
    scripts = {"^": 0.0, "_": 0.0}
    under_sum = False
    while at[0] < len(tokens):
        token = tokens[at[0]]
        at[0] += 1
        if token == "}":
            break
        if token in "^_":
            scripts[token] = max(scripts[token], _argument(tokens, at, scale * _SCRIPT))
            continue
        total += _closed(scripts, under_sum, scale)
        under_sum = token in _REDUCTIONS
        total += _one(token, tokens, at, scale)
    return total + _closed(scripts, under_sum, scale)


def _closed(scripts: dict[str, float], under_sum: bool, scale: float) -> float:
    """The width that scripts add: beside a letter, or what sticks out below a sum sign."""
    extra = max(scripts.values())
    scripts.update({"^": 0.0, "_": 0.0})
    return max(0.0, extra - 1.5 * scale) if under_sum else extra


def _one(token: str, tokens: list[str], at: list[int], scale: float) -> float:
    if token == "{":
        return _group(tokens, at, scale)
    if token == "\\frac":
        return max(_argument(tokens, at, scale), _argument(tokens, at, scale)) + 0.25 * scale
    if token == "\\substack":
        return _argument(tokens, at, scale) * 0.65
    if token == "\\color":
        _argument(tokens, at, 0.0)
        return 0.0
    if token.startswith("\\"):
        return _COMMANDS.get(token, 1.5 if token in _REDUCTIONS else 0.6) * scale
    table = _WIDE if scale > _SCRIPT else {**_WIDE, **_TIGHT}
    if token in table:
        return table[token] * scale
    if east_asian_width(token) in "WF":
        return scale
    return (_LETTERS.get(token) or (0.82 if token.isupper() else 0.53)) * scale


def _argument(tokens: list[str], at: list[int], scale: float) -> float:
    if at[0] >= len(tokens):
        return 0.0
    token = tokens[at[0]]
    at[0] += 1
    return _group(tokens, at, scale) if token == "{" else _one(token, tokens, at, scale)
