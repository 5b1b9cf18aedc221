"""The driver: layer -> files. Each stage is one pure function with the result of the one before as input.

stage         input                 output                               where
kernels       Layer                 Kernels: programs and signatures     codegen.kernel, second_order (use derive)
choose_form   Statement             Form: no delta left                  codegen.form (uses derive.collapse)
lower         Program               Plan: records                        codegen.lower
emit          Plan                  lines of Python                      codegen.emit
render        lines                 text of a module                     codegen.render, templates/numpy
write         text                  file, only if it changed             codegen.render
"""

import difflib
import keyword
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import ModuleType

from codegen.arguments import argument_lines, shape_argument, used
from codegen.constructor import annotation, default_text
from codegen.docstring import equations, function_description, paragraph, wrapped
from codegen.emit import Emitter
from codegen.kernel import Kernel
from codegen.layer_class import LayerClass, layer_class
from codegen.layout import WIDTH, fit
from codegen.lower import lower
from codegen.plan import Plan
from codegen.render import (
    MARK,
    ClassContext,
    FunctionContext,
    ModuleContext,
    PackageContext,
    RuntimeContext,
    differs,
    header,
    render,
    write,
)
from codegen.scalar import size_text
from codegen.second_order import kernels_of_order
from derive.composition import Network
from derive.interface import REQUIRED, Layer
from derive.term import EquationError, Tensor
from derive.update import Optimiser

RESERVED = {"np", "rt", "dtype", "full_shape", "part", "self"}
_numbers = count()


def plan(kernel: Kernel) -> Plan:
    """How a kernel is computed; print it to read it."""
    given = [t.name for t in kernel.arguments]
    inputs = tuple(replace(t, optional=t.optional and t not in kernel.filled) for t in kernel.arguments)
    return lower(replace(kernel.program, inputs=inputs), kernel.name, given, _taken(kernel))


def _taken(kernel: Kernel) -> set[str]:
    options = {o.name for o in kernel.layer.options}
    return RESERVED | options | {shape_argument(t) for t in kernel.shaped} | set(kernel.layer.program.names())


def function_source(kernel: Kernel) -> FunctionContext:
    """The text of one function."""
    tensors = kernel.program.tensors
    sizes = {s.name for s in kernel.program.symbols()}
    emitter = Emitter(RESERVED | set(tensors) | sizes | {o.name for o in kernel.options})
    computed = emitter.lines(plan(kernel))
    results = ", ".join(_returned(tensors[name]) for name in kernel.results)
    computed.append(f"return {results}")
    lines = [*used(argument_lines(kernel), computed), *computed]
    return FunctionContext(
        signature=signature(f"def {kernel.name}", _parameters(kernel), _result_type(kernel), 0),
        summary=_summary(kernel),
        description=paragraph(function_description(kernel), "    "),
        lines=tuple(fit(lines, 1)),
    )


def _summary(kernel: Kernel) -> str:
    if kernel.summary:
        return kernel.summary
    if not kernel.is_gradient:
        return f"Compute the {kernel.layer.words}."
    return f"Compute {kernel.results[0]}, the gradient of E: {kernel.layer.words}."


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
    parts = _defaults_last(parts)
    keyword = [f"{shape_argument(t)}: Sequence[int]" for t in kernel.shaped]
    ordered = sorted(kernel.options, key=lambda o: o.default is not REQUIRED)
    available = {o.name for o in kernel.options}
    for option in ordered:
        required = option.default is REQUIRED or (isinstance(option.default, str) and option.default not in available)
        default = "" if required else f" = {default_text(option)}"
        keyword.append(f"{option.name}: {annotation(option)}{default}")
    return [*parts, *(["*"] if keyword else []), *keyword]


def _defaults_last(parts: list[str]) -> list[str]:
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


