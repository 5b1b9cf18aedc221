"""What a page says besides its rows: no words of storage, why constants are constant, for which sizes it is stated."""

import re
from dataclasses import replace

import numpy as np
from sympy import Integer

from gradscribe import layer
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.forward.idealisation import Condition, Idealised
from gradscribe.derive.derivation.forward.place import coordinate, coordinates
from gradscribe.derive.derivation.forward.quotients import Reduced
from gradscribe.derive.derivation.forward.remarks.constants import change, unchanging
from gradscribe.derive.derivation.gradient.error_recurrence import passes_on
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.ir.functions import equal, larger
from gradscribe.derive.ir.index import integers, mod
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import Access, Range, position
from gradscribe.derive.layer.sampling import Dice
from gradscribe.derive.typeset.writers.text import text_writer
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from tests.cases.catalogue import TRIED, derived
from tests.cases.together import together

STORAGE = re.compile(r"NaN|\bsaved\b|argmax|records?\b|−inf|10³⁰|10\^\{30\}|max\(M−1|same element\?|\bkept\b")
OWN = {
    "window": "y[n, i] = max(r, t) x[n, 2*i + r, t]; weight x",
    "floor": "constant m; m[n] = max(k) max(x[n,k], -1e30); h[n,k] = exp(x[n,k] - m[n]); z[n] = sum(k) h[n,k] + "
    "[m[n] == -1e30]; y[n,k] = h[n,k]/z[n]",
    "variance": "m[c] = sum(n) x[n,c]/N; y[c] = sum(n) (x[n,c] - m[c])^2 / max(N - 1, 1)",
    "least": "y[n, i] = min(r) x[n, i + r] * x[n, i + r]",
}


def of_own(name: str) -> Derivation:
    return derive(layer(OWN[name], name))


def words(page: Derivation) -> str:
    return " ".join(text_writer.render(page).split())


# ----- no words of storage --------------------------------------------------------------------------------------------
@together("name", TRIED)
def test_no_page_of_the_catalogue_says_how_numbers_are_kept(name: str) -> None:
    page = derived(name)
    if name == "ctc_loss":
        return  # what cannot be reached begins at -10^30: a recurrence without a first finite value is not idealised
    assert not STORAGE.findall(text_writer.render(replace(page, source="", title="", name="")))


@together("name", OWN)
def test_nor_does_one_of_own_equations(name: str) -> None:
    page = of_own(name)
    assert not STORAGE.findall(text_writer.render(page))
    assert certify(page, shapes=3).holds


def test_nor_does_a_network() -> None:
    assert not STORAGE.findall(text_writer.render(derive(NETWORKS["lenet"]())))


def test_who_asks_is_told() -> None:
    asked = {name: words(derive(LAYERS[name](), implementation=True)) for name in ("max_pool2d", "batch_norm")}
    assert "The code keeps the place (r*,t*) as one number, argmax: it is T·r*+t*" in asked["max_pool2d"]
    assert "Among elements with a NaN the maximum is NaN" in asked["max_pool2d"]
    assert "new_var[c] = (1−ρ) running_var[c] + Mρ v[c]/max(M−1, 1)" in asked["batch_norm"]
    assert "c[e,i] = max_{j} max(u[e,i,j], −10³⁰)" in words(
        derive(LAYERS["scaled_dot_product_attention"](), implementation=True)
    )
    assert "The code computes slopes from the saved y." in words(derive(LAYERS["tanh"](), implementation=True))
    assert "Implementation" not in words(derive(LAYERS["dense"](), implementation=True))


def test_what_stands_for_a_quotient_is_said() -> None:
    """Rows say "h/z is p" and "by the definition of p"; where no equation defines it, a sentence does."""
    said = "p[e,k] stands for h[e,k]/z[e]."
    assert said in words(derived("log_softmax"))
    assert "stands for" not in words(derived("softmax"))  # there the quotient is y
    text = "h[i,j] = exp(x[i,j]); z[i] = sum(j) h[i,j]; y[i,f] = sum(j) h[i,j] * v[j,f] / z[i]"
    assert "p[i,j] stands for h[i,j]/z[i]." in words(derive(layer(text)))
    assert "p⁽ˡᵒˢˢ⁾[n,k] stands for h⁽ˡᵒˢˢ⁾[n,k]/z⁽ˡᵒˢˢ⁾[n]." in words(derive(NETWORKS["lenet"]()))


def test_a_definition_stands_only_where_it_is_used() -> None:
    turned = "The windows of a convolution are those of the correlation with the kernel turned round."
    assert turned in words(derived("conv2d"))
    assert turned not in words(derived("conv_transpose2d"))  # whose boxes are correlations


