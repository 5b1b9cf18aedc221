"""Kernel -> one function of C: what it is given, its loops, and the words above it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, groupby

from sympy import Expr, Symbol

from gradscribe.codegen.kernel.conditions.gradient_conditions import Condition, conditions
from gradscribe.codegen.kernel.conditions.label_conditions import kernel_conditions
from gradscribe.codegen.kernel.form import Form, choose_form, chosen_forms, positioned, size_hints
from gradscribe.codegen.kernel.kernel import Kernel, Purpose
from gradscribe.codegen.kernel.page.equation import equation
from gradscribe.codegen.kernel.page.provenance import kernel_numbers
from gradscribe.codegen.loops.product.kernel_words import kernel_words, summary
from gradscribe.codegen.loops.product.nest.arrangement import Arrangement, arranged, reading
from gradscribe.codegen.loops.product.nest.element_loops import check_label, write_statement
from gradscribe.codegen.loops.product.nest.function_loops import FINAL_SIZE, NULL, ONE, Loops
from gradscribe.codegen.loops.product.nest.running_loops import write_running, write_slopes
from gradscribe.codegen.loops.product.nest.running_parts import running_parts
from gradscribe.codegen.loops.product.settings import Settings
from gradscribe.codegen.loops.product.size_functions import bound_sizes
from gradscribe.codegen.loops.text.c_function import CBlank, CBody, CFunction, CIf, CParameter, CSourced, CUnused
from gradscribe.codegen.loops.text.c_names import spelled
from gradscribe.codegen.loops.writing.body import LOOPED
from gradscribe.codegen.python.expression import Binary, Comparison, Expression, Literal, Name, call, chain, parts
from gradscribe.codegen.python.statement import Assign, Comment, Return
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.interpret.recurrence import Recurrence, stages
from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.ir.term import EquationError, Statement, Tensor, accesses

WIDTH = 110


@dataclass(frozen=True)
class KernelInC:
    """A function.

    Attributes:
        name: its name.
        words: what it computes, of which arrays, for the comment above its declaration.
        function: its parameters and its body.
        declared: its parameters as its declaration has them: what may not overlap is said where it matters.
        scratch: the extents of the arrays that it needs memory of the caller for, each a product of sizes.
    """

    name: str
    words: tuple[str, ...]
    function: CFunction
    declared: tuple[CParameter, ...]
    scratch: tuple[Tensor, ...]


def kernel_in_c(kernel: Kernel, settings: Settings, called: Mapping[Symbol, str]) -> KernelInC:
    """The function of a kernel.

    Args:
        kernel: the kernel.
        settings: those of its module.
        called: the functions that compute the sizes that follow from settings, by symbol.
    """
    return _Function(kernel, settings, called).made()


class _Function:
    def __init__(self, kernel: Kernel, settings: Settings, called: Mapping[Symbol, str]) -> None:
        self.kernel, self.settings, self.called = kernel, settings, called
        program = kernel.program
        self.prefix = spelled(settings.layer.name)
        forms = chosen_forms(program, size_hints(program))
        read = {a.tensor for s in program.statements for a in accesses(s.term.body)} | set(kernel.results)
        self.recorded = {f.argument.name for f in forms if f.argument is not None and f.argument.name in read}
        together = {s: r for r in stages(program) if isinstance(r, Recurrence) for s in r.statements}
        self.recurring = {k: together[s] for k, s in enumerate(program.statements) if s in together}
        self.running = running_parts(program, forms, {t.name for t in program.inputs if t.integer}, self.recurring)
        made = [*(s.target for s in program.statements if s.target.name not in self.running.unmade), *self.running.made]
        self.whole = self.recorded | {t.name for t in made if t.integer and t.name in kernel.results}
        integers = {t.name for t in program.inputs if t.integer} | self.whole
        self.scratch = tuple(dict.fromkeys(t for t in made if t.name not in kernel.results))
        if lost := self.recorded - set(kernel.results):
            names = ", ".join(sorted(lost))
            raise EquationError(f"{kernel.name}: the positions {names} have no array in C; make them outputs")
        filled = {t.name for t in kernel.filled}
        results = {name: program.tensors[name] for name in kernel.results}
        known = {**{t.name: t for t in program.inputs}, **results, **{t.name: t for t in self.scratch}}
        self.loops = Loops(known, integers, filled, settings)
        self.statements = list(zip(program.statements, forms, strict=True))
        self.position = integer(next(n for k in count() if (n := f"t{k or ''}") not in program.names()))
        self.program = replace(program, inputs=(*program.inputs, *self.running.made))
        positive = settings.positive
        self.arranged = {
            k: arranged(self._at_one_place(k) or form, self.program, integers, positive, self._around(k))
            for k, form in enumerate(self.running.forms)
        }

    def _around(self, k: int) -> dict[Symbol, Expr]:
        """The index of a loop around a statement, with its extent."""
        return {self.position: self.recurring[k].extent} if k in self.recurring else {}

    def _at_one_place(self, k: int) -> Form | None:
        """What a statement of a recurrence computes at one position; None for another statement."""
        recurrence, program = self.recurring.get(k), self.kernel.program
        if recurrence is None:
            return None
        here = positioned(self.statements[k][0], recurrence, program, self.position)
        form = choose_form(here, program, size_hints(program))
        return replace(form, box=tuple(r for r in form.box if r.index != self.position))

    def made(self) -> KernelInC:
        loops = self.loops
        with loops.apart() as work:
            self._labels()
            self._work()
        with loops.apart() as memory:
            self._scratch_arrays()
        numbers = tuple(loops.numbered())
        read = {part.text for part in parts((numbers, tuple(memory), tuple(work))) if isinstance(part, Name)}
        unread = [CUnused(p) for p in self._names() if p.text not in read]
        body = (
            *self._checked(),
            *bound_sizes(loops, self.settings, self.called),
            *numbers,
            *memory,
            *unread,
            *work,
            Return((Name(self.constant("OK")),)),
        )
        kernel = self.kernel
        name = spelled(kernel.name)
        function = CFunction(summary(self.kernel), tuple(self._parameters("*restrict ")), body)
        return KernelInC(
            name,
            tuple(kernel_words(kernel, loops, self.flag if kernel.flag else "", bool(self.scratch))),
            function,
            tuple(self._parameters("*")),
            self.scratch,
        )

    def constant(self, word: str) -> str:
        """A constant of the module."""
        return f"{self.prefix.upper()}_{word}"

    # ----- what is computed -----------------------------------------------------------------------------------------
    def _work(self) -> None:
        kernel, program = self.kernel, self.kernel.program
        under = conditions(kernel) if kernel.purpose is Purpose.BACKWARD else {}
        numbers = kernel_numbers(kernel)
        order = (*(t.name for t in program.inputs), *(s.target.name for s in program.statements))
        seen: set[str] = set()
        numbered = list(enumerate(self.statements))
        for condition, found in groupby(numbered, key=lambda n: under.get(n[1][0].target.name, Condition())):
            with self.loops.when(self._wanted(condition)):
                for recurrence, own in groupby(found, key=lambda n: self.recurring.get(n[0])):
                    together = list(own)
                    filled = self._filled(k for k, _ in together) if recurrence is not None else set()
                    with self._positions(recurrence, filled):
                        for k, (statement, form) in together:
                            name = statement.target.name
                            said = equation(statement, form, name not in seen, order, numbers)
                            first = name not in seen | filled
                            seen.add(name)
                            if name in self.running.unmade:
                                continue
                            with self.loops.apart() as computed:
                                self._by_rows(k, statement, first)
                            words = Comment("\n".join(said.lines(WIDTH)))
                            self.loops.put(CBlank(), CSourced(said, (words, *computed)))

    def _filled(self, numbers: Iterable[int]) -> set[str]:
        """The tensors of a recurrence that begin with zeros, as what is first computed does not write all of them."""
        first: dict[str, int] = {}
        for k in numbers:
            first.setdefault(self.statements[k][0].target.name, k)
        return {name for name, k in first.items() if self.arranged[k].clear or self._needed(self.statements[k][0])}

    @contextmanager
    def _positions(self, recurrence: Recurrence | None, filled: Collection[str]) -> Iterator[None]:
        """Statements at every position of a recurrence in turn, arrays that are `filled` before with zeros."""
        if recurrence is None:
            yield
            return
        loops, index = self.loops, self.position
        for name in dict.fromkeys(s.target.name for s in recurrence.statements):
            if name in filled:
                loops.clear(self.kernel.program.tensors[name])
        extent, place = loops.integer(recurrence.extent), loops.index(index)
        loops.sizes[index] = place
        turn = place if recurrence.step > 0 else Name(loops.names.own(f"{index.name}_left", "index"))
        with loops.counted(turn, Literal(0), extent):
            if recurrence.step < 0:
                loops.new(FINAL_SIZE, place, Binary("-", Binary("-", extent, ONE), turn))
            yield
        del loops.sizes[index]

    def _labels(self) -> None:
        """Check the integers that have to be positions."""
        found = {(c.label, c.extent, c.ranges, c.counted): c for c in kernel_conditions(self.kernel)}
        if found:
            self.loops.put(CBlank(), Comment("Integers that stand for positions"))
        for c in found.values():
            fault = Return((Name(self.constant("LABEL")),))
            check_label(self.loops, reading(c.label, c.ranges, self.kernel.layer.program), c, fault)

    def _wanted(self, condition: Condition) -> list[Expression]:
        flag = [Name(self.flag)] if condition.flag else []
        return [*flag, *([self._there(condition.array)] if condition.array else [])]

    @property
    def flag(self) -> str:
        """The parameter that says whether the gradients of inputs are wanted."""
        return self.loops.names.own(self.kernel.flag, "flag")

    def _there(self, name: str) -> Comparison:
        return Comparison((self.loops.array(name), NULL), ("!=",))

    def _by_rows(self, k: int, statement: Statement, first: bool) -> None:
        """A statement, or what there is of it, as products that grow by one factor."""
        if k in self.running.products:
            write_running(self.loops, self.running.products[k], statement.target, self.program)
            return
        if k in self.running.slopes:
            write_slopes(self.loops, *self.running.slopes[k], self.program)
        self._statement(statement, self.arranged[k], first)

    def _statement(self, statement: Statement, a: Arrangement, first: bool) -> None:
        if a.form.op not in LOOPED:
            raise EquationError(f"{self.kernel.name}: C has no {REDUCTIONS[a.form.op].noun}")
        needed = self._needed(statement)
        recorded = a.form.argument is not None and a.form.argument.name in self.recorded
        if needed and first:
            self.loops.clear(a.form.target)
        with self.loops.when([self._there(name) for name in needed]):
            write_statement(self.loops, a, first and not needed, recorded, (self.position,))

    def _needed(self, statement: Statement) -> list[str]:
        """The arrays without which there is nothing to compute."""
        optional = {t.name for t in self.kernel.arguments if t.optional and t.name not in self.loops.filled}
        return sorted({x.tensor for x in accesses(statement.term.body)} & optional)

    # ----- what stands before ---------------------------------------------------------------------------------------
    def _checked(self) -> Iterator[Assign | CIf]:
        fault = Name(self.loops.names.own("fault", "variable"))
        yield Assign(fault, call(f"{self.prefix}_check", self.loops.settings), kind=Name("const int"))
        test = Comparison((fault, Name(self.constant("OK"))), ("!=",))
        yield CIf(test, (Return((fault,)),))

    def _scratch_arrays(self) -> None:
        """Where each array lies in the memory that the caller gives."""
        before: Expression = self.loops.scratch
        for tensor in self.scratch:
            name = self.loops.array(tensor.name)
            self.loops.new(Name("REAL *restrict"), name, before)
            before = Binary("+", name, chain("*", [self.loops.integer(e) for e in tensor.shape] or [ONE]))

    # ----- what it is given -----------------------------------------------------------------------------------------
    def _names(self) -> Iterator[Name]:
        """The parameters besides settings."""
        yield from (self.loops.array(t.name) for t in self.kernel.arguments)
        if self.kernel.flag:
            yield Name(self.flag)
        yield from (self.loops.array(name) for name in self.kernel.results)
        if self.scratch:
            yield self.loops.scratch

    def _parameters(self, pointer: str) -> Iterator[CParameter]:
        loops = self.loops
        yield CParameter(f"const struct {self.prefix}_settings", f"*{loops.settings.text}", "")
        for t in self.kernel.arguments:
            kind = "int64_t" if t.integer else "REAL"
            yield CParameter(f"const {kind}", f"{pointer}{loops.array(t.name).text}", "")
        if self.kernel.flag:
            yield CParameter("int", self.flag, "")
        for name in self.kernel.results:
            kind = "int64_t" if name in self.whole else "REAL"
            yield CParameter(kind, f"{pointer}{loops.array(name).text}", "")
        if self.scratch:
            yield CParameter("REAL", f"{pointer}{loops.scratch.text}", "")


def scratch_body(made: KernelInC, settings: Settings, called: Mapping[Symbol, str]) -> CBody:
    """The body of the function that says how many numbers a function needs memory for."""
    loops = Loops({}, set(), set(), settings)
    total = chain("+", [chain("*", [loops.integer(e) for e in t.shape] or [ONE]) for t in made.scratch])
    prefix = spelled(settings.layer.name)
    fits = Comparison((call(f"{prefix}_check", loops.settings), Name(f"{prefix.upper()}_OK")), ("!=",))
    return (CIf(fits, (Return((Literal(-1),)),)), *bound_sizes(loops, settings, called), Return((total,)))
