"""What `explain --rewrites` prints: each rewrite with its statements, or that there is none."""

import pytest

from gradscribe.codegen.tool.explain import rewrites
from gradscribe.derive.ir.error import EquationError

GATED = "g[n,f] = sum(c) x[n,c] * w[c,f]; y[n,k] = sum(f) g[n,f] * sigmoid(g[n,f]) * o[f,k]"


def test_every_function_has_its_rewrites() -> None:
    text = rewrites(GATED)
    assert text.startswith("layer_forward\n\n")
    assert all(f"\nlayer_{name}\n\n" in text for name in ("grad_input", "grad_weight", "grad_o", "backward"))
    assert "factors that do not depend on the reduced index leave the sum of terms (work " in text
    assert "\nbecomes\n  dg[m,q] = " in text


def test_what_is_not_rewritten_is_said_so() -> None:
    assert rewrites("relu").count("computed as it is written") == 2


def test_what_is_no_layer_is_refused() -> None:
    with pytest.raises(EquationError, match="lenet is no layer"):
        rewrites("lenet")
