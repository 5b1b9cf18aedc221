"""``rearrange('n l (h d) -> n h l d', h=4)``: axes by name, divided, joined, moved; the words are those of einops.

Such a step is a layer like others, with one equation: ``y[n, h, l, d] = x[n, l, D*h + d]``.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from gradscribe.derive.composition.network import NetworkError
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.quote import listed, quoted
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Kind, Layer, Option

REARRANGE = "rearrange"
MOST_AXES = 12
SOURCE = "Rogozhnikov, Einops: clear and reliable tensor manipulations with Einstein-like notation, 2022"

Groups = tuple[tuple[str, ...], ...]
"""The axes of a tensor, each a product of named ones."""


def rearranged(pattern: Any, known: Sequence[str], where: str) -> Layer:
    """The layer of a pattern.

    Args:
        pattern: what it reads and what it makes: ``n l (h d) -> n h l d``.
        known: the axes whose sizes are settings.
        where: the network and the step, for messages.

    Raises:
        NetworkError: for what is no pattern, an axis that appears or disappears, and sizes that nothing says.
    """
    if not isinstance(pattern, str) or pattern.count("->") != 1:
        said = "expected a pattern such as 'n l (h d) -> n h l d'"
        raise NetworkError(f"{where}: {said}, received {quoted(pattern) if pattern is not None else 'none'}")
    before, after = (_groups(side, where) for side in pattern.split("->"))
    axes, made = ([axis for group in side for axis in group] for side in (before, after))
    for name, found in (("left", axes), ("right", made)):
        doubled = next((a for a in found if found.count(a) > 1), None)
        if doubled is not None:
            raise NetworkError(f"{where}: {doubled} stands twice on the {name}; expected each axis once")
    if set(axes) != set(made):
        gone = next(iter(a for a in (*axes, *made) if (a in axes) != (a in made)))
        side = "left" if gone in axes else "right"
        raise NetworkError(f"{where}: {gone} stands on the {side} only; expected the same axes on both sides")
    if not axes or len(axes) > MOST_AXES:
        raise NetworkError(f"{where}: expected 1 to {MOST_AXES} axes, received {len(axes)}")
    for axis in known:
        if axis not in axes:
            raise NetworkError(f"{where}: {quoted(axis)} is no axis of the pattern; expected one of {listed(axes)}")
    for group in before:
        unknown = [a for a in group if a not in known]
        if len(group) != 1 and len(unknown) > 1:
            said = f"({' '.join(group)}) is divided: expected the sizes of all but one of {listed(group)}"
            raise NetworkError(f"{where}: {said}, such as {unknown[0]}=2")
    return _layer(before, after, tuple(axes), tuple(known))


@cache
def _layer(before: Groups, after: Groups, axes: tuple[str, ...], known: tuple[str, ...]) -> Layer:
    letters = dict(zip(axes, _letters(axes), strict=True))
    extents = {axis: f"{letter.upper()}" for axis, letter in letters.items()}
    shapes = (", ".join("*".join(extents[a] for a in group) for group in side) for side in (before, after))
    places = (
        ", ".join(_digits([(letters[a], extents[a]) for a in group]) for group in side) for side in (before, after)
    )
    (read_from, made), (source, target) = shapes, places
    ranges = "\n".join(f"{letters[a]} < {extents[a]}" for a in axes)
    return read(
        f"input x[{read_from}]\noutput y[{made}]\n{ranges}\ny[{target}] = x[{source}]",
        REARRANGE,
        title="axes in another order",
        options=tuple(Option(a, (integer(extents[a]),), Kind.COUNT) for a in known),
        source=SOURCE,
    )


def _groups(side: str, where: str) -> Groups:
    """The axes of one side of a pattern."""
    words = re.findall(r"\([^()]*\)|[^\s()]+|[()]", side)
    groups = tuple(tuple(word.strip("()").split()) for word in words)
    wrong = next((a for g in groups for a in g if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", a)), None)
    if wrong is not None or not all(groups):
        said = "expected names of axes, those of one axis in parentheses"
        raise NetworkError(f"{where}: {said}, received {quoted(wrong or side.strip())}")
    return groups


def _letters(axes: Sequence[str]) -> Iterator[str]:
    """An index for each axis: its own letter where that is one, and free."""
    taken: set[str] = set()
    for axis in axes:
        wanted = [axis.lower()] if len(axis) == 1 else []
        letter = next(c for c in (*wanted, *axis[0].lower(), *"ijklrtuvabcdefghmnopqsw") if c not in taken | {"x", "y"})
        taken.add(letter)
        yield letter


def _digits(group: Sequence[tuple[str, str]]) -> str:
    """The position in row-major order: ``D*h + d``."""
    parts = []
    for place, (letter, _) in enumerate(group):
        parts.append("*".join((*(extent for _, extent in group[place + 1 :]), letter)))
    return " + ".join(parts)
