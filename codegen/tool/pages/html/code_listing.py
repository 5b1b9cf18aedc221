"""Generated code, line by line with the equation of the derivation that each line is for."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from gradscribe.codegen.driver import emitted
from gradscribe.codegen.files.emitted import Printed
from gradscribe.codegen.kernel.page.equation import Equation
from gradscribe.codegen.target import target, wrapper
from gradscribe.derive.composition import Network
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser
from gradscribe.said import ENGLISH, in_words, say


@dataclass(frozen=True)
class CodeRow:
    """A line of code, escaped for HTML, and the numbers of the equations that it computes, "" for none."""

    text: str
    numbers: str


@dataclass(frozen=True)
class FunctionListing:
    """A function: its name, and its lines but for the docstring, which says what the page says."""

    name: str
    rows: tuple[CodeRow, ...]


@dataclass(frozen=True)
class Listing:
    """The functions of a backend, headed by what it is called on the page; `reason` says why there are none."""

    title: str
    functions: tuple[FunctionListing, ...]
    reason: str = ""


def listing(item: Layer | Optimiser, backend: str, title: str, language: str = ENGLISH) -> Listing:
    """The functions that a backend makes of a layer, a network or an optimiser; none of what it cannot compute."""
    if isinstance(item, Network) and not target(backend).networks:
        reason = say("{language}: layers alone are written in it, and this is a network.", language=title)
        return Listing(title, (), in_words(reason, language))
    try:
        module = emitted(item, 1, backend)
    except EquationError as error:
        return Listing(title, (), escape(f"{title}: {error}"))
    return Listing(title, tuple(_function(name, printed) for name, printed in module.functions.items()))


def torch_listing(item: Layer | Optimiser, language: str = ENGLISH) -> Listing:
    """What calls the functions of the first backend from PyTorch."""
    title = "PyTorch"
    try:
        text = wrapper()(item)
    except EquationError as error:
        return Listing(title, (), escape(f"{title}: {error}"))
    rows = tuple(CodeRow(escape(line), "") for line in text.splitlines())
    return Listing(title, (FunctionListing(in_words(say("A function for torch.autograd"), language), rows),))


def _function(name: str, printed: Printed) -> FunctionListing:
    return FunctionListing(name, tuple(_rows(printed)))


def _rows(printed: Printed) -> Iterator[CodeRow]:
    """Each line with the equations that stand above it: together, where one statement computes several."""
    current: list[Equation] = []
    above = False
    for line in printed.listing:
        says = isinstance(line.source, Equation)
        if says:
            current = [*current, line.source] if above else [line.source]
        elif line.source is None:
            current = []
        above = says
        yield CodeRow(escape(line.text), " ".join(dict.fromkeys(str(e.number) for e in current if e.number)))
