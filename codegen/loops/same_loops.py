"""Loops that are others under other names: those of two norms in a row. One text serves both."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sympy import Expr, Symbol

from gradscribe.codegen.loops.loop_function import NestLoops
from gradscribe.codegen.loops.nest import Groups, Nest, all_bodies
from gradscribe.derive.ir.term import Access, Guard, Range, accesses


def like(made: NestLoops, known: Iterable[NestLoops]) -> NestLoops | None:
    """Those of the `known` loops that do the same, given what takes the place of each array, number and size."""
    return next((other for other in known if _is(made, other)), None)


def _is(made: NestLoops, other: NestLoops) -> bool:
    one, two = ((*m.arrays, *m.nest.local, *m.others) for m in (made, other))
    names = dict(zip(one, two, strict=False))
    if len(one) != len(two) or len(set(names.values())) < len(names):
        return False
    sizes = {s.name: s for s in _symbols(other.nest)}
    values: dict[Expr, Expr] = {s: sizes[names[s.name]] for s in _symbols(made.nest) if names.get(s.name) in sizes}
    return _renamed(made.nest, names, values) == other.nest


def _symbols(nest: Nest) -> set[Symbol]:
    """The sizes and options of loops; indices too."""
    found = {s for e in _expressions(nest) for s in e.free_symbols if isinstance(s, Symbol)}
    return found.union(*(_symbols(member) for member in nest.members))


def _expressions(nest: Nest) -> list[Expr]:
    brackets = [e for b in nest.brackets for e in (b.value, b.extent)]
    extents = [r.extent for r in nest.ranges] + [e for _, shape in nest.shapes for e in shape]
    groups = [nest.groups.range.extent, nest.groups.size] if nest.groups else []
    return [*nest.place, nest.body, nest.after, nest.position, *brackets, *extents, *groups]


def _renamed(nest: Nest, names: Mapping[str, str], sizes: Mapping[Expr, Expr]) -> Nest:
    """The loops with other names for arrays and sizes; indices keep theirs."""
    read = {a for e in _expressions(nest) for a in accesses(e)}
    arrays: dict[Expr, Expr] = {
        a: Access(names.get(a.tensor, a.tensor), *(e.xreplace(sizes) for e in a.indices)) for a in read
    }
    values = {**sizes, **arrays}

    def put(e: Expr) -> Expr:
        return e.xreplace(values)

    def ranged(r: Range) -> Range:
        return Range(r.index, put(r.extent))

    def called(name: str) -> str:
        return names.get(name, name)

    members = tuple(_renamed(member, names, sizes) for member in nest.members)
    return replace(
        nest,
        target=called(nest.target),
        place=tuple(map(put, nest.place)),
        body=all_bodies(members) if members else put(nest.body),
        after=put(nest.after),
        shapes=tuple((called(name), tuple(map(put, shape))) for name, shape in nest.shapes),
        outer=tuple(map(ranged, nest.outer)),
        taps=tuple(map(ranged, nest.taps)),
        vector=ranged(nest.vector),
        brackets=tuple(Guard(put(b.value), put(b.extent)) for b in nest.brackets),
        argument=called(nest.argument),
        position=put(nest.position),
        members=members,
        local=tuple(map(called, nest.local)),
        groups=nest.groups and Groups(ranged(nest.groups.range), put(nest.groups.size)),
    )
