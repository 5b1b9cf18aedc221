"""The C that a package carries along: the files of templates/c as they are, each as a text of one Python module."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from gradscribe.codegen.python.text.literal import raw
from gradscribe.codegen.python.text.render import header, render, templates

FOLDER = "c"
INCLUDE = re.compile(r'^#include "([a-z_]+\.h)"\n', re.MULTILINE)
"""Of a file of ours: a text in a package has no files beside it."""


@dataclass(frozen=True)
class SourceContext:
    """A file: the name of its text, and the text as a literal."""

    name: str
    literal: str


@dataclass(frozen=True)
class SourcesContext:
    """All fields of ``numpy/runtime/machine/native/sources.py.jinja``."""

    header: str
    sources: tuple[SourceContext, ...]


def native_sources(template: str) -> str:
    """The text of the module that has all files of C, those that they include put in."""
    found = tuple(SourceContext(name.upper(), raw(name, text)) for name, text in c_files().items())
    return render(template, SourcesContext(header("the files of C", template), found))


@cache
def c_files() -> Mapping[str, str]:
    """What is compiled, by name: the files of templates/c without their suffix."""
    folder = templates() / FOLDER
    headers = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.h")}
    files = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.c"))}
    return {name: _whole(text, headers) for name, text in files.items()}


def _whole(text: str, headers: Mapping[str, str]) -> str:
    """A text with what it includes; a header that stands in it twice counts once, as its guard has it."""
    return INCLUDE.sub(lambda found: _whole(headers[found[1]], headers), text)