# ----- brackets on values ---------------------------------------------------------------------------------------------
def test_a_bracket_beside_what_is_0_without_it_goes() -> None:
    page = derive(layer("y = sum(n) [t[n] != 0] * t[n] * (log(t[n]) - x[n])", "divergence"), ["x"])
    assert "t is 0 where the bracket is" in words(page)
    assert "∂E/∂x[n] = −∂E/∂y t[n] " in words(page)
    assert certify(page).holds
    other = derive(layer("y = sum(n) [t[n] != 0] * t[n] * log(t[n])", "entropy"))  # log(t) is infinite there
    assert "where the bracket is" not in words(other)
    assert "(1+log(t[n])) [t[n]≠0]" in words(other)


def test_a_power_that_is_kept_finite_is_a_power() -> None:
    page = derive(layer("u[n] = sum(c) x[n,c]^2; y[n] = [u[n] != 0] * (u[n] + [u[n] == 0])^(1/2)", "norm"))
    assert "y[n] = √u[n] (2) y is stated for 0<u[n]." in words(page).replace("√(u[n])", "√u[n]")
    assert "[u[n]≠0]" not in words(page)
    assert certify(page).holds
    asked = words(derive(page.layer, implementation=True)) if page.layer is not None else ""
    assert "[u[n]≠0]" in asked


# ----- places ---------------------------------------------------------------------------------------------------------
def test_a_number_of_a_place_is_read_as_the_place() -> None:
    """With numbers put in, the place is that of NumPy."""
    r, t, q, v, R, T = integers("r t q v R T")
    ranges = (Range(r, R), Range(t, T))
    for value, expected in {
        position(ranges): (r, t),
        T * q + v: (q, v),
        T * mod(q, R) + mod(v, T): (mod(q, R), mod(v, T)),
        t: (Integer(0), t),
        T * r: (r, Integer(0)),
    }.items():
        assert coordinates(value, ranges) == expected
        numbers = {r: Integer(2), t: Integer(3), q: Integer(1), v: Integer(2), R: Integer(3), T: Integer(4)}
        place = np.unravel_index(int(value.xreplace(numbers)), (3, 4))
        assert place == tuple(int(e.xreplace(numbers)) for e in expected)
    for unsure in (T * r + t + 1, T * (r - q) + t, T * r + v - T * q, r + t, R * T):
        assert coordinates(unsure, ranges) is None
    assert coordinates(q - 2 * v, (Range(r, R),)) == (q - 2 * v,)
    assert coordinates(T * (r - q) + t, ranges, {r - q: R}) == (r - q, t)
    assert coordinates(T * (r - q) + t, ranges, {r - q: T}) is None


def test_a_bracket_beside_it_makes_a_coordinate_certain() -> None:
    page = derive(layer("y[n, i] = max(r, t) x[n, 3*i + r, 2*t + r]", "skewed"))
    assert "[(r−2t,t)=(r*,t*)[n, (i+2t−r)/3]][0≤r−2t<R]" in text_writer.render(page)
    assert certify(page, shapes=3).holds


def test_what_is_no_place_for_certain_is_compared_as_a_number() -> None:
    r, t, n = integers("r t n")
    ranges = (Range(r, Integer(3)), Range(t, Integer(4)))
    single = {coordinate("arg", k): (range_,) for k, range_ in enumerate(ranges)}
    writer = TextTypesetter(Notation(places={"arg": ranges, **single}))
    assert sorted(re.findall(r"\S+", writer.relation(equal(4 * r + 5, Access("arg", n))))) == [
        "4r+5=t*[n]+4",
        "r*[n]",
    ]


def test_letters_of_a_place_may_be_asked_for() -> None:
    assert "[(r,t)=g[n,i,j,c]]" in text_writer.render(derive(LAYERS["max_pool2d"](), letters="argmax=g"))
    assert "[(a,t)=(a*,t*)[n,i,j,c]]" in text_writer.render(derive(LAYERS["max_pool2d"](), letters="r=a"))


# ----- the slope of a reduction ---------------------------------------------------------------------------------------
@together("name", ["max_pool2d", "global_max_pool", "adaptive_max_pool2d"])
def test_the_slope_of_a_maximum_is_a_row_of_its_own(name: str) -> None:
    page = derived(name)
    section = page.sections[0]
    rules = [s.rule for s in section.steps]
    assert rules[:4] == ["chain rule", "definition", "slope", "kronecker"]
    assert section.steps[1].terms[0].body.has(Reduced)
    assert "a maximum changes with the element that it is, and with no other" in words(page)


