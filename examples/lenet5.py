"""Train LeNet-5 on handwritten digits with generated layers.

    python examples/lenet5.py                  # the 1,797 digits that come with scikit-learn
    python examples/lenet5.py --data DIR       # MNIST: its four IDX files, gzipped or not
    python examples/lenet5.py --draw pictures  # curves, filters, feature maps and a confusion matrix, as PNG files

The network is the one of LeCun et al., Gradient-based learning applied to document recognition, 1998:
32x32 pixels in, 5x5 kernels, 6 and 16 feature maps, dense layers of 120, 84 and 10 units, the activation
1.7159 tanh(2u/3). Pooling takes the maximum, and softmax with cross-entropy replaces the Gaussian connection.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

# Before NumPy loads its BLAS: LeNet's matrices are so small that threads would mostly wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import typer
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table

import drawing
from gradscribe.generated import SGD, Conv2D, Dense, Flatten, MaxPool2D, ScaledTanh, Sequential, SoftmaxCrossEntropy
from idx import read_mnist

Images = NDArray[np.float32]
Labels = NDArray[np.int64]

CLASSES = 10
SIDE = 32  # of the network's input, in pixels
SHIFT = 1  # how far a training image may move each way, in pixels
MOMENTUM = 0.9


@dataclass(frozen=True)
class Digits:
    """Images (N, 32, 32, 1) and labels (N,) to train on and to test with."""

    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels


@dataclass(frozen=True)
class Epoch:
    """What one pass over the images came to: its mean loss, and the accuracy in the test after it."""

    number: int
    loss: float
    accuracy: float


def build_lenet5(rng: np.random.Generator) -> Sequential:
    """Build the network: images (N, 32, 32, 1) in, logits (N, 10) out."""
    return Sequential(
        Conv2D(1, 6, 5, rng=rng),  # 32 -> 28
        ScaledTanh(),
        MaxPool2D(2),  # 28 -> 14
        Conv2D(6, 16, 5, rng=rng),  # 14 -> 10
        ScaledTanh(),
        MaxPool2D(2),  # 10 -> 5
        Flatten(),
        Dense(5 * 5 * 16, 120, rng=rng),
        ScaledTanh(),
        Dense(120, 84, rng=rng),
        ScaledTanh(),
        Dense(84, CLASSES, rng=rng),
    )


def cosine(peak: float, steps: int) -> Iterator[float]:
    """Yield the learning rate of each step: from the peak down to 0 along half a cosine."""
    for step in range(steps):
        yield peak * 0.5 * (1 + math.cos(math.pi * step / steps))


def train_epoch(
    network: Sequential,
    digits: Digits,
    optimiser: SGD,
    rates: Iterator[float],
    *,
    batch_size: int,
    rng: np.random.Generator,
) -> Iterator[float]:
    """Show the network every training image once, in a new order; yield the loss of each batch.

    Forward pass, loss, backward pass, step: this is all that using generated layers takes.
    """
    loss = SoftmaxCrossEntropy()
    order = rng.permutation(len(digits.train_images))
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        logits = network(shifted(digits.train_images[batch], rng))
        yield float(loss(logits, digits.train_labels[batch]))
        network.backward(loss.backward())
        optimiser.lr = next(rates)
        optimiser.step(network.grads)


def shifted(images: Images, rng: np.random.Generator) -> Images:
    """Move each image (N, H, W, C) by up to SHIFT pixels each way: a digit does not depend on its place."""
    count, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), mode="edge")
    windows = sliding_window_view(padded, (height, width), axis=(1, 2))
    top, left = rng.integers(0, 2 * SHIFT + 1, (2, count))
    return windows[np.arange(count), top, left].transpose(0, 2, 3, 1)


def classify(network: Sequential, images: Images, batch_size: int = 500) -> Labels:
    """Return the most likely digit of each image; batches keep the memory small."""
    guesses = np.empty(len(images), np.int64)
    for start in range(0, len(images), batch_size):
        batch = slice(start, start + batch_size)
        guesses[batch] = network(images[batch]).argmax(axis=1)
    return guesses


def load_mnist(folder: Path) -> Digits:
    """Load MNIST from its four IDX files."""
    train_pixels, train_labels = read_mnist(folder, "train")
    test_pixels, test_labels = read_mnist(folder, "t10k")
    return Digits(
        network_input(train_pixels, white=255),
        train_labels.astype(np.int64),
        network_input(test_pixels, white=255),
        test_labels.astype(np.int64),
    )


def load_embedded() -> Digits:
    """Load scikit-learn's 8x8 digits, scaled up to MNIST's 28x28; a fifth of each class is for the test."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ValueError("the embedded digits need scikit-learn: pip install scikit-learn") from error
    pixels, labels = load_digits(return_X_y=True)
    places = np.linspace(0, 7, 28)
    weights = np.array([np.interp(places, np.arange(8), row) for row in np.eye(8)])  # (8, 28), bilinear
    images = network_input(weights.T @ pixels.reshape(-1, 8, 8) @ weights, white=16)
    by_class = np.argsort(labels, kind="stable")
    for_test = np.zeros(len(labels), bool)
    for_test[by_class[::5]] = True
    return Digits(images[~for_test], labels[~for_test], images[for_test], labels[for_test])


