"""Where the boxes of a graph lie, and how its edges run: ranks from top to bottom, lanes from left to right.

A box comes one rank below the last one that it reads. It stays in the lane of what it reads where that goes on in it:
of several readers the one from which the way to the end is the longest. An edge that passes ranks takes a free lane
there, so that no edge meets a box and no two edges lie on each other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

BETWEEN, APART, PORT, MARGIN = 58, 30, 26, 12
"""Pixels between two ranks, between lanes, between the edges of a box, and around all."""

Point = tuple[float, float]
Link = tuple[str, str]
"""From a box to one that reads it."""
Cell = tuple[int, int]
"""A rank and a lane."""


@dataclass(frozen=True)
class Extent:
    """How much a box takes: its own width and height, and what its labels need to the left of its edges."""

    width: int
    height: int
    labels: int = 0


@dataclass(frozen=True)
class Rectangle:
    """Where a box lies."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower side."""
        return self.y + self.height


@dataclass(frozen=True)
class Route:
    """An edge: it begins below a box, passes ranks from top to bottom, each at its place, and ends above another box.

    Attributes:
        points: two for each stretch that goes straight down.
        first: whether nothing else leaves the box to the left of it, so that what it carries is said there.
        last: the same of what arrives.
    """

    points: tuple[Point, ...]
    first: bool
    last: bool


@dataclass(frozen=True)
class Layout:
    """Where everything lies, in a drawing so wide and so high."""

    boxes: Mapping[str, Rectangle]
    routes: Mapping[Link, Route]
    width: float
    height: float


def laid_out(extents: Mapping[str, Extent], links: Sequence[Link], passing: Mapping[Link, int]) -> Layout:
    """The layout of boxes.

    Args:
        extents: of each box, in an order in which each comes after what it reads.
        links: who reads whom.
        passing: what the labels of an edge need that passes ranks.
    """
    ranks = _ranks(list(extents), links)
    lanes, passed = _lanes(ranks, links)
    left, right = _sides(extents, links, lanes, passed, passing)
    middle: list[float] = []
    edge = float(MARGIN)
    for lane in range(len(left)):
        middle.append(edge + left[lane])
        edge = middle[-1] + right[lane] + APART
    tops, y = list[float](), float(MARGIN)
    heights = [max(extents[k].height for k in extents if ranks[k] == rank) for rank in range(max(ranks.values()) + 1)]
    for height in heights:
        tops.append(y)
        y += height + BETWEEN
    boxes = {
        key: Rectangle(middle[lanes[key]] - e.width / 2, tops[ranks[key]], e.width, e.height)
        for key, e in extents.items()
    }
    leaving, arriving = _ports(links, lanes, passed)

    def route(link: Link) -> Route:
        source, target = link
        x, end = middle[lanes[source]] + leaving[link], middle[lanes[target]] + arriving[link]
        bottom = tops[ranks[source]] + heights[ranks[source]]
        points = [(x, boxes[source].bottom), (x, bottom)]
        for rank, lane in passed[link]:
            points += [(middle[lane], tops[rank]), (middle[lane], tops[rank] + heights[rank])]
        points += [(end, boxes[target].y)] * 2
        return Route(
            tuple(points),
            leaving[link] == min(leaving[other] for other in links if other[0] == source),
            arriving[link] == min(arriving[other] for other in links if other[1] == target),
        )

    return Layout(boxes, {link: route(link) for link in links}, edge - APART + MARGIN, y - BETWEEN + MARGIN)


def _ranks(keys: Sequence[str], links: Sequence[Link]) -> dict[str, int]:
    """The ranks of boxes: below all that they read; what reads nothing comes right above its first reader."""
    read = {key: [source for source, target in links if target == key] for key in keys}
    readers = {key: [target for source, target in links if source == key] for key in keys}
    found: dict[str, int] = {}
    for key in keys:
        found[key] = max((found[source] + 1 for source in read[key]), default=0)
    for key in keys:
        if not read[key] and readers[key]:
            found[key] = min(found[reader] for reader in readers[key]) - 1
    return found


