"""How the functions of a layer or a network are computed at given shapes, with figures.

stage           input                       output                                      where
instance        layer, shapes, settings     Instance: every size and array              instance, solve
functions       layer, its module           Functions: text, plans, how to call them    compiled_functions
observe         a call                      what each contraction of it costs           observe
statements      Plan, sizes                 Statements: elements and bytes, in order    statement_costs
Explanation     all of it                   tables, JSON                                report
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from gradscribe.codegen.files.emitted import Emitted
from gradscribe.codegen.numpy.explain.compiled_functions import functions_of
from gradscribe.codegen.numpy.explain.instance import instance, real_type
from gradscribe.codegen.numpy.explain.observe import observed, timed
from gradscribe.codegen.numpy.explain.report import Explanation, FunctionReport
from gradscribe.codegen.numpy.explain.solve import ExplainError
from gradscribe.codegen.numpy.explain.statement_costs import of_blocks, statements
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import MOST_LISTED, shown
from gradscribe.derive.layer.interface import Layer

__all__ = ["ExplainError", "Explanation", "explained"]


def explained(
    layer: Layer,
    made: Emitted,
    compiled: ModuleType,
    shapes: Mapping[str, Sequence[int] | None],
    settings: Mapping[str, str],
    dtype: str,
    chosen: Mapping[str, Any],
    measure: bool,
) -> Explanation:
    """Run every function of a layer once on random numbers and tell how it was computed.

    Args:
        layer: the layer.
        made: its module as it was emitted.
        compiled: the same, in memory.
        shapes: see `codegen.tool.explain`.
        settings: likewise.
        dtype: likewise.
        chosen: the settings of the runtime: accuracy, backend, threads.
        measure: whether every way to compute a contraction is timed.

    Raises:
        ExplainError: when shapes are missing or do not fit.
        EquationError: when a setting does not fit the layer.
    """
    real = real_type(layer, dtype)
    module = functions_of(layer, made, compiled)
    found: list[FunctionReport] = []
    try:
        example = instance(module.layer, shapes, settings, real)
        values: dict[str, Any] = dict(example.values)
        compiles = import_module(f"{module.runtime.__name__}.machine.compiled").worthwhile
        with module.runtime.settings(**chosen) as in_force, np.errstate(all="ignore"):
            for function in module.functions:
                seen = observed(module, function, example, values, measure)
                seconds = timed(function, example, values, measure)
                rows = statements(function, example, seen, compiles)
                found.append(FunctionReport(function.name, rows, seconds if seconds else None))
                blocks = of_blocks(function, example, seen, compiles)
                found += [FunctionReport(b.function, b.statements, None, b.places, b.sizes) for b in blocks]
    except EquationError:
        raise
    except (ValueError, TypeError, ModuleNotFoundError) as error:
        raise ExplainError(shown(error, MOST_LISTED)) from error
    except MemoryError as error:
        raise ExplainError(f"{layer.name}: there is not enough memory for these shapes: {shown(error)}") from error
    return Explanation(
        layer=layer.name,
        shapes={name: np.shape(v) for name, v in example.values.items()},
        options=example.options,
        dtype=dtype,
        accuracy=in_force.accuracy,
        backend=in_force.backend,
        threads=chosen["threads"],
        functions=tuple(found),
    )
