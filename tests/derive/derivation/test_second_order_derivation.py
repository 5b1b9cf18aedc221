"""Derivations of second order: every row evaluated, the results that textbooks know, what is said of S."""

import re
from dataclasses import replace

import pytest

import gradscribe
from gradscribe.derive.calculus.second_order import second_order
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.forward.displayed_settings import displayed
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.typeset.writers import markdown
from gradscribe.derive.typeset.writers.latex import latex_writer
from gradscribe.derive.typeset.writers.text import text_writer
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from tests.cases.catalogue import TRIED, derived_twice, layer
from tests.cases.thorough import some
from tests.cases.together import together


def every_row_is_certified(name: str) -> None:
    derivation = derived_twice(name)
    found = certify(derivation, 1)
    assert found.holds, found
    assert found.rows
    assert found.chain_rows == len(derivation.sections)


def the_numbers_of_statements_are_printed(name: str) -> None:
    printed = " ".join(text_writer.render(derived_twice(name)).split())
    first = re.findall(r"as order 1 derives them \((\d+) statements?\)", printed)
    second = re.findall(r"Order 2 differentiates S \((\d+) statements?\)", printed)
    assert (int(*first), int(*second)) == second_order(displayed(layer(name), order=2).program).counts


PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_the_catalogue(part: int) -> None:
    """Both claims, layer by layer: each is derived once."""

    @together("name", some(TRIED, 5)[part::PARTS])
    def holds(name: str) -> None:
        every_row_is_certified(name)
        the_numbers_of_statements_are_printed(name)

    holds()


OWN = {
    "halves": "y[n,k] = tanh(x[n,k]); y[n, K + k] += x[n,k]^2",
    "an index of two": "y[n,i] = x[n,i]^2 + sum(r) x[n, 2*i + r]^2 * w[r]",
    "shift": "h[n,t] = tanh(a*h[n,t-1] + x[n,t])*h[n,t-1]; h[n,-1] = h0[n]; a = 0.5",
    "far apart": "m[n] = max(a[n], b[n]); y[n] = m[n] + log(exp(a[n] - m[n]) + exp(b[n] - m[n]))",
}


STEEP = {
    "skewness": "y[n] = mean(norm(x[n,k], k)^3, k)",
    "kurtosis": "y[n] = mean(norm(x[n,k], k)^4, k) - mean(norm(x[n,k], k)^3, k)^2",
    "a product": "y[n,c] = mean(norm(x[n,i,c]*w[c], i)^3 + x[n,i,c], i); weight w",
}


@together("name", list(STEEP))
def test_means_of_powers_of_what_is_normalised(name: str) -> None:
    """Of one element all is 0 but rounding, and E bends by 1/sqrt(1e-5)^3 within a step of differences."""
    derivations = [gradscribe.layer(STEEP[name], "own").derivation(order=order) for order in (1, 2)]
    for found in (certify(d, 6, seed) for d in derivations for seed in range(2)):
        assert found.holds, (found.worst, found.difference, found.chain_difference, found.caption_difference)


@together("name", list(OWN))
def test_equations_of_ones_own(name: str) -> None:
    """Parts of an axis, rows whose summed index another row has for an axis, recurrences, exponentials."""
    derivation = gradscribe.layer(OWN[name], "own").derivation(order=2)
    found = certify(derivation, 2)
    assert found.holds, found.worst
    assert "=0]" not in " ".join(str(derivation).split("Let ")[0].split()).replace("t=0]", "")


def test_a_wrong_first_gradient_is_found() -> None:
    derivation = derived_twice("tanh")
    wrong = tuple(
        replace(p, terms=tuple(replace(t, body=2 * t.body) for t in p.terms)) if isinstance(p, Step) and i == 1 else p
        for i, p in enumerate(derivation.premises)
    )
    found = certify(replace(derivation, premises=wrong), 1)
    assert not found.holds
    assert found.worst == "tanh: an equation that is stated"


def test_exponentials_of_differences_stay_together() -> None:
    """exp(a) alone may be infinite where exp(a - m) is not."""
    printed = str(gradscribe.layer(OWN["far apart"], "own").derivation(order=2))
    assert "exp(a[n])" not in printed
    assert "exp(−2 m[n])" not in printed


