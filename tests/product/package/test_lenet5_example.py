import gzip
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

import idx
import lenet5
from gradscribe.generated import SGD

ROOT = Path(__file__).parents[3]
MNIST = os.environ.get("GRADSCRIBE_MNIST")


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    extents = b"".join(extent.to_bytes(4) for extent in array.shape)
    return bytes([0, 0, 8, array.ndim]) + extents + array.tobytes()


def rewrite(file: Path, change: Callable[[bytes], bytes]) -> None:
    file.write_bytes(change(file.read_bytes()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return noise(tmp_path)


def noise(folder: Path) -> Path:
    """MNIST's four files, two of them gzipped: 40 images of noise to train on, 20 to test with."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 40), ("t10k", 20)):
        images = rng.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return folder


def run_script(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "examples" / "lenet5.py", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    return subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)


def error_line(capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    """Run the example with these options, which must end it before it prints anything; return its message."""
    with pytest.raises(SystemExit) as stop:
        lenet5.main(**options)
    assert capsys.readouterr().out == ""
    message = str(stop.value.code)
    assert message.startswith("lenet5: error: ")
    assert "\n" not in message
    return message


def train_briefly(digits: lenet5.Digits, seed: int) -> tuple[list[float], list[bytes]]:
    rng = np.random.default_rng(seed)
    network = lenet5.build_lenet5(rng)
    optimiser, rates = SGD(network.params, lr=0.02, momentum=0.9), lenet5.cosine(0.02, 100)
    losses: list[float] = []
    for _ in range(2):
        losses += lenet5.train_epoch(network, digits, optimiser, rates, batch_size=32, rng=rng)
    return losses, [value.tobytes() for value in network.params.values()]


# Training


@pytest.mark.thorough
def test_learns_the_embedded_digits() -> None:
    digits = lenet5.load_embedded()
    assert digits.train_images.shape == (1437, 32, 32, 1)
    assert digits.test_images.shape == (360, 32, 32, 1)
    assert digits.train_images.dtype == np.float32
    assert np.bincount(digits.test_labels).min() >= 34
    _, history = lenet5.run(Console(quiet=True), digits, epochs=2, batch_size=32, lr=0.02, seed=0)
    assert history[-1].accuracy > 0.8  # chance is 0.1


@pytest.mark.thorough
def test_same_seed_gives_the_same_bits() -> None:
    digits = lenet5.load_embedded()
    few = lenet5.Digits(digits.train_images[:100], digits.train_labels[:100], digits.test_images, digits.test_labels)
    assert train_briefly(few, seed=1) == train_briefly(few, seed=1)
    assert train_briefly(few, seed=1) != train_briefly(few, seed=2)


def test_network_stays_in_float32() -> None:
    network = lenet5.build_lenet5(np.random.default_rng(0))
    assert network(np.zeros((2, 32, 32, 1), np.float32)).dtype == np.float32
    assert sum(value.size for value in network.params.values()) == 61_706


def test_shift_moves_whole_images_by_at_most_one_pixel() -> None:
    images = np.zeros((50, 8, 8, 1), np.float32)
    images[:, 4, 4] = 1
    moved = lenet5.shifted(images, np.random.default_rng(0))
    assert moved.shape == images.shape
    places = np.argwhere(moved[..., 0])
    assert len(places) == len(images)
    assert {tuple(place) for place in places[:, 1:].tolist()} == {(i, j) for i in (3, 4, 5) for j in (3, 4, 5)}


def test_confusion_table_counts_guesses() -> None:
    labels = np.repeat(np.arange(10), 1000)
    guesses = labels.copy()
    guesses[:500] = 3
    page = io.StringIO()
    Console(file=page, width=80).print(lenet5.confusion_table(labels, guesses))
    rows = [line.split() for line in page.getvalue().splitlines()]
    assert ["0", "500", "·", "·", "500", *"······", "50.0%"] in rows
    assert ["9", *"·········", "1000", "100.0%"] in rows


@pytest.mark.skipif(MNIST is None, reason="GRADSCRIBE_MNIST names no folder with MNIST's IDX files")
def test_mnist_reaches_98_8_percent_within_five_epochs() -> None:
    result = run_script("--quiet", "--data", str(MNIST))
    assert float(result.stdout.removeprefix("test accuracy ").rstrip("%\n")) >= 98.8, result.stderr


# The command line


@pytest.mark.thorough
def test_script_trains_on_idx_files(folder: Path) -> None:
    result = run_script("--data", folder, "--epochs", "2", "--batch-size", "16")
    assert result.stderr == ""
    assert result.returncode == 0
    assert "epoch 2/2: loss" in result.stdout
    assert re.search(r"^test accuracy [\d.]+%$", result.stdout, re.MULTILINE)


def test_script_prints_an_error_in_one_line(tmp_path: Path) -> None:
    result = run_script("--data", tmp_path / "absent")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == f"lenet5: error: {tmp_path / 'absent'}: no such directory\n"


def test_quiet_prints_the_accuracy_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lenet5.main(data=folder, epochs=1, quiet=True)
    assert re.fullmatch(r"test accuracy [\d.]+%\n", capsys.readouterr().out)


def test_mnist_does_not_need_scikit_learn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    lenet5.main(data=folder, epochs=1, quiet=True)


def test_missing_scikit_learn_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    assert "pip install scikit-learn" in error_line(capsys)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"epochs": 0}, "--epochs must be at least 1, got 0"),
        ({"batch_size": -4}, "--batch-size must be at least 1, got -4"),
        ({"seed": -1}, "--seed must be at least 0, got -1"),
        ({"lr": 0.0}, "--lr must be a positive number, got 0.0"),
        ({"lr": float("nan")}, "--lr must be a positive number, got nan"),
        ({"lr": float("inf")}, "--lr must be a positive number, got inf"),
    ],
)
def test_bad_number(options: dict[str, Any], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert expected in error_line(capsys, **options)


# IDX files


def test_reads_plain_and_gzipped_files_alike(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    plain, packed = tmp_path / "images", tmp_path / "images.gz"
    plain.write_bytes(idx_bytes(array))
    packed.write_bytes(gzip.compress(idx_bytes(array)))
    np.testing.assert_array_equal(idx.read_idx(plain, axes=3), array)
    np.testing.assert_array_equal(idx.read_idx(packed, axes=3), array)


def test_mnist_is_padded_to_32_pixels(folder: Path) -> None:
    pixels, labels = idx.read_mnist(folder, "t10k")
    digits = lenet5.load_mnist(folder)
    assert digits.train_images.shape == (40, 32, 32, 1)
    np.testing.assert_array_equal(digits.test_labels, labels)
    background, ink = digits.test_images[:, :2], digits.test_images[:, 2:-2, 2:-2, 0]
    np.testing.assert_allclose(background, -0.1, rtol=1e-6)
    np.testing.assert_allclose(ink, 1.275 * (pixels / 255) - 0.1, atol=1e-6)


def test_file_instead_of_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "train-labels-idx1-ubyte"
    assert f"{file}: no such directory" in error_line(capsys, data=file)


def test_missing_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    message = error_line(capsys, data=folder)
    assert f"{folder}: neither t10k-images-idx3-ubyte nor t10k-images-idx3-ubyte.gz is there" in message


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("labels-idx1-ubyte", lambda _: b"", "expected the IDX magic number 00000801, got nothing"),
        ("labels-idx1-ubyte", lambda content: b"PK" + content[2:], "magic number 00000801, got 504b0801"),
        (
            "labels-idx1-ubyte",
            lambda content: content[:6],
            "expected a header of 8 bytes, the file ends after 6",
        ),
        ("labels-idx1-ubyte", lambda content: content[:-3], "expected 40 = 40 elements, got 37"),
        ("labels-idx1-ubyte", lambda content: content + b"\0", "expected 40 = 40 elements, got 41"),
        ("labels-idx1-ubyte", lambda content: content[:-1] + b"\x0a", "expected labels 0..9, got 10"),
        (
            "labels-idx1-ubyte",
            lambda _: idx_bytes(np.zeros(39, np.uint8)),
            "expected 40 labels, one per image, got 39",
        ),
        ("images-idx3-ubyte.gz", lambda content: content[:-20], "cannot be read: "),
        (
            "images-idx3-ubyte.gz",
            lambda content: content[:20] + b"\xff" * 50 + content[70:],
            "cannot be read: ",
        ),
        ("images-idx3-ubyte.gz", gzip.decompress, "cannot be read: Not a gzipped file"),
        (
            "images-idx3-ubyte.gz",
            lambda content: gzip.compress(gzip.decompress(content)[:-1]),
            "expected 40x28x28 = 31360 elements, got 31359",
        ),
        (
            "images-idx3-ubyte.gz",
            lambda _: gzip.compress(idx_bytes(np.zeros((40, 8, 8), np.uint8))),
            "expected images of 28x28 pixels, got 8x8",
        ),
        (
            "images-idx3-ubyte.gz",
            lambda _: gzip.compress(idx_bytes(np.zeros((0, 28, 28), np.uint8))),
            "expected at least one image, got none",
        ),
    ],
)
def test_damaged_file(
    name: str,
    change: Callable[[bytes], bytes],
    expected: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = folder / f"train-{name}"
    rewrite(file, change)
    message = error_line(capsys, data=folder)
    assert str(file) in message
    assert expected in message
