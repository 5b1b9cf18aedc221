"""Lines ``derivative of``: what they make of a text, where they stand in a page, and mistakes."""

import pickle

import numpy as np
import pytest
from sympy import IndexedBase

import gradscribe
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.certificate.differences import program_gap
from gradscribe.derive.ir.functions import Rule, decreed
from gradscribe.derive.ir.interpret import complete_sizes, interpret
from gradscribe.derive.language import LanguageError
from gradscribe.derive.language.reading import read
from gradscribe.derive.layer.equations import program, to_sympy
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from gradscribe.derive.typeset.writers.latex import latex_writer
from gradscribe.derive.typeset.writers.text import text_writer

SPIKE = "define spike(v) = [v > 0]\nderivative of spike(v) is 1/(1+abs(v))^2\n"
NEURON = SPIKE + "theta = 0.5\ns[n,k] = spike(sum(c) x[n,c]*w[c,k] - theta)"


def page(text: str, order: int = 1) -> str:
    derivation = gradscribe.layer(text, "own").derivation(order=order)
    return " ".join(text_writer.render(derivation, certify(derivation, shapes=2)).split())


def test_equations_keep_the_function_and_kernels_compute_it() -> None:
    layer = gradscribe.layer(NEURON, "own")
    (_, s) = layer.program.statements
    (rule,) = s.term.body.atoms(Rule)
    assert (rule.name, len(rule.slopes)) == ("spike", 1)
    assert not any(k.program.statements[-1].term.body.has(decreed) for k in kernels(layer))


def test_the_page_says_what_is_by_decree() -> None:
    text = page(NEURON)
    assert "spike(v) is [v>0]. By decree the slope of spike(v) is 1/(1+|v|)², whatever its derivative is." in text
    assert "Chain rule, element by element; slope of spike by decree" in text
    assert "which take the slope of spike as decreed" in text
    assert "differences, which" not in page("y[n] = x[n]^2")


def test_every_argument_has_its_slope_on_the_page() -> None:
    text = page("define gate(a, b) = a*b\nderivative of gate(a, b) is (b, 2*a)\ny[n] = gate(x[n], z[n])")
    assert "By decree the slope of gate(a, b) is b by a and 2a by b, whatever its derivative is." in text


def test_a_function_of_the_language_may_have_another_slope() -> None:
    text = page("derivative of sign(v) is [abs(v) <= 1]; y[n] = sign(x[n])")
    assert "By decree the slope of sign(v) is [|v|≤1], whatever" in text
    assert "sign(v) is sign(v)" not in text


def test_a_parameter_that_is_set_is_set_in_the_rule_too() -> None:
    text = "a = 3.0; define spike(v) = [v > 0]; derivative of spike(v) is 1/(1+a*abs(v))^2; s[n] = spike(x[n])"
    derivation = gradscribe.layer(text, "own").derivation(settings={"a": "2"})
    assert "By decree the slope of spike(v) is 1/(1+2 |v|)², whatever" in " ".join(
        text_writer.render(derivation).split()
    )


def test_programs_survive_sympy_and_pickle() -> None:
    source = gradscribe.layer(NEURON, "own").program
    assert pickle.loads(pickle.dumps(source)) == source
    bases = [IndexedBase(t.name, shape=t.shape, real=True) for t in source.inputs]
    again = program(*to_sympy(source), inputs=bases)
    assert again.statements == source.statements


def test_names_of_functions_are_set_upright() -> None:
    text = latex_writer.render(gradscribe.layer(NEURON.replace("spike", "my_spike"), "own").derivation())
    assert r"\operatorname{my\_spike}" in text


@pytest.mark.parametrize("order", [1, 2])
def test_verification_takes_slopes_as_decreed(order: int) -> None:
    found = list(verify_layer(gradscribe.layer(NEURON, "own"), 2, order=order))
    assert all(v.passed for v in found)
    assert "differences, slopes as decreed" in {v.against for v in found}
    assert "differences" not in {v.against for v in found}


def test_another_slope_is_red() -> None:
    """The certificate compares with the rule, not with what the derivation says."""
    layer = gradscribe.layer(NEURON, "own")
    other = gradscribe.layer(NEURON.replace("1/(1+abs(v))^2", "2/(1+abs(v))^2"), "own")
    rng = np.random.default_rng(0)
    sizes = complete_sizes(layer.program, sample_sizes(layer, rng))
    values = interpret(layer.program, sample_values(layer.program, sizes, rng), sizes)
    dy = rng.normal(size=values["s"].shape)
    gradient = interpret(layer.differentiate().program, {**values, "dy": dy}, sizes)["dw"]
    same, double = (
        program_gap(p, "w", {"s": dy}, values, sizes, gradient, rng) for p in (layer.program, other.program)
    )
    assert same is not None
    assert double is not None
    assert same < 1e-6 < 1e-2 < double


