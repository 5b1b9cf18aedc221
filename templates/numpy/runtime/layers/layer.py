"""Layers with state."""

from collections.abc import Callable
from typing import Any, ClassVar

from ..arguments.arrays import Array
from ..recording.recordings import Recordings
from .shown import called, html, latex, line, shapes, size


class Layer:
    """A layer with state: calling it computes the output and keeps what `backward` needs.

    Attributes:
        params: weights by name; an optimiser updates them in place.
        grads: their gradients by name, replaced by every `backward`.
        state: what a call changes without a gradient, by name, such as running statistics.

    A generated class says what its signatures do not: `layer`, the name of its equations; `differentiable`, the inputs
    whose gradients `backward` returns, in its order; `outputs`, each with the name of its gradient or None;
    `evaluation`, the inputs that `predict` takes, or None where it computes what a call does.
    """

    evaluation: ClassVar[tuple[str, ...] | None] = None

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}
        self.state: dict[str, Array] = {}
        self.grads: dict[str, Array] = {}
        self._saved: tuple[Any, ...] | None = None
        self._recordings = Recordings()

    def predict(self, *inputs: Any, **named: Any) -> Any:
        """The output after training: that of a call, but nothing is kept for `backward`.

        Raises:
            RuntimeError: when the layer has state, and nothing says how that is used after training.
        """
        if self.state:
            raise RuntimeError(f"{type(self).__name__}: its equations do not say what holds after training")
        saved = self._saved
        try:
            return self(*inputs, **named)  # type: ignore[operator]  # every generated class can be called
        finally:
            self._saved = saved

    def __repr__(self) -> str:
        return line(self)

    def _repr_html_(self) -> str:
        return html(type(self).__name__, [("", called(self), shapes(self.params), size(self.params))])

    def _repr_latex_(self) -> str:
        return latex(type(self).__name__, [("", called(self), shapes(self.params), size(self.params))])

    def _run(self, function: Callable[..., Any], /, *given: Any, **options: Any) -> Any:
        """What a function returns; calls of one kind that come again and again are recorded."""
        return self._recordings.call(function, given, options)

    def _options(self, *names: str) -> dict[str, Any]:
        """The options of these names, as they are now."""
        return {name: getattr(self, name) for name in names}

    def _kept(self) -> tuple[Any, ...]:
        if self._saved is None:
            raise RuntimeError(f"{type(self).__name__}: backward needs a forward call before it")
        return self._saved
