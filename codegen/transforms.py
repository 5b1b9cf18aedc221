"""Cook-Toom algorithms -> the module of their compiled transforms."""

from collections.abc import Iterator

from gradscribe.codegen.render import TransformContext, TransformsContext, header, render
from gradscribe.codegen.straight_line import straight_line
from gradscribe.derive.winograd import CookToom, cook_toom
from gradscribe.derive.winograd.accuracy import ERRORS


def transforms_source() -> str:
    """The text of transforms.py."""
    template = "numba/transforms.py.jinja"
    made = tuple(transform for m, r in ERRORS for transform in _transforms(cook_toom(m, r)))
    return render(template, TransformsContext(header("the algorithms of derive.winograd", template), made))


def _transforms(f: CookToom) -> Iterator[TransformContext]:
    matrices = {"data": f.data, "output": f.output, "spread": f.output.T}
    symbols = {"data": "B^T", "output": "A^T", "spread": "A"}
    for kind, matrix in matrices.items():
        line = straight_line(matrix)
        title = f"{symbols[kind]} of F({f.m}, {f.r}), {matrix.shape[0]} rows from {matrix.shape[1]}"
        yield TransformContext(
            f"{kind}_{f.m}_{f.r}", kind, f.m, f.r, title, tuple(range(matrix.shape[1])), tuple(range(matrix.shape[0])),
            line.constants, line.statements,
        )  # fmt: skip
