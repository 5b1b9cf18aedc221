"""Derivations in the format asked for, closed by the figures of their numerical certificate."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gradscribe.codegen.tool.find import equations_of
from gradscribe.derive.typeset.document.look import PLAIN, Look

if TYPE_CHECKING:  # SymPy takes its time
    from gradscribe.derive.catalogue.pages.chapter import Topic
    from gradscribe.derive.derivation import Derivation
    from gradscribe.derive.layer.interface import Layer
    from gradscribe.derive.layer.update import Optimiser

MOST_POINTS = 16
"""Of a fast correlation; with more, along two axes, the error in float32 is as great as the result."""


def printed(
    layer: "Layer",
    wrt: Sequence[str] | None,
    settings: Mapping[str, str],
    format_: str,
    order: int = 1,
    letters: str = "",
    look: Look = PLAIN,
    full: bool = False,
    form: str = "index",
    optimiser: "Optimiser | None" = None,
    example: bool = False,
) -> str:
    """The derivation of `layer`.

    Args:
        layer: the layer.
        wrt: the tensors to differentiate by; all differentiable ones if None.
        settings: what to specialise, ``{"stride": "1"}``.
        format_: one of `derive.typeset.formats`.
        order: 2 for the gradient of the gradient.
        letters: what names are written with, see `derive.layer.letters`.
        look: what else is asked of the page.
        full: every row, see `derive.derivation.derive`.
        form: one of `derive.derivation.forms.caption.page_form.FORMS`.
        optimiser: what the weights are updated by; gradient descent by default.
        example: whether the page ends with numbers.

    Raises:
        EquationError: when a tensor, a letter, the optimiser or a setting is unknown or out of range, and for a form
            that the layer has not.
    """
    from gradscribe.derive.derivation import derive
    from gradscribe.derive.derivation.certificate.certify import certify
    from gradscribe.derive.typeset.formats import rendered

    derivation = derive(layer, wrt, settings, order, letters, full, form, optimiser, example)
    return rendered(derivation, format_, certify(derivation) if derivation.sections else None, look)


def printed_pages(title: str, topics: "Sequence[Topic]", form: str, letters: str = "", look: Look = PLAIN) -> str:
    """Several derivations as one document, or the page of one topic.

    Args:
        title: that of the document.
        topics: what is derived.
        form: one of `derive.typeset.formats`.
        letters: what names are written with, see `derive.layer.letters`.
        look: what else is asked of the page.

    Raises:
        EquationError: when a letter is unknown to a page.
        UnknownLayerError: when there is no such layer or page.
    """
    from gradscribe.derive.derivation.certificate.certify import certify
    from gradscribe.derive.typeset.formats import rendered, rendered_chapter

    pages = [_page(topic, letters) for topic in topics]
    closed = [(page, certify(page) if page.sections else None) for page in pages]
    if len(pages) == 1:
        ((page, footer),) = closed
        return rendered(page, form, footer, look)
    return rendered_chapter(title, closed, form, look)


def _page(topic: "Topic", letters: str) -> "Derivation":
    """The page of a topic in letters that it may choose."""
    from gradscribe.derive.catalogue.pages import PAGES
    from gradscribe.derive.derivation import derive
    from gradscribe.derive.derivation.letters.written import in_letters
    from gradscribe.derive.layer.letters import read_letters

    if topic.name in PAGES:
        page = in_letters(PAGES[topic.name](), read_letters(letters, f"{topic.name}: letters"))
    else:
        page = derive(equations_of(topic.name), topic.wrt or None, topic.settings, letters=letters)
    return replace(page, name=topic.title, title="") if topic.title else page


def printed_winograd(m: int, r: int, points: str | None, dims: int, form: str, look: Look = PLAIN) -> str:
    """The derivation of the fast correlation F(m, r).

    Args:
        m: outputs of a tile along an axis.
        r: taps of the kernel along an axis.
        points: such as "0, 1, -1, oo"; those of the least error if None.
        dims: axes it is nested along, 1 or 2.
        form: one of `derive.typeset.formats`.
        look: what else is asked of the page.

    Raises:
        EquationError: when a number is out of range or the points do not fit.
    """
    from gradscribe.derive.catalogue.winograd import cook_toom, parse_points
    from gradscribe.derive.catalogue.winograd.closing import close
    from gradscribe.derive.catalogue.winograd.fast_correlation import derive_winograd
    from gradscribe.derive.ir.error import EquationError
    from gradscribe.derive.typeset.formats import rendered

    if m + r - 1 > MOST_POINTS:
        raise EquationError(f"F({m}, {r}): expected m + r - 1 of at most {MOST_POINTS}, received {m + r - 1}")
    algorithm = cook_toom(m, r, None if points is None else parse_points(points))
    derivation = derive_winograd(algorithm, dims)
    return rendered(derivation, form, close(derivation, algorithm, dims), look)
