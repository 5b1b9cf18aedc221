"""Arrays with an axis ``R + C``: two matrices in one, each read with its own index."""

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.tool.verify import verify_layer
from tests.cases.together import together

TEXTS = {
    "two_inputs": "input x[N,R], z[N,C], w[R+C,S]; r < R\ny[n,s] = sum(r) x[n,r]*w[r,s] + sum(c) z[n,c]*w[R + c,s]",
    "first_rows": "input w[R+C,S], x[N,S]; y[r,n] = sum(s) w[r,s]*x[n,s]; r < R",
    "weight": "input x[N,R], w[R+C,S]; weight w; r < R; y[n,s] = sum(r) x[n,r]*w[r,s]",
    "recurrent": "input x[N,T,R], w[R+C,S]; weight w; r < R; h[n,-1,s] = 0\n"
    "h[n,t,s] = tanh(sum(r) x[n,t,r]*w[r,s] + sum(j) h[n,t-1,j]*w[R+j,s])",
}


@together("name", TEXTS)
def test_all_functions_know_both_sizes(name: str) -> None:
    layer = gradscribe.layer(TEXTS[name], name)
    assert layer.compile()
    assert all(line.passed for line in verify_layer(layer, shapes=2))


def test_values_and_slopes() -> None:
    module = gradscribe.layer(TEXTS["two_inputs"], "both").compile()
    rng = np.random.default_rng(0)
    x, z, w, dy = rng.normal(size=(4, 2)), rng.normal(size=(4, 3)), rng.normal(size=(5, 6)), rng.normal(size=(4, 6))
    np.testing.assert_allclose(module.both_forward(x, z, w), np.hstack([x, z]) @ w)
    layer = module.Both()
    layer(x, z, w)
    dx, dz, dw = layer.backward(dy)
    np.testing.assert_allclose(np.hstack([dx, dz]), dy @ w.T)
    np.testing.assert_allclose(dw, np.hstack([x, z]).T @ dy)
    with pytest.raises(ValueError, match=r"argument w, axis 0 .*expected 5, received 6"):
        module.both_forward(x, z, np.ones((6, 6)))
