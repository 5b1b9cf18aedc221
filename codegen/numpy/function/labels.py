"""Labels must be positions: what an index is compared with, and every subscript that reads an integer tensor.

A function that is given labels checks them before it computes. What a condition leaves out need be no position: labels
that a bracket ``[t[n] != -1]`` of the layer excludes, and those for which a bracket such as ``[t[n] >= 0]`` beside the
lookup is false. A gradient that does not know the extent leaves the check to the forward function.
"""

from collections.abc import Iterator, Sequence

import sympy
from sympy import Add, Expr, Integer, Mul, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.lookup import computed_labels, is_label
from gradscribe.codegen.numpy.print.emit import Emitter
from gradscribe.codegen.numpy.print.numpy_table import WORDS
from gradscribe.codegen.python.expression import Literal, Name, call
from gradscribe.codegen.python.scalars.array_printer import ArrayPrinter
from gradscribe.codegen.python.scalars.scalar import size
from gradscribe.codegen.python.statement import Do
from gradscribe.codegen.python.statement import Statement as Made
from gradscribe.codegen.python.text.printer import text
from gradscribe.derive.ir.functions import admission, at_least, equal, greater, unequal
from gradscribe.derive.ir.term import Access, Program, Statement, Tensor, Term, accesses


def label_statements(kernel: Kernel) -> Iterator[Made]:
    """The statements that check the labels `kernel` is given."""
    program = kernel.layer.program
    given = {t.name for t in kernel.arguments if t in program.inputs and t.integer}
    known, seen = kernel.program.symbols(), set()
    for statement in program.statements:
        term = statement.term
        for bracket in sorted(term.body.atoms(equal), key=sympy.default_sort_key):
            for index, label in (bracket.args, bracket.args[::-1]):
                if index not in term.indices or not is_label(label, index, program.tensors):
                    continue
                if not {a.tensor for a in accesses(label)} <= given:
                    continue
                counted = [*_everywhere(program, label), *_beside(program, statement, bracket, label)]
                used = [r for r in term.ranges if r.index in label.free_symbols]
                parts = (term.extent(index), *(r.extent for r in used), label, *counted)
                if set().union(*(e.free_symbols for e in parts)) - set(term.indices) <= known:
                    found = tuple(_checked(kernel, term, label, index, tuple(dict.fromkeys(counted))))
                    yield from () if found in seen else found
                    seen.add(found)


def _checked(kernel: Kernel, term: Term, label: Expr, index: Expr, counted: Sequence[Expr]) -> Iterator[Made]:
    """The check of one label: of a whole array where it is read once, else at all values of its indices."""
    read = accesses(label)
    extent = size(term.extent(index))
    own = ArrayPrinter(WORDS, lambda a: Name(a.tensor), lambda s, _: Name(s.name))
    if len(read) == 1 and not label.xreplace({read[0]: Integer(0)}).free_symbols & set(term.indices):
        name = read[0].tensor
        wide = ArrayPrinter(WORDS, lambda a: call("rt.wide", Name(name)), lambda s, _: Name(s.name))
        value = Name(name) if label == read[0] else wide.value(label, whole=True)
        words = name if label == read[0] else f"{name}, {text(own.value(label, whole=True))}"
        where = (own.condition(counted),) if counted else ()
        yield Do(call("rt.labels", Literal(kernel.layer.name), Literal(words), value, extent, *where))
        return
    names = kernel.layer.program.names() | {o.name for o in kernel.options}
    scope = Scope(dict(kernel.layer.program.tensors), {}, kernel.layer.program, set(names))
    form = Form(Tensor("", ()), (), term.ranges, label)
    made, records = computed_labels(Mul(*counted, label), form, scope)  # 0 where it does not count
    emitter = Emitter(names)
    for record in records:
        yield from emitter.emit(record)
    shown = ArrayPrinter(WORDS, lambda a: Name(str(a)), lambda s, _: Name(s.name))
    words = f"{read[0].tensor}, {text(shown.value(label, whole=True))}"
    yield Do(call("rt.labels", Literal(kernel.layer.name), Literal(words), Name(made.tensor), extent))


def _everywhere(program: Program, label: Expr) -> Iterator[Expr]:
    """Brackets ``[label != v]`` anywhere in the layer: a label that is ignored need not be the number of a class."""
    indices = _indices(program)
    for access in accesses(label):
        brackets = (b for s in program.statements for b in s.term.body.atoms(unequal))
        found = {moved for b in brackets if (moved := _on(b, access, indices)) is not None}
        yield from sorted(found, key=sympy.default_sort_key)


def _beside(program: Program, statement: Statement, part: Expr, label: Expr) -> list[Expr]:
    """Brackets on the labels alone that multiply `part` of a statement, or everything that reads its result."""
    found: set[Expr] | None = None
    indices = _indices(program)
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
    name = statement.target.name
    readers = [(s, a) for s in program.statements for a in accesses(s.term.body) if a.tensor == name]
    outer = [set(_beside(program, s, a, label)) for s, a in readers] if name not in program.outputs else []
    return sorted((found or set()) | (set.intersection(*outer) if outer else set()), key=sympy.default_sort_key)


def _on(bracket: Expr, access: Access, indices: set[Symbol]) -> Expr | None:
    """A bracket on one label and numbers, said of `access`; None for any other, such as one on a label and an index."""
    read = accesses(bracket)
    if len(read) != 1 or read[0].tensor != access.tensor:
        return None
    others = bracket.xreplace({read[0]: Integer(0)}).free_symbols
    return None if others & indices else bracket.xreplace({read[0]: access})


def _indices(program: Program) -> set[Symbol]:
    return {v for s in program.statements for v in s.term.indices}
