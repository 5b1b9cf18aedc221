"""Program -> statements, and stretches of positions that hold all others, in the order in which they are computed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sympy import Expr

from gradscribe.derive.calculus.programs.checkpoints.placed import Along, Placed, Stretch, distance, placed
from gradscribe.derive.ir.interpret.recurrence import Recurrence, arranged, grouped, stages
from gradscribe.derive.ir.term import Program, Statement, accesses

Part = Stretch | Statement
"""What is computed at once."""


def stretches(program: Program, again: Mapping[str, Along]) -> list[Part]:
    """The program in the order in which it is computed: statements, and stretches that hold all others.

    Args:
        program: the program.
        again: the tensors that were kept at borders only, and are computed again where they are read.
    """
    return _Arrangement(program, again).parts()


def going_along(program: Program) -> dict[str, Along]:
    """The tensors that are computed stretch by stretch."""
    found = (p for p in stretches(program, {}) if isinstance(p, Stretch))
    return {name: Along(axis, p.step, p.extent) for p in found for name, axis in p.axes.items()}


class _Arrangement:
    """Finds, for the statements of a program that write one tensor, the stretch that they go along with."""

    def __init__(self, program: Program, again: Mapping[str, Along]) -> None:
        self.program, self.again = program, again
        self.stretches: list[Stretch] = []
        self.homes: dict[str, int] = {}
        """The number of the stretch that computes a tensor."""
        self.adders: dict[str, int] = {}
        """The number of the stretch that adds a tensor up."""
        self.behind: dict[str, set[int]] = {}
        """The stretches that have to be complete before a tensor is."""
        self.plain: list[list[Statement]] = []
        recurrences = {s: stage for stage in stages(program) if isinstance(stage, Recurrence) for s in stage.statements}
        for group in grouped(arranged(program.statements)).values():
            if any(name in again for s in group for name in s.written):
                continue
            if not self._recurs(group, recurrences.get(group[0])):
                self._add(group)
        while any(self._pulled(group) or self._opened(group) for group in reversed(self.plain)):
            pass

    def parts(self) -> list[Part]:
        """All in order."""
        found: list[Part] = []
        done: set[str] = set()
        late = [(max((n + 1 for n in self._behind(g)), default=0), s) for g in self.plain for s in g]
        for number in range(len(self.stretches) + 1):
            now = [s for after, s in late if after == number]
            found += [*self._whole([n for s in now for n in _read(s)], done), *now]
            if number < len(self.stretches):
                stretch = self._complete(self.stretches[number])
                read = [n for s in stretch.placed for n in _read(s) if n not in stretch.axes]
                found += [*self._whole(read, done), stretch]
        return found

    def _whole(self, read: Iterable[str], done: set[str]) -> list[Stretch]:
        """Stretches that make as a whole what is read otherwise of tensors that are computed again, but once."""
        found: dict[tuple[Expr, int], Stretch] = {}
        for name in dict.fromkeys(n for n in read if n in self.again and n not in done):
            done.add(name)
            along = self.again[name]
            made = found.setdefault((along.extent, along.step), Stretch(along.extent, along.step))
            self._again(made, name)
        return [self._complete(stretch) for stretch in found.values()]

    def _complete(self, stretch: Stretch) -> Stretch:
        """A stretch with what it computes again."""
        for name in [n for s in stretch.placed for n in _read(s)]:
            self._again(stretch, name)
        stretch.placed = {s: stretch.placed[s] for s in self.program.statements if s in stretch.placed}
        return stretch

    def _again(self, stretch: Stretch, name: str) -> None:
        along = self.again.get(name)
        if along is None or along.extent != stretch.extent or name in stretch.axes:
            return
        axes = self._axes(stretch)
        group = [s for s in self.program.statements if name in s.written]
        for written in (w for s in group for w in s.written):
            stretch.axes[written], stretch.again[written] = along.axis, along
        for s in group:
            term = placed(s, s.term.free[along.axis].index, axes, self.program)
            assert term is not None, f"{name}: it went along before"
            stretch.placed[s] = term
            for other in _read(s):
                self._again(stretch, other)

    # ----- what goes along ------------------------------------------------------------------------------------------
    def _recurs(self, group: list[Statement], recurrence: Recurrence | None) -> bool:
        if recurrence is None:
            return False
        axes = {name: recurrence.axes[s.target.name] for s in group for name in s.written}
        for number, stretch in reversed(list(enumerate(self.stretches))):
            alike = (stretch.extent, stretch.step) == (recurrence.extent, recurrence.step)
            if alike and self._joins(group, number, axes):
                return True
        self.stretches.append(Stretch(recurrence.extent, recurrence.step))
        joins = self._joins(group, len(self.stretches) - 1, axes)
        if not joins:
            self.stretches.pop()
        return joins

    def _add(self, group: list[Statement]) -> None:
        for number, stretch in reversed(list(enumerate(self.stretches))):
            if any(name in self._axes(stretch) for s in group for name in _read(s)) and self._joins(group, number):
                return
        for s in group:
            for name in s.written:
                self.behind[name] = self._behind(group)
        self.plain.append(group)

    def _pulled(self, group: list[Statement]) -> bool:
        """Whether what stood by itself goes along, as only one stretch reads it, or as it reads what is made again."""
        written = {name for s in group for name in s.written}
        readers = self._readers(group)
        homes = {self.homes.get(name, self.adders.get(name)) for name in readers}
        again = any(name in self.again for s in group for name in _read(s))
        inside = len(homes) == 1 and not written & set(self.program.outputs)
        choices = [n for n in homes if n is not None] if inside else []
        choices += list(range(len(self.stretches)))[::-1] if again and not readers else []
        for number in choices:
            places = set[int | None]().union(*(self._places(number, name) for name in written))
            at = [axis for axis in places if axis is not None]
            if len(at) == len(places) < 2 and self._joins(group, number, dict.fromkeys(written, *at) if at else None):
                self.plain.remove(group)
                return True
        return False

    def _readers(self, group: Sequence[Statement]) -> set[str]:
        """The tensors that are computed from what statements write."""
        written = {name for s in group for name in s.written}
        return {s.target.name for s in self.program.statements if written & set(_read(s))} - written

    def _opened(self, group: list[Statement]) -> bool:
        """Whether what reads what is made again, and nobody reads, goes along with a stretch of its own."""
        again = next((self.again[name] for s in group for name in _read(s) if name in self.again), None)
        if again is None or self._readers(group):
            return False
        self.stretches.append(Stretch(again.extent, again.step))
        joins = self._joins(group, len(self.stretches) - 1)
        if joins:
            self.plain.remove(group)
        else:
            self.stretches.pop()
        return joins

    def _places(self, number: int, name: str) -> set[int | None]:
        """The axes along which a stretch reads a tensor at its position; None where it reads it otherwise."""
        found: set[int | None] = set()
        for p in self.stretches[number].placed.values():
            for access in (a for a in accesses(p.term.body) if a.tensor == name):
                met = [k for k, e in enumerate(access.indices) if p.index in e.free_symbols]
                found.add(met[0] if len(met) == 1 and access.indices[met[0]] == p.index else None)
        return found

    def _joins(self, group: list[Statement], number: int, axes: Mapping[str, int] | None = None) -> bool:
        """Whether the statements go along with a stretch, to which they are added then."""
        stretch = self.stretches[number]
        own = {name for s in group for name in s.written}
        read = [n for s in group for n in _read(s)]
        if axes is None and own.intersection(read):  # a recurrence that does not go along
            return False
        for name in read:
            if name in own or self.homes.get(name) == number or name in self.again:
                continue
            before = {self.homes[name]} if name in self.homes else self.behind.get(name, set())
            if not all(n < number for n in before):
                return False
        for choice in [dict(axes)] if axes is not None else self._choices(group, stretch, own):
            found = [self._placed(s, stretch, choice) for s in group]
            good = [p for p in found if p is not None]
            if len(good) < len(group) or not self._reachable(good, stretch, choice):
                continue
            stretch.placed |= {p.statement: p for p in good}
            if choice:
                stretch.axes |= choice
                self.homes |= dict.fromkeys(own, number)
            else:
                self.adders |= dict.fromkeys(own, number)
                self.behind |= {name: {number} for name in own}
            return True
        return False

    def _choices(self, group: list[Statement], stretch: Stretch, own: set[str]) -> Iterator[dict[str, int]]:
        """Axes that the tensors may go along; none where they are added up."""
        for axis in range(len(group[0].target.shape)):
            if all(s.term.free[axis].extent == stretch.extent for s in group):
                yield dict.fromkeys(own, axis)
        yield {}

    def _placed(self, statement: Statement, stretch: Stretch, axes: Mapping[str, int]) -> Placed | None:
        every = {**self._axes(stretch), **axes}
        if axes:
            return placed(statement, statement.term.free[axes[statement.target.name]].index, every, self.program)
        if not statement.term.is_sum:
            return None
        bound = (r.index for r in statement.term.bound if r.extent == stretch.extent)
        found = (placed(statement, index, every, self.program) for index in bound)
        return next((p for p in found if p is not None), None)

    def _reachable(self, group: Sequence[Placed], stretch: Stretch, axes: Mapping[str, int]) -> bool:
        """Whether all that is read at other positions is known there: it comes from what was computed before."""
        every = {**self._axes(stretch), **axes}
        for p in group:
            for access in (a for a in accesses(p.term.body) if a.tensor in every):
                far = distance(access, every[access.tensor], p.index)
                again = self.again.get(access.tensor)
                if far * stretch.step > 0 and (again is None or far * again.step > 0):
                    return False
        return True

    def _axes(self, stretch: Stretch) -> dict[str, int]:
        again = {name: a.axis for name, a in self.again.items() if a.extent == stretch.extent}
        return {**again, **stretch.axes}

    def _behind(self, group: Sequence[Statement]) -> set[int]:
        read = [name for s in group for name in _read(s)]
        homes = {self.homes[name] for name in read if name in self.homes}
        return homes.union(*(self.behind.get(name, ()) for name in read))


def _read(statement: Statement) -> tuple[str, ...]:
    return tuple(a.tensor for a in accesses(statement.term.body))
