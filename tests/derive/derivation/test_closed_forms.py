"""Closed forms against the formulas of the literature and against central differences."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from sympy import Symbol

from gradscribe import layer as layer_of_text
from gradscribe import network
from gradscribe.derive.calculus.closed.rewrites.nested import depth
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import Derivation, Section, derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.certificate.rows import environment, row_value
from gradscribe.derive.ir.interpret import complete_sizes
from gradscribe.derive.typeset.writers.text.text_lines import row
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from tests.cases.catalogue import derived
from tests.cases.finite_differences import weighted_sum
from tests.cases.thorough import some
from tests.cases.together import together
from tests.derive.derivation.literature import CATALOGUE, EPSILON, OWN, causal, grouped, through_softmax

Array = np.ndarray
Values = Mapping[str, Array]
Sizes = Mapping[Symbol, int]
Formula = Callable[..., Array]


def section(derivation: Derivation, wrt: str) -> Section:
    return next(s for s in derivation.sections if s.wrt == wrt)


def point(found: Section, rng: np.random.Generator, most: int) -> tuple[dict[str, Array], Sizes]:
    """Values of all tensors of a section, and sizes of at most so much."""
    program = found.forward
    drawn = {
        s: int(rng.integers(1, most + 1)) if s.is_integer else EPSILON if s.name == "epsilon" else 1.5
        for s in sorted(program.symbols(), key=str)
    }
    sizes = complete_sizes(program, drawn)  # type: ignore[arg-type]  # real numbers, too
    return environment(found, sizes, rng), sizes


def agrees(found: Section, formula: Formula) -> None:
    """Whether the closed form is the formula, at some sizes, and what the program is differentiated to and measured."""
    step = found.closed
    assert step is not None
    assert all(depth(t.body) < 2 for t in step.terms)
    rng = np.random.default_rng(7)
    for most in (1, 3, 5):
        values, sizes = point(found, rng, most)
        expected = np.asarray(formula(**{s.name: v for s, v in sizes.items()} | values))
        value = row_value(step.terms, values, sizes).reshape(expected.shape)
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(value, values[step.left.tensor], rtol=1e-9, atol=1e-11)
        if found.wrt in {t.name for t in found.forward.inputs}:
            slope(found, value, values, sizes, rng)


def slope(found: Section, value: Array, values: Values, sizes: Sizes, rng: np.random.Generator) -> None:
    """The gradient along a random direction against a central difference."""
    program, move = found.forward, 1e-5 * rng.normal(size=value.shape)
    inputs = {t.name: values[t.name] for t in program.inputs if t.name in values}
    scalar = weighted_sum(program, {program.outputs[0]: values["dy"]}, sizes)
    ends = [scalar({**inputs, found.wrt: inputs[found.wrt] + sign * move}) for sign in (1, -1)]
    assert abs((ends[0] - ends[1]) / 2 - (value * move).sum()) < 1e-8 * max(1.0, float(np.abs(value).max()))


@together("name, wrt", list(CATALOGUE))
def test_closed_forms_of_the_catalogue_are_those_of_the_literature(name: str, wrt: str) -> None:
    agrees(section(derived(name), wrt), CATALOGUE[name, wrt])


@together("name", some(OWN, 7))
def test_equations_of_no_catalogue_have_theirs(name: str) -> None:
    text, wrt, formula = OWN[name]
    agrees(section(derive(layer_of_text(text.replace(";", "\n"), "own")), wrt), formula)


def test_pooling_by_a_logarithm_of_exponentials_gives_shares() -> None:
    """Their sum has no tensor of its own: the share is that of an exponential, as exact a softmax as any other."""
    page = derive(layer_of_text("y[n,c] = log(sum(i) exp(x[n,i,c]))", "pool"))
    box = section(page, "x").results[-1]
    assert TextTypesetter(box.step.notation).expr(box.form) == "∂E/∂x = δ ⊙ p"
    values, sizes = point(section(page, "x"), np.random.default_rng(2), 4)
    shares = np.exp(values["x"]) / np.exp(values["x"]).sum(1, keepdims=True)
    assert np.allclose(row_value(box.step.terms, values, sizes), values["dy"][:, None] * shares)


LIKELIHOOD = """
    input x[N, C], t[N]
    integer t
    constant m
    m[n] = max(k) x[n,k]
    z[n] = sum(k) exp(x[n,k] - m[n])
    y[n,k] = x[n,k] - m[n] - log(z[n])
