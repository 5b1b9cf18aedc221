"""Lines end before + and −, and within a product only where it alone is too wide; nothing is lost between them."""

import re
from collections.abc import Iterator
from itertools import pairwise
from random import Random

import pytest

from gradscribe import layer, network
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.derivation import Derivation, Step, derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.network.layer_table import network_table
from gradscribe.derive.derivation.record.page_record import Definition
from gradscribe.derive.derivation.record.section_record import Formula
from gradscribe.derive.typeset.document.arrange import document
from gradscribe.derive.typeset.document.document import Box, Equations, Listing, Rows
from gradscribe.derive.typeset.document.look import Look
from gradscribe.derive.typeset.formats import rendered
from gradscribe.derive.typeset.mathematics.latex_width import width
from gradscribe.derive.typeset.terms.row_breaks import broken
from gradscribe.derive.typeset.terms.row_pieces import SUM, Part, Piece, Unit, plain
from gradscribe.derive.typeset.writers.latex.latex_lines import broken as in_latex
from gradscribe.derive.typeset.writers.latex.latex_lines import written
from gradscribe.derive.typeset.writers.text import text_writer
from gradscribe.derive.typeset.writers.text.text_lines import laid, wrapped
from gradscribe.derive.typeset.writers.text.text_listing import listing_lines
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from gradscribe.derive.typeset.writers.text.text_tables import layer_lines
from tests.cases.catalogue import TRIED, derived
from tests.cases.thorough import some
from tests.cases.together import together
from tests.derive.typeset.pages import derivation


def factor(text: str, glue: str = " ") -> Piece:
    return Piece((plain(text),), glue)


def sum_sign(glue: str = " ") -> Piece:
    return Piece((Unit((Part("Σ"),), "Σ", SUM),), glue)


def measure(piece: Piece, before: Piece | None) -> int:
    return len(piece.text) + (before is not None)


def drawn(random: Random) -> list[list[Piece]]:
    """Summands: factors of many widths, some behind a sum sign, some with a sum in parentheses."""
    summands = []
    for number in range(random.randint(1, 5)):
        pieces = [factor("f" * random.randint(1, 9)) for _ in range(random.randint(1, 5))]
        if random.random() < 0.5:
            pieces.insert(random.randint(0, len(pieces) - 1), sum_sign())
        if random.random() < 0.3:
            pieces += [factor("(aaaa"), factor("+bbb)", "~")]
        sign = random.choice("+-") if number else ""
        summands.append([Piece(pieces[0].units, sign), *pieces[1:]])
    return summands


def test_lines_of_random_sums() -> None:
    random = Random(7)
    for _ in range(400):
        summands, room = drawn(random), random.randint(12, 40)
        lines = broken([p for s in summands for p in s], measure, room, 3)
        assert [p for line in lines for p in line.pieces] == [p for s in summands for p in s]
        widest = max(max(map(len, (p.text for p in s))) for s in summands)
        starts = {id(s[0]): sum(measure(p, s[n - 1] if n else None) for n, p in enumerate(s)) for s in summands}
        for line in lines:
            assert line.width == sum(measure(p, line.pieces[n - 1] if n else None) for n, p in enumerate(line.pieces))
            assert line.within == (id(line.pieces[0]) not in starts)
            assert line.width <= room - 3 * line.within or len(line.pieces) == 1 or widest + 4 > room
        for line, after in pairwise(lines):
            assert not line.pieces[-1].is_sum_sign or widest + 5 > room
            if after.within:  # a product is broken only where it is wider than a line
                start = next(
                    p for p in reversed([q for n in lines[: lines.index(after)] for q in n.pieces]) if id(p) in starts
                )
                assert starts[id(start)] > room


def test_lines_of_short_summands_are_filled() -> None:
    """A line may end before any of them: each but the last holds as many as fit behind its margin of 2 em."""
    pieces = [factor(f"a_{{{k}}}", "+" if k else "") for k in range(10)]
    summand = width("+a_{1}")
    budget = 2 + 3.2 * summand
    lines = in_latex(pieces, budget)
    text = "".join(written(lines)).replace("{}", "").replace(r"\qquad ", "")
    assert text == "+".join(f"a_{{{k}}}" for k in range(10))
    assert len(lines) > 2
    assert all(0 <= budget - 2 - line.width < summand for line in lines[:-1])


def equations(page: Derivation) -> Iterator[tuple[Definition | Step | Formula, TextTypesetter]]:
    """All that stands on lines of its own: rows, boxes, operator forms, forward equations."""
    for part in document(page).parts:
        t = TextTypesetter(part.notation)
        for block in part.blocks:
            if isinstance(block, Equations):
                yield from ((numbered.equation, t) for numbered in block.equations)
            elif isinstance(block, Rows):
                yield from ((row.step, t) for row in block.rows)
            elif isinstance(block, Box):
                yield block.result.step, t
            elif isinstance(block, Formula):
                yield block, t


