"""Drafts -> the records that several places of them have alike, those first that save most lines."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from sympy import Add, Function, Mul, Pow, preorder_traversal

from gradscribe.codegen.loops import Correspondence, Nest
from gradscribe.codegen.numpy.network.functions.draft import Draft
from gradscribe.codegen.numpy.plan import (
    Contract,
    Define,
    Equation,
    Invoke,
    Record,
    Release,
    Wanted,
    Window,
    effects,
    walk,
)
from gradscribe.derive.ir.term import Tensor

OVERHEAD = 7
"""Lines of a function besides its statements, and what a call may take."""
CALL = 2
"""Lines of a call."""
WIDTH = 100
"""Of a line of an equation."""
LONGEST = 16
"""Steps of a run."""
FEWEST = 5
"""Lines that there have to be less of for a function to be worth its name."""


@dataclass(frozen=True)
class Step:
    """Consecutive records of a draft that compute one equation.

    Attributes:
        draft: the number of the draft.
        start: the place of the first record.
        records: the records.
        released: what is given back behind them.
    """

    draft: int
    start: int
    records: tuple[Record, ...]
    released: tuple[Record, ...]

    @cached_property
    def lines(self) -> int:
        """About how many lines they fill."""
        return sum(_lines(record) for _, record in walk(self.records))


@dataclass(frozen=True)
class Run:
    """Consecutive steps of a draft.

    Attributes:
        draft: the number of the draft.
        start: the place of its first record.
        records: its records.
        steps: the numbers of its steps.
    """

    draft: int
    start: int
    records: tuple[Record, ...]
    steps: range

    @property
    def stop(self) -> int:
        """The place behind its last record."""
        return self.start + len(self.records)


@dataclass(frozen=True)
class Alike:
    """Runs that do the same: the first one, and what of it stands for what of each of the others."""

    first: Run
    others: tuple[tuple[Run, Correspondence], ...]

    @property
    def runs(self) -> tuple[Run, ...]:
        """All of them."""
        return (self.first, *(run for run, _ in self.others))


Place = tuple[int, int]
"""A draft and the number of a step in it."""
Rows = Sequence[Sequence[Step | None]]


def _lines(record: Record) -> int:
    """About how many lines a record fills besides those within it: an array is computed operation by operation."""
    match record:
        case Equation():
            return len(record.lines(WIDTH))
        case Define(_, update) if record.into or record.buffered:
            return max(1, sum(isinstance(e, Add | Mul | Pow | Function) for e in preorder_traversal(update.body)))
        case Nest():
            return 0
        case _:
            return 1


def steps(number: int, draft: Draft) -> Iterator[Step | None]:
    """The steps of a draft, and None where a function of a block or a contraction stands between: these stay."""
    records = draft.plan.records
    described = {r.name for _, r in walk(records) if isinstance(r, Window) and r.described}
    starts = [k for k, r in enumerate(records) if isinstance(r, Equation | Invoke | Wanted)]
    for start, stop in zip(starts, [*starts[1:], len(records)], strict=True):
        own = records[start:stop]
        end = len(own)
        while end and isinstance(own[end - 1], Release):
            end -= 1
        elsewhere = described - {r.name for _, r in walk(own) if isinstance(r, Window)}
        stays = any(isinstance(r, Contract | Invoke | Wanted) for r in own) or elsewhere & effects(*own).names
        yield None if stays else Step(number, start, own[:end], own[end:])


def alike(drafts: Sequence[Draft]) -> list[Alike]:
    """Runs of the drafts' records that functions are worth, none of which overlap."""
    rows = [[*steps(n, draft)] for n, draft in enumerate(drafts)]
    kinds = _kinds(drafts, rows)
    free = set(kinds)
    chosen: list[Alike] = []
    while best := _best(drafts, rows, kinds, free):
        chosen.append(best)
        free -= {(run.draft, k) for run in best.runs for k in run.steps}
    return chosen


