"""Page, kernels and interpreter say the same gradient: constants, lookups, several outputs, ties; and failures show."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from gradscribe import layer, network
from gradscribe.codegen.tool import verify
from gradscribe.codegen.tool.verify import Verified, verify_layer
from gradscribe.codegen.tool.verify.calls import INTERPRETER, PAGE
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.boxes import boxed
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.ir.interpret import complete_sizes, interpret
from gradscribe.derive.ir.term import Program
from gradscribe.derive.ir.well_formed import check
from tests.cases.catalogue import TRIED
from tests.cases.catalogue import layer as layer_of
from tests.cases.random_programs import random_case
from tests.cases.thorough import some
from tests.cases.together import together

STOPPED = {
    "copy": "c[n] = x[n]; y[n] = x[n]*c[n]; constant c",
    "straight_through": "p[n] = x[n]^2; c[n] = p[n]; y[n] = [x[n] > 1] + p[n] - c[n]; constant c",
    "copy_of_a_copy": "a[n] = x[n]; c[n] = a[n]; b[n] = c[n]; y[n] = x[n]*b[n] + a[n]; constant c",
    "shifted": "c[i] = x[i+1]; y[i] = sum(r) x[i+r]*c[i]*w[r]; weight w; constant c",
    "mean": "m = sum(n) x[n]; c = m; y[n] = x[n] * m / (1 + c^2); constant c",
    "all": "c[n] = sin(x[n]); y[n] = 2*c[n]; constant c",
    "shift": "m[n] = max(k) x[n,k]; e[n,k] = exp(x[n,k] - m[n]); y[n] = log(sum(k) e[n,k]) + m[n]; constant m",
    "clipped": "s[n] = min(1, max(-1, x[n])); r[n] = s[n]; y[n] = s[n] + [x[n] > 0] - r[n]; constant r",
    "several": "c[n] = x[n]*w[n]; y[n] = x[n]*c[n]; z[n] = w[n]*c[n]^2; weight w; output y, z; constant c",
}
"""Equations that read a tensor as it is and as a constant."""


def failures(found: list[Verified]) -> list[Verified]:
    return [row for row in found if not row.passed]


@pytest.mark.parametrize("name", some(STOPPED, 3))
def test_constants_stop_gradients_on_the_page_as_in_the_kernels(name: str) -> None:
    found = list(verify_layer(layer(STOPPED[name], name), 2, order=2))
    assert not failures(found)
    assert {row.checked for row in found if row.against == PAGE} >= {f"{name}_grad_input", f"{name}_hessian_vector"}


def test_the_page_of_a_copy_that_counts_as_constant() -> None:
    box = derive(layer(STOPPED["copy"])).sections[0].results[0].step
    assert str(box) == "∂E/∂x[n] = δ[n] c[n]"


def test_a_straight_through_estimator_as_an_activation_of_a_network() -> None:
    own = layer(STOPPED["straight_through"].replace("[n]", "[n,k]"), "square_through")
    text = "input x[N,3]\ndense(4) -> square_through -> dense(2)"
    made = network(text, "net", layers={"square_through": lambda: own})
    found = list(verify_layer(made, 2))
    assert not failures(found)
    assert ("net_backward", PAGE) in {(row.checked, row.against) for row in found}


PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_the_catalogue_is_verified(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its generated modules: tests of the files hold that they are what `compile_layer` makes."""
    module = "gradscribe.generated.{0.name}"
    monkeypatch.setattr(verify, "compile_layer", lambda layer, order: import_module(module.format(layer)))

    @together("name", some(TRIED, 5)[part::PARTS])
    def holds(name: str) -> None:
        found = list(verify_layer(layer_of(name), 1, seed=1))
        assert not failures(found)
        boxes = {row.checked for row in found if row.against == PAGE}
        gradients = {row.checked for row in found if row.checked.startswith(f"{name}_grad_")}
        together = {row.checked for row in found if row.checked == f"{name}_backward"}
        assert boxes == gradients | together
        assert len(gradients) == len(layer_of(name).differentiable)

    holds()


@pytest.mark.parametrize("name", ["max_pool2d", "relu6", "hard_tanh", "adaptive_max_pool1d"])
@pytest.mark.parametrize("policy", ["first", "split"])
def test_ties_of_whole_numbers_have_the_gradient_of_the_interpreter(name: str, policy: str) -> None:
    try:
        tied = LAYERS[name]().with_ties(policy)
    except ValueError:
        pytest.skip("no maximum to split")
    assert not failures(list(verify_layer(tied, 4, seed=3)))


def with_constants(program: Program, rng: np.random.Generator) -> Program:
    """The program with some of its tensors constant, and some as further outputs."""
    inner = [s.target.name for s in program.statements if s.target.name not in program.outputs]
    constants = {name for name in inner if rng.random() < 0.5}
    more = tuple(dict.fromkeys(name for name in inner if name not in constants and rng.random() < 0.5))
    statements = tuple(
        replace(s, target=replace(s.target, constant=True), argument=None) if s.target.name in constants else s
        for s in program.statements
    )
    return check(replace(program, statements=statements, outputs=(*program.outputs, *more)))


