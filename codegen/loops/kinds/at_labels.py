"""Elements that are read or written where labels say, ``x[n, f[n,i], c]``: row by row, each label looked at once.

What is read at a label is a row of memory, and one of zeros where the label is no position. What is added at labels
comes together in float64, for one value of the outermost index after the other: no two of these write the same element.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sympy import Dummy, Expr, Integer, Symbol, prod

from gradscribe.codegen.loops.kinds.passes.row_group import all_read, groups, write_group
from gradscribe.codegen.loops.nest import Nest, all_bodies, outermost
from gradscribe.codegen.loops.text.c_function import APART, FINAL_LONG, FINAL_REAL, ROW, SUMS, CBlock, CIf
from gradscribe.codegen.loops.writing.addresses import address
from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.python.expression import Binary, Choice, Comparison, Expression, Name, Part, call, chain
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.codegen.python.statement import Assign
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.term import Access, Guard, accesses

ADDED = "added"
"""The kind of a member that adds to elements, several times to one."""
SOURCE = Name("const REAL *")


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    nest = w.nest
    first, *middle = nest.outer
    nothing = w.name("nothing")
    if any(map(_at_labels, outermost(all_bodies(nest.members)))):
        w.scratch(ROW, nothing, "REAL", w.integer(nest.vector.extent))
        with w.upto(w.index(nest.vector.index), w.integer(nest.vector.extent), APART):
            w.let(Part(nothing, (w.index(nest.vector.index),)), w.number(Integer(0)))
    added = {m.target: m for m in reversed(nest.members) if m.kind == ADDED}
    sums = {target: w.unique("sums") for target in added}
    for target, name in sums.items():
        w.scratch(SUMS, name, "double", w.integer(_number(w, target)))
    with w.loop(w.index(first.index), w.name("start"), w.name("stop")):
        for target, name in sums.items():
            _each(w, target, name, lambda element, _: Assign(element, ZERO))
        with w.loops(middle):
            _write_row(w, _Labels(w, nothing), sums)
        for target, name in sums.items():
            _store(w, added[target], name)
    return first.extent


def _write_row(w: Writer, labels: "_Labels", sums: Mapping[str, Name]) -> None:
    """Write what is done with a row."""
    members = [labels.read(m) for m in w.nest.members]
    along = [m for m in members if m.kind != ADDED]
    if along:
        bases = w.bases(all_read(along))
        for group in groups(along):
            write_group(w, group, bases, (ZERO, w.integer(w.nest.vector.extent)), set(), {})
    for m in members:
        if m.kind == ADDED:
            _add(w, m, labels.test(m.brackets), sums[m.target])


def _add(w: Writer, m: Nest, test: tuple[Name, ...], sums: Name) -> None:
    """Add a row where labels say, if they are positions."""
    v = w.nest.vector
    with w.apart() as body:
        bases = w.bases(m.body)
        where = address(m.place[1:], w.shapes[m.target][1:], (v.index,))
        at = w.unique("added_at")
        w.new(FINAL_LONG, at, w.integer(where.base))
        place = Binary("+", at, w.index(v.index)) if where.step(v.index) != 0 else at
        with w.upto(w.index(v.index), w.integer(v.extent), APART):
            w.add(Part(sums, (place,)), w.value(m.body, bases, {}))
    w.put(CIf(chain("&", test), tuple(body)) if test else CBlock(tuple(body)))


def _store(w: Writer, m: Nest, sums: Name) -> None:
    """Store what has come together."""
    at = w.unique("stored_at")
    w.new(FINAL_LONG, at, w.integer(w.nest.outer[0].index * _number(w, m.target)))
    to, operator = w.array(m.target), "+=" if m.adds else "="
    _each(w, m.target, sums, lambda element, k: Assign(Part(to, (Binary("+", at, k),)), element, operator))


def _each(w: Writer, target: str, sums: Name, statement: Callable[[Part, Name], Assign]) -> None:
    """Do something with every sum, given its number."""
    k = w.name("k")
    with w.upto(k, w.integer(_number(w, target)), APART):
        w.put(statement(Part(sums, (k,)), k))


def _number(w: Writer, target: str) -> Expr:
    """How many sums a value of the outermost index has."""
    return prod(w.shapes[target][1:], start=Integer(1))


def _at_labels(access: Access) -> bool:
    """Whether an access reads where labels say."""
    return any(e.has(Access) for e in access.indices)


class _Labels:
    """The labels of a row, each in a variable, and what is read at them.

    Args:
        w: the function.
        nothing: a row of zeros.
    """

    def __init__(self, w: Writer, nothing: Name) -> None:
        self.w, self.nothing = w, nothing
        self.known: dict[Expr, Symbol] = {}
        self.inside: dict[Guard, Name] = {}
        self.rows: dict[Access, Access] = {}
        self.held: dict[Sequence[Expression], Access] = {}

    def read(self, m: Nest) -> Nest:
        """A member that reads rows where it read at labels, and says itself where that counts."""
        body, after = (e.xreplace({a: self._row(a) for a in outermost(e) if _at_labels(a)}) for e in (m.body, m.after))
        if m.kind == ADDED:
            return replace(m, body=body, place=tuple(self._integer(e) if e.has(Access) else e for e in m.place))
        counts = self._number_of(self.test(m.brackets))
        if counts is None:
            return replace(m, body=body, after=after)
        holds = equal(counts, Integer(1))  # a strong zero where it does not, whatever multiplies it
        after = after if after == 1 else after * holds
        return replace(m, body=body * holds, after=after, brackets=())

    def test(self, brackets: Sequence[Guard]) -> tuple[Name, ...]:
        """The variables that say whether brackets hold."""
        return tuple(dict.fromkeys(map(self._inside, brackets)))

    def _inside(self, bracket: Guard) -> Name:
        if bracket not in self.inside:
            w = self.w
            value, extent = w.integer(self._integer(bracket.value)), w.integer(bracket.extent)
            name = w.unique("inside")
            w.new(FINAL_LONG, name, Comparison((ZERO, value, extent), ("<=", "<")))
            self.inside[bracket] = name
        return self.inside[bracket]

    def _integer(self, label: Expr) -> Expr:
        """A label with the symbols of variables in place of what arrays hold."""
        return label.xreplace({a: self._held(a) for a in accesses(label)})

    def _held(self, access: Access) -> Symbol:
        if access not in self.known:
            w, symbol = self.w, Dummy("label", integer=True)
            name = w.unique("label")
            where = address(access.indices, w.shapes[access.tensor], ())
            w.new(FINAL_LONG, name, call("label_of", Part(w.array(access.tensor), (w.integer(where.base),))))
            w.variables[symbol] = name
            self.known[access] = symbol
        return self.known[access]

    def _row(self, access: Access) -> Access:
        """Where an access at labels reads along the row."""
        if access not in self.rows:
            w, v = self.w, self.w.nest.vector
            shape = w.shapes[access.tensor]
            axes = zip(access.indices, shape, strict=True)
            test = self.test([Guard(e, extent) for e, extent in axes if e.has(Access)])
            where = address(tuple(map(self._integer, access.indices)), shape, (v.index,))
            begin = Binary("+", w.array(access.tensor), w.integer(where.base))
            name = w.unique("row")
            w.new(SOURCE, name, Choice(begin, chain("&", test), self.nothing))
            w.memory[name.text] = name
            moves = where.step(v.index) != 0
            w.shapes[name.text] = (v.extent if moves else Integer(1),)
            self.rows[access] = Access(name.text, v.index if moves else Integer(0))
        return self.rows[access]

    def _number_of(self, test: tuple[Name, ...]) -> Access | None:
        """A number for a row that is 1 where all of it holds; None where nothing is asked."""
        if test and test not in self.held:
            name = self.w.unique("counts")
            self.w.new(FINAL_REAL, name, chain("&", test))
            self.held[test] = Access(name.text, Integer(0))
            self.w.in_row[self.held[test]] = name
        return self.held.get(test)
