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
    rows = {_boxed(part).left.tensor: part for part in parts}
    together = {name: own for own in _together(parts) for name in own}
    done: set[str] = set()

    def compute(name: str) -> None:
        """One gradient, or those of a recurrence, once those are there that a row reads which stands further down."""
        circle = together.get(name, frozenset({name}))
        done.update(circle)
        own = [part for other, part in rows.items() if other in circle]
        for part in own:
            assert part.gradient is not None  # sections of networks have one
            for name_, gradient in part.seeds:
                known = [s for s in part.gradient.statements if s.target.name == gradient]
                if gradient not in found:  # the gradient that arrives at the end, or dE/dE
                    ones = evaluate(known[0].term, {}, sizes)[0] if known else None
                    found[gradient] = ones if ones is not None else rng.normal(size=values[name_].shape)
            read = {a.tensor for t in _boxed(part).terms for a in accesses(t.body)}
            for other in sorted(read & rows.keys() - done):
                compute(other)
            for let in part.lets:
                found[let.target.name] = evaluate(let.term, found, sizes)[0]
        if name in together:
            found.update(_recurred([_boxed(part) for part in own], found, sizes))
            return
        row = _boxed(own[0])
        box = row_value(row.terms, found, sizes)
        single = tuple(n for n, e in enumerate(row.left.indices) if e.is_Integer)
        found[name] = np.expand_dims(box, single)

    for name in rows:
        if name not in done:
            compute(name)
    return found


def _boxed(part: Section) -> Step:
    """The row that says what a gradient is."""
    return part.results[0].step if part.results else part.steps[-1]


def _statements(row: Step) -> list[Statement]:
    """A boxed row as statements."""
    terms = [resolved(t) for t in row.terms]
    tensor = Tensor(row.left.tensor, tuple(r.extent for r in terms[0].free))
    return [Statement(tensor, t) for t in terms]


def _together(parts: Sequence[Section]) -> tuple[frozenset[str], ...]:
    """The gradients that read each other: those of a recurrence."""
    return circles([s for part in parts for s in _statements(_boxed(part)) if s.term.free])


def _recurred(rows: Sequence[Step], values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any]) -> dict[str, Any]:
    """The gradients that these rows say together."""
    statements = tuple(s for row in rows for s in _statements(row))
    names = tuple(dict.fromkeys(s.target.name for s in statements))
    found = interpret(Program((), statements, names), values, sizes)
    return {name: found[name] for name in names}
