"""A derivation evaluated: every row against the row before, the chain rule against finite differences."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np
from sympy import Symbol, Tuple

from gradscribe.derive.calculus.collapse import rename
from gradscribe.derive.derivation.certificate.boxes import underived
from gradscribe.derive.derivation.certificate.captions import caption_gaps
from gradscribe.derive.derivation.certificate.certificate import ROWS_TOLERANCE, Certificate, Label
from gradscribe.derive.derivation.certificate.differences import slope_gap, whole_gap
from gradscribe.derive.derivation.certificate.matrix_gaps import matrix_gaps
from gradscribe.derive.derivation.certificate.rows import (
    Values,
    comparisons,
    divides_by_0,
    environment,
    gap,
    is_chain_rule,
    is_defined,
)
from gradscribe.derive.derivation.forward.idealisation import Idealised
from gradscribe.derive.derivation.forward.insertion import Rewritten
from gradscribe.derive.derivation.forward.remarks.constants import TOLERANCE, change
from gradscribe.derive.derivation.gradient.steps.reasons import named_rules
from gradscribe.derive.derivation.network.kinds.alike import not_alike
from gradscribe.derive.derivation.record.page_record import Definition, Derivation
from gradscribe.derive.derivation.record.section_record import Section, Step
from gradscribe.derive.ir.interpret import complete_sizes, evaluate, interpret, number
from gradscribe.derive.ir.term import Access, Program, Statement, Term
from gradscribe.derive.layer.sampling import Dice, Size, TooLargeError, sample_sizes, sample_values
from gradscribe.kept import kept_with

_TRIES = 1_000
"""Sizes that are drawn until they are among those that equations are stated for."""
_POINTS = 3
"""Points that are drawn until there is one where E has a slope that can be measured."""
_LARGEST = 30_000_000
"""Points of an index box that the oracle evaluates at once."""


@kept_with  # text, LaTeX and Markdown of a page have one certificate
@np.errstate(all="ignore")  # some random sizes and values make 0/0, which is compared like any other number
def certify(derivation: Derivation, shapes: int = 6, seed: int = 0) -> Certificate:
    """Evaluate every row of a derivation.

    Args:
        derivation: what `derive` returned.
        shapes: how many random shapes.
        seed: makes the figures repeatable.
    """
    rng = np.random.default_rng(seed)
    try:
        cases = [list(_sized(derivation, rng, number, shapes)) for number in range(shapes)]
        rewritten = _rewritten_gap(derivation, rng)
        constant = max((change(name, derivation.program, Dice(seed)) for name in derivation.unchanging), default=0.0)
    except TooLargeError:
        return Certificate(0, 0, 0.0, 0, 0.0, notation=derivation.notation)
    difference, chain, degree = rewritten, 0.0, 0
    worst = "what is written out" if rewritten else ""
    exact: set[tuple[int, int]] = set()
    rounded: set[tuple[int, int]] = set()
    labels: set[Label] = set()
    sloped: set[int] = set()
    named: set[tuple[int | str, int]] = set()
    caption, false = 0.0, ""
    unlike, lacking = not_alike(derivation), underived(derivation)
    if not constant <= TOLERANCE or unlike or lacking:
        said = unlike or (f"nothing derives {lacking}" if lacking else "constants that no output depends on")
        difference, worst = float("inf"), f"{derivation.name}: {said}"
    for case in cases:
        for place, section, sizes in case:
            values = environment(section, sizes, rng)
            if not is_defined(section, values, sizes):
                continue
            for row, found in enumerate(comparisons(section, values, sizes, rng)):
                key = (place, row)
                if found.degree is None:
                    rounded.add(key)
                    labels.add(found.row)
                else:
                    exact.add(key)
                    degree = max(degree, found.degree)
                if found.difference > difference or not np.isfinite(found.difference):
                    difference, worst = found.difference, f"{derivation.name}: {found.row[0]}, {found.row[1]}"
            for number_, (box, distance) in enumerate(caption_gaps(section, values, sizes)):
                named.add((place, number_))
                caption = float(np.maximum(caption, distance))
                if not distance <= ROWS_TOLERANCE:
                    false = f"{derivation.name}: {box.step.left.tensor}, caption"
            if section.wrt and (slopes := _slopes(section, values, sizes, rng)) is not None:
                sloped.add(place)
                chain = float(np.maximum(chain, slopes))
    for _ in range(shapes):
        for number_, (name, distance) in enumerate(matrix_gaps(derivation, rng)):
            named.add((name, number_))
            caption = float(np.maximum(caption, distance))
            if not distance <= ROWS_TOLERANCE:
                false = f"{derivation.name}: {name}, matrix form"
    if derivation.chapters:
        chain = float(np.maximum(chain, whole_gap(derivation, rng)))
    if (stated := _stated_gap(derivation, rng)) > difference:
        difference, worst = stated, f"{derivation.name}: an equation that is stated"
    return Certificate(
        shapes,
        len(exact | rounded),  # conditional rows are evaluated on some shapes only
        difference,
        len(sloped),
        chain,
        len(exact - rounded),
        degree,
        frozenset(labels) if exact else frozenset(),
        worst if difference > ROWS_TOLERANCE else false or worst,
        derivation.notation,
        alike=sum(s.likeness is not None for s in derivation.sections),
        captions=len(named),
        caption_difference=caption,
        decreed=tuple(sorted({n for s in derivation.program.statements for n in named_rules(s.term.body)})),
    )


def _slopes(section: Section, values: Values, sizes: Mapping[Symbol, Size], rng: np.random.Generator) -> float | None:
    """Distance of a section's gradient from finite differences, elsewhere if this point is at a corner or a pole."""
    for _ in range(_POINTS):
        found = slope_gap(section, values, sizes, rng)
        if found is not None:
            return found
        values = environment(section, sizes, rng)
        if not is_defined(section, values, sizes):
            break
    return None