def test_a_definition_that_is_not_the_tensor_is_found() -> None:
    page = of_own("least")
    section = page.sections[0]
    wrong = [
        replace(
            s,
            terms=tuple(
                replace(t, body=t.body.xreplace({r: _otherwise(r) for r in t.body.atoms(Reduced)})) for t in s.terms
            ),
        )
        for s in section.steps
    ]
    assert certify(page, shapes=3).holds
    broken = replace(page, sections=(replace(section, steps=tuple(wrong)), *page.sections[1:]))
    assert not certify(broken, shapes=3).holds


def _otherwise(found: Reduced) -> Reduced:
    return Reduced(found.args[0], 2 * found.args[1], *found.args[2:])


# ----- constants ------------------------------------------------------------------------------------------------------
@together(
    ("name", "sentence"),
    [
        ("softmax", "m counts as a constant: y is the same whatever it is, so that ∂y/∂m = 0."),
        ("cross_entropy", "m counts as a constant: y is the same whatever it is, so that ∂y/∂m = 0."),
        ("batch_norm", "No gradient arrives at new_mean and new_var: y alone is differentiated."),
    ],
)
def test_why_a_tensor_is_constant_is_said(name: str, sentence: str) -> None:
    assert sentence in words(derived(name))


def test_a_constant_that_results_depend_on_is_the_equations_own() -> None:
    page = derive(layer("constant m; m[n] = max(k) x[n,k]; y[n,k] = x[n,k]*m[n]", "scaled"))
    assert page.unchanging == ()
    assert "m counts as a constant by decree" in words(page)


def test_results_do_not_move_with_a_constant() -> None:
    """By hand: another m, the same y."""
    program = derived("softmax").program
    assert unchanging(program) == ("m",)
    x = np.array([[1.0, 2.0, 4.0]])
    sizes = dict(zip(program.tensors["x"].shape, x.shape, strict=True))
    rest = replace(program, statements=tuple(s for s in program.statements if s.target.name != "m"))
    results = [interpret(rest, {"x": x, "m": np.array([shift])}, sizes)["y"] for shift in (0.0, 2.5)]
    np.testing.assert_allclose(results[0], results[1], rtol=1e-12)
    np.testing.assert_allclose(results[0], np.exp(x) / np.exp(x).sum(), rtol=1e-12)
    assert change("x", program, Dice(1)) > 1e-3


def test_a_false_claim_about_a_constant_is_red() -> None:
    page = derive(layer("constant m; m[n] = max(k) x[n,k]; y[n,k] = x[n,k]*m[n]", "scaled"))
    assert certify(page, shapes=2).holds
    assert not certify(replace(page, unchanging=("m",)), shapes=2).holds


# ----- what an equation is stated for ---------------------------------------------------------------------------------
def test_a_divisor_is_stated_for_the_sizes_that_it_holds_for() -> None:
    page = of_own("variance")
    assert "y[c] = 1/(N−1) Σ_{n} (x[n,c]−m[c])²" in text_writer.render(page)
    assert "y is stated for 1<N." in words(page)
    assert not any(s.term.body.has(larger) for s in page.program.statements)


def test_equations_that_differ_elsewhere_are_compared_where_they_are_stated() -> None:
    page = of_own("variance")
    assert page.rewritten is not None
    assert certify(page, shapes=2).holds
    (one,) = page.rewritten.idealised
    N = next(iter(one.conditions[0].upper.free_symbols))
    everywhere = Idealised(one.equation, (Condition(Integer(0), N),))
    claims_more = replace(page, rewritten=replace(page.rewritten, idealised=(everywhere,)))
    assert not all(certify(claims_more, shapes=1, seed=seed).holds for seed in range(8))


def test_what_stands_for_infinity_is_left_out() -> None:
    shown = text_writer.render(of_own("floor"))
    assert "m[n] = max_{k} x[n,k]" in shown
    assert "z[n] = Σ_{k} h[n,k]" in shown
    assert "m and z are stated for −∞<m[n]." in shown


# ----- the layer before -----------------------------------------------------------------------------------------------
@together(
    ("text", "expected"),
    [
        ("u[n,k] = sum(c) x[n,c]*w[c,k] + b[k]", True),
        ("y[n,i] = max(r) x[n,i+r]", True),
        ("m[n] = sum(i) x[n,i]/I; y[n,i] = x[n,i] - m[n]", True),
        ("y = sum(n, i) x[n,i]*t[n,i]", False),
        ("y[n,i] = sum(j) x[n,i]*x[n,j]", False),
        ("h[n,k] = exp(x[n,k]); z[n] = sum(k) h[n,k]; y[n,k] = h[n,k]/z[n]", False),
        ("u[n,k] = sum(c) x[n,c]*w[c,k]; y[n,k] = tanh(u[n,k])", False),
    ],
)
def test_only_what_is_linear_has_a_layer_before(text: str, expected: bool) -> None:
    assert passes_on(layer(text, "own").program, "x") == expected
    assert ("The error signal of the layer before" in text_writer.render(derive(layer(text, "own")))) == expected