def test_columns_are_as_wide_as_their_longest_word() -> None:
    """A cell that cannot be broken does not push the ones behind it out of their columns."""
    t = TextTypesetter(derived("conv2d").notation)
    rows = tuple(((f"{'a' * n}=b",), ("c d e f " * 5,)) for n in (2, 30))
    lines = listing_lines(Listing((("one",), ("two",)), rows), t, 80)
    assert len({line.index("c d") for line in lines if "c d" in line and "=" in line}) == 1


@pytest.mark.parametrize("name", [*some(TRIED, 3), *some(NETWORKS, 1)])
def test_text_is_no_wider_than_asked(name: str) -> None:
    page = derivation(name)
    for columns in (60, 80, 120):
        assert text_writer.widest(rendered(page, "text", None, Look(width=columns))) <= columns


def test_what_is_wider_than_a_line_is_cut_where_that_hurts_least() -> None:
    """Before the sign of a quotient or of a place; between two indices only where that is not enough."""
    index = Part("bbbb", begins=2)
    quotient = Piece((Unit((Part("aaaa[b,"), index, Part("]"))), Unit((Part("/cccc", begins=1),))), "")
    assert [line.text for line in laid("", [quotient], 20).lines] == ["aaaa[b,bbbb]/cccc"]
    assert [line.text.strip() for line in laid("", [quotient], 14).lines] == ["aaaa[b,bbbb]", "/cccc"]
    assert [line.text.strip() for line in laid("", [quotient], 10).lines] == ["aaaa[b,", "bbbb]", "/cccc"]


@together("width", [44, 60, 80, 120])
def test_the_table_of_all_levels_takes_the_lines_that_it_must(width: int) -> None:
    """Columns where they fit, else paragraphs; nothing is lost."""
    page = derivation("lenet5")
    (listing, t), *_ = (
        (block, TextTypesetter(part.notation))
        for part in document(page).parts
        for block in part.blocks
        if isinstance(block, Listing)
    )
    lines = listing_lines(listing, t, width)
    assert max(map(len, lines)) <= width
    assert width > 44 or not any("─" in line for line in lines)
    assert width < 80 or any("─" in line for line in lines)
    text = "".join("".join(lines).split())
    for row in listing.rows:
        assert all("".join(t.words(row[2]).split())[:5] in text for _ in row)


def test_the_layers_of_a_network_fit_a_narrow_page() -> None:
    network = NETWORKS["lenet5"]()
    table = network_table(network)
    for columns in (60, 80, 100, 120):
        lines = layer_lines(table, columns)
        assert max(map(len, lines)) <= columns
        assert all(any(label in line for line in lines) for label in ("c1", "s2", "output"))
    assert not any("─" in line for line in layer_lines(table, 60))
    head, line, first, second, third, *_ = layer_lines(table, 80)
    assert "value, weights" in head
    assert line.strip("─ ") == ""
    assert first.split()[:2] == ["c1", "conv2d"]
    assert third.split()[:2] == ["of", "x"]
    assert (second[22:].strip(), third[22:].strip()) == ("(N, 28, 28, 6)", "w (5, 5, 1, 6)")


# ----- what no line has -----------------------------------------------------------------------------------------------
@together("name", ["conv2d", "layer_norm", "softmax_cross_entropy", "max_pool1d"])
def test_no_mark_is_alone_on_a_line(name: str) -> None:
    """Where a row has no name the clause that leads to it has the mark, or the row that it repeats."""
    page = derived(name)
    lines = rendered(page, "text", certify(page, shapes=1), Look(width=80)).splitlines()
    assert any("†" in line for line in lines)
    assert not [line for line in lines if line.strip(" │†") == "" and "†" in line]


def test_what_goes_on_within_a_sum_begins_with_its_sign() -> None:
    """Every line of a bracket begins below what the first one has behind its parenthesis."""
    sum_ = [Piece((plain("a (b"),), ""), Piece((plain(" + c"),), "~"), Piece((plain(" − d)"),), "~")]
    lines = [line.text for line in laid("", sum_, 6).lines]
    assert [line.strip() for line in lines] == ["a (b", "+ c", "− d)"]
    assert [len(line) - len(line.lstrip()) for line in lines] == [0, 2, 2]


def test_a_product_in_parentheses_has_lines_for_itself() -> None:
    """It is broken only where it is wider than a line; what follows it begins a new one, its sum sign stays with it."""
    total = [
        factor("f", ""),
        factor("(aaa"),
        Piece((plain(" + "), Unit((Part("Σ"),), "Σ", SUM)), "~"),
        *(Piece((plain(text),), nested=True) for text in ("bbbb", "ccccccc", "ddd")),
        factor(" + e)", "~"),
    ]
    lines = [line.text.strip() for line in laid("", total, 16).lines]
    assert lines == ["f (aaa", "+ Σ bbbb", "· ccccccc", "· ddd", "+ e)"]
    assert [line.text for line in laid("", total, 40).lines] == ["f (aaa + Σ bbbb ccccccc ddd + e)"]


