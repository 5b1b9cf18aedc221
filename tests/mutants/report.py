"""The figures of a run as Markdown."""

from collections import Counter
from collections.abc import Callable, Sequence

from tests.mutants.trial import Result

KILLED = ("killed", "timeout")


def report(found: Sequence[Result]) -> str:
    """A table by folder and one by kind of fault, then the mutants that no test noticed."""
    if not found:
        return "no mutants yet; try: python -m tests.mutants run"
    killed = sum(r.outcome in KILLED for r in found)
    lines = [f"{killed} of {len(found)} mutants killed: {killed / len(found):.1%}", ""]
    lines += _table("folder", found, lambda r: "/".join(r.path.split("/")[:-1]))
    lines += ["", *_table("fault", found, lambda r: r.operator)]
    alive = [r for r in found if r.outcome not in KILLED]
    if alive:
        lines += ["", "Not noticed:", ""]
        lines += [f"- {r.path}:{r.line}, {r.outcome}: `{_short(r.old)}` -> `{_short(r.new)}`" for r in alive]
    return "\n".join(lines)


def _table(head: str, found: Sequence[Result], of: Callable[[Result], str]) -> list[str]:
    total, outcomes = Counter(map(of, found)), Counter((of(r), r.outcome) for r in found)
    columns = ("killed", "timeout", "survived", "unreached")
    lines = [f"| {head} | mutants | {' | '.join(columns)} |", "| --- |" + " --: |" * 5]
    for name in sorted(total):
        cells = [total[name], *(outcomes[name, column] for column in columns)]
        lines.append(f"| {name} | {' | '.join(map(str, cells))} |")
    return lines


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:77]}..."
