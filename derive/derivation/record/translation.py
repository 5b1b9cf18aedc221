"""A derivation in another language: its mathematics stays, its sentences are translated when it is printed."""

from dataclasses import replace
from difflib import get_close_matches

from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import quoted
from gradscribe.said import languages


def in_language(derivation: Derivation, language: str) -> Derivation:
    """The derivation printed in a language.

    Raises:
        EquationError: for one that there is no translation into.
    """
    checked_language(language)
    return derivation if derivation.language == language else replace(derivation, language=language)


def checked_language(language: str) -> str:
    """`language` if pages are written in it.

    Raises:
        EquationError: if they are not.
    """
    known = languages()
    if language not in known:
        close = get_close_matches(language, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise EquationError(f"unknown language {quoted(language)}; expected one of {', '.join(known)}{hint}")
    return language
