"""Files of equations that include definitions: of their folder only, each once, no cycles, no strangers."""

from pathlib import Path

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.tool.finding.find import find_any, find_text
from gradscribe.derive.language import LanguageError


def written(folder: Path, **texts: str) -> Path:
    """Files by stem; `_` in a name stands for a folder. The path of the first one."""
    for name, text in texts.items():
        path = folder / f"{name.replace('_', '/')}.eq"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / f"{next(iter(texts))}.eq"


def test_definitions_of_included_files_are_used(tmp_path: Path) -> None:
    main = written(
        tmp_path,
        main='include "blocks.eq"; include "sub/more.eq"\ny[n,k] = attend(x[n,k], k) + twice(x[n,k])',
        blocks='# blocks\ninclude "sub/more.eq"\ndefine attend(s, k) = softmax(twice(s), k)',
        sub_more='include "../sub/least.eq"; define twice(s) = 2 * one(s)',
        sub_least="define one(s) = s",
    )
    x = np.random.default_rng(0).normal(size=(3, 4))
    found, *_ = compile_layer(find_any(str(main))).main_forward(x)
    e = np.exp(2 * x)
    np.testing.assert_allclose(found, e / e.sum(1, keepdims=True) + 2 * x)


WRONG = [
    ({"main": 'y[n] = x[n]\ninclude "none.eq"'}, "main.eq:2:1: ", "none.eq: no such file"),
    ({"main": 'include "main.eq"; y[n] = x[n]'}, "main.eq:1:1: ", "'main.eq' includes itself"),
    (
        {"main": 'include "a.eq"; y[n] = x[n]', "a": 'include "b.eq"', "b": '\n include "a.eq"'},
        "b.eq:2:2: ",
        "'a.eq' includes itself",
    ),
    ({"main": 'include "../out.eq"; y[n] = x[n]'}, "main.eq:1:1: ", "'../out.eq' is not in the folder of 'main.eq'"),
    ({"main": 'include "/etc/passwd.eq"; y[n] = x[n]'}, "main.eq:1:1: ", "is not in the folder of 'main.eq'"),
    ({"main": 'include "/etc/passwd"; y[n] = x[n]'}, "main.eq:1:1: ", "'/etc/passwd' is no file of definitions"),
    (
        {"main": 'include "s/a.eq"; y[n] = x[n]', "s_a": 'include "../../out.eq"'},
        "a.eq:1:1: ",
        "'../../out.eq' is not in the folder of 'main.eq'",
    ),
    ({"main": 'include "a.eq"; y[n] = x[n]', "a": "y[n] = x[n]"}, "a.eq:1:1: ", "has definitions only"),
    ({"main": 'include "a.eq"; y[n] = x[n]', "a": "define f(s) = g(s)"}, "a.eq:1:15: ", "unknown function g"),
    ({"main": 'include "a.eq"; y[n] = x[n]', "a": "define f(s) = (s"}, "a.eq:1:17: ", "expected )"),
    (
        {"main": 'include "a.eq"\ndefine f(s) = 2\ny[n] = x[n]', "a": "define f(s) = s"},
        "main.eq:2:8: ",
        "f is defined twice",
    ),
    ({"main": 'include "a.eq"\ny[n] = f(x[n], n)', "a": "define f(s) = s"}, "main.eq:2:8: ", "f takes 1 argument"),
    (
        {"main": 'include "a.eq"\ny[n] = f(x[n]) x[n]', "a": "define f(s) = s"},
        "main.eq:2:8: ",
        "stands before a factor",
    ),
]


@pytest.mark.parametrize(("texts", "place", "message"), WRONG, ids=[message for *_, message in WRONG])
def test_a_mistake_is_one_line_and_a_caret(tmp_path: Path, texts: dict[str, str], place: str, message: str) -> None:
    (tmp_path / "out.eq").write_text("define f(s) = s", encoding="utf-8")
    main = written(tmp_path / "own", **texts)
    with pytest.raises(LanguageError) as error:
        find_any(str(main))
    first, _, caret = str(error.value).split("\n")
    assert message in first
    assert place in first
    assert caret.lstrip().startswith("^")


def test_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "out.eq").write_text("define f(s) = s", encoding="utf-8")
    main = written(tmp_path / "own", main='include "link.eq"; y[n] = f(x[n])')
    (tmp_path / "own/link.eq").symlink_to(tmp_path / "out.eq")
    with pytest.raises(LanguageError, match=r"'link.eq' is not in the folder of 'main.eq'"):
        find_any(str(main))


def test_many_files_are_refused(tmp_path: Path) -> None:
    chain = {f"f{k}": f'include "f{k + 1}.eq"' for k in range(30)}
    main = written(tmp_path, **{**chain, "f0": 'include "f1.eq"; y[n] = x[n]'})
    with pytest.raises(LanguageError, match=r"f20\.eq:1:1: more than 20 files are included"):
        find_any(str(main))


def test_texts_of_strangers_include_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, blocks="define f(s) = s")
    text = 'include "blocks.eq"; y[n] = f(x[n])'
    for read in (find_text, find_any, gradscribe.layer):
        with pytest.raises(LanguageError, match=r"^line 1, column 1: include stands in files only;"):
            read(text)
