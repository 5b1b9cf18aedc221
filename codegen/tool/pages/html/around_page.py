"""What stands around a derivation: in one file that needs no other, or in a site, whose pages share look and script."""

from dataclasses import dataclass
from html import escape

from gradscribe.codegen.python.text.render import templates
from gradscribe.codegen.tool.pages.html import katex
from gradscribe.said import Message, in_words

STYLE, SCRIPT = "page/page.css", "page/page.js"
ALONE = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
SHARED = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; font-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'"
)
"""What a browser is told that a page may do: no request leaves the machine, or the site."""


@dataclass(frozen=True)
class Surroundings:
    """Elements of HTML, and a policy.

    Attributes:
        policy: what the page may load.
        head: its look.
        above: what stands before all else, "" for nothing.
        foot: its scripts.
    """

    policy: str
    head: str
    above: str
    foot: str


def alone() -> Surroundings:
    """One file: look, script, KaTeX and its fonts are in it."""
    style, script = _text(STYLE), _text(SCRIPT)
    return Surroundings(
        ALONE,
        f"<style>{katex.style()}</style>\n<style>\n{style}\n</style>",
        "",
        f"<script>{katex.script()}</script>\n<script>\n{script}\n</script>",
    )


def shared(icon: str, styles: tuple[str, ...], scripts: tuple[str, ...], above: str = "") -> Surroundings:
    """A page of a site: files that stand beside it, by their paths from there."""
    looks = (f'<link rel="stylesheet" href="{escape(path)}">' for path in styles)
    return Surroundings(
        SHARED,
        "\n".join((f'<link rel="icon" href="{escape(icon)}">', *looks)),
        above,
        "\n".join(f'<script src="{escape(path)}"></script>' for path in scripts),
    )


def translated(language: str, message: str) -> str:
    """What a template says in a language, as HTML."""
    return escape(in_words(Message(message), language))


def _text(name: str) -> str:
    return (templates() / name).read_text(encoding="utf-8").rstrip("\n")
