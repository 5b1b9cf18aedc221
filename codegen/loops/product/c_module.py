"""Layer or optimiser -> its two files of C: the header that people read, and the source."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gradscribe.codegen.files.emitted import Allowed, Emitted
from gradscribe.codegen.kernel.kernel import Kernel, evaluation, first_order, update_kernel
from gradscribe.codegen.loops.product.c_kernel import KernelInC, kernel_in_c, scratch_body
from gradscribe.codegen.loops.product.module_words import (
    DEFAULTS,
    WIDTH,
    about,
    constants,
    member,
    size_words,
    wrapped,
)
from gradscribe.codegen.loops.product.settings import Settings, check_names, settings_of
from gradscribe.codegen.loops.product.size_functions import SizeFunctions
from gradscribe.codegen.loops.text.c_comment import comment
from gradscribe.codegen.loops.text.c_names import spelled
from gradscribe.codegen.loops.text.c_printer import FUNCTIONS as OPERATORS
from gradscribe.codegen.loops.text.c_printer import WORDS, c_code, c_lines, parameters
from gradscribe.codegen.python.expression import Binary, Call, parts
from gradscribe.codegen.python.text.line_breaks import INDENT
from gradscribe.codegen.python.text.printer import CodeLine
from gradscribe.codegen.python.text.render import C_MARK, EQUATIONS, render
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser

TEMPLATE = "product"
"""What both files name in their first line: the folder of their templates."""
HEADER, SOURCE = "product/header.h.jinja", "product/source.c.jinja"
DEFINED = (
    *("floor_quotient", "floor_remainder", "power", "least", "most", "real", "square", "relu", "sigmoid", "softplus"),
    *("larger", "smaller", "sign_of", "whole", "above", "below", "too_many"),
)
"""The functions of ``product/functions.jinja``, in the order in which they stand."""
LIBRARY = (
    *("assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "iso646", "limits", "locale", "math"),
    *("setjmp", "signal", "stdalign", "stdarg", "stdatomic", "stdbool", "stddef", "stdint", "stdio", "stdlib"),
    *("stdnoreturn", "string", "tgmath", "threads", "time", "uchar", "wchar", "wctype"),
)
"""Headers that C has itself: a layer's would be found in their place."""


@dataclass(frozen=True)
class FunctionContext:
    """A function: finished lines of C; `scratch` are those of the function that says what memory it needs."""

    name: str
    words: Sequence[str]
    declared: Sequence[str] = ()
    parameters: Sequence[str] = ()
    lines: Sequence[str] = ()
    scratch: Sequence[str] = ()


