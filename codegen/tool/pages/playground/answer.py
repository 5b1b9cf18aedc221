"""What the playground says to a text: its derivation and what stands beside it, or what is wrong, and where.

The text comes from anybody. It is an equation, a network or a name of the catalogue; no file is looked at, and what
comes back can be written as JSON.
"""

from typing import TYPE_CHECKING, Any

from gradscribe.codegen.tool.finding.find import find_text, is_text
from gradscribe.codegen.tool.finding.unknown_layer import UnknownLayerError
from gradscribe.derive.ir.error import EquationError
from gradscribe.said import ENGLISH

if TYPE_CHECKING:
    from gradscribe.derive.layer.interface import Layer
    from gradscribe.derive.layer.update import Optimiser

LONGEST = 20_000
"""Characters of a text."""
MISTAKES = (EquationError, UnknownLayerError, RecursionError, MemoryError)
"""What a text, or the size of what it describes, is to blame for."""
TOO_LARGE = "the equations are too large or too deeply nested; expected fewer or smaller ones"

Answer = dict[str, Any]
"""
``{"title": ..., "html": ...}``: a heading, and elements of HTML as a page has them (`Shown.html`); or
``{"error": {"message": ..., "line": ..., "column": ..., "length": ...}}``, lines and columns counted from 1; 0 where no
place is known.
"""


def answer(text: str, language: str = ENGLISH, first: bool = False) -> Answer:
    """The derivation of a text in a language, its pictures, numbers and code; or what is wrong with it, in English.

    Args:
        text: somebody's.
        language: one of `gradscribe.said.languages`.
        first: whether the derivation alone is wanted, which is there in half of the time.
    """
    try:
        item = _understood(text)
        from gradscribe.codegen.tool.pages.html.html_page import shown_first, shown_of

        found = (shown_first if first else shown_of)(item, language)
    except MISTAKES as error:
        return _mistake(error, text)
    return {"title": found.title, "html": found.html}


def check(text: str) -> Answer:
    """What is wrong with a text, while somebody types it; ``{}`` where nothing is."""
    try:
        _understood(text)
    except MISTAKES as error:
        return _mistake(error, text)
    return {}


def _understood(text: str) -> "Layer | Optimiser":
    if len(text) > LONGEST:
        raise EquationError(f"the text has {len(text)} characters; expected at most {LONGEST}")
    if not text.strip():
        raise EquationError("nothing to derive yet; expected such as y[i] = sum(j) w[i,j]*x[j], or layers joined by ->")
    name = text.strip()
    return find_text(text if is_text(name) else name)


def _mistake(error: BaseException, text: str) -> Answer:
    said, line, column, length = str(error).partition("\n")[0], 0, 0, 0
    if isinstance(error, EquationError) and error.line:
        said, line, column, length = error.message, error.line, error.column, error.length
    elif isinstance(error, UnknownLayerError):
        before = text[: len(text) - len(text.lstrip())]
        line, column, length = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1, len(text.strip())
    elif not isinstance(error, EquationError):
        said = TOO_LARGE
    return {"error": {"message": said, "line": line, "column": column, "length": length}}
