"""The rows of a section, each compared with the row before at a random point.

Rows that are polynomials of their tensors are compared in integers modulo a prime, others in float64.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.random import Generator
from sympy import Add, Integer, Mul, Pow, Symbol

from gradscribe.derive.derivation.certificate.certificate import PRIME, Label, label
from gradscribe.derive.derivation.certificate.exact import Residues, drawn
from gradscribe.derive.derivation.forward.quotients import Partial, Reduced
from gradscribe.derive.derivation.record.section_record import Section, Step
from gradscribe.derive.ir.functions import admitted, equal
from gradscribe.derive.ir.interpret import evaluate, index_box, interpret, magnitude, read
from gradscribe.derive.ir.term import InnerSum, Range, Statement, Term, accesses
from gradscribe.derive.layer.sampling import sample_values

Values = Mapping[str, np.ndarray]
Sizes = Mapping[Symbol, Any]


@dataclass(frozen=True)
class Comparison:
    """One row and the row before.

    Attributes:
        row: the label of the row.
        difference: relative to the greatest entry; 0 or infinite where both were compared exactly.
        degree: of the polynomials that were compared exactly; None for float64.
    """

    row: Label
    difference: float
    degree: int | None


def environment(section: Section, sizes: Sizes, rng: Generator) -> dict[str, np.ndarray]:
    """Every tensor that the rows of a section may read, in float64."""
    numbers = {name: np.array(matrix.tolist(), dtype=float) for name, matrix in section.numbers}
    values = interpret(section.forward, {**sample_values(section.forward, sizes, rng), **numbers}, sizes)
    if section.gradient is not None:
        given = {t.name: t for t in section.gradient.inputs if t.name not in values}
        seeds = replace(section.forward, inputs=tuple(given.values()), statements=())
        found = sample_values(seeds, sizes, rng)
        for output, seed in ({} if section.seeds else seeds_of(section)).items():
            found[seed] = np.where(np.isfinite(values[output]), found[seed], 0.0)  # what is infinite has no slope
        values = interpret(section.gradient, {**values, **found}, sizes)
    for let in section.lets:
        values[let.target.name] = evaluate(let.term, values, sizes)[0]
    return values


def seeds_of(section: Section) -> dict[str, str]:
    """What the gradient that arrives at each output of a section's program is called, by output."""
    assert section.gradient is not None  # a section with wrt has one
    tensors = section.forward.tensors
    given = [t.name for t in section.gradient.inputs if t.name not in tensors]
    outputs = [o for o in section.forward.outputs if not tensors[o].integer and not tensors[o].constant]
    return dict(zip(outputs, given, strict=True))


def divides_by_0(statements: Iterable[Statement], sizes: Sizes) -> bool:
    """Whether a divisor of sizes is 0, as that of 1/(N (N-1)) is for one element, whatever it is multiplied by."""
    divisors = {p.base for s in statements for p in s.term.body.atoms(Pow) if p.exp.is_negative}
    return any(d.free_symbols <= sizes.keys() and d.xreplace(sizes) == 0 for d in divisors)


def is_defined(section: Section, values: Values, sizes: Sizes) -> bool:
    """Whether nothing is 0/0 at these sizes, such as what divides by the standard deviation of one element."""
    if divides_by_0(section.forward.statements, sizes):
        return False
    numbers = all(not np.isnan(v).any() for v in values.values() if v.dtype.kind == "f")
    return numbers and bool(np.isfinite(row_value(section.raw, values, sizes)).all())


def comparisons(section: Section, values: Values, sizes: Sizes, rng: Generator) -> Iterator[Comparison]:
    """Every row that is claimed at these sizes with the row before, the first one with what differentiation made."""
    point = _point(section, values, sizes, rng)
    # a row is looked at beside the row before, then beside the next one
    residues = lru_cache(maxsize=2)(lambda terms: _residues(terms, point, sizes))
    value_ = lru_cache(maxsize=2)(lambda terms: (row_value(terms, values, sizes), size(terms, values, sizes)))
    yield from (
        Comparison(label(s), found, None) for s in section.steps for found in _defined(s, section, values, sizes)
    )
    before = tuple(map(resolved, section.raw))
    steps = [s for s in section.steps if not is_chain_rule(s)]
    for step in (*steps, *(row for r in section.results for row in r.rows)):
        if any(sizes[symbol] != number for symbol, number in step.where):
            continue
        row = tuple(map(resolved, step.terms))
        degrees = [point.degree(t) for t in (*before, *row)]
        known = [d for d in degrees if d is not None]
        polynomial = len(known) == len(degrees)
        same = polynomial and _equal(_at(step, residues(before), sizes), residues(row))
        if same or (polynomial and not _reads(point.arbitrary, (*before, *row))):
            yield Comparison(label(step), 0.0 if same else float("inf"), max(known, default=0))
        else:  # no polynomials, or equal only by what their tensors are
            (old, floor), (new, least) = value_(before), value_(row)
            yield Comparison(label(step), gap(_at(step, old, sizes), new, max(floor, least)), None)
        before = row


