"""`gradscribe verify`: figures for all that is right, and what is broken is found."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gradscribe.codegen.driver import compile_layer
from gradscribe.derive.layer.interface import Layer
from tests.codegen.tool.cli.running import Command, is_a_mistake


def test_verify_prints_figures(gradscribe: Command) -> None:
    done = gradscribe("verify", "dense", "tanh", "--shapes", "3")
    assert done.code == 0
    for word in ("dense_forward", "dense_grad_bias", "tanh_grad_input", "e-"):
        assert word in done.out
    for word in ("row before, exact", "the interpreter", "its box", "differences"):
        assert word in done.out
    assert "FAILED" not in done.out


def test_verify_a_layer_of_ones_own(gradscribe: Command, own_file: Path) -> None:
    done = gradscribe("verify", f"{own_file}:cube", "--shapes", "3")
    assert done.code == 0
    assert "cube_grad_input" in done.out


def broken(change: Callable[[Any], Any]) -> Callable[[Layer, int], ModuleType]:
    """Compile a layer, then spoil the result of its gradient of x."""

    def compiled(layer: Layer, order: int) -> ModuleType:
        module = compile_layer(layer, order)
        name = f"{layer.name}_grad_input"
        right = getattr(module, name)
        setattr(module, name, lambda *values, **options: change(right(*values, **options)))
        return module

    return compiled


@pytest.mark.parametrize(
    "change",
    [lambda dx: dx * (1 + 1e-6), lambda dx: dx + 1e-6, lambda dx: dx * float("nan"), lambda dx: dx[..., None]],
    ids=["scaled", "shifted", "nan", "shape"],
)
def test_verify_finds_a_broken_kernel(
    gradscribe: Command, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]
) -> None:
    monkeypatch.setattr("gradscribe.codegen.tool.verify.compile_layer", broken(change))
    done = gradscribe("verify", "dense", "--shapes", "3")
    assert done.code == 1
    lines = [line.split() for line in done.out.splitlines() if "dense_" in line]
    assert {line[0] for line in lines if "FAILED" in line} == {"dense_grad_input"}


def test_verify_refuses(gradscribe: Command) -> None:
    is_a_mistake(gradscribe("verify", "denze"), "did you mean dense?")
    is_a_mistake(gradscribe("verify", "dense", "--shapes", "0"), "--shapes")


def test_second_order_is_derived_generated_and_verified(gradscribe: Command, tmp_path: Path) -> None:
    done = gradscribe("derive", "tanh", "--order", "2")
    assert "│ ∂S/∂x[e] = −2 δ[e] ẋ[e] y[e] (1−y[e]²)" in done.out
    assert gradscribe("generate", "tanh", "--out", tmp_path / "twice", "--order", "2").code == 0
    assert "def tanh_double_backward(ddx: Any, dy: Any, y: Any)" in (tmp_path / "twice" / "tanh.py").read_text("utf-8")
    assert gradscribe("generate", "tanh", "--out", tmp_path / "twice", "--order", "2", "--check").code == 0
    assert gradscribe("generate", "tanh", "--out", tmp_path / "twice", "--check").code == 1
    done = gradscribe("verify", "tanh", "--order", "2", "--shapes", "2")
    assert done.code == 0
    assert all(word in done.out for word in ("order 2", "tanh_double_backward", "tanh_hessian_vector"))
    is_a_mistake(gradscribe("derive", "tanh", "--order", "3"), "--order")
