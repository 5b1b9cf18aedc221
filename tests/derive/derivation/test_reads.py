"""Who reads whom, compared with what changes when an element is changed."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.rows import row_value
from gradscribe.derive.derivation.forms.example.chosen.numbers import Numbers, numbers
from gradscribe.derive.derivation.forms.example.reads import counted, left_out, reads
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.interpret.plain import Array
from gradscribe.facade import layer
from tests.cases.plain_arrays import array, arrays, plain
from tests.cases.thorough import some

CASES = [
    *(
        ("conv2d", s)
        for s in ({}, {"stride": "2"}, {"padding": "1"}, {"dilation": "2"}, {"stride": "3", "padding": "1"})
    ),
    *(("conv_transpose2d", s) for s in ({}, {"stride": "2"})),
    *((name, {}) for name in ("dense", "max_pool2d", "avg_pool2d", "softmax", "batch_norm", "embedding", "bilinear")),
    *((name, {}) for name in ("scaled_dot_product_attention", "depthwise_conv2d", "lstm_cell", "pixel_shuffle")),
    *((name, {}) for name in ("layer_norm", "rms_norm", "group_norm", "log_softmax")),
]
WITHIN = {
    "softmax": "x", "batch_norm": "x", "layer_norm": "x", "rms_norm": "x", "instance_norm": "x",
    "scaled_dot_product_attention": "u",
    "y[n,i] = x[n,i]/sqrt(sum(j) x[n,j]**2)": "x",
    "y[n] = sqrt(sum(i) (x[n,i] - sum(j) x[n,j]*w[j])**2); weight w": "x",
}  # fmt: skip
"""Gradients whose closed form has sums within it."""


PRODUCTS = ("conv2d", "conv_transpose2d", "depthwise_conv2d", "dense", "avg_pool2d", "bilinear", "pixel_shuffle")
"""Layers of sums of products: with positive numbers every element that is read counts."""


def rows(page: Derivation) -> Iterator[Step]:
    yield from (Step("", (), d.left, d.terms) for d in page.equations)
    boxes = ((s, r) for s in page.sections if s.wrt in page.program.tensors for r in s.results)
    yield from (r.step for s, r in boxes if r.closed or r is s.results[0])


def others(found: Numbers) -> dict[str, Array]:
    """Numbers none of which is 0, in the places of real ones; positions and labels stay."""
    rng = np.random.default_rng(0)
    return {
        name: value if found.axes.get(name) and found.axes[name].extents else plain(rng.uniform(0.5, 1.5, value.shape))
        for name, value in found.values.items()
    }


@pytest.mark.parametrize(("name", "settings"), some(CASES, 6), ids=str)
def test_what_is_read_is_what_counts(name: str, settings: dict[str, str]) -> None:
    page = derive(LAYERS[name](), settings=settings)
    found = numbers(page)
    assert isinstance(found, Numbers)
    integers = {t.name for t in page.program.inputs if t.integer}
    values = {k: found.values[k] if k in integers else v for k, v in others(found).items()}
    tried = 0
    for row in rows(page):
        terms, made = row.terms, reads(row, values, found.known)
        if not made or not all(t.is_sum for t in terms) or not all(i.is_Symbol for i in row.left.indices):
            continue
        before = row_value(terms, arrays(values), found.known)
        assert set(made) == set(product(*map(range, before.shape)))
        read = {at: set(counted(summands)) for at, summands in made.items()}
        for tensor in {t for row in read.values() for t, _ in row} - integers:
            if found.axes.get(tensor) and found.axes[tensor].extents:
                continue
            for place in np.ndindex(values[tensor].shape):
                changed = arrays(values) | {tensor: array(values[tensor]).astype(float)}
                changed[tensor][place] += 0.25
                differs = row_value(terms, changed, found.known) != before
                for at, own in read.items():
                    counts = (tensor, place) in own
                    assert bool(differs[at]) == counts if name in PRODUCTS else bool(differs[at]) <= counts
                    tried += 1
    assert tried


@pytest.mark.parametrize(("text", "wrt"), some(WITHIN.items(), 5))
def test_what_sums_within_a_formula_read_counts(text: str, wrt: str) -> None:
    """Everything that the closed form of a gradient is said to read changes it, and nothing else does."""
    page = derive(LAYERS[text]() if text in LAYERS else layer(text, "mine"))
    found = numbers(page)
    assert isinstance(found, Numbers)
    (row,) = (s.closed for s in page.sections if s.wrt == wrt and s.closed is not None)
    values = others(found)
    made = reads(row, values, found.known)
    assert any(s.within for summands in made.values() for s in summands)
    before = row_value(row.terms, arrays(values), found.known)
    read = {at: set(counted(summands)) for at, summands in made.items()}
    for tensor in {t for own in read.values() for t, _ in own}:
        for place in np.ndindex(values[tensor].shape):
            changed = arrays(values) | {tensor: array(values[tensor]).astype(float)}
            changed[tensor][place] += 0.25
            differs = np.abs(row_value(row.terms, changed, found.known) - before) > 1e-12
            assert {at for at in read if differs[at]} == {at for at, own in read.items() if (tensor, place) in own}


def test_attention_leaves_out_what_comes_later() -> None:
    page = derive(LAYERS["scaled_dot_product_attention"](), settings={"is_causal": "true"})
    found = numbers(page)
    assert isinstance(found, Numbers)
    rows_ = {row.left.tensor: row for row in rows(page)}
    for (e, i, j), out in left_out(rows_["p"], found.values, found.known).items():
        assert {(r.tensor, r.at) for r in out} == ({("u", (e, i, j)), ("c", (e, i)), ("s", (e, i))} if j > i else set())
    for (_, i), out in left_out(rows_["c"], found.values, found.known).items():
        assert {r.at[2] for r in out} == {j for j in range(found.values["u"].shape[2]) if j > i}


LEAVING = [
    ("max_pool2d", {"padding": "1", "kernel_size": "3", "stride": "2"}),
    ("conv2d", {"stride": "2"}),
    ("scaled_dot_product_attention", {"is_causal": "true"}),
]


@pytest.mark.parametrize(("name", "settings"), LEAVING, ids=str)
def test_what_is_left_out_changes_nothing(name: str, settings: dict[str, str]) -> None:
    """Nor does it where the bracket is one on places; with numbers in it that would be seen wherever they counted."""
    page = derive(LAYERS[name](), settings=settings)
    found = numbers(page)
    assert isinstance(found, Numbers)
    values, tried = others(found), 0
    for row in rows(page):
        before = row_value(row.terms, arrays(values), found.known)
        read = {at: set(counted(s)) for at, s in reads(row, values, found.known).items()}
        for at, out in left_out(row, values, found.known).items():
            assert all(r.inside for r in out)
            alone = {(r.tensor, r.at) for r in out} - read[at]
            for tensor, place in alone if all(t.is_sum for t in row.terms) else ():
                changed = arrays(values) | {tensor: array(values[tensor]).astype(float)}
                if not (found.axes.get(tensor) and found.axes[tensor].extents):
                    changed[tensor][place] += 1e3
                    assert row_value(row.terms, changed, found.known)[at] == before[at]
                    tried += 1
    assert tried


def test_padding_is_read_outside() -> None:
    page = derive(LAYERS["conv2d"](), settings={"padding": "1"})
    found = numbers(page)
    assert isinstance(found, Numbers)
    made = reads(next(rows(page)), found.values, found.known)
    corner = [r for summand in made[0, 0, 0, 0] for r in summand.reads if r.tensor == "x"]
    assert {r.at[1:3] for r in corner if not r.inside} == {(-1, -1), (-1, 0), (0, -1)}
    assert {r.at[1:3] for r in corner if r.inside} == {(0, 0)}


def test_a_position_says_which_element_counts() -> None:
    page = derive(LAYERS["max_pool2d"](), settings={"kernel_size": "2"})
    found = numbers(page)
    assert isinstance(found, Numbers)
    section = page.sections[0]
    made = reads(section.results[0].step, found.values, found.known)
    sizes = [len(summands) for summands in made.values()]
    assert sum(sizes) == len(found.values["y"].entries)  # each δ goes to one element


def test_what_is_outside_of_a_function_of_it_counts_nothing_alone() -> None:
    """exp(0) = 1 beside the border: the other factor counts."""
    page = derive(layer("y[n,i] = sum(r) exp(x[n,i+r-1])*w[r]; weight w", "softened"))
    found = numbers(page)
    assert isinstance(found, Numbers)
    made = reads(next(rows(page)), found.values, found.known)
    assert ("w", (0,)) in counted(made[0, 0])
    plain = derive(layer("y[n,i] = sum(r) x[n,i+r-1]*w[r]; weight w", "plain"))
    found = numbers(plain)
    assert isinstance(found, Numbers)
    assert ("w", (0,)) not in counted(reads(next(rows(plain)), found.values, found.known)[0, 0])
