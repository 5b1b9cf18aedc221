"""A backend of the tests' own: pointwise code and sums as loops over lists, without NumPy; nothing knows it but a row.

Every function is one nest of loops for each `Form`, as it stands: a box, brackets, a body, a place. Its package has one
module besides those of layers, `plain`, which reads and writes elements; what lies outside of an array reads 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sympy
from sympy import Expr, Symbol

from gradscribe.codegen.files.emitted import Allowed, Emitted
from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.form import Form, choose_form, size_hints
from gradscribe.codegen.kernel.kernel import Kernel, update_kernel
from gradscribe.codegen.kernel.second_order_kernels import kernels_of_order
from gradscribe.codegen.python.definition import ANY, Function, Signature, given
from gradscribe.codegen.python.expression import (
    Comparison,
    Dictionary,
    Expression,
    Group,
    Literal,
    Name,
    call,
    every,
    texts,
)
from gradscribe.codegen.python.names import PYTHON, check_distinct, unusable
from gradscribe.codegen.python.scalars.array_printer import ArrayPrinter, Rule, Words
from gradscribe.codegen.python.scalars.scalar import shape, size, variable
from gradscribe.codegen.python.statement import Assign, Body, Do, For, If, Return, Statement, let
from gradscribe.codegen.python.text import printer
from gradscribe.codegen.python.text.literal import docstring
from gradscribe.codegen.python.text.render import EQUATIONS, header, printed
from gradscribe.derive.composition import Network
from gradscribe.derive.ir import functions as f
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.term import Guard, Tensor
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser

TEMPLATE = "lists"
FIXED = PYTHON | {"math", "plain"}
PLAIN = f'''{header("its text", TEMPLATE)}
"""Arrays as lists of lists."""


def shape(x):
    return tuple(x.shape) if hasattr(x, "shape") else (len(x), *(shape(x[0]) if x else ())) if type(x) is list else ()


def flat(x):
    return [part for value in x for part in flat(value)] if isinstance(x, (list, tuple)) else [x]


def option(x, count):
    found = flat(x)
    return found if len(found) == count else found * count


def full(extents):
    return [full(extents[1:]) for _ in range(extents[0])] if extents else 0.0


def inside(x, place):
    return all(0 <= k < extent for k, extent in zip(place, shape(x), strict=True))


def read(x, place):
    if not inside(x, place):
        return 0.0
    for k in place:
        x = x[k]
    return float(x)


def add(x, place, value):
    if inside(x, place):
        *outer, last = place
        for k in outer:
            x = x[k]
        x[last] += value


def where(condition, value, other):
    return value if condition else other


def share(condition, above, below):
    return above / below if condition else 0.0


def square(x):
    return x * x


def sigmoid(x):
    return 1 / (1 + 2.718281828459045 ** -x)


def sign(x):
    return float(x > 0) - float(x < 0)
'''
ALLOWED = Allowed(
    imports=frozenset({"from typing import Any", "import math", "from . import plain"}),
    offered={
        "plain": frozenset({"shape", "option", "full", "read", "add", "where", "share", "square", "sigmoid", "sign"}),
        "math": frozenset({"exp", "log", "tanh", "sqrt", "pow"}),
    },
)


def _called(name: str) -> Rule:
    return lambda *arguments: call(name, *arguments)


def _compared(operator: str) -> Rule:
    return lambda left, *right: Comparison((left, *(right or (Literal(0),))), (operator,))


FUNCTIONS: Mapping[type[Expr], Rule] = {
    sympy.exp: _called("math.exp"),
    sympy.log: _called("math.log"),
    sympy.tanh: _called("math.tanh"),
    sympy.Abs: _called("abs"),
    sympy.sign: _called("plain.sign"),
    f.sigmoid: _called("plain.sigmoid"),
    f.relu: lambda x: call("max", x, Literal(0)),
    f.larger: _called("max"),
    f.smaller: _called("min"),
    f.step: _compared(">"),
    f.equal: _compared("=="),
    f.unequal: _compared("!="),
    f.greater: _compared(">"),
    f.at_least: _compared(">="),
}
WORDS = Words(
    FUNCTIONS,
    {},
    where="plain.where",
    ratio="plain.ratio",
    divisor="float",
    share="plain.share",
    square="plain.square",
    root="math.sqrt",
    power="math.pow",
    number=_called("float"),
    numbers=_called("float"),
    scalar=lambda x: x,
)


@dataclass(frozen=True)
class ListsTarget:
    """The backend."""

    template: str = TEMPLATE
    offers: Mapping[str, Sequence[str]] = field(default_factory=lambda: {"plain": ("shape",)})
    folders: Sequence[str] = ()
    suffixes: Sequence[str] = (".py",)
    importable: bool = True
    networks: bool = False

    def module(self, item: Layer | Optimiser, order: int) -> Emitted:
        """A function for each kernel; no class."""
        if isinstance(item, Network):
            raise EquationError(f"{item.name}: lists have no networks")
        kernels = (update_kernel(item),) if isinstance(item, Optimiser) else sum(kernels_of_order(item, order), ())
        functions = [_function(kernel) for kernel in kernels]
        doc = f"{item.name}, by loops over lists."
        parts = [
            header(f"{EQUATIONS} {item.name}", TEMPLATE),
            docstring(doc),
            "\nimport math\nfrom typing import Any\n\nfrom . import plain",
            *("\n\n" + "\n".join(_lines(function)) for function in functions),
        ]
        docs = {"": doc, **{function.name: function.doc for function in functions}}
        names = tuple(function.name for function in functions)
        return Emitted(item.name, "\n".join(parts) + "\n", docs, ALLOWED, names)

    def shared(self) -> Mapping[str, str]:
        """The functions of lists."""
        return {"plain.py": PLAIN}

    def init(self, members: Mapping[str, Sequence[str]]) -> str:
        """All modules by name."""
        table = Dictionary(tuple((Literal(module), texts(sorted(found))) for module, found in sorted(members.items())))
        names = texts(sorted(name for found in members.values() for name in found))
        rows = printer.lines([let("_MODULES", table), let("__all__", names)], 0)
        return "\n".join([
            header("the catalogue", TEMPLATE),
            '"""Layers as loops over lists."""\n\nfrom importlib import import_module\n',
            *(row.text for row in rows),
            "\n\ndef __getattr__(name):\n    for module, names in _MODULES.items():\n        if name in names:",
            '            return getattr(import_module(f".{module}", __name__), name)\n    raise AttributeError(name)\n',
        ])  # fmt: skip


def _lines(function: Function) -> Iterator[str]:
    """The lines of a function."""
    found = printed(function)
    yield found.signature
    yield f"    {docstring(found.doc)}"
    yield from (f"    {line.text}" for line in found.lines)


def _function(kernel: Kernel) -> Function:
    """A kernel: sizes from shapes and options, then a nest of loops for each form."""
    program, tensors = kernel.program, kernel.program.tensors
    options = [o.name for o in kernel.options]
    _check(kernel, [*tensors, *options])
    shaped = [shape_argument(t) for t in kernel.shaped]
    hints = size_hints(program)
    forms = [choose_form(statement, program, hints) for statement in program.statements]
    written = dict.fromkeys(s.target.name for s in program.statements)
    arrays = [let(name, call("plain.full", shape(tensors[name].shape))) for name in written]
    signature = Signature(given(*(t.name for t in kernel.arguments)), given(*options, *shaped), ANY)
    results = tuple(map(Name, kernel.results))
    body = (*_sizes(kernel), *arrays, *(s for form in forms for s in _loops(form)), Return(results))
    return Function(kernel.name, signature, f"Compute {', '.join(kernel.results)}.", body)


def _check(kernel: Kernel, names: Sequence[str]) -> None:
    check_distinct(kernel.name, [("name", name) for name in names])
    for name in names:
        if reason := unusable(name, FIXED):
            raise EquationError(f"{kernel.name}: {name}: {reason}")
    for statement in kernel.program.statements:
        if statement.term.op != "sum":
            raise EquationError(
                f"{kernel.name}: {statement.target.name}: expected sums, received a {statement.term.op}"
            )


def _sizes(kernel: Kernel) -> Iterator[Statement]:
    """Name every size: by the axes that are plain, by options, then by the formulas."""
    for tensor in kernel.arguments:
        yield from _axes(tensor, call("plain.shape", Name(tensor.name)))
    for tensor in kernel.shaped:
        yield from _axes(tensor, Name(shape_argument(tensor)))
    for option in kernel.options:
        value = call("plain.option", Name(option.name), Literal(len(option.symbols)))
        yield Assign(Group(tuple(map(variable, option.symbols))), value)
    for symbol, formula in kernel.program.sizes:
        yield let(symbol.name, size(formula))


def _axes(tensor: Tensor, extents: Expression) -> Iterator[Statement]:
    """The extents of a tensor that are symbols."""
    if tensor.shape:
        places = [e.name if isinstance(e, Symbol) else "_" for e in tensor.shape]
        yield Assign(Group(tuple(map(Name, places))), extents)


def _loops(form: Form) -> Body:
    """Add the body to its place, for every point of the box where the guards hold."""
    scalars = ArrayPrinter(WORDS, lambda a: _element(a.tensor, a.indices), lambda s, _: variable(s))
    value = scalars.value(form.body)
    body: Body = (Do(call("plain.add", Name(form.target.name), _place(form.place), value)),)
    if not form.place:
        body = (Assign(Name(form.target.name), value, "+="),)
    if form.guards:
        body = (If(every([_holds(g) for g in form.guards]), body),)
    for r in reversed(form.box):
        body = (For(variable(r.index), call("range", size(r.extent)), body),)
    return body


def _holds(guard: Guard) -> Expression:
    return Comparison((Literal(0), size(guard.value), size(guard.extent)), ("<=", "<"))


def _element(name: str, indices: Sequence[Expr]) -> Expression:
    return call("plain.read", Name(name), _place(indices)) if indices else Name(name)


def _place(indices: Sequence[Expr]) -> Expression:
    return Group(tuple(size(e) for e in indices))


TARGET = ListsTarget()
