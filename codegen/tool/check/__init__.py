"""Somebody's hand-written backward against the derived one: equal, or the smallest example on which it is wrong.

    from gradscribe import check

    verdict = check(conv_backward, "conv2d")
    assert verdict.equal, verdict

stage           input                   output                                     where
problem         function, layer         Problem: what is given and returned        problem/
explore         Problem                 trials of random examples                  trial/ (hypothesis)
smallest        a kind of deviation     the smallest trial with it                 trial/
diagnose        trials                  the one mistake that explains them         mistake/, finding/diagnosis.py
explained       a kind of deviation     that, or the shape, or the summands        finding/
Verdict         all of it               text                                       finding/verdict.py
"""

from collections.abc import Callable, Mapping
from typing import Any

from gradscribe.codegen.tool.check.finding.explanation import explained
from gradscribe.codegen.tool.check.finding.verdict import Finding, Verdict, counted
from gradscribe.codegen.tool.check.problem.parameter_names import CheckError, called, gradient_name
from gradscribe.codegen.tool.check.problem.problem import problem
from gradscribe.codegen.tool.check.trial.search import explore
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.layer.interface import Layer

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
    bind: Mapping[str, str] | None = None,
    cache: str | None = None,
) -> Verdict:
    """Hold a hand-written backward against the derived one, on random shapes, options and numbers.

    Args:
        function: takes arrays and options by name, see docs/check.md, and returns one gradient, several in the order
            of `returns`, or a dict by name. It is given NumPy arrays of float64, copies each. What it prints
            is not shown.
        layer: a Layer, or what `gradscribe check --layer` takes: a name of the catalogue, an equation text, a file.
        examples: how many random examples are tried.
        seed: of the examples.
        returns: the gradients returned, such as "dx,dw,db", or "_,dx" where another result comes first; by default
            those of all differentiable inputs in order, of which the function may return the first ones only.
        layout: "channels-last" as gradscribe's, or "channels-first" as PyTorch's: x (N, C, H, W), w (K, C, R, T).
        axes: how many axes ``...`` stands for in the layer's equations.
        settings: options and sizes that are fixed, such as ``{"kernel_size": "2"}``.
        ties: "split" where equal maxima share the gradient.
        bind: what parameters are given whose names do not say it, such as ``{"y": "x", "t": "target"}``; "none" for one
            that keeps its default.
        cache: what the parameter `cache` holds, in order: "x,w,b,conv_param", with ``{stride,pad}`` for a dictionary.

    Returns:
        What was found: `equal`, and a finding with its smallest example for each mistake; print it.

    Raises:
        CheckError: when the function does not fit the layer, or hypothesis is not installed.
        EquationError: when a setting does not fit the layer.
        UnknownLayerError: when there is no such layer.
    """
    if examples < 1:
        raise CheckError(f"examples is {examples}; expected at least 1")
    target = find(layer) if isinstance(layer, str) else layer
    target = target.with_ties(ties) if ties else target
    asked = problem(function, target, returns, layout, axes, settings or {}, bind or {}, cache)
    found = explore(asked, examples, seed)
    if all(t.deviation(("", "nothing")) for t in found.trials):
        raise CheckError(
            f"{called(function)}: returns nothing; expected {', '.join(map(gradient_name, asked.returns))}"
        )
    compared = {name: [t for t in found.trials if name in t.results] for name in asked.returns}
    return Verdict(
        called(function),
        target.name,
        {gradient_name(name): counted(found.count(t), asked.varied) for name, t in compared.items() if t},
        len(found.trials),
        found.count(found.trials),
        tuple(explained(asked, found, key, examples, seed) for key in found.kinds()),
    )
