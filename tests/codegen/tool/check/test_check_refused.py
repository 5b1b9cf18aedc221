"""`gradscribe check`: what cannot be checked is refused in one line that says what was expected."""

import sys
from typing import Any

import numpy as np
import pytest

from gradscribe.codegen.tool.check import CheckError, check
from gradscribe.derive.ir.term import EquationError
from tests.cases.thorough import draws

EXAMPLES = draws(8, 30)


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (lambda dy, cache: dy, {}, "parameter 'cache' is unknown for conv2d; expected some of dy, x, w, b, u, x_shape"),
        (lambda stride: stride, {}, "takes no array; expected some of dy, x"),
        (lambda dy, x: None, {}, "returns nothing; expected dx, dw, db"),
        (lambda dy, x: (x,) * 4, {}, "returns 4 results, expected at most 3: dx, dw, db; name them by --returns"),
        (lambda dy, x: {"dz": x}, {}, "returns a dict with 'dz'; expected one of dx, dw, db"),
        (lambda dy, x: x, {"returns": "dx,dq"}, "--returns dq: expected one of dx, dw, db"),
        (lambda dy, x: x, {"returns": "dx,x"}, "names a gradient twice"),
        (lambda dy, x: x, {"layout": "NCHW"}, "unknown layout 'NCHW'; expected one of channels-last, channels-first"),
        (lambda dy, x: x, {"axes": 2}, "--axes 2: expected 1"),
        (lambda dy, x: x, {"settings": {"stide": "2"}}, "unknown setting 'stide'"),
        (lambda dy, x: x, {"examples": 0}, "examples is 0; expected at least 1"),
        (dict, {}, "expected a Python function"),
        (lambda dy, x: x, {"settings": {"R": "50"}}, "conv2d: no admissible sizes found"),
    ],
)
def test_a_function_that_does_not_fit_is_one_line(function: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(EquationError) as caught:
        check(function, "conv2d", **{"examples": 5, **options})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_option_without_default_must_be_taken_or_set() -> None:
    with pytest.raises(CheckError, match="kernel_size has no default; expected the function to take it, or --set"):
        check(lambda dy, x: x, "max_pool2d")


def test_a_layer_without_images_has_no_layout() -> None:
    with pytest.raises(CheckError, match="tanh: has no images"):
        check(lambda dy, y: dy, "tanh", layout="channels-first")


def test_chance_is_recognised() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(CheckError, match="different results for the same arguments"):
        check(lambda dy, y: rng.normal() * dy * (1 - y**2), "tanh", examples=EXAMPLES)


def test_without_hypothesis_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(CheckError, match=r"needs hypothesis: pip install hypothesis$"):
        check(lambda dy, y: dy, "tanh")
