"""Certificates: the rows of a derivation evaluated on random shapes, and compared with each other.

Every row that consists of terms is evaluated by the oracle `derive.interpret` and compared with the row before it. The
chain rule, which is a row of quotients only, is compared with central finite differences of the forward program.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Protocol

import numpy as np
from sympy import Mul, Symbol

from derive.derivation.notation import Notation
from derive.derivation.record import Derivation, Partial, Section, Step
from derive.functions import equal
from derive.interpret import complete_sizes, evaluate, interpret, magnitude
from derive.interpret import number as number_of
from derive.sampling import Size, TooLargeError, sample_sizes, sample_values
from derive.term import Program, Term

__all__ = ["Certificate", "back_propagated", "certify", "sample_sizes", "sample_values"]

ROWS_TOLERANCE = 1e-10
CHAIN_TOLERANCE = 1e-5
_STEP = 1e-5
_KINK = 1e-3
_PROBES = 5
_LARGEST = 30_000_000  # points of an index box that the oracle evaluates at once

Figure = tuple[str, int]


class Footer(Protocol):
    """What closes a derivation."""

    @property
    def notation(self) -> Notation:
        """For printing."""

    def sentence(self, write: Callable[[Figure], str]) -> str:
        """The figures in words; `write` formats mantissa and power of ten."""


@dataclass(frozen=True)
class Certificate:
    """What was measured.

    Attributes:
        shapes: how many random shapes the rows were evaluated on.
        rows: how many rows were compared with the row before, per shape.
        difference: the greatest difference between neighbouring rows, relative to the greatest entry.
        chain_rows: how many rows were compared with finite differences.
        chain_difference: the greatest difference to them, relative to the greatest entry or 1.
        worst: the row with the greatest difference.
        notation: for printing.
        drawn: what was random: sizes, or only values where sizes are numbers.
    """

    shapes: int
    rows: int
    difference: float
    chain_rows: int
    chain_difference: float
    worst: str = ""
    notation: Notation = field(default_factory=Notation)
    drawn: str = "random shapes"

    @property
    def holds(self) -> bool:
        """Whether all differences are within rounding, and those to finite differences within their error."""
        return bool(self.shapes and self.difference <= ROWS_TOLERANCE and self.chain_difference <= CHAIN_TOLERANCE)

    def sentence(self, write: Callable[[Figure], str]) -> str:
        """The figures in words; `write` formats mantissa and power of ten."""
        if not self.shapes:
            return "Not evaluated: the sizes are too large for the oracle."
        text = (
            f"{self.rows} rows evaluated on {self.shapes} {self.drawn}: greatest difference between neighbouring rows "
            f"{write(figure(self.difference))}"
        )
        if self.chain_rows:
            text += f", of the chain rule from finite differences {write(figure(self.chain_difference))}"
        return text + "."


def figure(value: float) -> Figure:
    """One digit and the power of ten: 4e-16 is ("4", -16)."""
    if value == 0 or not np.isfinite(value):
        return ("0" if value == 0 else str(value)), 0
    mantissa, exponent = f"{value:.0e}".split("e")
    return mantissa, int(exponent)


def certify(derivation: Derivation, shapes: int = 6, seed: int = 0) -> Certificate:
    """Evaluate every row of a derivation, its appendix included.

    Args:
        derivation: what `derive` returned.
        shapes: how many random shapes.
        seed: makes the figures repeatable.
    """
    rng = np.random.default_rng(seed)
    rows, difference, chain, worst = 0, 0.0, 0.0, ""
    chapters = (derivation, *derivation.appendix)
    try:
        cases = [[(c, s, z) for c in chapters for s, z in _sized(c, rng, number)] for number in range(shapes)]
    except TooLargeError:
        return Certificate(0, 0, 0.0, 0, 0.0, notation=derivation.notation)
    for case in cases:
        evaluated = 0
        for chapter, section, sizes in case:
            values = _environment(section, sizes, rng)
            for name, gap in _gaps(section, values, sizes):
                evaluated += 1
                if gap > difference or not np.isfinite(gap):
                    difference, worst = float(gap), f"{chapter.name}: {name}"
            if section.wrt:
                chain = float(np.maximum(chain, _finite_difference_gap(section, values, sizes, rng)))
        rows = max(rows, evaluated)  # conditional rows are evaluated on some shapes only
    if derivation.chapters:
        chain = float(np.maximum(chain, _whole_gap(derivation, rng)))
    chain_rows = sum(1 for c in chapters for s in c.sections for part in s.parts if part.wrt)
    return Certificate(shapes, rows, difference, chain_rows, chain, worst, derivation.notation)


def _sized(chapter: Derivation, rng: np.random.Generator, number: int) -> Iterable[tuple[Section, dict[Symbol, Size]]]:
    """Each section and lemma with sizes; every other time those under which its conditional results hold."""
    for section in (part for whole in chapter.sections for part in whole.parts):
        where = {s: int(e) for r in section.results for s, e in r.step.where} if number % 2 == 0 else {}
        terms = (*section.raw, *(t for step in section.steps if step.rule != "chain rule" for t in step.terms))
        source = chapter.layer if chapter.layer is not None and not section.seeds else section.forward
        sizes = sample_sizes(source, rng, mapping=chapter.mapping, fixed=where, terms=terms, limit=60_000)
        known = complete_sizes(section.forward, sizes)
        for statement in section.gradient.statements if section.gradient is not None else ():
            if prod(number_of(r.extent, known) for r in statement.term.ranges) > _LARGEST:
                raise TooLargeError(f"{statement.target.name} is too large for the oracle")
        yield section, known


def _environment(section: Section, sizes: Mapping[Symbol, Any], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Every tensor that the rows of a section may read."""
    numbers = {name: np.array(matrix.tolist(), dtype=float) for name, matrix in section.numbers}
    values = interpret(section.forward, {**sample_values(section.forward, sizes, rng), **numbers}, sizes)
    if section.gradient is not None:
        given = {t.name: t for t in section.gradient.inputs if t.name not in values}
        seeds = replace(section.forward, inputs=tuple(given.values()), statements=())
        values = interpret(section.gradient, {**values, **sample_values(seeds, sizes, rng)}, sizes)
    for let in section.lets:
        values[let.target.name] = evaluate(let.term, values, sizes)[0]
    return values


