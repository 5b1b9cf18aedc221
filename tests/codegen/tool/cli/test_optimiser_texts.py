"""Optimisers on the command line: they have equations and no gradient."""

from pathlib import Path

import pytest

from gradscribe.codegen.numpy.package.runtime import runtime_sources
from tests.codegen.tool.cli.running import GENERATED, Command, is_a_mistake


@pytest.mark.parametrize(
    ("form", "equation"),
    [
        ("text", "new_v[e] = μ v[e] + h[e]"),
        ("latex", r"\mathrm{new\_v}_{e} &= \mu\,v_{e}+h_{e}"),
        ("markdown", r"\mathrm{new\_v}_{e} &= \mu\,v_{e}+h_{e}"),
    ],
    ids=["text", "latex", "markdown"],
)
def test_derive_prints_the_equations_of_an_optimiser(gradscribe: Command, form: str, equation: str) -> None:
    done = gradscribe("derive", "sgd", "--format", form)
    assert (done.code, done.err) == (0, "")
    assert equation in done.out
    assert "Sutskever" in done.out
    assert "Nesterov" not in done.out  # an option is told once
    assert not any(word in done.out for word in ("rows evaluated", "from above", "\u2202", r"\partial"))


def test_a_bracket_does_not_touch_a_word_as_if_that_were_a_function(gradscribe: Command) -> None:
    assert r"\mathrm{nesterov}\,(h_{e}" in gradscribe("derive", "sgd", "--format", "latex").out


def test_an_optimiser_has_no_gradient(gradscribe: Command) -> None:
    is_a_mistake(gradscribe("derive", "adam", "--wrt", "p"), "adam", "--wrt p", "an optimiser has no gradient")
    is_a_mistake(gradscribe("verify", "adam"), "adam is an optimiser", "gradscribe derive adam")


def test_generate_an_optimiser(gradscribe: Command, own_file: Path, tmp_path: Path) -> None:
    done = gradscribe("generate", "sgd", f"{own_file}:descent", "dense", "--out", "out")
    assert (done.code, done.err) == (0, "")
    assert f"1 layer, 2 optimisers, {6 + len(runtime_sources())} files changed" in done.out
    assert (tmp_path / "out/sgd.py").read_bytes() == (GENERATED / "sgd.py").read_bytes()
    assert "class Descent(rt.Optimiser):" in (tmp_path / "out/descent.py").read_text(encoding="utf-8")
    gradscribe("generate", "tanh", "--out", "out")
    text = (tmp_path / "out/__init__.py").read_text(encoding="utf-8")
    assert all(f'"{name}",' in text for name in ("Dense", "Descent", "SGD", "Tanh"))
    assert gradscribe("generate", "sgd", "--out", "out", "--check").out == "out is fresh: 1 optimiser\n"
