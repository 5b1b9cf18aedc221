"""The code that a run ends with is the same for the same thing, whichever command it was."""

import sys
from collections.abc import Callable
from errno import ENOSPC, EPIPE
from pathlib import Path
from typing import Any

import pytest
import typer

from gradscribe.codegen.tool.cli.run import COMMANDS, DONE, FAILED, INTERRUPTED, NO, UNREAD
from gradscribe.codegen.tool.verify import TOLERANCES
from tests.codegen.tool.cli.running import Command, is_a_mistake, run_apart

SLOPES = "def right(dy, y): return dy*(1 - y**2)\ndef wrong(dy, y): return dy*(1 - y)\n"
CHECK = ("--layer", "tanh", "--examples", "5")
YES = [
    "", "--help", "-V", "list", "list relu", "list relu --json", "derive relu", "derive sgd -o sgd.txt",
    "derive winograd --m 2 --r 3 --dims 1", "page relu sgd -o pages",
    "derive relu --lang ko", "derive convolution --lang ko", "page relu --lang ko -o pages", "picture lenet5",
    "picture conv2d", "picture conv2d --of dx --at i=1 -o dx.svg", "picture softmax --of dx.closed",
    "book relu sgd -o book.tex",
    "site relu -o site", "serve --help",
    "generate relu --out out", "verify relu --shapes 1",
    "explain relu --shape x=4", "explain relu --rewrites",
    "explain simple_rnn --shape x=2,6,3 --shape h0=2,4 --checkpoint 2", "generate simple_rnn --out out --checkpoint 4",
    f"check slopes.py:right {' '.join(CHECK)}", "completion bash", "doctor",
    "compile relu --shape x=4", "tune relu --shape x=4",
]  # fmt: skip
WRONG = [
    *("unknown", "--unknown", "list --unknown", "list conv2", "list --json conv2", "list no.eq"),
    *("derive", "derive conv2", "derive no.eq", "derive broken.eq", "derive broken.net", "derive broken.py:f"),
    *("derive relu --unknown", "derive relu --format pdf", "derive relu --order 3", "derive relu --order two"),
    *("derive relu --set a", "derive relu --wrt q", "derive relu --ties third", "derive relu -o no/relu.txt"),
    *("derive winograd", "derive relu --m 2", "derive winograd --m 2 --r 3 --points 0"),
    *("derive relu --lang kr", "derive convolution --lang kr", "derive winograd --m 2 --r 3 --lang kr"),
    *("page relu --lang", "page relu --lang kr -o pages", "site relu --lang kr"),
    *("page", "page conv2", "page broken.eq", "page relu conv2", "page relu --unknown", "page relu -o slopes.py"),
    *("page relu -o others", "page broken.net", "page relu --seconds 0", "page relu --seconds soon"),
    *("site conv2", "site no.eq", "site broken.eq", "site broken.net", "site relu -o others", "site --unknown"),
    *("site relu -o slopes.py", "serve no", "serve others", "serve slopes.py", "serve --port 65536", "serve --unknown"),
    *("picture", "picture conv2", "picture broken.eq", "picture sgd"),
    *("picture relu --of q", "picture relu --at q=1", "picture relu --at e=99", "picture relu --at e=-1"),
    *("picture relu --at e", "picture relu -o relu.png", "picture relu --set stride=2", "picture relu --unknown"),
    *("book conv2", "book broken.eq", "book broken.net", "book relu -o relu.txt", "book relu -o others/book.tex"),
    *("book relu --letters e=m", "book relu --form rows", "book --unknown", "book relu -o no/book.tex"),
    *("picture lenet --at i=1", "picture lenet --of q", "picture lenet5 --of c1_u", "picture relu --of dx.closed"),
    *("generate conv2", "generate no.net", "generate broken.eq", "generate relu --out slopes.py"),
    *("generate relu --out others", "generate relu --ties third", "generate relu --unknown", "generate --order 0"),
    *("generate relu --check --out slopes.py", "generate conv2 --check"),
    *("verify conv2", "verify sgd", "verify broken.eq", "verify relu --shapes 0", "verify relu --unknown"),
    *("explain", "explain conv2", "explain sgd", "explain relu", "explain relu --shape x", "explain relu --unknown"),
    *("explain relu --shape x=4 --checkpoint 2", "generate relu --out out --checkpoint 4"),
    *("generate simple_rnn --checkpoint 0", "generate simple_rnn --checkpoint k", "generate lenet --checkpoint 4"),
    *("generate simple_rnn --backend c --checkpoint 4", "generate simple_rnn --order 2 --checkpoint 4"),
    *("explain conv2 --rewrites", "explain lenet --rewrites", "explain broken.eq --rewrites"),
    *("explain relu --shape x=4 --dtype int8", "explain relu --shape x=4 --backend gpu", "explain broken.net"),
    *("compile relu", "compile conv2", "compile --set stride=1", "compile relu --shape x", "compile relu --unknown"),
    *("compile relu --shape x=4 --dtype int8", "compile relu --shape x=4 --accuracy none", "compile broken.net"),
    *("tune", "tune relu", "tune conv2", "tune relu --shape x=4 --dtype int8", "tune relu --shape x=4 --threads 0"),
    *("check", "check slopes.py:right", "check slopes.py:none --layer tanh", "check slopes.py:right --layer tanhh"),
    *("check slopes.py:right --layer tanh --examples 0", "check slopes.py:right --layer broken.eq"),
    *("check slopes.py:right --layer tanh --layout rows", "check slopes.py:right --layer tanh --bind y"),
    *("completion", "completion tcsh", "completion bash --unknown", "doctor relu", "doctor --unknown"),
]


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "slopes.py").write_text(SLOPES, encoding="utf-8")
    (tmp_path / "broken.eq").write_text("y[n] = x[n", encoding="utf-8")
    (tmp_path / "broken.net").write_text("tanh -> ", encoding="utf-8")
    (tmp_path / "broken.py").write_text("1 / 0", encoding="utf-8")
    (tmp_path / "others").mkdir()
    (tmp_path / "others/relu.py").write_text("mine = 1\n", encoding="utf-8")
    (tmp_path / "others/book.tex").write_text("\\documentclass{book}\n", encoding="utf-8")
    (tmp_path / "others/relu.html").write_text("<!doctype html>mine\n", encoding="utf-8")


