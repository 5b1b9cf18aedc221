"""A rewrite as a record: what was done to which statement, and what it takes before and after."""

from dataclasses import dataclass

from gradscribe.derive.ir.term import Statement


@dataclass(frozen=True)
class Rewriting:
    """One rewrite of a program.

    Attributes:
        reason: what was done, and why that is faster.
        before: the statement that was rewritten.
        after: what computes the same, the tensors that it needs besides first.
        work: of both, in multiplications, where a size that is no number counts as 16.
    """

    reason: str
    before: Statement
    after: tuple[Statement, ...]
    work: tuple[float, float]

    def __str__(self) -> str:
        """What was done, what it takes before and after, and the statements."""
        taken, left = (f"{value:.2g}" for value in self.work)
        after = "\n".join(_indented(str(s)) for s in self.after)
        return f"{self.reason} (work {taken} -> {left})\n{_indented(str(self.before))}\nbecomes\n{after}"


def _indented(text: str) -> str:
    return "\n".join(f"  {line.rstrip()}" for line in text.strip("\n").split("\n"))
