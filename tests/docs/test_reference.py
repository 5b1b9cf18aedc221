"""The API reference shows what exists and all that is offered; every function in it says what its arguments are."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import gradscribe
from gradscribe import adapters

PAGES = {page.stem: page.read_text(encoding="utf-8") for page in (Path(__file__).parents[2] / "docs/api").glob("*.md")}
NAMES = [name for page in PAGES.values() for name in re.findall(r"^::: (\S+)$", page, re.MULTILINE)]
NEEDS_TORCH = [name for name in NAMES if ".torch." in name]


def functions(name: str) -> Iterator[Any]:
    """What a name of the reference is, or its public methods."""
    module, _, last = name.rpartition(".")
    found = getattr(import_module(module), last)
    if not inspect.isclass(found):
        yield found
    elif found.__module__ == "gradscribe.facade":
        yield from (vars(found)[n] for n in vars(found) if not n.startswith("_") and inspect.isfunction(vars(found)[n]))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NEEDS_TORCH])
def test_every_argument_is_told(name: str) -> None:
    for function in functions(name):
        text, signature = inspect.getdoc(function) or "", inspect.signature(function)
        for parameter in signature.parameters.values():
            told = re.escape("*" * (parameter.kind == parameter.VAR_KEYWORD) * 2 + parameter.name)
            assert parameter.name == "self" or re.search(rf"^ +{told}: ", text, re.MULTILINE), (name, parameter.name)


def test_the_reference_is_whole() -> None:
    shown = {name.rpartition(".")[2] for name in NAMES}
    assert set(gradscribe.__all__) <= shown
    assert set(adapters.__all__) <= shown
