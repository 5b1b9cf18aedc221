"""Every formula of the Markdown derivations is rendered by KaTeX in strict mode, where node can load it.

`npm install katex` in any folder, then run with NODE_PATH=FOLDER/node_modules.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import product

import pytest

from gradscribe.codegen.tool.cli.printing import printed, printed_winograd
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.derivation import derive
from gradscribe.derive.layer.interface import Layer

CHECK = """
const katex = require("katex"), formulas = JSON.parse(require("fs").readFileSync(0, "utf8")), wrong = [];
for (const [name, formula, displayMode] of formulas)
  try { katex.renderToString(formula, {displayMode, strict: "error", throwOnError: true}); }
  catch (error) { wrong.push(`${name}: ${error.message}`); }
console.log(JSON.stringify(wrong));
"""
FORMULAS = re.compile(r"\$\$(.*?)\$\$|```math\n(.*?)```|\$([^$\n]+?)\$", re.DOTALL)


def katex_is_there() -> bool:
    node = shutil.which("node")
    load = [node or "node", "-e", "require('katex')"]
    return node is not None and subprocess.run(load, check=False, capture_output=True).returncode == 0


def test_every_formula_is_rendered() -> None:
    if not katex_is_there():
        pytest.skip("node cannot load katex")
    formulas = []
    builds: dict[str, Callable[[], Layer]] = {**LAYERS, **{n: NETWORKS[n] for n in ("lenet", "lenet5", "bottleneck")}}
    for name, order in [*product(LAYERS, (1, 2)), *((n, 1) for n in builds if n in NETWORKS)]:
        found = FORMULAS.findall(printed(derive(builds[name](), order=order), "markdown"))
        assert found, name
        formulas += [(name, block or fenced or inline, not inline) for block, fenced, inline in found]
    for m, r, dims in ((1, 1, 1), (2, 3, 1), (4, 3, 2), (8, 3, 2)):
        found = FORMULAS.findall(printed_winograd(m, r, None, dims, "markdown"))
        formulas += [(f"F({m}, {r})", block or fenced or inline, not inline) for block, fenced, inline in found]
    done = subprocess.run(["node", "-e", CHECK], input=json.dumps(formulas), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
