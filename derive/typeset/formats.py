"""The printed formats. A further one is a file with a `Writer` and a `render`, and a row here."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from gradscribe.printed import TEXT

if TYPE_CHECKING:  # SymPy takes its time: whoever looks at the names does not wait for it
    from gradscribe.derive.derivation.certificate.certificate import Footer
    from gradscribe.derive.derivation.record import Derivation


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        name: what users call it.
        mime: what notebooks call it.
        room: the module that writes it; it is loaded when something is printed.
    """

    name: str
    mime: str
    room: str


FORMATS = {
    f.name: f
    for f in (
        Format("text", TEXT, "gradscribe.derive.typeset.text.text_writer"),
        Format("latex", "text/latex", "gradscribe.derive.typeset.latex.latex_writer"),
        Format("markdown", "text/markdown", "gradscribe.derive.typeset.markdown"),
    )
}


def rendered(derivation: "Derivation", name: str, footer: "Footer | None" = None) -> str:
    """A derivation in one of FORMATS, closed by `footer`."""
    render: Callable[[Derivation, Footer | None], str] = import_module(FORMATS[name].room).render
    return render(derivation, footer)
