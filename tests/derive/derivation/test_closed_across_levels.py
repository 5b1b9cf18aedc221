"""Closed forms across two levels: of a loss that a label picks and the layer below it."""

import numpy as np

from gradscribe import layer as layer_of_text
from gradscribe import network
from gradscribe.derive.calculus.closed.rewrites.identities import Identities
from gradscribe.derive.calculus.passes.brackets import bracketed
from gradscribe.derive.derivation import Section, derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.certificate.rows import environment, row_value
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.interpret import complete_sizes
from gradscribe.derive.ir.term import Access, InnerSum, Range
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from tests.cases.together import together
from tests.derive.derivation.literature import softmax

N, K, n, k = integers("N K n k")


def signal(page_of: str) -> tuple[Section, str]:
    """The section of a network whose last closed form names a label, and that form."""
    page = derive(network(page_of))
    assert certify(page, shapes=2).holds
    found = next(s for s in page.sections if s.closed is not None)
    box = found.results[-1]
    return found, TextTypesetter(box.step.notation).expr(box.form)


@together(
    "layers",
    [
        "input x[N, C]; dense(7); log_softmax; loss nll_loss",
        "input x[N, H, W, C]; conv2d(3, 2); relu; conv2d(5, 1); log_softmax; loss nll_loss",
    ],
)
def test_log_softmax_and_likelihood_are_shares_less_what_the_label_picks(layers: str) -> None:
    """p - onehot(t), per label that counts: Bishop, 2006, equation 4.109; labels that are ignored have none."""
    found, form = signal(layers)
    assert "−onehot(" in form
    rng = np.random.default_rng(4)
    drawn = {s: 5 if s.is_integer else -100.0 for s in found.forward.symbols()}
    values = environment(found, complete_sizes(found.forward, drawn), rng)  # type: ignore[arg-type]
    labels, u = values["t"], values[found.wrt]
    step = found.results[-1].step
    value = row_value(step.terms, values, complete_sizes(found.forward, drawn)).reshape(u.shape)  # type: ignore[arg-type]
    expected = (softmax(u) - np.eye(u.shape[-1])[labels]) / values["loss_s"]  # how many labels count, drawn here
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)


def test_the_weights_below_still_read_the_error_signal() -> None:
    page = derive(network("input x[N, C]; dense(7); log_softmax; loss nll_loss"))
    box = next(s for s in page.sections if "w" in s.wrt).results[-1]
    assert TextTypesetter(box.step.notation).expr(box.form) == "∂E/∂w⁽ˡ⁾ = xᵀ δ⁽ˡ⁾"


def test_rows_that_lead_to_a_box_have_letters_that_mean_one_thing() -> None:
    """Where a row sums over k, the element stays k'."""
    page = str(derive(network("input x[N, C]; dense(7); log_softmax; loss nll_loss")))
    assert "p⁽ˡ⁺¹⁾[n′,k′] Σ_{k} [k=t[n′]]" in page
    assert "Σ_{k} p⁽ˡ⁺¹⁾[n,k]" not in page


@together(
    "text, names",
    [
        ("a[n] = sum(k) w[k]*[k == t[n]]; y = sum(n) a[n]*x[n]", ("a",)),
        ("a[n] = sum(k) [t[n] != 2]*[k == t[n]]*w[k]; b[n] = 3*a[n]/x[n]; y = sum(n) b[n]", ("b", "a")),
        ("a[n] = sum(k) w[k]*[k == t[n]] + 1; y = sum(n) a[n]*x[n]", ()),  # 1 where no k is the label
        ("a[n] = sum(k) w[k]*[k == t[n] + 1]; y = sum(n) a[n]*x[n]", ()),  # of another place
        ("a[n] = sum(k) w[k]*[k != t[n]]; y = sum(n) a[n]*x[n]", ()),
        ("a[n] = x[n]/sum(k) w[k]*[k == t[n]]; y = sum(n) a[n]", ()),
    ],
)
def test_what_is_0_unless_a_label_is_a_position_absorbs_the_sum_that_counts(text: str, names: tuple[str, ...]) -> None:
    program = bracketed(layer_of_text("input x[N], w[K], t[N]\ninteger t\n" + text.replace("; ", "\n"), "own").program)
    first = names[0] if names else "a"
    counted = InnerSum(equal(k, Access("t", n)), Range(k, K))
    assert Identities(program).counting(Access(first, n), counted) == names
