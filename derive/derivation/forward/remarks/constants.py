"""Which constants no output depends on: y = exp(x - m)/z is the same for every m.

That is tried, not proved: a tensor is replaced by random numbers, on random sizes, and what it is computed from is
random, too. Outputs that are the same then do not depend on it.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from math import isfinite, isnan, prod

from sympy import Symbol

from gradscribe.derive.ir.interpret.plain import Array, complete_sizes, filled, interpret_plainly
from gradscribe.derive.ir.term import Program, Tensor, accesses
from gradscribe.derive.layer.sampling import Dice, Size, TooLargeError, drawn, sample_sizes

TOLERANCE = 1e-9
_SEED, _TRIES = 0, 3
_POINTS = 500
"""Of an index box: numbers are computed one by one."""


def unchanging(program: Program) -> tuple[str, ...]:
    """The constants among the equations that are read, but that no output depends on."""
    read = {a.tensor for s in program.statements for a in accesses(s.term.body)}
    counts = {s.ties.name for s in program.statements if s.ties is not None}
    names = dict.fromkeys(n for s in program.statements if s.target.constant and (n := s.target.name) not in counts)
    return tuple(n for n in names if n in read and change(n, program, Dice(_SEED)) <= TOLERANCE)


def change(name: str, program: Program, dice: Dice) -> float:
    """The greatest relative change of an output between two random values of a tensor; infinite if none is known.

    Where all that it changes goes through one tensor, as p of a softmax, and that one is the same, so are the outputs.
    """
    moving = _moving(name, program)
    outputs = tuple(o for o in program.outputs if o in moving and not program.tensors[o].constant)
    passage = _passage(moving, program)
    if passage is not None and (near := _change(name, program, (passage,), dice)) <= TOLERANCE:
        return near
    return _change(name, program, outputs, dice)


def _change(name: str, program: Program, ends: tuple[str, ...], dice: Dice) -> float:
    """The greatest relative change of the tensors `ends`."""
    local = _computed_from(name, program, ends)
    tries = 1 if _fixed(local) > _POINTS else _TRIES  # sizes that a network fixes are the same in all tries
    return max((d for _ in range(tries) for d in _tried(name, local, dice)), default=float("inf"))


def _fixed(program: Program) -> int:
    """How many elements the largest index box has at least, whatever sizes are left open."""
    numbers = [[int(r.extent) for r in s.term.ranges if r.extent.is_Integer] for s in program.statements]
    return max((prod(extents) for extents in numbers), default=0)


def _moving(name: str, program: Program) -> list[str]:
    """A tensor and all that is computed from it, in order."""
    found = {name: None}
    for statement in program.statements:
        if any(a.tensor in found for a in accesses(statement.term.body)):
            found[statement.target.name] = None
    return [*found]


def _passage(moving: list[str], program: Program) -> str | None:
    """The first tensor of those computed from one, in order, behind which nothing reads any before it."""
    last = dict.fromkeys(moving, -1)
    made: dict[str, int] = {}
    for place, statement in enumerate(program.statements):
        last |= {a.tensor: place for a in accesses(statement.term.body) if a.tensor in last}
        if statement.target.name in last:
            made[statement.target.name] = place
    last |= {o: len(program.statements) for o in program.outputs if o in last}
    for number, name in enumerate(moving[1:], 1):
        if max(last[before] for before in moving[:number]) <= made[name]:
            return name
    return None


def _tried(name: str, local: Program, dice: Dice) -> Iterator[float]:
    """The change of each output, where it is finite."""
    try:
        sizes = sample_sizes(local, dice, limit=_POINTS)
    except TooLargeError:
        return
    values, before = _computed(local, sizes, dice)
    other = filled(values[name].shape, lambda: dice.uniform(-2.0, 2.0))
    after = interpret_plainly(local, {**values, name: other}, sizes)
    for output in local.outputs:
        pairs = zip(before[output].numbers, after[output].numbers, strict=True)
        known = [(a, b) for a, b in pairs if isfinite(a) and isfinite(b)]
        if known:
            scale = max(1.0, *(abs(a) for a, _ in known))
            yield max(abs(a - b) for a, b in known) / scale


def _computed(local: Program, sizes: Mapping[Symbol, Size], dice: Dice) -> tuple[dict[str, Array], dict[str, Array]]:
    """Random inputs and what follows from them; from 0 to 1 where it is undefined on others, as the log of a number."""
    known = complete_sizes(local, sizes)
    for limits in ((-2.0, 2.0), (0.05, 0.95)):
        number = partial(dice.uniform, *limits)
        values = drawn(local, known, partial(filled, draw=number), partial(_labels, dice))
        found = interpret_plainly(local, values, sizes)
        if not any(isnan(v) for array in found.values() for v in array.numbers):
            break
    return values, found


def _labels(dice: Dice, least: int, most: int, shape: tuple[int, ...], _: bool) -> Array:
    return filled(shape, lambda: dice.integers(least, most + 1))


def _computed_from(name: str, program: Program, outputs: tuple[str, ...]) -> Program:
    """What is computed from a tensor, up to the outputs; sizes and what it is computed from are arbitrary.

    Of a network that leaves out all layers before it.
    """
    origin = _needed((name,), program, ())
    needed = _needed(outputs, program, origin)
    statements = tuple(s for s in program.statements if s.target.name in needed and s.target.name not in origin)
    made = {s.target.name for s in statements}
    given = tuple(_plain(program.tensors[n]) for n in dict.fromkeys((name, *needed)) if n not in made)
    return replace(program, inputs=given, statements=statements, outputs=outputs, sizes=())


def _needed(names: Collection[str], program: Program, given: Collection[str]) -> dict[str, None]:
    """The tensors that some are computed from, they included; what is `given` is followed no further."""
    needed = dict.fromkeys(names)
    for statement in reversed(program.statements):
        if statement.target.name in needed and statement.target.name not in given:
            needed |= dict.fromkeys(a.tensor for a in accesses(statement.term.body))
    return needed


def _plain(tensor: Tensor) -> Tensor:
    return replace(tensor, optional=False)
