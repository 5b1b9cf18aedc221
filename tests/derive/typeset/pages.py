"""The pages that every format is tried on: each is derived once, and written once in each format."""

from collections.abc import Callable
from functools import cache, partial

from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.pages import PAGES as PAGES_OF_THEIR_OWN
from gradscribe.derive.catalogue.winograd import cook_toom
from gradscribe.derive.catalogue.winograd.fast_correlation import derive_winograd
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.derivation.certificate.certificate import Certificate
from gradscribe.derive.typeset.formats import rendered
from gradscribe.derive.typeset.writers.latex import latex_writer
from tests.cases.catalogue import TRIED, derived, derived_twice

FOOT = Certificate(6, 19, 4e-16, 4, 8e-11)
SETTINGS: list[tuple[str, dict[str, str]]] = [
    ("conv2d", {"stride": "s_h,s_w", "padding": "p_h,p_h_end,p_w,p_w_end", "dilation": "d_h,d_w", "groups": "G"}),
    ("conv2d", {"stride": "1"}),
    ("max_pool2d", {"stride": "kernel_size", "padding": "0", "dilation": "1"}),
    ("avg_pool2d", {"ceil_mode": "true", "count_include_pad": "false", "stride": "s_h,s_w", "padding": "p_h,p_w"}),
    ("scaled_tanh", {"amplitude": "1.7159", "slope": "2/3"}),
]
CHAINS = [
    "conv2d -> tanh -> conv2d",
    "conv2d -> relu -> max_pool2d(3, stride=2, padding=1) -> conv2d(stride=s) -> softmax",
    "conv2d -> tanh -> subsampling2d -> conv2d -> flatten -> dense",
    "first: conv2d -> tanh -> s2: avg_pool2d -> n2: batch_norm -> silu -> last: conv2d -> out: global_avg_pool",
    "conv2d(4, 3, padding=1) -> residual(conv2d(4, 3, padding=1) -> relu -> conv2d(4, 3, padding=1)) -> relu -> conv2d",
]
FAST = [(1, 1, 1), (2, 3, 1), (4, 3, 2), (2, 7, 2), (8, 3, 1), (14, 3, 2)]
"""Sizes and axes of fast correlations; of many points, too: their polynomials and matrices take several lines."""


def of_network(name: str) -> Derivation:
    return derive(NETWORKS[name]())


def chained(layers: str, order: int = 1) -> Derivation:
    return derive(find(layers), order=order)


def correlation(m: int, r: int, dims: int) -> Derivation:
    return derive_winograd(cook_toom(m, r), dims)


FIRST: dict[str, Callable[[], Derivation]] = {
    **{name: partial(derived, name) for name in TRIED},
    **{", ".join([name, *settings.values()]): partial(derived, name, **settings) for name, settings in SETTINGS},
    "convolution": PAGES_OF_THEIR_OWN["convolution"],
}
SECOND = {f"{name}, order 2": partial(derived_twice, name) for name in TRIED}
OF_NETWORKS = {
    **{name: partial(of_network, name) for name in NETWORKS},
    **{chain: partial(chained, chain) for chain in CHAINS},
    f"{CHAINS[0]}, order 2": partial(chained, CHAINS[0], 2),
}
CORRELATIONS = {f"F({m}, {r}), {dims}": partial(correlation, m, r, dims) for m, r, dims in FAST}
PAGES: dict[str, Callable[[], Derivation]] = {**FIRST, **SECOND, **OF_NETWORKS, **CORRELATIONS}


@cache
def derivation(page: str) -> Derivation:
    """The derivation of a page, worked out once."""
    return PAGES[page]()


@cache
def text(page: str, form: str) -> str:
    """A page in a format; in LaTeX with what a certificate says below it."""
    found = derivation(page)
    return latex_writer.render(found, FOOT) if form == "latex" else rendered(found, form)
