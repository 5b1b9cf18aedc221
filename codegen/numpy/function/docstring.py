"""The words of generated functions: the equations they compute, and every array with its shape."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.conditions.gradient_conditions import Condition, result_conditions
from gradscribe.codegen.kernel.kernel import Kernel, Purpose
from gradscribe.codegen.numpy.function.arguments import raveled_text
from gradscribe.codegen.numpy.layer.constructor import describe_option
from gradscribe.codegen.numpy.plan import equations
from gradscribe.codegen.python.scalars.scalar import size_text
from gradscribe.codegen.python.text.literal import encodable
from gradscribe.derive.ir.term import Program, Tensor
from gradscribe.derive.layer.interface import Layer

WIDTH = 116
INDENT = "    "
QUOTES = '"""'
SHORT = 2
"""Lines of a sentence that is short."""


@dataclass(frozen=True)
class Section:
    """A part of a docstring with a title: a sentence where that is short, else an entry a line.

    Attributes:
        title: the title.
        entries: (name, words), without a name for what is a sentence by itself.
    """

    title: str
    entries: tuple[tuple[str, str], ...]

    def lines(self, indent: str) -> list[str]:
        """Its lines, not indented; a sentence is one."""
        whole = "; ".join(", ".join(filter(None, entry)) for entry in self.entries)
        if len(wrapped(f"{self.title}: {whole}.", indent)) <= SHORT:
            return [f"{self.title}: {whole}."]
        return [f"{self.title}:", *(f"{INDENT}{': '.join(filter(None, entry))}." for entry in self.entries)]


def raises(when: str) -> Section:
    """What a function raises."""
    return Section("Raises", (("", f"TypeError or ValueError when {when}"),))


def equation_lines(program: Program, numbers: Mapping[str, int] | None = None) -> list[str]:
    """The statements as they are computed, in the names of the code: ``u[n,i,k] = Σ_{r,c} x[n, i+r, c] w[r,c,k]``."""
    return [line for equation in equations(program, numbers) for line in equation.lines(WIDTH - len(INDENT))]


def shape_text(tensor: Tensor, kernel: Kernel) -> str:
    """The shape of an argument in words."""
    if tensor.ravel is not None:
        related = (t for t in kernel.layer.program.tensors.values() if t.ravel is not None)
        return "any shape" if all(len(t.shape) == 1 for t in related) else f"shape {raveled_text(tensor)}"
    if not tensor.shape:
        return "a number"
    inner = ", ".join(size_text(e) for e in tensor.shape)
    return f"shape ({inner},)" if len(tensor.shape) == 1 else f"shape ({inner})"


def function_doc(kernel: Kernel, numbers: Mapping[str, int]) -> str:
    """The docstring of a function: its equations with the numbers that a derivation gives them, arguments and results.

    A gradient of one equation has that in the first line, where it fits.
    """
    preface = [*kernel.preface, ""] if kernel.preface else []
    lines = equation_lines(kernel.program, numbers)
    summary = kernel.summary or f"Compute the {kernel.layer.words}."
    if kernel.purpose is Purpose.GRADIENT and not kernel.summary:
        gradient = f"Compute {kernel.results[0]}, the gradient of E"
        if len(lines) == 1 and len(f"{INDENT}{gradient}: {lines[0]}.") + len(QUOTES) <= WIDTH:
            return long_doc(f"{gradient}: {lines[0]}.", _described(kernel))
        summary = f"{gradient}."
    return long_doc(summary, [*preface, *lines, *_described(kernel)])


def _described(kernel: Kernel) -> list[str | Section]:
    given = [(t.name, _argument(t, kernel)) for t in kernel.arguments]
    for tensor in kernel.shaped:
        shape = shape_text(tensor, kernel).removeprefix("shape ")
        given.append((shape_argument(tensor), f"the shape of {tensor.name}, {shape}"))
    given += [(option.name, describe_option(option)) for option in kernel.options]
    if kernel.flag:
        given.append((kernel.flag, f"whether the gradients of {_inputs(kernel)} are wanted"))
    tensors = {**kernel.layer.program.tensors, **kernel.program.tensors}
    under = result_conditions(kernel)
    parts = [f"{name}, {_result(tensors[name], kernel)}{_unless(under[name])}" for name in kernel.results]
    return [
        Section("Args", tuple(given)),
        Section("Returns", (("", "; ".join(parts)),)),
        raises("a type, a shape or an option does not fit"),
    ]


