"""Pages of recurrences whose gradients read what stands further below, or names of another section."""

from dataclasses import replace

import numpy as np
import pytest

import gradscribe
from gradscribe.derive.calculus.passes.positions import label_conditions
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.boxes import boxed
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.ir.interpret import complete_sizes, interpret
from gradscribe.derive.ir.term import accesses
from gradscribe.derive.layer.sampling import sample_sizes, sample_values


@pytest.mark.parametrize("name", ["crf_loss", "simple_rnn"])
def test_a_box_may_read_a_recurrence_that_stands_below(name: str) -> None:
    rng = np.random.default_rng(0)
    layer = LAYERS[name]()
    page = derive(layer)
    sizes = complete_sizes(page.program, sample_sizes(layer, rng))
    values = interpret(page.program, sample_values(page.program, sizes, rng), sizes)
    above = {t.name: t for s in page.sections if s.gradient for t in s.gradient.inputs}
    inputs = tuple(t for n, t in above.items() if n not in values)
    values |= sample_values(replace(page.program, inputs=inputs, statements=()), sizes, rng)
    found = boxed(page, values, sizes, rng)
    assert {n: a.shape for n, a in found.items()} == {n: values[n].shape for n in found}


def test_a_section_has_the_names_that_its_rows_read() -> None:
    page = derive(LAYERS["crf_loss"]())
    lets = {let.target.name for s in page.sections for let in s.lets}
    assert lets
    for section in page.sections:
        rows = (*section.steps, *(row for r in section.results for row in r.rows))
        read = {a.tensor for step in rows for t in step.terms for a in accesses(t.body)}
        assert read & lets == {let.target.name for let in section.lets}


def test_what_must_hold_of_labels_within_a_recurrence() -> None:
    """What reads itself is asked once."""
    assert {str(c.label) for c in label_conditions(LAYERS["ctc_loss"]().program)} >= {"h[n]", "r[n] - 1"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("y[k] = exp(a[k] - 1e30*[k > 2])", True),
        ("y[k] = exp(a[k]) - 1e30*a[k]", False),  # a factor like any other
        ("y[k] = a[k] - 1e30*[k > 2]", False),  # no exponential is taken
    ],
)
def test_what_stands_for_minus_infinity_is_said(text: str, said: bool) -> None:
    printed = " ".join(str(gradscribe.layer(text, "own").derivation()).split())
    assert ("−10³⁰ stands for −∞, the logarithm of 0: its exponential is 0" in printed) is said


def test_captions_hold_of_a_recurrence_without_positions() -> None:
    """Of one element of x there is no increment; what is read at t + 1 is as empty."""
    text = "z[n,t] = z[n,t-1] + tanh(z[n,t-1]*w)*(x[n,t+1] - x[n,t]); z[n,-1] = 0; input x[N,L], w; t < L - 1"
    certificate = certify(gradscribe.layer(text, "controlled").derivation(), shapes=20)
    assert certificate.holds, certificate
    assert certificate.captions
