"""Kernel -> the text of one function: signature, docstring, and the lines that check, compute and return."""

from collections.abc import Sequence
from dataclasses import replace

from gradscribe.codegen.arguments import argument_lines, shape_argument, used
from gradscribe.codegen.constructor import annotation, default_text
from gradscribe.codegen.docstring import function_description, long_doc
from gradscribe.codegen.emit import Emitter
from gradscribe.codegen.kernel import Kernel, Purpose
from gradscribe.codegen.layout import WIDTH, fit
from gradscribe.codegen.lower import lower
from gradscribe.codegen.names import FIXED, check_distinct
from gradscribe.codegen.plan import Plan
from gradscribe.codegen.render import (
    FunctionContext,
)
from gradscribe.codegen.scalar import size_text
from gradscribe.derive.interface import REQUIRED
from gradscribe.derive.term import EquationError, Tensor


def plan(kernel: Kernel) -> Plan:
    """How a kernel is computed; print it to read it."""
    given = [t.name for t in kernel.arguments]
    inputs = tuple(replace(t, optional=t.optional and t not in kernel.filled) for t in kernel.arguments)
    return lower(replace(kernel.program, inputs=inputs), kernel.name, given, _taken(kernel))


def _taken(kernel: Kernel) -> set[str]:
    options = {o.name for o in kernel.layer.options}
    return options | FIXED | {shape_argument(t) for t in kernel.shaped} | set(kernel.layer.program.names())


def function_source(kernel: Kernel) -> FunctionContext:
    """The text of one function."""
    tensors = kernel.program.tensors
    sizes = {s.name for s in kernel.program.symbols()}
    check_apart(kernel)
    emitter = Emitter(set(tensors) | sizes | {o.name for o in kernel.options})
    computed = emitter.lines(plan(kernel))
    results = ", ".join(_returned(tensors[name]) for name in kernel.results)
    computed.append(f"return {results}")
    lines = [*used(argument_lines(kernel), computed), *computed]
    return FunctionContext(
        name=kernel.name,
        signature=signature(f"def {kernel.name}", _parameters(kernel), _result_type(kernel), 0),
        doc=long_doc(_summary(kernel), function_description(kernel)),
        lines=tuple(fit(lines, 1)),
        nests=tuple(emitter.nests),
    )


def check_apart(kernel: Kernel) -> None:
    """Raise where two names that a function is given or binds are one, or a gradient has a name of the function's own.

    Raises:
        EquationError: naming both.
    """
    for name in sorted(FIXED & set(kernel.program.tensors)):
        raise EquationError(
            f"{kernel.name}: a gradient would be called {name}, which generated code uses itself; rename its tensor"
        )
    sizes = {s.name for s in kernel.program.symbols()}
    names = [("tensor", name) for name in kernel.program.tensors]
    names += [("size", name) for name in sorted(sizes)]
    names += [("option", o.name) for o in kernel.options if (o.name,) != tuple(s.name for s in o.symbols)]
    check_distinct(kernel.name, [*names, *(("argument", shape_argument(t)) for t in kernel.shaped)])


def _summary(kernel: Kernel) -> str:
    if kernel.summary:
        return kernel.summary
    if kernel.purpose is Purpose.GRADIENT:
        return f"Compute {kernel.results[0]}, the gradient of E: {kernel.layer.words}."
    return f"Compute the {kernel.layer.words}."


def _returned(tensor: Tensor) -> str:
    if tensor.ravel is not None:
        axes = ["*full_shape" if axis == tensor.ravel else size_text(e) for axis, e in enumerate(tensor.shape)]
        return f"{tensor.name}.reshape({'full_shape' if len(axes) == 1 else ', '.join(axes)})"
    return tensor.name if tensor.shape or tensor.integer else f"dtype({tensor.name})"


def _result_type(kernel: Kernel) -> str:
    kinds = ["rt.Array" if kernel.program.tensors[n].shape else "Any" for n in kernel.results]
    return kinds[0] if len(kinds) == 1 else f"tuple[{', '.join(kinds)}]"


def _parameters(kernel: Kernel) -> list[str]:
    parts = [f"{t.name}: Any{' = None' if t.optional else ''}" for t in kernel.arguments]
    parts = defaults_last(parts)
    keyword = [f"{shape_argument(t)}: Sequence[int]" for t in kernel.shaped]
    ordered = sorted(kernel.options, key=lambda o: o.default is not REQUIRED)
    available = {o.name for o in kernel.options}
    for option in ordered:
        required = option.default is REQUIRED or (isinstance(option.default, str) and option.default not in available)
        default = "" if required else f" = {default_text(option)}"
        keyword.append(f"{option.name}: {annotation(option)}{default}")
    return [*parts, *(["*"] if keyword else []), *keyword]


def defaults_last(parts: list[str]) -> list[str]:
    """Positional parameters without default must come first; an absent-able array before them gets none."""
    last = max((k for k, p in enumerate(parts) if " = " not in p), default=-1)
    return [p.replace(" = None", "") if k < last else p for k, p in enumerate(parts)]


def signature(head: str, parameters: Sequence[str], result: str, depth: int) -> str:
    """The first line of a function, one parameter per line where it is too long."""
    indent = "    " * depth
    line = f"{indent}{head}({', '.join(parameters)}) -> {result}:"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{indent}{head}(", *(f"{indent}    {p}," for p in parameters), f"{indent}) -> {result}:"])
