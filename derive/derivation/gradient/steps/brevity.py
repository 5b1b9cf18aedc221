"""Fewer rows: for what was said step by step before, and for a last row that the box repeats."""

from collections.abc import Sequence
from dataclasses import replace

from gradscribe.derive.derivation.gradient.steps import reasons
from gradscribe.derive.derivation.record.section_record import Section
from gradscribe.said import say

LONG = 10
"""From so many gradients on a layer's page is as brief as a network's."""


def said_once(sections: Sequence[Section]) -> list[Section]:
    """The sections of a page; one whose steps are those of another one before it, rule by rule, takes fewer rows."""
    known: set[tuple[str, ...]] = set()
    brief: set[str] = set()
    found = []
    for section in sections:
        rules = tuple(step.rule for step in section.steps)
        if section.like in brief or (rules in known and not section.like) or len(sections) >= LONG:
            brief.add(section.wrt)
        section = briefly(section) if section.wrt in brief else section
        found.append(in_one_row(section) if len(sections) >= LONG else inserted_in_box(section))
        known.add(rules)
    return found


def briefly(section: Section) -> Section:
    """With one row from the chain rule to what the Kronecker deltas leave; the slope of a maximum keeps its own."""
    steps = {step.rule: step for step in section.steps}
    if "kronecker" not in steps:
        return section
    kronecker, definition, renamed = (steps.get(rule) for rule in ("kronecker", "definition", "rename"))
    assert kronecker is not None
    last = renamed or kronecker
    is_open = any(term.deltas for term in last.terms)
    said = [
        definition.reason if definition is not None and "slope" not in steps else (),
        kronecker.reason if is_open or renamed is None else (),
        renamed.reason if renamed is not None else (),
    ]
    brief = replace(last, rule="rename", reason=reasons.listed([reason for reason in said if reason]))
    left_out = [kronecker, renamed] if "slope" in steps else [kronecker, renamed, definition]
    kept = (brief if step is last else step for step in section.steps if step is last or step not in left_out)
    return replace(section, steps=tuple(kept))


def in_one_row(section: Section) -> Section:
    """With one row for the chain rule element by element and what is put in there."""
    rules = [step.rule for step in section.steps]
    if rules != ["rename", "insert"] or section.closed is not None:
        return inserted_in_box(section)
    first, last = section.steps
    step = replace(last, rule="rename", reason=reasons.listed([first.reason, last.reason]))
    return replace(section, setup=(), steps=(step,))


def inserted_in_box(section: Section) -> Section:
    """Where the last row puts in what is known of other gradients, a clause says so, and the box is that row."""
    first, *others = section.results or (None,)
    last = section.steps[-1]
    if first is None or first.lead or section.closed is not None or len(section.steps) == 1 or last.rule != "insert":
        return section
    return replace(section, results=(replace(first, lead=(*say("With {reason}", reason=last.reason), ":")), *others))
