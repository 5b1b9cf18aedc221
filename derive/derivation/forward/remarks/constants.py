"""Which constants no output depends on: y = exp(x - m)/z is the same for every m.

That is tried, not proved: a tensor is replaced by random numbers, on random sizes, and what it is computed from is
random, too. Outputs that are the same then do not depend on it.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import Program, Tensor, accesses
from gradscribe.derive.layer.sampling import TooLargeError, sample_sizes, sample_values

TOLERANCE = 1e-9
_SEED, _TRIES = 0, 3


def unchanging(program: Program) -> tuple[str, ...]:
    """The constants among the equations that are read, but that no output depends on."""
    read = {a.tensor for s in program.statements for a in accesses(s.term.body)}
    counts = {s.ties.name for s in program.statements if s.ties is not None}
    names = dict.fromkeys(n for s in program.statements if s.target.constant and (n := s.target.name) not in counts)
    return tuple(n for n in names if n in read and change(n, program, np.random.default_rng(_SEED)) <= TOLERANCE)


def change(name: str, program: Program, rng: Generator) -> float:
    """The greatest relative change of an output between two random values of a tensor; infinite if none is known."""
    local = _computed_from(name, program)
    found = [difference for _ in range(_TRIES) for difference in _tried(name, local, rng)]
    return max(found, default=float("inf"))


def _tried(name: str, local: Program, rng: Generator) -> Iterator[float]:
    """The change of each output, where it is finite."""
    try:
        sizes = sample_sizes(local, rng)
    except TooLargeError:
        return
    values = sample_values(local, sizes, rng)
    other = {**values, name: rng.normal(size=np.shape(values[name]))}
    with np.errstate(all="ignore"):
        before, after = interpret(local, values, sizes), interpret(local, other, sizes)
    for output in local.outputs:
        a, b = np.asarray(before[output], float), np.asarray(after[output], float)
        known = np.isfinite(a) & np.isfinite(b)
        if known.any():
            scale = max(float(np.abs(a[known]).max()), 1.0)
            yield float(np.abs(a[known] - b[known]).max()) / scale


def _computed_from(name: str, program: Program) -> Program:
    """What is computed from a tensor, up to the outputs; sizes and what it is computed from are arbitrary.

    Of a network that leaves out all layers before it.
    """
    moving = {name}
    for statement in program.statements:
        if moving & {a.tensor for a in accesses(statement.term.body)}:
            moving.add(statement.target.name)
    outputs = tuple(o for o in program.outputs if o in moving and not program.tensors[o].constant)
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
