"""Cook-Toom algorithms -> the module of the tables of the runtime; see `derive.catalogue.winograd`."""

from dataclasses import dataclass
from functools import cache

from sympy import ImmutableMatrix

from gradscribe.codegen.python.expression import Table
from gradscribe.codegen.python.scalars.scalar import number
from gradscribe.codegen.python.text.printer import text
from gradscribe.codegen.python.text.render import header, render
from gradscribe.derive.catalogue.winograd import CookToom, cook_toom, prove
from gradscribe.derive.catalogue.winograd.points import ERRORS, written

SOURCE = "the algorithms of Cook and Toom"


@dataclass(frozen=True)
class MatrixContext:
    """A matrix; its rows are finished text."""

    name: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class CookToomContext:
    """One algorithm of the tables."""

    m: int
    r: int
    points: str
    matrices: tuple[MatrixContext, ...]
    error: str


@dataclass(frozen=True)
class TablesContext:
    """All fields of ``numpy/runtime/cook_toom/tables.py.jinja``."""

    header: str
    cook_toom: tuple[CookToomContext, ...]


def tables_source(template: str) -> str:
    """The text of the tables: the algorithms that the runtime may choose from, every one proved."""
    found = tuple(_table(algorithm) for algorithm in algorithms())
    return render(template, TablesContext(header(SOURCE, template), found))


@cache
def algorithms() -> tuple[CookToom, ...]:
    """Those that the runtime has."""
    return tuple(cook_toom(m, r) for m, r in ERRORS)


def _table(algorithm: CookToom) -> CookToomContext:
    prove(algorithm)
    matrices = {"output": algorithm.output, "kernel": algorithm.kernel, "data": algorithm.data}
    found = tuple(MatrixContext(name, rows(matrix)) for name, matrix in matrices.items())
    return CookToomContext(
        algorithm.m, algorithm.r, written(algorithm.points), found, f"{ERRORS[algorithm.m, algorithm.r]:.1e}"
    )


def rows(matrix: ImmutableMatrix) -> tuple[str, ...]:
    """The rows as lists of numbers: ``[1, 25 / 64, -1]``."""
    return tuple(text(Table(tuple(map(number, row)))) for row in matrix.tolist())
