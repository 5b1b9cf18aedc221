"""Texts and names that would be code, markup or a file somewhere, if anything took them for more than data."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import gradscribe
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.interface import Layer, Requirement
from tests.cases.thorough import THOROUGH, draws

CUBE = "y[n] = x[n]^3"
MOMENTUM = "a = 0.5; new_v[...] = a * v[...] + g[...]; new_p[...] = p[...] - new_v[...]"
EXAMPLES = int(os.environ.get("GRADSCRIBE_FUZZ", draws(5, 100)))
"""How many random examples a test draws."""
SOME = 1 if THOROUGH else 8
"""Every so manyth name is tried in a role, another one in the next role."""
fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

CANARY = "pwned"
TOUCH = f"__import__('pathlib').Path('{CANARY}').touch()"
DOUBLE = TOUCH.replace("'", '"')

TEXTS = (
    # ----- ends of docstrings, strings and comments -----
    f'""" + str({DOUBLE}) + """',
    f'"""\n{TOUCH}\n"""',
    f'"""; {TOUCH} #',
    f"'''\n{TOUCH}\n'''",
    f'\\"""\n{TOUCH}\n"""',
    f'\\\\"""\n{TOUCH}\n"""',
    f'" + str({TOUCH}) + "',
    f"' + str({DOUBLE}) + '",
    f'")\n{TOUCH}\n("',
    f'"): {TOUCH}\n#',
    f"{{{TOUCH}}}",
    f"{{x!r:{TOUCH}}}",
    f'f"{{{TOUCH}}}"',
    f"x\n{TOUCH}",
    f"x\r{TOUCH}",
    f"x\r\n{TOUCH}\r\n",
    f"x\f{TOUCH}",
    f"x\v\n{TOUCH}",
    f"x\x85{TOUCH}",
    f"x\u2028{TOUCH}",
    f"x\u2029{TOUCH}",
    f"x\x1c{TOUCH}\x1d{TOUCH}\x1e",
    f"x\x00{TOUCH}",
    f"x = 1\nimport os\n{TOUCH}",
    f"-*- coding: utf-7 -*- +ACIAIgAi- {TOUCH}",
    f"# coding: raw_unicode_escape\n#\\u000a{TOUCH}",
    f"lambda: {TOUCH}",
    f"@{TOUCH}",
    # ----- quotes and backslashes at the ends -----
    '"', '""', '"""', '""""', '""""""', '"""""""', "'", "''", "'''", '\\"', '\\\\"', '"\\', "\\", "\\\\", "\\\\\\",
    "ends with a quote\"", "ends with a backslash\\", '"""starts and ends"""', "a '''b''' \"\"\"c\"\"\" d",
    # ----- escape sequences -----
    "\\xi", "\\unit step", "\\N{BULLET}", "\\N{no such name}", "\\Users\\new", "the \\nabla operator", "\\x4", "\\u12",
    "\\U00110000", "\\777", "\\0", "\\n", "\\\n", "\\r\\t\\a\\b", "$\\frac{\\partial E}{\\partial x}$",
    # ----- templates and formats -----
    "{{7*7}}", "{% include 'numpy/module.py.jinja' %}", "{# note #}", "{{ cycler.__init__.__globals__ }}", "{{", "{%",
    "%s %d %(x)s %", "{0} {} {x}", "{", "}", "${HOME} $(id) `id`", "np. rt. dtype(", "rt.contract(",
    # ----- characters -----
    "\x1b[31mred\x1b]0;title\x07", "\u202egnirts", "\u2066isolated\u2069", "\u200b\u200d\ufeff", "\ufeffmarked",
    "\ud800", "\udfff\ud800", "\x7f\x80\x9b", "\ue000\U000f0000\U0010ffff", "tab\tstop", "naïve – “quotes” 日本語 😀",
    "e\u0301" * 20, "\u0130\u0131ß", "a" * 500, "word " * 200,
)  # fmt: skip
LONG = ('"""\\' + "\x1b\u2028") * 12_000 + TOUCH

NAMES = (
    f"x; {TOUCH} #",
    f"x\n{TOUCH}\n",
    f"x={TOUCH}",
    f"x: {TOUCH} = 1, *",
    f"x)\n{TOUCH}\n(",
    f"({TOUCH})",
    f"x[{TOUCH}]",
    f'"{TOUCH}"',
    f'x"""\n{TOUCH}\n"""',
    f"x#{TOUCH}",
    f"x\x00{TOUCH}",
    f"x\r{TOUCH}",
    f"x\u2028{TOUCH}",
    f"x if {TOUCH} else x",
    f"a.b.{CANARY}",
    *("", " ", "x ", "2x", "a b", "a-b", "a.b", "../x", "/etc/x", "..", "con/x", "C:x", "x\\y", "x/../../y"),
    *("import", "lambda", "None", "True", "async", "await", "class", "def", "del", "global", "with", "yield", "as"),
    *("__x", "__import__", "__init__", "__class__", "__builtins__", "_", "__", "__name__", "__debug__"),
    *("ﬁ", "𝐱", "ｘ", "ª", "ſ", "x\u00ad", "x\u200b", "\u202ex", "x\ufe0f", "\ufeffx", "e\u0301", "K", "µ"),
    *("np", "rt", "self", "dtype", "full_shape", "range", "len", "int", "float", "super", "max", "Any", "Mapping"),
    *("\ud800", "x" * 5_000, "é" * 300, "{{x}}", "{x}", "%s", "$x", "`x`"),
)


@contextmanager
def watched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder to be in; a canary in it, or beside it, fails the test."""
    (folder / "here").mkdir()
    monkeypatch.chdir(folder / "here")
    yield
    assert not [p for p in folder.rglob("*") if p.name.startswith(CANARY)], "a text was executed"


def outcome(build: Callable[[], Any]) -> Any:
    """What is built, or None where it is refused by an error of our own that quotes no more than a piece."""
    try:
        return build()
    except EquationError as error:
        if len(str(error)) > 2000:
            raise AssertionError("an error quotes a piece of what was given") from error
        return None


def with_options(text: str) -> Layer:
    """A layer whose errors quote `text`: the word of an axis, and what an option should be."""
    layer = gradscribe.layer("k = 2; y[n] = x[n]^k * v[n]", "power")
    requirement = Requirement((integer("k") - 2,), "k", text)
    return replace(layer, axes=((integer("N"), text),), requirements=(requirement,))


def own_optimiser(text: str) -> Any:
    """An optimiser with `text` wherever it may have one."""
    return gradscribe.optimiser(MOMENTUM, "mine", state={"v": text}, title=text, source=text)
