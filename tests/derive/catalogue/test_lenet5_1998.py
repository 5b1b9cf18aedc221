"""LeNet-5 as published: its tables, its size, and the example that trains it; test_network_oracle has its gradient."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import lenet5
import lenet5_1998
from gradscribe.derive.catalogue.networks.lenet5_data import BITMAPS, TABLE
from gradscribe.generated import LeNet5
from lenet5_1998 import Recipe
from tests.cases.together import together

ROOT = Path(__file__).parents[3]
MNIST = os.environ.get("GRADSCRIBE_MNIST")
FOUR = """
.#####.
.......
.......
.##..##
.##..##
###..##
##...##
##...##
##..###
.######
.....##
.....##
"""
SEVEN = """
#######
.....##
.....##
....##.
...##..
...##..
..##...
..##...
..##...
..##...
.......
.......
"""


def picture(code: tuple[int, ...]) -> str:
    rows = ["".join("#" if pixel > 0 else "." for pixel in code[start : start + 7]) for start in range(0, 84, 7)]
    return "\n".join(["", *rows, ""])


# ----- the tables of the paper ----------------------------------------------------------------------------------------
def test_the_codes_are_pictures() -> None:
    codes = np.array(BITMAPS)
    assert codes.shape == (10, 12 * 7)
    assert set(codes.ravel().tolist()) == {-1, 1}
    assert picture(BITMAPS[4]) == FOUR
    assert picture(BITMAPS[7]) == SEVEN
    rows = codes.reshape(10, 12, 7)
    below = [digit for digit in range(10) if (rows[digit, 10:] > 0).any()]
    barred = [digit for digit in range(10) if (rows[digit, 1] < 0).all() and (rows[digit, 0, 1:6] > 0).all()]
    assert below == [4]  # alone goes below the line
    assert barred == [0, 2, 4, 5]  # look like o, z, y and s, and carry a bar


def test_the_codes_are_far_apart() -> None:
    codes = np.array(BITMAPS)
    differing = (codes[:, None] != codes).sum(axis=-1)
    assert differing[~np.eye(10, dtype=bool)].min() >= 12


def test_c3_reads_what_the_paper_says() -> None:
    """Section II.B: contiguous subsets of three, of four, discontinuous subsets of four, and all."""
    read = [set(np.flatnonzero(column)) for column in np.array(TABLE).T]
    assert read[:6] == [{k, (k + 1) % 6, (k + 2) % 6} for k in range(6)]
    assert read[6:12] == [{k, (k + 1) % 6, (k + 2) % 6, (k + 3) % 6} for k in range(6)]
    assert read[12:15] == [{0, 1, 3, 4}, {1, 2, 4, 5}, {0, 2, 3, 5}]
    assert read[15] == set(range(6))
    assert len({frozenset(maps) for maps in read}) == 16


# ----- the network ----------------------------------------------------------------------------------------------------
def trained(network: LeNet5) -> dict[str, int]:
    """How many trained parameters each layer has: weights that the table takes out are none."""
    counts: dict[str, int] = {}
    for name, value in network.params.items():
        node = name.partition(".")[0]
        count = int(25 * np.sum(TABLE)) if name == "c3.w" else value.size
        counts[node] = counts.get(node, 0) + count
    return counts


def test_the_size_is_what_the_paper_says() -> None:
    counts = trained(LeNet5(rng=0))
    assert counts == {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}
    assert sum(counts.values()) == 60_000


def test_the_connections_are_as_many_as_the_paper_says() -> None:
    """Every unit counts its inputs and its bias; a unit of S2 and S4 has four inputs, one of the output 84."""
    counts = trained(LeNet5(rng=0))
    convolutions = {
        node: counts[node] * places for node, places in (("c1", 28**2), ("c3", 10**2), ("c5", 1), ("f6", 1))
    }
    assert convolutions == {"c1": 122_304, "c3": 151_600, "c5": 48_120, "f6": 10_164}
    subsampled = {"s2": 6 * 14**2 * 5, "s4": 16 * 5**2 * 5}
    assert subsampled == {"s2": 5_880, "s4": 2_000}
    assert sum(convolutions.values()) + sum(subsampled.values()) + 84 * 10 == 340_908


def built(seed: int) -> LeNet5:
    return lenet5_1998.build(np.random.default_rng(seed))


def test_weights_start_as_the_paper_says() -> None:
    """Appendix A: within 2.4/F, F the number of a unit's inputs: of those that the table leaves to C3's."""
    params = built(3).params
    maps = np.sum(TABLE, axis=0)
    for name, bound in {
        "c1.w": 2.4 / 25,
        "s2.a": 0.6,
        "c3.w": 2.4 / 25 / maps,
        "c5.b": 2.4 / 400,
        "f6.w": 0.02,
    }.items():
        share = np.abs(params[name]) / bound
        assert share.max() <= 1.0001
        assert share.max() > 0.7
    same, other = built(3).params, built(4).params
    assert all((same[name] == value).all() for name, value in params.items())
    assert all((other[name] != value).any() for name, value in params.items())


def test_what_the_table_takes_out_stays_out() -> None:
    network = built(0)
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(3, 32, 32, 1)).astype(np.float32), np.array([0, 4, 9])
    network.loss(network(x), t)
    network.backward()
    out = np.array(TABLE) == 0
    assert not network.grads["c3.w"][..., out].any()
    assert network.grads["c3.w"][..., ~out].any()
    distances = network.predict(x).copy()
    network.params["c3.w"][..., out] += 1
    np.testing.assert_array_equal(network.predict(x), distances)


def test_an_output_is_the_distance_to_a_code() -> None:
    """F6 driven to the code of 3 by its biases alone: the distance to 3 is 0, to others 4 per pixel that differs."""
    network = built(0)
    network.params["f6.w"][...] = 0
    network.params["f6.b"][...] = np.arctanh(np.array(BITMAPS[3]) / 1.7159) * 3 / 2
    distances = network.predict(np.zeros((1, 32, 32, 1), np.float32))
    codes = np.array(BITMAPS)
    np.testing.assert_allclose(distances[0], 4 * (codes != codes[3]).sum(axis=1), atol=1e-3)


# ----- the example ----------------------------------------------------------------------------------------------------
def run(digits: lenet5.Digits, **recipe: Any) -> tuple[LeNet5, list[lenet5.Epoch]]:
    return lenet5_1998.run(Console(quiet=True), digits, Recipe(**recipe))


def few(count: int) -> lenet5.Digits:
    digits = lenet5.load_embedded()
    return lenet5.Digits(
        digits.train_images[:count], digits.train_labels[:count], digits.test_images[:50], digits.test_labels[:50]
    )


@pytest.mark.thorough
def test_learns_the_embedded_digits() -> None:
    _, history = run(lenet5.load_embedded(), epochs=5)
    assert history[-1].accuracy > 0.85  # chance is 0.1
    assert history[-1].loss < 0.5 * history[0].loss


@pytest.mark.thorough
def test_same_seed_gives_the_same_bits() -> None:
    runs = [run(few(64), epochs=2, seed=seed) for seed in (1, 1, 2)]
    bits = [[value.tobytes() for value in network.params.values()] for network, _ in runs]
    assert bits[0] == bits[1]
    assert bits[0] != bits[2]
    assert runs[0][1] == runs[1][1]


@pytest.mark.thorough
def test_images_are_shown_as_they_are_where_the_recipe_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []

    def shifted(images: lenet5.Images, rng: np.random.Generator) -> lenet5.Images:
        shown.append(len(images))
        return lenet5.shifted(images, rng)

    monkeypatch.setattr(lenet5_1998, "shifted", shifted)
    run(few(40), epochs=1, shift=False)
    assert shown == []
    run(few(40), epochs=1)
    assert shown == [32, 8]


def run_script(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "examples" / "lenet5_1998.py", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    return subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)


@pytest.mark.thorough
def test_script_trains_and_writes(tmp_path: Path) -> None:
    result = run_script("--epochs", "2", "--history", tmp_path / "h.csv", "--save", tmp_path / "w.npz")
    assert (result.returncode, result.stderr) == (0, "")
    assert "epoch 2/2: loss" in result.stdout
    accuracy = re.search(r"^test accuracy ([\d.]+)%$", result.stdout, re.MULTILINE)
    assert accuracy
    with (tmp_path / "h.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert f"{float(rows[1]['accuracy']):.2%}" == f"{accuracy[1]}%"
    network, digits = built(9), lenet5.load_embedded()
    with np.load(tmp_path / "w.npz") as weights:
        for name, value in network.params.items():
            value[...] = weights[name]
    guesses = lenet5_1998.classify(network, digits.test_images)
    assert f"{np.mean(guesses == digits.test_labels):.2%}" == f"{accuracy[1]}%"


def test_a_mistake_is_one_line_of_the_script() -> None:
    result = run_script("--quiet", "--epochs", "0")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == "lenet5_1998: error: --epochs must be at least 1, got 0\n"


@together(
    ("options", "expected"),
    [
        (("--lr", "nan"), "--lr must be a positive number, got nan"),
        (("--data", "absent"), "absent: no such directory"),
        (("--lr", "1e200", "--epochs", "1"), "sgd: c1.w would not stay finite; its gradient is: lower lr"),
        (("--history", "absent/h.csv"), "absent/h.csv: no such directory"),
    ],
)
def test_a_mistake_is_one_line(options: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        lenet5_1998.app(["--quiet", *options])
    assert re.fullmatch(f"lenet5_1998: error: .*{expected}.*", str(stop.value.code))
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(MNIST is None, reason="GRADSCRIBE_MNIST names no folder with MNIST's IDX files")
def test_mnist_reaches_99_percent_within_twenty_epochs() -> None:
    result = run_script("--quiet", "--data", str(MNIST))
    assert float(result.stdout.removeprefix("test accuracy ").rstrip("%\n")) >= 99.0, result.stderr
