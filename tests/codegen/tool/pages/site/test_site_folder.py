"""A site in a folder: its own files go and come, those of others stop it before anything is written."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gradscribe.codegen.files.write import write
from gradscribe.codegen.tool.pages.site.site_folder import MANIFEST, check_ours, is_site, language_of, write_site
from gradscribe.derive.ir.error import EquationError

FILES: dict[str, str | bytes] = {"index.html": "<p>ours", "a/b/c.html": "c", "font.woff2": b"\0\1"}


def there(folder: Path) -> dict[str, bytes]:
    return (
        {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        if folder.exists()
        else {}
    )


def test_files_are_written_kept_and_gone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "site"
    assert write_site(folder, FILES) == sorted(FILES)
    assert is_site(folder)
    before = (folder / "index.html").stat().st_mtime_ns
    assert write_site(folder, FILES) == []
    assert write_site(folder, {"index.html": "<p>ours", "d.html": "d"}) == ["a/b/c.html", "d.html", "font.woff2"]
    assert (folder / "index.html").stat().st_mtime_ns == before
    assert sorted(there(folder)) == ["d.html", MANIFEST, "index.html"]
    assert not (folder / "a").exists()


def test_a_site_says_its_language(tmp_path: Path) -> None:
    assert language_of(tmp_path) == "en"
    write_site(tmp_path, FILES, "ko")
    assert language_of(tmp_path) == "ko"
    manifest = tmp_path / MANIFEST
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"ko"', '["kr"]'), encoding="utf-8")
    with pytest.raises(EquationError, match=rf"{MANIFEST}: unknown language .*kr.*; expected one of en, ko"):
        language_of(tmp_path)
    assert is_site(tmp_path)


def a_file(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")


def a_file_in_the_way(folder: Path) -> None:
    (folder / "index.html").write_text("mine")


def a_link(folder: Path) -> None:
    (folder / "away").symlink_to(folder.parent)


def a_list_of_others(folder: Path) -> None:
    (folder / MANIFEST).write_text("[]")


@pytest.mark.parametrize("put", [a_file, a_file_in_the_way, a_link, a_list_of_others])
def test_files_of_others_stay_and_stop_it(tmp_path: Path, put: Callable[[Path], None]) -> None:
    put(tmp_path)
    before = there(tmp_path)
    with pytest.raises(FileExistsError, match="was not made by gradscribe site"):
        check_ours(tmp_path)
    with pytest.raises(FileExistsError, match="was not made by gradscribe site"):
        write_site(tmp_path, FILES)
    assert there(tmp_path) == before
    assert not is_site(tmp_path)


def test_files_that_come_into_a_site_stop_the_next_one(tmp_path: Path) -> None:
    write_site(tmp_path, FILES)
    a_file(tmp_path)
    with pytest.raises(FileExistsError, match=r"notes\.txt was not made by gradscribe site"):
        write_site(tmp_path, {"index.html": "new"})
    assert (tmp_path / "index.html").read_text() == "<p>ours"


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other.html"
    other.write_text("mine")
    write_site(tmp_path / "site", FILES)
    (tmp_path / "site/index.html").unlink()
    (tmp_path / "site/index.html").symlink_to(other)
    with pytest.raises(FileExistsError, match=r"index\.html was not made"):
        write_site(tmp_path / "site", {"index.html": "new"})
    assert other.read_text() == "mine"


def test_a_list_that_lies_removes_nothing_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text("mine")
    folder = tmp_path / "site"
    write_site(folder, FILES)
    names = ["../other.html", str(tmp_path / "other.html"), *FILES]
    (folder / MANIFEST).write_text(json.dumps({"files": names}))
    write_site(folder, {"index.html": "new"})
    assert (tmp_path / "other.html").read_text() == "mine"
    assert sorted(there(folder)) == [MANIFEST, "index.html"]


def test_an_interrupted_run_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_site(tmp_path, FILES)
    written: list[Path] = []

    def full(path: Path, data: str | bytes) -> None:
        if len(written) == 2:
            raise OSError(28, "No space left on device", str(path))
        written.append(path)
        write(path, data)

    monkeypatch.setattr("gradscribe.codegen.tool.pages.site.site_folder.write", full)
    with pytest.raises(OSError, match="No space left"):
        write_site(tmp_path, {"d.html": "d", "e.html": "e"})
    monkeypatch.undo()
    assert write_site(tmp_path, {"f.html": "f"}) == ["a/b/c.html", "d.html", "f.html", "font.woff2", "index.html"]
    assert sorted(there(tmp_path)) == ["f.html", MANIFEST]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("mine")
    with pytest.raises(NotADirectoryError, match="expected a folder, found a file"):
        check_ours(tmp_path / "site")
