"""Cook-Toom algorithms -> the tables of the runtime, as text; see `derive.winograd`."""

from sympy import ImmutableMatrix

from codegen.render import CookToomContext
from derive.winograd import CookToom, cook_toom, prove
from derive.winograd.accuracy import ERRORS


def tables() -> tuple[CookToomContext, ...]:
    """The algorithms that the runtime may choose from, every one proved."""
    return tuple(_table(cook_toom(m, r), error) for (m, r), error in ERRORS.items())


def _table(algorithm: CookToom, error: float) -> CookToomContext:
    prove(algorithm)
    matrices = (algorithm.output, algorithm.kernel, algorithm.data)
    output, kernel, data = (rows(matrix) for matrix in matrices)
    points = ", ".join(map(str, algorithm.points))
    return CookToomContext(algorithm.m, algorithm.r, points, f"{error:.1e}", output, kernel, data)


def rows(matrix: ImmutableMatrix) -> tuple[str, ...]:
    """The rows as lists of Python numbers: ``[1, 25 / 64, -1]``."""
    return tuple(f"[{', '.join(_number(v.p, v.q) for v in row)}]" for row in matrix.tolist())


def _number(upper: int, lower: int) -> str:
    return str(upper) if lower == 1 else f"{upper} / {lower}"
