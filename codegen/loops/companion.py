"""The compiled loops of a module -> the module that they stand in, with what its code may say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gradscribe.codegen.files.emitted import Allowed, Emitted
from gradscribe.codegen.loops.loop_function import NestLoops
from gradscribe.codegen.loops.text.c_function import CFunction
from gradscribe.codegen.loops.text.c_printer import arguments, c_lines, parameters
from gradscribe.codegen.python.text.literal import raw
from gradscribe.codegen.python.text.render import EQUATIONS, FunctionContext, environment, header, printed, render

FOLDER = "compiled"
"""The folder of a package that companions lie in, each under the name of its module."""
LOOPS, PACKAGE, FUNCTION = "loops/companion.py.jinja", "loops/package.py.jinja", "c/function.jinja"
ABOUT = "The compiled loops of the modules beside this folder: C, compiled when it is first called, see `rt.Companion`."
IMPORTS = {"Any": "from typing import Any", "np": "import numpy as np"}
"""What is imported where it is read."""
ALLOWED = Allowed(
    imports=frozenset(IMPORTS.values()),
    frame={environment().get_template("loops/above.jinja").render(): "rt"},
    called=frozenset({"dtype"}),
)


@dataclass(frozen=True)
class CContext:
    """All fields of ``c/function.jinja``: finished lines of C; `sized` says whether it reads numbers."""

    summary: str
    parameters: Sequence[str]
    lines: Sequence[str]
    arguments: Sequence[str]
    sized: bool


@dataclass(frozen=True)
class LoopsContext:
    """The text of loops as a literal, under its name, and the function of Python that calls them."""

    text: str
    literal: str
    caller: FunctionContext


@dataclass(frozen=True)
class CompanionContext:
    """All fields of ``loops/companion.py.jinja``."""

    header: str
    doc: str
    imports: Sequence[str]
    functions: Sequence[LoopsContext]


@dataclass(frozen=True)
class FolderContext:
    """All fields of ``loops/package.py.jinja``."""

    header: str
    doc: str


def companions(name: str, loops: Sequence[NestLoops], offered: Mapping[str, frozenset[str]]) -> tuple[Emitted, ...]:
    """The module of the loops of module `name`, and that of the folder; () where there are no loops.

    Args:
        name: of the module.
        loops: its loops.
        offered: what the functions that call them may read of modules: the backend that they work for wrote them.
    """
    if not loops:
        return ()
    doc = f"The compiled loops of `{name}`: C, compiled when it is first called, see `rt.Companion`."
    texts = {loop.text: c_text(loop.code) for loop in loops}
    callers = {loop.name: printed(loop.caller) for loop in loops}
    functions = tuple(LoopsContext(loop.text, raw(loop.text, texts[loop.text]), callers[loop.name]) for loop in loops)
    read = set().union(*(loop.caller.names for loop in loops))
    imports = tuple(line for word, line in IMPORTS.items() if word in read)
    context = CompanionContext(header(f"{EQUATIONS} {name}", LOOPS), doc, imports, functions)
    docs = {"": doc, **{loop.name: loop.caller.doc for loop in loops}}
    allowed = replace(ALLOWED, offered={word: offered.get(word, frozenset()) for word in ("np", "rt")}, texts=texts)
    own = Emitted(f"{FOLDER}.{name}", render(LOOPS, context), docs, allowed, (), callers)
    folder = render(PACKAGE, FolderContext(header("its template", PACKAGE), ABOUT))
    return own, Emitted(f"{FOLDER}.__init__", folder, {"": ABOUT}, ALLOWED)


def c_text(code: CFunction) -> str:
    """Loops as a text of C, which the runtime puts its own part before."""
    sized = any(p.sized for p in code.parameters)
    return render(FUNCTION, CContext(code.summary, parameters(code), c_lines(code.body), arguments(code), sized))