DEEP = """
input x[N, 6, 6, 2]
conv2d(3, 3, padding=1, bias=false) -> batch_norm -> relu -> max_pool2d(2)
-> conv2d(4, 2) -> softmax -> flatten -> dense(3)
loss softmax_cross_entropy
"""


@pytest.mark.thorough
def test_a_network_is_certified_section_by_section() -> None:
    derivation = derive(gradscribe.network(DEEP, "deep"), order=2)
    found = certify(derivation, 1)
    assert found.shapes == 1, "whole, it is too large for the oracle"
    assert found.holds, found
    assert found.chain_rows == len(derivation.sections)
    assert max(len(s.forward.statements) for s in derivation.sections if s.seeds) < 12  # of 50


@pytest.mark.thorough
def test_a_wrong_row_of_a_network_is_found() -> None:
    derivation = derive(gradscribe.network(DEEP, "deep"), order=2)
    number = next(n for n, s in enumerate(derivation.sections) if s.wrt == "conv2d1_w")
    section = derivation.sections[number]
    *steps, last = section.steps
    wrong = replace(last, terms=tuple(replace(t, body=2 * t.body) for t in last.terms))
    broken = replace(section, steps=(*steps, wrong))
    sections = (*derivation.sections[:number], broken, *derivation.sections[number + 1 :])
    assert not certify(replace(derivation, sections=sections), 1).holds


def results(name: str, **settings: str) -> dict[str, tuple[str, str]]:
    """Per tensor the last boxed row and its name."""
    derivation = derive(layer(name), settings=settings, order=2)
    t = TextTypesetter(derivation.notation)
    found = {}
    for section in derivation.sections:
        last = section.results[-1]
        found[section.wrt] = str(last.step), t.words(last.name)
    return found


def test_convolution() -> None:
    found = results("conv2d")
    rest = "at the end by ((H+2p−d(R−1)−1) mod s) and ((W+2p−d(T−1)−1) mod s) less"
    assert found["dy"] == (
        "∂S/∂δ[n,i,j,k] = ḃ[k] + Σ_{r,t,c} x[n, si+dr−p, sj+dt−p, c] ẇ[r,t,c,k] "
        "+ Σ_{r,t,c} ẋ[n, si+dr−p, sj+dt−p, c] w[r,t,c,k]",
        f"ḃ, the same for every n, i, j, plus the correlation of x with ẇ, ẇ dilated by d, stride s, padded by p, "
        f"{rest}, summed over c, plus the correlation of ẋ with w, w dilated by d, stride s, padded by p, {rest}, "
        "summed over c",
    )
    assert found["w"] == (
        "∂S/∂w[r,t,c,k] = Σ_{n,i,j} δ[n,i,j,k] ẋ[n, si+dr−p, sj+dt−p, c]",
        f"correlation of ẋ with δ, δ dilated by s, stride d, padded by p, {rest}, summed over n",
    )
    derivation = derived_twice("conv2d")
    x = next(s for s in derivation.sections if s.wrt == "x")
    assert x.results[0].form is not None
    form = TextTypesetter(derivation.notation).expr(x.results[0].form)
    assert form == "∂S/∂x = δ↑s ∗ ẇ↑d = δ↑s ⋆ rot_π ẇ↑d"
    assert found["b"] == ("∂S/∂b[k] = 0", "zero")
    assert "∂E/∂x, ∂E/∂w and ∂E/∂b do not depend on b" in " ".join(str(derivation).split())


def test_dense_is_linear_in_every_argument() -> None:
    found = results("dense")
    assert found["x"] == ("∂S/∂x[e,c] = Σ_{k} δ[e,k] ẇ[c,k]", "matrix product δ ẇᵀ")
    assert found["w"] == ("∂S/∂w[c,k] = Σ_{e} δ[e,k] ẋ[e,c]", "matrix product ẋᵀ δ")


def test_tanh() -> None:
    found = results("tanh")
    assert found["dy"][0] == "∂S/∂δ[e] = ẋ[e] (1−y[e]²)"
    assert found["x"][0] == "∂S/∂x[e] = −2 δ[e] ẋ[e] y[e] (1−y[e]²)"


