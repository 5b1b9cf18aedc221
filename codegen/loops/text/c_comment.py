"""Words as a comment of C. What strangers wrote can neither end it nor begin another, hide code or turn text round."""

from collections.abc import Sequence
from functools import reduce

from gradscribe.codegen.python.text.literal import printable

APART = ("*/", "/*", "??/")
"""What means something within a comment, or to a compiler that warns: a blank takes it apart."""


def words_of(text: str) -> str:
    """A line of a comment: what has no glyph of its own is escaped, and nothing in it ends a comment."""
    return reduce(lambda shown, sign: shown.replace(sign, f"{sign[:-1]} {sign[-1]}"), APART, printable(text))


def comment(words: str | Sequence[str], width: int) -> list[str]:
    """A comment of the lines of `words`, on one line where it is short."""
    lines = [words_of(line) for line in (words.split("\n") if isinstance(words, str) else words)]
    if len(lines) == 1 and len(lines[0]) + len("/*  */") <= width:
        return [f"/* {lines[0]} */"]
    first, *rest = lines
    return [f"/* {first}", *(f" * {line}".rstrip() for line in rest), " */"]