def module_doc(layer: Layer, passages: Iterable[Sequence[str]] = ()) -> str:
    """The docstring of a module: what it is, passages of lines, which stand as they are, where it comes from.

    The equations are those of its first function.
    """
    source = [wrapped(f"Source: {layer.source}.", "")] if layer.source else []
    written = ["\n".join(lines) for lines in ([f"{titled(layer)}."], *passages, *source)]
    return encodable("\n\n".join(written) + "\n")


def titled(layer: Layer) -> str:
    """The layer in words, as a sentence begins."""
    return layer.words[0].upper() + layer.words[1:]


def long_doc(summary: str, lines: Sequence[str | Section]) -> str:
    """A docstring of a summary and more lines, one level indented."""
    return encodable(f"{summary}\n\n{paragraph(lines, INDENT)}\n{INDENT}")


def method_doc(first: str, lines: Sequence[str | Section] = ()) -> str:
    """A docstring two levels indented; a single sentence is wrapped with its quotes."""
    if lines:
        return encodable(f"{first}\n\n{paragraph(lines, 2 * INDENT)}\n{2 * INDENT}")
    return encodable("\n".join(wrapped(f'"""{first}"""', 2 * INDENT)).removeprefix(2 * INDENT)[3:-3])


def _argument(tensor: Tensor, kernel: Kernel) -> str:
    text = shape_text(tensor, kernel)
    if tensor.integer:
        text += ", integers"
    if tensor.optional:
        text += ", or None for ones" if tensor.absent else ", or None"
    seeds, directions = dict(kernel.seeds), dict(kernel.directions)
    if tensor.name in seeds:
        text += f", dE/d{seeds[tensor.name]}"
    elif tensor.name in directions:
        text += f" for 0, the direction of {directions[tensor.name]}"
    elif tensor.name not in {t.name for t in kernel.layer.program.inputs}:
        text += ", as the forward function returned it"
    return text


def _result(tensor: Tensor, kernel: Kernel) -> str:
    text = shape_text(tensor, kernel)
    if kernel.layer.program.definitions(tensor.name):
        return f"{text}, integers" if tensor.integer else text
    return f"{text}, row-major position in its window, or -1" if tensor.integer else text


def _inputs(kernel: Kernel) -> str:
    """The inputs whose gradients are returned, but for weights."""
    return enumerated([name for name in kernel.wrt if name not in kernel.layer.weights])


def _unless(condition: Condition) -> str:
    """When a result is None."""
    needed = [word for word in (condition.flag, condition.array) if word]
    return f" (None without {' or '.join(needed)})" if needed else ""


def enumerated(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def wrapped(text: str, indent: str, width: int = WIDTH) -> list[str]:
    """`text` broken at blanks; continuation lines are indented by four more."""
    lines: list[str] = []
    line = indent
    for word in text.split(" "):
        if len(line) + len(word) + 1 > width and line.strip():
            lines.append(line.rstrip())
            line = indent + "    "
        line += word if line.strip() == "" else f" {word}"
    return [*lines, line.rstrip()]


def paragraph(lines: Sequence[str | Section], indent: str) -> str:
    """Docstring lines and sections, indented and wrapped; a blank line stands about a section of several lines."""
    out: list[str] = []
    above = True
    for line in lines:
        parts = line.lines(indent) if isinstance(line, Section) else [line]
        apart = isinstance(line, Section) and (above or len(parts) > 1)
        out += [""] if apart and out and out[-1] else []
        for part in parts:
            own = part[: len(part) - len(part.lstrip())]
            out += wrapped(part.strip(), indent + own) if part else [""]
        above = not isinstance(line, Section) or len(parts) > 1
    return "\n".join(out)
