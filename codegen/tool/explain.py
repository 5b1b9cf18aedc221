"""How the functions of a layer or network are computed at given shapes, with figures; the backend tells it.

from gradscribe import explain

print(explain("conv2d", {"x": (8, 56, 56, 128), "w": (3, 3, 128, 128)}))
"""

from collections.abc import Mapping, Sequence

from gradscribe.codegen.driver import compile_module, emitted
from gradscribe.codegen.kernel.kernel import first_order
from gradscribe.codegen.target import Explanation, explainer
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.composition.network import Network
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.layer.interface import Layer


def explain(
    layer: Layer | str,
    shapes: Mapping[str, Sequence[int] | None],
    settings: Mapping[str, str] | None = None,
    *,
    dtype: str = "float32",
    accuracy: str = "fast",
    backend: str = "auto",
    threads: int | None = None,
    measure: bool = False,
    ties: str | None = None,
    checkpoint: int | None = None,
) -> Explanation:
    """Run every function of a layer once on random numbers and tell how it was computed.

    Args:
        layer: a Layer, or what `gradscribe derive` takes: a name of the catalogue, an equation text, a file.
        shapes: of inputs by name; those that follow from others, from options and sizes may be missing. None leaves an
            optional input out.
        settings: options, features and sizes by name, such as ``{"stride": "2"}``.
        dtype: "float32" or "float64".
        accuracy: "fast" or "strict", see `generated.settings`.
        backend: "auto", "numpy", "compiled" or "background", likewise.
        threads: at most so many; as many as BLAS was started with by default.
        measure: whether every way to compute a contraction is timed.
        ties: "split" where equal maxima share the gradient.
        checkpoint: of recurrences, every how many positions a state is kept; all by default.

    Returns:
        The statements of every function with their figures, and all ways to compute each contraction; print it.

    Raises:
        EquationError: when shapes are missing or do not fit, or a setting does not fit the layer.
        UnknownLayerError: when there is no such layer.
    """
    item = find(layer) if isinstance(layer, str) else layer
    item = item.with_ties(ties) if ties else item
    item = item.with_checkpoint(checkpoint) if checkpoint is not None else item
    made = emitted(item)
    chosen = {"accuracy": accuracy, "backend": backend, "threads": threads}
    return explainer()(item, made, compile_module(made), shapes, settings or {}, dtype, chosen, measure)


def rewrites(layer: Layer | str) -> str:
    """What was done to the equations of a layer's functions so that they are less work, as text.

    Args:
        layer: a Layer, or what `gradscribe derive` takes.

    Raises:
        EquationError: when it is a network or an optimiser.
        UnknownLayerError: when there is no such layer.
    """
    item = find(layer) if isinstance(layer, str) else layer
    if isinstance(item, Network) or not isinstance(item, Layer):
        raise EquationError(f"{item.name} is no layer: the equations of networks and optimisers are not rewritten")
    parts = []
    for kernel in first_order(item):
        done = "\n\n".join(map(str, kernel.rewritings)) or "computed as it is written"
        parts.append(f"{kernel.name}\n\n{done}\n")
    return "\n".join(parts)