@together(
    ("name", "expected"),
    [("conv2d", True), ("avg_pool2d", True), ("max_pool2d", True), ("dense", True), ("upsample_nearest2d", True)]
    + [(n, False) for n in ("softmax", "lstm_cell", "gru_cell", "mean_squared_error", "cross_entropy", "batch_norm")]
    + [("scaled_dot_product_attention", False)],
)
def test_which_layers_of_the_catalogue_have_one(name: str, expected: bool) -> None:
    assert any(s.wrt.startswith("u_prev") for s in derived(name).sections) == expected


def test_a_kernel_is_introduced_with_all_its_extents() -> None:
    """Though one of them is the stride, too, and stands in that."""
    page = derive(LAYERS["max_pool2d"](), settings={"padding": "0", "dilation": "1", "stride": "R"})
    assert "stride R, padding 0, dilation 1. Kernel size R×T." in words(page)


def test_of_what_other_equations_read_a_part_arrives() -> None:
    """A cell's state goes out, and is read for its output: what arrives is not all of its gradient."""
    text = " ".join(text_writer.render(derived("lstm_cell")).split())
    assert "With dy = ∂E/∂y, the gradient that arrives from above. dz is the part of ∂E/∂z that arrives" in text
    assert "dz = ∂E/∂z" not in text


def test_parameters_without_a_word_of_their_own_are_called_so() -> None:
    page = derive(layer("y[n] = a*x[n] + sum(r) x[n + d*r - p] * w[r]; a = 0.5"))
    assert "; parameters a, d, p." in text_writer.render(page)


def test_a_bracket_begins_with_what_is_compared() -> None:
    """The element before the parameter, and behind the other factors."""
    text = text_writer.render(derived("huber_loss"))
    assert "(r[e] [|r[e]|≤δ]+δ sign(r[e]) [|r[e]|>δ])" in text


def test_common_factors_stand_in_front_of_two_indices_that_are_equal() -> None:
    page = derive(layer("e = sum(n) log(sum(m) exp(x[n,m])) - sum(n) x[n,n]"))
    assert "−[n=m])" in text_writer.render(page)
    assert certify(page, shapes=2).holds


def test_a_reason_names_what_is_left_in_every_sum() -> None:
    """Three sums read x at three places; the bracket of a range has its extent reduced, W' - W - p with W' = W + 2p."""
    page = text_writer.render(derived("reflection_pad1d"))
    assert "of j only 2W+p−2−j′, j′+p and p−j′ are left, one in each sum\n" in page
    assert "[W−p−1≤j≤W−2]" in page
    assert "W′−W−p" not in page


def test_what_only_one_sum_is_solved_for_is_said_of_that_one() -> None:
    """Of three sums over j one has the bracket [j'=j-p]; the others still run over j in the next row."""
    assert "in one of the sums, of j only j′+p is left" in words(derived("replication_pad1d"))
    assert "in one of the sums" not in words(derived("reflection_pad1d"))  # one value in each


def test_what_a_maximum_finds_on_padding_is_left_out() -> None:
    """Where the maximum may be a zero beside the tensor; one that is restricted to it never is."""
    padded = derive(layer("y[n,i,c] = max(r) (x[n,2*i+r-1,c] + w[r,c])"))
    assert "of its window, and leaves out what falls on padding." in words(padded)
    assert "falls on padding" not in words(derived("max_pool2d"))


def test_a_place_that_asks_for_its_tap_slides_over_nothing() -> None:
    """``sum(r,k) dy[i+r,k] [(r,c)=(r*,c*)[i+r,k]]``: along r the bracket and the window go together."""
    page = derive(layer("weight w; y[n,i,k] = max(r,c) (x[n,i-r,c] + w[r,c,k])"))
    text = words(page)
    assert "correlation" not in text
    assert "⋆" not in text


def test_functions_that_rows_have_are_defined() -> None:
    """The slope of a softplus is a logistic function, which no equation of the page has."""
    assert "softplus(a)=log(1+exp(a)). σ(a)=1/(1+exp(−a))." in words(derived("mish"))


def test_the_error_function_is_told_by_its_slope() -> None:
    assert "erf(a) is 0 at 0, and its slope is 2·exp(−a²)/√π." in words(derived("gelu"))
    assert "erf" not in words(derived("gelu_tanh"))
    assert "expm1(a)=exp(a)−1." in words(derived("elu"))
