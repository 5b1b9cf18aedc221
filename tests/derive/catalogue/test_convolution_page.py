"""The page on convolution: its boxes beside loops written from the definitions, on sizes of every kind; its rows."""

import numpy as np
import pytest

from gradscribe.codegen.tool.finding.find import find
from gradscribe.codegen.tool.finding.unknown_layer import UnknownLayerError
from gradscribe.derive.catalogue.pages import OTHER_NAMES, PAGES
from gradscribe.derive.catalogue.pages.convolution_page import H, R, T, W
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.certificate.rows import row_value
from gradscribe.derive.ir.interpret import complete_sizes, interpret
from tests.cases.together import together

PAGE = PAGES["convolution"]()
SIZES = [(4, 4, 2, 2), (5, 3, 3, 2), (1, 1, 1, 1), (6, 5, 1, 4), (3, 7, 3, 7), (7, 4, 4, 1)]


def convolved(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Every element of x spread over the result by w: the whole convolution."""
    found = np.zeros((x.shape[0] + w.shape[0] - 1, x.shape[1] + w.shape[1] - 1))
    for a, b in np.ndindex(*x.shape):
        found[a : a + w.shape[0], b : b + w.shape[1]] += x[a, b] * w
    return found


def correlated(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Where w lies within x."""
    shape = x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1
    return np.array(
        [[(x[a:, b:][: w.shape[0], : w.shape[1]] * w).sum() for b in range(shape[1])] for a in range(shape[0])]
    )


@together("h,v,r,t", SIZES)
def test_the_boxes_are_convolution_and_correlation(h: int, v: int, r: int, t: int) -> None:
    rng = np.random.default_rng(h + 10 * v)
    x, w = rng.normal(size=(h, v)), rng.normal(size=(r, t))
    whole, turned = convolved(x, w), w[::-1, ::-1]
    top, left = (r - 1) // 2, (t - 1) // 2
    middle = whole[top : top + h, left : left + v]
    sizes = {H: h, W: v, R: r, T: t}
    expected = (whole, whole, correlated(x, w), w, correlated(x, turned), middle)
    for section, found in zip(PAGE.sections, expected, strict=True):
        values = interpret(section.forward, {"x": x, "w": w}, sizes)
        known = complete_sizes(section.forward, sizes)
        for step in section.steps:
            assert np.allclose(row_value(step.terms, values, known), found, rtol=1e-12), (section.title, step.reason)
    assert np.array_equal(values["w_hat"], turned)


def test_every_row_and_caption_holds() -> None:
    certificate = certify(PAGE)
    assert certificate.holds
    assert certificate.exact == certificate.rows == sum(len(s.steps) + len(s.results) for s in PAGE.sections)
    assert certificate.captions == 5  # what is as large as x has no name


def test_each_direction_has_its_form() -> None:
    forms = [section.results[0].caption for section in PAGE.sections[:3]]
    turned = [window.turned for form in forms for window in form.summands[0].windows[:1]]  # type: ignore[union-attr]
    assert turned == [True, False, True]


@together("word", OTHER_NAMES)
def test_other_names_lead_to_the_page(word: str) -> None:
    with pytest.raises(UnknownLayerError, match="did you mean convolution"):
        find(word)
