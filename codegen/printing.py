"""Derivations in the format asked for, closed by the figures of their numerical certificate."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # SymPy takes its time: whoever looks at FORMATS does not wait for it
    from derive.derivation.record import Derivation
    from derive.derivation.verify import Footer
    from derive.interface import Layer

FORMATS = ("text", "latex", "markdown")


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


def rendered(derivation: "Derivation", footer: "Footer | None", form: str) -> str:
    """A derivation in one of FORMATS, closed by `footer`."""
    from derive.typeset import latex, markdown, text

    return {"text": text.render, "latex": latex.document, "markdown": markdown.render}[form](derivation, footer)