def row_value(terms: Iterable[Term], values: Values, sizes: Sizes) -> np.ndarray:
    """The value of a row in float64."""
    return np.asarray(sum(evaluate(resolved(t), values, sizes)[0] for t in terms))


def gap(a: np.ndarray, b: np.ndarray, floor: float = 0.0) -> float:
    """The greatest difference, relative to the greatest entry or `floor`; infinite between different shapes."""
    if a.shape != b.shape:
        return float("inf")
    if a.size == 0:
        return 0.0
    scale = max(float(np.abs(a).max()), float(np.abs(b).max()), floor)
    return float(np.abs(a - b).max()) / scale if scale else 0.0


def _point(section: Section, values: Values, sizes: Sizes, rng: Generator) -> Residues:
    gradient = section.gradient
    tensors = (*section.forward.tensors.values(), *(gradient.inputs if gradient is not None else ()))
    backward = gradient.statements if gradient is not None else ()
    statements = (*section.forward.statements, *backward, *section.lets)
    return drawn(tensors, statements, values, sizes, rng, dict(section.numbers))


def is_chain_rule(step: Step) -> bool:
    """Whether a row has quotients of different tensors, which only finite differences can check."""
    return any(p.upper.tensor != p.lower.tensor for t in step.terms for p in t.body.atoms(Partial))


def _defined(step: Step, section: Section, values: Values, sizes: Sizes) -> Iterator[float]:
    """How far what a row has for the definition of a tensor is from the tensor."""
    found = {r: None for t in step.terms for r in sorted(t.body.atoms(Reduced), key=str)}
    for reduced in found:
        own = section.forward.definitions(reduced.tensor)[0].term
        if all(isinstance(e, Symbol) for e in reduced.element.indices):
            stated = reduced.term(tuple(map(Range, reduced.element.indices, (r.extent for r in own.free))))
            restricted = own.rename(dict(zip(own.indices, stated.indices, strict=True)))
            brackets = restricted.admission  # what restricts a reduction stays with the equation that states it
            body = admitted(Mul(*brackets), stated.body) if brackets else stated.body
            value, _ = evaluate(replace(restricted, body=body), values, sizes)
            known = np.asarray(values[reduced.tensor])
            yield gap(np.where(np.isfinite(value), value, 0.0), np.where(np.isfinite(known), known, 0.0))


def _residues(terms: Sequence[Term], point: Residues, sizes: Sizes) -> np.ndarray:
    return np.asarray(sum(point.evaluate(t, sizes) for t in terms)) % PRIME


def _reads(names: Collection[str], terms: Iterable[Term]) -> bool:
    return any(a.tensor in names for t in terms for a in accesses(t.body))


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(np.array_equal(a, b))


def _at(step: Step, before: np.ndarray, sizes: Sizes) -> np.ndarray:
    """The row before at the elements of which this one speaks, where it has other indices for them: C*g + c for o."""
    free = step.terms[0].free
    if not before.ndim == len(step.left.indices) != len(free):
        return before
    grid, _ = index_box(Term(free, (), Integer(0)), {}, sizes)
    return np.asarray(read(step.left, {step.left.tensor: before}, grid))


def size(terms: Iterable[Term], values: Values, sizes: Sizes, apart: bool = False) -> float:
    """The greatest sum of absolute summands: what rounding is relative to where summands cancel.

    With `apart` also those of differences such as x[i] - x[j], which operators of whole tensors take one by one.
    """
    parts = [magnitude(part, values, sizes) for t in terms for part in _multiplied_out(t, apart)]
    return max((float(p[np.isfinite(p)].max(initial=0.0)) for p in parts), default=0.0)


def _multiplied_out(term: Term, apart: bool) -> Iterator[Term]:
    """The term with one summand at a time of each sum of products, or of sums over indices, in its body."""
    total = next((f for f in Mul.make_args(term.body) if isinstance(f, Add) and (apart or _cancels(f))), None)
    if total is None:
        yield term
    else:
        rest = Mul(*(f for f in Mul.make_args(term.body) if f is not total))
        yield from (part for a in total.args for part in _multiplied_out(replace(term, body=a * rest), apart))


def _cancels(total: Add) -> bool:
    """Whether it may be next to nothing without being so term by term: M a - sum(a), or or a b - c."""
    return total.has(InnerSum) or any(len(accesses(a)) > 1 for a in total.args)


def resolved(term: Term) -> Term:
    """``d x[a] / d x[b]`` as what it means: 1 where all indices agree."""
    mapping = {
        p: Mul(*(equal(a, b) for a, b in zip(p.upper.indices, p.lower.indices, strict=True)))
        for p in term.body.atoms(Partial)
    }
    return replace(term, body=term.body.xreplace(mapping)) if mapping else term
