"""What a function of a network says of the pass that it is part of: weights by name, results by name, what is kept."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sympy import Expr

from gradscribe.codegen.numpy.print.fixed_names import PASS
from gradscribe.codegen.python.expression import Expression, Literal, Name, formatted, method, unpacked
from gradscribe.codegen.python.scalars.scalar import size
from gradscribe.codegen.python.statement import Assign, Do, Statement
from gradscribe.codegen.python.text.printer import lines

NET = Name(PASS)


@dataclass(frozen=True)
class Named:
    """An array that a pass knows by name.

    Attributes:
        variable: its variable.
        key: its name, ``conv1.w``.
        shape: of one that is read: its shape, or the number of its axes where that is not known.
    """

    variable: str
    key: str
    shape: tuple[Expr, ...] | int = ()

    @property
    def node(self) -> str:
        """The node that it belongs to."""
        return self.key.partition(".")[0]


def weight_statements(weights: Sequence[Named]) -> Iterator[Statement]:
    """Read weights by name, those of as many nodes in a statement as a line holds."""
    return map(_read, _together(weights, _read))


def put_statements(results: Sequence[Named]) -> Iterator[Statement]:
    """Enter results by name, likewise."""
    return map(_put, _together(results, _put))


def _together(items: Sequence[Named], statement: Callable[[Sequence[Named]], Statement]) -> Iterator[list[Named]]:
    """Items in groups whose statements have one line each, where that can be; those of a node stay together."""
    found: list[Named] = []
    for _, node in groupby(items, lambda item: item.node):
        own = [*node]
        if found and not _is_a_line(statement([*found, *own])):
            yield found
            found = []
        for item in own:
            if found and not _is_a_line(statement([*found, item])):
                yield found
                found = []
            found.append(item)
    if found:
        yield found


def _is_a_line(statement: Statement) -> bool:
    return len(lines([statement], 1)) == 1


def _read(weights: Sequence[Named]) -> Assign:
    words: list[str | Expression] = []
    for k, weight in enumerate(weights):
        shape = weight.shape
        extents: Iterable[str | Expression] = ["_"] * shape if isinstance(shape, int) else map(_extent, shape)
        words += [f"{', ' if k else ''}{weight.key}", *(part for extent in extents for part in (" ", extent))]
    return Assign(unpacked([weight.variable for weight in weights]), method(NET, "weights", formatted(words)))


def _extent(extent: Expr) -> str | Expression:
    return str(int(extent)) if extent.is_Integer else size(extent)


def _put(results: Sequence[Named]) -> Do:
    names = " ".join(result.key for result in results)
    return Do(method(NET, "put", Literal(names), *(Name(result.variable) for result in results)))
