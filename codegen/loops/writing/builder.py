"""Statements are put into the innermost body that is open; when it is complete, a loop or a condition takes it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from gradscribe.codegen.loops.text.c_function import FINAL_REAL, CBlock, CBody, Count, CStatement
from gradscribe.codegen.python.expression import Expression, Name
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.codegen.python.statement import Assign


class Builder:
    """The statements of a function under construction."""

    def __init__(self) -> None:
        self._body: list[CStatement] = []
        self.held: dict[Expression, Name] = {}

    @property
    def body(self) -> CBody:
        """What the open body holds."""
        return tuple(self._body)

    def put(self, *statements: CStatement) -> None:
        """Statements of the open body."""
        self._body += statements

    def new(self, kind: Name, target: Name, value: Expression) -> None:
        """A variable of that type and what it holds at first."""
        self.put(Assign(target, value, kind=kind))

    def let(self, target: Expression, value: Expression) -> None:
        """``target = value``."""
        self.put(Assign(target, value))

    def lets(self, targets: Iterable[Expression], values: Iterable[Expression]) -> None:
        """An assignment after the other."""
        self.put(*map(Assign, targets, values))

    def add(self, target: Expression, value: Expression, operator: str = "+") -> None:
        """``target += value``, or another operator."""
        self.put(Assign(target, value, f"{operator}="))

    def hold(self, value: Expression, name: Name) -> Name:
        """The variable that holds a number in the open body: `name`, unless one does already.

        Other bodies have variables of their own.
        """
        if value not in self.held:
            self.new(FINAL_REAL, name, value)
        return self.held.setdefault(value, name)

    @contextmanager
    def apart(self) -> Iterator[list[CStatement]]:
        """A body of its own, open for a while."""
        body: list[CStatement] = []
        outside = self._body, self.held
        self._body, self.held = body, {}
        yield body
        self._body, self.held = outside

    @contextmanager
    def block(self) -> Iterator[None]:
        """Statements whose variables are theirs, in braces if there are any."""
        with self.apart() as body:
            yield
        declares = any(isinstance(s, Assign) and s.kind is not None for s in body)
        self.put(*([CBlock(tuple(body))] if declares else body))

    @contextmanager
    def loop(self, index: Name, low: Expression, high: Expression, macro: str = "") -> Iterator[None]:
        """Statements for every index from `low` to `high`; `macro`: see `Count`."""
        with self.apart() as body:
            yield
        self.put(Count(index, low, high, tuple(body), macro))

    @contextmanager
    def upto(self, index: Name, high: Expression, macro: str = "") -> Iterator[None]:
        """Statements for every index from 0 on."""
        with self.loop(index, ZERO, high, macro):
            yield
