"""Records that `str`, `repr` and notebooks show as equations: they know nothing but the record, so they need printers.

Mathematics imports none. A printer is asked for by the name of the record's class, of a table that `gradscribe` gives
when it is imported, before any record can be made; the table is loaded with the first record that is shown.
"""

from collections.abc import Callable, Mapping
from typing import Any

Printer = Callable[[Any], str]
Printers = Mapping[str, Mapping[str, Printer]]
"""By the name of a record's class, then by what notebooks call a format."""
TEXT = "text/plain"
BRIEF = "brief"
"""No format of notebooks: what `repr` says, where that is not the beginning of the text."""
FEW = 12
"""The most lines that `repr` has."""

_GIVEN: list[Callable[[], Printers]] = []


def give(table: Callable[[], Printers]) -> None:
    """From now on records are shown by the printers that `table` returns."""
    _GIVEN[:] = [table]


class Printed:
    """A record with printers: `str` is all of it as text, `repr` a few lines of that.

    A dataclass has its own `repr`, unless it is made with ``repr=False``.
    """

    def __str__(self) -> str:
        return self._printers().get(TEXT, object.__repr__)(self)

    def __repr__(self) -> str:
        try:
            return self._printers().get(BRIEF, lambda record: brief(str(record)))(self)
        except Exception:  # a record that is not well formed: whoever looks for the reason wants to see it
            return object.__repr__(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {form: write(self) for form, write in self._printers().items() if form != BRIEF}

    def _printers(self) -> Mapping[str, Printer]:
        table = _GIVEN[0]()
        return next((table[c.__name__] for c in type(self).__mro__ if c.__name__ in table), {})


def brief(text: str) -> str:
    """The first lines of a text, and how many there are besides."""
    lines = text.rstrip("\n").split("\n")
    if len(lines) <= FEW:
        return "\n".join(lines)
    rest = len(lines) - FEW + 1
    return "\n".join([*lines[: FEW - 1], f"… {rest} more lines; print shows them"])
