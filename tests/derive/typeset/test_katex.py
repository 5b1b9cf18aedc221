"""Every formula of the Markdown derivations is rendered by the KaTeX of pages in strict mode, where node is."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

import gradscribe
from gradscribe.codegen.tool.cli.printing import printed, printed_winograd
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.pages.chapter import Fast
from gradscribe.derive.derivation import derive
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.typeset.mathematics.latex_expansions import expansions
from tests.cases.thorough import some

CHECK = """
const katex = require(process.argv[1]), formulas = JSON.parse(require("fs").readFileSync(0, "utf8")), wrong = [];
for (const [name, formula, displayMode, maxExpand] of formulas)
  try { katex.renderToString(formula, {displayMode, maxExpand, strict: "error", throwOnError: true}); }
  catch (error) { wrong.push(`${name}: ${error.message}`); }
console.log(JSON.stringify(wrong));
"""
KATEX = Path(__file__).parents[3] / "templates/page/katex/katex.min.js"
FORMULAS = re.compile(r"\$\$(.*?)\$\$|```math\n(.*?)```|\$([^$\n]+?)\$", re.DOTALL)


BUILDS: dict[str, Callable[[], Layer]] = {**LAYERS, **{n: NETWORKS[n] for n in ("lenet", "lenet5", "bottleneck")}}
PAGES = [*product(LAYERS, (1, 2)), *((name, 1) for name in BUILDS if name in NETWORKS)]


LONG = "y[n] = " + " + ".join(f"{'*'.join(f'x[n,{i + 8 * j}]' for i in range(8))} * b[n]" for j in range(45))
"""More macros in one equation than viewers expand in a display, and as many in its gradient by b."""
VIEWERS = 1000


def is_rendered(text: str) -> None:
    """Every formula of a page, of which it has some, with no more macros than are counted and viewers expand."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not there")
    found = FORMULAS.findall(text)
    assert found
    shown = [(block or fenced or inline, not inline) for block, fenced, inline in found]
    formulas = [(text[:40], f, is_block, min(expansions(f), VIEWERS)) for f, is_block in shown]
    done = subprocess.run(
        [node, "-e", CHECK, str(KATEX)], input=json.dumps(formulas), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize(("name", "order"), some(PAGES, 12))
def test_every_formula_is_rendered(name: str, order: int) -> None:
    is_rendered(printed(derive(BUILDS[name](), order=order), "markdown"))


def test_long_equations_are_divided() -> None:
    page = printed(derive(gradscribe.layer(LONG, "long"), wrt=["b"]), "markdown")
    before, *boxes = page.split("boxed")
    assert len(boxes) > 1
    assert min(expansions(before), sum(map(expansions, boxes))) > VIEWERS
    is_rendered(page)


@pytest.mark.parametrize(("m", "r", "dims"), [(1, 1, 1), (2, 3, 1), (4, 3, 2), (8, 3, 2)])
def test_fast_correlations_are_rendered(m: int, r: int, dims: int) -> None:
    is_rendered(printed_winograd(Fast(m, r, dims=dims), "markdown"))
