"""What the examples draw of training: the numbers in the pictures, and the files."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import drawing
import lenet5
import lenet5_1998
from tests.product.package.test_lenet5_example import error_line, noise

pytest.importorskip("matplotlib")
NAMES = {"curves", "filters", "confusion"}


def axes_of(figure: Any) -> list[Any]:
    return list(figure.axes)


def test_curves_show_what_was_measured() -> None:
    left, right = axes_of(drawing.curves([1.5, 0.5, 0.25], [0.5, 0.75, 1.0], "any"))
    for axes, values in ((left, [1.5, 0.5, 0.25]), (right, [50, 75, 100])):
        (line,) = axes.get_lines()
        assert line.get_xdata().tolist() == [1, 2, 3]
        assert list(line.get_ydata()) == values
        assert axes.get_xlabel() == "epoch"
        assert axes.get_ylabel()


def test_every_kernel_and_every_map_is_a_picture_in_one_scale() -> None:
    rng = np.random.default_rng(0)
    w, maps, image = rng.normal(size=(3, 5, 1, 10)), rng.normal(size=(4, 6, 3)), rng.random((8, 8))
    pictures = [axes.images[0] for axes in axes_of(drawing.filters(w, "any")) if axes.images]
    for number, picture in enumerate(pictures):
        np.testing.assert_array_equal(picture.get_array(), w[:, :, 0, number])
        assert picture.get_clim() == (-np.abs(w).max(), np.abs(w).max())
    assert len(pictures) == 10
    first, *others = [axes.images[0] for axes in axes_of(drawing.feature_maps(maps, "any", image)) if axes.images]
    np.testing.assert_array_equal(first.get_array(), image)
    for number, picture in enumerate(others):
        np.testing.assert_array_equal(picture.get_array(), maps[:, :, number])
    several = axes_of(drawing.filters(rng.normal(size=(3, 3, 2, 4)), "any"))
    assert sum(bool(axes.images) for axes in several) == 8


def test_confusions_are_counted() -> None:
    labels, guesses = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 0])
    (axes,) = axes_of(drawing.confusion(labels, guesses, "any"))
    counted = Counter(zip(labels.tolist(), guesses.tolist(), strict=True))
    assert {(int(t.get_position()[1]), int(t.get_position()[0])): int(t.get_text()) for t in axes.texts} == counted
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("taken for", "digit")


def test_maps_of_zeros_can_be_drawn(tmp_path: Path) -> None:
    (path,) = drawing.save(tmp_path, zeros=drawing.feature_maps(np.zeros((4, 4, 2)), "zeros"))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_examples_draw_into_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise(tmp_path)
    lenet5.main(data=tmp_path, epochs=1, pictures=tmp_path / "a" / "b")
    drawn = {path.stem for path in (tmp_path / "a" / "b").glob("*.png")}
    assert drawn == NAMES | {"feature_maps_1", "feature_maps_2"}
    assert "drew " in capsys.readouterr().out
    lenet5_1998.main(data=tmp_path, epochs=1, pictures=tmp_path / "c", quiet=True)
    assert {path.stem for path in (tmp_path / "c").glob("*.png")} == NAMES | {"feature_maps"}


def test_what_cannot_be_drawn_is_told_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "file" in error_line(capsys, data=tmp_path, pictures=tmp_path / "file")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install matplotlib" in error_line(capsys, data=tmp_path, pictures=tmp_path / "new")
    assert not (tmp_path / "new").exists()
