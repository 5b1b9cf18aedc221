"""Derivations in the format asked for, closed by the figures of their numerical certificate."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # SymPy takes its time
    from gradscribe.derive.layer.interface import Layer

MOST_POINTS = 16
"""Of a fast correlation; with more, along two axes, the error in float32 is as great as the result."""


def printed(layer: "Layer", wrt: Sequence[str] | None, settings: Mapping[str, str], form: str, order: int = 1) -> str:
    """The derivation of `layer`.

    Args:
        layer: the layer.
        wrt: the tensors to differentiate by; all differentiable ones if None.
        settings: what to specialise, ``{"stride": "1"}``.
        form: one of `derive.typeset.formats`.
        order: 2 for the gradient of the gradient.

    Raises:
        EquationError: when a tensor or a setting is unknown or out of range.
    """
    from gradscribe.derive.derivation import derive
    from gradscribe.derive.derivation.certificate.certify import certify
    from gradscribe.derive.typeset.formats import rendered

    derivation = derive(layer, wrt, settings, order)
    return rendered(derivation, form, certify(derivation) if derivation.sections else None)


def printed_winograd(m: int, r: int, points: str | None, dims: int, form: str) -> str:
    """The derivation of the fast correlation F(m, r).

    Args:
        m: outputs of a tile along an axis.
        r: taps of the kernel along an axis.
        points: such as "0, 1, -1, oo"; those of the least error if None.
        dims: axes it is nested along, 1 or 2.
        form: one of `derive.typeset.formats`.

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
    return rendered(derivation, form, close(derivation, algorithm, dims))
