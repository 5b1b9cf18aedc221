"""The chains of layers that tests of network derivations run through, and what they look up in a derivation."""

from functools import cache

from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.derivation import Derivation, Section, derive
from gradscribe.derive.typeset.writers.text import text_lines
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter

RESIDUAL = "input x[N, H, W, C]; conv2d(4, 3, padding=1) -> relu -> residual(conv2d(4, 3, padding=1)) -> conv2d"
CHAINS = {
    "conv_tanh_conv": "conv2d -> tanh -> conv2d",
    "conv_relu_max_pool_conv": "conv2d -> relu -> max_pool2d -> conv2d",
    "conv_tanh_avg_pool_conv": "conv2d -> tanh -> avg_pool2d -> conv2d",
    "conv_tanh_subsampling_conv": "conv2d -> tanh -> subsampling2d -> conv2d",
    "conv_tanh_flatten_dense": "conv2d -> tanh -> flatten -> dense",
    "dense_relu_dense": "input x[N, C]; dense -> relu -> dense",
    "conv_norm_relu_conv": "conv2d -> batch_norm -> relu -> conv2d",
    "residual": RESIDUAL,
}
BRANCHES = "input x[N, C]; a = x -> dense(4) -> tanh; b = x -> dense(4); (a, b) -> residual_add -> dense(3)"
STRIDED = "conv2d -> sigmoid -> conv2d(4, 3, stride=2, padding=1) -> max_pool2d(3, stride=2) -> silu -> conv2d"


@cache
def derived(name: str, **settings: str) -> Derivation:
    """The derivation of a chain of this file, of a shipped network, or of a text."""
    return derive(find(CHAINS.get(name, name)), settings=settings)


def sections(derivation: Derivation) -> dict[str, Section]:
    """By tensor, the lemmas among them."""
    return {part.wrt: part for s in derivation.sections for part in s.parts}


def delta(derivation: Derivation, label: str) -> Section:
    (name,) = (n for n, own in derivation.notation.deltas.items() if own == label)
    return next(s for s in derivation.sections if s.steps[-1].left.tensor == name)


def written(derivation: Derivation, label: str, number: int = 0) -> tuple[str, str]:
    """A boxed recurrence and its operator form; where it has none, the words that name it."""
    result = delta(derivation, label).results[number]
    t = TextTypesetter(derivation.notation)
    return text_lines.row(result.step), t.words(result.name) if result.form is None else t.expr(result.form)
