"""Products that grow by one factor, and what their factors get of them, in C: each row of factors is gone along twice.

See `derive.calculus.programs.products.running_products`. Nothing is divided, so that factors may be 0.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from sympy import Expr, Symbol

from gradscribe.codegen.loops.product.nest.arrangement import reading
from gradscribe.codegen.loops.product.nest.element_loops import DOUBLE, Nest
from gradscribe.codegen.loops.product.nest.function_loops import FINAL_SIZE, ONE, SIZE, ZERO, Loops
from gradscribe.codegen.loops.text.c_function import CWhile
from gradscribe.codegen.python.expression import Binary, Comparison, Expression, Name, Part, call, every
from gradscribe.derive.calculus.programs.products.running_products import Running, Slopes
from gradscribe.derive.ir.functions import admission
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.term import Program, Tensor, Term


def write_running(loops: Loops, found: Running, target: Tensor, program: Program) -> None:
    """Write the loops of a running product.

    Args:
        loops: the function that they stand in.
        found: the product.
        target: the array of products.
        program: that of the kernel.
    """
    row = _Row(loops, found, target, program)
    with row.rows():
        if found.first is None:
            row.before(loops.let)
            row.behind(lambda at, product: loops.add(at, product, "*"))
        else:
            row.growing(found.first, found.backwards)


def write_slopes(loops: Loops, found: Slopes, target: Tensor, program: Program) -> None:
    """Write the loops of what factors get of all products.

    Args:
        loops: the function that they stand in.
        found: the products, and what each passes on.
        target: the array of what the factors get.
        program: that of the kernel.
    """
    row = _Row(loops, found.product, target, program)
    with row.rows():
        row.rest(found.weights)
        (row.behind if found.product.backwards else row.before)(lambda at, product: loops.add(at, product, "*"))


class _Row:
    """The loops around rows, and along one."""

    def __init__(self, loops: Loops, found: Running, target: Tensor, program: Program) -> None:
        self.loops, self.found, self.target, self.program = loops, found, target, program
        ((self.place,), (self.row,)) = found.places, found.row
        self.j, self.i = loops.index(self.row.index), loops.index(self.place.index)
        self.nest = self._nest(found.element)

    def _nest(self, term: Term) -> Nest:
        """What reads a value over the indices of a term."""
        conditions, value = admission(term.body)
        ranges = tuple(dict.fromkeys((*term.free, self.row, self.place)))
        return Nest(self.loops, reading(value, ranges, self.program, conditions, term.guards))

    @contextmanager
    def rows(self) -> Iterator[None]:
        """The loops over all rows."""
        outer = [r.index for r in self.found.element.free if r != self.row]
        with self.loops.block(), ExitStack() as stack:
            self.nest.over(stack, outer, ())
            yield

    # ----- along a row ----------------------------------------------------------------------------------------------
    def before(self, taken: Callable[[Part, Expression], None]) -> None:
        """At each factor the product of those before it, which goes to an element of the target."""
        with self._product() as product, self.loops.counted(self.j, ZERO, self._extent()):
            taken(self._element(self.row.index), call("real", product))
            self._multiply(product)

    def behind(self, taken: Callable[[Part, Expression], None]) -> None:
        """At each factor the product of those behind it."""
        with self._product() as product, self._backwards(self.row.index, self.j, self._extent()):
            taken(self._element(self.row.index), call("real", product))
            self._multiply(product)

    def growing(self, first: Expr, backwards: bool) -> None:
        """At each place the product of the factors up to there, or from there on."""
        loops, extent = self.loops, self._extent()
        number = loops.integer(self.place.extent)
        end = loops.integer(self.place.index + first, (self.place.index,))
        with self._product() as product:
            loops.new(SIZE, self.j, extent if backwards else ZERO)
            if backwards:
                with self._backwards(self.place.index, self.i, number):
                    with self._while([Comparison((ZERO, self.j), ("<",)), Comparison((end, self.j), ("<",))]):
                        loops.add(self.j, ONE, "-")
                        self._multiply(product)
                    loops.let(self._element(self.place.index), call("real", product))
                return
            with loops.counted(self.i, ZERO, number):
                with self._while([Comparison((self.j, extent), ("<",)), Comparison((self.j, end), ("<",))]):
                    self._multiply(product)
                    loops.add(self.j, ONE)
                loops.let(self._element(self.place.index), call("real", product))

    def rest(self, weights: Term) -> None:
        """At each factor the sum of what products pass on, each times its factors behind this one (or before it)."""
        loops, weighing, found = self.loops, self._weighing(weights), self.found
        first = loops.integer(self.place.index + (found.first or 0), (self.place.index,))
        number, extent = loops.integer(self.place.extent), self._extent()
        rest, factor = (Name(loops.names.own(word, "variable")) for word in ("rest", "factor"))
        with loops.block():
            loops.new(DOUBLE, rest, ZERO)
            loops.new(DOUBLE, factor, ONE)
            loops.new(SIZE, self.i, ZERO if found.backwards else Binary("-", number, ONE))
            way = loops.counted(self.j, ZERO, extent)
            with way if found.backwards else self._backwards(self.row.index, self.j, extent):
                loops.add(rest, factor, "*")
                ends = (number, "<", "<=") if found.backwards else (ZERO, ">=", ">")
                with self._while([Comparison((self.i, ends[0]), ends[1:2]), Comparison((first, self.j), ends[2:])]):
                    with loops.when(weighing.tests()):
                        loops.add(rest, weighing.scalars.value(weighing.form.body))
                    loops.add(self.i, ONE, "+" if found.backwards else "-")
                loops.let(self._element(self.row.index), call("real", rest))
                tests = self.nest.tests()
                loops.lets([factor] if tests else [], [ONE])
                with loops.when(tests):
                    loops.let(factor, self.nest.scalars.value(self.nest.form.body))

    def _weighing(self, weights: Term) -> Nest:
        """What reads weights, whose rows have the indices of the factors' rows."""
        axis = self.found.axis
        own = [r for k, r in enumerate(self.found.element.free) if k != axis]
        theirs = [r for k, r in enumerate(weights.free) if k != axis]
        names = {t.index: o.index for t, o in zip(theirs, own, strict=True)} | {
            weights.free[axis].index: self.place.index
        }
        apart = {v: integer(f"_{k}") for k, v in enumerate(names)}
        return self._nest(weights.rename(apart).rename({apart[v]: name for v, name in names.items()}))

    # ----- parts ----------------------------------------------------------------------------------------------------
    def _extent(self) -> Expression:
        return self.loops.integer(self.row.extent)

    def _element(self, index: Symbol) -> Part:
        """The element of the target in this row, at an index."""
        axis = self.found.axis
        own = [r.index for r in self.found.element.free]
        return self.nest.element(self.target.name, [*own[:axis], index, *own[axis + 1 :]])

    def _multiply(self, product: Name) -> None:
        with self.loops.when(self.nest.tests()):
            self.loops.add(product, self.nest.scalars.value(self.nest.form.body), "*")

    @contextmanager
    def _product(self) -> Iterator[Name]:
        """A variable of its own for a product."""
        product = Name(self.loops.names.own("product", "variable"))
        with self.loops.block():
            self.loops.new(DOUBLE, product, ONE)
            yield product

    @contextmanager
    def _backwards(self, index: Symbol, name: Name, extent: Expression) -> Iterator[None]:
        """A loop from the end to the beginning."""
        turn = Name(self.loops.names.own(f"{index.name}_turned", "index"))
        with self.loops.counted(turn, ZERO, extent):
            self.loops.new(FINAL_SIZE, name, Binary("-", Binary("-", extent, ONE), turn))
            yield

    @contextmanager
    def _while(self, tests: list[Comparison]) -> Iterator[None]:
        with self.loops.apart() as body:
            yield
        self.loops.put(CWhile(every(tests), tuple(body)))
