"""Complex tensors as pairs: the equations of their parts, shapes, what pages say, and mistakes."""

import numpy as np
import pytest

import gradscribe
from gradscribe.derive.ir.term import Program
from gradscribe.derive.language import LanguageError
from gradscribe.derive.typeset.writers.text import text_writer


def of(text: str) -> Program:
    return gradscribe.layer(text, "own").program


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (
            "complex z, u; y[n] = z[n]*u[n]",
            "y[n,0] = z[n,0]*u[n,0] - z[n,1]*u[n,1]; y[n,1] += z[n,0]*u[n,1] + z[n,1]*u[n,0]; "
            "input z[N,2], u[N,2]; output y[N,2]",
        ),
        ("complex z; y[n] = abs(z[n])^2", "y[n] = z[n,0]^2 + z[n,1]^2; input z[N,2]"),
        ("complex z; y[n] = im(z[n]) - re(conj(z[n]))", "y[n] = z[n,1] - z[n,0]; input z[N,2]"),
        (
            "y[n] = exp(complex(0, x[n])) * a[n]",
            "y[n,0] = cos(x[n])*a[n]; y[n,1] += sin(x[n])*a[n]; output y[N,2]",
        ),
        ("complex y; y[n] = x[n]", "y[n,0] = x[n]; output y[N,2]"),
        ("complex z[M]; y[n] = re(z[n])*n", "y[n] = z[n,0]*n; input z[M,2]"),
        (
            "complex w[K], y[N]; y[n] = x[n]*w[n]; input x, w; n < N",
            "input x[N], w[K,2]; y[n,0] = x[n]*w[n,0]; y[n,1] += x[n]*w[n,1]; n < N; output y[N,2]",
        ),
        ("y[n] = re(x[n]) + im(x[n])", "y[n] = x[n] + 0"),
        (
            "complex s, z; e = sum(n) s*z[n]",
            "e[0] = (sum(n) s[0]*z[n,0]) - sum(n) s[1]*z[n,1]; e[1] += (sum(n) s[0]*z[n,1]) + sum(n) s[1]*z[n,0]; "
            "input z[N,2], s[2]; output e[2]",
        ),
        (
            "complex z; a[n] = z[n]^2; b[n] = conj(a[n]); y[n] = re(b[n])",
            "a[n,0] = z[n,0]*z[n,0] - z[n,1]*z[n,1]; a[n,1] += z[n,0]*z[n,1] + z[n,1]*z[n,0]; "
            "b[n,0] = a[n,0]; b[n,1] += -a[n,1]; y[n] = b[n,0]; input z[N,2]",
        ),
    ],
)
def test_equations_are_those_of_the_parts(text: str, same: str) -> None:
    rng, found, expected = np.random.default_rng(0), gradscribe.layer(text, "own"), gradscribe.layer(same, "own")
    given = {t.name: rng.normal(size=tuple(2 if e == 2 else 5 for e in t.shape)) for t in found.program.inputs}
    assert {t.name: t.shape for t in found.program.inputs} == {t.name: t.shape for t in expected.program.inputs}
    ours, theirs = (
        layer.compile().own_forward(*(given[t.name] for t in layer.program.inputs)) for layer in (found, expected)
    )
    ours, theirs = (a[0] if isinstance(a, tuple) else a for a in (ours, theirs))
    np.testing.assert_allclose(ours, theirs, rtol=1e-14)


def test_definitions_take_complex_values() -> None:
    found = of("complex z; define total(s, j) = sum(j) s\ny[n] = total(z[n,k], k)*total(conj(z[n,k]), k)")
    assert "total_re" in found.tensors


def test_products_of_matrices_stay_products() -> None:
    """Four sums of two factors, which are matrix products, not sums of differences."""
    assert len(of("complex x, w; y[n,k] = sum(c) x[n,c]*w[c,k]").statements) == 4


def test_the_page_says_where_the_parts_are() -> None:
    text = " ".join(text_writer.render(gradscribe.layer("complex z; y[n] = z[n]^2", "own").derivation()).split())
    where = "The last axis of y, z has the real part at 0 and the imaginary part at 1, that of a gradient the slopes by"
    assert where in text
    assert "y[n,0] = z[n,0]² − z[n,1]²" in text
    assert "y[n,1] = 2 z[n,0] z[n,1]" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "complex z; y[n] = tanh(z[n])",
            "line 1, column 24: a complex value stands where a real one is expected; take re",
        ),
        ("complex z; y[n] = max(k) z[n,k]", "line 1, column 26: a complex value stands where a real one is expected"),
        (
            "complex z; y[n] = [z[n] > 0] * x[n]",
            "line 1, column 20: a complex value stands where a real one is expected",
        ),
        ("complex z; y[n] = x[n]^z[n]", "line 1, column 24: a complex value stands where a real one is expected"),
        ("complex z; y[n] = z[n]^0.5", "line 1, column 24: a complex value has powers from 1 to 8 here; expected"),
        ("complex z; y[n] = z[n]^k; k = 2", "a complex value has powers from 1 to 8 here"),
        (
            "complex z; y[n] = complex(z[n], 1)",
            "line 1, column 27: a complex value stands where a real one is expected",
        ),
        ("y[n] = complex(x[n])", "line 1, column 8: complex takes 2 arguments; found 1"),
        ("complex z; y[n] = re(z[n], 1)", "line 1, column 19: re takes 1 argument; found 2"),
        ("complex q; y[n] = x[n]", "line 1, column 9: q is no tensor; expected one of"),
        ("complex z; y[n] = x[z[n]]", "line 1, column 21: a complex value stands where a real one"),
        ("complex z; y[n] = z[n,0] + z[n]", "z has 3 subscripts; found 2 subscripts"),
        ("complex z; y[n] = z[n] // 2", "// is for integers in subscripts and sizes"),
        ("complex z; y[n] = re(z[n]) + re(x[j])", "index j is neither on the left side nor reduced over"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(LanguageError, match=message):
        gradscribe.layer(text)


def test_after_training_what_is_not_read_is_not_asked_for() -> None:
    text = "complex z, m; input z[N,C], m[N,C]; y[n,c] = z[n,c]*m[n,c]; evaluation y[n,c] = z[n,c]"
    evaluation = gradscribe.layer(text, "own").evaluation
    assert evaluation is not None
    assert [t.name for t in evaluation.inputs] == ["z"]


def test_what_grows_without_end_is_refused() -> None:
    with pytest.raises(LanguageError, match="too long an expression of complex values"):
        gradscribe.layer("complex z; y[n] = ((((z[n] + 1)^8 + 1)^8 + 1)^8 + 1)^8")


@pytest.mark.parametrize("n", [0, 1])
def test_any_number_of_values(n: int) -> None:
    module = gradscribe.layer("complex z; y[n] = z[n]*conj(z[n])", "own").compile()
    z = np.ones((n, 2))
    np.testing.assert_array_equal(module.own_forward(z), np.tile([2.0, 0.0], (n, 1)))
    np.testing.assert_array_equal(module.own_grad_z(np.ones((n, 2)), z), 2 * z)
