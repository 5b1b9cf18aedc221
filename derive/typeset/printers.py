"""How the records show themselves that `str` and notebooks are given, see `gradscribe.printed`."""

from collections.abc import Callable
from functools import partial
from typing import Any

from gradscribe.derive.typeset.formats import FORMATS, rendered
from gradscribe.derive.typeset.mathematics import latex_formulas
from gradscribe.derive.typeset.text import text_lines
from gradscribe.printed import TEXT, Printer, Printers

LATEX = FORMATS["latex"].mime


def printers() -> Printers:
    """The printers of all records that have any."""
    return {
        "Derivation": {form.mime: partial(rendered, name=name) for name, form in FORMATS.items()},
        "Step": {TEXT: text_lines.row, LATEX: _displayed(latex_formulas.row)},
        "Program": {LATEX: _displayed(latex_formulas.program)},
        "Statement": {LATEX: _displayed(latex_formulas.statement)},
    }


def _displayed(formula: Callable[[Any], str]) -> Printer:
    """A formula as notebooks want it, between dollars."""
    return lambda record: f"$\\displaystyle {formula(record)}$"
