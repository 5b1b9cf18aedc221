"""Equations as strangers write them, of papers and of other tools' pages, beside PyTorch: kernels, pages, order 2."""

from importlib import import_module

import pytest

from tests.cases.thorough import some

pytest.importorskip("torch")
beside_autograd = import_module("tests.oracles.beside_autograd")
pytestmark = pytest.mark.oracle
TABLES = {
    "written.tools": ("TULLIO", "EINX", "COMPREHENSIONS"),
    "written.graphs": ("GRAPHS",),
    "written.rendering": ("RENDERING",),
    "written.vision": ("VISION",),
    "written.features": ("FEATURES",),
    "written.probability": ("LOSSES",),
    "written.science": ("SCIENCE",),
    "unseen.ranking": ("RANKING",),
    "unseen.policies": ("POLICIES",),
    "unseen.alignments": ("ALIGNMENTS",),
    "unseen.routing": ("ROUTING",),
    "unseen.cells": ("CELLS",),
    "unseen.rays": ("RAYS",),
    "unseen.molecules": ("MOLECULES",),
    "unseen.fields": ("FIELDS",),
}
WRITTEN = {
    name: case
    for module, tables in TABLES.items()
    for table in tables
    for name, case in getattr(import_module(f"tests.cases.{module}"), table).items()
}
LENGTHS = sorted(WRITTEN, key=lambda name: len(WRITTEN[name].text))
SHORT = len(LENGTHS) // 4
TWICE = {*LENGTHS[:SHORT], *LENGTHS[SHORT::24], "angular_margin", "bilateral_filter", "lennard_jones", "matern"}
"""Whose pages of second order are evaluated, too: short texts, some of those that take long, poles, many points."""
OPEN = {"conjugate_gradients"}
"""Pages whose certificates do not hold: at small sizes its steps go on after the solution is found, and divide 0 by 0.
Its kernels are compared."""


@pytest.mark.parametrize("name", some(WRITTEN, 16, first=3))
def test_kernels_and_pages_are_right(name: str) -> None:
    case = WRITTEN[name]
    orders = () if name in OPEN else (1, 2) if name in TWICE else (1,)
    beside_autograd.compare(case.text, case.function, case.arrays(), case.options, orders)
