"""What has a page in a site, and where: by family, as the catalogue has it."""

from collections.abc import Sequence
from dataclasses import dataclass

from gradscribe.codegen.tool.finding.find import find_any, known
from gradscribe.codegen.tool.finding.topics import OTHERS
from gradscribe.derive.catalogue.pages.families import family
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import shown
from gradscribe.said import Message

START, DOCUMENTS, SOURCES, TESTS, ASSETS = "index.html", "docs", "sources", "tests", "assets"
"""The first page, and the folders besides those of the kinds."""
DOCUMENTATION = "documentation"
"""The place of documents on the first page."""
TOPIC = "topic"
DOCUMENTED, TESTED = Message("Documentation"), Message("Tests")
"""The headings of documents and of tests."""
DEFINED, OWN = Message("Derived from definitions"), Message("Your own")
"""The headings of pages that are no single layer's, and of what is not of the catalogue."""


@dataclass(frozen=True)
class Entry:
    """A derivation of a site.

    Attributes:
        kind: "layer", "network", "optimiser" or "topic".
        wanted: what it is found by: a name of the catalogue, a file, a text.
        name: what its files are called.
        title: a few words.
        family: the heading that it stands below.
    """

    kind: str
    wanted: str
    name: str
    title: str
    family: Message

    @property
    def path(self) -> str:
        """Its page."""
        return f"{self.kind}s/{self.name}.html"

    @property
    def sources(self) -> str:
        """The page of what it is made of and becomes."""
        return f"{SOURCES}/{self.name}.html"


def catalogue() -> list[Entry]:
    """All that gradscribe comes with."""
    entries = [
        Entry(kind, entry.name, entry.name, entry.title, family(entry))
        for kind, found in known().items()
        for entry in found.values()
    ]
    return entries + [Entry(TOPIC, name, name, title, DEFINED) for name, title in OTHERS.items()]


def chosen(wanted: Sequence[str]) -> list[Entry]:
    """What is named, be it of the catalogue or somebody's own.

    Raises:
        EquationError: when two have one name.
    """
    known_ones = {entry.name: entry for entry in catalogue()}
    found = [known_ones[name] if name in known_ones else _own(name) for name in dict.fromkeys(wanted)]
    names = [entry.name for entry in found]
    for name in names:
        if names.count(name) > 1:
            raise EquationError(f"two pages would be called {shown(name)}; expected files of different names")
    return found


def _own(wanted: str) -> Entry:
    item = find_any(wanted)
    from gradscribe.derive.composition import Network
    from gradscribe.derive.layer.update import Optimiser

    kind = "optimiser" if isinstance(item, Optimiser) else "network" if isinstance(item, Network) else "layer"
    layer = item.layer if isinstance(item, Optimiser) else item
    return Entry(kind, wanted, item.name, layer.title, OWN)


def families(entries: Sequence[Entry]) -> dict[Message, list[Entry]]:
    """The entries below their headings."""
    found: dict[Message, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.family, []).append(entry)
    return found


def anchor(family: str) -> str:
    """The place of a family on the first page, the same in every language."""
    return family.lower().replace(" ", "-")
