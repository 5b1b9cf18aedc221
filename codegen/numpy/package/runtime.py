"""The runtime, which every generated package has: its files, and what generated code may ask it for.

It is a package of Python files as it stands in templates/; what ends in ``.jinja`` there is written: tables of exact
numbers, and the files of C as texts.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from gradscribe.codegen.numpy.package.cook_toom_tables import tables_source
from gradscribe.codegen.numpy.package.native_sources import native_sources
from gradscribe.codegen.python.text.render import header, templates

RUNTIME = "numpy/runtime"
COOK_TOOM = f"{RUNTIME}/cook_toom"
NATIVE = "machine/native/sources.py"


@cache
def runtime_sources() -> Mapping[str, str]:
    """The files by their path in a generated package: those of templates/ as they are, and the numbers."""
    texts = {name: f"{header('the runtime', f'{RUNTIME}/{name}')}\n{text}" for name, text in _modules().items()}
    texts["cook_toom/tables.py"] = tables_source(f"{COOK_TOOM}/tables.py.jinja")
    texts[NATIVE] = native_sources(f"{RUNTIME}/{NATIVE}.jinja")
    return {f"runtime/{name}": texts[name] for name in sorted(texts)}


@cache
def _modules() -> Mapping[str, str]:
    """The modules that stand in templates/, by their path there."""
    folder = templates() / RUNTIME
    files = sorted(folder.rglob("*.py"))
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files}


@cache
def runtime_names() -> frozenset[str]:
    """What the runtime offers, which is what its ``__all__`` lists."""
    for statement in _body("__init__.py"):
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
            return frozenset(ast.literal_eval(statement.value))
    raise ValueError("the runtime does not say what it offers")


@cache
def runtime_attributes(name: str) -> frozenset[str]:
    """The methods and attributes of its class `name`, inherited ones too; none where there is no such class."""
    return _attributes("__init__.py", name)


def _attributes(module: str, name: str) -> frozenset[str]:
    """Those of what a module calls `name`, whether it is defined there or imported."""
    for statement in _body(module):
        if isinstance(statement, ast.ImportFrom) and statement.level and name in (a.name for a in statement.names):
            return _attributes(_imported(module, statement), name)
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            own = {n for s in statement.body for n in _defined(s)}
            own |= {
                a.attr for a in ast.walk(statement) if isinstance(a, ast.Attribute) and isinstance(a.ctx, ast.Store)
            }
            return frozenset(own).union(
                *(_attributes(module, b.id) for b in statement.bases if isinstance(b, ast.Name))
            )
    return frozenset()


def _imported(module: str, statement: ast.ImportFrom) -> str:
    """The file that a statement of a module imports from."""
    folder = Path(module).parents[statement.level - 1]
    return f"{(folder / (statement.module or '').replace('.', '/')).as_posix()}.py"


@cache
def _body(module: str) -> tuple[ast.stmt, ...]:
    return tuple(ast.parse(_modules()[module]).body)


def _defined(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a class gives it."""
    if isinstance(statement, ast.FunctionDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        yield from (n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
