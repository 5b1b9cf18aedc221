"""Derivations in the format asked for, closed by the figures of their numerical certificate."""

from collections.abc import Callable, Mapping, Sequence

from derive.derivation import derive
from derive.derivation.record import Derivation
from derive.derivation.verify import Certificate, certify
from derive.interface import Layer
from derive.typeset import latex, markdown, text

FORMATS: dict[str, Callable[[Derivation, Certificate | None], str]] = {
    "text": text.render,
    "latex": latex.document,
    "markdown": markdown.render,
}


def printed(layer: Layer, wrt: Sequence[str] | None, settings: Mapping[str, str], form: str, order: int = 1) -> str:
    """The derivation of `layer`.

    Args:
        layer: the layer.
        wrt: the tensors to differentiate by; all differentiable ones if None.
        settings: what to specialise, ``{"stride": "1"}``.
        form: a key of FORMATS.
        order: 2 for the gradient of the gradient.

    Raises:
        EquationError: when a tensor or a setting is unknown or out of range.
    """
    derivation = derive(layer, wrt, settings, order)
    return FORMATS[form](derivation, certify(derivation) if derivation.sections else None)
