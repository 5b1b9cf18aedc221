"""`gradscribe site` and `gradscribe serve`: what they write, what they refuse."""

import socket
import sys
from pathlib import Path

import pytest

from gradscribe.codegen.tool.pages.site.site_folder import write_site
from tests.codegen.tool.cli.running import Command, is_a_mistake


def test_a_site_of_ones_own_is_written_once(gradscribe: Command, tmp_path: Path) -> None:
    (tmp_path / "gated.eq").write_text("y[n,i] = x[n,i]*sigmoid(a[i]*x[n,i]); weight a", encoding="utf-8")
    done = gradscribe("site", "gated.eq", "-o", "a/b")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1].startswith("wrote a/b/index.html, ")
    assert "sigmoid(a[i]*x[n,i])" in (tmp_path / "a/b/sources/gated/gated.eq").read_text(encoding="utf-8")
    assert 'href="layers/gated.html">gated<' in (tmp_path / "a/b/index.html").read_text(encoding="utf-8")
    again = gradscribe("site", "gated.eq", "-o", "a/b")
    assert again.out.splitlines()[-1] == "kept a/b/index.html, 0 files have changed"


def test_files_of_others_stay(gradscribe: Command, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/notes.txt").write_text("mine", encoding="utf-8")
    is_a_mistake(gradscribe("site", "relu"), "site/notes.txt was not made by gradscribe site; it is left as it is")
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["notes.txt"]


def test_nothing_is_written_after_a_mistake(gradscribe: Command, tmp_path: Path) -> None:
    is_a_mistake(gradscribe("site", "relu", "conv2"), "unknown layer 'conv2'")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_site_is_not_served(gradscribe: Command) -> None:
    pytest.importorskip("uvicorn", reason="the extra serve is not installed")
    is_a_mistake(gradscribe("serve", "none"), "none: no site is there; gradscribe site -o none writes one")
    is_a_mistake(gradscribe("serve"), "site: no site is there; gradscribe site -o site writes one")


def test_a_port_that_is_in_use_is_not_taken(gradscribe: Command, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn", reason="the extra serve is not installed")
    write_site(tmp_path / "site", {"index.html": ""})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = gradscribe("serve", "--port", str(port))
    is_a_mistake(done, f"port {port} is in use; --port takes another one, 0 any that is free")


def test_a_package_that_is_not_there(gradscribe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gradscribe.codegen.tool.pages.server.listening", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    is_a_mistake(gradscribe("serve"), "serve needs uvicorn; install it by: pip install 'gradscribe[serve]'")
