"""Closed forms in whole tensors: those of the literature, and NumPy's own sums over axes."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from sympy import Expr

from gradscribe import layer
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.forms.caption.operation import Whole
from gradscribe.derive.derivation.forms.caption.words.signs import Total
from gradscribe.derive.derivation.forms.closed.whole_value import whole_value
from gradscribe.derive.derivation.record.section_record import Result
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from tests.cases.catalogue import derived
from tests.cases.together import together

Arrays = Mapping[str, np.ndarray]


def closed(page: Derivation, wrt: str) -> Result:
    """The box of a closed form."""
    return next(r for s in page.sections if s.wrt == wrt for r in s.results if r.closed)


def written(page: Derivation, wrt: str) -> str:
    box = closed(page, wrt)
    assert box.form is not None
    return TextTypesetter(box.step.notation).expr(box.form)


def normalised(v: Arrays) -> np.ndarray:
    """Ioffe and Szegedy's, with sums over the batch."""
    d, h, count = v["dy"], v["h"], len(v["dy"])
    scale = v["gamma"] / np.sqrt(v["v"] + 0.1)
    return np.asarray(scale / count * (count * d - d.sum(0) - h * (d * h).sum(0)))


@together(
    ("name", "wrt", "form", "published"),
    [
        ("softmax", "x", "y ⊙ (δ − Σ_{k} δ ⊙ y)",
         lambda v: v["y"] * (v["dy"] - (v["dy"] * v["y"]).sum(1, keepdims=True))),
        ("log_softmax", "x", "δ − p ⊙ Σ_{k} δ", lambda v: v["dy"] - v["p"] * v["dy"].sum(1, keepdims=True)),
        ("batch_norm", "x", "1/M (γ ⊙ 1/√(ε+v) ⊙ (M δ − Σ_{e} δ − h ⊙ Σ_{e} δ ⊙ h))", normalised),
    ],
)  # fmt: skip
def test_they_are_those_of_the_literature(
    name: str, wrt: str, form: str, published: Callable[[Arrays], np.ndarray]
) -> None:
    page = derived(name)
    assert written(page, wrt) == f"∂E/∂x = {form}"
    whole = closed(page, wrt).caption
    assert isinstance(whole, Whole)
    rng = np.random.default_rng(5)
    extents = dict(zip(whole.result, (3, 4), strict=True))
    values = {name: rng.uniform(1, 2, [extents[v] for v in own]) for name, own in whole.tensors}
    free = set().union(*(e.free_symbols for e in (whole.value,))) - {index for index, _ in whole.bound}
    sizes = {s: 0.1 if s.name == "epsilon" else 3 for s in free}
    assert np.allclose(whole_value(whole, values, sizes), published(values))


def test_sums_of_several_axes_and_of_matrices_in_a_batch() -> None:
    page = derive(layer("m[b] = sum(h,w) x[b,h,w]/(H*W); y[b,h,w] = x[b,h,w] - m[b]"))
    assert written(page, "x") == "∂E/∂x = δ − 1/(HW) Σ_{h,w} δ"
    page = derive(layer("s[n,h,i] = sum(j) exp(u[n,h,i,j]); p[n,h,i,j] = exp(u[n,h,i,j])/s[n,h,i]"))
    assert written(page, "u") == "∂E/∂u = p ⊙ (δ − Σ_{j} δ ⊙ p)"


def test_none_where_axes_are_in_another_order() -> None:
    page = derive(layer("z[i] = sum(j) exp(x[j,i]); y[i,j] = exp(x[j,i])/z[i]"))
    assert closed(page, "x").form is None


def test_the_certificate_computes_them() -> None:
    """A sum over another axis is noticed."""
    page = derived("batch_norm")
    assert certify(page, shapes=3).holds

    def wrong(e: Expr) -> Expr:
        return e.args[0] if isinstance(e, Total) else e.func(*map(wrong, e.args)) if e.args else e

    broken = tuple(
        replace(
            s,
            results=tuple(
                replace(r, caption=replace(r.caption, value=wrong(r.caption.value)))
                if isinstance(r.caption, Whole)
                else r
                for r in s.results
            ),
        )
        for s in page.sections
    )
    assert not certify(replace(page, sections=broken), shapes=3).holds


GROUPS = """
    input x[N, I, G*C]
    input a[G*C]
    output y[N, I, G*C]
    m[n,g] = sum(i,c) x[n,i,C*g+c]/(I*C)
    y[n,i,C*g+c] = a[C*g+c]*(x[n,i,C*g+c] - m[n,g])
    g < G
    c < C
"""


def test_digits_of_an_axis_are_axes() -> None:
    assert written(derived("group_norm"), "x").endswith(
        "= 1/(MC) (1/√(ε+v) ⊙ (MC (δ ⊙ γ) − Σ_{e,c} δ ⊙ γ − h ⊙ Σ_{e,c} δ ⊙ γ ⊙ h))"
    )
    page = derive(layer(GROUPS))
    assert str(page).count("In whole tensors an axis of places Cg+c counts as one axis for each of g and c.") == 1
    assert written(page, "x") == "∂E/∂x = δ ⊙ a − 1/(IC) Σ_{i,c} δ ⊙ a"
    whole = closed(page, "x").caption
    assert isinstance(whole, Whole)
    rng = np.random.default_rng(5)
    dy, a = rng.normal(size=(2, 3, 10)), rng.normal(size=10)
    found = whole_value(whole, {"dy": dy, "a": a}, {s: {"C": 5, "G": 2}.get(s.name, 3) for s in page.program.symbols()})
    cut = (dy * a).reshape(2, 3, 2, 5)
    assert np.allclose(found, cut - cut.mean((1, 3), keepdims=True))
    assert certify(page, shapes=2).holds
