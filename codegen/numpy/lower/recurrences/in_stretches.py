"""Recurrences with checkpoints: a loop over stretches of positions around the plan of what is computed for one of them.

In a stretch all is an ordinary program: arrays that go along are read from its first position to its last, and what
lies before it are the states that were kept at its border, or that the stretch before has left.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from sympy import Dummy, Expr, Integer, Symbol

from gradscribe.codegen.kernel.form import chosen_forms, size_hints
from gradscribe.codegen.kernel.page.equation import Equation, equation
from gradscribe.codegen.numpy.lower.products.added_rows import with_rows
from gradscribe.codegen.numpy.lower.release import released
from gradscribe.codegen.numpy.plan import Allocate, Record, Stretches, effects
from gradscribe.codegen.numpy.print.fixed_names import FIXED
from gradscribe.derive.calculus.programs.checkpoints import Checkpoints, Placed, Stretch, distance, stretches
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.interpret.recurrence import arranged
from gradscribe.derive.ir.term import Access, Guard, Program, Range, Statement, Tensor, Term, accesses

Lower = Callable[[Program, Mapping[Statement, Equation], Iterable[str]], Sequence[Record]]
"""Plans statements: a program of them, what is said of them, names that nothing else may have."""


def in_stretches(
    program: Program,
    checkpoints: Checkpoints,
    given: Sequence[str],
    reserved: Collection[str],
    numbers: Mapping[str, int],
    lower: Lower,
) -> tuple[Record, ...]:
    """A program as records, its recurrences stretch by stretch.

    Args:
        program: the program.
        checkpoints: how.
        given: names of the tensors that exist already.
        reserved: names that no temporary may take.
        numbers: those of a derivation's equations by tensor.
        lower: plans what is no recurrence, and what is computed in a stretch.
    """
    said, written = dict[Statement, Equation](), set(given)
    order = (*given, *(s.target.name for s in program.statements))
    for statement, form in zip(program.statements, chosen_forms(program, size_hints(program)), strict=True):
        said[statement] = equation(statement, form, statement.target.name not in written, order, numbers)
        written.add(statement.target.name)
    taken = {*reserved, *program.names(), *FIXED}
    keeping = {s.kept.name for s in checkpoints.states} - set(given)
    parts = stretches(without(program, keeping), checkpoints.again)
    read = _read_outside(parts) | set(program.outputs)
    at_borders = {n for n in keeping for s in checkpoints.states if s.kept.name == n and _made(parts, s.tensor.name)}
    records: list[Record] = []
    rest = [s for s in program.statements if s.target.name in keeping - at_borders]
    read |= {a.tensor for s in rest for a in accesses(s.term.body)}
    for plain, group in groupby([*parts, *rest], key=lambda part: isinstance(part, Statement)):
        if plain:
            statements = [s for s in group if isinstance(s, Statement)]
            own = {n for s in statements for n in s.written}
            outside = {a.tensor for s in program.statements if s not in statements for a in accesses(s.term.body)}
            inputs = tuple(t for t in program.tensors.values() if t.name not in own)
            wanted = tuple(n for n in program.tensors if n in own & (outside | set(program.outputs)))
            records += lower(Program(inputs, tuple(statements), wanted, program.sizes), said, taken)
            taken |= effects(*records).names
            continue
        for part in group:
            assert isinstance(part, Stretch)
            records += _Stretch(part, program, checkpoints, taken, read, at_borders).records(said, lower)
            taken |= effects(*records).names
    return tuple(records)


def without(program: Program, names: Collection[str]) -> Program:
    """The program without statements that write these."""
    kept = tuple(s for s in program.statements if s.target.name not in names)
    return replace(program, statements=kept, outputs=tuple(n for n in program.outputs if n not in names))


def _made(parts: Sequence[Stretch | Statement], name: str) -> bool:
    return any(isinstance(p, Stretch) and name in p.axes for p in parts)


def _read_outside(parts: Sequence[Stretch | Statement]) -> set[str]:
    """What is read elsewhere than in the stretch that makes it."""
    found: set[str] = set()
    for part in parts:
        statements = [p.statement for p in part.statements] if isinstance(part, Stretch) else [part]
        own = set(part.axes) if isinstance(part, Stretch) else set()
        found |= {a.tensor for s in statements for a in accesses(s.term.body)} - own
    return found


@dataclass
class _Stretch:
    """What is computed for one stretch, under names of its own.

    Attributes:
        stretch: its statements.
        program: the program that they are a part of.
        checkpoints: what is kept, and computed again.
        taken: names that parts may not have; theirs are added.
        read: the tensors that are read elsewhere, or returned.
        keeping: the arrays of states that are made here, where their tensors are.
        parts: what is computed for a stretch, by tensor.
        given: parts that are cut from arrays, by (tensor, axis, distance).
        shifted: what is read of a part at other positions, by (tensor, distance).
        states: what lies before a stretch (or behind it), by (tensor, whether it was kept at borders).
    """

    stretch: Stretch
    program: Program
    checkpoints: Checkpoints
    taken: set[str]
    read: set[str]
    keeping: set[str]
    parts: dict[str, Tensor] = field(default_factory=dict)
    given: dict[tuple[str, int, int], Tensor] = field(default_factory=dict)
    shifted: dict[tuple[str, int], Tensor] = field(default_factory=dict)
    states: dict[tuple[str, bool], Tensor] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.start, self.length = (integer(self._unused(word)) for word in ("start", "length"))
        tensors = self.program.tensors
        for name in dict.fromkeys(n for p in self.stretch.statements for n in p.statement.written):
            self.parts[name] = self._part(tensors[name], self.stretch.axes.get(name), f"{name}_part")
        reach: dict[tuple[str, bool], int] = {}
        for name, far in self.stretch.reads():
            if far:
                key = name, self.stretch.kept(name, far)
                reach[key] = max(reach.get(key, 0), abs(far))
        for state in self.checkpoints.states:
            name = state.tensor.name
            if (name, True) in reach or (name in self.stretch.axes and state.kept.name in self.keeping):
                key = name, name in self.stretch.again
                reach[key] = max(reach.get(key, 0), state.count)
        for (name, kept), count in reach.items():
            axis, tensor = self.stretch.axes[name], tensors[name]
            shape = (*tensor.shape[:axis], Integer(count), *tensor.shape[axis + 1 :])
            stem = f"{'before' if kept or self.stretch.step > 0 else 'behind'}_{name}"
            self.states[name, kept] = replace(tensor, name=self._unused(stem), shape=shape, ravel=None)

    def records(self, said: Mapping[Statement, Equation], lower: Lower) -> tuple[Record, ...]:
        """The arrays that are made, and the loop."""
        words: dict[Statement, Equation] = {}
        statements: list[Statement] = []
        for placed in self.stretch.statements:
            known = set(self.shifted)
            own = self._statement(placed)
            statements += [s for key in self.shifted if key not in known for s in self._shift(*key)]
            statements.append(own)
            words[own] = said[placed.statement]
        tensors, sums = self.program.tensors, self.stretch.sums
        made = [n for n in self.parts if n not in sums and n in self.read and n not in self._known_elsewhere()]
        carried = {key: s for key, s in self.states.items() if not key[1]}
        kept = [s for s in self.checkpoints.states if s.kept.name in self.keeping and s.tensor.name in self.parts]
        outs = [self.parts[n].name for n in dict.fromkeys([*made, *sums, *(n for n, _ in carried)])]
        inputs = (
            *(tensors[n] for n in tensors if n in self.whole),
            *self.given.values(),
            *self.states.values(),
        )
        inside = Program(inputs, arranged(statements), tuple(outs), self.program.sizes)
        body = with_rows(lower(inside, words, {*self.taken, self.start.name, self.length.name}))
        zeros = [Allocate(n, tensors[n].shape, 0) for n in sums]
        arrays = [Allocate(n, tensors[n].shape, None, tensors[n].integer) for n in made]
        arrays += [Allocate(s.kept.name, s.kept.shape, None, s.kept.integer) for s in kept]
        axes = self.stretch.axes
        return (
            *zeros,
            *arrays,
            Stretches(
                self.start,
                self.length,
                self.stretch.extent,
                self.checkpoints.every,
                self.stretch.step,
                tuple((part.name, array, axis, far) for (array, axis, far), part in self.given.items()),
                tuple((s.name, self._kept(n), axes[n]) for (n, again), s in self.states.items() if again),
                tuple((s.name, self.parts[n].name, axes[n], s.shape, s.integer) for (n, _), s in carried.items()),
                tuple((s.kept.name, self.states[s.tensor.name, False].name, s.along.axis) for s in kept),
                tuple((n, self.parts[n].name, axes[n]) for n in made),
                tuple((n, self.parts[n].name) for n in sums),
                released(body, outs),
            ),
        )

    def _known_elsewhere(self) -> set[str]:
        """What is computed again for this stretch alone, while a stretch of its own makes it for all who read it."""
        running = any(n not in self.stretch.again for n in self.parts)
        return set(self.stretch.again) if running else set()

    def _kept(self, name: str) -> str:
        return next(s.kept.name for s in self.checkpoints.states if s.tensor.name == name)

    def _statement(self, placed: Placed) -> Statement:
        """What a statement computes for a stretch."""
        term, index = placed.term, placed.index
        held: dict[Expr, Expr] = {}
        for access in accesses(term.body):
            held[access] = Dummy(access.tensor)
        there = {held[a]: self._access(a, index) for a in accesses(term.body)}
        moved = {index: index + self.start}

        def cut(ranges: tuple[Range, ...]) -> tuple[Range, ...]:
            return tuple(Range(r.index, self.length) if r.index == index else r for r in ranges)

        term = replace(
            term,
            free=cut(term.free),
            bound=cut(term.bound),
            body=term.body.xreplace(held).xreplace(moved).xreplace(there),
            deltas=tuple(d.xreplace(moved) for d in term.deltas),
            guards=tuple(Guard(g.value.xreplace(moved), g.extent) for g in term.guards),
        )
        s = placed.statement
        argument = self.parts[s.argument.name] if s.argument is not None else None
        ties = self.parts.get(s.ties.name) if s.ties is not None else None
        return Statement(self.parts[s.target.name], term, argument, ties)

    def _access(self, access: Access, index: Symbol) -> Access:
        name, indices = access.tensor, access.indices
        axes = self.stretch.axes
        if name in axes:
            far = distance(access, axes[name], index)
            at = tuple(index if k == axes[name] else e for k, e in enumerate(indices))
            return (self.parts[name] if far == 0 else self._shifted(name, far))(*at)
        axis = next((k for k, e in enumerate(indices) if index in e.free_symbols), None)
        if axis is None:
            self.whole.add(name)
            return access
        far = distance(access, axis, index)
        if (name, axis, far) not in self.given:
            stem = f"{name}_part" if far == 0 else f"{'last' if far < 0 else 'next'}_{name}_part"
            self.given[name, axis, far] = self._part(self.program.tensors[name], axis, stem)
        return self.given[name, axis, far](*(index if k == axis else e for k, e in enumerate(indices)))

    def _shifted(self, name: str, far: int) -> Tensor:
        if (name, far) not in self.shifted:
            stem = f"{'last' if far < 0 else 'next'}{abs(far) if abs(far) > 1 else ''}_{name}"
            self.shifted[name, far] = replace(self.parts[name], name=self._unused(stem))
        return self.shifted[name, far]

    def _shift(self, name: str, far: int) -> list[Statement]:
        """The part at other positions: it is itself where these are in it, else what was before it."""
        target, axis = self.shifted[name, far], self.stretch.axes[name]
        state = self.states[name, self.stretch.kept(name, far)]
        count = int(state.shape[axis])
        at = next([r.index for r in p.term.free] for p in self.stretch.statements if name in p.statement.written)
        ranges = tuple(Range(v, e) for v, e in zip(at, target.shape, strict=True))

        def element(tensor: Tensor, place: Expr) -> Access:
            return tensor(*at[:axis], place, *at[axis + 1 :])

        found = [Statement(target, Term(ranges, (), element(self.parts[name], at[axis] + far)))]
        for k in range(abs(far)):
            place = Integer(k) if far < 0 else self.length - far + k
            beyond = Integer(count + far + k if far < 0 else k)
            found.append(Statement(target, Term(ranges, (), element(state, beyond), deltas=(at[axis] - place,))))
        return found

    def _part(self, tensor: Tensor, axis: int | None, stem: str) -> Tensor:
        shape = tuple(self.length if k == axis else e for k, e in enumerate(tensor.shape))
        return replace(tensor, name=self._unused(stem), shape=shape, ravel=None)

    def _unused(self, stem: str) -> str:
        found = next(n for n in (stem, *(f"{stem}{k}" for k in range(2, 1000))) if n not in self.taken)
        self.taken.add(found)
        return found
