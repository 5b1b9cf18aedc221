"""The statements that check labels, see `codegen.kernel.conditions.label_conditions`."""

from collections.abc import Iterator

from sympy import Integer, Mul

from gradscribe.codegen.kernel.conditions.label_conditions import kernel_conditions
from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.indirect.lookup import computed_labels
from gradscribe.codegen.numpy.print.emit import Emitter
from gradscribe.codegen.numpy.print.numpy_table import WORDS
from gradscribe.codegen.python.expression import Literal, Name, call
from gradscribe.codegen.python.scalars.array_printer import ArrayPrinter
from gradscribe.codegen.python.scalars.scalar import size
from gradscribe.codegen.python.statement import Do
from gradscribe.codegen.python.statement import Statement as Made
from gradscribe.codegen.python.text.printer import text
from gradscribe.derive.calculus.passes.positions import LabelCondition
from gradscribe.derive.ir.term import Tensor, accesses


def label_statements(kernel: Kernel) -> Iterator[Made]:
    """The statements that check the labels `kernel` is given."""
    seen: set[tuple[Made, ...]] = set()
    for condition in kernel_conditions(kernel):
        found = tuple(_checked(kernel, condition))
        yield from () if found in seen else found
        seen.add(found)


def _checked(kernel: Kernel, condition: LabelCondition) -> Iterator[Made]:
    """The check of one label: of a whole array where it is read once, else at all values of its indices."""
    label, term, counted = condition.label, condition.term, condition.counted
    read = accesses(label)
    extent = size(condition.extent)
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
