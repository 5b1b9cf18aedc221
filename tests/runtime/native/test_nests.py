"""The loop nests of contractions in C: what compilers say of them, and what sanitizers find while they compute."""

import subprocess
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.contractions import choice
from gradscribe.generated.runtime.contractions.choice import SCATTERING
from gradscribe.generated.runtime.contractions.contraction import Contraction
from gradscribe.generated.runtime.contractions.direct.definitions import text
from gradscribe.generated.runtime.contractions.direct.dotted import dots_definitions
from gradscribe.generated.runtime.contractions.direct.folding import fold_definitions
from gradscribe.generated.runtime.contractions.gathering import GATHERING
from gradscribe.generated.runtime.contractions.strategies.fused import fused_text
from gradscribe.generated.runtime.contractions.ways import Way
from gradscribe.generated.runtime.machine.native import compiler, searching
from gradscribe.generated.runtime.machine.native.sources import CONTRACTION, DOTS, FOLD
from tests.cases.random_contractions import problem
from tests.cases.sanitizers import sanitized
from tests.runtime.convolutions import DIRECTIONS
from tests.runtime.native.nests import CASES, GROUPED, compute_all, compute_convolutions, compute_panels, compute_rows
from tests.runtime.rooms import forget_plans, panels_first, set_in_all

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("compiles")]
SEEDS, TAG = 60, 51
STRICT = *searching.FLAGS, "-Werror", "-fsyntax-only", "-x", "c", "-"


def texts(seed: int) -> Iterator[str]:
    """What is compiled for a random contraction."""
    found: list[str] = []

    def note(c: Contraction, compute: object) -> None:
        plans = {s.name: s.plan(c) for s in (GATHERING if c.gathers else SCATTERING) if s.compiled}
        if plans.get("direct"):
            found.append(text(plans["direct"].defined, CONTRACTION))
        if plans.get("dots"):
            found.append(text(dots_definitions(plans["dots"]), DOTS))
        if plans.get("fold"):
            found.extend(text(fold_definitions(plans["fold"], add), FOLD) for add in (False, True))
        found.extend(fused_text(plans[name]) for name in ("fused2", "fused4") if plans.get(name))

    with rt.settings(backend="compiled"), choice.observing(note):
        problem([seed, TAG], np.dtype(np.float32 if seed % 2 else np.float64)).compute()
    yield from found


def convolution_texts() -> Iterator[str]:
    """The same for convolutions with vectors of groups, rows that share what they read, or panels that are turned."""
    found: list[str] = []

    def note(c: Contraction, compute: Callable[[Way], None]) -> None:
        way = choice.choice(c, rt.current())
        if way.strategy.name == "direct":
            found.append(text(way.plan.defined, CONTRACTION))
        compute(way)

    with rt.settings(backend="compiled", strategy="direct"), choice.observing(note):
        for case, direction in product(CASES, DIRECTIONS):
            case.computed(direction, *(np.ones(shape, np.float32) for shape in case.shapes))
    assert sum("#define SPREAD 0" not in source for source in found) >= len(GROUPED) + 2
    assert any("#define TURNED 1" in source for source in found)
    yield from found


def test_compilers_have_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    found = compiler.compiler()
    assert found is not None
    with np.errstate(all="ignore"):  # nothing is computed: arrays hold anything
        sources = [source for seed in range(SEEDS) for source in texts(seed)]
        sources += convolution_texts()
        panels_first(monkeypatch)
        panels = [source for seed in range(SEEDS) for source in texts(seed) if "/* A slice of a panel" in source]
    forget_plans()
    assert len(sources) > SEEDS // 4
    assert panels
    assert all("#define PANELS 1\n" in source for source in panels)
    sources += panels
    for source in sources:
        subprocess.run((*found.command, *STRICT), input=source, text=True, check=True)


@pytest.mark.parametrize("vector", [4, 16])
def test_vectors_of_other_machines(vector: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also none at all."""
    found = compiler.compiler()
    assert found is not None
    set_in_all(monkeypatch, "compiler", lambda: found._replace(vector=vector))
    forget_plans()
    try:
        compute_all(range(10))
        compute_convolutions()
        compute_rows()
        compute_panels(range(2))
    finally:
        forget_plans()


def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    """With every address and every number checked: a process whose compiler adds that to each nest."""
    done = sanitized(("-m", "tests.runtime.native.nests"), tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("fine\n")
