"""Derivations in the format asked for, closed by the figures of their numerical certificate."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # SymPy takes its time: whoever looks at FORMATS does not wait for it
    from derive.derivation.certificate import Footer
    from derive.derivation.record import Derivation
    from derive.interface import Layer

FORMATS = ("text", "latex", "markdown")
MOST_POINTS = 16
"""Of a fast correlation; with more, along two axes, the error in float32 is as great as the result."""


def printed(layer: "Layer", wrt: Sequence[str] | None, settings: Mapping[str, str], form: str, order: int = 1) -> str:
    """The derivation of `layer`.

    Args:
        layer: the layer.
        wrt: the tensors to differentiate by; all differentiable ones if None.
        settings: what to specialise, ``{"stride": "1"}``.
        form: one of FORMATS.
        order: 2 for the gradient of the gradient.

    Raises:
        EquationError: when a tensor or a setting is unknown or out of range.
    """
    from derive.derivation import derive
    from derive.derivation.verify import certify

    derivation = derive(layer, wrt, settings, order)
    return rendered(derivation, certify(derivation) if derivation.sections else None, form)


def printed_winograd(m: int, r: int, points: str | None, dims: int, form: str) -> str:
    """The derivation of the fast correlation F(m, r).

    Args:
        m: outputs of a tile along an axis.
        r: taps of the kernel along an axis.
        points: such as "0, 1, -1, oo"; those of the least error if None.
        dims: axes it is nested along, 1 or 2.
        form: one of FORMATS.

    Raises:
        EquationError: when a number is out of range or the points do not fit.
    """
    from derive.error import EquationError
    from derive.winograd import cook_toom, parse_points
    from derive.winograd.certificate import close
    from derive.winograd.derivation import derive_winograd

    if m + r - 1 > MOST_POINTS:
        raise EquationError(f"F({m}, {r}): expected m + r - 1 of at most {MOST_POINTS}, received {m + r - 1}")
    algorithm = cook_toom(m, r, None if points is None else parse_points(points))
    derivation = derive_winograd(algorithm, dims)
    return rendered(derivation, close(derivation, algorithm, dims), form)


def rendered(derivation: "Derivation", footer: "Footer | None", form: str) -> str:
    """A derivation in one of FORMATS, closed by `footer`."""
    from derive.typeset import latex, markdown, text

    return {"text": text.render, "latex": latex.document, "markdown": markdown.render}[form](derivation, footer)