def module_source(layer: Layer, order: int = 1) -> str:
    """The text of the module of `layer`; with order 2 also the functions of `codegen.second_order`.

    Raises:
        EquationError: when a name of the layer cannot be a Python name, and for an order other than 1 and 2.
    """
    check_names(layer)
    found, second = kernels_of_order(layer, order)
    cls = layer_class(layer, found, second)
    functions = tuple(function_source(k) for k in (*found, *second))
    context = ModuleContext(
        header=header(f"the equations of {layer.name}", "numpy/module.py.jinja"),
        title=layer.words[0].upper() + layer.words[1:],
        equations=paragraph(equations(layer.program), ""),
        source="\n".join(wrapped(f"Source: {layer.source}.", "")) if layer.source else "",
        imports=tuple(_imports(functions, cls)),
        functions=functions,
        cls=ClassContext(
            cls.name,
            cls.title,
            tuple(fit(list(cls.facts), 1)),
            tuple(fit(list(cls.setup), 2)),
            tuple(fit(list(cls.forward), 2)),
            tuple(fit(list(cls.backward), 2)),
            tuple(fit(list(cls.double_backward), 2)),
        ),
        class_description=_class_description(cls),
        class_init=signature("def __init__", ["self", *cls.signature], "None", 1),
        class_call=_method(
            "__call__", _defaults_last(list(cls.call)), f"The {_outputs(cls)} for {_listed(cls.inputs)}."
        ),
        class_backward=_method("backward", _defaults_last(list(cls.given)), f"Return {cls.result}."),
        class_double_backward=_double_backward(cls) if cls.double_backward else "",
    )
    return render("numpy/module.py.jinja", context)


def _method(name: str, parameters: Sequence[str], doc: str) -> str:
    text = "\n".join(wrapped(f'"""{doc}"""', "        "))
    return f"{signature(f'def {name}', ['self', *parameters], 'Any', 1)}\n{text}"


def _double_backward(cls: LayerClass) -> str:
    """The head of the method; its arrays have the shapes of what they belong to."""
    parameters = ["self", "seeds: Mapping[str, Any]", "directions: Mapping[str, Any]"]
    lines = [
        '"""Return the gradient of S, the sum of direction * gradient over all gradients that backward computes.',
        "",
        "It speaks of the last call, and of the weights as they are now.",
        "",
        "Args:",
        f"    seeds: the gradients given to backward by name, {_listed(cls.seeds)}, of the outputs' shapes.",
        f"    directions: what the gradients of {_listed(cls.watched)} are multiplied by, by name and of their shapes; "
        f"a missing one is 0.",
        "",
        "Returns:",
        "    The gradient of S by the name of every seed, differentiable input and weight.",
        "",
        "Raises:",
        "    ValueError: when a name or a shape does not fit.",
        '"""',
    ]
    return f"{signature('def double_backward', parameters, 'dict[str, Any]', 1)}\n{paragraph(lines, '        ')}"


def _outputs(cls: LayerClass) -> str:
    return "output" if len(cls.outputs) == 1 else f"outputs {_listed(cls.outputs)}"


def _listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _class_description(cls: LayerClass) -> str:
    lines = ["Args:", *(f"    {n}: {text}" for n, text in cls.arguments)] if cls.arguments else []
    lines += [""] if lines else []
    lines += [
        "Raises:",
        "    TypeError: when an argument has a wrong type.",
        "    ValueError: when an option is out of range.",
    ]
    return paragraph(lines, "    ")


def _imports(functions: Sequence[FunctionContext], cls: LayerClass) -> list[str]:
    text = "\n".join([f.signature for f in functions] + list(cls.signature))
    names = (["Mapping"] if cls.double_backward else []) + (["Sequence"] if "Sequence[" in text else [])
    lines = [f"from collections.abc import {', '.join(names)}"] if names else []
    body = "\n".join(line for f in functions for line in f.lines) + text + "\n".join([*cls.setup, *cls.forward])
    lines += ["from typing import Any", ""]
    lines += ["import numpy as np", ""] if "np." in body else []
    return [*lines, "from . import runtime as rt"]


def check_names(layer: Layer) -> None:
    """Raise unless every name of the layer can be one in Python code."""
    names = sorted(layer.program.names() | {layer.name, layer.class_name} | {o.name for o in layer.options})
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name) or name in RESERVED:
            raise EquationError(f"{layer.name}: {name!r} cannot be a name in Python code; choose another")


