"""The compiled loops of a module -> the module that they stand in, with what its code may say."""

from collections.abc import Sequence
from dataclasses import dataclass

from gradscribe.codegen.files.emitted import Allowed, Emitted
from gradscribe.codegen.python.definition import Function
from gradscribe.codegen.python.text.render import EQUATIONS, FunctionContext, header, printed, render

FOLDER = "compiled"
"""The folder of a package that companions lie in, each under the name of its module."""
LOOPS, PACKAGE = "numba/companion.py.jinja", "numba/package.py.jinja"
ABOUT = (
    "The compiled loops of the modules beside this folder: plain Python until numba compiles them, see `rt.Companion`."
)
ALLOWED = Allowed(
    imports=frozenset({"from typing import Any", "import numpy as np"}),
    offered={"np": frozenset({"empty", "float64", "int32", "ndarray", "uintp", "zeros"})},
    attributes=frozenset({"dtype"}),
)


@dataclass(frozen=True)
class CompanionContext:
    """All fields of ``numba/companion.py.jinja``."""

    header: str
    doc: str
    functions: tuple[FunctionContext, ...]


@dataclass(frozen=True)
class FolderContext:
    """All fields of ``numba/package.py.jinja``."""

    header: str
    doc: str


def companions(name: str, loops: Sequence[Function]) -> tuple[Emitted, ...]:
    """The module of the loops of module `name`, and that of the folder; () where there are no loops."""
    if not loops:
        return ()
    doc = f"The compiled loops of `{name}`: plain Python until numba compiles them, see `rt.Companion`."
    functions = {loop.name: printed(loop) for loop in loops}
    context = CompanionContext(header(f"{EQUATIONS} {name}", LOOPS), doc, tuple(functions.values()))
    docs = {"": doc, **{loop.name: loop.doc for loop in loops}}
    own = Emitted(f"{FOLDER}.{name}", render(LOOPS, context), docs, ALLOWED, (), functions)
    folder = render(PACKAGE, FolderContext(header("its template", PACKAGE), ABOUT))
    return own, Emitted(f"{FOLDER}.__init__", folder, {"": ABOUT}, ALLOWED)
