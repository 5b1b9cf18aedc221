"""The compiled loops of a module -> the module that they stand in, with what its code may say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gradscribe.codegen.files.emitted import Allowed, Emitted
from gradscribe.codegen.python.definition import Function
from gradscribe.codegen.python.text.render import EQUATIONS, FunctionContext, environment, header, printed, render

FOLDER = "compiled"
"""The folder of a package that companions lie in, each under the name of its module."""
LOOPS, PACKAGE = "numba/companion.py.jinja", "numba/package.py.jinja"
ABOUT = (
    "The compiled loops of the modules beside this folder: plain Python until numba compiles them, see `rt.Companion`."
)
ALLOWED = Allowed(
    imports=frozenset({"from typing import Any", "import numpy as np"}),
    frame={environment().get_template("numba/above.jinja").render(): "rt"},
    offered={"np": frozenset({"empty", "float64", "int32", "ndarray", "uintp", "zeros"})},
    attributes=frozenset({"dtype"}),
    called=frozenset({"dtype"}),
    decorators=frozenset({"rt.compiled"}),
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


def companions(name: str, loops: Sequence[Function], offered: Mapping[str, frozenset[str]]) -> tuple[Emitted, ...]:
    """The module of the loops of module `name`, and that of the folder; () where there are no loops.

    Args:
        name: of the module.
        loops: its loops, and the functions that it calls them by.
        offered: what these functions may read of modules: the backend that the loops work for wrote their numbers.
    """
    if not loops:
        return ()
    doc = f"The compiled loops of `{name}`: plain Python until numba compiles them, see `rt.Companion`."
    functions = {loop.name: printed(loop) for loop in loops}
    context = CompanionContext(header(f"{EQUATIONS} {name}", LOOPS), doc, tuple(functions.values()))
    docs = {"": doc, **{loop.name: loop.doc for loop in loops}}
    read = {word: offered.get(word, frozenset()) | ALLOWED.offered.get(word, frozenset()) for word in ("np", "rt")}
    own = Emitted(f"{FOLDER}.{name}", render(LOOPS, context), docs, replace(ALLOWED, offered=read), (), functions)
    folder = render(PACKAGE, FolderContext(header("its template", PACKAGE), ABOUT))
    return own, Emitted(f"{FOLDER}.__init__", folder, {"": ABOUT}, ALLOWED)
