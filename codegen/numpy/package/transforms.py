"""Cook-Toom algorithms -> the modules of their compiled transforms: one for each algorithm, and one that names all."""

from collections.abc import Iterator
from dataclasses import dataclass

from sympy import ImmutableMatrix

from gradscribe.codegen.numpy.package.cook_toom_tables import SOURCE, algorithms
from gradscribe.codegen.numpy.package.straight_line import straight_line
from gradscribe.codegen.python.definition import ANY, INT, Function, Parameter, Signature
from gradscribe.codegen.python.expression import Binary, Expression, Literal, Name, Part, Span, call
from gradscribe.codegen.python.statement import Assign, Body, For, let
from gradscribe.codegen.python.text.render import FunctionContext, header, printed, render
from gradscribe.derive.catalogue.winograd import CookToom

X, Y, START, STEP, AT, STRIDE, LENGTH, K = map(Name, ("x", "y", "start", "step", "at", "stride", "length", "k"))
KINDS = {X: ANY, START: INT, STEP: INT, Y: ANY, AT: INT, STRIDE: INT, LENGTH: INT}
"""What every transform is given: where rows are read, and where they are written."""


@dataclass(frozen=True)
class TransformContext:
    """A transform along an axis."""

    kind: str
    function: FunctionContext


@dataclass(frozen=True)
class LoopsContext:
    """All fields of ``numpy/runtime/cook_toom/loops.py.jinja``: the transforms of F(m, r)."""

    header: str
    m: int
    r: int
    transforms: tuple[TransformContext, ...]

    @property
    def module(self) -> str:
        """What the module is called."""
        return f"loops_{self.m}_{self.r}"


@dataclass(frozen=True)
class TransformsContext:
    """All fields of ``numpy/runtime/cook_toom/transforms.py.jinja``, which names all of these."""

    header: str
    algorithms: tuple[LoopsContext, ...]


def transforms_sources(loops: str, table: str) -> dict[str, str]:
    """The files by name, of a template for the loops of an algorithm and one for the table of all."""
    head = header(SOURCE, loops)
    made = [LoopsContext(head, f.m, f.r, tuple(_transforms(f))) for f in sorted(algorithms(), key=lambda f: (f.m, f.r))]
    files = {f"{context.module}.py": render(loops, context) for context in made}
    return files | {"transforms.py": render(table, TransformsContext(header(SOURCE, table), tuple(made)))}


def _transforms(f: CookToom) -> Iterator[TransformContext]:
    matrices = {"data": f.data, "output": f.output, "spread": f.output.T}
    symbols = {"data": "B^T", "output": "A^T", "spread": "A"}
    signature = Signature(tuple(Parameter(name.text, kind) for name, kind in KINDS.items()))
    for kind, matrix in matrices.items():
        title = f"{symbols[kind]} of F({f.m}, {f.r}), {matrix.shape[0]} rows from {matrix.shape[1]}."
        function = Function(f"{kind}_{f.m}_{f.r}", signature, title, _body(matrix))
        yield TransformContext(kind, printed(function))


def _body(matrix: ImmutableMatrix) -> Body:
    """Rows by name, then for every element of a row what is read, computed and written."""
    writes, reads = map(range, matrix.shape)
    line = straight_line(matrix)
    constants = [let(name, call("x.dtype.type", value)) for name, value in line.constants]
    rows = [let(f"r{k}", _row(X, START, STEP, k)) for k in reads]
    rows += [let(f"w{k}", _row(Y, AT, STRIDE, k)) for k in writes]
    read = [let(f"x{k}", Part(Name(f"r{k}"), (K,))) for k in reads]
    written = [Assign(Part(Name(f"w{k}"), (K,)), Name(f"y{k}")) for k in writes]
    return (*constants, *rows, For(K, call("range", LENGTH), (*read, *line.statements, *written)))


def _row(array: Expression, start: Expression, step: Expression, k: int) -> Expression:
    """Row number k."""
    first = Binary("+", start, Binary("*", Literal(k), step))
    return Part(array, (Span(first, Binary("+", first, LENGTH)),))
