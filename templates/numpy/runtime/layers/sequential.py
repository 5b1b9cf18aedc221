"""Layers in a row."""

from collections.abc import Mapping
from typing import Any

from ..arguments.arrays import Array
from ..arguments.quote import short
from .rehearsal import rehearsed
from .shown import FEW, Row, called, html, latex, shapes, size, table


class Sequential:
    """Layers in a row.

    Args:
        layers: called in order; `backward` goes through them in reverse, `predict` computes what holds after training.

    Attributes:
        layers: the layers.
        params: all weights, named "0.w", "0.b", ...; the arrays are the layers' own.
        grads: all gradients under the same names, after `backward`.
    """

    def __init__(self, *layers: Any) -> None:
        self.layers = layers

    def __repr__(self) -> str:
        return table("Sequential", self._rows(), FEW)

    def __str__(self) -> str:
        return table("Sequential", self._rows())

    def _repr_html_(self) -> str:
        return html("Sequential", self._rows())

    def _repr_latex_(self) -> str:
        return latex("Sequential", self._rows())

    def _rows(self) -> list[Row]:
        """What is shown of each layer."""
        return [
            (str(k), called(layer), shapes(layer.params), size(layer.params)) for k, layer in enumerate(self.layers)
        ]

    @rehearsed
    def __call__(self, x: Any, others: Mapping[str, Any] | None = None) -> Any:
        """The output of the last layer for input `x`, in training.

        Args:
            x: the input of the first layer.
            others: what layers take besides the value before them, by name: "2.mask" is the mask of layer 2.

        Raises:
            ValueError: when a name in `others` is none of these.
        """
        return self._through(x, others, "__call__")

    @rehearsed
    def predict(self, x: Any, others: Mapping[str, Any] | None = None) -> Any:
        """The output of the last layer after training; nothing is kept for `backward`.

        Args:
            x: the input of the first layer.
            others: as of a call, without what only training reads, such as a mask.
        """
        return self._through(x, others, "predict")

    def _through(self, x: Any, others: Mapping[str, Any] | None, method: str) -> Any:
        given: dict[int, dict[str, Any]] = {}
        for name, value in (others or {}).items():
            place, _, argument = name.partition(".")
            if not (argument and place.isdecimal() and int(place) < len(self.layers)):
                raise ValueError(f"Sequential: argument others: expected names such as 2.mask, received {short(name)}")
            given.setdefault(int(place), {})[argument] = value
        for number, layer in enumerate(self.layers):
            x = getattr(layer, method)(x, **given.get(number, {}))
        return x

    @rehearsed
    def backward(self, dy: Array) -> Array:
        """The gradient with respect to the input; it fills the `grads` of the layers.

        Args:
            dy: the gradient with respect to the output of the last call, of its shape.
        """
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    @property
    def params(self) -> dict[str, Array]:
        """All weights by name."""
        return {f"{k}.{name}": p for k, layer in enumerate(self.layers) for name, p in layer.params.items()}

    @property
    def grads(self) -> dict[str, Array]:
        """All gradients by name."""
        return {f"{k}.{name}": g for k, layer in enumerate(self.layers) for name, g in layer.grads.items()}
