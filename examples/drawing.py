"""Pictures of training: curves, filters, feature maps, a confusion matrix. Each function makes a figure of arrays."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # matplotlib takes its time: whoever draws nothing does not wait for it
    from matplotlib.figure import Figure

BLUE, ORANGE = "#2166ac", "#c45a00"
"""Below and above zero, as on the pages of gradscribe."""
ACROSS = 8
"""Pictures in a row."""


def check_folder(folder: Path | None) -> None:
    """Raise ValueError, before any time is spent, where nothing could be drawn into the folder."""
    if folder is None:
        return
    try:
        import matplotlib  # noqa: F401 - whether it is there
    except ImportError as error:
        raise ValueError("--draw needs matplotlib: pip install matplotlib") from error
    folder.mkdir(parents=True, exist_ok=True)


def save(folder: Path, **figures: "Figure") -> list[Path]:
    """Write each figure to NAME.png in the folder."""
    paths = [folder / f"{name}.png" for name in figures]
    for path, figure in zip(paths, figures.values(), strict=True):
        figure.savefig(path, dpi=120)
    return paths


def curves(losses: Sequence[float], accuracies: Sequence[float], title: str) -> "Figure":
    """Loss and accuracy after each pass over the images, side by side."""
    figure = _figure(9, 3.6, title)
    left, right = figure.subplots(1, 2)
    epochs = np.arange(1, len(losses) + 1)
    left.semilogy(epochs, losses, color=BLUE, marker="o", markersize=4)
    left.set(xlabel="epoch", ylabel="loss", title="mean loss of training")
    right.plot(epochs, 100 * np.asarray(accuracies), color=ORANGE, marker="o", markersize=4)
    right.set(xlabel="epoch", ylabel="accuracy in %", title="accuracy in the test")
    for axes in (left, right):
        axes.grid(color="0.9")
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def filters(w: NDArray[Any], title: str) -> "Figure":
    """The kernels of a convolution, (R, T, C, K): a row for each input channel, or all in rows where there is one."""
    height, width, channels, kernels = w.shape
    pictures = w.transpose(2, 3, 0, 1).reshape(-1, height, width)
    across = min(kernels, ACROSS) if channels == 1 else kernels
    return _signed_grid(pictures, across, title)


def feature_maps(maps: NDArray[Any], title: str, image: NDArray[Any] | None = None) -> "Figure":
    """What a layer makes of one image, (H, W, K): a picture for each channel, behind the image itself."""
    pictures = list(np.moveaxis(maps, -1, 0))
    return _signed_grid(pictures, min(len(pictures), ACROSS), title, image)


def confusion(labels: NDArray[Any], guesses: NDArray[Any], title: str) -> "Figure":
    """How often each class (row) was taken for each class (column); a colour is the share of its row."""
    classes = int(max(labels.max(), guesses.max())) + 1
    counts = np.bincount(classes * labels + guesses, minlength=classes**2).reshape(classes, classes)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = _figure(5.6, 5.2, title)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=9)
    axes.set(xlabel="taken for", ylabel="digit", xticks=range(classes), yticks=range(classes))
    return figure


def _signed_grid(
    pictures: Sequence[NDArray[Any]] | NDArray[Any], across: int, title: str, image: NDArray[Any] | None = None
) -> "Figure":
    """Pictures in rows, in one scale of colours, white at zero; an image stands before them, in grey."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("signed", [BLUE, "white", ORANGE])
    down, before = math.ceil(len(pictures) / across), int(image is not None)
    figure = _figure(max(4.0, 1.1 * (across + before) + 0.8), 1.15 * down + 0.6, title)
    grid = figure.subplots(down, across + before, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    if image is not None:
        grid[0, 0].imshow(image, cmap="gray")
        grid[0, 0].set_title("image", fontsize=8)
    most = max(float(np.abs(picture).max()) for picture in pictures) or 1.0
    for number, picture in enumerate(pictures):
        axes = grid[number // across, number % across + before]
        shown = axes.imshow(picture, cmap=colours, vmin=-most, vmax=most)
    figure.colorbar(shown, ax=grid, shrink=min(1.0, 0.6 + 0.1 * down), aspect=12)
    return figure


def _figure(width: float, height: float, title: str) -> "Figure":
    """A figure of no window: it draws where there is no screen, too."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, fontsize=11)
    return figure
