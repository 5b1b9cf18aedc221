"""Equation text -> Optimiser: the equations are read as a layer's are, then taken as an update."""

from collections.abc import Mapping
from typing import Any

from gradscribe.derive.language.reading import read
from gradscribe.derive.layer.update import Optimiser, optimiser_of


def optimiser(text: str, name: str, *, state: Mapping[str, str] | None = None, **interface: Any) -> Optimiser:
    """The optimiser that an equation text describes.

    Args:
        text: the equations, see docs/language.md: of p (a weight of any shape), g (its gradient), the state, and t (the
            number of the step) they make ``new_p`` and, of every state s, ``new_s``.
        name: the optimiser's name, also the stem of its function.
        state: what state is called in the class, by its name in the equations, where that is not the same.
        **interface: as in `derive.language.read`: class_name, title, options, requirements, source.

    Raises:
        LanguageError: for any mistake in the text.
        EquationError: when the equations are no update of p.
    """
    layer = read(text, name, **interface)
    return optimiser_of(layer, state or {})