def test_pooling_reads_the_direction_where_the_maximum_was() -> None:
    assert results("max_pool2d") == {
        "dy": (
            "∂S/∂δ[n,i,j,c] = Σ_{r,t} ẋ[n, si+dr−p, sj+dt−p, c] [(r,t)=(r*,t*)[n,i,j,c]]",
            "",
        ),
        "x": ("∂S/∂x[n,i,j,c] = 0", "zero"),
    }


def test_an_inner_gradient_stands_for_a_rate_of_change() -> None:
    printed = str(derived_twice("batch_norm"))
    assert "Gradient of S with respect to ∂E/∂m: the rate of change ṁ" in printed
    assert "│ ṁ[c] = 1/M Σ_{e} ẋ[e,c]" in printed


def test_wrt_chooses_the_gradients_that_are_watched() -> None:
    derivation = derive(layer("conv2d"), wrt=["x"], order=2)
    assert [s.wrt for s in derivation.sections] == ["dy", "w", "x", "b"]
    assert "S = Σ_{n,q,v,c} ∂E/∂x[n,q,v,c] ẋ[n,q,v,c]\n" in str(derivation)
    assert str(derivation).count("∂E/∂x does not depend on") == 2
    with pytest.raises(EquationError, match="conv2d: cannot differentiate with respect to 't'"):
        derive(layer("conv2d"), wrt=["t"], order=2)


def test_settings_specialise() -> None:
    found = results("conv2d", stride="1", dilation="1", padding="0")
    full = "full convolution of δ with ẇ, that is the full correlation of δ with rot_π ẇ, summed over k"
    assert found["x"][1] == full
    grouped = results("conv2d", groups="G")
    assert grouped["w"][1].startswith("correlation of ẋ with δ, δ dilated by s, stride d, padded by p, at the end")
    assert grouped["x"][1].endswith("padded by d(R−1)−p and d(T−1)−p, summed over k, for every ⌊q/C⌋")
    assert "u_3" not in str(derive(layer("conv2d"), settings={"groups": "G"}, order=2))


def test_what_is_written_out_leaves_all_terms_of_a_gradient_the_indices_of_one_element() -> None:
    places = "a[i] = (2*i + 1)/H - 1; b[j] = (2*j + 1)/W - 1; u[i,j] = m[0]*a[i]*b[j] + m[1]"
    lens = gradscribe.layer(f"input x[H,W], m[E]; E = 2; {places}; y[i,j] = u[i,j]^2*x[i,j]", "lens")
    assert certify(lens.derivation(order=2), 2).holds  # free names were e, a in one term and e, o in the other


def test_a_size_is_not_called_as_what_is_differentiated() -> None:
    own = gradscribe.layer("y[n] = sum(s) x[n,s]^2")
    assert "x is (N, S)" in str(own.derivation())
    assert "x is (N, M)" in str(own.derivation(order=2))
    with pytest.raises(EquationError, match="S is what is differentiated; expected another symbol name"):
        own.derivation(settings={"N": "S"}, order=2)


def test_all_gradients_zero() -> None:
    own = gradscribe.layer("y[n] = sign(x[n])")
    derivation = own.derivation(order=2)
    assert [str(s.results[0].step) for s in derivation.sections] == ["∂S/∂δ[n] = 0", "∂S/∂x[n] = 0"]
    assert "All gradients of E are zero" in str(derivation)
    assert latex_writer.render(derivation)
    assert markdown.render(derivation)


@pytest.mark.parametrize("order", [0, 3, "2"])
def test_only_orders_1_and_2(order: object) -> None:
    with pytest.raises(EquationError, match="tanh: order must be 1 or 2, received"):
        derive(layer("tanh"), order=order)  # type: ignore[arg-type]


def test_second_order_of_a_program_has_fresh_names() -> None:
    own = gradscribe.layer("y[n] = x[n]^2 * dx[n] * ddx[n] * grad_x[n]")
    found = second_order(own.program)
    assert len(set(own.program.tensors) & {t.name for t in found.directions.values()}) == 0
    assert not set(own.program.tensors) & set(found.second.program.outputs)
