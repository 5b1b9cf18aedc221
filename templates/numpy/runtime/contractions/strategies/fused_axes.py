"""What is defined of Cook-Toom transforms in C: matrices, and where tiles lie."""

from collections.abc import Mapping, Sequence

from ...cook_toom.tables import COOK_TOOM
from ..contraction import Side, merged
from ..direct.definitions import REALS, braces, start
from ..sliding import Slides
from .divided_windows import Along, DividedWindows, Part


def beside(slides: Slides) -> bool:
    """Whether vectors can run along what a window holds of each position, and nothing but windows leaves an array."""
    d = slides.contraction
    size, sliding = d.dtype.itemsize, {*reached(slides), *(a.axis for a in slides.axes)}
    others = ((*d.left.reach(axis, d.box), n) for axis, n in enumerate(d.left.sizes) if axis not in sliding)
    return (
        bool(slides.inner and d.columns)
        and merged(d.left, slides.inner, d.extents) == size
        and all(low >= 0 and high < n for low, high, n in others)
        and not any(n % size for side in (d.left, d.right, d.out) for n in side.strides)
    )


def others_defined(slides: Slides, moving: Side, kernel: Side) -> dict[str, int | str]:
    """Of the indices that no window slides along, and where the windows begin.

    Args:
        slides: the windows.
        moving: the array with an element for each position.
        kernel: that with one for each tap.
    """
    d, size = slides.contraction, slides.contraction.dtype.itemsize
    others = (*d.batch, *slides.outer)
    return {
        "REAL": REALS[d.dtype], "BATCHES": d.volume(d.batch),
        "X_START": start(d.left, {a.axis for a in slides.axes}) // size,
        "O_EXTENT": braces((0, *(d.extents[v] for v in others[1:]))),
        "O_X": braces([d.left.stride(v) // size for v in others] or [0]),
        "O_Y": braces([moving.stride(v) // size for v in others] or [0]),
        "O_W": braces([kernel.stride(v) // size for v in others] or [0]),
    }  # fmt: skip


def axes_defined(windows: DividedWindows, moving: Side, kernel: Side) -> dict[str, int | str]:
    """Of the axes, the last of which is the second one; see `others_defined`."""
    found: dict[str, int | str] = {}
    for number, a in zip((1, 2), (None, *windows.axes)[-2:], strict=True):
        found |= _axis(windows, number, a, moving, kernel)
    return found


def _axis(windows: DividedWindows, number: int, a: Along | None, moving: Side, kernel: Side) -> dict[str, int | str]:
    """Of one axis; of one that there is not, one tap and one result."""
    d, size = windows.slides.contraction, windows.slides.contraction.dtype.itemsize
    named = dict.fromkeys(("output", "outputs", "kernel", "kernels", "data"), "{{1}}")
    values: dict[str, int] = dict.fromkeys(("M", "R", "D", "T", "E"), 1) | dict.fromkeys(("A", "Y"), 0)
    step = 0
    if a is not None:
        algorithm, position, dilation = COOK_TOOM[windows.results, a.taps], a.sliding.position, abs(a.dilation)
        matrices = {name: getattr(algorithm, name) for name in ("output", "kernel", "data")}
        matrices |= {f"{name}s": matrices[name].T for name in ("output", "kernel")}
        named = {name: braces(map(braces, matrix.tolist())) for name, matrix in matrices.items()}
        step = a.apart * kernel.stride(a.sliding.tap) // size * (-1 if a.dilation < 0 else 1)
        values = {
            "M": windows.results, "R": a.taps, "D": dilation, "E": d.extents[position],
            "T": -(-d.extents[position] // (windows.results * dilation)),
            "A": a.sliding.step * d.left.strides[a.sliding.axis] // size, "Y": moving.stride(position) // size,
        }  # fmt: skip
    found: dict[str, int | str] = {f"{name}{number}": value for name, value in values.items()}
    found |= {f"{name.upper()}{number}": matrix for name, matrix in named.items()}
    return found | {f"R{number}_W": step}


def pieces_defined(windows: DividedWindows, kernel: Side) -> dict[str, int | str]:
    """Of the pieces of the windows, and of the other axes that these reach along."""
    slides, d = windows.slides, windows.slides.contraction
    along = reached(slides)
    moves = [dict(d.left.steps[axis]) for axis in along]
    places = [place for _, place in windows.pieces]
    return {
        "PIECES": len(places), "PIECE": braces(_piece(windows, kernel, *piece) for piece in windows.pieces),
        "Q_SIZE": braces([d.left.sizes[axis] for axis in along] or [1]),
        "Q_START": braces([d.left.offsets[axis] for axis in along] or [0]),
        "Q_PIECE": braces(braces([_moved(m, place) for m in moves] or [0]) for place in places),
        "O_Q": braces([braces([m.get(v, 0) for m in moves] or [0]) for v in (*d.batch, *slides.outer)] or ["{0}"]),
    }  # fmt: skip


def reached(slides: Slides) -> tuple[int, ...]:
    """The other axes of the first factor that windows reach along."""
    steps = slides.contraction.left.steps
    return tuple(axis for axis, moves in enumerate(steps) if any(v in slides.further for v, _ in moves))


def _moved(steps: Mapping[str, int], place: Mapping[str, int]) -> int:
    return sum(step * place.get(v, 0) for v, step in steps.items())


def _piece(windows: DividedWindows, kernel: Side, parts: Sequence[Part], place: Mapping[str, int]) -> str:
    """One piece, see ``struct piece`` in ``correlation.h``."""
    d, size = windows.slides.contraction, windows.slides.contraction.dtype.itemsize
    x = sum(d.left.stride(v) * k for v, k in place.items())
    w = sum(kernel.stride(v) * k for v, k in place.items())
    shifts, extents, taps = [0, 0], [1, 1], [(0, 1), (0, 1)]
    for number, a, part in zip((-2, -1)[-len(parts) :], windows.axes, parts, strict=True):
        turned = a.taps - 1 if a.dilation < 0 else 0  # these count from the last tap of an algorithm
        x += part.base * d.left.strides[a.sliding.axis]
        w += kernel.stride(a.sliding.tap) * (part.tap + a.apart * turned)
        shifts[number] = part.shift + a.dilation * turned
        extents[number] = a.extent(part, d.left.sizes[a.sliding.axis])
        taps[number] = (a.taps - part.taps, a.taps) if a.dilation < 0 else (0, part.taps)
    return braces((x // size, w // size, *shifts, *extents, *taps[0], *taps[1]))
