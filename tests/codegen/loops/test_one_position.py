"""Loops that write one position of an axis: the others are 0, whatever the memory held before."""

import numpy as np

import gradscribe
from gradscribe.generated import runtime as rt


def test_positions_that_loops_do_not_write_are_zero() -> None:
    """The gradient by p is a sum at its position 2; the memory of a result is used again for the next one."""
    module = gradscribe.layer("u[n,i] = x[n,i]/(abs(p[n,2]) + 1); input x[N,K], p[N,3]", "mine").compile()
    x, p, du = (np.random.default_rng(0).normal(size=(3000, extent)) for extent in (8, 3, 8))
    with rt.settings(backend="compiled"):
        first = module.mine_grad_p(du, x, p)
        first[...] = np.nan
        del first
        found = module.mine_grad_p(du, x, p)
    expected = -np.sign(p[:, 2]) / (1 + np.abs(p[:, 2])) ** 2 * (x * du).sum(1)
    np.testing.assert_allclose(found[:, 2], expected, rtol=1e-12)
    assert not found[:, :2].any()


def test_loops_do_not_write_into_a_copy() -> None:
    """NumPy lays z out as it read g, the other way around: loops that add to it leave that to NumPy."""
    text = "z[n,i,j] = g[n,j,i]/e[n]; z[n,i,j] += -w[n,i,j]*c[n]/e[n]; input g[N,J,I], w[N,I,J]"
    module = gradscribe.layer(text, "mine").compile()
    rng = np.random.default_rng(1)
    g, w, e, c = (rng.normal(size=shape) for shape in ((300, 9, 9), (300, 9, 9), (300,), (300,)))
    arrays = {"g": g, "w": w, "e": e, "c": c}
    names = module.mine_forward.__code__.co_varnames[:4]
    with rt.settings(backend="compiled"):
        found = module.mine_forward(*(arrays[name] for name in names))
    expected = g.transpose(0, 2, 1) / e[:, None, None] - w * (c / e)[:, None, None]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
