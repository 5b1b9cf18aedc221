"""Cook-Toom algorithms -> the tables of the runtime, as text; see `derive.winograd`."""

from sympy import ImmutableMatrix, Rational

from gradscribe.codegen.render import CookToomContext, MatrixContext
from gradscribe.derive.winograd import CookToom, cook_toom, prove
from gradscribe.derive.winograd.accuracy import ERRORS
from gradscribe.derive.winograd.points import written


def tables() -> tuple[CookToomContext, ...]:
    """The algorithms that the runtime may choose from, every one proved."""
    return tuple(_table(cook_toom(m, r), error) for (m, r), error in ERRORS.items())


def _table(algorithm: CookToom, error: float) -> CookToomContext:
    prove(algorithm)
    matrices = {"output": algorithm.output, "kernel": algorithm.kernel, "data": algorithm.data}
    found = tuple(MatrixContext(name, rows(matrix)) for name, matrix in matrices.items())
    return CookToomContext(algorithm.m, algorithm.r, written(algorithm.points), found, f"{error:.1e}")


def rows(matrix: ImmutableMatrix) -> tuple[str, ...]:
    """The rows as lists of Python numbers: ``[1, 25 / 64, -1]``."""
    return tuple(f"[{', '.join(number(v) for v in row)}]" for row in matrix.tolist())


def number(value: Rational) -> str:
    """A quotient of integers: both are exact in floating point, so that one rounding is left."""
    return str(value.p) if value.q == 1 else f"{value.p} / {value.q}"
