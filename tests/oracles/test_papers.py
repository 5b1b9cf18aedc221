"""Equations of papers as a researcher writes them: kernels of first and second order are PyTorch's, pages hold."""

from importlib import import_module
from typing import Any

import pytest

from tests.cases.thorough import some
from tests.oracles.beside_autograd import compare

pytest.importorskip("torch")
pytestmark = pytest.mark.oracle
FILES = (
    *(("gated", "GATED"), ("light_cells", "LIGHT_CELLS"), ("linear", "LINEAR"), ("state_spaces", "STATE_SPACES")),
    *(("attention", "ATTENTION"), ("cheaper_attention", "CHEAPER_ATTENTION"), ("paths", "PATHS"), ("chains", "CHAINS")),
    ("choices", "CHOICES"),
)
PAPERS: dict[str, Any] = {
    name: paper
    for file, cases in FILES
    for name, paper in getattr(import_module(f"tests.cases.papers.{file}"), cases).items()
}
"""By name."""
LENGTHS = sorted(PAPERS, key=lambda name: len(PAPERS[name].text))
TWICE = {*LENGTHS[: len(LENGTHS) // 4], *LENGTHS[len(LENGTHS) // 4 :: 16]}
"""Whose pages of second order are evaluated, too: short texts, and some of those that take long."""


@pytest.mark.parametrize("name", some(PAPERS, 8))
def test_kernels_are_pytorch_s_and_every_row_holds(name: str) -> None:
    paper = PAPERS[name]
    compare(paper.text, paper.function, paper.drawn(), paper.options, (1, 2) if name in TWICE else (1,))
