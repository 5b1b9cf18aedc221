"""What is told: records, as a table for people and as data for programs."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.box import SIMPLE
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.table import Column, Table

from gradscribe.codegen.numpy.explain.observe import Figures
from gradscribe.codegen.numpy.explain.statement_costs import Statement
from gradscribe.printed import Printed


@dataclass(frozen=True)
class FunctionReport:
    """A function at given sizes.

    Attributes:
        name: its name.
        statements: what it does.
        measured: the seconds of a call; None where it was not measured.
        places: of a block's function the places where it has these sizes; the figures are those of all together.
        sizes: these.
    """

    name: str
    statements: tuple[Statement, ...]
    measured: float | None = None
    places: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def heading(self) -> str:
        """Its name, where it is called and how large it is there."""
        sizes = ", ".join(f"{name} = {number}" for name, number in self.sizes.items())
        at = f" at {', '.join(self.places)}" if self.places else ""
        return f"{self.name}{at}{f' ({sizes})' if sizes else ''}"

    @property
    def contractions(self) -> Iterator[Statement]:
        """The statements that can be computed in several ways."""
        return (s for s in self.statements if s.ways)


@dataclass(frozen=True, repr=False)
class Explanation(Printed):
    """How the functions of a layer are computed; print it, or take the figures.

    Attributes:
        layer: its name.
        shapes: of the inputs by name; None for those that are left out.
        options: by name, as the functions take them.
        dtype: of real numbers.
        accuracy: as `generated.settings` takes it.
        backend: likewise.
        threads: likewise; None for as many as BLAS was started with.
        functions: the forward function, then those of the gradients; behind each those of blocks that it calls.
    """

    layer: str
    shapes: Mapping[str, tuple[int, ...] | None]
    options: Mapping[str, Any]
    dtype: str
    accuracy: str
    backend: str
    threads: int | None
    functions: tuple[FunctionReport, ...]

    def as_data(self) -> dict[str, Any]:
        """Plain data for JSON: seconds, bytes."""
        return asdict(self)

    def __str__(self) -> str:
        console = Console(width=160, no_color=True, highlight=False)
        with console.capture() as capture:
            console.print(self)
        return capture.get()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield escape(self._heading())
        for function in self.functions:
            yield _table(function)

    def _heading(self) -> str:
        shapes = [f"{n} {_shape(shape)}" for n, shape in self.shapes.items() if shape is not None]
        chosen = [f"{name}={_plain(value)}" for name, value in self.options.items()]
        threads = "threads of BLAS" if self.threads is None else f"{self.threads} thread{'s' * (self.threads != 1)}"
        how = f"{self.dtype}, accuracy {self.accuracy}, backend {self.backend}, {threads}"
        return "\n".join(part for part in (f"{self.layer}: {', '.join(shapes)}", ", ".join(chosen), how) if part)


def _table(function: FunctionReport) -> Table:
    measured = any(way.measured is not None for s in function.statements for way in s.ways)
    columns = ["work", "bytes", "scratch", "error", "predicted", *(["measured"] if measured else [])]
    table = Table(
        Column(escape(function.heading), overflow="fold"),
        *(Column(name, justify="right", no_wrap=True) for name in columns),
        box=SIMPLE,
        title=None,
    )
    for statement in function.statements:
        for row in _rows(statement):
            table.add_row(*row[: len(columns) + 1])
    if function.measured is not None:
        table.add_section()
        table.add_row("the whole function, measured", "", "", "", "", *[_seconds(function.measured)] * measured)
        if not measured:
            table.columns[-1].footer = _seconds(function.measured)
    return table


def _rows(statement: Statement) -> Iterator[list[str]]:
    indent = "  " * statement.depth
    times = f"  ({statement.times} times)" if statement.ways and statement.times != 1 else ""
    work = _amount(statement.elements, "") if not statement.ways and statement.elements else ""
    moved = _amount(statement.bytes, "B") if statement.bytes else ""
    yield [escape(indent + statement.text + times), work, moved, "", "", "", ""]
    for way in statement.ways:
        yield [
            indent
            + ("  > " if way.chosen else "    ")
            + ": ".join((way.strategy, *filter(None, [", ".join(way.parts)]))),
            *_figures(way),
        ]


def _figures(way: Figures) -> list[str]:
    return [
        _amount(way.flops, "flop"),
        _amount(way.bytes, "B"),
        _amount(way.scratch, "B"),
        f"{way.error:.0e}" if way.error else "",
        _seconds(way.seconds),
        "" if way.measured is None else _seconds(way.measured),
    ]


def _amount(value: float, unit: str) -> str:
    for power, prefix in ((9, "G"), (6, "M"), (3, "k")):
        if value >= 10**power:
            return f"{value / 10**power:.3g} {prefix}{unit}".rstrip()
    return f"{value:.0f} {unit}".rstrip()


def _seconds(value: float) -> str:
    return f"{1e3 * value:.3g} ms" if value >= 1e-3 else f"{1e6 * value:.3g} us"


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _plain(value: Any) -> str:
    """An option as `--set` takes it, where it can be so short."""
    if isinstance(value, tuple):
        flat = [part for v in value for part in (v if isinstance(v, tuple) else (v,))]
        return str(flat[0]) if len(set(flat)) == 1 else ",".join(map(str, flat))
    return str(value)
