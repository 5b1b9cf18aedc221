"""What is said of one kind of deviation: the smallest example, and sentences each of which was evaluated before."""

import numpy as np

from gradscribe.codegen.tool.check.finding.citation import ROOM, boxed
from gradscribe.codegen.tool.check.finding.diagnosis import Diagnosis, diagnose, diagnose_shape, witnesses
from gradscribe.codegen.tool.check.finding.extent import explain_shape
from gradscribe.codegen.tool.check.finding.summand import missing, own_index, summands
from gradscribe.codegen.tool.check.finding.verdict import LINES, Finding, counted, number
from gradscribe.codegen.tool.check.mistake.bracket import without_brackets
from gradscribe.codegen.tool.check.problem.parameter_names import gradient_name
from gradscribe.codegen.tool.check.problem.problem import Problem
from gradscribe.codegen.tool.check.trial.search import Exploration, Key, smallest
from gradscribe.codegen.tool.check.trial.trial import Deviation, Trial, agreeing
from gradscribe.derive.typeset.writers.text.text_lines import row_lines

WHOLE = ("raises", "modifies", "nothing")
"""Kinds of deviation that are about the call, not about one gradient."""


def explained(asked: Problem, found: Exploration, key: Key, examples: int, seed: int) -> Finding:
    """The finding of one kind of deviation."""
    failing = found.failing(key)
    trial = smallest(found, key, examples, seed)
    deviation = trial.deviation(key)
    assert deviation is not None  # what `smallest` looked for
    subject, kind = key
    diagnosis: Diagnosis | None = None
    notes: tuple[str, ...] = ()
    if kind == "differs":
        diagnosis = diagnose(trial, subject, witnesses(found.trials, subject))
        notes = () if diagnosis.citation else _summands(trial, deviation, diagnosis.tried)
        notes += _brackets(trial, deviation)
    elif kind == "shape":
        diagnosis = diagnose_shape(trial, subject, witnesses(found.trials, subject))
        sentence = "" if diagnosis.citation else explain_shape([trial, *failing], subject)
        notes = (sentence,) if sentence else ()
    citation = diagnosis.citation if diagnosis else None
    compared = [t for t in found.trials if subject in t.results] if kind in ("differs", "shape") else found.trials
    return Finding(
        subject="" if kind in WHOLE else gradient_name(subject),
        kind=kind,
        arguments=trial.case.arguments(),
        labelled={a.label: value for a, value in trial.case.values().items()},
        index=deviation.index,
        expected=deviation.expected,
        received=deviation.received,
        failing=found.count(failing),
        among=counted(found.count(compared), asked.varied),
        words=citation.words if citation else "",
        confirmed=diagnosis.examples if diagnosis else 0,
        derived=citation.derived if citation else _row(asked, subject) if kind == "differs" else "",
        wrong=citation.wrong if citation else "",
        notes=notes,
    )


def _row(asked: Problem, subject: str) -> str:
    adjoint = asked.gradient.adjoint(subject)
    return "\n".join(row_lines(boxed(asked, adjoint).results[0].step, ROOM)) if adjoint is not None else ""


def _summands(trial: Trial, deviation: Deviation, tried: int) -> tuple[str, ...]:
    """That no single mistake was found, and what the element is the sum of."""
    if trial.case.problem.gradient.adjoint(deviation.subject) is None:
        return (f"No output depends on {deviation.subject}: its gradient is 0.",)
    lines = [f"No single mistake in one term of the derivation explains it; {tried} were tried."]
    parts = summands(trial.case, deviation.subject, deviation.index)
    if not agreeing(np.array(sum(p.value for p in parts)), np.array(deviation.expected)):
        return tuple(lines)
    if not parts:
        return (*lines, "That element is a sum without any summand other than 0.")
    lines.append(
        f"The summands of that element other than 0{'' if len(parts) <= LINES else f', {LINES} of {len(parts)}'}:"
    )
    lines += [f"  {part.text} = {number(part.value)}" for part in parts[:LINES]]
    left_out = missing(parts, deviation.received)
    if left_out == parts:
        lines.append("Your value is 0: none of them is in it.")
    elif left_out:
        lines.append(f"Your value is the sum without {', '.join(p.text for p in left_out)}.")
    return tuple(lines)


def _brackets(trial: Trial, deviation: Deviation) -> tuple[str, ...]:
    """Where NaN stands for a number: whether it is what a false bracket hides, multiplied by 0."""
    if not np.isnan(deviation.received) or not np.isfinite(deviation.expected):
        return ()
    value = without_brackets(trial.case, deviation.subject)
    place = own_index(trial.case, deviation.subject, deviation.index)
    if value is None or np.isfinite(value[place]):
        return ()
    return (
        f"Without its brackets that element is {number(value[place])}: a factor 0 does not undo NaN or infinity; "
        "choose by np.where where a bracket is false.",
    )
