"""Sampling of sizes and tensors, and the figures of certificates."""

from functools import wraps
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sympy import Integer

from gradscribe import network
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.codegen.tool.verify.calls import DIFFERENCES, INTERPRETER, PAGE
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks.resnet import shortcut
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.certificate import Certificate, figure
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.record.sentence import Measured
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.interpret import complete_sizes, number
from gradscribe.derive.ir.term import Range, Term
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import TooLargeError, label_limits, sample_sizes, sample_values
from tests.cases.catalogue import TRIED
from tests.cases.english import english
from tests.cases.thorough import some
from tests.cases.together import together

network_gaps = import_module("gradscribe.codegen.tool.verify.network_gaps")  # the package has a function of that name


@together("name", TRIED)
def test_sampled_sizes_are_admissible(name: str) -> None:
    layer = LAYERS[name]()
    rng = np.random.default_rng(0)
    for _ in range(30):
        sizes = complete_sizes(layer.program, sample_sizes(layer, rng))
        assert all(sizes[symbol] >= 1 for symbol, _ in layer.program.sizes)
        assert all(number(e, sizes) >= 0 for r in layer.requirements for e in r.expressions)


def test_awkward_cases_occur() -> None:
    layer = LAYERS["conv2d"]()
    rng = np.random.default_rng(0)
    drawn = [sample_sizes(layer, rng) for _ in range(200)]
    s, R, d, p, H, G = (integer(v) for v in ("s_h", "R", "d_h", "p_h", "H", "G"))
    assert any(z[s] > z[R] for z in drawn)
    assert any(z[R] > z[s] for z in drawn)
    assert any(z[d] > 1 and z[R] > 1 for z in drawn)
    assert any((z[H] + 2 * z[p] - z[d] * (z[R] - 1) - 1) % z[s] for z in drawn)
    assert {1} <= {z[H] for z in drawn}
    assert {z[G] for z in drawn} == {1, 2}


def test_sampling_is_repeatable_and_respects_prescribed_values() -> None:
    layer = LAYERS["conv2d"]()
    first = sample_sizes(layer, np.random.default_rng(5))
    assert first == sample_sizes(layer, np.random.default_rng(5))
    fixed = {integer("s_h"): 1, integer("R"): 2}
    drawn = [sample_sizes(layer, np.random.default_rng(k), fixed=fixed) for k in range(20)]
    assert all(z[s] == v for z in drawn for s, v in fixed.items())


def test_sampling_says_when_sizes_are_too_large() -> None:
    layer = LAYERS["dense"]()
    box = Term((Range(integer("q"), Integer(10_000)),), (Range(integer("v"), Integer(10_000)),), Integer(1))
    with pytest.raises(TooLargeError, match="no admissible sizes"):
        sample_sizes(layer, np.random.default_rng(0), terms=(box,))


def test_labels_stay_below_the_extent_they_are_compared_with() -> None:
    layer = LAYERS["softmax_cross_entropy"]()
    assert label_limits(layer.program, "t", {integer("K"): 5}) == (0, 4)
    assert label_limits(layer.program, "x", {integer("K"): 5}) is None
    rng = np.random.default_rng(0)
    for _ in range(20):
        sizes = sample_sizes(layer, rng)
        labels = sample_values(layer.program, sizes, rng)["t"]
        assert labels.dtype.kind == "i"
        assert labels.max() < sizes[integer("K")]


def test_numbers_are_drawn_from_where_the_program_is_defined() -> None:
    layer = LAYERS["binary_cross_entropy"]()
    rng = np.random.default_rng(0)
    drawn = [sample_values(layer.program, {integer("E"): 5}, rng)["x"] for _ in range(20)]
    assert min(x.min() for x in drawn) > 0
    assert max(x.max() for x in drawn) < 1
    free = sample_values(LAYERS["tanh"]().program, {integer("E"): 50}, rng)["x"]
    assert free.min() < -1


def test_a_program_without_a_layer_is_sampled_too() -> None:
    program = LAYERS["conv2d"]().program
    sizes = complete_sizes(program, sample_sizes(program, np.random.default_rng(0)))
    assert all(sizes[symbol] >= 1 for symbol, _ in program.sizes)


@pytest.mark.parametrize(
    ("value", "expected"), [(4.2e-16, ("4", -16)), (0.0, ("0", 0)), (1.0, ("1", 0)), (float("nan"), ("nan", 0))]
)
def test_figures_have_one_digit(value: float, expected: tuple[str, int]) -> None:
    assert figure(value) == Measured(*expected)


def test_a_certificate_holds_within_rounding_only() -> None:
    assert Certificate(3, 5, 1e-15, 1, 1e-9).holds
    assert not Certificate(3, 5, 1e-3, 1, 1e-9).holds
    assert not Certificate(3, 5, 1e-15, 1, 1e-2).holds
    assert not Certificate(3, 5, float("nan"), 1, 1e-9).holds
    assert not Certificate(3, 5, 1e-15, 1, float("nan")).holds
    assert not Certificate(0, 0, 0.0, 0, 0.0).holds


def test_sizes_too_large_for_the_oracle_are_not_certified() -> None:
    derivation = derive(LAYERS["dense"](), settings={"C": "4096", "K": "1000"})
    certificate = certify(derivation)
    assert certificate.shapes == 0
    assert english(certificate.words) == "Not evaluated: the sizes are too large for the oracle."


