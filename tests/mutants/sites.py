"""Every mutant of the sources, in a fixed order, and a sample of them."""

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.operators import OPERATORS

FOLDERS = ("derive", "codegen")
Span = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        path: the file, from the repository's root.
        line: where it begins.
        statement: where the statement that it is in begins.
        operator: what kind of fault it is.
        span: the bytes that are replaced.
        old: what stands there.
        new: what it is replaced by.
    """

    path: str
    line: int
    statement: int
    operator: str
    span: Span
    old: str
    new: str

    @property
    def key(self) -> str:
        """What tells it apart, also after other files were changed."""
        return f"{self.path}:{self.line}:{self.span[0]}:{self.old} -> {self.new}"

    def source(self, original: bytes) -> bytes:
        """The file with the fault in it."""
        first, last = self.span
        assert original[first:last].decode() == self.old
        return original[:first] + self.new.encode() + original[last:]


def every_mutant(root: Path, folders: Sequence[str] = FOLDERS) -> list[Mutant]:
    """The mutants of all files, by path and place."""
    files = [p for folder in folders for p in sorted((root / folder).rglob("*.py"))]
    return [m for file in files for m in mutants(file.relative_to(root).as_posix(), file.read_bytes())]


def sample(found: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many mutants by chance; a greater count begins with those of a smaller one."""
    order = list(found)
    random.Random(seed).shuffle(order)
    return order[:count]


def mutants(path: str, source: bytes) -> Iterator[Mutant]:
    """The mutants of one file."""
    starts = [0]
    for text in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(text))

    def span(node: ast.expr | ast.stmt) -> Span:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset

    for node, first in _nodes(ast.parse(source), 1):
        for operator in OPERATORS:
            for kind, changed in operator(node):
                place = changed if isinstance(node, ast.If | ast.comprehension) else node
                assert isinstance(place, ast.expr | ast.stmt)
                where = span(place)
                old = source[where[0] : where[1]].decode()
                new = ast.unparse(changed)
                new = f"({new})" if isinstance(changed, ast.expr) and not isinstance(changed, ast.Constant) else new
                yield Mutant(path, place.lineno, first, kind, where, old, new)


def _nodes(node: ast.AST, first: int) -> Iterator[tuple[ast.AST, int]]:
    """The nodes of a tree that are executed, and the line where the statement of each begins.

    Types, decorators and texts with values in them are left out.
    """
    first = node.lineno if isinstance(node, ast.stmt) else first
    yield node, first
    for name, value in ast.iter_fields(node):
        children = [c for c in (value if isinstance(value, list) else [value]) if isinstance(c, ast.AST)]
        if name in ("annotation", "returns", "decorator_list") or _is_typing(node, name):
            continue
        for child in children:
            if not isinstance(child, ast.JoinedStr):
                # a condition begins where its own text does
                inside = child.lineno if isinstance(child, ast.expr) and isinstance(node, ast.If) else first
                yield from _nodes(child, inside)


def _is_typing(node: ast.AST, name: str) -> bool:
    """Whether that part of a node is about types: ``TYPE_CHECKING``, ``isinstance(a, B | C)``, an alias ``A | B``."""
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    if isinstance(node, ast.Call) and name == "args":
        return isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "issubclass", "TypeVar", "cast")
    return isinstance(node, ast.Assign) and name == "value" and isinstance(node.value, ast.BinOp | ast.Subscript) and (
        isinstance(node.value, ast.Subscript) or isinstance(node.value.op, ast.BitOr)
    ) and node.col_offset == 0  # fmt: skip
