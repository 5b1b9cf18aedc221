"""The text of what holds after training: ``evaluation y[...] = x[...]`` stands in place of the equations of y.

What only training needs goes: what replaces state, and every equation and declaration that nothing is left of.
"""

from collections.abc import Collection
from dataclasses import replace

from gradscribe.derive.language.syntax.located_error import Located
from gradscribe.derive.language.syntax.tree import Declaration, Element, Equation, Name, Node, Text, walk


def evaluated(text: Text, dropped: Collection[str]) -> Text | None:
    """The text after training; None where that is the same.

    Args:
        text: the text.
        dropped: the tensors that replace state in training.

    Raises:
        Located: when a line stands for no equation.
    """
    if not text.evaluation:
        return None
    instead: dict[str, list[Equation]] = {}
    defined = {_named(e.target) for e in text.equations}
    for line in text.evaluation:
        name = _named(line.target)
        if name not in defined:
            raise Located(f"no equation defines {name} in training; expected one beside this line", line.target.at)
        if line.accumulates != (name in instead):
            sign = "=" if line.accumulates else "+="
            raise Located(f"expected evaluation {name} {sign} ... here", line.at)
        instead.setdefault(name, []).append(line)
    equations: list[Equation] = []
    for equation in text.equations:
        name = _named(equation.target)
        if name not in instead:
            equations.append(equation)
        elif not equation.accumulates:
            equations += instead[name]
    outputs = [_named(i) for d in text.declarations if d.keyword == "output" for i in d.items]
    wanted = [n for n in outputs or [_last_tensor(text)] if n not in dropped]
    kept = _needed(equations, {*wanted, *_sizes(text)})
    names = {n for e in kept for node in walk((e.target, e.value)) if (n := _spelt(node))}
    return replace(
        text,
        declarations=tuple(d for line in text.declarations if (d := _restricted(line, names, wanted)).items),
        equations=tuple(kept),
        evaluation=(),
    )


def _named(node: Name | Element) -> str:
    return node.name if isinstance(node, Name) else node.tensor


def _spelt(node: Node) -> str:
    return _named(node) if isinstance(node, Name | Element) else ""


def _last_tensor(text: Text) -> str:
    """The output where none is declared."""
    return _named(text.equations[-1].target)


def _sizes(text: Text) -> set[str]:
    """The names in ranges, limits and declared shapes; parameters and sizes stay."""
    shapes = [i.subscripts for d in text.declarations for i in d.items if isinstance(i, Element)]
    parts = walk((*text.ranges, *text.limits, *shapes))
    plain = {e.target.name for e in text.equations if isinstance(e.target, Name) and not _reads_tensors(e)}
    return plain | {node.name for node in parts if isinstance(node, Name)}


def _reads_tensors(equation: Equation) -> bool:
    return any(isinstance(node, Element) for node in walk(equation.value))


def _needed(equations: list[Equation], wanted: set[str]) -> list[Equation]:
    """The equations that the `wanted` names depend on, in order."""
    needed, kept = set(wanted), []
    for equation in reversed(equations):
        if _named(equation.target) in needed:
            kept.append(equation)
            needed |= {_spelt(node) for node in walk((equation.target, equation.value))}
    return kept[::-1]


def _restricted(line: Declaration, names: set[str], outputs: list[str]) -> Declaration:
    """A declaration of what is left; outputs are those that are wanted."""
    known = outputs if line.keyword == "output" else names
    return replace(line, items=tuple(i for i in line.items if _named(i) in known))