"""


def test_a_label_is_a_position_so_that_the_logarithm_of_shares_at_it_has_their_slope() -> None:
    page = derive(layer_of_text(LIKELIHOOD + "l = -sum(n) y[n,t[n]]/N", "likelihood"))
    box = section(page, "x").results[-1]
    assert TextTypesetter(box.step.notation).expr(box.form) == "∂E/∂x = 1/N (∂E/∂l ⊙ (p−onehot(t)))"
    values, sizes = point(section(page, "x"), np.random.default_rng(2), 5)
    shares = np.exp(values["x"]) / np.exp(values["x"]).sum(1, keepdims=True)
    expected = values["dy"] / len(shares) * (shares - np.eye(shares.shape[1])[values["t"]])
    assert np.allclose(row_value(box.step.terms, values, sizes), expected)
    assert "As Σ_{k} [k=t[n]]=1, since t[n] is a position:" in str(page)
    assert certify(page, shapes=3).holds


def test_a_label_that_may_be_ignored_is_no_position() -> None:
    page = derive(layer_of_text(LIKELIHOOD + "l = -sum(n) [t[n] >= 0]*y[n,t[n]]/N", "likelihood"))
    assert "is a position" not in str(page)
    assert certify(page, shapes=3).holds


def test_causal_attention_has_the_form_of_attention() -> None:
    found = derive(LAYERS["scaled_dot_product_attention"](), settings={"is_causal": "true"})
    own = section(found, "u")
    agrees(own, lambda u, v, dy, **_: through_softmax(causal(u), dy @ v.swapaxes(-1, -2)))
    assert row(own.results[-1].step) == row(section(derived("scaled_dot_product_attention"), "u").results[-1].step)
    assert [s.rule for s in own.steps if s.rule == "implied"]
    assert certify(found, shapes=2).holds


def test_a_bracket_is_dropped_only_beside_what_is_0_there() -> None:
    """The row before has [j <= i]; of another factor it is not implied, and the certificate would say so."""
    text = "p[i, j] = [j <= i] * exp(x[i, j])\ny[i] = sum(j) [j <= i] * x[i, j] * w[j]\nu[i] = sum(j) p[i, j] + y[i]"
    found = derive(layer_of_text(text, "own"))
    (step,) = (s.results[0].step for s in found.sections if s.wrt == "w")
    assert any(t.guards for t in step.terms)
    assert certify(found, shapes=2).holds
    own = section(found, "x")
    steps = tuple(replace(s, terms=tuple(replace(t, guards=()) for t in s.terms)) for s in own.steps)
    assert not certify(replace(found, sections=(replace(own, steps=steps),)), shapes=2).holds


def test_groups_of_channels_in_a_network_have_theirs() -> None:
    found = network("input x[N, H, W, C]\nx -> conv2d(4, 1) -> group_norm(2) -> relu").derivation()
    own = section(found, "conv2d1_u")
    assert own.closed is not None
    rng = np.random.default_rng(5)
    values, sizes = point(own, rng, 4)
    y = {name: values[name] for name in values if name.endswith(("_u", "_gamma"))}
    signal = values[own.seeds[0][1]]
    expected = grouped(y["conv2d1_u"], y["group_norm1_gamma"], signal, 2)
    got = row_value(own.closed.terms, values, sizes).reshape(expected.shape)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-11)
    assert certify(replace(found, chapters=(), sections=(own,)), shapes=2).holds


def test_rows_lead_to_the_box_and_all_are_evaluated() -> None:
    found = section(derived("batch_norm"), "x")
    index_form, closed = found.results
    assert row(closed.step) == (
        "∂E/∂x[e′,c′] = γ[c′]/(M √(ε+v[c′])) (M δ[e′,c′] − Σ_{e} δ[e,c′] − h[e′,c′] Σ_{e} δ[e,c′] h[e,c′])"
    )
    assert [step.rule for step in closed.rows] == ["insert", "name", "factor"]
    assert not index_form.steps
    alone = replace(derived("batch_norm"), sections=(found,))
    assert certify(alone, shapes=2).holds
    wrong = (*closed.steps[:-1], replace(closed.steps[-1], terms=closed.steps[-1].terms[1:]))
    for results in (
        (index_form, replace(closed, steps=wrong)),
        (index_form, replace(closed, step=wrong[-1], steps=())),
    ):
        assert not certify(replace(alone, sections=(replace(found, results=results),)), shapes=2).holds


@together(
    "text",
    [  # undefined for one element: 0/0, or 1/0 before anything is drawn
        "m[n] = sum(j) x[n, j] / J; v[n] = sum(j) (x[n, j] - m[n])^2 / J; y[n, j] = (x[n, j] - m[n]) / sqrt(v[n])",
        "m[c] = sum(n) x[n, c] / N; v[c] = sum(n) (x[n, c] - m[c])^2 / (N-1); y[n, c] = (x[n, c] - m[c]) / sqrt(v[c])",
        OWN["cosines of all"][0],
        # a sum over c' in a gradient of an element whose digits are g' and c'
        "m[n, g] = sum(c) x[n, C*g+c] / C; y[n, C*g+c_prime] = x[n, C*g+c_prime] - m[n, g]; input x[N, C*G]; c < C;"
        "c_prime < C; g < G",
    ],
)
def test_rows_of_equations_of_no_catalogue_hold_where_they_are_defined(text: str) -> None:
    derivation = derive(layer_of_text(text.replace(";", "\n"), "own"))
    assert any(s.closed is not None for s in derivation.sections)
    assert certify(derivation, shapes=3).holds


@together(
    "text",
    [
        "input x[M,C], m[C]; y[c] = sum(n) (x[n,c] - m[c])^2 / sqrt(1 + m[c]^2)",
        "input x[M,C], m[C]; y[c] = sum(n) (x[n,c] - m[c])^3 * exp(m[c])",
    ],
)
def test_a_sum_has_one_sign_whatever_that_of_its_parts_is(text: str) -> None:
    """It was turned again and again, where no part has more indices than the others."""
    assert certify(derive(layer_of_text(text.replace(";", "\n"), "own")), shapes=2).holds


def test_a_gradient_with_an_axis_of_one_place_is_not_inserted() -> None:
    """Its formula has no index for that axis."""
    text = "input x[N,C]\ns[n,0] = sum(c) x[n,c]\ny[n,c] = x[n,c] * s[n,0]"
    assert certify(derive(layer_of_text(text, "own")), shapes=2).holds


def test_the_axis_of_groups_is_taken_apart() -> None:
    """The element has one prime, digits too; what is summed over has the letters of the equations."""
    found = section(derived("group_norm"), "x")
    split, *_, closed = found.results[1].rows
    assert TextTypesetter(split.notation).words(split.reason) == "with k′=Cg′+c′"
    assert row(closed) == (
        "∂E/∂x[n′, e′, Cg′+c′] = 1/(MC √(ε+v[n′,g′])) (MC δ[n′, e′, Cg′+c′] γ[Cg′+c′] − "
        "Σ_{e,c} δ[n′, e, Cg′+c] γ[Cg′+c] − h[n′, e′, Cg′+c′] Σ_{e,c} δ[n′, e, Cg′+c] γ[Cg′+c] h[n′, e, Cg′+c])"
    )


def test_what_is_inserted_elsewhere_is_that_of_the_same_size_only() -> None:
    found = derived("scaled_dot_product_attention")
    closed = section(found, "u").closed
    assert closed is not None
    assert row(closed) == "∂E/∂u[e′,i′,j′] = p[e′,i′,j′] (∂E/∂p[e′,i′,j′] − Σ_{j} ∂E/∂p[e′,i′,j] p[e′,i′,j])"
    assert section(found, "q").closed is None
    assert row(section(found, "q").results[0].step) == "∂E/∂q[e,i,d] = 1/√D Σ_{j} ∂E/∂u[e,i,j] k[e,j,d]"


def test_the_recurrence_is_in_closed_form_too() -> None:
    centred = derive(layer_of_text("m[n] = sum(c) x[n,c] / C; y[n,c] = x[n,c] - m[n]", "centred"))
    last = centred.sections[-1]
    assert row(last.results[0].step) == "δ⁽ˡ⁻¹⁾[n′,c′] = f′(u⁽ˡ⁻¹⁾[n′,c′]) (δ⁽ˡ⁾[n′,c′] − 1/C Σ_{c} δ⁽ˡ⁾[n′,c])"
    assert certify(replace(centred, sections=(last,)), shapes=2).holds


@together("name", ["conv2d", "dense", "lstm_cell", "max_pool2d", "softsign", "softmax_cross_entropy", "bilinear"])
def test_where_nothing_gets_shorter_there_is_none(name: str) -> None:
    assert all(s.closed is None and len(s.results[0].rows) == 1 for s in derived(name).sections)


@together(
    "text",
    [  # sums within sums, and a gradient of another size that nothing cancels
        "s[n, c] = sum(i) x[n, i, c] / I; e[n, k] = sigmoid(sum(c) s[n, c]*w[c, k]); y[n, i, k] = x[n, i, k]*e[n, k]",
        "h[n, k] = tanh(sum(c) x[n, c] * w[c, k]); y[n] = sum(k) h[n, k] * v[k]",
    ],
)
def test_insertion_alone_is_no_closed_form(text: str) -> None:
    assert all(s.closed is None for s in derive(layer_of_text(text.replace(";", "\n"), "own")).sections)


def test_no_divisor_that_was_not_one_before() -> None:
    found = derive(layer_of_text("g[n] = relu(sum(i) x[n, i])\ny[n, i] = x[n, i] * g[n]", "gated"))
    closed = section(found, "x").closed
    steps = [closed] if closed is not None else []
    assert not any(f.is_Pow and f.exp.is_negative for s in steps for t in s.terms for f in t.body.args)


ORDINAL = "weight b; p[n,k] = sigmoid(b[k]-f[n]); y = -sum(n,k) (t[n,k]*log(p[n,k])+(1-t[n,k])*log(1-p[n,k]))/N"
"""Ordinal regression by cumulative logits; of one logit it is logistic regression."""


def test_divisors_of_a_sum_that_stand_beside_it_cancel() -> None:
    """``p (1-p) (t/p - (1-t)/(1-p))`` is t - p."""
    page = derive(layer_of_text(ORDINAL), ["b", "f"])
    for wrt, sign, over in (("b", -1, 0), ("f", 1, 1)):
        found = section(page, wrt)
        assert found.closed is not None
        values, sizes = point(found, np.random.default_rng(5), 4)
        expected = sign * values["dy"] * (values["t"] - values["p"]).sum(over) / len(values["t"])
        np.testing.assert_allclose(row_value(found.closed.terms, values, sizes), expected, rtol=1e-12)
        form = next(r.form for r in found.results if r.closed)
        assert form is not None
        assert f"Σ_{{{'nk'[over]}}} (t − p)" in TextTypesetter(found.closed.notation).expr(form)  # not (Σ t) − p
    assert certify(page, shapes=3).holds


def test_parameters_that_divide_stay() -> None:
    """A S (1 - y²/A²) is how a scaled tanh is written."""
    assert section(derived("scaled_tanh"), "x").closed is None
