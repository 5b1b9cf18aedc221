"""Train ResNet-20, generated from its equations, on images of 32x32 pixels, and draw the loss curve.

    python examples/resnet20.py                       # the 1,797 digits that come with scikit-learn
    python examples/resnet20.py --data DIR --images 6000  # MNIST: its four IDX files, gzipped or not

The network is that of He et al., Deep residual learning for image recognition, 2016, section 4.2 (option A shortcuts),
with batch normalisation in training and running statistics in the test. Grey images fill all three channels.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from gradscribe.generated import SGD, ResNet20
from lenet5 import Digits, Images, Labels, check, cosine, load_embedded, load_mnist, shifted


def coloured(images: Images) -> Images:
    """Images (N, 32, 32, 1) as (N, 32, 32, 3), with mean 0 and variance near 1."""
    return np.repeat((images - images.mean()) / images.std(), 3, axis=3)


def classify(network: ResNet20, images: Images, batch_size: int = 100) -> Labels:
    """The most likely class of each image, by the running statistics."""
    parts = [network.predict(images[k : k + batch_size]).argmax(axis=1) for k in range(0, len(images), batch_size)]
    return np.concatenate(parts)


def train(
    network: ResNet20, digits: Digits, epochs: int, batch_size: int, lr: float, rng: np.random.Generator
) -> Iterator[float]:
    """Gradient descent with momentum and weight decay as in the paper; yield the loss of every step."""
    optimiser = SGD(network.params, lr=lr, momentum=0.9, weight_decay=1e-4)
    rates = cosine(lr, epochs * math.ceil(len(digits.train_images) / batch_size))
    for _ in range(epochs):
        order = rng.permutation(len(digits.train_images))
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            scores = network(shifted(digits.train_images[batch], rng))
            yield float(network.loss(scores, digits.train_labels[batch]))
            network.backward()
            optimiser.lr = next(rates)
            optimiser.step(network.grads)


def draw(losses: list[float], path: Path, window: int = 20) -> None:
    """The loss of every step, and its mean over `window` steps, as a picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.semilogy(losses, color="0.75", linewidth=0.8, label="each step")
    if len(losses) > window:
        mean = np.convolve(losses, np.ones(window) / window, mode="valid")
        axes.semilogy(np.arange(window - 1, len(losses)), mean, label=f"mean of {window}")
    axes.set(xlabel="step", ylabel="cross-entropy", title="ResNet-20")
    axes.legend()
    figure.savefig(path)


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def main(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder with MNIST's IDX files. [default: scikit-learn's digits]", show_default=False),
    ] = None,
    images: Annotated[int, typer.Option(help="Train on so many of the images at most.")] = 60_000,
    epochs: Annotated[int, typer.Option(help="Passes over the images.")] = 6,
    batch_size: Annotated[int, typer.Option(help="Images per step.")] = 32,
    lr: Annotated[float, typer.Option(help="Learning rate at the start.")] = 0.05,
    seed: Annotated[int, typer.Option(help="The same seed gives the same run, to the bit.")] = 0,
    curve: Annotated[Path, typer.Option(help="Where the loss curve is drawn: .png, .svg or .pdf.")] = Path("loss.png"),
) -> None:
    """Train ResNet-20 on handwritten digits and draw its loss curve."""
    console = Console()
    try:
        check(epochs=epochs, batch_size=batch_size, lr=lr, seed=seed)
        if images < 1:
            raise ValueError(f"--images must be at least 1, got {images}")
        if not curve.parent.is_dir():
            raise ValueError(f"{curve}: no such directory")
        found = load_embedded() if data is None else load_mnist(data)
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(len(found.train_images))[:images]
        digits = Digits(
            coloured(found.train_images[chosen]),
            found.train_labels[chosen],
            coloured(found.test_images),
            found.test_labels,
        )
        network = ResNet20(rng=rng)
        console.print(f"{len(digits.train_images)} images to train on, {len(digits.test_images)} to test with")
        steps = epochs * math.ceil(len(digits.train_images) / batch_size)
        run = train(network, digits, epochs, batch_size, lr, rng)
        losses = list(track(run, "training", steps, console=console, transient=True, disable=not console.is_terminal))
        accuracy = float(np.mean(classify(network, digits.test_images) == digits.test_labels))
        draw(losses, curve)
    except (ValueError, OSError, FloatingPointError) as error:
        raise SystemExit(f"resnet20: error: {error}") from error
    last = losses[-min(20, len(losses)) :]
    print(f"loss {losses[0]:.3f} -> {np.mean(last):.3f}, test accuracy {accuracy:.2%}, curve in {curve}")


if __name__ == "__main__":
    app()
