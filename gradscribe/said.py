"""What pages say, whatever the language: sentences with places in them, and the catalogues that translate them.

A sentence of ours is English with names in braces, ``"of {gone} only {stays} is left"``, and what stands there. That
English is also what `gradscribe/locale` has translations of, in the format of gettext. A plain string between such
sentences is somebody's title or name, or a mark between sentences: it stays what it is in every language.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from gettext import NullTranslations, translation
from pathlib import Path
from string import Formatter
from typing import Any

ENGLISH = "en"
DOMAIN = "gradscribe"
LOCALE = Path(__file__).resolve().parent / "locale"
"""A folder for each language but English, ``ko/LC_MESSAGES/gradscribe.po`` and ``.mo``."""


class Message(str):
    """Words of ours without places: a title, a noun. In a sentence they are translated, elsewhere they are English."""

    __slots__ = ()


@dataclass(frozen=True)
class Said:
    """A sentence of ours, or a part of one that is translated as a whole.

    Attributes:
        message: the English, with names of places in braces.
        places: what stands in each, in the order in which English has them: words and mathematics.
        several: the English for several, "" where number makes no difference.
        number: how many there are.
        begins: whether a sentence begins with it.
    """

    message: str
    places: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    several: str = ""
    number: int = 1
    begins: bool = False


Saying = tuple[Said, ...]
"""One sentence, as a part of others."""


def say(message: str, /, **places: Any) -> Saying:
    """A sentence; in a place stands a word, an expression, or several of these."""
    return (Said(message, _given(places)),)


def say_number(number: int, message: str, several: str, /, **places: Any) -> Saying:
    """The same where English has another sentence for several than for one."""
    return (Said(message, _given(places), several, number),)


def _given(places: dict[str, Any]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    return tuple((name, words if isinstance(words, tuple) else (words,)) for name, words in places.items())


def is_said(word: Any, message: str) -> bool:
    """Whether a word of a sentence is one with that message."""
    return isinstance(word, Said) and word.message == message


def begun(words: Sequence[Any]) -> tuple[Any, ...]:
    """The words as the beginning of a sentence."""
    first, *rest = words
    if isinstance(first, str):
        first = Said("{first}", (("first", (first,)),))
    return (replace(first, begins=True), *rest) if isinstance(first, Said) else tuple(words)


def spoken(words: Sequence[Any], language: str) -> tuple[Any, ...]:
    """The words in one of the `languages`: strings, never two in a row, and mathematics."""
    found: list[Any] = []
    for part in _parts(words, _translations(language)):
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return tuple(found)


def in_words(words: Sequence[Any], language: str = ENGLISH) -> str:
    """What has no mathematics in it, as text: words, or a message."""
    return "".join(map(str, spoken((words,) if isinstance(words, str) else words, language)))


def _parts(words: Sequence[Any], known: NullTranslations) -> Iterator[Any]:
    for word in words:
        if isinstance(word, Said):
            yield from _filled(word, known)
        elif isinstance(word, Message) and word:  # "" is what catalogues call their head
            yield known.gettext(word)
        else:
            yield word


def _filled(said: Said, known: NullTranslations) -> Iterator[Any]:
    """The sentence with what stands in its places, in the order of the language."""
    one, several = said.message, said.several
    template = known.ngettext(one, several, said.number) if several else known.gettext(one)
    places, begins = dict(said.places), said.begins
    for text, name, _, _ in Formatter().parse(template):
        if text:
            yield _capital(text) if begins else text
            begins = False
        if name is not None:
            yield from _begun(places[name], known) if begins else _parts(places[name], known)
            begins = False


def _begun(words: Sequence[Any], known: NullTranslations) -> Iterator[Any]:
    """Words at the beginning of a sentence; a name has a capital there in English only."""
    first, *rest = words or ("",)
    if isinstance(first, Said):
        yield from _filled(replace(first, begins=True), known)
    elif isinstance(first, Message) or (isinstance(first, str) and known is _translations(ENGLISH)):
        yield from map(_capital, _parts((first,), known))
    else:
        yield first
    yield from _parts(rest, known)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def languages() -> tuple[str, ...]:
    """The languages that pages are written in."""
    return (ENGLISH, *sorted(path.parents[1].name for path in LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")))


@cache
def _translations(language: str) -> NullTranslations:
    return NullTranslations() if language == ENGLISH else translation(DOMAIN, LOCALE, [language])
