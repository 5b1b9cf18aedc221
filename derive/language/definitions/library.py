"""The text of the definitions that come with the language."""

import re
from functools import cache
from pathlib import Path


@cache
def library_text() -> str:
    """The text of ``library.eq``."""
    return Path(__file__).with_name("library.eq").read_text(encoding="utf-8")


@cache
def library_names() -> frozenset[str]:
    """What it defines."""
    return defined_names(library_text())


def defined_names(text: str) -> frozenset[str]:
    """What lines of a text define, before it is parsed."""
    return frozenset(re.findall(r"(?:^|[\n;])[ \t]*define[ \t]+([A-Za-z]\w*)", text))