def test_arguments_are_not_captured() -> None:
    """v of the text is not v of the rule, nor is w of a definition."""
    text = "define half(w) = w/2\nderivative of half(w) is 3*w\ndefine own(v, w) = half(w) * v\ny[n] = own(w[n], v[n])"
    module = gradscribe.layer(text, "own").compile()
    w, v = np.array([2.0, 5.0]), np.array([7.0, 11.0])
    given = {"w": w, "v": v}
    order = [t.name for t in gradscribe.layer(text, "own").program.inputs]
    np.testing.assert_allclose(module.own_forward(*(given[n] for n in order)), w * v / 2)
    instance = module.Own()
    instance(*(given[n] for n in order))
    found = dict(zip(order, instance.backward(np.ones(2)), strict=True))
    np.testing.assert_allclose(found["w"], v / 2)
    np.testing.assert_allclose(found["v"], 3 * v * w)


@pytest.mark.parametrize("n", [0, 1, 4])
def test_any_number_of_neurons(n: int) -> None:
    module = gradscribe.layer(SPIKE + "s[n] = spike(u[n])", "own").compile()
    u = np.linspace(-1, 1, n)
    np.testing.assert_array_equal(module.own_forward(u), (u > 0).astype(float))
    np.testing.assert_allclose(module.own_grad_u(np.ones(n), u), 1 / (1 + np.abs(u)) ** 2)


def test_not_a_number_is_no_spike_and_has_no_slope() -> None:
    module = gradscribe.layer(SPIKE + "s[n] = spike(u[n])", "own").compile()
    assert module.own_forward(np.array([np.nan]))[0] == 0
    assert np.isnan(module.own_grad_u(np.ones(1), np.array([np.nan])))[0]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("derivative of spike(v, u) is (1, 2)", r"line 2, column 15: spike takes 1 argument, spike\(v\); found 2"),
        ("derivative of spike(v) is (1, 2)", r"line 2, column 15: spike takes 1 argument, spike\(v\); found 2"),
        ("derivative of spike(v) is x[n]", "line 2, column 27: a tensor stands in spike, which may read its arguments"),
        ("derivative of spike(v) is n", r"line 2, column 27: n is an index; make it an argument: spike\(v, n\)"),
        ("derivative of spike(v) is alpha", "line 2, column 27: unknown name alpha; write alpha = 1 for a parameter"),
        ("derivative of spike(v) is spike(v)", "line 2, column 27: spike reads itself; write what it is of v"),
        ("derivative of spike(v) is sum(n) v", "line 2, column 27: a reduction stands in spike"),
        (
            "define own(v) = spike(v); derivative of spike(v) is own(v)",
            "derivative of spike is written with spike by way",
        ),
        ("derivative of sin(v) is cos(v); derivative of cos(v) is -sin(v)", "derivative of sin is written with sin by"),
        ("derivative of spike(v) is 1/0", "line 2, column 29: division by 0"),
        ("derivative of spike(v) by u is 1", "line 2, column 27: u is no argument of spike; expected one of v"),
        ("derivative of spike is 1", r"line 2, column 21: found 'is'; expected \("),
        ("derivative of spike(v) = 1", "line 2, column 24: found '='; expected by or is"),
        (
            "derivative of spyke(v) is 1",
            r"no function of values is called spyke; define it on a line: define spyke\(v\)",
        ),
        ("derivative of relu(v) is 1", "no equation calls relu, so that its derivative says nothing"),
        ("derivative of spike(v) is 1; derivative of spike(v) is 2", "spike has a derivative by v already"),
        (
            "derivative of x(v) is 1; define x(v) = v",
            "x is a single letter; call a function with a derivative by decree",
        ),
        (
            "define gate(a, b) = a; derivative of gate(a, b) by a is 1",
            "gate has no derivative by b; write 0 where there",
        ),
        (
            "define gate(a, b) = a; derivative of gate(a, b) is 1",
            r"gate takes 2 arguments, gate\(a, b\); found 1; a derivative by",
        ),
        ("define relu(v) = v", "relu is a word of the language"),
        ("define aa(v) = v*x[n]; derivative of aa(v) is 1", "column 18: a tensor stands in aa, which may read its arg"),
        (
            "define bb(v) = v*x[0]; define aa(v) = bb(v); derivative of aa(v) is 1\nz[n] = aa(x[n])",
            "a tensor stands in aa",
        ),
        ("derivative of spike(v) is mean(v, n)", "n is an index; make it an argument"),
        ("derivative of softmax(v, n) is (1, 1)", "j stands for an index in softmax; a function with a derivative by"),
        (
            "define aa(v) = v; derivative of aa(v) is norm(v, v)\nz[n] = aa(x[n])",
            "a reduction stands in aa, which may read its arguments and parameters only",
        ),
        ("define gate(a, b) = a; derivative of gate(a, a) is (1, 2)", "argument a stands twice"),
        ("derivative of spike(lambda) is 1", "argument lambda is a reserved word"),
        ("spike[n] = x[n]; derivative of spike(v) is 1", "spike is a tensor; call a function with"),
    ],
)
def test_mistakes(lines: str, message: str) -> None:
    with pytest.raises(LanguageError, match=message):
        gradscribe.layer(f"define spike(v) = [v > 0]\n{lines}\ny[n] = spike(x[n])")


