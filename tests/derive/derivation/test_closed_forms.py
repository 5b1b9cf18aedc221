"""Closed forms against the formulas of the literature, written by hand, and against central differences."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from sympy import Integer, Symbol, exp, sqrt

from gradscribe import layer as layer_of_text
from gradscribe import network
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import Derivation, Section, derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.certificate.rows import environment, row_value
from gradscribe.derive.derivation.forms.closed.rewrites.factor import factored
from gradscribe.derive.derivation.forms.closed.rewrites.identities import Identities
from gradscribe.derive.derivation.forms.closed.rewrites.nested import depth, measure, nested, normal
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.interpret import complete_sizes, evaluate
from gradscribe.derive.ir.term import Access, InnerSum, Range, Tensor, Term
from gradscribe.derive.typeset.latex import latex_writer
from gradscribe.derive.typeset.text.text_lines import row
from gradscribe.derive.typeset.text.text_symbols import TextTypesetter
from tests.cases.catalogue import derived
from tests.cases.finite_differences import weighted_sum
from tests.cases.together import together

Array = np.ndarray
Values = Mapping[str, Array]
Sizes = Mapping[Symbol, int]
Formula = Callable[..., Array]
EPSILON = 0.3


def normalised(x: Array, axes: tuple[int, ...], signal: Array, less: int = 0, epsilon: float = EPSILON) -> Array:
    """Ioffe and Szegedy, 2015, section 3, with all put in; `less` is what the variance divides by less."""
    n = np.prod([x.shape[a] for a in axes])
    variance = ((x - x.mean(axes, keepdims=True)) ** 2).sum(axes, keepdims=True) / (n - less)
    hat = (x - x.mean(axes, keepdims=True)) / np.sqrt(variance + epsilon)
    inner = signal - signal.mean(axes, keepdims=True) - hat * (signal * hat).sum(axes, keepdims=True) / (n - less)
    return np.asarray(inner / np.sqrt(variance + epsilon))


def softmax(x: Array) -> Array:
    """Over the last axis."""
    return np.asarray(np.exp(x) / np.exp(x).sum(-1, keepdims=True))


def through_softmax(x: Array, signal: Array) -> Array:
    """dS = P * (dP - rowsum(dP * P)), Dao et al., FlashAttention, 2022, appendix B.2."""
    p = softmax(x)
    return np.asarray(p * (signal - (signal * p).sum(-1, keepdims=True)))


def grouped(x: Array, gamma: Array, dy: Array, size: int) -> Array:
    """Wu and He, 2018: each group of channels of each example."""
    shape = (*x.shape[:-1], x.shape[-1] // size, size)
    signal = (dy * gamma).reshape(shape)
    return normalised(x.reshape(shape), (*range(1, x.ndim - 1), x.ndim), signal).reshape(x.shape)


def root_mean_square(x: Array, gamma: Array, dy: Array) -> Array:
    """Zhang and Sennrich, 2019, equation 8."""
    root = np.sqrt((x**2).mean(-1, keepdims=True) + EPSILON)
    return np.asarray((gamma * dy - x / root**2 * (gamma * dy * x).mean(-1, keepdims=True)) / root)


CATALOGUE: dict[tuple[str, str], Formula] = {
    ("batch_norm", "x"): lambda x, gamma, dy, **_: normalised(x, (0,), gamma * dy),
    ("layer_norm", "x"): lambda x, gamma, dy, **_: normalised(x, (-1,), gamma * dy),
    ("instance_norm", "x"): lambda x, gamma, dy, **_: normalised(x, (1,), gamma * dy),
    ("group_norm", "x"): lambda x, gamma, dy, C, **_: grouped(x, gamma, dy, C),
    ("rms_norm", "x"): lambda x, gamma, dy, **_: root_mean_square(x, gamma, dy),
    ("softmax", "x"): lambda x, dy, **_: through_softmax(x, dy),
    ("log_softmax", "x"): lambda x, dy, **_: dy - softmax(x) * dy.sum(-1, keepdims=True),
    ("scaled_dot_product_attention", "u"): lambda u, v, dy, **_: through_softmax(u, dy @ v.swapaxes(-1, -2)),
}

OWN: dict[str, tuple[str, str, Formula]] = {
    "centred": (
        "m[n] = sum(i) x[n, i] / I; y[n, j] = x[n, j] - m[n]",
        "x",
        lambda dy, **_: dy - dy.mean(1, keepdims=True),
    ),
    "unbiased, no name for what is normalised": (
        "m[c] = sum(n) x[n, c] / (N + 1 - 1); v[c] = sum(i) (x[i, c] - m[c])^2 / (N + 1);"
        "y[n, c] = g[c] * (x[n, c] - m[c]) / sqrt(v[c] + 3/10)",
        "x",
        lambda x, g, dy, **_: normalised(x, (0,), g * dy, less=-1),
    ),
    "by the maximum": (
        "m[n] = max(j) x[n, j]; y[n, j] = x[n, j] / m[n]",
        "x",
        lambda x, dy, **_: (dy - (x == x.max(1, keepdims=True)) * (dy * x).sum(1, keepdims=True)
                            / x.max(1, keepdims=True)) / x.max(1, keepdims=True),
    ),
    "by the sum of absolute values": (
        "s[n] = sum(j) abs(x[n, j]); y[n, j] = x[n, j] / s[n]",
        "x",
        lambda x, dy, **_: (dy - np.sign(x) * (dy * x).sum(1, keepdims=True) / np.abs(x).sum(1, keepdims=True))
        / np.abs(x).sum(1, keepdims=True),
    ),
    "by the norm": (
        "y[n, d] = x[n, d] / sqrt(sum(j) x[n, j]^2)",
        "x",
        lambda x, dy, **_: dy / np.linalg.norm(x, axis=1, keepdims=True)
        - x * (dy * x).sum(1, keepdims=True) / np.linalg.norm(x, axis=1, keepdims=True) ** 3,
    ),
    # Salimans and Kingma, Weight normalization, 2016, equation 3
    "weights by their norm": (
        "r[k] = sqrt(sum(c) v[c, k]^2); w[c, k] = g[k] * v[c, k] / r[k]; y[n, k] = sum(c) x[n, c] * w[c, k]",
        "v",
        lambda x, v, g, dy, **_: g / np.linalg.norm(v, axis=0) * (
            x.T @ dy - v * ((x.T @ dy) * v).sum(0) / np.linalg.norm(v, axis=0) ** 2),
    ),
    "cosines of pairs": (
        "p[n] = sqrt(sum(d) a[n, d]^2); q[n] = sqrt(sum(d) b[n, d]^2); y[n] = (sum(d) a[n, d]*b[n, d]) / (p[n]*q[n])",
        "a",
        lambda a, b, dy, **_: cosines(a, b[:, None], dy[:, None]),
    ),
    "cosines of all": (
        "p[n] = sqrt(sum(d) a[n, d]^2); q[m] = sqrt(sum(d) b[m, d]^2);"
        "y[n, m] = (sum(d) a[n, d] * b[m, d]) / (p[n] * q[m])",
        "a",
        lambda a, b, dy, **_: cosines(a, b[None], dy),
    ),
    "softmax of scores by a temperature": (
        "t = 1.5; y[n, k] = exp(x[n, k] / t) / sum(i) exp(x[n, i] / t)",
        "x",
        lambda x, dy, t, **_: through_softmax(x / t, dy) / t,
    ),
    "entropy": (
        "z[n] = sum(k) exp(x[n, k]); p[n, k] = exp(x[n, k]) / z[n]; y[n] = -sum(k) p[n, k] * log(p[n, k])",
        "x",
        lambda x, dy, **_: through_softmax(x, -dy[:, None] * (1 + np.log(softmax(x)))),
    ),
    "cross entropy of distributions": (
        "constant t; y = -sum(n, k) t[n, k] * log(exp(x[n, k]) / sum(j) exp(x[n, j])) / N",
        "x",
        lambda x, t, dy, **_: dy * (softmax(x) * t.sum(1, keepdims=True) - t) / len(x),
    ),
    # Katharopoulos et al., Transformers are RNNs, 2020, equation 4, with the identity for the feature map
    "linear attention": (
        "z[i] = sum(j, d) q[i, d] * k[j, d]; y[i, f] = sum(j, d) q[i, d] * k[j, d] * v[j, f] / z[i]",
        "q",
        lambda q, k, v, dy, **_: (dy @ v.T - (dy * (q @ k.T @ v)).sum(1, keepdims=True) / (q @ k.T).sum(1)[:, None])
        @ k / (q @ k.T).sum(1)[:, None],
    ),
    # Woo et al., ConvNeXt V2, 2023, equation 3: x + b + g x r/m with r the norm of a channel, m the mean of all
    "global response": (
        "r[n, c] = sqrt(sum(h) x[n, h, c]^2); m[n] = sum(c) r[n, c] / C + 1/10; input x[N, H, C];"
        "y[n, h, c] = g[c] * x[n, h, c] * r[n, c] / m[n] + x[n, h, c]",
        "x",
        lambda x, g, dy, **_: through_global_response(x, g, dy),
    ),
    # Qiao et al., Weight standardization, 2019, equation 11
    "weights standardised": (
        "m[k] = sum(c) w[c, k] / C; v[k] = sum(c) (w[c, k] - m[k])^2 / C;"
        "h[c, k] = (w[c, k] - m[k]) / sqrt(v[k] + 3/10); y[n, k] = sum(c) x[n, c] * h[c, k]",
        "w",
        lambda x, w, dy, **_: normalised(w, (0,), x.T @ dy),
    ),
    "correlation of Pearson": (
        "m[n] = sum(d) a[n, d] / D; q[n] = sum(d) b[n, d] / D; s[n] = sqrt(1 + sum(d) (a[n, d] - m[n])^2);"
        "t[n] = sqrt(1 + sum(d) (b[n, d] - q[n])^2); y[n] = sum(d) (a[n, d] - m[n]) * (b[n, d] - q[n]) / (s[n] * t[n])",
        "a",
        lambda a, b, dy, **_: through_correlation(a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True), dy),
    ),
    "softmin": (
        "y[n, k] = exp(-x[n, k]) / sum(i) exp(-x[n, i])",
        "x",
        lambda x, dy, **_: -through_softmax(-x, dy),
    ),
    "shares of what weights let through": (
        "constant m; z[n] = sum(k) m[n, k]^2 * exp(x[n, k]); y[n, k] = m[n, k]^2 * exp(x[n, k]) / z[n]",
        "x",
        lambda x, m, dy, **_: through_softmax(x + 2 * np.log(np.abs(m)), dy),
    ),
    "shares of what a bracket lets through": (
        "h[i, j] = [j <= i] * exp(x[i, j]); z[i] = sum(j) h[i, j]; y[i, j] = h[i, j] / z[i]",
        "x",
        lambda x, dy, **_: through_softmax(causal(x), dy),
    ),
    "the same, no name for what is let through": (
        "z[i] = sum(j) [j <= i] * exp(x[i, j]); p[i, j] = [j <= i] * exp(x[i, j]) / z[i];"
        "y[i, f] = sum(j) p[i, j] * v[j, f]",
        "x",
        lambda x, v, dy, **_: through_softmax(causal(x), dy @ v.T),
    ),
    "mean weighted by a softmax": (
        "z[n] = sum(d) exp(x[n, d]); y[n] = sum(d) x[n, d] * exp(x[n, d]) / z[n]",
        "x",
        lambda x, dy, **_: dy[:, None] * softmax(x) * (1 + x - (softmax(x) * x).sum(1, keepdims=True)),
    ),
    # Hoyer, Non-negative matrix factorization with sparseness constraints, 2004, the ratio of the norms
    "ratio of norms": (
        "y[n] = sum(d) abs(x[n, d]) / sqrt(sum(e) x[n, e]^2)",
        "x",
        lambda x, dy, **_: dy[:, None] * (np.sign(x) - x * np.abs(x).sum(1, keepdims=True)
                                          / (x**2).sum(1, keepdims=True)) / np.linalg.norm(x, axis=1, keepdims=True),
    ),
    "squares about the mean": (
        "m[n] = sum(i) x[n, i] / I; y = sum(n, i) (x[n, i] - m[n])^2 / N",
        "x",
        lambda x, dy, **_: 2 / len(x) * dy * (x - x.mean(1, keepdims=True)),
    ),
}  # fmt: skip


def causal(x: Array) -> Array:
    """Scores of which those of later keys count as minus infinity."""
    return np.where(np.tri(x.shape[-2], x.shape[-1], dtype=bool), x, -np.inf)


def through_global_response(x: Array, g: Array, dy: Array) -> Array:
    """By the chain rule: the gradients by r and m written out."""
    r = np.linalg.norm(x, axis=1, keepdims=True)
    m = r.mean(-1, keepdims=True) + 0.1
    by_mean = -(dy * g * x * r).sum((1, 2), keepdims=True) / m**2
    by_norm = (dy * g * x).sum(1, keepdims=True) / m + by_mean / x.shape[-1]
    return np.asarray(dy * (1 + g * r / m) + by_norm * x / r)


def through_correlation(a: Array, b: Array, dy: Array) -> Array:
    """The gradient of a . b / (s t) for centred a and b, s and t their norms beside 1; it is centred, too."""
    s, t = np.sqrt(1 + (a**2).sum(1)), np.sqrt(1 + (b**2).sum(1))
    y = (a * b).sum(1) / (s * t)
    return np.asarray((dy / s)[:, None] * (b / t[:, None] - a * (y / s)[:, None]))


def cosines(a: Array, b: Array, dy: Array) -> Array:
    """The gradient of a . b / (|a| |b|), the sum over all b: Chen et al., A simple framework, 2020, appendix."""
    p, q = np.linalg.norm(a, axis=-1)[:, None], np.linalg.norm(b, axis=-1)
    y = (a[:, None] * b).sum(-1) / (p * q)
    return np.asarray(((dy / q)[..., None] * b - (dy * y / p)[..., None] * a[:, None]).sum(1) / p)


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


@together("name", list(OWN))
def test_equations_of_no_catalogue_have_theirs(name: str) -> None:
    text, wrt, formula = OWN[name]
    agrees(section(derive(layer_of_text(text.replace(";", "\n"), "own")), wrt), formula)


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


def test_the_axis_of_groups_is_taken_apart() -> None:
    """The element has one prime, digits too; what is summed over has the letters of the equations."""
    found = section(derived("group_norm"), "x")
    split, *_, closed = found.results[1].rows
    assert TextTypesetter(split.notation).words(split.reason) == "with k′=Cg′+c′"
    assert row(closed) == (
        "∂E/∂x[n′, e′, Cg′+c′] = 1/(C M √(ε+v[n′,g′])) (M C δ[n′, e′, Cg′+c′] γ[Cg′+c′] − "
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
    assert row(last.results[0].step) == "δ⁽ˡ⁻¹⁾[n′,c′] = f′(u⁽ˡ⁻¹⁾[n′,c′]) δ⁽ˡ⁾[n′,c′] − " + (
        "1/C f′(u⁽ˡ⁻¹⁾[n′,c′]) Σ_{c} δ⁽ˡ⁾[n′,c]"
    )
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


# ----- what it is made of -----------------------------------------------------------------------------------------
N, C, n, c, k = integers("N C n c k")
X, D, M = Tensor("x", (N, C)), Tensor("dy", (N, C)), Tensor("m", (N,))


def total(text: str, wrt: str = "m") -> tuple[Identities, InnerSum, tuple[Range, ...]]:
    """What a program knows, and the sum over c of x - m for one n."""
    program = layer_of_text(text, "own").program
    extent = program.tensors["x"].shape[1]
    return Identities(program), InnerSum(X(n, c) - Access(wrt, n), Range(c, extent)), (Range(n, N),)


@together(
    "text, value",
    [
        ("m[n] = sum(c) x[n, c] / C; y[n, c] = x[n, c] - m[n]", 0),
        ("s[n] = sum(k) x[n, k]; m[n] = s[n] / C; y[n, c] = x[n, c] - m[n]", 0),  # by way of another name
        ("m[n] = sum(c) 2 * x[n, c] / C; y[n, c] = x[n, c] - m[n]", "-C*m[n]/2"),
        ("m[n] = sum(c) x[n, c] / (C + 1); y[n, c] = x[n, c] - m[n]", "m[n]"),
        ("m[n] = sum(c) x[n, c] * w[c]; y[n, c] = x[n, c] - m[n]", None),  # no mean
        ("m[n] = sum(c) x[n, c]^2; y[n, c] = x[n, c] - m[n]", None),
        ("m[n] = max(c) x[n, c]; y[n, c] = x[n, c] - m[n]", None),
        ("m[n] = sum(c) [c < 2] * x[n, c]; y[n, c] = x[n, c] - m[n]", None),
    ],
)
def test_a_sum_is_known_by_definitions_and_else_not(text: str, value: object) -> None:
    known, wanted, free = total(text.replace("; ", "\n"))
    found = known.known(wanted, free)
    assert (found is None and value is None) or (found is not None and str(found.value) == str(value))


def test_shares_add_up_to_one() -> None:
    program = derived("softmax").program
    shares = InnerSum(Access("y", n, c), Range(c, program.tensors["y"].shape[1]))
    (extent, _) = program.tensors["y"].shape
    found = Identities(program).known(shares, (Range(n, extent),))
    assert found is not None
    assert (found.value, found.tensors) == (1, ("z",))


def test_a_sum_within_a_body_is_evaluated_and_normal_forms_are_equal_to_it() -> None:
    rng = np.random.default_rng(3)
    values = {"x": rng.normal(size=(3, 4)), "dy": rng.normal(size=(3, 4)), "m": rng.normal(size=3)}
    sizes = {N: 3, C: 4}
    free = (Range(n, N), Range(c, C))
    both = InnerSum(D(n, k) * X(n, k) * (M(n) - X(n, k)) + 2 * M(n), Range(k, C))
    body = X(n, c) * (D(n, c) / C + both) * (M(n) - X(n, c)) / sqrt(exp(M(n)))
    x, dy, m = values["x"], values["dy"], values["m"][:, None]
    inner = (dy * x * (m - x) + 2 * m).sum(1, keepdims=True)
    expected = x * (dy / 4 + inner) * (m - x) / np.exp(m / 2)
    flat = normal(body, {"dy"})
    for form in (body, flat, factored(flat, {"dy"})):
        np.testing.assert_allclose(evaluate(Term(free, (), form), values, sizes)[0], expected, rtol=1e-12)
    assert measure(factored(flat, {"dy"})) <= measure(flat)
    over_two = InnerSum(D(n, k), Range(n, N), Range(k, C))
    np.testing.assert_allclose(evaluate(Term((), (), over_two), values, sizes)[0], dy.sum())
    np.testing.assert_allclose(evaluate(Term((), (), over_two), {"dy": np.zeros((3, 0))}, {N: 3, C: 0})[0], 0)
    assert over_two.free_symbols == {N, C}
    plain = Term((Range(n, N),), (Range(c, C),), D(n, c))
    np.testing.assert_allclose(evaluate(replace(plain, bound=(), body=nested(plain)), values, sizes)[0], dy.sum(1))


def test_m_minus_x_is_x_minus_m() -> None:
    one, other = (normal(D(n, c) * e, {"dy"}) for e in (M(n) - X(n, c), X(n, c) - M(n)))
    assert one == -other
    assert normal(InnerSum(D(n, c) * (2 * M(n) - 2 * X(n, c)), Range(c, C)), {"dy"}) == normal(
        -2 * InnerSum(D(n, c) * (X(n, c) - M(n)), Range(c, C)), {"dy"}
    )
    assert normal(InnerSum(Integer(1), Range(c, C)), ()) == C


def test_formats_write_sums_within_products() -> None:
    text = latex_writer.render(derived("layer_norm"))
    assert r"\Bigl(C\,\delta_{e',c'}\,\gamma_{c'} - \sum_{c} \delta_{e',c}\,\gamma_{c} - h_{e',c'} \sum_{c}" in text