def _lanes(ranks: Mapping[str, int], links: Sequence[Link]) -> tuple[dict[str, int], dict[Link, tuple[Cell, ...]]]:
    """The lanes of boxes, and what edges pass that skip ranks."""
    heirs = _heirs(ranks, links)
    lanes: dict[str, int] = {}
    taken: set[Cell] = set()
    passed: dict[Link, tuple[Cell, ...]] = {}
    for key in sorted(ranks, key=lambda k: (ranks[k], k not in heirs.values())):
        own = [link for link in links if link[1] == key]
        wanted = [lanes[source] for source, _ in own if heirs[source] == key] or [
            lanes[source] + 1 for source, _ in own
        ]
        lanes[key] = _free(taken, (ranks[key],), [min(wanted, default=0)])
        taken.add((ranks[key], lanes[key]))
        for source, _ in own:
            between = range(ranks[source] + 1, ranks[key])
            lane = _free(taken, between, [lanes[source], lanes[key], min(lanes[source], lanes[key])])
            passed[source, key] = tuple((rank, lane) for rank in between)
            taken |= {*passed[source, key]}
    return lanes, passed


def _heirs(ranks: Mapping[str, int], links: Sequence[Link]) -> dict[str, str]:
    """The reader in which each box goes on: that from which the way to the end is the longest, no two the same."""
    reading = {target for _, target in links}
    order = sorted(ranks, key=lambda k: (-ranks[k], k not in reading))
    length: dict[str, int] = {}
    for key in order:
        length[key] = max((length[target] + 1 for source, target in links if source == key), default=0)
    found: dict[str, str] = {}  # of several that one reads, the last goes on in it
    for key in order:
        readers = [target for source, target in links if source == key and target not in found.values()]
        found[key] = max(readers, key=lambda k: length[k], default="")
    return found


def _free(taken: set[Cell], ranks: Sequence[int], wanted: Sequence[int]) -> int:
    """A lane that is free in all these ranks: the first of those wanted, or the next one to the right."""

    def free(lane: int) -> bool:
        return all((rank, lane) not in taken for rank in ranks)

    found = next((lane for lane in wanted if free(lane)), wanted[-1])
    while not free(found):
        found += 1
    return found


def _sides(
    extents: Mapping[str, Extent],
    links: Sequence[Link],
    lanes: Mapping[str, int],
    passed: Mapping[Link, Sequence[Cell]],
    passing: Mapping[Link, int],
) -> tuple[list[float], list[float]]:
    """How much each lane takes to the left and to the right of its middle."""
    count = 1 + max([*lanes.values(), *(lane for cells in passed.values() for _, lane in cells)])
    left, right = [0.0] * count, [0.0] * count
    for key, extent in extents.items():
        ports = max(sum(link[0] == key for link in links), sum(link[1] == key for link in links))
        half = PORT * max(ports - 1, 0) / 2 + PORT / 2
        lane = lanes[key]
        left[lane] = max(left[lane], extent.width / 2, half + extent.labels)
        right[lane] = max(right[lane], extent.width / 2, half)
    for link, cells in passed.items():
        for _, lane in cells:
            left[lane], right[lane] = max(left[lane], PORT / 2 + passing[link]), max(right[lane], PORT / 2)
    return left, right


def _ports(
    links: Sequence[Link], lanes: Mapping[str, int], passed: Mapping[Link, Sequence[Cell]]
) -> tuple[dict[Link, float], dict[Link, float]]:
    """Where edges leave and reach their boxes, beside the middle: in the order in which they go to the sides."""

    def beside(end: int, other: int) -> Iterator[tuple[Link, float]]:
        for key in lanes:
            own = [link for link in links if link[end] == key]
            own.sort(key=lambda link: passed[link][-end][1] if passed[link] else lanes[link[other]])
            yield from ((link, PORT * (n - (len(own) - 1) / 2)) for n, link in enumerate(own))

    return dict(beside(0, 1)), dict(beside(1, 0))
