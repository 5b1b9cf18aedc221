"""What is defined of Cook-Toom transforms in C: matrices, and where tiles lie."""

from ...cook_toom.tables import COOK_TOOM
from ..contraction import Side, merged
from ..direct.definitions import REALS, braces, start
from ..sliding import Slides, Sliding


def beside(slides: Slides) -> bool:
    """Whether vectors can run along what a window holds of each position, and nothing but windows leaves an array."""
    d = slides.contraction
    size, sliding = d.dtype.itemsize, {a.axis for a in slides.axes}
    reached = ((*d.left.reach(axis, d.box), n) for axis, n in enumerate(d.left.sizes) if axis not in sliding)
    return (
        bool(slides.inner and d.columns)
        and merged(d.left, slides.inner, d.extents) == size
        and all(low >= 0 and high < n for low, high, n in reached)
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


def axes_defined(slides: Slides, results: int, moving: Side, kernel: Side) -> dict[str, int | str]:
    """Of the axes, the last of which is the second one, for F(results, taps); see `others_defined`."""
    found: dict[str, int | str] = {}
    for number, a in zip((1, 2), (None, *slides.axes)[-2:], strict=True):
        found |= _axis(slides, results, number, a, moving, kernel)
    return found


def _axis(
    slides: Slides, results: int, number: int, a: Sliding | None, moving: Side, kernel: Side
) -> dict[str, int | str]:
    """Of one axis; of one that there is not, one tap and one result."""
    d, size = slides.contraction, slides.contraction.dtype.itemsize
    named = dict.fromkeys(("output", "outputs", "kernel", "kernels", "data"), "{{1}}")
    values: dict[str, int] = dict.fromkeys(("M", "R", "D", "T", "E"), 1) | dict.fromkeys(("A", "F", "Y"), 0)
    step, extent = 0, 1
    if a is not None:
        algorithm, taps = COOK_TOOM[results, d.extents[a.tap]], d.extents[a.tap]
        matrices = {name: getattr(algorithm, name) for name in ("output", "kernel", "data")}
        matrices |= {f"{name}s": matrices[name].T for name in ("output", "kernel")}
        named = {name: braces(map(braces, matrix.tolist())) for name, matrix in matrices.items()}
        step = kernel.stride(a.tap) // size * (-1 if a.flipped else 1)
        extent = d.left.sizes[a.axis]
        values = {
            "M": results, "R": taps, "D": a.dilation, "E": d.extents[a.position], "F": a.offset,
            "T": -(-d.extents[a.position] // (results * a.dilation)), "A": d.left.strides[a.axis] // size,
            "Y": moving.stride(a.position) // size,
        }  # fmt: skip
    found: dict[str, int | str] = {f"{name}{number}": value for name, value in values.items()}
    found |= {f"{name.upper()}{number}": matrix for name, matrix in named.items()}
    return found | {f"R{number}_W": step, "HW"[number - 1]: extent}
