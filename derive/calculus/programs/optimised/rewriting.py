"""A rewrite as a record: what was done to which statement, and what it takes before and after."""

from dataclasses import dataclass

from gradscribe.derive.ir.term import Statement
from gradscribe.said import Message


@dataclass(frozen=True)
class Rewriting:
    """One rewrite of a program.

    Attributes:
        reason: what was done, and why that is faster.
        before: the statement that was rewritten.
        after: what computes the same, the tensors that it needs besides first.
        work: of both, in multiplications, where a size that is no number counts as 16.
    """

    reason: Message
    before: Statement
    after: tuple[Statement, ...]
    work: tuple[float, float]
