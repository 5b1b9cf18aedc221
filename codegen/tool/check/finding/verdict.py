"""What a check came to, and how it is printed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradscribe.printed import Printed

WIDTH = 110
NUMBERS = 6
"""Elements other than 0 that are printed of an example."""
LINES = 8
"""Summands that are printed of an element."""


@dataclass(frozen=True)
class Finding:
    """One mistake with its smallest example.

    Attributes:
        subject: the gradient, such as "dx"; "" for the call as a whole.
        kind: "differs", "shape" (a wrong one), "type" (no array of real numbers), "raises", "modifies" (an argument)
            or "nothing" (is returned).
        arguments: what the function is given, by parameter: ``function(**arguments)`` shows the mistake.
        labelled: the same one by one, what a cache holds by its name.
        index: the first element that differs.
        expected: its value, or the shape expected.
        received: the value or shape received, or a message.
        failing: on how many different shapes and options it occurs.
        among: of how many: "30 random shapes".
        words: what is wrong with the result in terms of the derivation; "" where no single mistake explains it.
        confirmed: how many examples these words explain.
        derived: the row of the derivation.
        wrong: the same row as the function has it, where that can be said.
        notes: further lines: the summands of the element, a formula of a wrong extent.
    """

    subject: str
    kind: str
    arguments: Mapping[str, Any]
    labelled: Mapping[str, Any]
    index: tuple[int, ...] = ()
    expected: Any = None
    received: Any = None
    failing: int = 0
    among: str = ""
    words: str = ""
    confirmed: int = 0
    derived: str = ""
    wrong: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([*_example(self), *_explanation(self)])


@dataclass(frozen=True, repr=False)
class Verdict(Printed):
    """The result of a check; print it.

    Attributes:
        function: the name of the function checked.
        layer: the name of the layer.
        compared: the gradients that were compared, such as "dx", and on what: "30 random shapes".
        examples: how many calls were compared.
        shapes: how many different combinations of shapes and options were among them.
        findings: the mistakes; none where all is equal.
    """

    function: str
    layer: str
    compared: Mapping[str, str]
    examples: int
    shapes: int
    findings: tuple[Finding, ...] = field(default=())

    @property
    def equal(self) -> bool:
        """Whether no mistake was found."""
        return not self.findings

    @property
    def gradients(self) -> tuple[str, ...]:
        """The gradients that were compared."""
        return tuple(self.compared)

    def __str__(self) -> str:
        wrong = {f.subject for f in self.findings}
        right: dict[str, list[str]] = {}
        for gradient, among in self.compared.items():
            if gradient not in wrong:
                right.setdefault(among, []).append(gradient)
        said = ", ".join(_said(f) for f in self.findings)
        equal = ", ".join(f"{', '.join(names)} equal on {among}" for among, names in right.items())
        lines = [f"{self.function} against {self.layer}: {'; '.join(part for part in (said, equal) if part)}"]
        for finding in self.findings:
            lines += ["", str(finding)]
        return "\n".join(lines)


def counted(number: int, things: str) -> str:
    """``30 random shapes``, ``1 random shape``."""
    return f"{number} {things}" if number > 1 else f"{number} {things.replace('shapes', 'shape')}"


def number(value: Any) -> str:
    """A number of six digits, as far as it has them."""
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def _said(finding: Finding) -> str:
    match finding.kind:
        case "raises":
            return "it raises"
        case "modifies":
            return f"it modifies {finding.received}"
        case "nothing":
            return "it returns nothing"
        case "shape":
            return f"{finding.subject} has a wrong shape"
        case "type":
            return f"{finding.subject} is no array of real numbers"
        case _:
            return f"{finding.subject} differs"


def _example(finding: Finding) -> list[str]:
    arrays = {n: a for n, a in finding.labelled.items() if isinstance(a, np.ndarray)}
    others = {n: a for n, a in finding.labelled.items() if n not in arrays}
    shapes = [f"{name} {_shape(array.shape)}" for name, array in arrays.items()]
    options = [f"{name} {number(value)}" for name, value in others.items()]
    text = ", ".join(shapes) + ("; " if shapes and options else "") + ", ".join(options)
    lines = [f"{_said(finding)[0].upper()}{_said(finding)[1:]}" if not finding.subject else _said(finding)]
    lines[0] += f" on {finding.failing} of {finding.among}; the smallest found:"
    lines += _wrapped(text, "  ")
    values = _values(arrays) if finding.kind == "differs" else ""
    lines += _wrapped(values, "  ") if values else []
    match finding.kind:
        case "raises":
            lines.append(f"  {finding.received}")
        case "modifies":
            lines.append(f"  {finding.received} is not the same after the call: work on a copy")
        case "nothing":
            lines.append("  nothing is returned, or None for every gradient")
        case "type":
            lines.append(f"  {finding.subject} is {finding.received}; expected an array of real numbers")
        case "shape":
            lines.append(
                f"  {finding.subject} has shape {_shape(finding.received)}, expected {_shape(finding.expected)}"
            )
        case _:
            at = f"[{', '.join(map(str, finding.index))}]" if finding.index else ""
            expected, received = number(finding.expected), number(finding.received)
            if expected == received:  # they differ beyond the digits shown
                expected, received = str(finding.expected), str(finding.received)
            lines.append(f"  {finding.subject}{at}: expected {expected}, got {received}")
    return lines


def _explanation(finding: Finding) -> list[str]:
    lines = []
    if finding.words:
        told = f"Your {finding.subject} is the derived one {finding.words} (on all {finding.confirmed} examples tried)."
        lines += _wrapped(told, "")
    if finding.derived:
        lines += _after("  derived  ", finding.derived)
    if finding.wrong:
        lines += _after("  yours    ", finding.wrong)
    for note in finding.notes:
        text = note.lstrip(" ")
        lines += _wrapped(text, " " * (len(note) - len(text)))
    return lines


def _after(head: str, lines: str) -> list[str]:
    return [(head if number == 0 else " " * len(head)) + line for number, line in enumerate(lines.split("\n"))]


def _values(arrays: Mapping[str, np.ndarray]) -> str:
    """The elements that are not 0, where there are few of them."""
    parts = [
        f"{name}[{', '.join(map(str, map(int, at)))}] = {number(array[tuple(at)])}"
        for name, array in arrays.items()
        for at in np.argwhere(array != 0)
    ]
    if len(parts) > NUMBERS:
        return ""
    total = sum(array.size for array in arrays.values())
    return f"with {', '.join(parts)}{', else 0' if total > len(parts) else ''}" if parts else "with all elements 0"


def _shape(shape: tuple[int, ...]) -> str:
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def _wrapped(text: str, head: str) -> list[str]:
    """`text` after `head`, broken at spaces; later lines are indented as deep."""
    room = WIDTH - len(head)
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return [head + lines[0], *(" " * len(head) + line for line in lines[1:])]
