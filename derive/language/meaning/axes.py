"""What has an extent: an index, or an axis of a tensor; what messages call it, its size, and the order of sizes."""

from collections.abc import Collection, Sequence

from sympy import Expr, Symbol

from gradscribe.derive.language.meaning.scope import DOTS, Scope
from gradscribe.derive.language.syntax.located_error import Located, extent_as_index, stray_index
from gradscribe.derive.language.syntax.tree import Element, Ellipsis, Name, Place, walk

Key = tuple[str, int]
"""An index (name, -1) or an axis (tensor, number)."""


def called(key: Key) -> str:
    """The words for it."""
    name, axis = key
    return f"index {name}" if axis < 0 else f"axis {axis} of {name}"


def two_extents(index: Key, known: str, other: str, place: Place) -> Located:
    """An index that runs along axes of which the text says that they are not alike."""
    part = f", or say how far it runs: {index[0]} < {known}" if index[1] < 0 and index[0] != DOTS else ""
    return Located(f"{called(index)} has two extents, {known} and {other}; use another index{part}", place)


def no_extent(key: Key, scope: Scope, known: Collection[str]) -> Located:
    """An extent that does not follow: of the axis or index, unless a name that is not `known` is why it does not."""
    name, axis = key
    extents = {n.upper(): n for n in scope.indices if n.upper() not in scope.indices}
    for target in (e.target for e in scope.equations if isinstance(e.target, Element)):
        if wrong := next((s for s in target.subscripts if isinstance(s, Name) and s.name in extents), None):
            return extent_as_index(wrong.name, extents[wrong.name], wrong.at)
    for node in walk(tuple(e.value for e in scope.equations)):
        for subscript in node.subscripts if isinstance(node, Element) else ():
            if isinstance(subscript, Name) and subscript.name not in known:
                return stray_index(subscript.name, subscript.at)
    for node in walk(scope.equations):
        if axis < 0 and (
            (isinstance(node, Name) and node.name == name) or (isinstance(node, Ellipsis) and name == DOTS)
        ):
            return Located(f"the extent of index {name} does not follow; give it on a line: {name} < ...", node.at)
        if axis >= 0 and isinstance(node, Element) and node.tensor == name:
            return Located(
                f"the extent of axis {axis} of {name} does not follow; declare it: output {name}[...]", node.at
            )
    raise AssertionError("every index occurs in an equation")


def extent_of(index: str) -> str:
    """What stands for the extent of an index in a text, whatever that is called; no text can say it."""
    return f"Extent of {index}"


def name_for(members: Sequence[Key]) -> str:
    """The size's name: of the first index with it, else of its axis."""
    for name, axis in members:
        if axis < 0:
            return "E" if name == DOTS else name.upper()
    name, axis = members[0]
    return f"{name.upper()}{axis}"


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
