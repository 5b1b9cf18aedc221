"""A derivation evaluated: every row against the row before, the chain rule against finite differences."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import prod

import numpy as np
from sympy import Symbol

from gradscribe.derive.calculus.collapse import rename
from gradscribe.derive.derivation.certificate.certificate import Certificate, Label
from gradscribe.derive.derivation.certificate.differences import slope_gap, whole_gap
from gradscribe.derive.derivation.certificate.rows import comparisons, environment, gap
from gradscribe.derive.derivation.forward.insertion import Rewritten
from gradscribe.derive.derivation.record import Derivation, Section
from gradscribe.derive.ir.interpret import complete_sizes, interpret, number
from gradscribe.derive.ir.term import Program
from gradscribe.derive.layer.sampling import Size, TooLargeError, sample_sizes, sample_values

_LARGEST = 30_000_000
"""Points of an index box that the oracle evaluates at once."""


def certify(derivation: Derivation, shapes: int = 6, seed: int = 0) -> Certificate:
    """Evaluate every row of a derivation, its appendix included.

    Args:
        derivation: what `derive` returned.
        shapes: how many random shapes.
        seed: makes the figures repeatable.
    """
    rng = np.random.default_rng(seed)
    chapters = (derivation, *derivation.appendix)
    try:
        cases = [[(c, s, z) for c in chapters for s, z in _sized(c, rng, number)] for number in range(shapes)]
        rewritten = _rewritten_gap(derivation, rng)
    except TooLargeError:
        return Certificate(0, 0, 0.0, 0, 0.0, notation=derivation.notation)
    difference, chain, degree = rewritten, 0.0, 0
    worst = "what is written out" if rewritten else ""
    exact: set[tuple[str, int, int]] = set()
    rounded: set[tuple[str, int, int]] = set()
    labels: set[Label] = set()
    sloped: set[tuple[str, int]] = set()
    for case in cases:
        for place, (chapter, section, sizes) in enumerate(case):
            values = environment(section, sizes, rng)
            for row, found in enumerate(comparisons(section, values, sizes, rng)):
                key = (chapter.name, place, row)
                if found.degree is None:
                    rounded.add(key)
                    labels.add(found.row)
                else:
                    exact.add(key)
                    degree = max(degree, found.degree)
                if found.difference > difference or not np.isfinite(found.difference):
                    difference, worst = found.difference, f"{chapter.name}: {found.row[0]}, {found.row[1]}"
            if section.wrt and (slopes := slope_gap(section, values, sizes, rng)) is not None:
                sloped.add((chapter.name, place))
                chain = float(np.maximum(chain, slopes))
    if derivation.chapters:
        chain = float(np.maximum(chain, whole_gap(derivation, rng)))
    return Certificate(
        shapes,
        len(exact | rounded),  # conditional rows are evaluated on some shapes only
        difference,
        len(sloped),
        chain,
        len(exact - rounded),
        degree,
        frozenset(labels) if exact else frozenset(),
        worst,
        derivation.notation,
    )


def _sized(chapter: Derivation, rng: np.random.Generator, number_: int) -> Iterable[tuple[Section, dict[Symbol, Size]]]:
    """Each section and lemma with sizes; every other time those under which its conditional results hold."""
    for section in (part for whole in chapter.sections for part in whole.parts):
        where = {s: int(e) for r in section.results for s, e in r.step.where} if number_ % 2 == 0 else {}
        terms = (*section.raw, *(t for step in section.steps for t in step.terms))
        source = chapter.layer if chapter.layer is not None and not section.seeds else section.forward
        sizes = sample_sizes(source, rng, mapping=chapter.mapping, fixed=where, terms=terms, limit=60_000)
        known = complete_sizes(section.forward, sizes)
        for statement in section.gradient.statements if section.gradient is not None else ():
            if prod(number(r.extent, known) for r in statement.term.ranges) > _LARGEST:
                raise TooLargeError(f"{statement.target.name} is too large for the oracle")
        yield section, known


def _rewritten_gap(derivation: Derivation, rng: np.random.Generator) -> float:
    """The greatest difference of the gradients shown from those of the program that the kernels start from."""
    rewritten = derivation.rewritten
    if rewritten is None or rewritten.shown == rewritten.origin:
        return 0.0
    origin, shown = (_renamed(g.program) for g in (rewritten.origin, rewritten.shown))
    source = derivation.layer or derivation.program
    terms = [s.term for s in (*origin.statements, *shown.statements)]
    sizes = sample_sizes(source, rng, mapping=derivation.mapping, terms=terms, limit=60_000)
    values = _values(rewritten, sizes, rng)
    found = [interpret(program, values, sizes) for program in (origin, shown)]
    names = {s.target.name for s in shown.statements}
    return float(np.max([0.0, *(gap(found[0][n], found[1][n], floor=1.0) for n in sorted(names))]))


def _renamed(program: Program) -> Program:
    """The statements without the deltas of two indices: a smaller index box."""
    return replace(program, statements=tuple(replace(s, term=rename(s.term)[0]) for s in program.statements))


def _values(rewritten: Rewritten, sizes: Mapping[Symbol, Size], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Every forward tensor and random gradients of the outputs."""
    program = rewritten.origin.forward
    values = interpret(program, sample_values(program, sizes, rng), sizes)
    return values | {t.name: rng.normal(size=values[o].shape) for o, t in rewritten.origin.seeds.items()}


__all__ = ["Certificate", "certify"]
