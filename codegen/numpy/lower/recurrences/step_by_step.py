"""Recurrences: a loop over positions around the plan of what is computed at one of them.

At one position all is an ordinary program: of every array that goes along, it reads a part with one axis less, such as
h[:, t - 1]. So the strategies of other programs compute it, the compiled loops too.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import sympy
from sympy import Symbol

from gradscribe.codegen.kernel.form import positioned
from gradscribe.codegen.numpy.plan import Allocate, Record, Recur
from gradscribe.codegen.numpy.print.fixed_names import FIXED
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.interpret.recurrence import Recurrence
from gradscribe.derive.ir.term import Access, Program, Statement, Tensor, accesses

Lower = Callable[[Program], Sequence[Record]]
"""Plans what is computed at one position."""


def lower_recurrence(
    recurrence: Recurrence, program: Program, taken: set[str], stored: Collection[str], lower: Lower
) -> tuple[Record, ...]:
    """A recurrence as records.

    Args:
        recurrence: the recurrence.
        program: the program that it is a part of.
        taken: names that parts may not have; theirs are added.
        stored: the tensors that somebody reads afterwards.
        lower: plans a program.
    """
    parts = _Parts(recurrence, program, taken)
    statements = [parts.statement(s) for s in recurrence.statements]
    own = dict.fromkeys(name for s in recurrence.statements for name in s.written)
    made = [name for name in own if name in stored or name in parts.read_elsewhere]
    inputs = (*(t for t in program.tensors.values() if t.name in parts.whole), *parts.given.values())
    inside = Program(inputs, tuple(statements), tuple(parts.made[name].name for name in made), program.sizes)
    axes = {n: recurrence.axes[s.target.name] for s in recurrence.statements for n in s.written}
    tensors = program.tensors
    return (
        *(Allocate(name, tensors[name].shape, None, tensors[name].integer) for name in made),
        Recur(
            parts.index,
            recurrence.extent,
            recurrence.step,
            tuple(parts.cut),
            tuple((name, parts.made[name].name, axes[name]) for name in made),
            tuple(lower(inside)),
        ),
    )


@dataclass
class _Parts:
    """The parts of arrays at one position, each declared once.

    Attributes:
        recurrence: the recurrence.
        program: the program that it is a part of.
        taken: names that parts may not have.
        made: what the recurrence computes, by tensor.
        given: parts that are cut from arrays, by (tensor, axis, distance).
        cut: (part, array, axis, distance) of these.
        whole: the tensors that are read as they are.
        read_elsewhere: the tensors of the recurrence that are read at other positions.
    """

    recurrence: Recurrence
    program: Program
    taken: set[str]
    made: dict[str, Tensor] = field(default_factory=dict)
    given: dict[tuple[str, int, int], Tensor] = field(default_factory=dict)
    cut: list[tuple[str, str, int, int]] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)
    read_elsewhere: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        letter = self.recurrence.along(self.recurrence.statements[0]).index.name
        others = {*FIXED, *self.program.tensors, *(s.name for s in self.program.symbols()), "l"}  # l looks like 1
        self.index: Symbol = integer(letter if letter not in others else self._unused(letter))
        for s in self.recurrence.statements:
            for tensor in (s.target, s.argument):
                if tensor is not None and tensor.name not in self.made:
                    self.made[tensor.name] = self._part(tensor, self.recurrence.axes[s.target.name], 0)

    def statement(self, statement: Statement) -> Statement:
        """What a statement computes at one position."""
        term = positioned(statement, self.recurrence, self.program, self.index).term
        term = replace(term, free=tuple(r for r in term.free if r.index != self.index))
        body = term.body.xreplace({a: self._access(a) for a in accesses(term.body)})
        argument = self.made[statement.argument.name] if statement.argument is not None else None
        ties = self.made.get(statement.ties.name) if statement.ties is not None else None
        return Statement(self.made[statement.target.name], replace(term, body=body), argument, ties)

    def _access(self, access: Access) -> Access:
        """An element of a part, where an axis is met at this position or a number of steps away."""
        tensor = self.program.tensors[access.tensor]
        for axis, expression in enumerate(access.indices if not tensor.optional else ()):  # what is absent has no parts
            distance = sympy.expand(expression - self.index)
            if not distance.is_Integer:
                continue
            part = self._read(tensor, axis, int(distance))
            return part(*(e for k, e in enumerate(access.indices) if k != axis))
        self.whole.add(tensor.name)
        return access

    def _read(self, tensor: Tensor, axis: int, distance: int) -> Tensor:
        if tensor.name in self.made:
            if distance == 0:
                return self.made[tensor.name]
            self.read_elsewhere.add(tensor.name)
        key = tensor.name, axis, distance
        if key not in self.given:
            self.given[key] = self._part(tensor, axis, distance)
            self.cut.append((self.given[key].name, tensor.name, axis, distance))
        return self.given[key]

    def _part(self, tensor: Tensor, axis: int, distance: int) -> Tensor:
        far = str(abs(distance)) if abs(distance) > 1 else ""
        stem = f"{'last' if distance < 0 else 'next'}{far}_{tensor.name}" if distance else f"{tensor.name}_{self.index}"
        shape = tuple(e for k, e in enumerate(tensor.shape) if k != axis)
        return replace(tensor, name=self._unused(stem), shape=shape, ravel=None)

    def _unused(self, stem: str) -> str:
        found = next(n for n in (stem, *(f"{stem}{k}" for k in range(2, 1000))) if n not in self.taken)
        self.taken.add(found)
        return found
