"""Gradients against central differences of the forward program, in float64.

A constant counts as fixed. Where the slopes to both sides differ there is a tie or a corner, and nothing is compared.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from sympy import Symbol

from derive.derivation.record import Derivation, Section
from derive.derivation.rows import gap, row_value
from derive.interpret import complete_sizes, evaluate, interpret
from derive.sampling import sample_sizes, sample_values
from derive.term import Program

_STEP = 1e-5
_KINK = 1e-3
_PROBES = 5


def slope_gap(
    section: Section, values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any], rng: np.random.Generator
) -> float | None:
    """Distance of some entries of the gradient from central differences; None where nothing could be compared."""
    gradient = row_value(section.raw, values, sizes)
    scalar = _scalar_at_ends if section.seeds else _scalar
    point = np.asarray(values[section.wrt], float)
    positions = rng.choice(point.size, size=min(_PROBES, point.size), replace=False)
    slopes, kept = [], []
    for position in positions:
        ends = []
        for direction in (1, 0, -1):
            moved = point.copy()
            moved.flat[position] += direction * _STEP
            ends.append(scalar(section, {**values, section.wrt: moved}, sizes))
        right, left = (ends[0] - ends[1]) / _STEP, (ends[1] - ends[2]) / _STEP
        if abs(right - left) < _KINK * max(1.0, abs(right), abs(left)):  # else a tie or a corner: no slope there
            slopes.append((ends[0] - ends[2]) / (2 * _STEP))
            kept.append(position)
    return gap(np.array(slopes), gradient.ravel()[kept], floor=1.0) if kept else None


def whole_gap(derivation: Derivation, rng: np.random.Generator) -> float:
    """Distance of the slope of a whole network, back-propagated by the boxed rows, from a central difference.

    The slope is along one random direction in the space of all weights derived.
    """
    sizes = complete_sizes(derivation.program, sample_sizes(derivation.layer or derivation.program, rng))
    for _ in range(_PROBES):
        values = interpret(derivation.program, sample_values(derivation.program, sizes, rng), sizes)
        propagated = back_propagated(derivation, values, sizes, rng)
        weights = [s for s in derivation.sections if s.wrt in {t.name for t in derivation.program.inputs}]
        along = {s.wrt: rng.normal(size=values[s.wrt].shape) for s in weights}
        slope = sum(float((propagated[s.steps[-1].left.tensor] * along[s.wrt]).sum()) for s in weights)
        (output,) = derivation.program.outputs
        ends = []
        for step in (_STEP, 0.0, -_STEP):
            moved = {name: values[name] + step * direction for name, direction in along.items()}
            result = interpret(derivation.program, {**values, **moved}, sizes)
            ends.append(_finite_sum(propagated[derivation.seed], result[output]))
        right, left = (ends[0] - ends[1]) / _STEP, (ends[1] - ends[2]) / _STEP
        if abs(right - left) < _KINK * max(1.0, abs(right), abs(left)):  # else a tie or a corner: no slope there
            return abs((ends[0] - ends[2]) / (2 * _STEP) - slope) / max(abs(slope), 1.0)
    return float("nan")


def back_propagated(
    derivation: Derivation, values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Every gradient that the sections of a network derive, each from those before it, by its boxed row.

    Args:
        derivation: that of a network.
        values: every tensor of the forward program, and the gradient that arrives from above if it is not to be random.
        sizes: every size.
        rng: the source of randomness.
    """
    found = dict(values)
    parts = [part for section in derivation.sections for part in section.parts]
    for part in parts:
        assert part.gradient is not None  # sections of networks have one
        for name, gradient in part.seeds:
            known = [s for s in part.gradient.statements if s.target.name == gradient]
            if gradient not in found:  # the gradient that arrives at the end, or dE/dE
                found[gradient] = (
                    evaluate(known[0].term, {}, sizes)[0] if known else rng.normal(size=values[name].shape)
                )
        for let in part.lets:
            found[let.target.name] = evaluate(let.term, found, sizes)[0]
        row = part.results[0].step if part.results else part.steps[-1]
        found[row.left.tensor] = row_value(row.terms, found, sizes)
    return found


def _scalar(section: Section, values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any]) -> float:
    """E for a value of the section's tensor: the outputs of the program, weighted with their gradients."""
    result = interpret(_from(section.forward, section.wrt), values, sizes)
    return sum(_finite_sum(seed, result[name]) for name, seed in _seeds(section, values).items())


def _scalar_at_ends(section: Section, values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any]) -> float:
    """The same for a section of a network: a tensor at which its program ends counts as fixed where it is read."""
    seeds, found, total = dict(section.seeds), dict(values), 0.0
    written: set[str] = set()
    for statement in section.forward.statements:
        name = statement.target.name
        value, argument = evaluate(statement.term, found, sizes)
        if name in seeds:
            total += _finite_sum(values[seeds[name]], value)
            continue
        found[name] = found[name] + value if name in written else value
        written.add(name)
        if statement.argument is not None:
            found[statement.argument.name] = argument
    return total


def _finite_sum(seed: np.ndarray, output: np.ndarray) -> float:
    """The scalar E; an extremum over no position is infinite and has no slope."""
    return float((seed * np.where(np.isfinite(output), output, 0.0)).sum())


def _from(program: Program, name: str) -> Program:
    """The program with tensor `name` and the constants given from outside."""
    fixed = {s.target.name for s in program.statements if s.target.constant} | {name}
    return replace(program, statements=tuple(s for s in program.statements if s.target.name not in fixed))


def _seeds(section: Section, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    assert section.gradient is not None  # a section with wrt has one
    known = set(section.forward.tensors)
    given = [t.name for t in section.gradient.inputs if t.name not in known]
    tensors = section.forward.tensors
    outputs = [o for o in section.forward.outputs if not tensors[o].integer and not tensors[o].constant]
    return {output: values[name] for output, name in zip(outputs, given, strict=True)}
