"""Train LeNet-5 exactly as it was published in 1998 on handwritten digits.

    python examples/lenet5_1998.py                  # the 1,797 digits that come with scikit-learn
    python examples/lenet5_1998.py --data DIR       # MNIST: its four IDX files, gzipped or not
    python examples/lenet5_1998.py --draw pictures  # curves, filters, feature maps and a confusion matrix, as PNG files

LeCun et al., Gradient-based learning applied to document recognition, 1998, section II.B: subsampling with trainable
coefficients, the table of connections of C3, radial basis functions whose centres are pictures of the digits, and the
maximum a posteriori criterion. `lenet5.py` trains what is called LeNet-5 today. Training images are moved by up to one
pixel (`--no-shift`: as they are); gradient descent with momentum takes the place of the paper's second-order rates.
"""

import csv
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

# Before NumPy loads its BLAS: LeNet's matrices are so small that threads would mostly wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

import drawing
from gradscribe.generated import SGD, LeNet5, conv2d_forward, scaled_tanh_forward
from lenet5 import Digits, Epoch, Images, Labels, check, confusion_table, cosine, load_embedded, load_mnist, shifted

# How many inputs a unit has. Of the 16 maps of C3 six read three maps of S2, nine read four, and one reads all six.
FAN_IN: dict[str, Any] = {"c1": 25, "s2": 4, "c3": 25 * np.repeat([3, 4, 6], [6, 9, 1]), "s4": 4, "c5": 400, "f6": 120}


@dataclass(frozen=True)
class Recipe:
    """How LeNet-5 is trained: stochastic gradient descent with momentum, the learning rate falling along a cosine.

    Attributes:
        epochs: passes over the images.
        batch_size: images per step.
        lr: the learning rate of the first step; squared distances over 84 units make large gradients.
        momentum: of the descent.
        shift: whether each training image is moved by up to one pixel each way, every time it is shown.
        seed: the same seed gives the same run, to the bit.
    """

    epochs: int = 20
    batch_size: int = 32
    lr: float = 0.001
    momentum: float = 0.9
    shift: bool = True
    seed: int = 0


def build(rng: np.random.Generator) -> LeNet5:
    """Build the network; its weights start uniform within 2.4/F, F being the unit's fan-in (appendix A)."""
    network = LeNet5()
    for name, value in network.params.items():
        value[...] = rng.uniform(-2.4, 2.4, value.shape) / FAN_IN[name.partition(".")[0]]
    return network


def train_epoch(
    network: LeNet5, digits: Digits, optimiser: SGD, rates: Iterator[float], recipe: Recipe, rng: np.random.Generator
) -> Iterator[float]:
    """Show the network every training image once, in a new order; yield the loss of each batch."""
    order = rng.permutation(len(digits.train_images))
    for start in range(0, len(order), recipe.batch_size):
        batch = order[start : start + recipe.batch_size]
        images = digits.train_images[batch]
        distances = network(shifted(images, rng) if recipe.shift else images)
        yield float(network.loss(distances, digits.train_labels[batch]))
        network.backward()
        optimiser.lr = next(rates)
        optimiser.step(network.grads)


def classify(network: LeNet5, images: Images, batch_size: int = 500) -> Labels:
    """Return the digit whose code is nearest, for each image; batches keep the memory small."""
    guesses = np.empty(len(images), np.int64)
    for start in range(0, len(images), batch_size):
        batch = slice(start, start + batch_size)
        guesses[batch] = network.predict(images[batch]).argmin(axis=1)
    return guesses


def train(
    network: LeNet5, digits: Digits, recipe: Recipe, rng: np.random.Generator, console: Console
) -> Iterator[Epoch]:
    """Train the network and test it after each epoch."""
    optimiser = SGD(network.params, lr=recipe.lr, momentum=recipe.momentum)
    batches = math.ceil(len(digits.train_images) / recipe.batch_size)
    rates = cosine(recipe.lr, recipe.epochs * batches)
    for number in range(1, recipe.epochs + 1):
        losses = train_epoch(network, digits, optimiser, rates, recipe, rng)
        title = f"epoch {number}/{recipe.epochs}"
        bar = track(losses, title, batches, console=console, transient=True, disable=not console.is_terminal)
        loss = math.fsum(bar) / batches
        accuracy = float(np.mean(classify(network, digits.test_images) == digits.test_labels))
        console.print(f"{title}: loss {loss:.4f}, test accuracy {accuracy:.2%}")
        yield Epoch(number, loss, accuracy)


