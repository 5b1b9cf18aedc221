"""Sentences of a page in English without a notation: figures as Python has them, mathematics as SymPy prints it."""

from gradscribe.derive.derivation.record.sentence import Measured, Rounded, Words
from gradscribe.said import ENGLISH, spoken


def english(words: Words) -> str:
    """A sentence."""
    return "".join(_written(word) for word in spoken(words, ENGLISH))


def _written(word: object) -> str:
    if isinstance(word, Measured):
        return f"{word.mantissa}e{word.exponent}"
    return "†" if isinstance(word, Rounded) else str(word)
