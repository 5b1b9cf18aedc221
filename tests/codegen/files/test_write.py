"""Single files: full disks, devices and pipes, links and permissions."""

import os
from pathlib import Path

import pytest

from gradscribe.codegen.files import write
from gradscribe.codegen.tool.package import write_package
from tests.cases.folders import contents, failing_after, full, own


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "page.txt"
    path.write_text("old", encoding="utf-8")
    owner = os if step == "fsync" else Path
    monkeypatch.setattr(owner, step, failing_after(0, getattr(owner, step), full))
    with pytest.raises(OSError, match="No space left") as caught:
        write.write(path, "new")
    assert caught.value.filename == str(path)
    assert contents(tmp_path) == {"page.txt": "old"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
def test_devices_and_pipes_are_written_to(tmp_path: Path) -> None:
    write.write("/dev/null", "text")
    with pytest.raises(OSError, match="/dev/full"):
        write.write("/dev/full", "text")
    assert not Path("/dev/null").is_file()


def test_links_and_permissions_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old", encoding="utf-8")
    real.chmod(0o640)
    link.symlink_to(real)
    write.write(link, "new\n")
    assert link.is_symlink()
    assert real.read_bytes() == b"new\n"
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_new_file_has_the_permissions_that_the_user_wants(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write.write(tmp_path / "page.txt", "text")
        write_package([own("square")], tmp_path / "package")
    finally:
        os.umask(old)
    assert (tmp_path / "page.txt").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "package/square.py").stat().st_mode & 0o777 == 0o640


def test_half_a_surrogate_pair_is_written_as_an_escape(tmp_path: Path) -> None:
    write.write(tmp_path / "page.txt", "\ud800")
    assert (tmp_path / "page.txt").read_text(encoding="utf-8") == "\\ud800"
