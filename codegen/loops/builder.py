"""Statements are put into the innermost body that is open; when it is complete, a loop or a condition takes it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from gradscribe.codegen.python.expression import Expression, Name, call
from gradscribe.codegen.python.statement import Assign, Body, For, Statement


class Builder:
    """The statements of a function under construction."""

    def __init__(self) -> None:
        self._body: list[Statement] = []
        self.held: dict[Expression, Name] = {}

    @property
    def body(self) -> Body:
        """What the open body holds."""
        return tuple(self._body)

    def put(self, *statements: Statement) -> None:
        """Statements of the open body."""
        self._body += statements

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
        """The variable that holds a value in the open body: `name`, unless one does already.

        Other bodies have variables of their own: what a loop has assigned last need not be what follows it means.
        """
        if value not in self.held:
            self.let(name, value)
        return self.held.setdefault(value, name)

    @contextmanager
    def apart(self) -> Iterator[list[Statement]]:
        """A body of its own, open for a while."""
        body: list[Statement] = []
        outside = self._body, self.held
        self._body, self.held = body, {}
        yield body
        self._body, self.held = outside

    @contextmanager
    def loop(self, index: Expression, *limits: Expression) -> Iterator[None]:
        """Statements within ``for index in range(*limits)``."""
        with self.apart() as body:
            yield
        self.put(For(index, call("range", *limits), tuple(body)))
