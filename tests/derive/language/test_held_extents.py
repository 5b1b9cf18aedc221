"""What an axis is written to, or what a line says of its size, holds for the inputs that are joined with it."""

import numpy as np
import pytest

import gradscribe

WRITTEN = "a[n,b] = x[n,b]; a[n,B + b] += -x[n,b]"
TEXTS = (
    (f"{WRITTEN}; y[n] = sum(c) a[n,c]*v[c]", 8),
    (f"{WRITTEN}; y[n] = sum(c) a[n,c]*v[c]; input x[N,B], v[C]", 8),
    ("a[n,2*b] = x[n,b]; y[n] = sum(c) a[n,c]*v[c]", 7),
    ("y[n] = sum(c) x[n,2*c]*v[c]; input x[N,B], v[C]; C = B//2", 2),
    ("y[n] = sum(c) x[n,2*c]*v[c]; input v[C], x[N,B]; B = 2*C", 2),
)


@pytest.mark.parametrize(("text", "extent"), TEXTS, ids=[text for text, _ in TEXTS])
def test_an_input_is_held_to_it(text: str, extent: int) -> None:
    """Otherwise what is written further than an input is long would be lost, without a word."""
    layer = gradscribe.layer(text, "own")
    forward = layer.compile().own_forward
    x, rng = np.arange(8.0).reshape(2, 4) + 1, np.random.default_rng(0)
    given = {"x": x, "v": rng.normal(size=extent)}
    if "+=" in text:
        expected = np.concatenate([x, -x], 1) @ given["v"]
    elif "a[n,2*b]" in text:
        expected = x @ given["v"][::2]
    else:
        expected = x[:, ::2] @ given["v"]
    found = forward(*(given[t.name] for t in layer.program.inputs))
    np.testing.assert_allclose(found[0] if isinstance(found, tuple) else found, expected)
    for other in (extent - 1, extent + 1):
        given["v"] = np.ones(other)
        with pytest.raises(ValueError, match="expected"):
            forward(*(given[t.name] for t in layer.program.inputs))


def test_a_line_says_that_only_a_part_is_kept() -> None:
    layer = gradscribe.layer(f"{WRITTEN}; y[n] = sum(c) a[n,c]*v[c]; input x, v[C]; c < C", "own")
    x = np.arange(8.0).reshape(2, 4)
    np.testing.assert_allclose(layer.compile().own_forward(x, np.ones(4))[0], x.sum(1))


@pytest.mark.parametrize(
    ("mode", "called"), [("circular", "wrap"), ("replicate", "edge"), ("reflect", "reflect"), ("", "wrap")]
)
@pytest.mark.parametrize("subscript", ["r - j + 1", "r + j - 1"])
def test_what_lies_beyond_depends_on_a_size(subscript: str, mode: str, called: str) -> None:
    """From 2 - J to R, from -1 to R + J - 3: before or behind the axis where J says so."""
    place = f"{mode}({subscript})" if mode else f"({subscript}) % R"
    text = f"input u[N,R], s[J]; v[n,r] = sum(j) u[n,{place}]*s[j]; r < R"
    layer = gradscribe.layer(text, "own")
    forward, u = layer.compile().own_forward, np.random.default_rng(0).normal(size=(2, 5))
    around = np.pad(u, ((0, 0), (4, 4)), mode=called)  # type: ignore[call-overload]
    for taps in (1, 2, 3, 4):
        s = np.arange(1.0, taps + 1)
        starts = (4 - j + 1 if "- j" in subscript else 4 + j - 1 for j in range(taps))
        expected = sum(w * around[:, start : start + 5] for w, start in zip(s, starts, strict=True))
        found = forward(u, s)
        np.testing.assert_allclose(found[0] if isinstance(found, tuple) else found, expected)
