"""The layers of a network on a line: chains, branches, blocks that stand several times in a row."""

import pytest

from gradscribe import network
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.composition import Network
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.network.kinds.drawing import drawn
from gradscribe.derive.typeset.writers import markdown
from gradscribe.derive.typeset.writers.latex import latex_writer
from gradscribe.derive.typeset.writers.text import text_writer
from tests.cases.together import together

BASIC = "[conv2d -> batch_norm -> relu -> conv2d -> batch_norm]"
DRAWINGS = {
    "dense -> tanh -> dense": "dense -> tanh -> dense",
    "dense -> tanh -> dense -> tanh": "dense -> tanh -> dense -> tanh",  # a chain is written out
    "dense(4) -> residual(dense(4)) -> tanh": "dense -> [dense] + id -> tanh",
    "dense(4) -> residual(dense(4), tanh) -> tanh": "dense -> [dense] + [tanh] -> tanh",
    "dense(4) -> residual(tanh -> dense(4)) -> residual(tanh -> dense(4))": "dense -> ([tanh -> dense] + id)×2",
    "dense(4) -> residual(dense(4) -> residual(dense(4)))": "dense -> [dense -> [dense] + id] + id",
    "residual(dense(6)) -> tanh": "[dense] + id -> tanh",
    "a = x -> dense(4) -> tanh; b = x -> dense(4); (a, b) -> residual_add": "[dense -> tanh] + [dense]",
    "a = x -> dense(4); b = x -> dense(4); (a, b) -> concatenation": "([dense] | [dense]) -> concatenation",
    "a = x -> dense(4); b = a -> tanh; c = a -> relu; d = (b, c) -> residual_add; (d, c) -> residual_add":
        "dense -> tanh -> relu -> residual_add -> residual_add",  # c leaves its branch before that closes
}  # fmt: skip


@together("text", DRAWINGS)
def test_branches_are_drawn(text: str) -> None:
    assert drawn(network(f"input x[N, 6]; {text}")) == DRAWINGS[text]


def test_several_inputs_begin_branches() -> None:
    text = "input x[N, C]; input z[N, C]; a = x -> dense(4) -> relu; b = z -> dense(4); (a, b) -> residual_add -> tanh"
    assert drawn(network(text)) == "[dense -> relu] + [dense] -> tanh"


def test_a_deep_network_is_one_line() -> None:
    stage = f"({BASIC} + [shortcut] -> relu -> ({BASIC} + id -> relu)×2)×2"
    expected = f"conv2d -> batch_norm -> relu -> ({BASIC} + id -> relu)×3 -> {stage} -> global_avg_pool -> dense"
    deep = find("resnet20")
    assert isinstance(deep, Network)
    assert drawn(deep) == expected


@pytest.mark.parametrize(
    ("write", "arrow"), [(text_writer.render, "→"), (latex_writer.render, r"$\to$"), (markdown.render, "→")]
)
def test_every_format_has_it(write: object, arrow: str) -> None:
    assert callable(write)
    titled, named = (write(derive(find(name))) for name in ("input x[N, 6]; residual(dense(6)) -> tanh", "bottleneck"))
    assert f"network: [dense] + id {arrow} tanh" in titled
    assert "Layers: " not in titled
    line = " ".join(named.replace("\\_", "_").replace("$\\times$", "×").split())
    assert f"Layers: [(conv2d {arrow} batch_norm {arrow} relu)×2 {arrow} conv2d" in line
