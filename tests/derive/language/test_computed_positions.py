"""Positions that are the least or greatest of others, extents by their capitals, elements joined behind others."""

import numpy as np
import pytest

import gradscribe
from gradscribe.derive.derivation.certificate.certify import certify


def test_relative_positions_are_clipped() -> None:
    layer = gradscribe.layer("P = 2; i < 5; j < 6; y[i,j,d] = r[max(-P, min(j - i, P)) + P, d]", "clipped")
    r = np.random.default_rng(0).normal(size=(5, 3))
    places = np.clip(np.arange(6) - np.arange(5)[:, None], -2, 2) + 2
    module = layer.compile()
    np.testing.assert_array_equal(module.clipped_forward(r)[0], r[places])
    seeds = np.random.default_rng(1).normal(size=(5, 6, 3))
    expected = np.zeros_like(r)
    np.add.at(expected, places, seeds)
    instance = module.Clipped()
    instance(r)
    np.testing.assert_allclose(instance.backward(seeds), expected, rtol=1e-12)
    assert certify(layer.derivation(), 2).holds


def test_labels_are_clamped() -> None:
    text = "integer a; input x[L], a[K]; y[i] = sum(k) x[max(0, min(i + a[k], L - 1))]; i < L"
    layer = gradscribe.layer(text, "clamped")
    x, a = np.arange(5.0), np.array([-2, 0, 3])
    expected = x[np.clip(np.arange(5)[:, None] + a, 0, 4)].sum(1)
    found = layer.compile().clamped_forward(x, a)
    np.testing.assert_array_equal(found[0] if isinstance(found, tuple) else found, expected)


def test_a_capital_on_a_range_line_is_the_extent_of_its_index() -> None:
    layer = gradscribe.layer("y[n,k] = sum(i) x[n,i]*cos(pi*(2*i + 1)*k/(2*I)); k < I", "dct")
    assert not layer.options
    x = np.random.default_rng(2).normal(size=(2, 6))
    at = np.arange(6)
    np.testing.assert_allclose(layer.compile().dct_forward(x), x @ np.cos(np.pi * np.outer(2 * at + 1, at) / 12))


def test_elements_are_joined_behind_others() -> None:
    layer = gradscribe.layer("input x[N,C]; y[n,c] = x[n,c]; y[n,C] += 2; y[n,C+1] += x[n,0]", "joined")
    x = np.random.default_rng(3).normal(size=(2, 3))
    expected = np.concatenate([x, np.full((2, 1), 2.0), x[:, :1]], 1)
    np.testing.assert_array_equal(layer.compile().joined_forward(x), expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y[i] = x[i+2] - x[i]; i < L - 2; input x[L]", "a range that is not negative, received -1"),
        ("y[i] = x[circular(i+7)]; i < 5; input x[L]", "an extent not less than what is read beyond it, received 1"),
        ("y[i] = x[reflect(i+7)]; i < 5; input x[L]", "an extent greater than what is read beyond it, received 1"),
    ],
)
def test_axes_that_are_too_short_are_errors(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gradscribe.layer(text, "short").compile().short_forward(np.ones(1))
