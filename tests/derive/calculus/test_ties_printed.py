"""Ties of a maximum or minimum as they are printed and planned, and as the command line takes them."""

from pathlib import Path

import pytest
from sympy import IndexedBase

from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.lower import lower
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.layer.equations import Minimum
from gradscribe.derive.typeset.writers.latex import latex_writer
from gradscribe.derive.typeset.writers.text import text_writer
from tests.codegen.tool.cli.running import is_a_mistake, run
from tests.derive.calculus.tied import N, a, e, line, n, plain


@pytest.mark.parametrize("policy", ["first", "split"])
def test_derivations_are_certified(policy: str) -> None:
    for layer in (LAYERS["max_pool2d"]().with_ties(policy), line(Minimum).with_ties(policy)):
        certificate = certify(derive(layer))
        assert certificate.holds, certificate
        assert certificate.rows >= 5


def test_printed_derivation() -> None:
    derivation = derive(LAYERS["max_pool2d"]().with_ties("split"))
    shown = text_writer.render(derivation)
    assert "each has an equal share in the gradient" in " ".join(shown.split())
    assert "argmax" not in shown
    assert "[x[n′,i′,j′,c′]=y[n′, (i′+p−dr)/s, (j′+p−dt)/s, c′]]" in shown
    assert "δ⁽ˡ⁻¹⁾ = f′(u⁽ˡ⁻¹⁾) ⊙ ∂E/∂x" in shown
    assert "An access outside x" not in shown  # the padding is excluded, it does not read 0
    assert all(len(row) <= 112 for row in shown.splitlines())
    written = latex_writer.render(derivation)
    assert r"\frac{1}{\mathrm{count}_{" in written
    assert r"[x_{n',i',j',c'}=y_{" in written


def test_a_minimum_is_printed_as_one() -> None:
    derivation = derive(line(Minimum))
    assert "y[m] = min_{r} x[sm+dr−p]   over 0≤sm+dr−p<N" in text_writer.render(derivation)
    assert "r* is the place of the minimum, of several the first one." in text_writer.render(derivation)
    assert r"\min_{r}\,x_{s m+d r-p}" in latex_writer.render(derivation)


def test_plans_name_the_reduction() -> None:
    layer = plain(Minimum, IndexedBase("y", shape=(N,))[n], a[n, e], e)
    shown = str(plan(kernels(layer)[0]))
    assert "define y = min of x[n, e]" in shown
    shown = str(lower(line(Minimum).program, "line", ["x"]))
    assert "reduce y = min of x_1, first position in arg_y" in shown


def test_the_command_line_takes_the_policy(tmp_path: Path) -> None:
    shown = run("derive", "max_pool2d", "--ties", "split")
    assert "each has an equal share in the gradient" in " ".join(shown.out.split())
    assert run("derive", "max_pool2d", "--ties", "first").out == run("derive", "max_pool2d").out
    assert run("generate", "max_pool2d", "--ties", "split", "--out", str(tmp_path)).code == 0
    assert "return y, count" in (tmp_path / "max_pool2d.py").read_text(encoding="utf-8")
    assert run("generate", "max_pool2d", "--out", str(tmp_path), "--check").code == 1
    assert run("generate", "max_pool2d", "--ties", "split", "--out", str(tmp_path), "--check").code == 0
    assert run("verify", "max_pool2d", "--ties", "split", "--shapes", "2").code == 0


@pytest.mark.parametrize(("layer", "policy"), [("dense", "split"), ("max_pool2d", "both")])
@pytest.mark.parametrize("command", ["derive", "generate", "verify"])
def test_the_command_line_refuses(command: str, layer: str, policy: str) -> None:
    done = run(command, layer, "--ties", policy)
    is_a_mistake(done)
    assert done.err.startswith(f"gradscribe: {layer}")
