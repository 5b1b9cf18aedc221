"""Gradients against central differences of the forward program, in float64.

A constant counts as fixed. A function whose slopes are decreed is replaced by what these make of it at the point: its
value there, and its slopes there times how far its arguments are from there. Where the slopes to both sides differ
there is a tie or a corner, and nothing is compared; nor where steps of different lengths give different slopes, since E
is next to a pole or so large that rounding hides what an entry adds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator
from sympy import Add, Expr, Symbol

from gradscribe.derive.derivation.certificate.boxes import back_propagated
from gradscribe.derive.derivation.certificate.rows import gap, row_value, seeds_of
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Section
from gradscribe.derive.ir.functions import decreed
from gradscribe.derive.ir.interpret import complete_sizes, evaluate, interpret
from gradscribe.derive.ir.interpret.recurrence import Recurrence, behind_what_they_read, stages
from gradscribe.derive.ir.term import Access, Program, Range, Statement, Tensor, Term, accesses
from gradscribe.derive.layer.sampling import sample_sizes, sample_values

STEP = 1e-5
LADDER = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
"""Steps of extrapolated slopes: of long ones rounding is small, within short ones E is smooth."""
CLOSE = 1e-8
"""A difference that is farther from a gradient, relatively, is extrapolated: E may bend much within a step."""
AGREED = 1e-6
"""Extrapolated slopes that differ by more, relatively, of two steps or to both sides, measure nothing."""
ROUNDING = 4 * float(np.finfo(float).eps)
"""Of a sum, relative to its summands."""
_PROBES = 5
_STEP = "+step"
"""No tensor of a text is called so."""

Values = Mapping[str, np.ndarray]
Sizes = Mapping[Symbol, Any]
Summands = np.ndarray
"""Two rows, weights and numbers: E is the sum of their products."""


def program_gap(
    program: Program, name: str, seeds: Values, values: Values, sizes: Sizes, gradient: np.ndarray, rng: Generator
) -> float | None:
    """Distance of some entries of a gradient from central differences; None where nothing could be compared.

    Args:
        program: what is differentiated.
        name: the tensor that it is differentiated by.
        seeds: the gradient that arrives at each output, by output.
        values: every tensor of the program.
        sizes: every size.
        gradient: what is to be judged, of the shape of tensor `name`.
        rng: chooses the entries.
    """
    program, values = _by_decree(program, values, sizes)
    moving, moved = _from(program, name), name
    if any(isinstance(s, Recurrence) and name in s.axes for s in stages(program)):
        moving, moved = _beside(program, name)

    def summands(point: np.ndarray) -> Summands:
        beside = {} if moved == name else {_STEP: point - np.asarray(values[name], float)}
        result = interpret(moving, {**values, name: point} | beside, sizes)
        return _summands((seed, result[moved if output == name else output]) for output, seed in seeds.items())

    return _gap(summands, values[name], gradient, rng)


def slope_gap(section: Section, values: Values, sizes: Sizes, rng: Generator) -> float | None:
    """Distance of some entries of a section's gradient from central differences, see `program_gap`."""
    gradient = row_value(section.raw, values, sizes)
    if not section.seeds:
        seeds = {output: values[name] for output, name in seeds_of(section).items()}
        return program_gap(section.forward, section.wrt, seeds, values, sizes, gradient, rng)
    program, values = _by_decree(section.forward, values, sizes)
    section = replace(section, forward=program)
    return _gap(
        lambda point: _summands(_ends(section, {**values, section.wrt: point}, sizes)),
        values[section.wrt],
        gradient,
        rng,
    )


def whole_gap(derivation: Derivation, rng: Generator) -> float:
    """Distance of the slope of a whole network, back-propagated by the boxed rows, from a central difference."""
    program = derivation.program
    sizes = complete_sizes(program, sample_sizes(derivation.layer or program, rng))
    for _ in range(_PROBES):
        values = interpret(program, sample_values(program, sizes, rng), sizes)
        propagated = back_propagated(derivation, values, sizes, rng)
        inputs = {t.name for t in program.inputs}
        gradients = {s.wrt: propagated[s.steps[-1].left.tensor] for s in derivation.sections if s.wrt in inputs}
        seeds = {output: propagated[gradient] for output, gradient in derivation.seeds}
        found = direction_gap(program, seeds, gradients, values, sizes, rng)
        if found is not None:
            return found
    return float("nan")


