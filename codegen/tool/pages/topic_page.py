"""A page of a chapter, a layer's or another one, with the certificate that closes it."""

from dataclasses import replace
from typing import TYPE_CHECKING

from gradscribe.codegen.tool.finding.find import equations_of
from gradscribe.derive.ir.error import EquationError

if TYPE_CHECKING:  # SymPy takes its time
    from gradscribe.derive.catalogue.pages.chapter import Topic
    from gradscribe.derive.derivation import Derivation
    from gradscribe.derive.typeset.document.arrange import Page

MOST_POINTS = 16
"""Of a fast correlation; with more, along two axes, the error in float32 is as great as the result."""


def closed(derivation: "Derivation") -> "Page":
    """A derivation with its certificate, where it has rows."""
    from gradscribe.derive.derivation.certificate.certify import certify

    return derivation, certify(derivation) if derivation.sections else None


def topic_page(topic: "Topic", letters: str, form: str = "index") -> "Derivation":
    """The page of a topic in letters that it may choose; `form` is that of layers."""
    from gradscribe.derive.catalogue.pages import PAGES
    from gradscribe.derive.derivation import derive
    from gradscribe.derive.derivation.letters.written import in_letters
    from gradscribe.derive.layer.letters import read_letters

    if topic.name in PAGES:
        page = in_letters(PAGES[topic.name](), read_letters(letters, f"{topic.name}: letters"))
    else:
        page = derive(equations_of(topic.name), topic.wrt or None, topic.settings, letters=letters, form=form)
    return replace(page, name=topic.title) if topic.title else page


def fast_page(m: int, r: int, points: str | None, dims: int) -> "Page":
    """The page of the fast correlation F(m, r).

    Args:
        m: outputs of a tile along an axis.
        r: taps of the kernel along an axis.
        points: such as "0, 1, -1, oo"; those of the least error if None.
        dims: axes it is nested along, 1 or 2.

    Raises:
        EquationError: when a number is out of range or the points do not fit.
    """
    from gradscribe.derive.catalogue.winograd import cook_toom, parse_points
    from gradscribe.derive.catalogue.winograd.closing import close
    from gradscribe.derive.catalogue.winograd.fast_correlation import derive_winograd

    if m + r - 1 > MOST_POINTS:
        raise EquationError(f"F({m}, {r}): expected m + r - 1 of at most {MOST_POINTS}, received {m + r - 1}")
    algorithm = cook_toom(m, r, None if points is None else parse_points(points))
    derivation = derive_winograd(algorithm, dims)
    return derivation, close(derivation, algorithm, dims)