def test_a_call_with_too_many_arguments_is_pointed_at() -> None:
    with pytest.raises(LanguageError, match=r"line 3, column 8: spike takes 1 argument, spike\(v\); found 2"):
        gradscribe.layer(SPIKE + "y[n] = spike(x[n], 2)")


def growing(count: int) -> str:
    """Functions whose slope by the next one stands twice in the one before."""
    lines = [f"define f{k}(v) = v; derivative of f{k}(v) is f{k + 1}(v)*f{k + 1}(v)" for k in range(count)]
    return "\n".join([*lines, f"define f{count}(v) = v", "y[n] = f0(x[n])"])


def test_what_grows_without_end_is_refused() -> None:
    with pytest.raises(LanguageError, match="definitions make more than 10000 parts"):
        gradscribe.layer(growing(18))
    with pytest.raises(LanguageError, match="more than 20 derivatives that use one another"):
        gradscribe.layer(growing(300))


def test_a_setting_of_a_slope_is_no_argument_of_a_definition_around_it() -> None:
    text = "scale = 3.0\ndefine jump(v) = [v > 0]\nderivative of jump(v) is scale\n"
    layer = gradscribe.layer(text + "define own(scale) = jump(scale) * 2\ny[n] = own(x[n])", "own")
    x = np.array([-1.0, 2.0])
    np.testing.assert_allclose(layer.compile().own_grad_input(np.ones(2)), [6.0, 6.0])
    np.testing.assert_allclose(layer.compile().own_forward(x), [0.0, 2.0])


def test_a_rule_holds_where_definitions_of_the_library_call_the_function() -> None:
    x = np.array([-1.0, 2.0])
    module = gradscribe.layer("derivative of sigmoid(v) is 0\ny[n] = silu(x[n])", "own").compile()
    np.testing.assert_allclose(module.own_grad_input(np.ones(2), x), 1 / (1 + np.exp(-x)))


def test_a_definition_with_parts_may_have_a_rule() -> None:
    text = "define jump(v) = a - b where a = 2*v, b = abs(a)\nderivative of jump(v) is 5\n"
    text += "y[n,k] = jump(softmax(x[n,k], k))"
    layer = gradscribe.layer(text, "own")
    (found,) = layer.program.statements[-1].term.body.atoms(decreed)
    assert found.rule.name == "jump"
    assert all(v.passed for v in verify_layer(layer, 2))


def test_rules_hold_where_definitions_call_a_function() -> None:
    """Of the library, of the text, and nested; arguments are those of the place of the call."""
    text = SPIKE + "define rate(s, j) = sum(j) spike(s)\ny[n] = rate(x[n,k] - mean(x[n,k], k), k)"
    layer = gradscribe.layer(text, "own")
    assert any(s.term.body.has(decreed) for s in layer.program.statements)
    assert certify(layer.derivation(), shapes=2).holds


def test_a_rule_may_be_called_by_the_slope_of_another_one_only() -> None:
    text = "define aa(v) = v; derivative of aa(v) is bb(v)\ndefine bb(v) = 2*v; derivative of bb(v) is 7\n"
    layer = gradscribe.layer(text + "y[n] = aa(x[n])", "own")
    x = np.array([1.0, 3.0])
    np.testing.assert_allclose(layer.compile().own_grad_input(np.ones(2), x), 2 * x)


def test_a_rule_of_a_file_that_is_included_is_refused() -> None:
    """Or it would be read, and say nothing."""
    with pytest.raises(LanguageError, match=r"blocks.eq:2:1: a file that is included has definitions only"):
        read('include "blocks.eq"\ny[n] = spike(x[n])', load=lambda _, file: (file, SPIKE))


def test_a_function_that_reduces_has_no_such_rule() -> None:
    text = "define total(s, j) = sum(j) s\nderivative of total(s, j) is (1, 0)\ny[n] = total(x[n,k], k)"
    with pytest.raises(LanguageError, match="j stands for an index in total; a function with a derivative by decree"):
        gradscribe.layer(text)


def test_rules_in_recurrences() -> None:
    """A spiking neuron that is reset by what it fired."""
    text = SPIKE + "u[n,t] = 0.9*u[n,t-1] + x[n,t] - spike(u[n,t-1])\nu[n,-1] = 0\ns[n,t] = spike(u[n,t])\noutput s"
    layer = gradscribe.layer(text, "own")
    assert all(v.passed for v in verify_layer(layer, 2))
    assert certify(layer.derivation(), shapes=2).holds