@dataclass(frozen=True)
class PrintedInC:
    """A function of the source, see `codegen.files.emitted.Printed`; its plan is not kept."""

    listing: Sequence[CodeLine]
    source: None = None
    places: Mapping[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HeaderContext:
    """All fields of ``product/header.h.jinja``."""

    mark: str
    about: Sequence[str]
    guard: str
    constants: Sequence[str]
    struct: str
    members: Sequence[str]
    defaults_words: Sequence[str]
    defaults: str
    check: str
    sizes: Sequence[FunctionContext]
    functions: Sequence[FunctionContext]


@dataclass(frozen=True)
class SourceContext:
    """All fields of ``product/source.c.jinja``."""

    mark: str
    about: Sequence[str]
    header: str
    called: Sequence[str]
    struct: str
    given: Sequence[str]
    defaults: str
    initial: Sequence[str]
    sizes: Sequence[FunctionContext]
    check: str
    checks: Sequence[str]
    functions: Sequence[FunctionContext]


def c_module(item: Layer | Optimiser) -> Emitted:
    """The source of a layer or an optimiser, its header beside it.

    Raises:
        EquationError: for what has no name or no function in C.
    """
    layer = item.layer if isinstance(item, Optimiser) else item
    if layer.name in LIBRARY:
        raise EquationError(f"{layer.name}: C has a header of this name itself; expected another name")
    kernels = kernels_of(item)
    settings = settings_of(layer, kernels)
    sizes = SizeFunctions(settings)
    made = [kernel_in_c(kernel, settings, sizes.called) for kernel in kernels]
    return _Module(settings, sizes, made).emitted()


def kernels_of(item: Layer | Optimiser) -> tuple[Kernel, ...]:
    """The kernels that become functions: those of first order, and what holds after training."""
    if isinstance(item, Optimiser):
        return (update_kernel(item),)
    after = evaluation(item)
    return (*first_order(item), *([after] if after is not None else []))


class _Module:
    def __init__(self, settings: Settings, sizes: SizeFunctions, made: Sequence[KernelInC]) -> None:
        self.settings, self.sizes, self.made = settings, sizes, made
        self.prefix = spelled(settings.layer.name)
        self.bodies = {symbol: sizes.derived(symbol, definition) for symbol, definition in settings.sizes}
        self.given, self.whole = sizes.given(), sizes.whole()
        self.memory = {m.name: scratch_body(m, settings, sizes.called) for m in made if m.scratch}
        check_names(settings.layer, self._names())

    def _names(self) -> Iterator[str]:
        yield from (f"{self.prefix}_{word}" for word in ("settings", "defaults", "check"))
        yield from self.sizes.called.values()
        yield from (m.name for m in self.made)
        yield from (f"{name}_scratch" for name in self.memory)

    def emitted(self) -> Emitted:
        """Both files."""
        layer = self.settings.layer
        mark = f"{C_MARK} {EQUATIONS} {layer.name}, template {TEMPLATE}."
        mark = f"{mark}\n * Do not edit: change the equation and run: gradscribe generate --backend c */"
        shared = (f"{self.prefix}_settings", f"{self.prefix}_defaults", f"{self.prefix}_check")
        header = HeaderContext(
            mark,
            comment(list(wrapped(about(self.settings.layer))), WIDTH),
            f"{self.prefix.upper()}_H",
            constants(self.settings, (self.given, self.whole, *(m.function.body for m in self.made))),
            shared[0],
            [member(f) for f in self.settings.fields],
            comment([DEFAULTS], WIDTH),
            shared[1],
            shared[2],
            [
                FunctionContext(self.sizes.called[s], comment([size_words(self.settings, s)], WIDTH))
                for s in self.bodies
            ],
            [self._declared(m) for m in self.made],
        )
        source = SourceContext(
            mark,
            comment(["The interface, and what each function is given, stands in the header."], WIDTH),
            f"{layer.name}.h",
            self._called(),
            shared[0],
            c_lines(self.given),
            shared[1],
            [f".{f.name} = {f.default}," for f in self.settings.fields if f.default not in ("", "0", "0.0")] or ["0"],
            [FunctionContext(self.sizes.called[s], (), lines=c_lines(body)) for s, body in self.bodies.items()],
            shared[2],
            c_lines(self.whole),
            [self._defined(m) for m in self.made],
        )
        beside = Emitted(layer.name, render(HEADER, header), {}, Allowed(), suffix=".h")
        names = tuple(m.name for m in self.made)
        printed = {m.name: self._printed(m) for m in self.made}
        return Emitted(layer.name, render(SOURCE, source), {}, Allowed(), names, printed, (beside,), ".c")

    def _declared(self, made: KernelInC) -> FunctionContext:
        plain = replace(made.function, parameters=made.declared)
        memory = self.memory.get(made.name)
        return FunctionContext(
            made.name,
            comment(list(wrapped(made.words)), WIDTH),
            parameters(plain),
            scratch=["there"] if memory else [],
        )

    def _defined(self, made: KernelInC) -> FunctionContext:
        memory = self.memory.get(made.name)
        return FunctionContext(
            made.name,
            (),
            parameters=parameters(made.function),
            lines=c_lines(made.function.body),
            scratch=c_lines(memory) if memory else [],
        )

    def _printed(self, made: KernelInC) -> PrintedInC:
        *others, last = parameters(made.function)
        head = (f"int {made.name}(", *(INDENT + line for line in others), f"{INDENT}{last})", "{")
        return PrintedInC((*map(CodeLine, head), *c_code(made.function.body), CodeLine("}")))

    def _called(self) -> list[str]:
        """The functions of the template that the module calls."""
        bodies = (self.given, self.whole, *self.bodies.values(), *(m.function.body for m in self.made))
        return [name for name in DEFINED if name in _calls((*bodies, *self.memory.values()))]


def _calls(bodies: Iterable[object]) -> set[str]:
    found: set[str] = set()
    for part in parts(tuple(bodies)):
        if isinstance(part, Call):
            found |= {WORDS.get(part.name, part.name)} if part.name not in WORDS or len(part.arguments) > 1 else set()
        elif isinstance(part, Binary) and part.operator in OPERATORS:
            found.add(OPERATORS[part.operator])
    return found
