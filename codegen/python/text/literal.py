"""What users wrote, as Python literals: all that emitted code holds of a title, a name or a number comes from here.

The value of a literal is what was given, whatever was in it. What could end a literal, hide code or turn the order of
characters round in an editor is escaped: quotes, backslashes, control characters, bidirectional marks, line separators,
surrogates. Other text stays as it is.
"""

import ast
import math
import re
from numbers import Integral, Real
from typing import Any

from gradscribe.derive.ir.error import EquationError


def string(text: str) -> str:
    """A string in double quotes.

    Raises:
        EquationError: when it is no string.
    """
    if not isinstance(text, str):
        raise EquationError(f"expected a text, received {type(text).__name__}")
    return f'"{printable(text).replace(chr(34), chr(92) + chr(34))}"'


def between(text: str) -> str:
    """A part of a string with values in it: braces are doubled."""
    return string(text)[1:-1].replace("{", "{{").replace("}", "}}")


def docstring(text: str) -> str:
    """A docstring in three double quotes; it keeps its lines."""
    lines = "\n".join(printable(line) for line in text.split("\n"))
    return '"""' + re.sub(r'"(?="|\Z)', r"\"", lines) + '"""'


def encodable(text: str) -> str:
    """`text` without lone surrogates, which the docstring of a class cannot hold: their escape sequences instead."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def finite(value: Any, where: str = "") -> int | float:
    """A number as Python has it; `where` says what it is, for the error.

    Raises:
        EquationError: when it is none, or infinite.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise EquationError(f"{where or 'a number'}: expected a finite number, received {type(value).__name__}")
    return int(value) if isinstance(value, Integral) else float(value)


def number(value: Any, where: str = "") -> str:
    """A number that is finite; `where` says what it is, for the error.

    Raises:
        EquationError: when it is none.
    """
    found = finite(value, where)
    if isinstance(found, int):
        return int.__repr__(found)
    mantissa, _, exponent = float.__repr__(found).partition("e+")
    return f"{mantissa}e{exponent}" if exponent else mantissa


def real(value: Any, where: str = "") -> str:
    """A number as one with a decimal point, otherwise as `number`."""
    return number(float(number(value, where)))


def literal(value: Any, where: str = "") -> str:
    """A string, a number, a truth value, None, or a sequence of these as a tuple.

    Raises:
        EquationError: when it is anything else.
    """
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, str):
        return string(value)
    if isinstance(value, tuple | list):
        items = [literal(v, where) for v in value]
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    return number(value, where)


def raw(name: str, text: str) -> str:
    r"""A text as a literal that shows it as it is.

    Raises:
        EquationError: when it cannot be one: it would end the literal, or is no plain ASCII.
    """
    literal = f'r"""{text}"""'
    if not all(c == "\n" or " " <= c <= "~" for c in text):
        raise EquationError(f"{name}: expected printable ASCII and line feeds only")
    if '"""' in text or text.endswith(('"', "\\")) or ast.literal_eval(literal) != text:
        raise EquationError(f'{name}: expected no """, and neither " nor \\ at the end')
    return literal


def printable(text: str) -> str:
    """`text` with escape sequences for backslashes and for what has no glyph of its own."""
    return "".join(c if c.isprintable() and c != "\\" else _escape(c) for c in text)


def _escape(character: str) -> str:
    code = ord(character)
    if character in "\\\n\r\t":
        return {"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
