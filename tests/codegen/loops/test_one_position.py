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
