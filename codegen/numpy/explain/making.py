"""Compile what the functions of a layer or network need at given shapes; nothing is computed."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from gradscribe.codegen.files.emitted import Emitted
from gradscribe.codegen.numpy.explain.compiled_functions import Called, Function, functions_of, prediction
from gradscribe.codegen.numpy.explain.instance import Instance, instance, real_type
from gradscribe.codegen.numpy.explain.solve import ExplainError
from gradscribe.codegen.numpy.explain.statement_costs import statements
from gradscribe.derive.composition import Network
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import MOST_LISTED, shown
from gradscribe.derive.layer.interface import Layer


class Made(NamedTuple):
    """What functions need in C at given shapes.

    Attributes:
        number: how many functions in C; those that were there are counted, too.
        reason: why there is none; "" where there are some.
    """

    number: int
    reason: str


def compiled_ahead(
    layer: Layer,
    made: Emitted,
    compiled: ModuleType,
    shapes: Mapping[str, Sequence[int] | None],
    settings: Mapping[str, str],
    dtype: str,
    chosen: Mapping[str, Any],
) -> Made:
    """Compile what every function of a layer asks for by the backend "auto", into the user's cache.

    Args:
        layer: the layer or network.
        made: its module as it was emitted.
        compiled: the same, in memory.
        shapes: of inputs by name, see `codegen.tool.explain`.
        settings: likewise.
        dtype: likewise.
        chosen: the settings of the runtime besides.

    Raises:
        ExplainError: when shapes are missing or do not fit, or there is no compiler.
        EquationError: when a setting does not fit the layer.
    """
    module = functions_of(layer, made, compiled)
    functions: list[Function | Called] = list(module.functions)
    if isinstance(layer, Network):
        functions.append(prediction(layer, compiled))
    rehearsal = import_module(f"{module.runtime.__name__}.layers.rehearsal")
    recording = import_module(f"{module.runtime.__name__}.recording.dry_runs")
    try:
        example = instance(module.layer, shapes, settings, real_type(layer, dtype))
        values = dict(example.values)

        def call() -> None:
            for function in functions:
                values.update(rehearsal.blank(function.call(function.code, example, values)))  # positions are some

        with module.runtime.settings(backend="compiled"), module.runtime.settings(**chosen, backend="auto"):
            number = recording.compile_ahead(call)
        if number and isinstance(layer, Network):  # its calls are recorded: in C from end to end
            tracing, trace = (
                import_module(f"{module.runtime.__name__}.{n}") for n in ("arguments.traced", "recording.trace")
            )
            with module.runtime.settings(**chosen, backend="compiled"), tracing.traced(trace.Tracing()):
                number = max(number, recording.compile_ahead(call))
    except EquationError:
        raise
    except (ModuleNotFoundError, MemoryError, ValueError, TypeError) as error:
        raise ExplainError(f"{layer.name}: {shown(error, MOST_LISTED)}") from error
    return Made(number, "" if number else _reason(module.functions, example, module.runtime))


def _reason(functions: Sequence[Function], example: Instance, runtime: ModuleType) -> str:
    """Why no function in C is worth it at these sizes, and which sizes have some."""
    steps = []

    def too_few(counted: int, *_: int) -> bool:
        steps.append(counted)
        return False

    found = [statement for function in functions for statement in statements(function, example, {}, too_few)]
    if steps:
        fewest = import_module(f"{runtime.__name__}.machine.compiled").FEWEST_STEPS
        return f"compiling pays from loops of {fewest:,} steps on, the longest here have {max(steps):,}"
    if any(statement.bytes is None for statement in found):
        return "NumPy is predicted to be faster at these sizes, see gradscribe explain"
    return "NumPy alone computes it, at all sizes"
