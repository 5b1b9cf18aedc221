"""The literature of a book: what sources name, each work once, and where it is cited.

A source is works between semicolons, each ending with its year and, behind that, the place in it: "Ioffe and Szegedy,
Batch normalization, 2015, section 3". What has no year is one more place in the work before it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_BETWEEN = "; "
_WORK = re.compile(r"(?P<title>.+?, [0-9]{4})(?P<place>\b.*)")


@dataclass(frozen=True)
class Citation:
    """A place in a work.

    Attributes:
        work: who wrote what, and when.
        place: what follows the work, such as ", section 3"; "" for all of it.
    """

    work: str
    place: str = ""


def citations(source: str) -> tuple[Citation, ...]:
    """The works that a source names; what names none is a work itself."""
    found: list[Citation] = []
    for part in source.split(_BETWEEN) if source else ():
        match = _WORK.fullmatch(part)
        if match is not None:
            found.append(Citation(match["title"], match["place"]))
        elif found:
            found[-1] = Citation(found[-1].work, f"{found[-1].place}{_BETWEEN}{part}")
        else:
            found.append(Citation(part))
    return tuple(found)


def works(sources: Sequence[str]) -> dict[str, int]:
    """Every work with its number in the list, which is sorted by authors."""
    found = {citation.work for source in sources for citation in citations(source)}
    return {work: number for number, work in enumerate(sorted(found), start=1)}