def _gaps(
    section: Section, values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any]
) -> Iterable[tuple[str, float]]:
    """Per row its name and its distance from the row before."""
    before, size = _value(section.raw, values, sizes), _size(section.raw, values, sizes)
    steps = [s for s in section.steps if not _is_chain_rule(s)]
    for step in (*steps, *(r.step for r in section.results)):
        if any(sizes[symbol] != value for symbol, value in step.where):
            continue
        row, own = _value(step.terms, values, sizes), _size(step.terms, values, sizes)
        yield f"{step.left.tensor}, {step.rule}", _gap(before, row, floor=max(size, own))
        before, size = row, own


def _is_chain_rule(step: Step) -> bool:
    """Whether a row has quotients of different tensors, which only finite differences can check."""
    return any(p.upper.tensor != p.lower.tensor for t in step.terms for p in t.body.atoms(Partial))


def _value(terms: Iterable[Term], values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any]) -> np.ndarray:
    return np.asarray(sum(evaluate(_resolved(t), values, sizes)[0] for t in terms))


def _size(terms: Iterable[Term], values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any]) -> float:
    """The greatest sum of absolute summands: what rounding is relative to where summands cancel."""
    parts = [magnitude(_resolved(t), values, sizes) for t in terms]
    return max((float(p[np.isfinite(p)].max(initial=0.0)) for p in parts), default=0.0)


def _resolved(term: Term) -> Term:
    """``d x[a] / d x[b]`` as what it means: 1 where all indices agree."""
    mapping = {
        p: Mul(*(equal(a, b) for a, b in zip(p.upper.indices, p.lower.indices, strict=True)))
        for p in term.body.atoms(Partial)
    }
    return replace(term, body=term.body.xreplace(mapping))


def _gap(a: np.ndarray, b: np.ndarray, floor: float = 0.0) -> float:
    if a.shape != b.shape:
        return float("inf")
    if a.size == 0:
        return 0.0
    scale = max(float(np.abs(a).max()), float(np.abs(b).max()), floor)
    return float(np.abs(a - b).max()) / scale if scale else 0.0


def _finite_difference_gap(
    section: Section, values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any], rng: np.random.Generator
) -> float:
    """Distance of some entries of the gradient from central differences of the forward program."""
    gradient = _value(section.raw, values, sizes)
    if gradient.size == 0:
        return 0.0
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
    return _gap(np.array(slopes), gradient.ravel()[kept], floor=1.0)


def _whole_gap(derivation: Derivation, rng: np.random.Generator) -> float:
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
        found[row.left.tensor] = _value(row.terms, found, sizes)
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