def direction_gap(
    program: Program, seeds: Values, gradients: Values, values: Values, sizes: Sizes, rng: Generator
) -> float | None:
    """Distance of a slope by these gradients from a central difference, along one random direction.

    Args:
        program: what is differentiated.
        seeds: the gradient that arrives at each output, by output.
        gradients: what is to be judged, by input.
        values: every tensor of the program.
        sizes: every size.
        rng: chooses the direction.
    """
    program, values = _by_decree(program, values, sizes)
    moving = _from(program)
    along = {name: rng.normal(size=np.shape(gradient)) for name, gradient in gradients.items()}

    def moved(step: float) -> Summands:
        there = {name: values[name] + step * direction for name, direction in along.items()}
        result = interpret(moving, {**values, **there}, sizes)
        return _summands((seed, result[output]) for output, seed in seeds.items())

    slope = sum(float((gradients[name] * direction).sum()) for name, direction in along.items())
    found = _near(moved, moved(0.0), slope)
    if found is None:
        return None
    return abs(found - slope) / max(abs(slope), 1.0)


def _near(moved: Callable[[float], Summands], there: Summands, expected: float, unit: float = 1.0) -> float | None:
    """The slope at 0, where E has these summands; one that is not what is expected is measured with more steps."""
    right, left = _slopes(moved, there, STEP * unit)
    if abs((right + left) / 2 - expected) <= CLOSE * max(1.0, abs(expected)):
        return (right + left) / 2
    return _extrapolated(moved, there, unit)


def _extrapolated(moved: Callable[[float], Summands], there: Summands, unit: float) -> float | None:
    """The slope that two steps agree in, by Richardson: how much E bends within a step falls out.

    None without such, and at a tie or a corner: the slopes to both sides differ however short the step is.
    """
    weights, numbers = there
    rounding = ROUNDING * float(np.abs(weights * np.where(np.isfinite(numbers), numbers, 0.0)).sum())
    before = float("nan")
    for step in (s * unit for s in LADDER):
        right, left = _slopes(moved, there, step)
        nearer_right, nearer_left = _slopes(moved, there, step / 2)
        found = (4 * (nearer_right + nearer_left) - (right + left)) / 6
        corner = 2 * (nearer_right - nearer_left) - (right - left)
        if abs(corner) + abs(found - before) + rounding / step <= AGREED * max(1.0, abs(found)):
            return found
        before = found
    return None


def _slopes(moved: Callable[[float], Summands], there: Summands, step: float) -> tuple[float, float]:
    """The slopes to both sides of 0, or NaN, see `_change`."""
    return _change(moved(step), there) / step, _change(there, moved(-step)) / step


def _gap(
    summands: Callable[[np.ndarray], Summands], value: np.ndarray, gradient: np.ndarray, rng: Generator
) -> float | None:
    point = np.asarray(value, float)
    if np.shape(gradient) != point.shape:
        return float("inf")
    slopes, kept, here = [], [], summands(point)
    for position in rng.choice(point.size, size=min(_PROBES, point.size), replace=False):
        if not np.isfinite(point.flat[position]):  # no step leads away from infinity
            continue

        def moved(step: float, position: int = position) -> Summands:
            there = point.copy()
            there.flat[position] += step
            return summands(there)

        slope = _near(moved, here, float(gradient.flat[position]), max(1.0, abs(float(point.flat[position]))))
        if slope is not None:
            slopes.append(slope)
            kept.append(position)
    return gap(np.array(slopes), gradient.ravel()[kept], floor=1.0) if kept else None


