"""Module -> its text on NumPy, with what its code may say."""

from dataclasses import dataclass, replace
from functools import cache

from gradscribe.codegen.files.emitted import Allowed, Emitted
from gradscribe.codegen.loops import NestLoops, companions
from gradscribe.codegen.numpy.package.runtime import runtime_attributes, runtime_names
from gradscribe.codegen.numpy.print.fixed_names import MEMBERS, MODULES
from gradscribe.codegen.numpy.print.numpy_table import NUMPY_REDUCTIONS, called
from gradscribe.codegen.python.definition import Class, Module
from gradscribe.codegen.python.text import printer
from gradscribe.codegen.python.text.literal import string
from gradscribe.codegen.python.text.printer import CodeLine
from gradscribe.codegen.python.text.render import EQUATIONS, FunctionContext, environment, header, printed, render

TEMPLATE = "numpy/module.py.jinja"
IMPORTS = frozenset(
    {
        "from collections.abc import Mapping",
        "from collections.abc import Mapping, Sequence",
        "from collections.abc import Sequence",
        "from typing import Any",
        "from typing import Any, ClassVar",
        "import numpy as np",
    }
)
_REDUCING = [
    text.removeprefix("np.").split(".") for row in NUMPY_REDUCTIONS.values() for text in (row.ufunc, row.along) if text
]
NUMPY = frozenset(
    (
        *called(),
        *(name for name, *_ in _REDUCING),
        *("add", "arange", "array", "broadcast_to", "copyto", "divide", "empty", "float32", "float_power"),
        *("full", "inf", "int32", "int64", "intp", "max", "min", "multiply", "random", "sqrt", "square", "subtract"),
        *("where", "zeros", "zeros_like"),
    )
)
"""What emitted code uses of NumPy: what computes the functions of equations, and what the compiler itself needs."""
METHODS = frozenset(
    (
        *("astype", "axis", "default_rng", "dtype", "fill", "get", "name", "reshape", "shape", "size", "transpose"),
        *("at", "blocks", "give", "keep", "kept", "put", "results", "take", "update", "weights"),
        *(method for _, *methods in _REDUCING for method in methods),
    )
)
"""The attributes of arrays and generators; of dictionaries and passes through networks."""


@dataclass(frozen=True)
class ClassContext:
    """The class of a module, on a `base` of the runtime."""

    name: str
    base: str
    doc: str
    facts: tuple[CodeLine, ...]
    methods: tuple[FunctionContext, ...]


@dataclass(frozen=True)
class ModuleContext:
    """All fields of ``numpy/module.py.jinja``; docstrings are texts, everything else is finished code."""

    header: str
    doc: str
    imports: tuple[str, ...]
    functions: tuple[FunctionContext, ...]
    cls: ClassContext
    constants: tuple[CodeLine, ...]
    companion: str


def emitted(module: Module) -> Emitted:
    """A module as text, and the module of its loops."""
    loops = tuple(loop for function in module.functions for loop in function.loops)
    context = ModuleContext(
        header=header(f"{EQUATIONS} {module.name}", TEMPLATE),
        doc=module.doc,
        imports=tuple(line for found in module.imports(MODULES) for line in printer.imported(found)),
        functions=tuple(printed(function) for function in module.functions),
        cls=_class(module.cls),
        constants=tuple(printer.lines(module.constants, 0)),
        companion=_companion(module.name) if loops else "",
    )
    public = tuple(name for name in (*(f.name for f in module.functions), module.cls.name) if not name.startswith("_"))
    functions = {f.name: f for f in context.functions}
    text, beside = render(TEMPLATE, context), companions(module.name, loops, _allowed_to_all().offered)
    return Emitted(module.name, text, _docs(module), _allowed(module.name, loops), public, functions, beside)


def _class(cls: Class) -> ClassContext:
    facts = tuple(printer.lines(cls.facts, 1))
    return ClassContext(cls.name, cls.base, cls.doc, facts, tuple(printed(m, 1) for m in cls.methods))


def _docs(module: Module) -> dict[str, str]:
    """The docstrings by qualified name; the module's own is that of ""."""
    methods = {f"{module.cls.name}.{m.name}": m.doc for m in module.cls.methods if m.doc}
    return {"": module.doc, **{f.name: f.doc for f in module.functions}, module.cls.name: module.cls.doc, **methods}


def _allowed(name: str, loops: tuple[NestLoops, ...]) -> Allowed:
    """What the module of that name may say: where it has loops, their names too."""
    found = _allowed_to_all()
    if not loops:
        return found
    own = {"wanted", *(loop.name for loop in loops)}
    frame = {**found.frame, _companion(name): "loops"}
    return replace(found, frame=frame, offered={**found.offered, "loops": frozenset(own)})


@cache
def _allowed_to_all() -> Allowed:
    """What every module may say."""
    return Allowed(
        imports=IMPORTS,
        frame={environment().get_template("numpy/sibling.jinja").render(): "rt"},
        offered={"np": NUMPY, "rt": runtime_names()},
        attributes=METHODS,
        bases={f"rt.{base}": MEMBERS | runtime_attributes(base) for base in ("Layer", "Network", "Optimiser")},
        called=frozenset({"dtype"}),
        decorators=frozenset({"rt.once"}),
    )


def _companion(name: str) -> str:
    """The statement by which module `name` gets its compiled loops, in a file of the same name."""
    return f"loops = rt.Companion(__package__, {string(name)})"
