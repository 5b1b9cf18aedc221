"""The printed formats. A further one is a file with a `Writer` and a `render`, and a row here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from gradscribe.derive.typeset.document.look import PLAIN, Look
from gradscribe.printed import TEXT

if TYPE_CHECKING:  # SymPy takes its time: whoever looks at the names does not wait for it
    from gradscribe.derive.derivation.certificate.certificate import Footer
    from gradscribe.derive.derivation.record.page_record import Derivation
    from gradscribe.derive.typeset.document.document import Document


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        name: what users call it.
        mime: what notebooks call it.
        suffix: how the names of its files end.
        room: the module that writes it; it is loaded when something is printed.
    """

    name: str
    mime: str
    suffix: str
    room: str


FORMATS = {
    f.name: f
    for f in (
        Format("text", TEXT, ".txt", "gradscribe.derive.typeset.writers.text.text_writer"),
        Format("latex", "text/latex", ".tex", "gradscribe.derive.typeset.writers.latex.latex_writer"),
        Format("markdown", "text/markdown", ".md", "gradscribe.derive.typeset.writers.markdown"),
    )
}


def rendered_chapter(
    title: str, pages: "Sequence[tuple[Derivation, Footer | None]]", name: str, look: Look = PLAIN
) -> str:
    """Several derivations, each with what closes it, as one document with a table of contents."""
    from gradscribe.derive.typeset.document.arrange import chapter

    write: Callable[[Document, Look], str] = import_module(FORMATS[name].room).page
    return write(chapter(title, pages), look)


def rendered(derivation: "Derivation", name: str, footer: "Footer | None" = None, look: Look = PLAIN) -> str:
    """A derivation in one of FORMATS, closed by `footer`."""
    render: Callable[[Derivation, Footer | None, Look], str] = import_module(FORMATS[name].room).render
    return render(derivation, footer, look)