def test_what_is_left_of_a_product_in_parentheses_begins_farther_right() -> None:
    """So it is told from the summands, which begin below each other."""
    nested = (Piece((plain(text),), nested=True) for text in ("bbbbbbb", "ccccccc"))
    total = [factor("f", ""), factor("(aaa"), Piece((plain(" + bb"),), "~"), *nested, factor(" − d)", "~")]
    lines = [line.text for line in laid("", total, 14).lines]
    assert [len(line) - len(line.lstrip()) for line in lines] == [0, 2, 4, 2]
    assert [line.strip() for line in lines] == ["f (aaa", "+ bb bbbbbbb", "· ccccccc", "− d)"]


def test_behind_a_product_of_several_lines_a_summand_begins_a_line() -> None:
    lines = laid("", [factor("f" * 9, ""), factor("g" * 9), factor("h", "+"), factor("i", "-")], 12).lines
    assert [line.text for line in lines] == ["fffffffff", "  · ggggggggg", "+ h − i"]


def test_a_line_may_end_behind_a_fraction() -> None:
    page = derive(layer("m[n] = sum(c) x[n,c]/C; d[n] = sum(c) abs(x[n,c]-m[n])/C; y[n,c] = g[c]*(x[n,c]-m[n])/d[n]"))
    for columns in (60, 80):
        assert text_writer.widest(rendered(page, "text", None, Look(width=columns))) <= columns
    wide = rendered(derived("group_norm"), "text", None, Look(width=60))
    assert text_writer.widest(wide) <= 60


# ----- sentences ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", some(["conv2d", "max_pool2d", "lstm_cell", "batch_norm", "bilinear"], 3))
def test_no_line_ends_within_the_mathematics_of_a_sentence(name: str) -> None:
    for columns in (60, 72, 80, 100):
        lines = rendered(derived(name), "text", None, Look(width=columns)).splitlines()
        prose = [line for line in lines if line[:1].strip() or line.startswith("  │ ")]
        assert not [line for line in prose if re.search(r"[⊙×⋆∗=(]$", line)]
        assert not [line for line in prose if re.match(r"( +│ )?[⊙×⋆∗]( |$)(?!multiplies)", line)]
        shapes = re.findall(r"\([^()\n]*$", "\n".join(prose), re.MULTILINE)
        assert not [found for found in shapes if re.fullmatch(r"\((\w[\w′+−]*,? ?)*", found)]


def test_what_is_longer_than_a_line_is_broken_where_it_may_not() -> None:
    assert wrapped("a (b, c) d", 6) == ["a", "(b, c)", "d"]
    assert wrapped("a (b, c) d", 5) == ["a (b,", "c) d"]
    assert wrapped("he (who is there) said", 9) == ["he (who", "is there)", "said"]


@together("name", ["conv2d", "batch_norm", "conv_transpose2d"])
def test_words_before_a_box_have_one_colon(name: str) -> None:
    lines = rendered(derived(name), "latex").splitlines()
    before = [line for line, after in pairwise(lines) if after == r"\begin{equation*}"]
    assert before
    assert not [line for line in before if line.count(":") > 1]


@together(
    ("text", "sums"),
    [
        ("u[n,i] = sum(r) x[n, s*i + d*r]*w[r]; weight w", {"si+dr", "si+dr′"}),
        ("conv_transpose1d", {"sj+dt", "sj′+dt", "sj+dt′"}),
        ("y[n, i, j] = sum(r) x[n, j+r, r+i]", {"i+r", "j+r"}),
    ],
)
def test_sums_of_indices_come_in_one_order(text: str, sums: set[str]) -> None:
    """That of the equations, in rows, boxes and reasons."""
    page = text_writer.render(derived(text) if text in LAYERS else derive(layer(text, "own")))
    assert sums <= set(re.findall(r"\w*[a-z]′?\+\w+′?", page))
    assert not re.search(r"d[rt]′?\+s[ij]|r′?\+[ij]\b", page)


def test_a_bracket_that_compares_places_takes_two_lines_where_it_must() -> None:
    page = derive(network("conv2d -> relu -> max_pool2d -> dense"))
    narrow, wide = (rendered(page, "text", None, Look(width=columns)) for columns in (60, 120))
    assert text_writer.widest(narrow) <= 60
    assert re.search(r"\[\(i′ mod R_2,j′ mod T_2\)\n +=\(r\*,t\*\)", narrow)
    assert "[(i′ mod R_2,j′ mod T_2)=(r*,t*)⁽ˡ⁺¹⁾[n′, ⌊i′/R_2⌋, ⌊j′/T_2⌋, c′]]" in wide
