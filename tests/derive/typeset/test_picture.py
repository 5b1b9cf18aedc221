"""Pictures: what is marked is what is read, in files that every reader of SVG takes."""

import xml.etree.ElementTree as ET
from itertools import product

import pytest

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.typeset.picture.picture import Picture, equations, picture, place_of
from gradscribe.derive.typeset.picture.svg import svg, svg_on_page
from gradscribe.facade import layer
from gradscribe.said import ENGLISH
from tests.cases.thorough import some

SVG = "{http://www.w3.org/2000/svg}"


def cells(drawn: Picture, at: tuple[int, ...]) -> dict[str, set[str]]:
    """The classes of each square of a file, by its element."""
    found: dict[str, set[str]] = {}
    for square in ET.fromstring(svg(drawn, at)).iter(f"{SVG}rect"):
        name = square.get("data-read") or square.get("data-result")
        assert name is not None
        assert name not in found or square.get("data-result")
        found[name] = set((square.get("class") or "").split())
    return found


def drawn_or_none(page: Derivation, of: str) -> Picture | None:
    """The picture of an equation; None where it says that there is none."""
    try:
        return picture(page, of)
    except EquationError as error:
        said = str(error)
    assert "no picture" in said
    return None


def window(stride: int, padding: int, dilation: int, size: int, taps: int, at: int) -> list[int]:
    """The positions of a window, by definition."""
    return [stride * at + dilation * r - padding for r in range(taps)]


CASES = list(product((1, 2, 3), (0, 1, 2), (1, 2)))


@pytest.mark.parametrize(("stride", "padding", "dilation"), some(CASES, 5))
def test_a_window_is_where_stride_padding_and_dilation_put_it(stride: int, padding: int, dilation: int) -> None:
    settings = {"stride": str(stride), "padding": str(padding), "dilation": str(dilation)}
    drawn = picture(derive(LAYERS["conv2d"](), settings=settings))
    _, size, _, _ = next(p.shape for p in drawn.read if p.tensor == "x")
    taps = next(p.shape for p in drawn.read if p.tensor == "w")[0]
    for at in drawn.summands:
        rows, columns = (window(stride, padding, dilation, size, taps, i) for i in at[1:3])
        inside = {f"x:0,{i},{j},0" for i in rows for j in columns if 0 <= i < size and 0 <= j < size}
        marks = cells(drawn, at)
        assert {name for name, words in marks.items() if name.startswith("x:") and words == {"cell", "read"}} == inside
        assert {n for n, words in marks.items() if "chosen" in words} == {f"u:{','.join(map(str, at))}"}
        outside = {name for name, words in marks.items() if {"outside", "read"} <= words}
        assert outside == {f"x:0,{i},{j},0" for i in rows for j in columns} - inside


@pytest.mark.parametrize("name", some(list(LAYERS), 8))
def test_everything_that_can_be_drawn_is_well_formed(name: str) -> None:
    page = derive(LAYERS[name]())
    for of in equations(page):
        drawn = drawn_or_none(page, of)
        if drawn is None:
            continue
        for at in (drawn.middle, next(iter(drawn.summands))):
            assert cells(drawn, at)
        text, links = svg_on_page(drawn, name, ENGLISH)
        shown = ET.fromstring(text)
        squares = [square for s in shown.iter(f"{SVG}rect") if (square := s.get("data-read"))]
        for at in (drawn.middle, next(iter(drawn.summands))):
            (own,) = (m for result, m in links.items() if result.endswith(f":{','.join(map(str, at))}"))
            marks = {(squares[n], kind) for kind, _, numbers in own for n in numbers}
            kinds = {"read", "zero", "within", "excluded"}
            assert marks == {(n, w) for n, words in cells(drawn, at).items() if n in squares for w in words & kinds}
        assert set(links) == {s.get("data-result") for s in shown.iter(f"{SVG}rect")} - {None}


def test_windows_leave_an_axis_of_one_element() -> None:
    drawn = picture(derive(LAYERS["conv2d"](), settings={"H": "1", "padding": "1", "R": "3"}))
    (rows,) = [panel.rows for panel in drawn.read if panel.tensor == "x"]
    assert len(rows) == 3
    assert [name for name, words in cells(drawn, drawn.middle).items() if {"outside", "read"} <= words]


def test_the_gradient_by_x_reads_the_kernel_turned_round() -> None:
    """Where the windows of x have δ in the order of rows, those of w come from the last one on."""
    drawn = picture(derive(LAYERS["conv2d"](), settings={"padding": "1"}), "dx")
    pairs = [(s.reads[0].at[1:3], s.reads[1].at[:2]) for s in drawn.summands[drawn.middle]]
    assert len(pairs) == 9
    assert sorted(pairs) == sorted(pairs, key=lambda pair: (-pair[1][0], -pair[1][1]))


