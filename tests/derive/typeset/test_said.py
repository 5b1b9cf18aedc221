"""Sentences with places: in English as they are written, in another language in its order; names as they are."""

from gettext import GNUTranslations
from io import BytesIO

import pytest
from babel.messages import Catalog
from babel.messages.mofile import write_mo
from sympy import Symbol

from gradscribe import said
from gradscribe.derive.derivation.record.sentence import AND, are_words, joined, mathematics, put_for
from gradscribe.said import ENGLISH, Message, begun, in_words, is_said, say, say_number, spoken

n, m = Symbol("n"), Symbol("m")
LEFT = "of {gone} only {stays} is left", "of {gone} only {stays} are left"
GERMAN: dict[str | tuple[str, ...], str | tuple[str, ...]] = {
    ("of {gone} only {stays} is left", "of {gone} only {stays} are left"): (
        "von {gone} bleibt nur {stays}",
        "von {gone} bleiben nur {stays}",
    ),
    "{formula} of {name}": "{name}: {formula}",
    "chain rule": "Kettenregel",
    " and ": " und ",
}


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> str:
    """A language that no file of the house has."""
    catalog, file = Catalog(locale="de"), BytesIO()
    for message, translated in GERMAN.items():
        catalog.add(message, translated)
    write_mo(file, catalog)
    file.seek(0)
    known, found = said._translations, GNUTranslations(file)
    monkeypatch.setattr(said, "_translations", lambda language: found if language == "de" else known(language))
    return "de"


def test_english_is_what_is_written() -> None:
    words = say_number(2, *LEFT, gone=joined([n, m]), stays=n)
    assert spoken(words, ENGLISH) == ("of ", n, ", ", m, " only ", n, " are left")
    assert spoken(say("chain rule"), ENGLISH) == ("chain rule",)


def test_a_place_stands_where_the_language_has_it(german: str) -> None:
    assert spoken(say("{formula} of {name}", formula=n, name="x"), german) == ("x: ", n)


def test_numbers_of_the_language_decide(german: str) -> None:
    one, two = (say_number(k, *LEFT, gone=n, stays=m) for k in (1, 2))
    assert spoken(one, german) == ("von ", n, " bleibt nur ", m)
    assert spoken(two, german) == ("von ", n, " bleiben nur ", m)


def test_sentences_stand_in_places_of_others(german: str) -> None:
    words = say("{formula} of {name}", formula=say("chain rule"), name=joined([n, m], AND))
    assert spoken(words, german) == (n, " und ", m, ": Kettenregel")


def test_what_has_no_translation_is_english(german: str) -> None:
    assert in_words(say("update"), german) == "update"


@pytest.mark.parametrize("word", ["chain rule", " and ", "{formula} of {name}", "{0}", ""])
def test_words_of_strangers_are_never_looked_up(word: str, german: str) -> None:
    assert in_words((word,), german) == word
    assert in_words(say("{formula} of {name}", formula="a", name=word), german) == f"{word}: a"


def test_a_message_is_a_string_that_sentences_translate(german: str) -> None:
    assert f"{Message('chain rule')}" == "chain rule"
    assert in_words((Message("chain rule"), "; ", "chain rule"), german) == "Kettenregel; chain rule"
    assert in_words((Message(""),), german) == ""


def test_the_beginning_of_a_sentence_has_a_capital() -> None:
    assert in_words(begun(say("chain rule"))) == "Chain rule"
    assert in_words(begun(("chain", " rule"))) == "Chain rule"
    assert in_words(begun((Message("update"),))) == "Update"
    assert in_words(begun(say("{first} of it", first=say("update")))) == "Update of it"
    assert spoken(begun(say("{first} of it", first=n)), ENGLISH) == (n, " of it")
    assert begun((n, " is")) == (n, " is")


def test_a_name_at_the_beginning_has_a_capital_in_english_only(german: str) -> None:
    assert in_words(begun(("alpha", " rule"))) == "Alpha rule"
    assert in_words(begun(("alpha", " rule")), german) == "alpha rule"
    assert in_words(begun(say("{formula} of {name}", formula="a", name="x")), german) == "x: a"
    assert in_words(begun(say("{formula} of {name}", formula="a", name=say("chain rule"))), german) == "Kettenregel: a"


def test_mathematics_is_found_and_replaced_within_sentences() -> None:
    words = (*say("{a}, {b}", a=n, b=say("of {c}", c=m)), n)
    assert list(mathematics(words)) == [n, m, n]
    assert in_words(put_for(n, say("update"), words)) == "update, of mupdate"
    assert are_words(words)
    assert not are_words((n, " [", m, "]"))
    assert is_said(words[0], "{a}, {b}")
    assert not is_said("{a}, {b}", "{a}, {b}")