def _ends(section: Section, values: Values, sizes: Sizes) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What arrives at each end of a section of a network, and its value.

    A tensor at which its program ends counts as fixed where it is read. So the ends come last. What is differentiated
    by is such an end, too: in a recurrence it depends on what it was.
    """
    seeds, found = {section.wrt: section.steps[-1].left.tensor, **dict(section.seeds)}, dict(values)
    written: set[str] = set()
    moving = [s for s in section.forward.statements if not s.target.constant]
    inner = behind_what_they_read([s for s in moving if s.target.name not in seeds])
    for statement in (*inner, *(s for s in moving if s.target.name in seeds)):
        name = statement.target.name
        value, argument = evaluate(statement.term, found, sizes)
        if name in seeds:
            yield values[seeds[name]], value
            continue
        found[name] = found[name] + value if name in written else value
        written.add(name)
        if statement.argument is not None:
            found[statement.argument.name] = argument


def _summands(weighted: Iterable[tuple[np.ndarray, np.ndarray]]) -> Summands:
    """The weights of outputs, and these, in a row."""
    rows = [np.stack(np.broadcast_arrays(*pair)).reshape(2, -1).astype(float) for pair in weighted]
    return np.concatenate([np.zeros((2, 0)), *rows], axis=1)


def _change(after: Summands, before: Summands) -> float:
    """How much greater E is, summand by summand: those that stay fall out, however large they are.

    So do those that are infinite at both, such as an extremum over no position, which has no slope. NaN where E is not
    defined at one of them, or infinite: between them is a pole, or the end of a domain.
    """
    (weights, there), (_, here) = after, before
    with np.errstate(invalid="ignore"):
        change = np.where(np.isfinite(there) | np.isfinite(here), there - here, 0.0)
        found = float((weights * change).sum())
    return found if np.isfinite(found) else float("nan")


def _by_decree(program: Program, values: Values, sizes: Sizes) -> tuple[Program, Values]:
    """The program with functions by decree as what their slopes make of them at the point, and what it reads there."""
    statements: list[Statement] = []
    found = dict(values)

    def fixed(value: Expr, ranges: tuple[Range, ...]) -> Expr:
        tensor = Tensor(f"{statement.target.name} {len(found)}", tuple(r.extent for r in ranges), constant=True)
        statements.append(Statement(tensor, Term(ranges, (), value)))
        found[tensor.name] = evaluate(statements[-1].term, found, sizes)[0]
        return Access(tensor.name, *(r.index for r in ranges))

    def linear(e: Expr, ranges: tuple[Range, ...]) -> Expr:
        if not e.has(decreed):
            return e
        if not isinstance(e, decreed):
            return e.func(*(linear(a, ranges) for a in e.args))
        moves = (linear(a, ranges) - fixed(a, ranges) for a in e.given)
        return fixed(e.value, ranges) + Add(*(fixed(s, ranges) * m for s, m in zip(e.slopes, moves, strict=True)))

    for statement in program.statements:
        body = linear(statement.term.body, statement.term.ranges)
        statements.append(replace(statement, term=replace(statement.term, body=body)))
    return replace(program, statements=tuple(statements)), found


def _from(program: Program, name: str = "") -> Program:
    """The program with tensor `name` and the constants given from outside."""
    fixed = {s.target.name for s in program.statements if s.target.constant} | {name}
    return replace(program, statements=tuple(s for s in program.statements if s.target.name not in fixed))


def _beside(program: Program, name: str) -> tuple[Program, str]:
    """The program in which all read `name` plus a step that is given, and what that sum is called.

    In a recurrence a tensor is computed from what it was before: it cannot be given as a whole.
    """
    fixed = _from(program)
    first = next(s for s in fixed.statements if s.target.name == name)
    place = tuple(r.index for r in first.term.free)
    moved, step = replace(first.target, name=f"{name}{_STEP}"), replace(first.target, name=_STEP)
    sum_ = Statement(moved, Term(first.term.free, (), first.target(*place) + step(*place)))

    def reading(statement: Statement) -> Statement:
        read = {a: moved(*a.indices) for a in accesses(statement.term.body) if a.tensor == name}
        return replace(statement, term=replace(statement.term, body=statement.term.body.xreplace(read)))

    last = max(k for k, s in enumerate(fixed.statements) if s.target.name == name)
    every = [*map(reading, fixed.statements)]
    return replace(fixed, statements=(*every[: last + 1], sum_, *every[last + 1 :])), moved.name
