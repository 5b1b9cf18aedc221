"""Drafts -> the records that several places of them have alike, those first that save most lines."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

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

    @property
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
    free = {(n, k) for n, row in enumerate(rows) for k, step in enumerate(row) if step is not None}
    same = {a: {b: found for b in free - {a} if (found := _same(drafts, rows, a, b))} for a in sorted(free)}
    chosen: list[Alike] = []
    while (best := max(_worth(rows, same, free), key=lambda w: w[0], default=(0, None)))[1] is not None:
        chosen.append(best[1])
        free -= {(run.draft, k) for run in best[1].runs for k in run.steps}
    return chosen


def _same(drafts: Sequence[Draft], rows: Rows, a: Place, b: Place) -> list[Correspondence]:
    """What stands for what in the first step at two places, in the first two, and so on, as far as they are alike."""
    found: list[Correspondence] = []
    tensors = drafts[a[0]].tensors, drafts[b[0]].tensors
    known = Correspondence((_order(tensors[0]), _order(tensors[1])))
    for one, other in zip(_from(rows, a), _from(rows, b), strict=False):
        known = known.copy()
        if not known.enter(one.records, other.records) or not known.holds:
            break
        pairs = ((tensors[0].get(x), tensors[1].get(y)) for x, y in known.arrays.items())
        if not all(known.enter(x.shape, y.shape, True) for x, y in pairs if x and y):
            break
        found.append(known)
        known = known.copy()
        if not known.enter(one.released, other.released):
            break
    return found


def _order(tensors: Mapping[str, Tensor]) -> Callable[[str], tuple[int, str]]:
    """Arrays in the order of the equations, and then what has names of its own."""
    places = {name: place for place, name in enumerate(tensors)}
    return lambda name: (places.get(name, len(places)), name)


def _from(rows: Rows, place: Place) -> Iterator[Step]:
    """The steps from a place on, up to what stays."""
    for step in rows[place[0]][place[1] :]:
        if step is None:
            return
        yield step


def _worth(
    rows: Rows, same: Mapping[Place, Mapping[Place, Sequence[Correspondence]]], free: Set[Place]
) -> Iterator[tuple[int, Alike]]:
    """How many lines less there are with a function, and what it would compute."""
    for a, others in same.items():
        for length in range(1, max(map(len, others.values()), default=0) + 1):
            taken: set[Place] = set()
            places: list[Place] = []
            for place in (a, *sorted(b for b, found in others.items() if len(found) >= length)):
                own = {(place[0], place[1] + k) for k in range(length)}
                if own <= free - taken:
                    taken |= own
                    places.append(place)
            if len(places) < 2 or places[0] != a:
                continue
            lines = sum(step.lines for step in rows[a[0]][a[1] : a[1] + length] if step)
            less = len(places) * (lines - CALL) - lines - OVERHEAD
            if less >= FEWEST:
                told = [others[place][length - 1] for place in places[1:]]
                ends = [step.released for n, k in places if (step := rows[n][k + length - 1])]
                whole = all(known.copy().enter(ends[0], end) for known, end in zip(told, ends[1:], strict=True))
                runs = [_run(rows, place, length, whole) for place in places]
                yield less, Alike(runs[0], tuple(zip(runs[1:], told, strict=True)))


def _run(rows: Rows, place: Place, length: int, whole: bool) -> Run:
    """That many steps from a place on, `whole` with what is given back behind the last one."""
    draft, start = place
    own = [step for step in rows[draft][start : start + length] if step is not None]
    inner = [record for step in own[:-1] for record in (*step.records, *step.released)]
    records = (*inner, *own[-1].records, *(own[-1].released if whole else ()))
    return Run(draft, own[0].start, records, range(start, start + length))
