"""Labels: integers that are compared with an index, or read where one stands; each has to be a position.

What a condition leaves out need be none: labels that a bracket ``[t[n] != -1]`` of the layer excludes, and those for
which a bracket such as ``[t[n] >= 0]`` beside the lookup is false.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import sympy
from sympy import Add, Expr, Integer, Mul, Symbol

from gradscribe.derive.ir.functions import admission, at_least, equal, greater, unequal
from gradscribe.derive.ir.term import Access, Program, Range, Statement, Tensor, Term, accesses


@dataclass(frozen=True)
class LabelCondition:
    """``0 <= label < extent`` wherever the label counts.

    Attributes:
        label: an integer made of elements of integer arrays.
        index: what it is compared with, an index of the term.
        term: where.
        counted: the brackets on labels that all have to hold for one to count.
    """

    label: Expr
    index: Symbol
    term: Term
    counted: tuple[Expr, ...]

    @property
    def extent(self) -> Expr:
        """The number of positions."""
        return self.term.extent(self.index)

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The indices of the label and their extents."""
        return tuple(r for r in self.term.ranges if r.index in self.label.free_symbols)


def label_conditions(program: Program) -> Iterator[LabelCondition]:
    """What must hold of the labels of a program."""
    for statement in program.statements:
        term = statement.term
        for bracket in sorted(term.body.atoms(equal), key=sympy.default_sort_key):
            for index, label in (bracket.args, bracket.args[::-1]):
                if index in term.indices and is_label(label, index, program.tensors):
                    counted = [*_everywhere(program, label), *_beside(program, statement, bracket, label)]
                    yield LabelCondition(label, index, term, tuple(dict.fromkeys(counted)))


def is_label(label: Expr, index: Expr, tensors: Mapping[str, Tensor]) -> bool:
    """Whether `label` is an integer expression of integer tensors, without `index`."""
    read = accesses(label)
    if not read or label.has(index) or not all(tensors[a.tensor].integer for a in read):
        return False
    outside = label.xreplace({a: Integer(1) for a in read})
    affine_reads = all(not e.has(sympy.Function) for a in read for e in a.indices)
    return affine_reads and not outside.has(sympy.Function) and bool(outside.is_integer)


def _everywhere(program: Program, label: Expr) -> Iterator[Expr]:
    """Brackets ``[label != v]`` anywhere in the layer: a label that is ignored need not be the number of a class."""
    indices = _indices(program)
    for access in accesses(label):
        brackets = (b for s in program.statements for b in _differences(s.term.body))
        found = {moved for b in brackets if (moved := _on(b, access, indices)) is not None}
        yield from sorted(found, key=sympy.default_sort_key)


@lru_cache(maxsize=5_000)  # every label is looked for in all statements
def _differences(body: Expr) -> frozenset[Expr]:
    return frozenset(body.atoms(unequal))


def _beside(program: Program, statement: Statement, part: Expr, label: Expr) -> list[Expr]:
    """Brackets on the labels alone that multiply `part` of a statement, or everything that reads its result."""
    indices = _indices(program)
    own = _within(statement, part, label, indices)
    return sorted(own | _around(program, label, indices)[statement.target.name], key=sympy.default_sort_key)


def _within(statement: Statement, part: Expr, label: Expr, indices: set[Symbol]) -> set[Expr]:
    """Brackets on the labels alone that multiply `part` of a statement."""
    found: set[Expr] | None = None
    conditions, value = admission(statement.term.body)
    for summand in (t for t in Add.make_args(Mul(*conditions, value)) if t.has(part)):
        own = {
            moved
            for f in Mul.make_args(summand)
            if isinstance(f, at_least | greater)
            for access in accesses(label)
            if (moved := _on(f, access, indices)) is not None
        }
        found = own if found is None else found & own
    return found or set()


def _around(program: Program, label: Expr, indices: set[Symbol]) -> dict[str, set[Expr]]:
    """Brackets on the labels alone that multiply everything that reads a tensor; the last statement comes first.

    What a recurrence reads of itself says nothing more of that.
    """
    readers: dict[str, list[tuple[Statement, Access]]] = {}
    for s in program.statements:
        for a in accesses(s.term.body):
            readers.setdefault(a.tensor, []).append((s, a))
    found: dict[str, set[Expr]] = {}
    for name in dict.fromkeys(s.target.name for s in reversed(program.statements)):
        read = readers.get(name, []) if name not in program.outputs else []
        outer = [_within(s, a, label, indices) | found[s.target.name] for s, a in read if s.target.name in found]
        found[name] = set.intersection(*outer) if outer else set()
    return found


def _on(bracket: Expr, access: Access, indices: set[Symbol]) -> Expr | None:
    """A bracket on one label and numbers, said of `access`; None for any other, such as one on a label and an index."""
    read = accesses(bracket)
    if len(read) != 1 or read[0].tensor != access.tensor:
        return None
    others = bracket.xreplace({read[0]: Integer(0)}).free_symbols
    return None if others & indices else bracket.xreplace({read[0]: access})


def _indices(program: Program) -> set[Symbol]:
    return {v for s in program.statements for v in s.term.indices}
