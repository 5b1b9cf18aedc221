"""Derived sizes in an order in which each is known when it is asked for."""

from collections.abc import Sequence

from sympy import Expr, Symbol

from gradscribe.derive.language.meaning.scope import Scope
from gradscribe.derive.language.syntax.located_error import Located
from gradscribe.derive.language.syntax.tree import Name


def in_order(sizes: Sequence[tuple[Symbol, Expr]], scope: Scope) -> tuple[tuple[Symbol, Expr], ...]:
    """The derived sizes, each after those that it uses.

    Raises:
        Located: when one is defined by itself.
    """
    waiting, done = list(sizes), []
    while waiting:
        names = {s for s, _ in waiting}
        ready = [(s, e) for s, e in waiting if not e.free_symbols & names]
        if not ready:
            name = waiting[0][0].name
            defining = [e.at for e in scope.sizes if isinstance(e.target, Name)]
            place = (*defining, scope.equations[0].at)[0]  # an extent may follow from a window that it moves
            raise Located(f"the size {name} is defined by itself", place)
        done += ready
        waiting = [w for w in waiting if w not in ready]
    return tuple(done)