def _sized(
    page: Derivation, rng: np.random.Generator, number_: int, shapes: int
) -> Iterable[tuple[int, Section, dict[Symbol, Size]]]:
    """Each section and lemma, by its place, with sizes; every other time those under which conditional results hold.

    What is another section under other names has those rows; it has its turn once.
    """
    parts = [(whole, part) for whole in page.sections for part in whole.parts]
    for place, (whole, section) in enumerate(parts):
        if whole.likeness is not None and place % shapes != number_:
            continue
        where = {s: int(e) for r in section.results for s, e in r.step.where} if number_ % 2 == 0 else {}
        try:
            known = _drawn(page, section, section.steps, where, rng)
        except TooLargeError:
            section = _with_fewer_indices(section)
            known = _drawn(page, section, [s for s in section.steps if not is_chain_rule(s)], where, rng)
        yield place, section, known


def _drawn(
    page: Derivation, section: Section, steps: Iterable[Step], where: Mapping[Symbol, Size], rng: np.random.Generator
) -> dict[Symbol, Size]:
    """Sizes at which the oracle can evaluate these rows of a section."""
    terms = (*section.raw, *(t for step in steps for t in step.terms))
    source = page.layer if page.layer is not None and not section.seeds else section.forward
    stated = page.rewritten.idealised if page.rewritten is not None else ()
    made = tuple(s.term for s in section.gradient.statements) if section.gradient is not None else ()
    for counted in (terms, (*terms, *made)):  # what is made has more indices than a row: small sizes if need be
        draw = partial(sample_sizes, source, rng, mapping=page.mapping, fixed=where, terms=counted, limit=60_000)
        known = complete_sizes(section.forward, _sizes(draw, stated))
        if all(prod(number(r.extent, known) for r in term.ranges) <= _LARGEST for term in made):
            return known
    raise TooLargeError("a gradient is too large for the oracle")


def _with_fewer_indices(section: Section) -> Section:
    """The section, where an index that a delta makes equal to another one is that in what differentiation made.

    Numbers that a network fixes, such as 64 words, cannot be drawn smaller; for each of them the delta would be asked.
    """
    gradient = _renamed(section.gradient) if section.gradient is not None else None
    return replace(section, raw=tuple(rename(t)[0] for t in section.raw), gradient=gradient)


