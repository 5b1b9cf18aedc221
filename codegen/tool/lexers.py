"""Lexers for Pygments: equations (``.eq``) and networks (``.net``) in colours, where documentation shows them.

The package names them as entry points: Sphinx, MkDocs and `pygmentize` know ``gradscribe`` and ``gradscribe-network``.
"""

from typing import Any, ClassVar

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import RegexLexer, bygroups, words
from pygments.lexers.c_cpp import CLexer
from pygments.lexers.python import PythonLexer
from pygments.lexers.shell import BashLexer
from pygments.lexers.special import TextLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Whitespace

from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.language.definitions.library import library_names
from gradscribe.derive.language.syntax.words import CONSTANTS, KNOWN

DECLARATIONS = (
    *("input", "integer", "complex", "constant", "optional", "factor", "weight", "output", "evaluation", "define"),
)
"""Words that begin a line of equations, before a name."""
STATEMENTS = ("input", "output", "loss", "block", "layer", "of", "repeat")
"""The same of networks."""
CALLED = r"(?=[ \t]*\()"
NAMED = r"(?=[ \t]+[A-Za-z])"
NUMBER = r"(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?"
NAME = r"[A-Za-z][A-Za-z0-9_]*"

_SHARED: list[Any] = [
    (r"\s+", Whitespace),
    (r"#[^\n]*", Comment.Single),
    (rf"(\bletters)({NAMED}[^\n;#]*)", bygroups(Keyword.Declaration, String)),  # type: ignore[no-untyped-call]  # its stubs say nothing of it
]


class EquationLexer(RegexLexer):
    """The equation language, see docs/language.md."""

    name = "gradscribe equations"
    url = "https://pypi.org/project/gradscribe"
    aliases: ClassVar[list[str]] = ["gradscribe"]
    filenames: ClassVar[list[str]] = ["*.eq"]
    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [
            *_SHARED,
            (words(DECLARATIONS, prefix=r"\b", suffix=NAMED), Keyword.Declaration),
            (r"\bderivative[ \t]+of(?=[ \t]+[A-Za-z])", Keyword.Declaration),
            (r"(include)(?=[ \t]*\")([ \t]*)(\"[^\"\n]*\")", bygroups(Keyword.Declaration, Whitespace, String)),  # type: ignore[no-untyped-call]
            (r"\b(?:and|or|not|where|is|by(?=[ \t]+[A-Za-z][A-Za-z0-9_]*[ \t]+is\b))\b", Operator.Word),
            (words(sorted(REDUCTIONS), prefix=r"\b", suffix=CALLED), Keyword),
            (words(sorted(KNOWN - set(REDUCTIONS)), prefix=r"\b", suffix=CALLED), Name.Builtin),
            (words(sorted(library_names()), prefix=r"\b", suffix=CALLED), Name.Builtin),
            (words(sorted(CONSTANTS), prefix=r"\b", suffix=r"\b"), Name.Constant),
            (NUMBER, Number),
            (rf"{NAME}(?=[ \t]*\[)", Name.Variable),
            (NAME, Name),
            (r"\.\.\.|\\", Punctuation),
            (r"\*\*|\+=|<=|>=|==|!=|//|[-+*/%^=<>]", Operator),
            (r"[\[\](),;]", Punctuation),
        ]
    }


class NetworkLexer(RegexLexer):
    """The text of a network, see docs/networks.md."""

    name = "gradscribe network"
    url = "https://pypi.org/project/gradscribe"
    aliases: ClassVar[list[str]] = ["gradscribe-network"]
    filenames: ClassVar[list[str]] = ["*.net"]
    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [
            *_SHARED,
            (words(STATEMENTS, prefix=r"\b", suffix=r"(?=[ \t]+[(A-Za-z0-9.])"), Keyword.Declaration),
            (words(("rearrange", "residual", "share"), prefix=r"\b", suffix=CALLED), Keyword),
            (r"->", Operator),
            (rf"-?{NUMBER}", Number),
            (r"'[^'\n]*'|\"[^\"\n]*\"", String),
            (rf"{NAME}(?=[ \t]*:)", Name.Label),
            (rf"{NAME}(?=[ \t]*\()", Name.Function),
            (NAME, Name),
            (r"[-+*/%^=<>]", Operator),
            (r"[\[\](){},.:;]", Punctuation),
        ]
    }


LEXERS = {
    alias: lexer for lexer in (EquationLexer, NetworkLexer, PythonLexer, CLexer, BashLexer) for alias in lexer.aliases
}


def highlighted(text: str, language: str) -> str:
    """A text as HTML, what is a word of the language in elements with the classes that Pygments has for it.

    Args:
        text: what is shown.
        language: what Pygments calls it; others are text.
    """
    lexer = LEXERS.get(language, TextLexer)
    return highlight(text, lexer(stripnl=False, ensurenl=False), HtmlFormatter(nowrap=True))
