"""What has to be kept at the borders of stretches, and the statement that keeps it."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from itertools import chain, count, islice

from sympy import Integer

from gradscribe.derive.calculus.programs.checkpoints.going_along import stretches
from gradscribe.derive.calculus.programs.checkpoints.placed import Along, Stretch
from gradscribe.derive.ir.index import floordiv, fresh_names
from gradscribe.derive.ir.term import Program, Statement, Tensor, Term, index_ranges


@dataclass(frozen=True)
class State:
    """States of a recurrence that are kept at the borders of stretches.

    Attributes:
        tensor: the tensor that they are of.
        along: how that goes along.
        kept: the states: those positions that are read from the stretch, one behind the other, in place of its axis.
    """

    tensor: Tensor
    along: Along
    kept: Tensor

    @property
    def count(self) -> int:
        """How many positions are read beyond a border."""
        return int(self.kept.shape[self.along.axis + 1])


@dataclass(frozen=True)
class Checkpoints:
    """How a function computes recurrences.

    Attributes:
        every: how many positions a stretch has.
        states: what is kept at borders: what the function makes, or what it is given.
        again: the tensors that it computes again from these.
    """

    every: int
    states: tuple[State, ...] = ()
    again: Mapping[str, Along] = field(default_factory=dict)


def states(programs: Iterable[Program], again: Mapping[str, Along], every: int, taken: Set[str]) -> tuple[State, ...]:
    """What has to be kept at borders so that programs can compute tensors again.

    Args:
        programs: the programs.
        again: the tensors.
        every: how many positions a stretch has.
        taken: names that are in use.
    """
    reach: dict[str, int] = {}
    tensors: dict[str, Tensor] = {}
    for program in programs:
        tensors |= program.tensors
        for part in stretches(program, again):
            for name, far in part.reads() if isinstance(part, Stretch) else ():
                if isinstance(part, Stretch) and part.kept(name, far):
                    reach[name] = max(reach.get(name, 0), abs(far))
    found, names = [], set(taken)
    for name in (name for name in again if name in reach):
        tensor, along = tensors[name], again[name]
        number = floordiv(along.extent + every - 1, Integer(every))
        extents = (*tensor.shape[: along.axis], number, Integer(reach[name]), *tensor.shape[along.axis + 1 :])
        own = next(n for n in chain([f"kept_{name}"], (f"kept_{name}{k}" for k in count(2))) if n not in names)
        names.add(own)
        found.append(State(tensor, along, replace(tensor, name=own, shape=extents)))
    return tuple(found)


def keeping(state: State, every: int) -> Statement:
    """The statement that keeps states: those positions of every stretch's border that are read from within it."""
    axis = state.along.axis
    ranges = index_ranges(islice(fresh_names({state.tensor.name}), len(state.kept.shape)), state.kept.shape)
    stretch, behind = ranges[axis].index, ranges[axis + 1].index
    place = every * stretch + behind + (every if state.along.step < 0 else -state.count)
    others = [r.index for r in ranges if r.index not in (stretch, behind)]
    return Statement(state.kept, Term(ranges, (), state.tensor(*others[:axis], place, *others[axis:])))
