"""How the functions of a layer or a network are computed at given shapes, with figures.

    from gradscribe import explain

    print(explain("conv2d", {"x": (8, 56, 56, 128), "w": (3, 3, 128, 128)}))

stage           input                       output                                      where
instance        layer, shapes, settings     Instance: every size and array              instance, solve
functions       layer                       Functions: text, plans, how to call them    compiled_functions
observe         a call                      what each contraction of it costs           observe
statements      Plan, sizes                 Statements: elements and bytes, in order    statement_costs
Explanation     all of it                   tables, JSON                                report
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from gradscribe.codegen.tool.explain.compiled_functions import functions_of
from gradscribe.codegen.tool.explain.instance import instance
from gradscribe.codegen.tool.explain.observe import observed, timed
from gradscribe.codegen.tool.explain.report import Explanation, FunctionReport
from gradscribe.codegen.tool.explain.solve import ExplainError
from gradscribe.codegen.tool.explain.statement_costs import statements
from gradscribe.codegen.tool.find import find
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import MOST_LISTED, quoted, shown
from gradscribe.derive.layer.interface import Layer

__all__ = ["ExplainError", "Explanation", "explain"]

FLOATS = ("float32", "float64")


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
) -> Explanation:
    """Run every function of a layer once on random numbers and tell how it was computed.

    Args:
        layer: a Layer, or what `gradscribe derive` takes: a name of the catalogue, an equation text, a file.
        shapes: of inputs by name; those that follow from others, from options and sizes may be missing. None leaves an
            optional input out.
        settings: options, features and sizes by name, such as ``{"stride": "2"}``.
        dtype: "float32" or "float64".
        accuracy: "fast" or "strict", see `generated.settings`.
        backend: "auto", "numpy" or "compiled", likewise.
        threads: at most so many; as many as BLAS was started with by default.
        measure: whether every way to compute a contraction is timed.
        ties: "split" where equal maxima share the gradient.

    Raises:
        ExplainError: when shapes are missing or do not fit.
        EquationError: when a setting does not fit the layer.
        UnknownLayerError: when there is no such layer.
    """
    target = find(layer) if isinstance(layer, str) else layer
    target = target.with_ties(ties) if ties else target
    if dtype not in FLOATS:
        raise ExplainError(f"{target.name}: dtype: expected one of {', '.join(FLOATS)}; received {quoted(dtype)}")
    module = functions_of(target)
    chosen = {"accuracy": accuracy, "backend": backend, "threads": threads}
    found: list[FunctionReport] = []
    try:
        example = instance(module.layer, shapes, settings or {}, np.dtype(dtype))
        values: dict[str, Any] = dict(example.values)
        compiles = import_module(f"{module.runtime.__name__}.machine.compiled").compiles
        with module.runtime.settings(**chosen) as in_force, np.errstate(all="ignore"):
            for function in module.functions:
                seen = observed(module, function, example, values, measure)
                seconds = timed(function, example, values, measure)
                rows = statements(function, example, seen, compiles)
                found.append(FunctionReport(function.name, rows, seconds if seconds else None))
    except EquationError:
        raise
    except (ValueError, TypeError, ModuleNotFoundError) as error:
        raise ExplainError(shown(error, MOST_LISTED)) from error
    except MemoryError as error:
        raise ExplainError(f"{target.name}: there is not enough memory for these shapes: {shown(error)}") from error
    return Explanation(
        layer=target.name,
        shapes={name: np.shape(v) for name, v in example.values.items()},
        options=example.options,
        dtype=dtype,
        accuracy=in_force.accuracy,
        backend=in_force.backend,
        threads=threads,
        functions=tuple(found),
    )
