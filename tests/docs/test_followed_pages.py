"""Pages that one follows from top to bottom do what they say, in the order in which they say it."""

from pathlib import Path

import pytest

from tests.docs.followed import BLOCK, ROOT, follow

PAGES = [
    "index.md", "derivations.md", "generated.md", "readers/student.md", "readers/teacher.md", "readers/researcher.md",
    "readers/engineer.md",
]  # fmt: skip
"""Of docs/; what others show is tested page by page."""


@pytest.mark.thorough
@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    follow(f"docs/{page}", tmp_path, monkeypatch, capsys)


def test_the_readme_leads_to_a_trained_layer_in_60_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    *_, last = BLOCK.finditer(text)
    assert text.count("\n", 0, last.end()) < 60
    done = follow("README.md", tmp_path, monkeypatch, capsys)
    assert done.scope["mine"].class_name == "Quadratic"
    assert float(done.printed.rpartition("right: ")[2]) > 0.95


@pytest.mark.thorough
def test_the_tutorial_trains_its_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = follow("docs/tutorial.md", tmp_path, monkeypatch, capsys)
    assert float(done.scope["loss"]) < 0.02
    assert (tmp_path / "kernels" / "affine.py").is_file()
