"""Train ResNet-20, generated from its equations, on images of 32x32 pixels.

    python examples/resnet20.py                       # the 1,797 digits that come with scikit-learn
    python examples/resnet20.py --data DIR --images 6000  # MNIST: its four IDX files, gzipped or not
    python examples/resnet20.py --draw pictures       # curves, filters, feature maps and a confusion matrix, PNG files

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

import drawing
from gradscribe.generated import SGD, ResNet20, conv2d_forward
from lenet5 import Digits, Epoch, Images, Labels, check, cosine, load_embedded, load_mnist, shifted


def coloured(images: Images) -> Images:
    """Images (N, 32, 32, 1) as (N, 32, 32, 3), with mean 0 and variance near 1."""
    return np.repeat((images - images.mean()) / images.std(), 3, axis=3)


def classify(network: ResNet20, images: Images, batch_size: int = 100) -> Labels:
    """The most likely class of each image, by the running statistics."""
    parts = [network.predict(images[k : k + batch_size]).argmax(axis=1) for k in range(0, len(images), batch_size)]
    return np.concatenate(parts)


def train_epoch(
    network: ResNet20,
    digits: Digits,
    optimiser: SGD,
    rates: Iterator[float],
    batch_size: int,
    rng: np.random.Generator,
) -> Iterator[float]:
    """Show the network every training image once, in a new order; yield the loss of every step."""
    order = rng.permutation(len(digits.train_images))
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        scores = network(shifted(digits.train_images[batch], rng))
        yield float(network.loss(scores, digits.train_labels[batch]))
        network.backward()
        optimiser.lr = next(rates)
        optimiser.step(network.grads)


def run(
    console: Console,
    network: ResNet20,
    digits: Digits,
    epochs: int,
    batch_size: int,
    lr: float,
    rng: np.random.Generator,
) -> list[Epoch]:
    """Gradient descent with momentum and weight decay as in the paper; test the network after each epoch."""
    optimiser = SGD(network.params, lr=lr, momentum=0.9, weight_decay=1e-4)
    batches = math.ceil(len(digits.train_images) / batch_size)
    rates = cosine(lr, epochs * batches)
    history: list[Epoch] = []
    for number in range(1, epochs + 1):
        title = f"epoch {number}/{epochs}"
        losses = train_epoch(network, digits, optimiser, rates, batch_size, rng)
        bar = track(losses, title, batches, console=console, transient=True, disable=not console.is_terminal)
        loss = math.fsum(bar) / batches
        accuracy = float(np.mean(classify(network, digits.test_images) == digits.test_labels))
        console.print(f"{title}: loss {loss:.4f}, test accuracy {accuracy:.2%}")
        history.append(Epoch(number, loss, accuracy))
    return history


def draw(folder: Path, network: ResNet20, digits: Digits, history: list[Epoch]) -> list[Path]:
    """Draw how the network was trained, and what the first convolution makes of the first image of the test."""
    image, w = digits.test_images[:1], network.params["conv1.w"]
    maps = conv2d_forward(image, w, padding=1)[0]
    return drawing.save(
        folder,
        curves=drawing.curves([e.loss for e in history], [e.accuracy for e in history], "ResNet-20"),
        filters=drawing.filters(w, "kernels of the first convolution, a row for each input channel"),
        feature_maps=drawing.feature_maps(maps, "behind the first convolution", image[0, ..., 0]),
        confusion=drawing.confusion(digits.test_labels, classify(network, digits.test_images), "ResNet-20 in the test"),
    )


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
    pictures: Annotated[
        Path | None, typer.Option("--draw", metavar="FOLDER", help="Draw curves, filters, feature maps, confusions.")
    ] = None,
) -> None:
    """Train ResNet-20 on handwritten digits."""
    console = Console()
    try:
        check(epochs=epochs, batch_size=batch_size, lr=lr, seed=seed)
        if images < 1:
            raise ValueError(f"--images must be at least 1, got {images}")
        drawing.check_folder(pictures)
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
        history = run(console, network, digits, epochs, batch_size, lr, rng)
        for path in draw(pictures, network, digits, history) if pictures else ():
            console.print(f"drew {path}")
    except (ValueError, OSError, FloatingPointError) as error:
        raise SystemExit(f"resnet20: error: {error}") from error
    print(f"test accuracy {history[-1].accuracy:.2%}")


if __name__ == "__main__":
    app()
