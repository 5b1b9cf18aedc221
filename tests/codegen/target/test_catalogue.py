"""What stands beside modules in memory: the catalogue's runtime, or a copy of it where that is of other templates."""

from pathlib import Path

import numpy as np
import pytest

import gradscribe
from gradscribe import generated
from gradscribe.codegen import driver
from gradscribe.generated import runtime as rt

PRODUCT = "y[n,k] = sum(c) x[n,c]*w[c,k]\nweight w"


def test_the_settings_of_the_catalogue_are_in_force() -> None:
    kernels = gradscribe.layer(PRODUCT, "product").compile()
    with generated.settings(accuracy="strict", threads=1) as wanted:
        assert kernels.rt.current() == wanted


def test_a_catalogue_of_other_templates_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One file that differs is enough: no runtime is put together of two."""
    found = driver._in_catalogue

    def all_but_one(path: str, text: str) -> Path | None:
        return None if path == "runtime/layers/layer.py" else found(path, text)

    monkeypatch.setattr(driver, "_in_catalogue", all_but_one)
    modules = driver.shared.__wrapped__()
    own = modules["runtime.__init__"]
    assert own.__name__ != rt.__name__
    assert all(module.__name__.startswith(own.__name__) for module in modules.values())
    with generated.settings(accuracy="strict"):
        assert own.current().accuracy == "fast"
    np.testing.assert_array_equal(own.total(np.ones((2, 3)), 1), [3, 3])
