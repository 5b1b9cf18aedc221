"""Powers of numbers in an equation are numbers, whatever their sign."""

import numpy as np
import pytest

import gradscribe
from gradscribe.derive.ir.interpret import interpret


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(-1.5)^2", 2.25),
        ("(-1.5)^3", -3.375),
        ("(-0.5)^(-2)", 4.0),
        ("(-2)^3", -8.0),
        ("0.5^2", 0.25),
        ("2^0.5", 2**0.5),
        ("1.5^(-1)", 1 / 1.5),
        ("2000^2", 4e6),
        ("(-2000)^3", -8e9),
    ],
)
def test_a_power_of_numbers(text: str, value: float) -> None:
    program = gradscribe.layer(f"y[i] = x[i] * {text}").program
    x = np.array([1.0, -3.0])
    (extent,) = program.inputs[0].shape
    np.testing.assert_allclose(interpret(program, {"x": x}, {extent: 2})["y"], value * x, rtol=1e-14)
