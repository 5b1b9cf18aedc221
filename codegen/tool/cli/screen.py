"""What is printed arrives: on terminals that know few characters, in closed pipes; a mistake is a few plain lines."""

import codecs
import os
import sys
import unicodedata

from gradscribe.derive.ir.quote import located, visible

HANDLER = "gradscribe.plain"
_PLAIN = {
    **dict(zip("∂−·×⊙′─═│⎡⎢⎣⎤⎥⎦", "d-*x*'-=|[[[]]]", strict=True)),
    **{"√": "sqrt", "∞": "oo", "→": "->", "≤": "<=", "≥": ">=", "≠": "!=", "∈": "in"},
    **{"⌊": "floor(", "⌋": ")"},
}
_GREEK = ("GREEK SMALL LETTER ", "GREEK CAPITAL LETTER ")


def prepare() -> None:
    """Let standard output and error write plain characters for those that their encoding does not have."""
    codecs.register_error(HANDLER, _written)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=HANDLER)


def _written(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(plain, error.object[error.start : error.end])), error.end


def plain(character: str) -> str:
    """ASCII for a character: what is read for mathematics and Greek, the letter without its accent, else an escape."""
    name = unicodedata.name(character, "")
    if character in _PLAIN:
        return _PLAIN[character]
    if name.startswith(_GREEK[1]) and (word := _reduction(character)):
        return word
    if name.startswith(_GREEK) and " " not in name.partition("LETTER ")[2]:
        return name.rpartition(" ")[2].lower()
    letters = "".join(_PLAIN.get(c, c) for c in unicodedata.normalize("NFKD", character))
    return letters.encode("ascii", "ignore").decode() or character.encode("unicode_escape").decode("ascii")


def _reduction(sign: str) -> str:
    """The word of the reduction that has this sign; "" where none has."""
    from gradscribe.derive.ir.reductions import REDUCTIONS  # which loads SymPy; whoever prints a sign has it

    return next((word for word, row in REDUCTIONS.items() if row.text == sign), "")


def lines(text: str) -> str:
    """A text of several lines that no terminal takes for more than text."""
    return "\n".join(map(visible, text.split("\n")))


def told(error: BaseException) -> str:
    """A mistake for standard error; what the system refuses begins with the file."""
    if isinstance(error, OSError) and error.strerror:
        files = [located(f) for f in (error.filename, error.filename2) if f is not None]
        return ": ".join((" -> ".join(files), error.strerror)) if files else error.strerror
    if isinstance(error, RecursionError | MemoryError):
        return f"{type(error).__name__}: the equations are too large or too deeply nested"
    return lines(str(error))


def flush() -> None:
    """Write what is left; after an error nothing is tried again when Python stops.

    Raises:
        OSError: when it cannot be written.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OSError(error.errno, error.strerror, "standard output") from error
