"""The catalogues of messages: complete, without what is not said any more, and compiled from what translators read."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path
from string import Formatter

import pytest
from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from gradscribe.said import DOMAIN, ENGLISH, LOCALE, languages

ROOT = Path(__file__).parents[3]
FOLDERS = "derive", "codegen", "templates/page", "templates/site", "templates/playground"
KEYWORDS = {"say": None, "Message": None, "say_number": (2, 3)}
"""As the Makefile has them."""
OTHERS = [language for language in languages() if language != ENGLISH]


def of_the_code() -> dict[str, str]:
    """The messages of the sources as `make messages` finds them, and the English for several, "" for none."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["babel"]["mappings"]
    methods = [(m["pattern"], m["method"]) for m in mappings]
    found: dict[str, str] = {}
    for folder in FOLDERS:
        for _, _, message, _, _ in extract_from_dir(ROOT / folder, methods, keywords=KEYWORDS):
            one, several = (message, "") if isinstance(message, str) else message
            found[one] = several or found.get(one, "")
    return found


@cache
def catalogue(language: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        return read_po(file, locale=language)


def messages(language: str) -> Iterator[tuple[str, str, list[str]]]:
    """Every message of a catalogue: the English for one and for several, and the translations."""
    for found in catalogue(language):
        if found.id:
            one, *several = [found.id] if isinstance(found.id, str) else found.id
            yield (
                one,
                "".join(several),
                [found.string] if isinstance(found.string, str) else [*map(str, found.string or ())],
            )


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_korean_is_there() -> None:
    assert "ko" in OTHERS


def test_the_makefile_looks_for_the_same() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (command,) = re.findall(r"pybabel -q extract((?:.*\\\n)*.*)", text)
    words = {f"{name}:{','.join(map(str, places))}" if places else name for name, places in KEYWORDS.items()}
    assert set(re.findall(r"-k (\S+)", command)) == words
    assert command.split()[-len(FOLDERS) :] == list(FOLDERS)


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_message_and_no_other(language: str) -> None:
    code, translated = of_the_code(), {one: several for one, several, _ in messages(language)}
    assert len(code) > 400
    assert sorted(code.keys() - translated.keys()) == [], "missing; make messages adds them"
    assert sorted(translated.keys() - code.keys()) == [], "not said any more; make messages removes them"
    assert translated == code
    assert not catalogue(language).obsolete


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_translated_with_its_places(language: str) -> None:
    for one, several, translated in messages(language):
        assert all(translated), f"not translated: {one}"
        always, ever = places(one), places(one) | places(several)
        for text in translated:
            assert always <= places(text) <= ever, f"{one}: other places in {text}"
    assert not any(found.fuzzy for found in catalogue(language) if found.id)


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_read_was_compiled_from_what_is_written(language: str) -> None:
    fresh = BytesIO()
    write_mo(fresh, catalogue(language))
    fresh.seek(0)
    there = (LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.mo").read_bytes()
    own, expected = (GNUTranslations(BytesIO(data)) for data in (there, fresh.getvalue()))
    for one, several, translated in messages(language):
        for number in (1, 2, 5):
            read = own.ngettext(one, several, number) if several else own.gettext(one)
            assert read == (expected.ngettext(one, several, number) if several else expected.gettext(one)), one
            assert read in translated


def test_no_sentence_hides_from_the_extraction() -> None:
    """Babel sees no call within another one's arguments, and no message that is put together."""
    code, names = of_the_code(), {"ELEMENT", "title", "lead", "message"}  # whose values are messages themselves
    for path in (p for folder in FOLDERS[:2] for p in sorted((ROOT / folder).rglob("*.py"))):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if re.search(r"\b(say|say_number|Message)\(", text) else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS:
                said = node.args[1 if node.func.id == "say_number" else 0]
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                if isinstance(said, ast.Constant):
                    assert said.value in code, where
                else:
                    assert isinstance(said, ast.Name), where
                    assert said.id in names, where