def source(item: Layer | Optimiser, order: int = 1) -> str:
    """The text of the module of a layer, a network or an optimiser."""
    if isinstance(item, Network):
        from codegen.network import network_source  # which builds on this module

        return network_source(item, order)
    if isinstance(item, Layer):
        return module_source(item, order)
    from codegen.optimiser import optimiser_source  # which builds on this module

    return optimiser_source(item)


def runtime_source() -> str:
    """The text of runtime.py."""
    template = "numpy/runtime.py.jinja"
    return render(template, RuntimeContext(header("its template", template)))


def package_sources(
    layers: Sequence[Layer | Optimiser], beside: Mapping[str, str] | None = None, order: int = 1
) -> dict[str, str]:
    """The files of a package with a module per layer: name -> text.

    Args:
        layers: the layers and optimisers to generate.
        beside: module -> class of generated modules that stay in the package as they are.
        order: 2 for the functions of second order, too.
    """
    found = {**(beside or {}), **{layer.name: layer.class_name for layer in layers}, "runtime": "Sequential"}
    names = tuple(sorted(found.values(), key=lambda name: (not name.isupper(), name)))  # as ruff has it
    template = "numpy/package.py.jinja"
    files = {f"{layer.name}.py": source(layer, order) for layer in layers}
    files["runtime.py"] = runtime_source()
    files["__init__.py"] = render(
        template, PackageContext(header("the catalogue", template), tuple(sorted(found.items())), names)
    )
    return dict(sorted(files.items()))


def generated_modules(out: Path) -> dict[str, str]:
    """The generated modules in folder `out`: module -> class."""
    found = {}
    for path in sorted(out.glob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        match = re.search(r"^class (\w+)\(rt\.(?:Layer|Optimiser)\):", text, re.MULTILINE)
        if text.startswith(MARK) and match:
            found[path.stem] = match[1]
    return found


def write_package(layers: Sequence[Layer | Optimiser], out: Path, order: int = 1) -> list[Path]:
    """Write the modules of `layers` into folder `out`; returns the files that changed.

    Everything is rendered and compared before the first file is written, so that an error leaves nothing half-written.

    Raises:
        FileExistsError: when a file there was not generated.
    """
    files = package_sources(layers, generated_modules(out), order)
    changed = [name for name, text in files.items() if differs(out / name, text)]
    for name in changed:
        write(out / name, files[name])
    return [out / name for name in changed]


def stale(layers: Sequence[Layer | Optimiser], out: Path, whole: bool, order: int = 1) -> list[str]:
    """Unified diffs of the files in `out` that differ from what would be generated.

    Args:
        layers: the layers and optimisers to generate.
        out: the package's folder.
        whole: whether `layers` are all that the folder should hold; generated files beyond them are orphans.
        order: of the modules, see `package_sources`.
    """
    files = package_sources(layers, None if whole else generated_modules(out), order)
    texts = {p.name: p.read_text(encoding="utf-8", errors="replace") for p in out.glob("*.py")}
    orphans = {name for name, text in texts.items() if text.startswith(MARK)} - set(files)
    diffs = []
    for name in sorted({*files, *(orphans if whole else ())}):
        path = out / name
        old = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        lines = (old.splitlines(keepends=True), files.get(name, "").splitlines(keepends=True))
        diffs.append("".join(difflib.unified_diff(*lines, f"{path} (as it is)", f"{path} (as the equations say)")))
    return [d for d in diffs if d]


def compile_layer(layer: Layer | Optimiser, order: int = 1) -> ModuleType:
    """The module of `layer`, in memory: its functions and its class as attributes; see `module_source`."""
    package = f"_gradscribe_{next(_numbers)}"
    parent = ModuleType(package)
    parent.__path__ = []
    sys.modules[package] = parent
    runtime = _execute(f"{package}.runtime", runtime_source())
    parent.runtime = runtime  # type: ignore[attr-defined]
    return _execute(f"{package}.{layer.name}", source(layer, order))


def _execute(name: str, source: str) -> ModuleType:
    """Run generated text as a module; the text comes from our own emitter, never from a user."""
    module = ModuleType(name)
    module.__package__ = name.rpartition(".")[0]
    sys.modules[name] = module
    exec(compile(source, f"<{name}>", "exec"), module.__dict__)
    return module
