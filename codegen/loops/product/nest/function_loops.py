"""The variables of one function in C, and loops and conditions around its statements."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce

from sympy import Expr, Symbol

from gradscribe.codegen.loops.product.nest.c_scalars import MATH, DoublePrinter
from gradscribe.codegen.loops.product.settings import MACROS, Settings
from gradscribe.codegen.loops.text.c_function import CBlock, CIf, Count
from gradscribe.codegen.loops.text.c_names import CNames, spelled
from gradscribe.codegen.loops.writing.builder import Builder
from gradscribe.codegen.python.expression import Attribute, Binary, Expression, Literal, Name, Part, call, every
from gradscribe.codegen.python.scalars.scalar import size
from gradscribe.codegen.python.statement import Assign
from gradscribe.derive.ir.term import Tensor

SIZE, FINAL_SIZE, FINAL_REAL = Name("ptrdiff_t"), Name("const ptrdiff_t"), Name("const REAL")
ZERO, ONE, NULL = Literal(0), Literal(1), Name("NULL")
SETTINGS = "settings"
TAKEN = (
    *(*MATH, *MACROS, "NULL", "INFINITY", "INT32_MAX", "REAL", "ptrdiff_t"),
    *("given", "isfinite", "isnan", "too_many"),
)
"""What the code of functions reads besides names of equations."""


class Loops(Builder):
    """The loops of one function, and the names in it.

    Args:
        tensors: all of the program, by name; arrays that are given first.
        integers: the names of those that hold integers.
        filled: arrays that count as 0 or 1 where they are absent, and are read all the same.
        settings: what the function is given besides.
    """

    def __init__(self, tensors: Mapping[str, Tensor], integers: set[str], filled: set[str], settings: Settings) -> None:
        super().__init__()
        self.tensors, self.integers, self.filled = tensors, integers, filled
        self.fields, self.whole = settings.members, {f.symbol for f in settings.fields if f.whole}
        self.names = CNames()
        prefix = spelled(settings.layer.name)
        self.names.take((*TAKEN, f"{prefix}_check", *(f"{prefix}_{spelled(s.name)}" for s, _ in settings.sizes)))
        self.settings = Name(self.names.own(SETTINGS, "parameter"))
        self.scratch = Name(self.names.own("scratch", "parameter"))
        self.sizes: dict[Symbol, Name] = {}
        self.numbers: dict[Expr, Name] = {}
        for name in tensors:
            self.array(name)

    # ----- names ----------------------------------------------------------------------------------------------------
    def array(self, name: str) -> Name:
        """The variable of an array."""
        return Name(self.names.own(name, "array"))

    def symbol(self, symbol: Symbol) -> Expression:
        """The variable of a size or an index."""
        return self.sizes.setdefault(symbol, Name(self.names.own(symbol.name, "size")))

    def setting(self, symbol: Symbol) -> Expression:
        """A size as a variable, another number as the settings have it."""
        whole = symbol.is_integer or symbol in self.whole
        return self.symbol(symbol) if whole else Attribute(self.settings, self.fields[symbol])

    def number(self, e: Expr) -> Expression:
        """The variable of a number that is computed before all loops; an integer is one of settings."""
        if isinstance(e, Symbol) and e in self.whole:
            return self.symbol(e)
        word = e.name if isinstance(e, Symbol) else f"number_{sum(not k.is_Symbol for k in self.numbers) + 1}"
        return self.numbers.setdefault(e, Name(self.names.own(word, "number")))

    def index(self, symbol: Symbol) -> Name:
        """The variable of an index."""
        return Name(self.names.own(symbol.name, "index"))

    def integer(self, e: Expr, indices: Sequence[Symbol] = ()) -> Expression:
        """An integer of sizes and indices."""
        return size(e, lambda s: self.index(s) if s in indices else self.symbol(s))

    def numbered(self) -> Iterator[Assign]:
        """The statements that compute the numbers before all loops."""
        doubles = DoublePrinter(self.setting)
        for e, name in self.numbers.items():
            yield Assign(name, call("real", doubles.value(e)), kind=FINAL_REAL)

    # ----- loops ----------------------------------------------------------------------------------------------------
    def clear(self, target: Tensor, value: Expression = ZERO) -> None:
        """Fill an array, with zeros unless another value is given."""
        index, count = Name(self.names.own("at", "every element")), _product(target.shape, self.integer)
        with self.counted(index, ZERO, count):
            self.let(Part(self.array(target.name), (index,)), value)

    @contextmanager
    def counted(self, index: Name, low: Expression, high: Expression) -> Iterator[None]:
        """Statements within a loop."""
        with self.apart() as body:
            yield
        self.put(Count(index, low, high, tuple(body), kind=SIZE))

    @contextmanager
    def block(self) -> Iterator[None]:
        """Statements whose variables are their own."""
        with self.apart() as body:
            yield
        alone = len(body) == 1 or not any(isinstance(s, Assign) and s.kind for s in body)
        self.put(*(body if alone else [CBlock(tuple(body))]))

    @contextmanager
    def when(self, tests: Sequence[Expression]) -> Iterator[None]:
        """Statements where all `tests` hold; without tests they stand as they are."""
        if not tests:
            yield
            return
        with self.apart() as body:
            yield
        self.put(CIf(every(tests), tuple(body)))


def joined_by(operator: str, left: Expression, right: Expression) -> Expression:
    """A sum or a product from the left, without brackets where `right` is one, too."""
    alike = ("+", "-") if operator == "+" else (operator,)
    if isinstance(right, Binary) and right.operator in alike:
        return Binary(right.operator, joined_by(operator, left, right.left), right.right)
    return Binary(operator, left, right)


def _product(extents: Sequence[Expr], integer: Callable[[Expr], Expression]) -> Expression:
    """The number of elements."""
    return reduce(lambda a, b: joined_by("*", a, b), [integer(e) for e in extents if e != 1] or [ONE])
