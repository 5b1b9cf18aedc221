"""Whoever writes einsum, LaTeX, a matrix product or where is told the equation, which is one."""

import re

import pytest

import gradscribe
from gradscribe.codegen.tool.finding.find import find_text
from gradscribe.derive.language import LanguageError

MEANT = {
    "bij,bjk->bik": "y[b,i,k] = sum(j) x[b,i,j] * w[b,j,k]",
    'einsum("bij,bjk->bik", a, b)': "y[b,i,k] = sum(j) a[b,i,j] * b_[b,j,k]",
    "z = np.einsum('ij, j -> i', a, v)": "z[i] = sum(j) a[i,j] * v[j]",
    'y = torch.einsum("ii->", x)': "y = sum(i) x[i,i]",
    "ab,bc,cd->ad": "y[a,d] = sum(b,c) x[a,b] * w[b,c] * z[c,d]",
    r"\sum_{i} x_i w_i": "y = sum(i) x[i] * w[i]",
    r"y_k = \sum_{i=1}^{N} w_{ki} x_i + b_k": "y[k] = sum(i) w[k,i] * x[i] + b[k]",
    r"z_{nk} = \sum_c x_{nc} \cdot w_{c,k}": "z[n,k] = sum(c) x[n,c] * w[c,k]",
    "W @ x + b": "y[i] = sum(j) W[i,j] * x[j] + b[i]",
    "y = x @ W - b": "y[n,k] = sum(c) x[n,c] * W[c,k] - b[k]",
    "C = A @ B": "C[i,k] = sum(j) A[i,j] * B[j,k]",
    "y[i] = where(x[i] > 0, x[i], 0)": "y[i] = [x[i] > 0] * x[i]",
    "y[i] = 2*np.where(x[i] > a[i], x[i]+1, exp(x[i]))": (
        "y[i] = 2*([x[i] > a[i]] * (x[i]+1) + [not (x[i] > a[i])] * exp(x[i]))"
    ),
}


@pytest.mark.parametrize("text", MEANT)
def test_the_message_says_the_equation_that_is_meant(text: str) -> None:
    with pytest.raises(LanguageError) as error:
        find_text(text)
    first, line, caret = str(error.value).split("\n")
    found = re.search(r": write (.*) instead; ", first)
    assert found is not None, first
    assert found[1] == MEANT[text]
    gradscribe.layer(found[1])
    assert line.strip() == text
    assert len(caret.strip()) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "y = where(x > 0, \u202eabc, 1)",
        "y = where(x > 0, a\x1b, 1)",
        "y = a @ b @ c",
        r"y = \frac{x_i}{2}",
        "ij->jk",
        "y = where(x[i] > 0, x[i]",
        r"\sum",
        "@",
        "\\sum_{i} x_i^2",
        "->",
    ],
)
def test_what_is_not_understood_keeps_its_message(text: str) -> None:
    with pytest.raises(LanguageError) as error:
        gradscribe.layer(text)
    assert " instead; " not in str(error.value).split("\n")[0]


def test_only_the_line_with_the_mistake_is_looked_at() -> None:
    with pytest.raises(LanguageError, match=r"^line 2, column 9: write y\[i\] = sum\(j\) W\[i,j\] \* x\[j\] instead"):
        gradscribe.layer("z[i] = x[i]  # W @ x\ns = 1;  y = W @ x; v[i] = x[i]")


def test_a_network_is_still_one() -> None:
    assert find_text("input x[N, C]; relu -> relu").name == "network"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('y = einsum("ij,jk->ik", x, w); input x[I,J]', "y[i,k] = sum(j) x[i,j] * w[j,k]"),
        ('input x[I,J]\ny[i,k] = np.einsum("ij,jk->ik", x, w)', "y[i,k] = sum(j) x[i,j] * w[j,k]"),
        ('y[n] = 2 * einsum("ij,j->i", x, w) + 1; input x[N,C]', "sum(j) x[i,j] * w[j] for einsum(...)"),
    ],
)
def test_einsum_is_seen_among_other_lines_and_within_one(text: str, meant: str) -> None:
    with pytest.raises(LanguageError, match=re.escape(f": write {meant} instead; subscripts stand at their tensors")):
        find_text(text)
