"""Nothing that a user wrote is ever code: hostile texts through every entrance, each with a canary.

What comes out is the text, as it was given, or an error of our own; a file that nobody asked for fails the test.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradscribe
from gradscribe import network
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.python.text.literal import encodable
from gradscribe.derive.composition import Network
from gradscribe.derive.layer.interface import Layer
from tests.cases.hostile import CUBE, LONG, TEXTS, fuzzed, outcome, own_optimiser, watched, with_options
from tests.cases.thorough import some


@pytest.fixture(autouse=True)
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with watched(tmp_path, monkeypatch):
        yield


def squeezed(text: str | None) -> str:
    """A text without blanks, as docstrings are wrapped at them."""
    return "".join((text or "").split())


def holds(doc: str | None, text: str) -> bool:
    """Whether a docstring says a text; its first letter is made a capital."""
    words = squeezed(encodable(text))
    return words[1:] in squeezed(doc) if words else True


def titled(text: str) -> Layer:
    return replace(gradscribe.layer(CUBE, "cube"), title=text, source=text)


@pytest.mark.parametrize("text", some([LONG, *TEXTS], 8), ids=lambda text: ascii(text)[:40])
def test_a_text_is_what_the_docstrings_say(text: str) -> None:
    module = compile_layer(titled(text))
    assert holds(module.__doc__, text)
    assert holds(module.Cube.__doc__, text)
    assert holds(module.cube_forward.__doc__, text)
    assert f"Source:{squeezed(encodable(text))}" in squeezed(module.__doc__)
    np.testing.assert_allclose(module.cube_forward(np.array([2.0])), [8.0])


@pytest.mark.parametrize("text", some(TEXTS, 8, first=1), ids=lambda text: ascii(text)[:40])
def test_a_comment_is_what_the_docstrings_say(text: str) -> None:
    layer = outcome(lambda: gradscribe.layer(f"# {text}\n{CUBE}", "cube"))
    assert layer is None or holds(compile_layer(layer).__doc__, layer.title)
    if "\n" not in text:
        assert layer is not None
        assert layer.title == text.strip()


def own_network(text: str) -> Network:
    return network(
        f"input x[N, 3]\nf: dense(2) # {text.splitlines()[0] if text.splitlines() else ''}", title=text, source=text
    )


@pytest.mark.parametrize("text", TEXTS[::3], ids=lambda text: ascii(text)[:40])
def test_words_of_axes_and_options_are_quoted(text: str) -> None:
    module = compile_layer(with_options(text))
    with pytest.raises(ValueError, match="power: argument k") as error:
        module.power_forward(np.ones(2), np.ones(2), k=1)
    assert text in str(error.value)
    with pytest.raises(ValueError, match="power: argument v") as error:
        module.power_forward(np.ones(2), np.ones(3))
    assert text in str(error.value)


@pytest.mark.parametrize("text", some(TEXTS[1::3], 5), ids=lambda text: ascii(text)[:40])
def test_networks_and_optimisers(text: str) -> None:
    made = compile_layer(own_network(text))
    assert holds(made.__doc__, text)
    assert holds(made.network_backward.__doc__, text)
    found = compile_layer(own_optimiser(text))
    assert holds(found.__doc__, text)
    weights = {"w": np.ones(2)}
    optimiser = found.Mine(weights)
    assert list(optimiser.state) == [f"{text}.w"]


@pytest.mark.parametrize("order", [1, 2])
def test_of_second_order(order: int) -> None:
    for text in TEXTS[::12]:
        assert holds(compile_layer(titled(text), order).__doc__, text)


@fuzzed
@given(st.text(max_size=80) | st.text(alphabet="\"\\'\n\r{}#\x00\u2028a ", max_size=30))
def test_random_titles(text: str) -> None:
    module = compile_layer(titled(text))
    if text:
        assert holds(module.__doc__, text)


@fuzzed
@given(st.text(max_size=60), st.text(alphabet="xyn[]()=^*+-/.,;# \n123abs<>", max_size=40))
def test_random_equation_texts(comment: str, code: str) -> None:
    layer = outcome(lambda: gradscribe.layer(f"# {comment}\n{code}"))
    if layer is not None:
        outcome(lambda: compile_layer(layer))
    composed = outcome(lambda: network(f"# {comment}\n{code}"))
    if composed is not None:
        outcome(lambda: compile_layer(composed))
