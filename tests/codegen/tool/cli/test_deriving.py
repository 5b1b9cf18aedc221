"""`gradscribe derive`: layers in every format, specialised, to a file; what it refuses."""

from pathlib import Path

import pytest

from tests.codegen.tool.cli.running import Command, is_a_mistake


@pytest.mark.parametrize(
    ("form", "start"),
    [("text", ""), ("latex", "\\documentclass"), ("markdown", "#")],
    ids=["text", "latex", "markdown"],
)
def test_derive_in_every_format(gradscribe: Command, form: str, start: str) -> None:
    done = gradscribe("derive", "dense", "--format", form)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(start)
    assert done.out.endswith("\n")
    assert not done.out.endswith("\n\n")


def test_derive_prints_text_when_nothing_else_is_said(gradscribe: Command) -> None:
    assert gradscribe("derive", "tanh").out == gradscribe("derive", "tanh", "--format", "text").out


@pytest.mark.parametrize("option", ["-o", "--output"])
def test_derive_to_a_file(gradscribe: Command, tmp_path: Path, option: str) -> None:
    done = gradscribe("derive", "dense", option, "dense.txt")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert (tmp_path / "dense.txt").read_text(encoding="utf-8") == gradscribe("derive", "dense").out


def test_derive_by_some_tensors(gradscribe: Command) -> None:
    whole = gradscribe("derive", "dense").out
    weights = gradscribe("derive", "dense", "--wrt", "w, b").out
    assert len(weights) < len(whole)
    assert gradscribe("derive", "dense", "--wrt", "x,w,b").out == whole


def test_derive_with_settings(gradscribe: Command) -> None:
    general = gradscribe("derive", "conv2d", "--wrt", "x").out
    special = gradscribe("derive", "conv2d", "--wrt", "x", "--set", "stride=1", "--set", "padding=0").out
    assert gradscribe("derive", "conv2d", "--wrt", "x", "--set", "stride=1, padding=0").out == special
    assert "full convolution of δ" in special
    assert "between the elements" not in special
    assert "δ↑s" not in special
    assert "zeros between the elements of δ" in " ".join(general.replace("│", " ").split())
    assert "δ↑s ∗ w↑d" in general


def test_derive_a_layer_of_ones_own(gradscribe: Command, own_file: Path) -> None:
    done = gradscribe("derive", f"{own_file}:cube")
    assert done.code == 0
    assert "3" in done.out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["conv2"], ["unknown layer 'conv2'", "did you mean conv2d?"]),
        (["xyzzy"], ["unknown layer 'xyzzy'", "expected a name that `gradscribe list` shows"]),
        (["CONV2D"], ["unknown layer 'CONV2D'", "did you mean conv2d?"]),
        (["Conv2D"], ["unknown layer 'Conv2D'", "did you mean conv2d?"]),
        (["dense", "--format", "pdf"], ["unknown format 'pdf'", "text, latex, markdown\n"]),
        (["dense", "--format", "Markdwon"], ["unknown format 'Markdwon'", "did you mean markdown?"]),
        (["dense", "--form", "matrx"], ["unknown form 'matrx'", "did you mean matrix?"]),
        (["max_pool2d", "--form", "matrix"], ["max_pool2d", "no equation is a product of two matrices"]),
        (["dense", "--wrt", "q"], ["respect to", "q", "x, w, b"]),
        (["dense", "--wrt", "x,,w"], ["respect to", "x, w, b"]),
        (["softmax_cross_entropy", "--wrt", "t"], ["respect to", "t", "expected one of x"]),
        (["conv2d", "--set", "stride"], ["--set stride", "NAME=VALUE"]),
        (["conv2d", "--set", "=1"], ["--set =1", "NAME=VALUE"]),
        (["conv2d", "--set", "strid=1"], ["conv2d", "'strid'", "stride"]),
        (["conv2d", "--set", "stride=0"], ["conv2d", "stride", "0"]),
        (["conv2d", "--set", "stride=1.5"], ["conv2d", "stride", "1.5"]),
        (["conv2d", "--set", "padding=-1"], ["conv2d", "padding", "-1"]),
        (["conv2d", "--set", "stride=__import__('os')"], ["conv2d", "stride"]),
        (["dense", "--set", "stride=1"], ["dense", "'stride'"]),
        (["dense", "-o", "missing/dense.txt"], ["missing/dense.txt"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_derive_refuses(gradscribe: Command, arguments: list[str], parts: list[str]) -> None:
    is_a_mistake(gradscribe("derive", *arguments), *parts)