@pytest.mark.parametrize("seed", some(range(40), 3, first=2))
def test_random_programs_with_constants_and_several_outputs(seed: int) -> None:
    case = random_case(seed)
    made = replace(case.layer, program=with_constants(case.layer.program, np.random.default_rng(seed)))
    page = derive(made)
    gradient = differentiate(made.program)
    rng = np.random.default_rng(seed)
    values = interpret(made.program, case.values, case.sizes)
    values |= {seed_.name: rng.normal(size=values[o].shape) for o, seed_ in gradient.seeds.items()}
    expected = interpret(gradient.program, values, case.sizes)
    boxes = boxed(page, values, complete_sizes(made.program, case.sizes), rng)
    assert set(boxes) >= set(made.differentiable)
    for name in made.differentiable:
        adjoint = gradient.adjoint(name)
        wanted = expected[adjoint.gradient.name] if adjoint is not None else np.zeros_like(values[name])
        scale = max(1.0, float(np.abs(wanted).max(initial=0.0)))
        np.testing.assert_allclose(boxes[name], wanted, rtol=0, atol=1e-9 * scale, err_msg=name)


# ----- failures ---------------------------------------------------------------------------------------------------
def broken(monkeypatch: pytest.MonkeyPatch, change: Callable[[Derivation], Derivation]) -> None:
    monkeypatch.setattr(
        "gradscribe.codegen.tool.verify.derive", lambda given, order=1, form="": change(derive(given, order=order))
    )


def doubled(page: Derivation) -> Derivation:
    """The page with another boxed gradient than its rows end in."""
    section = page.sections[0]
    result = section.results[0]
    terms = tuple(replace(t, body=2 * t.body) for t in result.step.terms)
    wrong = replace(section, results=(replace(result, step=replace(result.step, terms=terms)),))
    return replace(page, sections=(wrong, *page.sections[1:]))


def test_a_box_that_is_not_the_kernels_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, doubled)
    found = failures(list(verify_layer(LAYERS["dense"](), 1)))
    assert {(row.checked, row.against) for row in found} >= {("dense_grad_input", PAGE)}
    assert any(row.against == "row before, exact" for row in found)


def test_a_gradient_that_the_page_lacks_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, lambda page: replace(page, sections=page.sections[1:]))
    (found,) = failures(list(verify_layer(LAYERS["dense"](), 1)))
    assert found.checked == "the gradient with respect to x"
    assert "missing" in found.against


def test_a_page_without_rows_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, lambda page: replace(page, sections=()))
    found = failures(list(verify_layer(LAYERS["relu"](), 1)))
    assert any(row.checked.startswith("0 rows") for row in found)


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("y[n] = x[n] + 0*b[n]", "b", "y does not depend on b"),
        ("c[n] = x[n]^2; y[n] = c[n] + b[n]; constant c", "x", "c counts as constant"),
        ("y[n] = [x[n] > 0] * b[n]", "x", "x makes jumps only, of slope 0"),
    ],
)
def test_a_gradient_that_is_zero_has_a_box_and_the_reason(text: str, name: str, reason: str) -> None:
    page = derive(layer(text))
    (section,) = [s for s in page.sections if s.wrt == name]
    assert str(section.results[0].step).endswith(" = 0")
    assert reason in str(page)
    assert not failures(list(verify_layer(layer(text), 2)))


def test_what_is_written_out_is_compared_with_what_is_differentiated() -> None:
    """A shorter program whose gradient is another one makes the certificate fail."""
    from gradscribe.derive.derivation.certificate.certify import certify

    page = derive(LAYERS["avg_pool2d"]())
    assert page.rewritten is not None
    shown = page.rewritten.shown
    statements = tuple(replace(s, term=replace(s.term, body=2 * s.term.body)) for s in shown.program.statements)
    wrong = replace(page.rewritten, shown=replace(shown, program=replace(shown.program, statements=statements)))
    assert certify(page, shapes=1).holds
    assert not certify(replace(page, rewritten=wrong), shapes=1).holds


NETWORKS = {
    "tanh": "input x[N,5,4,2]\nc1: conv2d(3, 2) -> tanh -> c2: conv2d(2, 2, stride=2)",
    "loss": "input x[N,3]\ndense(4) -> gelu -> layer_norm -> dense(3)\nloss softmax_cross_entropy",
    "skip": "input x[N,4]\nresidual(dense(4) -> scaled_tanh(amplitude=1.5, slope=0.5) -> dense(4)) -> silu",
}


@pytest.mark.parametrize("name", some(NETWORKS, 1, first=2))
def test_networks_are_verified_at_both_orders(name: str) -> None:
    found = list(verify_layer(network(NETWORKS[name], name), 1, order=2))
    assert not failures(found)
    compared = {row.checked for row in found if row.against == PAGE}
    assert compared == {f"{name}_backward", f"{name}_double_backward"}
    assert (f"{name}_hessian_vector", INTERPRETER) in {(row.checked, row.against) for row in found}


NOTHING = (
    "y[n] = x[n] - x[n]",
    "t[n] = x[n] - x[n]; y[n] = t[n] + x[n]",
    "t[n] = 0*x[n]; y[n] = t[n]*x[n]",
    "t[n] = x[n] - x[n]; y[n] = exp(t[n])*x[n]",
    "s = sum(n) x[n]; t = s - s; y[n] = x[n] + t",
)


@pytest.mark.parametrize("text", NOTHING)
def test_what_cancels_is_0_and_stays_defined(text: str) -> None:
    found = list(verify_layer(layer(text, "cancelled"), 2))
    assert found
    assert not failures(found)
    assert isinstance(str(differentiate(layer(text, "cancelled").program).program), str)
