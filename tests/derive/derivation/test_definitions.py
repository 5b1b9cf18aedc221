"""Forward equations as they are printed: each says what the interpreter computes, and together they say all of it."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from sympy import Expr, Symbol

from gradscribe import layer
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.certificate.rows import row_value
from gradscribe.derive.derivation.forward.forward_equations import both_ways, definitions
from gradscribe.derive.ir.interpret import complete_sizes, index_box, interpret, value
from gradscribe.derive.ir.term import Term
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from gradscribe.derive.typeset.writers.text import text_writer
from tests.cases.together import together

SCATTERED = {
    "every other": "y[2*i] = x[i]\noutput y[L]",
    "and more": "y[2*i] = x[i]\ny[j] += z[j]\noutput y[L]",
    "apart": "y[c] = x[c]\ny[C+d] += z[d]",
    "meeting": "y[i+r] = x[i]*w[r]",
    "digits": "y[R*i+a] = x[i,a]\na < R",
    "digits and more": "y[h,c] = b[c]\ny[R*i+a,c] += x[i,c,a]\na < R",
}


def made(name: str) -> Layer:
    return layer(SCATTERED[name]) if name in SCATTERED else LAYERS[name]()


@together("name", ["conv_transpose1d", "conv_transpose2d", "pixel_shuffle", "concatenation", "conv2d", *SCATTERED])
def test_the_equations_say_what_is_computed(name: str) -> None:
    found = made(name)
    rng = np.random.default_rng(3)
    for _ in range(3):
        sizes = complete_sizes(found.program, sample_sizes(found, rng))
        values = interpret(found.program, sample_values(found.program, sizes, rng), sizes)
        for tensor in found.program.outputs:
            reached = np.zeros(values[tensor].shape, int)
            for definition in (d for d in definitions(found.program) if d.left.tensor == tensor):
                places = tuple(place(e, definition.terms[0], sizes) for e in definition.left.indices)
                assert np.allclose(values[tensor][places], row_value(definition.terms, values, sizes))
                np.add.at(reached, places, 1)
            assert (reached == 1).all()


@together("name", ["pixel_shuffle", "pixel_unshuffle", "upsample_nearest2d", "flatten", "digits"])
def test_digits_that_are_only_written_are_a_sum_first(name: str) -> None:
    total, plain = both_ways(made(name).program)
    assert all(isinstance(e, Symbol) for e in total.left.indices)
    assert total.terms[0].deltas
    assert not plain.terms[0].deltas
    assert certify(derive(made(name)), shapes=2).holds


@together("name", ["conv2d", "group_norm", "depthwise_conv2d", "digits and more"])
def test_digits_that_are_read_are_an_axis(name: str) -> None:
    found = made(name).program
    assert both_ways(found) == definitions(found)


def test_a_sentence_says_why_a_sum_has_one_summand() -> None:
    said = "Each h is WCi+Cj+c for one i, one j and one c: every sum has one summand."
    assert said in text_writer.render(derive(made("flatten")))


def test_a_false_equation_is_no_certificate() -> None:
    page = derive(made("digits"))
    total, plain = page.definitions
    term = plain.terms[0]
    false = replace(plain, terms=(replace(term, body=2 * term.body),))
    assert certify(page).holds
    found = certify(replace(page, definitions=(total, false)))
    assert not found.holds
    assert found.worst == "layer: an equation that is stated"


def place(e: Expr, term: Term, sizes: Mapping[Symbol, int]) -> np.ndarray:
    """The positions that an index of the left side takes, on the box of the free indices."""
    grid, mask = index_box(term, {}, sizes)
    return np.broadcast_to(value(e, {}, grid), mask.shape).reshape(*mask.shape[: len(term.free)], -1)[..., 0]
