"""Somebody's hand-written backward against the derived one: equal, or the smallest example on which it is wrong.

    from codegen.check import check

    verdict = check(conv_backward, "conv2d")
    assert verdict.equal, verdict

stage           input                   output                                     where
problem         function, layer         Problem: what is given and returned        problem, vocabulary, layout
explore         Problem                 trials of random examples                  search (hypothesis), case, trial
smallest        a kind of deviation     the smallest trial with it                 search
diagnose        trials                  the one mistake that explains them         diagnosis, mistake, chain, tie, slip
                                        or the shape, or an element's summands     extent, summand
Verdict         all of it               text                                       verdict, citation
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from codegen.catalogue import find
from codegen.check.citation import ROOM, boxed
from codegen.check.diagnosis import Diagnosis, diagnose, diagnose_shape, witnesses
from codegen.check.extent import explain_shape
from codegen.check.problem import Problem, problem
from codegen.check.search import Exploration, Key, explore, smallest
from codegen.check.summand import missing, summands
from codegen.check.trial import Deviation, Trial
from codegen.check.verdict import LINES, Finding, Verdict
from codegen.check.vocabulary import CheckError, called, gradient_name
from derive.interface import Layer
from derive.ties import with_ties
from derive.typeset.text import row_lines

__all__ = ["CheckError", "Finding", "Verdict", "check"]


def check(
    function: Callable[..., Any],
    layer: Layer | str,
    *,
    examples: int = 200,
    seed: int = 0,
    returns: str | None = None,
    layout: str = "channels-last",
    axes: int = 1,
    settings: Mapping[str, str] | None = None,
    ties: str | None = None,
) -> Verdict:
    """Hold a hand-written backward against the derived one, on random shapes, options and numbers.

    Args:
        function: takes arrays and options by name, see docs/check.md, and returns one gradient, several in the order
            of `returns`, or a dict by name. NumPy arrays of float64 are given, copies each.
        layer: a Layer, or what `gradscribe check --layer` takes: a name of the catalogue, an equation text, a file.
        examples: how many random examples are tried.
        seed: of the examples.
        returns: the gradients returned, such as "dx,dw,db"; by default those of all differentiable inputs in order, of
            which the function may return the first ones only.
        layout: "channels-last" as gradscribe's, or "channels-first" as PyTorch's: x (N, C, H, W), w (K, C, R, T).
        axes: how many axes ``...`` stands for in the layer's equations.
        settings: options and sizes that are fixed, such as ``{"kernel_size": "2"}``.
        ties: "split" where equal maxima share the gradient.

    Raises:
        CheckError: when the function does not fit the layer, or hypothesis is not installed.
        EquationError: when a setting does not fit the layer.
        UnknownLayerError: when there is no such layer.
    """
    if examples < 1:
        raise CheckError(f"examples is {examples}; expected at least 1")
    target = find(layer) if isinstance(layer, str) else layer
    target = with_ties(target, ties) if ties else target
    asked = problem(function, target, returns, layout, axes, settings or {})
    found = explore(asked, examples, seed)
    gradients = [name for name in asked.returns if any(name in t.results for t in found.trials)]
    findings = tuple(_finding(asked, found, key, examples, seed) for key in found.kinds())
    return Verdict(
        called(function),
        target.name,
        tuple(map(gradient_name, gradients)),
        len(found.trials),
        found.shapes,
        findings,
    )


def _finding(asked: Problem, found: Exploration, key: Key, examples: int, seed: int) -> Finding:
    failing = found.failing(key)
    trial = smallest(found, key, examples, seed)
    deviation = trial.deviation(key)
    assert deviation is not None  # what `smallest` looked for
    subject, kind = key
    diagnosis: Diagnosis | None = None
    notes: tuple[str, ...] = ()
    if kind == "differs":
        diagnosis = diagnose(trial, subject, witnesses(found.trials, subject))
        notes = () if diagnosis else _summands(asked, trial, deviation)
        if np.isnan(deviation.received) and not np.isnan(deviation.expected):
            notes = (*notes, "A factor 0 does not undo NaN or infinity: choose by np.where where a bracket is false.")
    elif kind == "shape":
        diagnosis = diagnose_shape(trial, subject, failing)
        sentence = "" if diagnosis else explain_shape([trial, *failing], subject)
        notes = (sentence,) if sentence else ()
    citation = diagnosis.citation if diagnosis else None
    return Finding(
        subject=gradient_name(subject) if subject else "",
        kind=kind,
        arguments=trial.case.arguments(),
        index=deviation.index,
        expected=deviation.expected,
        received=deviation.received,
        failing=found.count(failing),
        words=citation.words if citation else "",
        confirmed=diagnosis.examples if diagnosis else 0,
        derived=citation.derived if citation else _row(asked, subject) if kind == "differs" else "",
        wrong=citation.wrong if citation else "",
        notes=notes,
    )


def _row(asked: Problem, subject: str) -> str:
    adjoint = asked.gradient.adjoint(subject)
    return "\n".join(row_lines(boxed(asked, adjoint), ROOM)) if adjoint is not None else ""


def _summands(asked: Problem, trial: Trial, deviation: Deviation) -> tuple[str, ...]:
    """That no single mistake was found, and what the element is the sum of."""
    lines = ["No single mistake in one term of the derivation explains it."]
    parts = summands(trial.case, deviation.subject, deviation.index)
    if not parts:
        return (*lines, "That element is a sum without any summand other than 0.")
    lines.append(
        f"The summands of that element other than 0{'' if len(parts) <= LINES else f', {LINES} of {len(parts)}'}:"
    )
    lines += [f"  {part.text} = {part.value:.6g}" for part in parts[:LINES]]
    left_out = missing(parts, deviation.received)
    if left_out == parts:
        lines.append("None of them is in your value.")
    elif left_out:
        lines.append(f"Your value is the sum without {', '.join(p.text for p in left_out)}.")
    return tuple(lines)
