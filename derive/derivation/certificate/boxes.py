"""The boxed gradients of a derivation, each computed from those before it: what somebody gets who copies the page."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sympy import Symbol

from gradscribe.derive.derivation.certificate.rows import resolved, row_value
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Section, Step
from gradscribe.derive.ir.interpret import evaluate, interpret
from gradscribe.derive.ir.interpret.recurrence import circles
from gradscribe.derive.ir.term import Program, Statement, Tensor, accesses


def boxed(
    derivation: Derivation, values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """The gradient by its boxed row of every tensor that has a section, by the name of the tensor.

    Args:
        derivation: that of a layer or network.
        values: every tensor of the forward program, and the gradients that arrive from above, if those of a network
            are not to be random.
        sizes: every size.
        rng: the source of randomness.
    """
    found = back_propagated(derivation, values, sizes, rng)
    return {s.wrt: found[s.steps[-1].left.tensor] for s in derivation.sections if s.wrt in values}


def back_propagated(
    derivation: Derivation, values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Every gradient that the sections derive, each from those before it, by its boxed row.

    Args:
        derivation: that of a layer or network.
        values: every tensor of the forward program, and the gradient that arrives from above if it is not to be random.
        sizes: every size.
        rng: the source of randomness.
    """
    found = dict(values)
    parts = [part for section in derivation.sections for part in section.parts if part.wrt in values]
    waiting = {frozenset(_made(group)): group for group in _groups(parts)}
    reads = {made: _read(group) for made, group in waiting.items()}
    while waiting:
        made = next(own for own in waiting if not reads[own] & frozenset().union(*(waiting.keys() - {own})))
        group = waiting.pop(made)
        for part in group:
            found |= _given(part, found, values, sizes, rng)
        row = _boxed(group[0])
        if reads[made] & made:
            found |= _recurred([_boxed(part) for part in group], found, sizes)
            continue
        box = row_value(row.terms, found, sizes)
        single = tuple(n for n, e in enumerate(row.left.indices) if e.is_Integer)
        found[row.left.tensor] = np.expand_dims(box, single)
    return found


def underived(derivation: Derivation) -> str:
    """The first gradient that a box of a network reads and no section derives; "" where all are."""
    known = {gradient for _, gradient in derivation.seeds}
    known |= {part.steps[-1].left.tensor for section in derivation.sections for part in section.parts}
    for section in derivation.sections if derivation.chapters else ():
        gradients = (name for name in _read([section]) if derivation.notation.is_gradient(name))
        lacking = next((name for name in sorted(gradients) if name not in known), "")
        if lacking:
            return lacking
    return ""


def _given(
    part: Section,
    found: Mapping[str, np.ndarray],
    values: Mapping[str, np.ndarray],
    sizes: Mapping[Symbol, Any],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """The gradients that arrive from above, if nobody has them yet, and the names that a section introduces."""
    assert part.gradient is not None  # sections of networks have one
    given: dict[str, np.ndarray] = {}
    for name, gradient in part.seeds:
        known = [s for s in part.gradient.statements if s.target.name == gradient]
        if gradient not in found:  # the gradient that arrives at the end, or dE/dE
            given[gradient] = evaluate(known[0].term, {}, sizes)[0] if known else rng.normal(size=values[name].shape)
    return given | {let.target.name: evaluate(let.term, {**found, **given}, sizes)[0] for let in part.lets}


def _boxed(part: Section) -> Step:
    """The row that says what a gradient is."""
    return part.results[0].step if part.results else part.steps[-1]


def _statements(row: Step) -> list[Statement]:
    """A boxed row as statements."""
    terms = [resolved(t) for t in row.terms]
    tensor = Tensor(row.left.tensor, tuple(r.extent for r in terms[0].free))
    return [Statement(tensor, t) for t in terms]


def _groups(parts: Sequence[Section]) -> list[list[Section]]:
    """The sections in order; those of gradients that read each other, as a recurrence's do, stand together."""
    together = circles([s for part in parts for s in _statements(_boxed(part)) if s.term.free])
    homes = {name: circle for circle in together for name in circle}
    found: dict[object, list[Section]] = {}
    for number, part in enumerate(parts):
        found.setdefault(homes.get(_boxed(part).left.tensor, number), []).append(part)
    return list(found.values())


def _made(group: Sequence[Section]) -> set[str]:
    return {_boxed(part).left.tensor for part in group}


def _read(group: Sequence[Section]) -> set[str]:
    return {a.tensor for part in group for t in _boxed(part).terms for a in accesses(t.body)}


def _recurred(rows: Sequence[Step], values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any]) -> dict[str, Any]:
    """The gradients that these rows say together."""
    statements = tuple(s for row in rows for s in _statements(row))
    names = tuple(dict.fromkeys(s.target.name for s in statements))
    found = interpret(Program((), statements, names), values, sizes)
    return {name: found[name] for name in names}