def run(console: Console, digits: Digits, recipe: Recipe) -> tuple[LeNet5, list[Epoch]]:
    """Build LeNet-5 and train it by the recipe; return it and its history."""
    rng = np.random.default_rng(recipe.seed)  # the only source of chance
    network = build(rng)
    console.print(f"{len(digits.train_images)} images to train on, {len(digits.test_images)} to test with")
    history = list(train(network, digits, recipe, rng, console))
    console.print(confusion_table(digits.test_labels, classify(network, digits.test_images)))
    return network, history


def draw(folder: Path, network: LeNet5, digits: Digits, history: list[Epoch]) -> list[Path]:
    """Draw how the network was trained, and what C1 makes of the first image of the test."""
    image = digits.test_images[:1]
    w, b = network.params["c1.w"], network.params["c1.b"]
    maps = scaled_tanh_forward(conv2d_forward(image, w, b))[0]
    return drawing.save(
        folder,
        curves=drawing.curves([e.loss for e in history], [e.accuracy for e in history], "LeNet-5 as published"),
        filters=drawing.filters(w, "kernels of C1"),
        feature_maps=drawing.feature_maps(maps, "behind C1", image[0, ..., 0]),
        confusion=drawing.confusion(digits.test_labels, classify(network, digits.test_images), "LeNet-5 in the test"),
    )


def check_folders(*files: Path | None) -> None:
    """Raise ValueError, before any time is spent, for a file that is to be written into a folder that is not there."""
    for file in files:
        if file is not None and not file.parent.is_dir():
            raise ValueError(f"{file}: no such directory")


def write_history(path: Path, history: list[Epoch]) -> None:
    """Write the loss curve as comma-separated values."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "loss", "accuracy"])
        writer.writerows([epoch.number, epoch.loss, epoch.accuracy] for epoch in history)


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
DEFAULT = Recipe()


@app.command()
def main(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder with MNIST's IDX files. [default: scikit-learn's digits]", show_default=False),
    ] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the images.")] = DEFAULT.epochs,
    batch_size: Annotated[int, typer.Option(help="Images per step.")] = DEFAULT.batch_size,
    lr: Annotated[float, typer.Option(help="Learning rate at the start.")] = DEFAULT.lr,
    shift: Annotated[bool, typer.Option(help="Move training images by up to one pixel.")] = DEFAULT.shift,
    seed: Annotated[int, typer.Option(help="The same seed gives the same run, to the bit.")] = DEFAULT.seed,
    history: Annotated[Path | None, typer.Option(help="Write loss and accuracy per epoch to a CSV file.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the weights to a file of NumPy, .npz.")] = None,
    pictures: Annotated[
        Path | None, typer.Option("--draw", metavar="FOLDER", help="Draw curves, filters, feature maps, confusions.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the final accuracy only.")] = False,
) -> None:
    """Train LeNet-5 as published in 1998 on handwritten digits."""
    console = Console(quiet=quiet)
    try:
        check(epochs=epochs, batch_size=batch_size, lr=lr, seed=seed)
        check_folders(history, save)
        drawing.check_folder(pictures)
        digits = load_embedded() if data is None else load_mnist(data)
        recipe = Recipe(epochs=epochs, batch_size=batch_size, lr=lr, shift=shift, seed=seed)
        with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges ends with the optimiser's error
            network, found = run(console, digits, recipe)
        if history:
            write_history(history, found)
        if save:
            np.savez(save, allow_pickle=False, **network.params)
        for path in draw(pictures, network, digits, found) if pictures else ():
            console.print(f"drew {path}")
    except (ValueError, OSError, FloatingPointError) as error:
        raise SystemExit(f"lenet5_1998: error: {error}") from error
    print(f"test accuracy {found[-1].accuracy:.2%}")


if __name__ == "__main__":
    app()