def network_input(pixels: NDArray[np.uint8 | np.float64], *, white: float) -> Images:
    """Pad images (N, 28, 28) to (N, 32, 32, 1) and map 0..white to -0.1..1.175.

    LeCun's choice of range: it puts the mean of the pixels near 0 and their variance near 1.
    """
    margin = (SIDE - pixels.shape[1]) // 2
    images = np.pad(pixels, ((0, 0), (margin, margin), (margin, margin)))[..., np.newaxis].astype(np.float32)
    images *= 1.275 / white
    images -= 0.1
    return images


def confusion_table(labels: Labels, guesses: Labels) -> Table:
    """Count how often each digit (row) was taken for each digit (column)."""
    counts = np.bincount(CLASSES * labels + guesses, minlength=CLASSES**2).reshape(CLASSES, CLASSES)
    table = Table("digit", title="Row: the digit; column: what the network took it for", box=SIMPLE_HEAD, padding=0)
    for digit in range(CLASSES):
        table.add_column(str(digit), justify="right", min_width=4)
    table.add_column("right", justify="right", min_width=7)
    for digit, row in enumerate(counts):
        cells = [f"[bold]{count}[/]" if guess == digit else str(count or "·") for guess, count in enumerate(row)]
        table.add_row(str(digit), *cells, f"{row[digit] / max(row.sum(), 1):.1%}")
    return table


def check(*, epochs: int, batch_size: int, lr: float, seed: int) -> None:
    """Raise ValueError, before anything is loaded, for a number that makes no sense."""
    for name, value, least in (("--epochs", epochs, 1), ("--batch-size", batch_size, 1), ("--seed", seed, 0)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    if not (math.isfinite(lr) and lr > 0):
        raise ValueError(f"--lr must be a positive number, got {lr}")


def run(
    console: Console, digits: Digits, *, epochs: int, batch_size: int, lr: float, seed: int
) -> tuple[Sequential, list[Epoch]]:
    """Train LeNet-5 and test it after each epoch; return it and its history."""
    rng = np.random.default_rng(seed)  # the only source of chance: the same seed gives the same bits
    network = build_lenet5(rng)
    optimiser = SGD(network.params, lr=lr, momentum=MOMENTUM)
    batches = math.ceil(len(digits.train_images) / batch_size)
    rates = cosine(lr, epochs * batches)
    console.print(f"{len(digits.train_images)} images to train on, {len(digits.test_images)} to test with")
    history: list[Epoch] = []
    for epoch in range(1, epochs + 1):
        title = f"epoch {epoch}/{epochs}"
        losses = train_epoch(network, digits, optimiser, rates, batch_size=batch_size, rng=rng)
        bar = track(losses, title, batches, console=console, transient=True, disable=not console.is_terminal)
        loss = math.fsum(bar) / batches
        guesses = classify(network, digits.test_images)
        accuracy = float(np.mean(guesses == digits.test_labels))
        console.print(f"{title}: loss {loss:.4f}, test accuracy {accuracy:.2%}")
        history.append(Epoch(epoch, loss, accuracy))
    console.print(confusion_table(digits.test_labels, guesses))
    return network, history


def draw(folder: Path, network: Sequential, digits: Digits, history: list[Epoch]) -> list[Path]:
    """Draw how the network was trained, and what its first layers make of the first image of the test."""
    image = digits.test_images[:1]
    convolution, activation, *others = network.layers
    first = activation(convolution(image))
    second = Sequential(*others[:3])(first)  # pooling, the second convolution, its activation
    return drawing.save(
        folder,
        curves=drawing.curves([e.loss for e in history], [e.accuracy for e in history], "LeNet-5"),
        filters=drawing.filters(convolution.params["w"], "kernels of the first convolution"),
        feature_maps_1=drawing.feature_maps(first[0], "behind the first convolution", image[0, ..., 0]),
        feature_maps_2=drawing.feature_maps(second[0], "behind the second convolution", image[0, ..., 0]),
        confusion=drawing.confusion(digits.test_labels, classify(network, digits.test_images), "LeNet-5 in the test"),
    )


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def main(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder with MNIST's IDX files. [default: scikit-learn's digits]", show_default=False),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the images. [default: 12, MNIST: 5]", show_default=False)
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Images per step.")] = 32,
    lr: Annotated[float, typer.Option(help="Learning rate at the start.")] = 0.02,
    seed: Annotated[int, typer.Option(help="The same seed gives the same run, to the bit.")] = 0,
    pictures: Annotated[
        Path | None, typer.Option("--draw", metavar="FOLDER", help="Draw curves, filters, feature maps, confusions.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the final accuracy only.")] = False,
) -> None:
    """Train LeNet-5, built from generated layers, on handwritten digits."""
    if epochs is None:
        epochs = 12 if data is None else 5
    try:
        check(epochs=epochs, batch_size=batch_size, lr=lr, seed=seed)
        drawing.check_folder(pictures)
        digits = load_embedded() if data is None else load_mnist(data)
    except (ValueError, OSError) as error:
        raise SystemExit(f"lenet5: error: {error}") from error
    console = Console(quiet=quiet)
    network, history = run(console, digits, epochs=epochs, batch_size=batch_size, lr=lr, seed=seed)
    if pictures is not None:
        for path in draw(pictures, network, digits, history):
            console.print(f"drew {path}")
    print(f"test accuracy {history[-1].accuracy:.2%}")


if __name__ == "__main__":
    app()