def _rewritten_gap(derivation: Derivation, rng: np.random.Generator) -> float:
    """The greatest difference of the gradients shown from those of the program that the kernels start from."""
    rewritten = derivation.rewritten
    if rewritten is None or rewritten.shown == rewritten.origin:
        return 0.0
    origin, shown = (_renamed(g.program) for g in (rewritten.origin, rewritten.shown))
    source = derivation.layer or derivation.program
    terms = [s.term for s in (*origin.statements, *shown.statements)]
    draw = partial(sample_sizes, source, rng, mapping=derivation.mapping, terms=terms, limit=60_000)
    sizes = _sizes(draw, rewritten.idealised, (*rewritten.origin.forward.statements, *origin.statements))
    values = _values(rewritten, sizes, rng)
    found = [interpret(program, values, sizes) for program in (origin, shown)]
    names = {s.target.name for s in shown.statements}
    gaps = [gap(found[0][n], found[1][n], floor=1.0) for n in sorted(names)]
    if rewritten.idealised:  # the forward equations, too, are others
        stated = interpret(rewritten.shown.forward, values, sizes)
        gaps += [gap(values[s.target.name], stated[s.target.name], 1.0) for s in rewritten.shown.forward.statements]
    return float(np.max([0.0, *gaps]))


def _stated_gap(derivation: Derivation, rng: np.random.Generator) -> float:
    """The greatest difference between the sides of an equation as it is printed: forward, or of a first gradient."""
    rewritten = derivation.rewritten
    if rewritten is None:
        return 0.0
    program = derivation.program
    draw = partial(sample_sizes, derivation.layer or program, rng, mapping=derivation.mapping, limit=60_000)
    sizes = complete_sizes(program, _sizes(draw, rewritten.idealised, program.statements))
    values = interpret(program, sample_values(program, sizes, rng), sizes)
    gaps = [_sides_gap(d, values, sizes) for d in derivation.equations]
    if rows := [p for p in derivation.premises if isinstance(p, Step) and isinstance(p.left, Access)]:
        values = _values(rewritten, sizes, rng)
        gaps += [_sides_gap(row, values, sizes) for row in rows]
    return float(np.max([0.0, *gaps]))


def _sides_gap(equation: Definition | Step, values: Values, sizes: Mapping[Symbol, Size]) -> float:
    """The same on the box of the indices that are free in it, those of the digits where it is y[s*i + r] = x[i, r]."""
    free = equation.terms[0].free
    left, _ = evaluate(Term(free, (), equation.left), values, sizes)
    right = np.asarray(sum(evaluate(replace(term, free=free), values, sizes)[0] for term in equation.terms))
    same = (left == right) | (np.isnan(left) & np.isnan(right))  # infinite, too: the maximum of no element
    return gap(np.where(same, 0.0, left), np.where(same, 0.0, right), floor=1.0)


def _sizes(
    draw: Callable[[], dict[Symbol, Size]], stated: Iterable[Idealised], statements: Sequence[Statement] = ()
) -> dict[Symbol, Size]:
    """Sizes for which the equations of a page are stated, and at which none of these `statements` divides by 0."""
    conditions = [c for one in stated for c in one.conditions if not Tuple(c.lower, c.upper).has(Access)]
    for _ in range(_TRIES):
        sizes = draw()
        known = [c for c in conditions if (c.upper - c.lower).free_symbols <= set(sizes)]
        if all(number(c.upper - c.lower, sizes) > 0 for c in known) and not divides_by_0(statements, sizes):
            return sizes
    raise TooLargeError("no small sizes are among those that the equations are stated for")


def _renamed(program: Program) -> Program:
    """The statements without the deltas of two indices: a smaller index box."""
    return replace(program, statements=tuple(replace(s, term=rename(s.term)[0]) for s in program.statements))


def _values(rewritten: Rewritten, sizes: Mapping[Symbol, Size], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Every forward tensor and random gradients of the outputs."""
    program = rewritten.origin.forward
    values = interpret(program, sample_values(program, sizes, rng), sizes)
    return values | {t.name: rng.normal(size=values[o].shape) for o, t in rewritten.origin.seeds.items()}


__all__ = ["Certificate", "certify"]
