"""What the header of a layer says besides its functions: equations, constants, members, sizes."""

from collections.abc import Iterable, Iterator

from sympy import Symbol

from gradscribe.codegen.kernel.page.equation import equations
from gradscribe.codegen.kernel.page.provenance import page_numbers
from gradscribe.codegen.loops.product.settings import Field, Settings
from gradscribe.codegen.loops.product.size_functions import FAULTS
from gradscribe.codegen.loops.text.c_comment import comment, words_of
from gradscribe.codegen.loops.text.c_function import CBody
from gradscribe.codegen.loops.text.c_names import spelled
from gradscribe.codegen.python.expression import Name, parts
from gradscribe.codegen.python.scalars.scalar import size_text
from gradscribe.derive.layer.interface import Layer

WIDTH = 116
DEFAULTS = "The options with the values that they have where nobody says otherwise, and 0 for everything else."


def about(layer: Layer) -> Iterator[str]:
    """What the layer is, its equations, where they come from."""
    yield f"{layer.words[0].upper()}{layer.words[1:]}."
    yield ""
    for said in equations(layer.program, page_numbers(layer)):
        yield from said.lines(WIDTH - 3)
    yield ""
    yield "Numbers in brackets are those of the page that `gradscribe derive` prints."
    yield "Arrays lie row by row; their shapes stand beside them. No array that is written overlaps another one."
    yield "What an equation reads outside of an array is 0."
    if layer.source:
        yield ""
        yield f"Source: {layer.source}."


def constants(settings: Settings, bodies: Iterable[CBody]) -> list[str]:
    """What functions return, as members of an enum: those that are returned somewhere."""
    prefix = spelled(settings.layer.name).upper()
    said = {part.text for body in bodies for part in parts(body) if isinstance(part, Name)}
    found = [f"{prefix}_OK = 0,"]
    for k, (word, why) in enumerate(FAULTS.items(), 1):
        if f"{prefix}_{word}" in said:
            found += [*comment(list(wrapped([_why(settings, word, why)])), WIDTH), f"{prefix}_{word} = {k},"]
    return found


def _why(settings: Settings, word: str, why: str) -> str:
    asked = settings.layer.requirements if word == "CONDITION" else ()
    return f"{why}: {'; '.join(f'{r.option}: expected {r.expected}' for r in asked)}" if asked else why


def member(field: Field) -> str:
    """A member of the struct, and what it is."""
    words = f" /* {words_of(field.words)} */" if field.words else ""
    return f"{'ptrdiff_t' if field.whole else 'double'} {field.name};{words}"


def size_words(settings: Settings, symbol: Symbol) -> str:
    """What a size is that follows from settings."""
    definition = dict(settings.sizes)[symbol]
    return f"{symbol.name} = {size_text(definition)}; -1 where a size or an option cannot be."


def wrapped(lines: Iterable[str]) -> Iterator[str]:
    """Lines of words, broken at blanks; the rest of one stands a little to the right."""
    for line in lines:
        found = ""
        for word in line.split(" "):
            if found.strip() and len(found) + len(word) + 1 > WIDTH - 3:
                yield found
                found = f"    {word}"
            else:
                found = f"{found} {word}" if found else word
        yield found
