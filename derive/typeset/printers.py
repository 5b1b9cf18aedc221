"""How the records show themselves that `str`, `repr` and notebooks are given, see `gradscribe.printed`."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.typeset.document import arrange, record_pages
from gradscribe.derive.typeset.document.document import Document
from gradscribe.derive.typeset.formats import FORMATS, rendered
from gradscribe.derive.typeset.mathematics import latex_formulas
from gradscribe.derive.typeset.writers import markdown
from gradscribe.derive.typeset.writers.latex import latex_displays
from gradscribe.derive.typeset.writers.text import text_lines, text_writer
from gradscribe.printed import BRIEF, TEXT, Printer, Printers
from gradscribe.said import in_words

LATEX, MARKDOWN = FORMATS["latex"].mime, FORMATS["markdown"].mime


def printers() -> Printers:
    """The printers of all records that have any."""
    layer = _pages(record_pages.layer)
    return {
        "Derivation": {
            **{form.mime: partial(rendered, name=name) for name, form in FORMATS.items()},
            LATEX: lambda derivation: latex_displays.page(arrange.document(derivation)),
            BRIEF: _derivation,
        },
        "Step": {TEXT: text_lines.row, LATEX: _displayed(latex_formulas.row)},
        "Section": _pages(record_pages.section),
        "Result": _pages(record_pages.result),
        "Statement": {TEXT: text_lines.statement, LATEX: _displayed(latex_formulas.statement)},
        "Program": {TEXT: _text(record_pages.program), LATEX: _displayed(latex_formulas.program)},
        "Gradient": _pages(record_pages.gradient),
        "Layer": layer,
        "Network": layer,
        "Optimiser": _pages(record_pages.optimiser),
    }


def _pages(made: Callable[[Any], Document]) -> Mapping[str, Printer]:
    """Printers of a record that becomes a page."""
    return {
        TEXT: _text(made),
        MARKDOWN: lambda record: markdown.page(made(record)),
        LATEX: lambda record: latex_displays.page(made(record)),
    }


def _text(made: Callable[[Any], Document]) -> Printer:
    return lambda record: text_writer.page(made(record)).rstrip("\n")


def _displayed(formula: Callable[[Any], str]) -> Printer:
    """A formula as notebooks want it, between dollars."""
    return lambda record: f"$\\displaystyle {formula(record)}$"


def _derivation(derivation: Derivation) -> str:
    """A derivation in a line; its page takes a while."""
    sections = len(derivation.sections)
    what = f"{sections} gradient{'s' * (sections != 1)}" if sections else "equations"
    return f"<Derivation of {in_words(derivation.heading)}: {what}; print it, or show it in a notebook>"
