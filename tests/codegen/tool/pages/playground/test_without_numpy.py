"""Derivations, pictures, numbers and code where there is no NumPy: the same as where there is."""

import json
import subprocess
import sys
from pathlib import Path

from tests.cases.thorough import THOROUGH
from tests.codegen.tool.pages.playground.own_texts import OWN

ROOT = Path(__file__).parents[5]
LAYERS = ("conv2d", "max_pool2d", "batch_norm", "lstm_cell", "pixel_shuffle")
TEXTS = [*OWN, *LAYERS] if THOROUGH else [*OWN[1::3], *LAYERS[:2]]
BLOCKED = """
import sys
sys.modules["numpy"] = None  # as if it were not installed
"""
TOLD = """
import json, sys
from gradscribe.codegen.driver import emitted
from gradscribe.codegen.target import wrapper
from gradscribe.codegen.tool.finding.find import find_text
from gradscribe.codegen.tool.pages.html import html_page
from gradscribe.codegen.tool.pages.playground.answer import answer
from gradscribe.derive.derivation import derive
from gradscribe.derive.typeset.formats import FORMATS, rendered

html_page.certificate_of = lambda derivation: None  # what is measured takes NumPy

def told(text):
    item = find_text(text)
    page = derive(item, form="index", example=True)
    found = {form: rendered(page, form, None) for form in FORMATS}
    found |= {"page": answer(text)["html"], "numpy": emitted(item).text}
    return found | ({"c": emitted(item, 1, "c").text, "torch": wrapper()(item)} if "->" not in text else {})

print(json.dumps([told(text) for text in json.load(sys.stdin)]))
"""


def told(script: str) -> list[dict[str, str]]:
    """All that a process of its own makes of the texts, but for what is measured."""
    asked = json.dumps(TEXTS)
    done = subprocess.run(
        [sys.executable, "-c", script], input=asked, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


def test_everything_is_the_same_without_numpy() -> None:
    without, expected = told(BLOCKED + TOLD), told(TOLD)
    assert len(without) == len(TEXTS)
    for text, found, own in zip(TEXTS, without, expected, strict=True):
        assert found.keys() == own.keys()
        for kind, made in found.items():
            assert made == own[kind], f"{text}: {kind}"
        assert "data-result" in found["page"] or "data-cell" in found["page"], text
