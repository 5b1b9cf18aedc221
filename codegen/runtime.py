"""runtime.py, which every generated package has: its text, and what generated code may ask it for."""

import ast
from functools import cache

from gradscribe.codegen.cook_toom import tables
from gradscribe.codegen.render import RuntimeContext, header, render

TEMPLATE = "numpy/runtime.py.jinja"


@cache
def runtime_source() -> str:
    """The text of runtime.py."""
    return render(TEMPLATE, RuntimeContext(header("its template", TEMPLATE), tables()))


@cache
def _definitions() -> tuple[ast.stmt, ...]:
    return tuple(ast.parse(runtime_source()).body)


@cache
def runtime_names() -> frozenset[str]:
    """What it defines itself, not what it imports; nothing that is its own business."""
    found = {n for s in _definitions() for n in _defined(s)}
    return frozenset(n for n in found if not n.startswith("_"))


@cache
def runtime_attributes(name: str) -> frozenset[str]:
    """The methods and attributes of its class `name`, inherited ones too; none where there is no such class."""
    cls = next((s for s in _definitions() if isinstance(s, ast.ClassDef) and s.name == name), None)
    if cls is None:
        return frozenset()
    own = {n for s in cls.body for n in _defined(s)}
    own |= {a.attr for a in ast.walk(cls) if isinstance(a, ast.Attribute) and isinstance(a.ctx, ast.Store)}
    return frozenset(own).union(*(runtime_attributes(b.id) for b in cls.bases if isinstance(b, ast.Name)))


def _defined(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.If):
        return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return set()