def _kinds(drafts: Sequence[Draft], rows: Rows) -> dict[Place, Place]:
    """Of every step the first one that it is alike, which may be itself."""
    firsts: dict[tuple[str, ...], list[Place]] = {}
    found: dict[Place, Place] = {}
    for n, row in enumerate(rows):
        for k, step in enumerate(row):
            if step is not None:
                known = firsts.setdefault(tuple(type(r).__name__ for _, r in walk(step.records)), [])
                same = (first for first in known if _same(drafts, rows, first, (n, k), 1))
                found[n, k] = next(same, (n, k))
                known += [(n, k)] if found[n, k] == (n, k) else []
    return found


def _best(drafts: Sequence[Draft], rows: Rows, kinds: Mapping[Place, Place], free: Set[Place]) -> Alike | None:
    """The runs that a function saves most lines for; None where it saves too few."""
    groups: dict[tuple[Place, ...], list[Place]] = {}
    for n, k in sorted(free):
        for length in range(1, LONGEST + 1):
            own = [(n, k + step) for step in range(length)]
            if own[-1] not in free:
                break
            groups.setdefault(tuple(kinds[place] for place in own), []).append((n, k))
    best: tuple[int, Alike] | None = None
    for kind, places in sorted(groups.items(), key=lambda group: -_less(rows, *group)):
        if _less(rows, kind, places) < max(FEWEST, best[0] + 1 if best else 0):
            break
        found = _alike(drafts, rows, places, len(kind))
        less = _less(rows, kind, [(run.draft, run.steps[0]) for run in found.runs])
        if less >= FEWEST and (best is None or less > best[0]):
            best = less, found
    return best[1] if best else None


def _less(rows: Rows, kind: Sequence[Place], places: Sequence[Place]) -> int:
    """How many lines less there are with a function for the runs that begin at these places."""
    lines = sum(step.lines for n, k in kind if (step := rows[n][k]))
    return len(places) * (lines - CALL) - lines - OVERHEAD


def _alike(drafts: Sequence[Draft], rows: Rows, places: Sequence[Place], length: int) -> Alike:
    """The runs of so many steps at these places that are alike the first, and do not overlap."""
    first, *others = places
    taken = {(first[0], first[1] + step) for step in range(length)}
    told: list[tuple[Place, Correspondence]] = []
    for place in others:
        own = {(place[0], place[1] + step) for step in range(length)}
        same = _same(drafts, rows, first, place, length) if not own & taken else None
        if same is not None:
            taken |= own
            told.append((place, same))
    ends = [step.released for n, k in (first, *(place for place, _ in told)) if (step := rows[n][k + length - 1])]
    whole = all(same.copy().enter(ends[0], end) for (_, same), end in zip(told, ends[1:], strict=True))
    return Alike(
        _run(rows, first, length, whole), tuple((_run(rows, place, length, whole), same) for place, same in told)
    )


def _same(drafts: Sequence[Draft], rows: Rows, a: Place, b: Place, length: int) -> Correspondence | None:
    """What stands for what in so many steps at two places; None where they are not alike."""
    tensors = drafts[a[0]].tensors, drafts[b[0]].tensors
    known = Correspondence((_by_equation(tensors[0]), _by_equation(tensors[1])))
    for k in range(length):
        one, other = rows[a[0]][a[1] + k], rows[b[0]][b[1] + k]
        if one is None or other is None or not known.enter(one.records, other.records):
            return None
        pairs = ((tensors[0].get(x), tensors[1].get(y)) for x, y in known.arrays.items())
        if not all(known.enter(x.shape, y.shape, True) for x, y in pairs if x and y):
            return None
        if k < length - 1 and not known.enter(one.released, other.released):
            return None
    return known if known.holds else None


def _by_equation(tensors: Mapping[str, Tensor]) -> Callable[[str], tuple[int, str]]:
    """Arrays in the order of the equations, and then what has names of its own."""
    places = {name: place for place, name in enumerate(tensors)}
    return lambda name: (places.get(name, len(places)), name)


def _run(rows: Rows, place: Place, length: int, whole: bool) -> Run:
    """That many steps from a place on, `whole` with what is given back behind the last one."""
    draft, start = place
    own = [step for step in rows[draft][start : start + length] if step is not None]
    inner = [record for step in own[:-1] for record in (*step.records, *step.released)]
    records = (*inner, *own[-1].records, *(own[-1].released if whole else ()))
    return Run(draft, own[0].start, records, range(start, start + length))