def test_the_sentence_states_the_figures() -> None:
    def written(**figures: Any) -> str:
        return english(Certificate(6, 19, 4e-16, 4, 8e-11, **figures).words)

    compared = "19 rows compared with the row before on 6 random shapes. "
    exactly = (
        "equal in integers modulo the prime 2147483647; the probability that a false row passes is at most 1e-9 "
        "(Schwartz and Zippel). "
    )
    slopes = "The chain rule against finite differences: greatest difference 8e-11."
    assert written() == f"{compared}All in float64: greatest difference 4e-16. {slopes}"
    assert written(exact=19, degree=3) == f"{compared}All are polynomials: {exactly}{slopes}"
    mixed = f"{compared}18 are polynomials: {exactly}1, marked †, in float64: greatest difference 4e-16. {slopes}"
    assert written(exact=18, degree=3) == mixed
    assert Certificate(6, 19, 0.0, 4, 0.0, 19, 3).chance == 3 / 2147483647


@pytest.mark.thorough
@pytest.mark.parametrize("name", some(["max_pool2d", "conv3d", "lstm_cell"], 1))
def test_second_order_is_verified_on_shapes_that_the_interpreter_can_hold(name: str) -> None:
    rows = list(verify_layer(LAYERS[name](), 1, order=2))
    assert all(row.passed for row in rows), rows
    for function in (f"{name}_double_backward", f"{name}_hessian_vector"):
        assert {row.against for row in rows if row.checked == function} >= {INTERPRETER, PAGE}
    assert any("rows of the derivation of order 2" in row.checked for row in rows)


def small_enough_for_first_order_only(*source: Any, terms: Any = (), **given: Any) -> Any:
    if terms:
        raise TooLargeError("terms")
    return sample_sizes(*source, **given)


SMALL = "input x[N, 3]\ndense(4) -> tanh -> dense(2)"


@pytest.mark.parametrize("loss", ["\nloss softmax_cross_entropy", ""])
def test_what_the_interpreter_cannot_hold_is_compared_with_the_functions_of_first_order(
    loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_gaps, "sample_sizes", small_enough_for_first_order_only)
    rows = list(verify_layer(network(SMALL + loss, "small"), 1, order=2))
    assert all(row.passed for row in rows), rows
    assert [row.against for row in rows if row.checked == "small_hessian_vector"] == [DIFFERENCES]


def test_a_wrong_hessian_is_found_without_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(source: Layer, order: int = 1) -> ModuleType:
        module = compile_layer(source, order)
        right = getattr(module, "small_hessian_vector", None)
        if right is not None:

            @wraps(right)
            def scaled(**given: Any) -> Any:
                return {name: 1.001 * product for name, product in right(**given).items()}

            monkeypatch.setattr(module, "small_hessian_vector", scaled)
        return module

    monkeypatch.setattr(network_gaps, "sample_sizes", small_enough_for_first_order_only)
    monkeypatch.setattr(network_gaps, "compile_layer", broken)
    rows = verify_layer(network(f"{SMALL}\nloss softmax_cross_entropy", "small"), 1, order=2)
    assert [(row.checked, row.against) for row in rows if not row.passed] == [("small_hessian_vector", DIFFERENCES)]


@pytest.mark.thorough
def test_extents_that_are_equal_by_their_definitions_meet_without_numbers() -> None:
    text = """
    input x[N, 6, 6, 2]
    conv2d(2, 3, padding=1) -> residual(conv2d(4, 3, stride=2, padding=1), shortcut(1)) -> relu -> flatten -> dense(3)
    loss softmax_cross_entropy
    """
    rows = list(verify_layer(network(text, "residual", layers={"shortcut": shortcut}), 1))
    assert all(row.passed for row in rows), rows
    assert {row.against for row in rows if row.checked == "residual_backward"} == {INTERPRETER, PAGE, DIFFERENCES}


def test_a_wrong_double_backward_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(source: Layer, order: int) -> ModuleType:
        module = compile_layer(source, order)
        right = module.tanh_double_backward
        monkeypatch.setattr(module, "tanh_double_backward", lambda *given: tuple(2 * g for g in right(*given)))
        return module

    monkeypatch.setattr("gradscribe.codegen.tool.verify.compile_layer", broken)
    failed = [(row.checked, row.against) for row in verify_layer(LAYERS["tanh"](), 2, order=2) if not row.passed]
    assert failed == [("tanh_double_backward", against) for against in (INTERPRETER, PAGE, DIFFERENCES)]


def test_a_wrong_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(source: Layer, order: int) -> ModuleType:
        module = compile_layer(source, order)
        right = module.tanh_grad_input
        monkeypatch.setattr(module, "tanh_grad_input", lambda *given: 2 * right(*given))
        return module

    monkeypatch.setattr("gradscribe.codegen.tool.verify.compile_layer", broken)
    failed = [(row.checked, row.against) for row in verify_layer(LAYERS["tanh"](), 1) if not row.passed]
    assert failed == [("tanh_grad_input", against) for against in (INTERPRETER, PAGE, DIFFERENCES)]
