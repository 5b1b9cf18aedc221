"""How the records show themselves that `str` and notebooks are given, see `gradscribe.printed`."""

from collections.abc import Callable
from functools import partial
from typing import Any

from gradscribe.derive.typeset import latex_formulas, text_lines
from gradscribe.derive.typeset.formats import FORMATS, rendered
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