def raising(error: BaseException) -> Callable[..., Any]:
    """A function in which something goes wrong."""

    def raises(*values: Any) -> Any:
        raise error

    return raises


@pytest.mark.parametrize("words", YES)
def test_what_is_done_ends_with_0(gradscribe: Command, words: str) -> None:
    done = gradscribe(*words.split())
    assert (done.code, done.err) == (DONE, "")
    assert done.out or "-o" in words


@pytest.mark.parametrize("words", WRONG)
def test_what_cannot_be_done_ends_with_2(gradscribe: Command, words: str) -> None:
    done = gradscribe(*words.split())
    assert (done.code, done.out) == (FAILED, "")
    assert done.err.startswith("gradscribe: ")
    assert "Traceback" not in done.err
    assert done.err.count("\n") == (3 if "broken.eq" in words else 1)  # a text is shown with a caret under its place


def test_both_tables_have_every_command() -> None:
    assert set(COMMANDS) <= {words.partition(" ")[0] for words in YES}
    assert set(COMMANDS) <= {words.partition(" ")[0] for words in WRONG}


def test_the_answer_no_ends_with_1(gradscribe: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gradscribe("check", "slopes.py:wrong", *CHECK)[::2] == (NO, "")
    assert gradscribe("generate", "relu", "--out", "out", "--check")[::2] == (NO, "")
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr("gradscribe.codegen.tool.verify.TOLERANCES", dict.fromkeys(TOLERANCES, -1.0))
    assert gradscribe("verify", "relu", "--shapes", "1")[::2] == (NO, "")


def test_a_package_that_is_not_there(gradscribe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    is_a_mistake(gradscribe("check", "slopes.py:right", *CHECK), "needs hypothesis: pip install hypothesis")


@pytest.mark.parametrize("error", [KeyboardInterrupt, typer.Abort])
def test_an_interrupt_is_no_answer(
    gradscribe: Command, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    monkeypatch.setattr("gradscribe.codegen.tool.cli.commands.derivations.deriving.find_any", raising(error()))
    assert gradscribe("derive", "relu") == (INTERRUPTED, "", "")


def test_a_reader_who_has_left_is_no_answer(gradscribe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "gradscribe.codegen.tool.cli.commands.derivations.deriving.find_any",
        raising(BrokenPipeError(EPIPE, "Broken pipe")),
    )
    assert gradscribe("derive", "relu") == (UNREAD, "", "")


@pytest.mark.parametrize("error", [RecursionError("deep"), MemoryError(), OSError(ENOSPC, "No space left on device")])
def test_what_the_system_refuses_is_a_mistake(
    gradscribe: Command, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("gradscribe.codegen.tool.cli.commands.derivations.deriving.find_any", raising(error))
    is_a_mistake(gradscribe("derive", "relu"))


def test_a_fault_of_ours_is_no_answer_and_shows_where_it_is(
    gradscribe: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradscribe.codegen.tool.cli.commands.verifying.find_all", raising(ZeroDivisionError("ours")))
    done = gradscribe("verify", "relu")
    assert (done.code, done.out) == (FAILED, "")
    assert "Traceback" in done.err
    assert done.err.endswith("gradscribe: this is a fault of gradscribe, not of what was asked; please report it\n")


def test_a_process_ends_with_the_code(tmp_path: Path) -> None:
    """With the answer no, test_check_calls.py has one."""
    is_a_mistake(run_apart(tmp_path, "derive", "conv2"), "did you mean conv2d?")
