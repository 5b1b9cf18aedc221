"""A graph as SVG: values go down, gradients come back beside them."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from math import copysign

from gradscribe.derive.typeset.picture.graph.graph import Box, Edge, Graph, Stage
from gradscribe.derive.typeset.picture.graph.layout import PORT, Extent, Layout, Point, Rectangle, Route, laid_out
from gradscribe.said import ENGLISH, Saying, in_words, say

LINE, INSET, BESIDE, AROUND = 18, 10, 9, 7
"""Of a line of text, between text and the side of its box, beside an edge, between a frame and its boxes, in pixels."""
WIDEST = 30
"""After so many letters settings go on in another line."""
LETTER, WIDE = 7.6, {"heading": 9.0, "layer": 7.6, "settings": 6.4}
"""The width of a letter at most, in labels and in boxes, in pixels."""
STYLE = """
svg {
  font: 13px/1 "DejaVu Sans", system-ui, sans-serif;
  --paper: #fdfdfb; --ink: #1b1f24; --quiet: #59626d; --rule: #9aa29a; --panel: #eef1ea; --back: #b3410f;
}
@media (prefers-color-scheme: dark) {
  svg { --paper: #15181b; --ink: #e6e8e3; --quiet: #a3abb5; --rule: #7d868f; --panel: #262c32; --back: #ff9a62; }
}
.paper { fill: var(--paper); }
text { fill: var(--ink); }
.edge text { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
.box rect { fill: var(--panel); stroke: var(--rule); }
.end rect { fill: none; }
.heading { font-weight: bold; }
.settings, .stage text { fill: var(--quiet); font-size: 11px; }
.forward { fill: none; stroke: var(--ink); }
.tip { fill: var(--ink); }
.back { fill: none; stroke: var(--back); stroke-dasharray: 5 3; }
.back-tip, text.signal { fill: var(--back); }
.stage rect { fill: none; stroke: var(--quiet); stroke-dasharray: 2 3; }
"""
"""The look of a file; a page has one of its own."""


def graph_svg(drawn: Graph) -> str:
    """The graph as a file."""
    return _svg(drawn, [f"<style>{STYLE}</style>", '<rect class="paper" width="100%" height="100%"/>'], "", ENGLISH)


def graph_on_page(drawn: Graph, anchor: str, language: str) -> str:
    """The graph without a look; boxes lead to what `anchor` and the label of their chapter name."""
    return _svg(drawn, [], anchor, language)


def _svg(drawn: Graph, style: Sequence[str], anchor: str, language: str) -> str:
    extents = {box.key: _extent(box, drawn.edges) for box in drawn.boxes}
    known = {box.key: box for box in drawn.boxes}
    passing = {(e.source, e.target): _beside(known[e.source].value, e.back) for e in drawn.edges}
    lay = laid_out(extents, list(passing), passing)
    width, height = round(lay.width), round(lay.height)
    label = say("{title}: its layers; values go down, error signals come back", title=drawn.name)
    said = escape(in_words(label, language))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="group" aria-label="{said}">'
    )
    stages = (line for stage in drawn.stages for line in _stage(stage, lay, language))
    edges = (
        line
        for e in drawn.edges
        for line in _edge(e, lay.routes[e.source, e.target], known[e.source], known[e.target], language)
    )
    boxes = (line for box in drawn.boxes for line in _box(box, lay.boxes[box.key], anchor))
    return "\n".join([head, f"<title>{said}</title>", *style, *stages, *edges, *boxes, "</svg>"]) + "\n"


def _lines(box: Box) -> Iterator[tuple[str, str]]:
    """What stands in a box: text and its class."""
    yield box.heading, "heading"
    for layer in box.layers:
        yield layer.name, "layer"
        line = ""
        for setting in layer.settings:
            if line and len(line) + len(setting) > WIDEST:
                yield line, "settings"
                line = ""
            line = f"{line} {setting}".strip()
        if line:
            yield line, "settings"


def _extent(box: Box, edges: Sequence[Edge]) -> Extent:
    lines = list(_lines(box))
    width = max(len(text) * WIDE[kind] for text, kind in lines)
    signals = (e.back for e in edges if e.target == box.key)
    labels = max(_beside(box.value), *(_beside(signal) for signal in ("", *signals)))
    ports = max(sum(e.source == box.key for e in edges), sum(e.target == box.key for e in edges))
    return Extent(max(round(width + 2 * INSET), PORT * ports), LINE * len(lines) + INSET, labels)


def _beside(*texts: str) -> int:
    return round(max(len(text) * LETTER for text in texts) + BESIDE)


def _box(box: Box, at: Rectangle, anchor: str) -> Iterator[str]:
    kind = "box" if box.layers else "box end"
    linked = bool(anchor and box.chapter)
    yield f'<a class="{kind}" href="#{escape(anchor + box.chapter)}">' if linked else f'<g class="{kind}">'
    yield (
        f'<rect data-box="{escape(box.key)}" x="{at.x:g}" y="{at.y:g}" width="{at.width:g}" height="{at.height:g}" '
        f'rx="{5 if box.layers else at.height / 2:g}"/>'
    )
    for number, (text, look) in enumerate(_lines(box)):
        x = at.x + at.width / 2
        y = at.y + INSET / 2 + LINE * (number + 0.72)
        yield f'<text class="{look}" text-anchor="middle" x="{x:g}" y="{y:g}">{escape(text)}</text>'
    yield "</a>" if linked else "</g>"


def _edge(edge: Edge, route: Route, source: Box, target: Box, language: str) -> Iterator[str]:
    """What goes down, a little to the left, and what comes back, a little to the right; labels to the left of both."""
    shift = 4 if edge.back else 0
    down, up = ([(x + by, y) for x, y in route.points] for by in (-shift, shift))
    data = f'data-from="{escape(edge.source)}" data-to="{escape(edge.target)}"'
    yield f'<g class="edge" {data}><title>{escape(in_words(_said(edge, source, target), language))}</title>'
    yield f'<path class="forward" d="{_path(down, (0, -6), -shift)}"/>'
    yield _tip("tip", down[-1], -7)
    if edge.back:
        yield f'<path class="back" d="{_path(up, (6, 0), shift)}"/>'
        yield _tip("back-tip", up[0], 7)
    long = len(route.points) > 4
    (x, y), (end, bottom) = route.points[0], route.points[-1]
    if route.first:
        yield _label("shape", source.value, x - shift, y + 17)
    if route.last:
        yield _label("signal", edge.back, end - shift, bottom - 12)
    if long:
        (x, y), (_, bottom) = route.points[2], route.points[-3]
        yield _label("shape", source.value, x - shift, (y + bottom) / 2 - 3)
        yield _label("signal", edge.back, x - shift, (y + bottom) / 2 + 14)
    yield "</g>"


def _said(edge: Edge, source: Box, target: Box) -> Saying:
    places = {"reader": target.heading, "read": source.heading, "value": source.value}
    if edge.back:
        return say("{reader} reads {read}: {value}; back comes {signal}", **places, signal=edge.back)
    return say("{reader} reads {read}: {value}", **places)


def _label(kind: str, text: str, x: float, y: float) -> str:
    return (
        f'<text class="{kind}" text-anchor="end" x="{x - BESIDE / 2:g}" y="{y:g}">{escape(text)}</text>' if text else ""
    )


def _path(points: Sequence[Point], short: tuple[float, float], shift: int) -> str:
    """Straight down where it passes boxes, in curves between them; shorter by the tips at its ends.

    Two that run beside each other stay so in a curve: that on the right is above in one to the right.
    """
    (x, y), (end, bottom) = points[0], points[-1]
    through = [(x, y + short[0]), *points[1:-1], (end, bottom + short[1])]
    steps = [f"M{x:g} {y + short[0]:g}"]
    for (x0, y0), (x1, y1) in pairwise(through):
        middle = (y0 + y1) / 2 - shift * copysign(1.5, x1 - x0)
        steps.append(f"V{y1:g}" if x0 == x1 else f"C{x0:g} {middle:g} {x1:g} {middle:g} {x1:g} {y1:g}")
    return "".join(steps)


def _tip(kind: str, at: Point, long: int) -> str:
    x, y = at
    return f'<path class="{kind}" d="M{x:g} {y:g}l-4 {long}h8z"/>'


def _stage(stage: Stage, lay: Layout, language: str) -> Iterator[str]:
    """A frame around boxes that the network has several times."""
    own = [lay.boxes[key] for key in stage.keys]
    x, y = min(r.x for r in own) - AROUND, min(r.y for r in own) - AROUND
    width, height = max(r.right for r in own) + AROUND - x, max(r.bottom for r in own) + AROUND - y
    said = say("{times} times: also {others}", times=str(stage.times), others=stage.others)
    yield f'<g class="stage"><title>{escape(in_words(said, language))}</title>'
    yield f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="9"/>'
    times = f"{stage.times} \N{MULTIPLICATION SIGN}"
    yield f'<text text-anchor="end" x="{x + width - 4:g}" y="{y - 4:g}">{times}</text></g>'