def test_an_element_is_chosen_by_its_indices() -> None:
    drawn = picture(derive(LAYERS["conv2d"]()))
    assert place_of(drawn, {"i": "0", "j": "2"}) == (0, 0, 2, 0)
    for given, said in (({"q": "1"}, "no such index"), ({"i": "6"}, "from 0 to 5"), ({"i": "-1"}, "from 0 to 5"),
                        ({"i": "1e3"}, "from 0 to 5"), ({"i": "9" * 40}, "from 0 to 5")):  # fmt: skip
        with pytest.raises(EquationError, match=said):
            place_of(drawn, given)


def test_names_of_ones_own_are_words() -> None:
    drawn = picture(derive(layer("y[n,i] = sum(j) x[n,j]*w[j,i]; weight w", "mine")))
    text = svg(drawn, drawn.middle, "<script>alert(1)</script>")
    assert ET.fromstring(text).tag == f"{SVG}svg"
    assert "<script" not in text


def test_no_such_equation() -> None:
    with pytest.raises(EquationError, match="no equation of v; expected one of u, dx"):
        picture(derive(LAYERS["conv2d"]()), "v")


@pytest.mark.parametrize(("settings", "taps", "stride"), [
    ({"kernel_size": "2"}, 2, 2), ({"kernel_size": "3"}, 3, 3), ({"kernel_size": "3", "stride": "2"}, 3, 2), ({}, 3, 3),
])  # fmt: skip
def test_windows_of_poolings_tile_where_nobody_says_otherwise(settings: dict[str, str], taps: int, stride: int) -> None:
    drawn = picture(derive(LAYERS["max_pool2d"](), settings=settings))
    for at, summands in drawn.summands.items():
        read = {r.at[1:3] for s in summands for r in s.reads}
        assert read == set(product(*(window(stride, 0, 1, 8, taps, i) for i in at[1:3])))


def test_what_no_window_reaches_is_empty() -> None:
    """Eight rows in windows of three, two apart: the last row and the last column remain."""
    drawn = picture(derive(LAYERS["max_pool2d"](), settings={"kernel_size": "3", "stride": "2"}))
    marks = cells(drawn, drawn.middle)
    empty = {f"x:0,{i},{j},0" for i in range(8) for j in range(8) if 7 in (i, j)}
    assert {name for name, words in marks.items() if "unread" in words} == empty
    assert any("Empty" in (t.text or "") for t in ET.fromstring(svg(drawn, drawn.middle)).iter(f"{SVG}text"))


def test_a_mask_is_hatched() -> None:
    """The pairs of query and key that do not count: in the result those that are 0, beside one what it leaves out."""
    page = derive(LAYERS["scaled_dot_product_attention"](), settings={"is_causal": "true"})
    weights, largest = picture(page, "p"), picture(page, "c")
    queries, keys = weights.result[0].shape[1:]
    later = {f"p:0,{i},{j}" for i in range(queries) for j in range(keys) if j > i}
    assert {name for name, words in cells(weights, (0, 0, 0)).items() if "excluded" in words} == later
    out = {name for name, words in cells(largest, (0, 1)).items() if "excluded" in words}
    assert out == {f"u:0,1,{j}" for j in range(2, keys)}
    plain = picture(derive(LAYERS["scaled_dot_product_attention"]()), "p")
    assert not any("excluded" in words for words in cells(plain, (0, 0, 0)).values())


def test_a_delta_that_goes_elsewhere_is_hatched() -> None:
    """In the gradient of a maximum: the windows that have an element, and their maximum at another one."""
    drawn = picture(derive(LAYERS["max_pool2d"](), settings={"kernel_size": "3", "stride": "1"}), "dx")
    for at, summands in drawn.summands.items():
        marks = cells(drawn, at)
        there = {f"dy:0,{i},{j},0" for i in range(6) for j in range(6) if 0 <= at[1] - i < 3 and 0 <= at[2] - j < 3}
        read = {f"dy:{','.join(map(str, r.at))}" for s in summands for r in s.reads if r.tensor == "dy" and r.inside}
        hatched = {name for name, words in marks.items() if name.startswith("dy:") and "excluded" in words}
        assert read | hatched == there
        assert not read & hatched


def test_a_sum_within_a_formula_is_outlined() -> None:
    drawn = picture(derive(LAYERS["softmax"]()), "dx.closed")
    rows, columns = drawn.result[0].shape
    at = place_of(drawn, {"e": "1", "k": "2"})
    marks = cells(drawn, at)
    for tensor in ("y", "dy"):
        assert {n for n, words in marks.items() if n.startswith(f"{tensor}:") and "read" in words} == {f"{tensor}:1,2"}
        outlined = {n for n, words in marks.items() if n.startswith(f"{tensor}:") and "within" in words}
        assert outlined == {f"{tensor}:1,{k}" for k in range(columns) if k != 2}
    assert any("Outlined" in (t.text or "") for t in ET.fromstring(svg(drawn, at)).iter(f"{SVG}text"))
    assert rows > 1
