"""Documents in Markdown as pages of a site: links between them lead on, code has colours."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from gradscribe.codegen.tool.lexers import highlighted
from gradscribe.codegen.tool.pages.site.contents import DOCUMENTATION, DOCUMENTED, DOCUMENTS, START
from gradscribe.codegen.tool.pages.site.frame import address, page_of_words
from gradscribe.derive.language.syntax.located_error import Located
from gradscribe.derive.language.syntax.parse import parse
from gradscribe.said import ENGLISH, in_words

ELSEWHERE = ("CONTRIBUTING.md", "CHANGELOG.md", "editors/README.md")
"""Documents that do not stand in the folder of documents."""
FIRST = tuple(
    f"docs/{name}.md" for name in ("index", "tutorial", "language", "layers", "networks", "pages", "commands")
)
"""What people read first; the others follow by name."""
LANGUAGES = {"eq": "gradscribe", "network": "gradscribe-network"}
"""What blocks of documents call languages, where Pygments calls them otherwise."""
PICTURES = (".png", ".svg", ".jpg", ".gif", ".webp")


@dataclass(frozen=True)
class Section:
    """A heading of a document, and the words below it."""

    title: str
    place: str
    words: str


@dataclass(frozen=True)
class Written:
    """A document as a page.

    Attributes:
        path: the page in the site.
        title: the first heading.
        text: the file.
        sections: its headings, which a search finds.
    """

    path: str
    title: str
    text: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class _Leading:
    """Where links of a document lead: its path in the checkout and in the site, the documents, the checkout."""

    name: str
    path: str
    known: Sequence[str]
    root: Path

    def place(self, link: str) -> str | None:
        target, sign, place = link.partition("#")
        if "//" in target:
            return link
        folder = posixpath.dirname(self.name)
        whole = posixpath.normpath(posixpath.join(folder, target)) if target else self.name
        if whole in self.known:
            return address(f"{document_path(whole)}{sign}{place}", self.path)
        picture = whole.startswith("docs/") and Path(whole).suffix in PICTURES and (self.root / whole).is_file()
        return address(whole, self.path) if picture else None


@dataclass
class _Headings:
    """Places of a page: what a heading says, in small letters, as hosts of repositories name them."""

    seen: dict[str, int] = field(default_factory=dict)

    def place(self, title: str) -> str:
        plain = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        count = self.seen.get(plain, 0)
        self.seen[plain] = count + 1
        return f"{plain}-{count}" if count else plain


def documents(root: Path) -> list[str]:
    """The documents of a checkout by their paths there, in the order in which they are offered; none in a wheel."""
    inside = [path.relative_to(root).as_posix() for path in (root / "docs").rglob("*.md") if not _is_gathered(path)]
    every = sorted({*inside, *(name for name in ELSEWHERE if (root / name).is_file())} if inside else ())
    return sorted(every, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))


def _is_gathered(path: Path) -> bool:
    """Whether what a document says is gathered from docstrings by another tool (`make docs`)."""
    return "\n::: " in path.read_text(encoding="utf-8")


def document_path(name: str) -> str:
    """The page of a document."""
    stem = name.removesuffix(".md").removeprefix("docs/")
    return f"{DOCUMENTS}/{stem.removesuffix('/README').lower()}.html"


def pictures(root: Path) -> dict[str, bytes]:
    """The pictures beside the documents."""
    found = [path for path in sorted((root / "docs").rglob("*")) if path.suffix in PICTURES and path.is_file()]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def document_page(root: Path, name: str, language: str = ENGLISH) -> Written:
    """A document, which is English, as a page of a site in a language; a link to what that has not stays as words."""
    path = document_path(name)
    markdown = MarkdownIt("commonmark", {"xhtmlOut": False}).enable(["table", "strikethrough"])
    tokens = markdown.parse((root / name).read_text(encoding="utf-8"))
    sections = tuple(_sections(tokens))
    leading = _Leading(name, path, documents(root), root)
    for token in tokens:
        _lead(token.children or [], leading)
    body = RendererHTML.render(_Renderer(), tokens, markdown.options, {})
    title = sections[0].title if sections else name
    trail = [(in_words(DOCUMENTED, language), f"{START}#{DOCUMENTATION}")]
    page = page_of_words(path, title, body, trail, language=language, content=ENGLISH)
    return Written(path, title, page, sections)


class _Renderer(RendererHTML):
    """HTML of what is no HTML already; code in colours, tables that can be moved by keys."""

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return _code(tokens[idx])

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return _code(tokens[idx])

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<div class="table" tabindex="0"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def html_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "" if tokens[idx].content.startswith("<!--") else escape(tokens[idx].content)

    def html_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return escape(tokens[idx].content)


def _sections(tokens: Sequence[Token]) -> Iterator[Section]:
    """The headings, each of which gets its place, with the words below them."""
    headings, title, place, words = _Headings(), "", "", list[str]()
    for k, token in enumerate(tokens):
        if token.type == "heading_open":
            if title:
                yield Section(title, place, " ".join(words))
            title = _said(tokens[k + 1])
            place, words = headings.place(title), []
            token.attrs["id"] = place
        elif token.type == "inline":
            words.append(_said(token))
    if title:
        yield Section(title, place, " ".join(words))


def _said(token: Token) -> str:
    """The words of a line, without marks."""
    return "".join(child.content if child.type != "softbreak" else " " for child in token.children or ())


def _lead(tokens: Sequence[Token], leading: _Leading) -> None:
    """Let links and pictures of a document lead where their targets are in the site; others become words."""
    lost = False
    for token in tokens:
        if token.type == "link_open":
            found = leading.place(str(token.attrs["href"]))
            lost = found is None
            token.attrs, token.tag = ({}, "span") if found is None else ({"href": found}, "a")
        elif token.type == "link_close" and lost:
            token.tag, lost = "span", False
        elif token.type == "image":
            found = leading.place(str(token.attrs["src"]))
            if found is None:
                token.type = "text"
            else:
                token.attrs["src"] = found


def _code(token: Token) -> str:
    """A block of code in colours; what names no language may be an equation."""
    word = token.info.partition(" ")[0]
    language = LANGUAGES.get(word, word) or ("gradscribe" if _is_equation(token.content) else "")
    return f'<pre tabindex="0"><code>{highlighted(token.content, language)}</code></pre>\n'


def _is_equation(text: str) -> bool:
    try:
        return bool(parse(text).equations)
    except Located:
        return False
