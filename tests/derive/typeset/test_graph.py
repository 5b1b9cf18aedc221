"""Graphs of networks: all of their edges, with the shapes that values have, in drawings where nothing lies on a box."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import Symbol

from gradscribe import layer, network
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.composition.level import levels
from gradscribe.derive.composition.network import Network
from gradscribe.derive.composition.with_loss import with_loss
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import Access
from gradscribe.derive.layer.sampling import sample_values
from gradscribe.derive.typeset.picture.graph.graph import END, Box, Edge, Graph, Layer, graph
from gradscribe.derive.typeset.picture.graph.graph_svg import graph_on_page, graph_svg
from gradscribe.derive.typeset.picture.graph.layout import Extent, Layout, laid_out
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from gradscribe.said import ENGLISH, in_words
from tests.cases.hash_seeds import printed_alike
from tests.cases.random_networks import random_network
from tests.cases.thorough import draws, some

SVG = "{http://www.w3.org/2000/svg}"
ROOT = Path(__file__).parents[3]
OWN = "input a[N,C], b[N,C]; y[n,k] = tanh(sum(c) a[n,c]*w[c,k]) * b[n,k]; weight w[C,C]"
TEXTS = {
    "chain": "conv2d -> tanh -> conv2d",
    "joined": "input x[N, 8, 8, 2]\na = x -> conv2d(3, 3)\nb = x -> conv2d(4, 3) -> relu\n"
    "(a, b) -> concatenation -> flatten -> dense(5)",
    "deep": "input x[N, 6]\ndense(6) -> residual(dense(6) -> tanh -> residual(dense(6) -> relu) -> dense(6))\n"
    "-> dense(2)\nloss softmax_cross_entropy",
    "around": "input x[N, 6]\nresidual(dense(6) -> tanh -> dense(6), dense(6)) -> relu -> dense(3)",
    "two": "input x[N, 5]\ninput v[N, 5]\n(x, v) -> mix -> dense(4)\nloss mean_squared_error",
}


def made(name: str) -> Network:
    return network(TEXTS[name], name, layers={"mix": layer(OWN, "mix")}) if name in TEXTS else NETWORKS[name]()


def whole(net: Network) -> Network:
    return with_loss(net) if net.loss is not None else net


def drawn(page: Derivation) -> Graph:
    found = graph(page)
    assert found is not None
    return found


def links(text: str) -> set[tuple[str, str]]:
    edges = [e for e in ET.fromstring(text).iter(f"{SVG}g") if e.get("class") == "edge"]
    assert all(e.find(f"{SVG}path") is not None for e in edges)
    return {(e.get("data-from", ""), e.get("data-to", "")) for e in edges}


EVERY = [*TEXTS, "lenet5", "lenet", "vgg11", "bottleneck", "resnet20"]


@pytest.mark.parametrize("name", some(EVERY, 7))
def test_every_edge_is_drawn(name: str) -> None:
    """From the nodes as they were composed; a level of a stage that is drawn once stands for those that repeat it."""
    net, page = whole(made(name)), derive(made(name))
    assert page.table is not None
    level = {node.name: found.label for found in levels(net.nodes) for node in found.nodes}
    stands = {label: label for label in level.values()}
    for repeat in page.table.repeats:
        stands |= {other: first for block in repeat.others for other, first in zip(block, repeat.first, strict=True)}
    read = {(level.get(source, f"input {source}"), level[node.name]) for node in net.nodes for source in node.inputs}
    expected = {(stands.get(a, a), b) for a, b in read if a != b and stands[b] == b}
    last = level[net.nodes[-1].name]
    assert links(graph_svg(drawn(page))) == expected | {(stands[last], END)}


@pytest.mark.parametrize("name", ["joined", "deep", "around", "two", "lenet"])
def test_shapes_are_those_of_a_pass(name: str) -> None:
    page = derive(made(name))
    net = page.layer
    assert isinstance(net, Network)
    sizes: dict[Symbol, Any] = {s: int(v) if s.is_integer else float(v) for s, v in net.values}
    sizes |= {s: 2 for t in page.program.inputs for e in t.shape for s in e.free_symbols if s not in sizes}
    values = interpret(page.program, sample_values(page.program, sizes, np.random.default_rng(0)), sizes)
    label = {node.name: found.label for found in levels(net.nodes) for node in found.nodes}
    made_by = {label[node]: values[tensor].shape for node, tensor in net.results if node in label}  # the last one's
    made_by |= {f"input {t.name}": values[t.name].shape for t in net.given}
    for box in drawn(page).boxes:
        if box.key != END:
            shape = box.value[box.value.index("(", box.value.rfind(" (") if " (" in box.value else 0) :]
            assert tuple(int(e) if e.isdigit() else 2 for e in re.findall(r"[^\s(),]+", shape)) == made_by[box.key]


@pytest.mark.parametrize("name", some([name for name in EVERY if name not in ("resnet20", "vgg11")], 5, 1))
def test_what_comes_back_is_the_error_signal_of_the_reader(name: str) -> None:
    """Where the page has one: by definition the gradient by what the first layer of a level computes."""
    page = derive(made(name))
    t = TextTypesetter(page.notation)
    known = {t.expr(Access(name)) for name in (*page.notation.deltas, *page.notation.quotients)}
    edges = drawn(page).edges
    inputs = {e for e in edges if e.source.startswith("input ")}
    assert all(e.back in known for e in edges if e not in inputs)  # the networks are trained, their inputs are not
    assert not any(e.back for e in inputs)
    wholly = drawn(derive(made(name), wrt=[t.name for t in made(name).given]))
    assert {e.source for e in wholly.edges if e.back} >= {f"input {t.name}" for t in made(name).given}


def test_where_no_gradient_comes_none_is_drawn() -> None:
    page = derive(network("input x[N, 4]\na: dense(4) -> b: dense(3) -> c: dense(2)", "net"), wrt=["c.w"])
    assert [bool(e.back) for e in drawn(page).edges] == [False, False, False, True]


def test_through_a_bracket_no_gradient_comes() -> None:
    gate = layer("input a[N,K], b[N,K]; y[n,k] = [a[n,k] > 0] * b[n,k]", "gate")
    text = "input x[N, 4]\nv = x -> a: dense(4)\nu = v -> b: dense(4)\n(v, u) -> g: gate"
    edges = drawn(derive(network(text, "net", layers={"gate": gate}))).edges
    assert {(e.source, e.target) for e in edges if e.back} == {("a", "b"), ("b", "g"), ("g", END)}


def test_a_copy_has_the_name_of_what_it_is_a_copy_of() -> None:
    """A sum passes its error signal on to both of what it adds."""
    page = derive(network("input x[N, 4]\na: dense(4) -> r: residual(b: dense(4)) -> c: dense(2)", "net"))
    (signal,) = (delta for delta, label in page.notation.deltas.items() if label == "r")
    assert {e.back for e in drawn(page).edges if e.target == "r"} == {
        TextTypesetter(page.notation).expr(Access(signal))
    }


def test_stages_are_drawn_once() -> None:
    block = "block unit(k) = sum: residual(a: dense(k) -> relu -> b: dense(k))\n"
    text = f"input x[N, 6]\n{block}dense(6) -> first: unit(6) -> second: unit(6) -> third: unit(6) -> dense(2)"
    found = drawn(derive(network(text, "net")))
    (stage,) = found.stages
    assert (stage.times, stage.keys) == (3, ("l+1", "l+2", "l+3"))
    assert in_words(stage.others) == "l+4 to l+6, l+7 to l+9"
    assert [box.key for box in found.boxes if box.layers] == ["l", *stage.keys, "l+10"]
    assert ("l+3", "l+10") in links(graph_svg(found))
    assert "3 \N{MULTIPLICATION SIGN}" in graph_svg(found)


# ----- the layout ---------------------------------------------------------------------------------------------------
def clear(lay: Layout) -> None:
    """No box meets another, no straight stretch of an edge meets a box, no two stretches lie on each other."""
    for a, b in combinations(lay.boxes.values(), 2):
        assert a.right < b.x or b.right < a.x or a.bottom < b.y or b.bottom < a.y
    stretches = [(link, *stretch) for link, route in lay.routes.items() for stretch in _straight(route.points)]
    for link, x, top, bottom in stretches:
        for key, box in lay.boxes.items():
            inside = box.x < x < box.right and top < box.bottom and bottom > box.y
            assert not inside, (link, key)
        for other, x2, top2, bottom2 in stretches:
            assert link == other or abs(x - x2) > 1 or bottom <= top2 or bottom2 <= top, (link, other)
    for box in lay.boxes.values():
        assert box.x >= 0
        assert box.right <= lay.width
        assert 0 <= box.y < box.bottom <= lay.height


def _straight(points: tuple[tuple[float, float], ...]) -> Iterator[tuple[float, float, float]]:
    """The stretches that go straight down; between them are the curves, where no boxes are."""
    yield from ((x, y, end) for n, ((x, y), (_, end)) in enumerate(pairwise(points)) if n % 2 == 0)


@pytest.mark.parametrize("seed", range(draws(20, 300)))
def test_nothing_lies_on_a_box(seed: int) -> None:
    """Graphs at random: every box reads some of those before it, every other is large."""
    rng = np.random.default_rng(seed)
    keys = [f"n{k}" for k in range(int(rng.integers(2, 14)))]
    found = {
        (keys[int(source)], key)
        for n, key in enumerate(keys[1:], 1)
        for source in rng.choice(n, int(rng.integers(0, min(n, 3) + 1)), replace=False)
    }
    extents = {key: Extent(*map(int, rng.integers(30, 300, 3))) for key in keys}
    clear(laid_out(extents, sorted(found), dict.fromkeys(found, 80)))


@pytest.mark.parametrize("name", some(EVERY, 6, 2))
def test_boxes_of_a_file_are_apart(name: str) -> None:
    text = graph_svg(drawn(derive(made(name))))
    boxes = [r for r in ET.fromstring(text).iter(f"{SVG}rect") if r.get("data-box")]
    sides = [[float(r.get(side, "")) for side in ("x", "y", "width", "height")] for r in boxes]
    for (x, y, w, h), (x2, y2, w2, h2) in combinations(sides, 2):
        assert x + w < x2 or x2 + w2 < x or y + h < y2 or y2 + h2 < y


def test_a_chain_is_a_straight_line() -> None:
    lay = laid_out({k: Extent(50, 20) for k in "abc"}, [("a", "b"), ("b", "c")], {("a", "b"): 9, ("b", "c"): 9})
    assert {x for route in lay.routes.values() for x, _ in route.points} == {lay.boxes["a"].x + 25}


@pytest.mark.parametrize("seed", range(draws(3, 40)))
def test_networks_at_random_have_graphs(seed: int) -> None:
    page = derive(network(random_network(np.random.default_rng(seed)), "random"))
    assert ET.fromstring(graph_svg(drawn(page))).tag == f"{SVG}svg"


# ----- files --------------------------------------------------------------------------------------------------------
def test_names_of_ones_own_are_words() -> None:
    evil = '</title><script>alert("1")</script>&'
    boxes = (Box("a", evil, (Layer(evil, (evil,)),), evil, evil), Box("b", evil))
    found = Graph(evil, boxes, (Edge("a", "b", evil),), ())
    for text in (graph_svg(found), graph_on_page(found, "layer-", ENGLISH)):
        shown = ET.fromstring(text)
        assert {e.tag.removeprefix(SVG) for e in shown.iter()} <= {
            *["svg", "title", "style", "rect", "g", "a", "text", "path"]
        }
        assert sum(evil in (e.text or "") for e in shown.iter()) >= 6


def test_what_is_no_network_has_none() -> None:
    assert graph(derive(layer("y[n,k] = sum(c) x[n,c]*w[c,k]; weight w", "mine"))) is None


def test_files_are_the_same_whenever_they_are_made() -> None:
    code = "from gradscribe import network; from gradscribe.derive.derivation import derive; "
    code += "from gradscribe.derive.typeset.picture.graph.graph import graph; "
    code += "from gradscribe.derive.typeset.picture.graph.graph_svg import graph_svg; "
    code += f"print(graph_svg(graph(derive(network({TEXTS['deep']!r}, 'deep')))))"
    assert printed_alike(code)
