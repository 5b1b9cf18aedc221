"""Titles, sources and names that are markup somewhere stay text: in the terminal, in Markdown and in LaTeX."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from unicodedata import normalize

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from sympy import Eq, Idx, IndexedBase

import gradscribe
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.quote import visible
from gradscribe.derive.layer.equations import program
from gradscribe.derive.typeset.mathematics.latex_letters import letters, prose
from gradscribe.derive.typeset.writers import markdown
from gradscribe.derive.typeset.writers.latex import latex_writer
from gradscribe.derive.typeset.writers.text import text_writer
from tests.cases.hostile import fuzzed
from tests.cases.together import together
from tests.derive.ir.test_quote import ANYTHING, HOSTILE

MARKUP = (
    r"\input{/etc/passwd} \write18{rm} ^^5cinput \def\x{} %$#&~_{}",
    "<script>alert(1)</script> <!-- --> &lt; <img src=x onerror=y> </details>",
    "[x](javascript:alert(1)) ![x](http://x) [x]: http://x <http://x>",
    "`code` **bold** __bold__ *x* _x_ ~~x~~ $x$ $$x$$ # x ## a | b | c \\$ \\[x\\] \\(x\\)",
    "[bold red]x[/bold red] [link=http://x]x[/link] :smile: \\[bold]",
    "-> rotated by pi é ß ẋ x̂ α Ω 中文 ∂ × − “quotes” … Ą",
    HOSTILE,
    "",
)
Render = Callable[[Derivation], str]
FORMATS: dict[str, Render] = {"text": text_writer.render, "markdown": markdown.render, "latex": latex_writer.render}


@cache
def dense() -> Derivation:
    return gradscribe.layer("y[n,k] = sum(c) x[n,c]*w[c,k]").derivation(["w"])


def derivation(title: str, source: str = "somewhere") -> Derivation:
    return replace(dense(), title=title, source=source)


def typographic(words: str) -> str:
    """What pages make of two phrases of their own."""
    return re.sub("rotated by pi|->", lambda m: {"->": "→"}.get(m[0], "rotated by $\\pi$"), visible(words))


# ----- text -----------------------------------------------------------------------------------------------------------
@fuzzed
@given(ANYTHING)
@example(HOSTILE)
def test_text_shows_a_title_on_its_first_lines(title: str) -> None:
    page = text_writer.render(derivation(title, source=title))
    assert all(line.isprintable() for line in page.split("\n"))
    first = page[: page.index("\n\n")]
    shown = visible(title).replace("->", "→").replace("by pi", "by π")
    assert first.split() == f"layer: {shown}".split() or not title


# ----- Markdown -------------------------------------------------------------------------------------------------------
@fuzzed
@given(ANYTHING | st.text("\\`*_[](){}#+-.!|<>&;$~^:=\"'/ a1\n", max_size=40))
@example(MARKUP[0])
@example(MARKUP[1])
@example(MARKUP[2])
@example(MARKUP[3])
@example(HOSTILE)
def test_markdown_reads_a_title_as_the_text_that_it_is(title: str) -> None:
    page = markdown.render(derivation(title))
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = parser.parse(page)
    heading, inline, *_ = tokens
    assert heading.tag == "h1"
    kinds = {token.type for token in inline.children or ()}
    assert kinds <= {"text", "text_special"}, kinds
    shown = "".join(token.content for token in inline.children or ())
    assert shown.split() == f"layer: {typographic(title)}".split() or not title
    assert not {t.type for t in tokens} & {"html_block", "fence", "code_block"}


def test_markdown_has_as_many_dollars_as_mathematics() -> None:
    plain, hostile = (markdown.render(derivation(t, t)) for t in ("cost", "$x$ and $$ and \\$"))
    dollars = re.compile(r"(?<!\\)(?:\\\\)*\$")
    assert len(dollars.findall(plain)) == len(dollars.findall(hostile))


def test_a_table_keeps_its_columns() -> None:
    title = "a | b"
    assert r"\|" in markdown.render(derivation(title))


# ----- LaTeX ----------------------------------------------------------------------------------------------------------
TEXT = re.compile(
    r"""(?: [^\\_&%\#${}~^<>|]                                # no special character
        | \\[_&%\#${}]                                        # an escaped one
        | \\text(?:backslash|asciitilde|asciicircum|less|greater|bar)\{\}
        | \\texttt\{U\+[0-9A-F]{4,6}\}
        | \\[`'^~=u."rv]\{[A-Za-z]\}                          # an accent
        | \\(?:ss|ae|oe|o|l|aa|AE|OE|O|L|AA|S|copyright|pounds|dots)\{\}
        | rotated\ by~\$\\pi\$
        | \$(?:\\[A-Za-z]+|\^\\circ|-)\$ )*""",
    re.VERBOSE,
)
COMMANDS = {
    *("mathrm", "operatorname", "mathtt", "text", "hat", "textbackslash", "textasciitilde", "textasciicircum"),
    *("textless", "textgreater", "textbar", "acute", "grave", "tilde", "bar", "breve", "dot", "ddot", "mathring"),
    *("check", "vec"),
}


@settings(deadline=None)
@given(ANYTHING)
@example(MARKUP[0])
@example(MARKUP[3])
@example(MARKUP[5])
@example(HOSTILE)
def test_words_in_latex_hold_no_command_but_ours(words: str) -> None:
    found = prose(words)
    assert TEXT.fullmatch(found), found
    assert found.isprintable()
    assert found.isascii()  # it depends on no encoding


@pytest.mark.parametrize("title", MARKUP)
def test_a_document_has_no_command_that_another_title_does_not_bring(title: str) -> None:
    plain, hostile = (latex_writer.render(derivation(t, t)) for t in ("title", title))
    (heading,) = re.findall(r"\\section\*\{(.*)\}", hostile)
    assert TEXT.fullmatch(heading)
    assert hostile.replace(prose(title), prose("title")) == plain or not title


def commands(formula: str) -> set[str]:
    return set(re.findall(r"\\([A-Za-z]+|.)", formula))


@settings(deadline=None)
@given(st.text(min_size=1, max_size=12) | st.text("éßx̂α中_\\{}$%^~#&1x ", min_size=1, max_size=8))
@example("\\input{x}")
@example("_")
@example("ἐ")
def test_a_name_in_a_formula_is_one_group_of_letters(name: str) -> None:
    found = letters(name)
    bases = "".join(re.findall("[α-ωΑ-Ω∂∇]", normalize("NFD", name)))  # ἐ is ε with a mark
    greek = commands(letters(bases)) if bases else set()
    signs = {
        c for c in commands(found) if c in ("to", "infty", "times", "cdot", "le", "ge", "ne", "in", "odot", "surd")
    }
    assert commands(found) - greek - signs <= COMMANDS | set("_&%#${}") | {name}
    depth = 0
    for token in re.findall(r"\\.|[{}]", found):
        depth += {"{": 1, "}": -1}.get(token, 0)
        assert depth >= 0
    assert depth == 0
    bare = re.sub(r"\\(?:[A-Za-z]+|.)", "", found)
    assert not set(bare) & set("%$#&~^_")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("é", r"\acute{e}"), ("x̂", r"\hat{x}"), ("ẋ", r"\dot{x}"), ("α", r"\alpha"), ("alpha", r"\alpha"),
        ("ß", r"\text{ß}"), ("été", r"\mathrm{\acute{e}t\acute{e}}"), ("αx", r"\mathrm{{\alpha}x}"),
        ("中", r"\mathtt{U{+}4E2D}"), ("_x", r"\mathrm{\_x}"), ("x", "x"), ("12", "12"), ("٣", r"\mathtt{U{+}0663}"),
        ("a}b", r"\mathrm{a\text{\}}b}"),
    ],
)  # fmt: skip
def test_letters_beyond_ascii_are_mapped_or_numbered(name: str, expected: str) -> None:
    assert letters(name) == expected


# ----- names ----------------------------------------------------------------------------------------------------------
NAMES = (
    "é",
    "ß",
    "x̂",
    "_x",
    "x__1",
    "α",
    "中",
    "a_hat",
    "alpha_hat",
    "x]\\input{y}",
    "<b>",
    "$",
    "\x1b[31m",
    "%",
    "x\ny",
)


@together("form", FORMATS)
@together("name", NAMES)
def test_names_are_shown_in_every_role(name: str, form: str) -> None:
    """Equations as text know plain letters only; from SymPy a name may be anything."""
    size, index = integer(f"N{name}"), Idx(integer(f"i{name}"), integer(f"N{name}"))
    x, y = IndexedBase(name, shape=(size,)), IndexedBase(f"y{name}", shape=(size,))
    page = FORMATS[form](gradscribe.layer(program(Eq(y[index], x[index] ** 2), inputs=(x,))).derivation())
    assert all(line.isprintable() for line in page.split("\n"))
    assert form == "text" or ("\\input{" not in page and "<b>" not in page)
    if form == "latex":
        assert not re.search(r"(?<!\\)%(?! what this step changed|$)", page.partition(r"\begin{document}")[2], re.M)
