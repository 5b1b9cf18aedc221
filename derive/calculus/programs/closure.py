"""What tensors depend on."""

from collections.abc import Iterable, Sequence

from gradscribe.derive.ir.term import Statement, accesses


def closure(statements: Sequence[Statement], wanted: Iterable[str]) -> tuple[Statement, ...]:
    """The statements that `wanted` tensors depend on, in order."""
    needed, before = set(wanted), -1
    while len(needed) != before:  # once, but where a recurrence reads what comes later
        before = len(needed)
        for statement in reversed(statements):
            if needed.intersection(statement.written):
                needed |= {a.tensor for a in accesses(statement.term.body)}
    return tuple(s for s in statements if needed.intersection(s.written))
