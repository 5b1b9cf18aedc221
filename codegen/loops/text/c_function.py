"""What C has that Python has not, as data: loops that count, parameters with a type, a function of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradscribe.codegen.python.expression import Expression, Name
from gradscribe.codegen.python.statement import Assign, Comment, Do, Return

LONG, FINAL_LONG, REAL, FINAL_REAL = Name("long"), Name("const long"), Name("REAL"), Name("const REAL")
INTEGER, FINAL_INTEGER, FINAL_MASK = Name("int32_t"), Name("const int32_t"), Name("const mask")
DOUBLE, FINAL_DOUBLE, SUMS = Name("double"), Name("const double"), Name("double *restrict")
ROW = Name("REAL *restrict")
"""Types."""


@dataclass(frozen=True)
class Count:
    """``for (long index = low; index < high; index++)``, with a macro before it, an index of another kind, other steps.

    `UNROLLED`: its rounds stand one after another. `APART`: no round reads or writes what another one writes.
    """

    index: Name
    low: Expression
    high: Expression
    body: "CBody"
    macro: str = ""
    kind: Name = LONG
    step: int = 1


@dataclass(frozen=True)
class Along:
    """The innermost loop, as `Count`: over whole vectors and then over what is left, element by element.

    Where elements may be written `again`, the last vector begins where it still fits, and nothing is left of a range
    that is longer than one.
    """

    index: Name
    low: Expression
    high: Expression
    body: "CBody"
    macro: str = ""
    again: bool = False


UNROLLED, APART = "UNROLLED", "APART"


@dataclass(frozen=True)
class CIf:
    """``if (test)``, with an else where `otherwise` holds anything."""

    test: Expression
    body: "CBody"
    otherwise: "CBody" = ()


@dataclass(frozen=True)
class CWhile:
    """``while (test)``."""

    test: Expression
    body: "CBody"


@dataclass(frozen=True)
class CBlock:
    """Statements in braces: what they declare is theirs."""

    body: "CBody"


@dataclass(frozen=True)
class CBlank:
    """An empty line."""


@dataclass(frozen=True)
class CUnused:
    """``(void)name;``: a parameter that nothing reads."""

    name: Name


@dataclass(frozen=True)
class CSourced:
    """Statements, and what they were made of."""

    source: Any
    body: "CBody"


CStatement = Assign | Comment | Do | Return | Count | Along | CIf | CWhile | CBlock | CBlank | CUnused | CSourced
CBody = tuple[CStatement, ...]


def cases(tests: Sequence[tuple[Expression, CBody]], otherwise: CBody = ()) -> CBody:
    """if, else if, ..., else."""
    for test, body in reversed(tests):
        otherwise = (CIf(test, body, otherwise),)
    return otherwise


@dataclass(frozen=True)
class CParameter:
    """A parameter, and what it is given where the function is called; `sized`: it is one of the numbers of the work."""

    kind: str
    name: str
    given: str
    sized: bool = False


@dataclass(frozen=True)
class CFunction:
    """The function of C that loops are, ``loops``.

    Attributes:
        summary: what it computes, for a comment.
        parameters: what it is given.
        body: its statements.
    """

    summary: str
    parameters: tuple[CParameter, ...]
    body: CBody
