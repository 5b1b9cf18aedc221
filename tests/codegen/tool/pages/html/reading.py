"""A page as a browser reads it: its elements, by Python's own parser."""

from collections.abc import Sequence
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "link", "img", "hr"}


class Read(HTMLParser):
    """The elements of a page; what is not closed, or closed where it was not opened, is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def of(self, attribute: str) -> list[str]:
        """The values of an attribute, in order."""
        return [value or "" for _, found in self.elements for name, value in found.items() if name == attribute]
