"""Statements that follow each other, row by row in one pass where they can be: what one has written the next one reads.

An array that one of them writes is read and written at the same place by all, so that rows do not depend on each other.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from sympy import Expr, Integer, prod

from gradscribe.codegen.loops import is_cheap
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.indirect.read_once import read_once
from gradscribe.codegen.numpy.lower.loops.label_passes import LabelPass, joins, together
from gradscribe.codegen.numpy.lower.loops.passes.passing import Kind, Pass, in_stages, is_spread, loops_of, reads
from gradscribe.codegen.numpy.plan import Allocate, Compiled, Define, Equation, Record, effects
from gradscribe.derive.ir.term import Access, accesses

MOST = 10
"""Statements of one pass: elements of more of them would not stay in registers, and looking for them takes longer."""

LIGHT = 3
"""Operations of an element up to which it is computed twice rather than stored and read."""


@dataclass(frozen=True)
class Lowered:
    """A statement as records.

    Attributes:
        equation: what they compute.
        records: what computes it by itself.
        key: statements with another one have nothing to do with it.
        found: the pass that computes it, if there is one.
        made: the new array that NumPy and the pass write, if it is new.
        otherwise: what NumPy does then.
        repeated: whether the pass computes again what it has computed before.
        said: whether the records say what they compute themselves.
        labelled: the loops that compute it where labels say, if there are some; then it is no part of a pass.
    """

    equation: Equation
    records: tuple[Record, ...]
    key: Hashable = None
    found: Pass | None = None
    made: tuple[Allocate, ...] = ()
    otherwise: tuple[Record, ...] = ()
    repeated: bool = False
    said: bool = False
    labelled: LabelPass | None = None

    @property
    def target(self) -> str:
        """The array that it writes."""
        return self.equation.left.tensor

    @property
    def alone(self) -> tuple[Record, ...]:
        """What NumPy does where nothing is made before."""
        match self.otherwise:
            case (*views, Define(view=False) as defined) if self.made:
                return (*views, replace(defined, into=False))
        return (*self.made, *self.otherwise)


def joined(statements: Iterable[Lowered], scope: Scope, kept: Collection[str]) -> list[Record]:
    """The records of all statements, neighbours as one pass where that is worth it.

    Args:
        statements: in order.
        scope: where arrays are declared.
        kept: the arrays that are read behind them.
    """
    groups: list[list[Lowered]] = []
    for statement in statements:
        if groups and _joins(groups[-1], statement, scope):
            groups[-1].append(statement)
        else:
            groups.append([statement])
    for k in range(1, len(groups)):
        groups[k - 1], groups[k] = _with_its_sum(groups[k - 1], groups[k], scope)
    spoken = [effects(*(r for s in group for r in s.records)).names for group in groups]

    def others(*places: int) -> set[str]:
        return set(kept).union(*(names for n, names in enumerate(spoken) if n not in places))

    def behind(place: int) -> set[str]:
        return set(kept).union(*spoken[place + 1 :])

    found: list[Record] = []
    k = 0
    while k < len(groups):
        both = _again(groups[k], groups[k + 1], others(k, k + 1), scope) if k + 1 < len(groups) else None
        parts, step = ([groups[k]], 1) if both is None else (both, 2)
        found += _records(parts, others(*range(k, k + step)), behind(k + step - 1))
        k += step
    return found


def _with_its_sum(before: list[Lowered], after: list[Lowered], scope: Scope) -> tuple[list[Lowered], list[Lowered]]:
    """Two groups, where what the second one goes on adding to is begun in it, too: it is written once then."""
    moved = list(takewhile(lambda s: s.target == after[0].target, reversed(before)))[::-1]
    whole = [*moved, *after]
    if not moved or len(moved) == len(before) or not _join(whole, scope):
        return before, after
    return before[: -len(moved)], whole


def _again(
    first: list[Lowered], second: list[Lowered], others: Collection[str], scope: Scope
) -> list[list[Lowered]] | None:
    """Two groups one after the other, if the second one computes elements of the first one again.

    That is less than to store and to read them. `others` are the arrays that others speak of. NumPy computes all of
    both where the loops of the second one are refused, so that none may add to what there was before.
    """
    passes = _passes(first), _passes(second)
    if len(passes[0]) < len(first) or len(passes[1]) < len(second):
        return None
    read, made = (
        {a.tensor for p in passes[1] for a in reads(p)},
        effects(*(r for p in passes[1] for r in p.before)).names,
    )
    times = Counter(s.target for s in (*first, *second))
    light = [
        s
        for s in first
        if s.found is not None and _is_light(s.found) and s.target in read - set(others) and times[s.target] == 1
    ]
    operands = {a.tensor for s in light if s.found is not None for a in reads(s.found)}
    written, begun = {s.target for s in first}, {p.form.target.name for p in passes[0] if p.fresh}
    if not light or len(light) == len(first) or written & (made | operands) or written != begun:
        return None
    every = [*(replace(s, repeated=True) for s in light), *second]
    return [first, every] if _join(every, scope) else None


def _is_light(p: Pass) -> bool:
    """Whether an element is a product or so of elements."""
    return p.kind is Kind.ELEMENTS and p.fresh and not p.before and is_cheap(p.inside) and p.inside.count_ops() <= LIGHT


def _passes(group: Iterable[Lowered]) -> list[Pass]:
    return [s.found for s in group if s.found is not None]


def steps_of(p: Pass) -> Expr:
    """The steps of all loops together."""
    return prod(p.extents, start=Integer(1))


def _join(group: Sequence[Lowered], scope: Scope) -> bool:
    """Whether statements can be computed in one pass."""
    return all(_joins(group[:k], s, scope) for k, s in enumerate(group) if k > 0)


def _joins(group: Sequence[Lowered], new: Lowered, scope: Scope) -> bool:
    """Whether a statement can be computed in one pass with those before it."""
    if new.labelled is not None or group[0].labelled is not None:
        return new.key == group[0].key and len(group) < MOST and _joins_at_labels(_labelled(group), new.labelled)
    passes = _passes((*group, new))
    if len(passes) <= len(group) or len(passes) > MOST or new.key != group[0].key:
        return False
    first, last = passes[0], passes[-1]
    if not all(map(scope.extent_matches, first.extents, last.extents)):
        return False
    passes = _members(passes)
    if any(len(p.order) != len(first.order) and p.kind is not Kind.NUMBERS for p in passes):
        return False
    written = {p.form.target.name for p in passes}
    if written & effects(*last.before).names and not in_stages(passes):
        return False
    same = [p.along(first.order) for p in passes]
    if not _sums_are_read_at_the_end(same):
        return False
    places = [(p.form.target.name, p.place) for p in same]
    places += [(a.tensor, a.indices) for p in same for a in reads(p)]
    return len({place for place in places if place[0] in written}) == len(written) and loops_of(passes) is not None


def _labelled(group: Iterable[Lowered]) -> list[LabelPass]:
    return [s.labelled for s in group if s.labelled is not None]


def _joins_at_labels(group: Sequence[LabelPass], new: LabelPass | None) -> bool:
    return bool(group) and new is not None and joins(group, new)


def _members(passes: Sequence[Pass]) -> list[Pass]:
    """Passes as members of one: elements of fewer axes than the first one has are numbers, one for each row."""

    def member(p: Pass) -> Pass:
        fewer = len(p.order) < len(passes[0].order)
        return replace(p, kind=Kind.NUMBERS) if p.kind is Kind.ELEMENTS and fewer and not p.form.guards else p

    return [member(p) for p in passes]


def _sums_are_read_at_the_end(passes: Sequence[Pass]) -> bool:
    """Whether sums over rows, which are there when all rows are done, are read by what multiplies such sums only.

    That reads nothing else that rows make. Squares about a mean are summed up with the mean.
    """
    columns = [p for p in passes if p.kind is Kind.COLUMNS and p.order[0] not in p.place]
    rows = [p for p in passes if p not in columns]
    sums, made = ({p.form.target.name for p in found} for found in (columns, rows))
    alone = [p for p in columns if not is_spread(p, columns)]
    early = {a.tensor for p in rows for a in reads(p)} | {a.tensor for p in alone for a in accesses(p.inside)}
    late = {a.tensor for p in columns for a in accesses(p.outside)}
    return not sums & (early | made) and not late & made


def _records(groups: Sequence[Sequence[Lowered]], others: Collection[str], behind: Collection[str]) -> list[Record]:
    """The records of statements that are passes, one after the other.

    Args:
        groups: the statements.
        others: the arrays that others speak of.
        behind: those that others speak of behind these.
    """
    statements = [s for group in groups for s in group if not s.repeated]
    if labelled := _labelled(statements):
        return _where_labels_say(statements, labelled)
    if len(statements) == 1 or not _is_worth(_passes(statements)):
        return [r for s in statements for r in (*([] if s.said else [s.equation]), *s.records)]
    passes = [_put_in(_passes(group), behind) for group in groups]
    twice = {s.target for group in groups for s in group if s.repeated}
    shared = set.intersection(*(_spoken(found) for found in passes)) if len(groups) > 1 else set()
    summed = {p.form.target.name for p in _passes(statements) if p.kind is Kind.COLUMNS and p.order[0] not in p.place}
    whole = (loops_of(_members(found)) for found in passes)
    crossing = set[str]().union(*(nest.crossing for nest in whole if nest is not None))
    local = {s.target for s in statements} - set(others) - (shared - twice) - summed - crossing
    nests = (loops_of(_members(found), local) for found in passes)
    before = dict.fromkeys(r for found in passes if not in_stages(found) for p in found for r in p.before)
    made = (r for s in statements for r in s.made if r.name not in local)
    ways = [_otherwise(s, local, before) for s in statements]
    first, *rest = statements
    after = (r for s, records in zip(rest, ways[1:], strict=True) for r in (s.equation, *records))
    both = Compiled(
        steps_of(passes[0][0]) * len(passes[0]), (), tuple(n for n in nests if n is not None), (*ways[0], *after)
    )
    return [first.equation, *before, *made, both]


def _where_labels_say(statements: Sequence[Lowered], passes: Sequence[LabelPass]) -> list[Record]:
    """The records of statements that loops compute together, where labels say."""
    first, *rest = statements
    ways = (*first.otherwise, *(r for s in rest for r in (s.equation, *s.otherwise)))
    nest = together(passes)
    both = Compiled(passes[0].steps * len(passes), (), (nest,), read_once(ways))
    return [first.equation, *(r for s in statements for r in s.made), both]


def _otherwise(statement: Lowered, local: Collection[str], before: Collection[Record]) -> tuple[Record, ...]:
    """What NumPy does for a statement of several."""
    records = statement.alone if statement.target in local else statement.otherwise
    assert statement.found is not None
    return (*(r for r in statement.found.before if r not in before), *records)


def _put_in(passes: list[Pass], behind: Collection[str]) -> list[Pass]:
    """Passes, where what is added to an array that nobody reads behind them is added by those that read it here."""
    for k, p in enumerate(passes):
        name = p.form.target.name
        rest = passes[k + 1 :]
        once = sum(q.form.target.name == name for q in passes) == 1
        if p.fresh or not once or name in behind or p.kind is not Kind.ELEMENTS or not _reads_all(rest, name):
            continue
        return [*passes[:k], *_put_in([_with_added(q, p) for q in rest], behind)]
    return passes


def _reads_all(passes: Sequence[Pass], name: str) -> bool:
    """Whether elements of an array are read by passes that make elements, and by no others."""
    readers = [p for p in passes if name in {a.tensor for a in reads(p)}]
    return bool(readers) and all(p.kind is Kind.ELEMENTS for p in readers)


def _with_added(reader: Pass, added: Pass) -> Pass:
    """A pass that reads the sum of an array and of what is added to it."""
    same = added.along(reader.order)
    element = Access(same.form.target.name, *same.place)
    put: dict[Expr, Expr] = {element: element + same.inside}
    form = replace(reader.form, body=reader.form.body.xreplace(put))
    entire = reader.entire.xreplace({element: element + same.entire})
    before = tuple(dict.fromkeys((*added.before, *reader.before)))
    parted = {**added.parted, **reader.parted}
    return replace(reader, form=form, inside=reader.inside.xreplace(put), entire=entire, before=before, parted=parted)


def _is_worth(passes: Sequence[Pass]) -> bool:
    """Whether loops are worth it: for one of them, or as elements are read and written once and not again and again."""
    return any(p.worth for p in passes) or all(p.kind is Kind.ELEMENTS for p in passes)


def _spoken(passes: Iterable[Pass]) -> set[str]:
    """The arrays that passes speak of."""
    return {name for p in passes for name in (p.form.target.name, *(a.tensor for a in reads(p)))}
