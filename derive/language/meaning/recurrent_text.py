"""Recurrences in a text: tensors that read themselves, or each other, at ``t - 1``, and lines that say how they start.

    h[n,t,k] = tanh(a[n,t,k] + sum(j) h[n,t-1,j] * u[j,k])
    h[n,-1,k] = h0[n,k]

What is read at t - 1 becomes a tensor of its own, h[n,t-1,k] where that is on the axis, else what the text says of -1:

    h_before[n,t,k] = h[n,t-1,k]
    h_before[n,t,k] += [t - 1 == -1] * h0[n,k]

A start of 0 needs none, for what lies beyond an axis is 0. Which tensors are computed together, and in which order of
positions, follows from the equations (`derive.ir.interpret.recurrence`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gradscribe.derive.language.syntax.located_error import Located
from gradscribe.derive.language.syntax.tree import (
    Bracket,
    Comparison,
    Element,
    Ellipsis,
    Equation,
    Name,
    Node,
    Number,
    Product,
    Sum,
    Text,
    rebuilt,
    walk,
)

TWO = (
    "{} goes along two indices at once; expected one that every read goes back along, such as t in t - 1,"
    " or the diagonals of both, such as s in s - 1 with s = i + j"
)


@dataclass(frozen=True)
class Step:
    """A read of a circle of tensors: which axis of the target goes along which of the tensor read, and how far off."""

    equation: Equation
    element: Element
    target_axis: int
    axis: int
    distance: int


@dataclass(frozen=True)
class Start:
    """``h[n,-1,k] = h0[n,k]``: what a tensor is at a position beyond its axis."""

    equation: Equation
    axis: int
    position: Node


def begun(text: Text) -> Text:
    """The text with what recurrences start from put where it is read.

    Raises:
        Located: when tensors depend on each other and nothing says in which order they are computed, or a start is
            missing or has nothing to start.
    """
    starts, behind = _starts(text)
    own = {start.equation for found in starts.values() for start in found}
    plain = [e for e in text.equations if e not in own]
    circles = _circles(plain)
    started = {(name, start.axis) for name, found in starts.items() for start in found}
    reads = [read for e in plain for read in _reads(e, circles)]
    steps = [read.along(_axis(read, reads, started)) for read in reads]
    for step in steps:
        if step.distance:
            starts[step.element.tensor] = _along(step, starts.get(step.element.tensor, []))
            _check_start(step, starts[step.element.tensor])
    read = {step.element.tensor for step in steps if step.distance}
    for name, found in starts.items():
        if name not in read:
            at = found[0].equation.target.at
            hint = "; for elements behind those of another equation write +=" if found[0].equation in behind else ""
            raise Located(f"this is where {name} starts, but no equation reads {name} at an earlier position{hint}", at)
    for equation in behind:
        if equation.accumulates and _named(equation.target) in read:
            raise Located("a start is one equation; expected = here", equation.at)
    return _written_out(text, plain, starts) if own else text


def goes_along(equation: Equation, element: Element) -> bool:
    """Whether an element is read at another position of an index of the left side, as a recurrence reads it."""
    return any(distance for _, _, distance in _shifts(equation, element))


# ----- what the equations say -----
def _starts(text: Text) -> tuple[dict[str, list[Start]], tuple[Equation, ...]]:
    """The equations for a position beyond an axis, by tensor, and those of them for the axis's extent and more.

    One that adds to such a position is a start of nothing: it joins elements to those of another equation.
    """
    found: dict[str, list[Start]] = {}
    behind: list[Equation] = []
    for equation in text.equations:
        target = equation.target
        for axis, node in enumerate(target.subscripts if isinstance(target, Element) else ()):
            main = _main(text, equation, axis)
            if main is not None and _is_beyond(node, main):
                behind += [equation] if _shift(node) else []
                if not equation.accumulates:
                    found.setdefault(_named(target), []).append(Start(equation, axis, node))
                elif not _shift(node):
                    raise Located("a start is one equation; expected = here", equation.at)
    return found, tuple(behind)


def _main(text: Text, start: Equation, axis: int) -> Name | None:
    """The index that another equation of the same tensor has for an axis."""
    for other in text.equations:
        subscripts = other.target.subscripts if isinstance(other.target, Element) else ()
        if other is not start and _named(other.target) == _named(start.target) and len(subscripts) > axis:
            index = subscripts[axis]
            if isinstance(index, Name):
                return index
    return None


def _is_beyond(node: Node, index: Name) -> bool:
    """Whether a position is -1, -2, ..., or T, T + 1, ... of an index t."""
    if isinstance(node, Sum) and len(node.parts) == 1:
        sign, number = node.parts[0]
        return sign == "-" and isinstance(number, Number)
    name, _ = _shift(node) or ("", 0)
    return name == index.name.upper() != index.name


def _circles(equations: list[Equation]) -> dict[str, frozenset[str]]:
    """The tensors that depend on each other, or on themselves, by name."""
    reads: dict[str, set[str]] = {}
    for e in equations:
        names = {_named(n) for n in walk(e.value) if isinstance(n, Element)}
        reads.setdefault(_named(e.target), set()).update(names)
    behind = {name: _reached(name, reads) for name in reads}
    return {n: frozenset(m for m in own if n in behind.get(m, ())) for n, own in behind.items() if n in own}


def _reached(name: str, reads: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [*reads[name]]
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += reads.get(other, ())
    return found


@dataclass(frozen=True)
class _Read:
    """A read of a circle of tensors, and axis of the target, axis of the tensor read, and distance of each index."""

    equation: Equation
    element: Element
    shifts: tuple[tuple[int, int, int], ...]

    @property
    def far(self) -> dict[int, int]:
        """How far off it is, by the axis of the target, where it is not at the same position."""
        return {axis: distance for axis, _, distance in self.shifts if distance}

    def along(self, axis: int | None) -> Step:
        """The step along an axis of the target; None for one that is met at the same position."""
        shift = next((s for s in self.shifts if s[0] == axis), self.shifts[0])
        return Step(self.equation, self.element, *shift)


def _axis(read: _Read, reads: list[_Read], started: set[tuple[str, int]]) -> int | None:
    """The axis of a target that its recurrence goes along: all reads from elsewhere go back there, or all ahead.

    What they are off by on another axis is a shift like any other. Of several axes the one that has a start is meant.
    """
    if not read.far:
        return None
    target = _named(read.equation.target)
    first, *others = (r for r in reads if r.far and _named(r.equation.target) == target)
    axes = first.far
    for other in others:
        name, at = other.element.tensor, other.element.at
        met = [axis for axis in axes if axis in other.far]
        if not met:
            raise Located(TWO.format(name), at)
        axes = {axis: axes[axis] for axis in met if (axes[axis] < 0) == (other.far[axis] < 0)}
        if not axes:
            raise Located(f"{name} is read at earlier and at later positions; expected one of them", at)
    return min(axes, key=lambda axis: (target, axis) not in started)


def _along(step: Step, starts: list[Start]) -> list[Start]:
    """The starts of the axis that a recurrence goes along; beyond others an element is 0, and may be said to be."""
    for start in starts:
        if start.axis != step.axis and not _is_zero(start.equation.value):
            hint = "beyond its other axes it is 0"
            raise Located(f"{step.element.tensor} goes along axis {step.axis}; {hint}", start.equation.at)
    return [start for start in starts if start.axis == step.axis]


def _is_met(start: Start, distance: int) -> bool:
    """Whether what is read so far off ever stands where a start does."""
    position = _position(start)
    return distance <= position < 0 if distance < 0 else 0 <= position < distance


def _reads(equation: Equation, circles: Mapping[str, frozenset[str]]) -> Iterator[_Read]:
    """What an equation of a circle reads of it."""
    target = equation.target
    circle = circles.get(_named(target), frozenset())
    for element in walk(equation.value):
        if not isinstance(element, Element) or element.tensor not in circle:
            continue
        shifts = tuple(_shifts(equation, element))
        if not shifts:
            raise Located(
                f"{element.tensor} is defined by itself, but not at t - 1 of an index t of the left side", element.at
            )
        yield _Read(equation, element, shifts)


def _shifts(equation: Equation, element: Element) -> Iterator[tuple[int, int, int]]:
    """Axis of the target, axis of the tensor read, and how far off, wherever an index of the left side is met."""
    target = equation.target
    left = (
        {n.name: k for k, n in enumerate(target.subscripts) if isinstance(n, Name)}
        if isinstance(target, Element)
        else {}
    )
    for axis, node in enumerate(element.subscripts):
        name, distance = _shift(node) or ("", 0)
        if name in left:
            yield left[name], axis, distance


def _shift(node: Node) -> tuple[str, int] | None:
    """The name and the number in ``t - 1``; None for anything else."""
    if isinstance(node, Name):
        return node.name, 0
    if not isinstance(node, Sum) or len(node.parts) != 2:
        return None
    names = [part.name for sign, part in node.parts if isinstance(part, Name) and sign == "+"]
    numbers = [
        int(part.text) * (1 if sign == "+" else -1)
        for sign, part in node.parts
        if isinstance(part, Number) and part.text.isdigit()
    ]
    return (names[0], numbers[0]) if len(names) == len(numbers) == 1 else None


# ----- what must hold -----
def _check_start(step: Step, starts: list[Start]) -> None:
    """Every position beyond the axis that is read has a start."""
    element = step.element
    subscript = element.subscripts[step.axis]
    name, _ = _shift(subscript) or ("", 0)
    said = {_position(start) for start in starts}
    for k in range(abs(step.distance)):
        wanted = -1 - k if step.distance < 0 else k
        if wanted in said:
            continue
        spelt = str(wanted) if wanted < 0 else name.upper() + (f" + {wanted}" if wanted else "")
        letters = ", ".join(spelt if k == step.axis else _spelt(n) for k, n in enumerate(element.subscripts))
        where = f"{element.tensor}[{letters}]"
        raise Located(f"{element.tensor} has no start; add a line that says it, such as {where} = 0", element.at)


def _position(start: Start) -> int:
    """-1, -2, ... before the axis; 0, 1, ... for T, T + 1, ... behind it."""
    node = start.position
    if isinstance(node, Sum) and len(node.parts) == 1:
        number = node.parts[0][1]
        return -int(number.text) if isinstance(number, Number) and number.text.isdigit() else 0
    return (_shift(node) or ("", 0))[1]


def _spelt(node: Node) -> str:
    return "..." if isinstance(node, Ellipsis) else next((n.name for n in walk(node) if isinstance(n, Name)), "0")


# ----- written out -----
def _written_out(text: Text, plain: list[Equation], starts: Mapping[str, list[Start]]) -> Text:
    """The equations, with tensors for what is read beyond an axis where that is not 0."""
    taken = {_named(n) for n in walk((*text.declarations, *text.equations)) if isinstance(n, Element | Name)}
    needed: dict[tuple[str, int], str] = {}
    axes = {name: found[0].axis for name, found in starts.items() if found}
    telling = {name: [s for s in found if not _is_zero(s.equation.value)] for name, found in starts.items()}

    def put(node: Any) -> Any:
        if not isinstance(node, Element) or not telling.get(node.tensor):
            return node
        axis = axes[node.tensor]
        name, distance = _shift(node.subscripts[axis]) or ("", 0)
        if not distance or name.isupper():
            return node
        key = node.tensor, distance
        if key not in needed:
            needed[key] = _unused(f"{node.tensor}_{'before' if distance < 0 else 'after'}", taken)
        index = Name(name, node.subscripts[axis].at)
        return replace(node, tensor=needed[key], subscripts=_with(node.subscripts, axis, index))

    changed = [replace(e, value=_mapped(e.value, put)) for e in plain]
    mains = {_named(e.target): e for e in reversed(plain) if not e.accumulates}
    waiting = {name: key for key, name in needed.items()}
    found: list[Equation] = []
    for equation in changed:  # a tensor stands before whoever reads it first
        for node in walk(equation.value):
            key = waiting.pop(node.tensor, None) if isinstance(node, Element) else None
            if key is not None:
                met = [start for start in telling[key[0]] if _is_met(start, key[1])]
                found += _continued(mains[key[0]], key[1], needed[key], axes[key[0]], met)
        found.append(equation)
    return replace(text, equations=tuple(found))


def _mapped(node: Any, change: Callable[[Any], Any]) -> Any:
    """`node` with what `change` makes of every node below it, and of it, innermost first."""
    return change(rebuilt(node, lambda part: _mapped(part, change)))


def _continued(main: Equation, distance: int, name: str, axis: int, starts: list[Start]) -> Iterator[Equation]:
    """The equations of a tensor that is another one at t + distance, with its starts."""
    target = main.target
    assert isinstance(target, Element)  # or it would have no start
    index = target.subscripts[axis]
    sign, number = "-" if distance < 0 else "+", Number(str(abs(distance)), index.at)
    moved = Sum((("+", index), (sign, number)), index.at)
    yield replace(
        main,
        target=replace(target, tensor=name),
        value=replace(target, subscripts=_with(target.subscripts, axis, moved)),
    )
    for start in starts:
        at, own = start.equation.at, start.equation.target
        assert isinstance(own, Element)  # as above
        bracket = Bracket((Comparison(moved, "==", start.position, at),), at)
        element = replace(own, tensor=name, subscripts=_with(own.subscripts, axis, index))
        yield Equation(element, Product(bracket, (("*", start.equation.value),), at), True, at)


def _with(subscripts: tuple[Node, ...], axis: int, node: Node) -> tuple[Node, ...]:
    return (*subscripts[:axis], node, *subscripts[axis + 1 :])


def _is_zero(node: Node) -> bool:
    return isinstance(node, Number) and not float(node.text)


def _unused(name: str, taken: set[str]) -> str:
    found = next(n for n in (name, *(f"{name}{k}" for k in range(2, 1000))) if n not in taken)
    taken.add(found)
    return found


def _named(node: Name | Element) -> str:
    return node.name if isinstance(node, Name) else node.tensor
