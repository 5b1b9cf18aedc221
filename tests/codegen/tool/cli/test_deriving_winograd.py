"""`gradscribe derive winograd`: fast correlations, which have options of their own."""

from pathlib import Path

import pytest

from tests.codegen.tool.cli.running import OWN, Command, is_a_mistake

FAST = ("derive", "winograd", "--m", "2", "--r", "3")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("form", "start"), [("text", "F(2×2, 3×3): "), ("latex", "\\documentclass"), ("markdown", "# F(2×2, 3×3): ")]
)
def test_derive_winograd_in_every_format(gradscribe: Command, form: str, start: str) -> None:
    done = gradscribe(*FAST, "--format", form)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(start)
    assert "Proved in symbols: the outputs of F(2, 3), expanded, are those of the correlation" in " ".join(
        done.out.split()
    )


def test_derive_winograd_at_points_of_ones_own(gradscribe: Command, tmp_path: Path) -> None:
    own = (*FAST, "--dims", "1", "--points", "-1/2, oo, 0, 2")
    done = gradscribe(*own)
    assert gradscribe(*own, "-o", "fast.txt").out == ""
    assert (tmp_path / "fast.txt").read_text(encoding="utf-8") == done.out
    assert done.code == 0
    assert done.out.startswith("F(2, 3): ")
    assert [line.split()[1] for line in done.out.splitlines() if line[2:3] in "0123" and line[3:4] == " "] == [
        "−1/2", "∞", "0", "2"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["winograd"], ["winograd: --m is missing", "--m 4 --r 3"]),
        (["winograd", "--m", "4"], ["winograd: --r is missing"]),
        ([*FAST[1:], "--format", "pdf"], ["unknown format 'pdf'"]),
        ([*FAST[1:], "--wrt", "g"], ["--wrt g: winograd has no such option", "--points"]),
        ([*FAST[1:], "--set", "stride=2"], ["--set stride=2: winograd has no such option"]),
        ([*FAST[1:], "--ties", "split"], ["--ties split: winograd has no such option"]),
        ([*FAST[1:], "--order", "2"], ["--order 2: winograd has no such option"]),
        ([*FAST[1:], "--dims", "3"], ["F(2, 3): expected 1 axis or 2", "3"]),
        ([*FAST[1:], "--points", "0,1,oo"], ["F(2, 3): expected m + r - 1 = 4 points, received 3"]),
        ([*FAST[1:], "--points", "0,1,1,oo"], ["F(2, 3): expected different points, received 1 twice"]),
        ([*FAST[1:], "--points", "0,1,pi,oo"], ["point 'pi'; expected an integer or a fraction"]),
        ([*FAST[1:], "--points", ""], ["point ''"]),
        (["winograd", "--m", "0", "--r", "3"], ["F(0, 3): expected m of at least 1, received 0"]),
        (["winograd", "--m", "4", "--r", "-1"], ["F(4, -1): expected r of at least 1, received -1"]),
        (["winograd", "--m", "10000000", "--r", "3"], ["F(10000000, 3): expected m + r - 1 of at most 16"]),
        (["dense", "--m", "4"], ["--m 4: dense has no such option", "winograd"]),
        (["sgd", "--points", "0"], ["--points 0: sgd has no such option"]),
        (["winograd2", "--m", "4"], ["--m 4: winograd2 has no such option"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_derive_winograd_refuses(gradscribe: Command, arguments: list[str], parts: list[str]) -> None:
    is_a_mistake(gradscribe("derive", *arguments), *parts)


def test_the_help_names_winograd_and_its_options(gradscribe: Command) -> None:
    done = gradscribe("derive", "--help")
    assert "winograd (the fast correlation F(m, r));" in " ".join(done.out.split())
    assert all(option in done.out for option in ("--m ", "--r ", "--points", "--dims"))


def test_a_layer_of_ones_own_may_be_called_winograd(gradscribe: Command, own_file: Path, tmp_path: Path) -> None:
    own_file.write_text(OWN.replace("def cube", "def winograd"), encoding="utf-8")
    (tmp_path / "winograd.eq").write_text("winograd[n] = d[n]^2", encoding="utf-8")
    for name in ("winograd.eq", f"{own_file}:winograd"):
        done = gradscribe("derive", name)
        assert (done.code, done.err) == (0, "")
        assert "Vandermonde" not in done.out
