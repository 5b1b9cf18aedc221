"""Powers with an index as exponent: values, as in positional encodings; no subscripts."""

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.language import LanguageError


def test_a_positional_encoding() -> None:
    text = "y[n,c,l] = sin(pi * x[n,c] * 2^l) + 10000^(-2*l/L); l < 4"
    layer = gradscribe.layer(text, "encoded")
    assert all(line.passed for line in verify_layer(layer, shapes=2, order=2))
    module, x = layer.compile(), np.random.default_rng(0).normal(size=(3, 2))
    powers = 2.0 ** np.arange(4)
    expected = np.sin(np.pi * x[..., None] * powers) + 10000 ** (-2 * np.arange(4) / 4)
    np.testing.assert_allclose(module.encoded_forward(x), expected, rtol=1e-12)
    dx = module.encoded_grad_input(np.ones((3, 2, 4)), x)
    np.testing.assert_allclose(dx, (np.pi * powers * np.cos(np.pi * x[..., None] * powers)).sum(-1), rtol=1e-12)
    assert module.encoded_forward(x.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("text", ["y[n,g] = x[n, 2^g]; g < 3", "y[2^g] = x[g]", "y[n,g] = [n < 2^g] x[n]; g < 3"])
def test_a_subscript_has_whole_powers(text: str) -> None:
    with pytest.raises(
        LanguageError, match=r"line 1, column \d+: expected a power from 0 to 8; another power is a value"
    ):
        gradscribe.layer(text)


def test_what_the_message_says_to_write() -> None:
    module = gradscribe.layer("y[n,g] = x[n, floor(2^g)]; g < 3; input x[N,M]", "read").compile()
    x = np.arange(10.0).reshape(2, 5)
    y, *_ = module.read_forward(x)
    np.testing.assert_array_equal(y, x[:, [1, 2, 4]])
