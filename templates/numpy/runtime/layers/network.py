"""Networks in one module."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from ..arguments.arrays import Array
from ..machine.memory import Buffers
from .layer import Layer
from .rehearsal import rehearsed
from .shown import FEW, Row, html, latex, shapes, size, table


class Network(Layer):
    """A network in one module; its weights are called "node.weight".

    Attributes:
        layers: what layer every node is, by name.
        flattened: weights whose first axis is a flattened image, and the image's extents (height, width, channels).
        kept: what `_saved` holds, by name.
        buffers: memory that is used again from call to call, so that only the last call can be followed by `backward`;
            None for memory of its own in every call.
    """

    layers: ClassVar[Mapping[str, str]] = {}
    kept: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in ("__call__", "predict", "backward"):
            if name in vars(cls):
                setattr(cls, name, rehearsed(vars(cls)[name]))

    def __init__(self) -> None:
        super().__init__()
        self.buffers: Buffers | None = Buffers()
        self.flattened: dict[str, tuple[int, ...]] = {}
        self._judged: tuple[Any, ...] | None = None

    def __repr__(self) -> str:
        return table(type(self).__name__, self._rows(), FEW)

    def __str__(self) -> str:
        return table(type(self).__name__, self._rows())

    def _repr_html_(self) -> str:
        return html(type(self).__name__, self._rows())

    def _repr_latex_(self) -> str:
        return latex(type(self).__name__, self._rows())

    def _rows(self) -> list[Row]:
        """What is shown of each node."""
        own: dict[str, dict[str, Array]] = {node: {} for node in self.layers}
        for key, array in self.params.items():
            node, _, name = key.rpartition(".")
            own.setdefault(node, {})[name] = array
        return [(node, self.layers.get(node, ""), shapes(found), size(found)) for node, found in own.items()]

    def _run(self, function: Callable[..., Any], /, *given: Any, **options: Any) -> Any:
        if self.buffers is None:
            return function(*given, buffers=None, **options)
        return self._recordings.call(function, given, options, self.buffers)

    def _recycle(self) -> None:
        if self.buffers is not None:
            self.buffers.recycle()

    def _judgement(self) -> tuple[Any, ...]:
        if self._judged is None:
            raise RuntimeError(f"{type(self).__name__}: backward needs dy, or a call of loss before it")
        return self._judged

    def _check_finite(self, name: str, value: Any) -> None:
        """Raise where a loss is not finite, and say where that began."""
        if np.isfinite(value):
            return
        where = [f"weight {key}" for key, array in self.params.items() if not np.isfinite(array).all()]
        once = {id(array): array for array in _arrays(self._saved or ())}  # what a block makes, the next one keeps too
        order = {node: place for place, node in enumerate(self.layers)}
        kept = zip(self.kept, once.values(), strict=False)
        for key, array in sorted(kept, key=lambda pair: order.get(pair[0].partition(".")[0], -1)):
            if not where and np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
                node = key.partition(".")[0]
                where.append(f"{key} of {node} ({self.layers[node]})" if node in self.layers else f"input {key}")
        first = f"the first that is not finite is {where[0]}" if where else "all values kept are finite"
        raise FloatingPointError(f"{name}: the loss is {value}; {first}; lower the learning rate or check the input")


def _arrays(saved: Any) -> Iterator[Array]:
    """The arrays in what is saved, in order: those of places of blocks by place."""
    if isinstance(saved, np.ndarray):
        yield saved
    elif isinstance(saved, (tuple, dict)):
        for part in saved.values() if isinstance(saved, dict) else saved:
            yield from _arrays(part)
