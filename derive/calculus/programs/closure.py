"""What tensors depend on."""

from collections.abc import Iterable, Sequence

from gradscribe.derive.ir.term import Statement, accesses


def closure(statements: Sequence[Statement], wanted: Iterable[str]) -> tuple[Statement, ...]:
    """The statements that `wanted` tensors depend on, in order."""
    needed = set(wanted)
    kept: list[Statement] = []
    for statement in reversed(statements):
        recorded = statement.argument.name if statement.argument else None
        if statement.target.name in needed or recorded in needed:
            kept.append(statement)
            needed |= {a.tensor for a in accesses(statement.term.body)}
    return tuple(reversed(kept))
