"""Settings -> the functions that check them, and that compute the sizes which follow from them."""

from collections.abc import Iterator, Mapping
from math import inf

from sympy import Expr, Mul, Symbol

from gradscribe.codegen.loops.product.nest.c_scalars import DoublePrinter
from gradscribe.codegen.loops.product.nest.function_loops import FINAL_SIZE, ZERO, Loops
from gradscribe.codegen.loops.product.settings import Field, Settings, slides
from gradscribe.codegen.loops.text.c_function import CBody, CIf, CStatement
from gradscribe.codegen.loops.text.c_names import spelled
from gradscribe.codegen.python.expression import (
    Attribute,
    Binary,
    Comparison,
    Expression,
    Literal,
    Name,
    Unary,
    call,
    chain,
    every,
)
from gradscribe.codegen.python.statement import Assign, Return
from gradscribe.derive.layer.interval import LARGEST

FAULTS = {
    "SIZE": "a size, given or following from others, is negative or above INT32_MAX, or an array fits no memory",
    "OPTION": "an option has a value that it cannot have",
    "WINDOW": "no window fits: the kernel is larger than the padded input",
    "CONDITION": "the sizes and options do not go together",
    "LABEL": "an integer is not the number of an element",
}
"""What functions may return besides 0."""

MOST = Name("INT32_MAX")


class SizeFunctions:
    """The bodies of these functions.

    Args:
        settings: what is given.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings, self.prefix = settings, spelled(settings.layer.name)
        self.called = {s: f"{self.prefix}_{spelled(s.name)}" for s, _ in settings.sizes}

    def fault(self, word: str) -> Return:
        """Say what does not fit."""
        return Return((Name(f"{self.prefix.upper()}_{word}"),))

    def given(self) -> CBody:
        """Check every member by itself."""
        loops = self._loops()
        tests = [
            CIf(test, (self.fault("OPTION" if f.option else "SIZE"),))
            for f in self.settings.fields
            for test in _outside(f, loops)
        ]
        return (*tests, self.fault("OK"))

    def derived(self, symbol: Symbol, definition: Expr) -> CBody:
        """Compute a size; -1 where a member does not fit."""
        loops = self._loops()
        value = loops.integer(definition)
        fits = Comparison((call("given", loops.settings), Name(f"{self.prefix.upper()}_OK")), ("!=",))
        return (CIf(fits, (Return((Literal(-1),)),)), *self._bound(loops), Return((value,)))

    def whole(self) -> CBody:
        """Check the members, the sizes that follow from them, and what the layer asks for."""
        loops = self._loops()
        found: list[CStatement] = []
        for symbol, definition in self.settings.sizes:
            least, word = (1, "WINDOW") if slides(definition) else (0, "SIZE")
            size = loops.symbol(symbol)
            found.append(CIf(Comparison((size, MOST), (">",)), (self.fault("SIZE"),)))
            found.append(CIf(Comparison((size, Literal(least)), ("<",)), (self.fault(word),)))
        for factors in dict.fromkeys(tuple(f for e in s for f in Mul.make_args(e)) for s in self.settings.shapes):
            if sum(not f.is_Integer for f in factors) > 1:
                count = chain("*", [Literal(1.0), *map(loops.integer, factors)])
                found.append(CIf(call("too_many", count), (self.fault("SIZE"),)))
        doubles = DoublePrinter(loops.setting)
        for requirement in self.settings.layer.requirements:
            for e in requirement.expressions:
                value = doubles.value(e) if not e.is_integer else loops.integer(e)
                found.append(CIf(Comparison((value, ZERO), ("<",)), (self.fault("CONDITION"),)))
        given = call("given", loops.settings)
        if not found:
            return (Return((given,)),)
        fault = Name("fault")
        test = Comparison((fault, Name(f"{self.prefix.upper()}_OK")), ("!=",))
        first = (Assign(fault, given, kind=Name("const int")), CIf(test, (Return((fault,)),)))
        return (*first, *self._bound(loops), *found, self.fault("OK"))

    def _loops(self) -> Loops:
        return Loops({}, set(), set(), self.settings)

    def _bound(self, loops: Loops) -> Iterator[Assign]:
        yield from bound_sizes(loops, self.settings, self.called)


def bound_sizes(loops: Loops, settings: Settings, called: Mapping[Symbol, str]) -> Iterator[Assign]:
    """The statements that give the sizes which loops read their names."""
    for symbol in [s for s in (*settings.members, *called) if s in loops.sizes]:
        given = symbol in settings.members
        value: Expression = (
            Attribute(loops.settings, settings.members[symbol]) if given else call(called[symbol], loops.settings)
        )
        yield Assign(loops.sizes[symbol], value, kind=FINAL_SIZE)


def _outside(field: Field, loops: Loops) -> Iterator[Expression]:
    """Whether a member has a value that it cannot have; a real one that is infinite or NaN has it, too."""
    value, values = Attribute(loops.settings, field.name), field.values
    if field.whole:
        low = Literal(int(values.low))
        high = MOST if values.high == LARGEST else Literal(int(values.high))
        yield Binary("||", Comparison((value, low), ("<",)), Comparison((value, high), (">",)))
        return
    inside: list[Expression] = []
    if values.low == -inf or values.high == inf:
        inside.append(call("isfinite", value))
    if values.low != -inf:
        inside.append(Comparison((value, Literal(float(values.low))), (">" if values.above else ">=",)))
    if values.high != inf:
        inside.append(Comparison((value, Literal(float(values.high))), ("<" if values.below else "<=",)))
    if values.without is not None:
        inside.append(Comparison((value, Literal(float(values.without))), ("!=",)))
    yield Unary("not", every(inside))
