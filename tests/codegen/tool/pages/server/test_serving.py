"""A site served: to this machine and its own pages only, and no text harms what another one is answered."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gradscribe.codegen.tool.pages.playground.answer import answer
from gradscribe.codegen.tool.pages.server.web_app import LARGEST
from gradscribe.codegen.tool.pages.site.site_folder import write_site
from tests.codegen.tool.cli.running import START

pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")
ROOT = Path(__file__).parents[5]
SECONDS = 3
JSON = {"Content-Type": "application/json"}
SLOW = "y[n] = " + " + ".join(f"sin(x[n]*exp({k} + x[n]))/(1 + cos({k}*x[n]))" for k in range(2, 300))
"""Within all bounds of length; minutes to derive."""
CUBE = "y[n] = x[n]^3"

*PYTHON, RUN = START
INTERRUPTIBLE = (*PYTHON, f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {RUN}")
"""A shell has its background jobs ignore Ctrl-C, and so what they start."""


class Served(NamedTuple):
    """A server that runs."""

    port: int
    process: subprocess.Popen[str]

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            found = connection.getresponse()
            return found.status, found.read().decode("utf-8")
        finally:
            connection.close()

    def says(self, what: str, text: Any, **headers: str) -> tuple[int, dict[str, Any]]:
        code, found = self.ask("POST", f"/api/{what}", json.dumps({"text": text}), {**JSON, **headers})
        said: dict[str, Any] = json.loads(found)
        return code, said


def started(folder: Path) -> Served:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [*INTERRUPTIBLE, "serve", str(folder), "--port", "0", "--seconds", str(SECONDS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("serving "), line + process.stdout.read()
    return Served(int(line.partition("127.0.0.1:")[2].partition("/")[0]), process)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("served") / "site"
    write_site(found, {"index.html": "<p>start", "layers/relu.html": "<p>relu", "assets/a.css": "p {}"})
    (found.parent / "secret.txt").write_text("secret")
    (found / "out.txt").symlink_to(found.parent / "secret.txt")
    (found / "out").symlink_to(found.parent)
    return found


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    found = started(folder)
    yield found
    found.process.send_signal(signal.SIGINT)
    said, _ = found.process.communicate(timeout=30)
    assert "Traceback" not in said
    assert found.process.returncode == 130


# ----- files ----------------------------------------------------------------------------------------------------------
def test_files_are_served_with_what_keeps_browsers_in(served: Served) -> None:
    assert served.ask("GET", "/") == (200, "<p>start")
    assert served.ask("GET", "/layers/relu.html")[0] == 200
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    connection.request("GET", "/assets/a.css")
    headers = dict(connection.getresponse().getheaders())
    connection.close()
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-type"].startswith("text/css")
    assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt", "/layers/../../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt",
        "//secret.txt", "/..\\secret.txt", "/%00", "/out.txt", "/out/secret.txt", "/etc/passwd", "//etc/passwd",
    ],
)  # fmt: skip
def test_nothing_beside_the_site_is_served(served: Served, path: str) -> None:
    code, text = served.ask("GET", path)
    assert code in (400, 404)
    assert "secret" not in text


def test_its_playground_asks_it(served: Served) -> None:
    code, page = served.ask("GET", "/playground/")
    assert (code, 'data-engine="server"' in page) == (200, True)
    for name in re.findall(r'(?:src|href)="(\w[\w./]+)"', page):
        assert served.ask("GET", f"/playground/{name}")[0] == 200, name
    assert served.ask("GET", "/playground/none.js")[0] == 404
    code, said = served.ask("POST", "/playground/api/check", json.dumps({"text": "y[n] = x[n"}), JSON)
    assert (code, json.loads(said)["error"]["column"]) == (200, 11)


# ----- who asks -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil", ""])
def test_other_names_of_this_machine_are_refused(served: Served, host: str) -> None:
    for method, path in (("GET", "/"), ("POST", "/api/answer")):
        code, text = served.ask(
            method, path, json.dumps({"text": CUBE}) if method == "POST" else None, {**JSON, "Host": host}
        )
        assert code == 400
        assert "start" not in text


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://127.0.0.1:{port}", "http://127.0.0.1:1", "null", ""]
)
def test_pages_of_others_are_refused(served: Served, origin: str) -> None:
    code, said = served.says("answer", CUBE, Origin=origin.format(port=served.port))
    assert code == 403
    assert said["error"]["message"] == "expected a request of this site's own pages"


def test_its_own_pages_are_answered(served: Served) -> None:
    for host in ("127.0.0.1", "localhost"):
        own = f"{host}:{served.port}"
        assert served.says("check", CUBE, Host=own, Origin=f"http://{own}") == (200, {})


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({}, '{"text": "y[n] = x[n]"}', 415),
        ({"Content-Type": "text/plain"}, '{"text": "y[n] = x[n]"}', 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "text=relu", 415),
        (JSON, "", 400),
        (JSON, "[", 400),
        (JSON, "[" * 100_000, 400),
        (JSON, "[]", 400),
        (JSON, "{}", 400),
        (JSON, '{"text": 3}', 400),
        (JSON, '{"text": "relu", "file": "x"}', 400),
        (JSON, '{"text": "relu", "language": ["ko"]}', 400),
        (JSON, '{"language": "ko"}', 400),
        (JSON, b'{"text": "\xff"}', 400),
        (JSON, json.dumps({"text": "x" * LARGEST}), 413),
    ],
)
def test_what_is_no_text_is_refused(served: Served, headers: dict[str, str], body: Any, code: int) -> None:
    found, said = served.ask("POST", "/api/answer", body, headers)
    assert found == code
    assert json.loads(said)["error"]["message"].startswith("expected ")


# ----- texts ----------------------------------------------------------------------------------------------------------
def test_an_answer_is_that_of_the_playground(served: Served) -> None:
    assert served.says("answer", CUBE) == (200, answer(CUBE))
    code, said = served.says("check", "y[n] = x[n")
    assert (code, said["error"]["line"], said["error"]["column"]) == (200, 1, 11)


def test_an_answer_is_in_the_language_that_is_asked_for(served: Served) -> None:
    for path in ("answer", "check"):
        code, said = served.ask("POST", f"/api/{path}", json.dumps({"text": "relu", "language": "ko"}), JSON)
        assert (code, json.loads(said)) == (200, answer("relu", "ko") if path == "answer" else {})
        code, said = served.ask("POST", f"/api/{path}", json.dumps({"text": "relu", "language": "kr"}), JSON)
        assert (code, "unknown language 'kr'; expected one of en, ko" in said) == (400, True)


@pytest.mark.parametrize(
    "text", ["mine.eq", "mine.net", "mine.py:layer", "../site/mine.eq", "/etc/passwd", "file:///etc/passwd"]
)
def test_a_text_is_never_a_file(served: Served, folder: Path, text: str) -> None:
    code, said = served.says("answer", text)
    assert code == 200
    assert said["error"]["message"].startswith(("unknown layer", "line"))


def test_a_slow_text_is_stopped_and_others_are_answered_meanwhile(served: Served) -> None:
    start = time.monotonic()
    with ThreadPoolExecutor(4) as threads:
        slow = [threads.submit(served.says, "answer", SLOW) for _ in range(2)]
        quick = [threads.submit(served.says, "answer", CUBE) for _ in range(2)]
        assert all(found.result()[0] == 200 and not slow[0].done() for found in quick)
        for found in slow:
            code, said = found.result()
            assert (code, said["error"]["message"]) == (200, f"stopped after {SECONDS} s: the text is too much")
    assert time.monotonic() - start < 10 * SECONDS
    assert served.says("check", CUBE) == (200, {})


def test_who_has_left_is_worked_for_no_longer(served: Served) -> None:
    body = json.dumps({"text": SLOW}).encode()
    lines = "POST /api/answer HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {JSON['Content-Type']}"
    head = "\r\n".join((*lines, f"Content-Length: {len(body)}", "", ""))
    for _ in range(8):  # more than are worked on at once
        with socket.create_connection(("127.0.0.1", served.port)) as asked:
            asked.sendall(head.encode() + body)
            time.sleep(0.1)
    start = time.monotonic()
    assert served.says("check", CUBE) == (200, {})
    assert time.monotonic() - start < SECONDS
