"""Colours of texts: the lexers know the words of the language, and editors colour as they do."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, Punctuation, String, Whitespace, _TokenType

from gradscribe.codegen.tool.lexers import DECLARATIONS, STATEMENTS, EquationLexer, NetworkLexer
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.language.definitions.library import library_names
from gradscribe.derive.language.syntax.words import KNOWN

ROOT = Path(__file__).parents[3]
GRAMMARS = ROOT / "editors/vscode/syntaxes"
SCOPES: dict[str, _TokenType] = {
    "comment.line.number-sign": Comment.Single, "keyword.declaration": Keyword.Declaration, "string.unquoted": String,
    "keyword.operator.word": Operator.Word, "keyword.control": Keyword, "support.function": Name.Builtin,
    "constant.language": Name.Constant, "constant.numeric": Number, "variable.other": Name.Variable,
    "variable.parameter": Name, "keyword.operator": Operator, "string.quoted": String,
    "entity.name.label": Name.Label, "entity.name.function": Name.Function,
}  # fmt: skip
TEXTS = {
    "equations": (
        "input x[n, i, c]  # a comment\nweight w, b; optional factor m\n"
        "u[n, 2*i + 1, k] += sum(r, c) x[n, s*i + d*r - p, reflect(c + 1)] * w[r, c, k]**2 // 3\n"
        "y[n, ...] = max(r) [r < 3 and i != j, 0 <= i < N] * exp(-x[n, r]) / sqrt(1e-5 + .5) \\\n + pi^2 % 2\n"
        'include "blocks.eq"\ndefine soft(s, j) = h / z where h = exp(s), z = sum(j) h\n'
        "z[n] = [x[n] > 0 or not x[n] == 1] * softmax(x[n], n)\n"
        "evaluation y[n] = x[n]\nletters goodfellow, n=b\ndefine spike(v) = [v > 0]\n"
        "derivative of spike(v) is 1\nderivative  of gate(a, by) by a is by*a\ndefined[n] = derivative * of\n"
        "0 <= eps\nsummit[n] = input_1[n] * max_y + suming (x)"
    ),
    "networks": (
        "input x[N, 8, 8, 1]  # images\nc1: conv2d(8, 3, padding='same') -> batch_norm\n"
        "-> residual(conv2d(8, 3, padding=(1, -1)) -> relu, identity) -> relu\n"
        "block basic(C) = conv2d(C, 3)\nskip = (a, b) -> addition -> leaky_relu(-0.1)\nloss cross_entropy\n"
        "letters dense\noutput a, b.z\nloss 0.5 * mean_squared_error of b\nblock up(k) of (a, b) = (a, b) -> join\n"
        "repeat 3: unit: share(c1) -> rearrange('n l (h d) -> n h l d', h=4)\n"
        "layer gate { y[n] = x[n]^2 + 1 }\nsharer = a"
    ),
}


def by_editor(grammar: dict[str, Any], text: str) -> Iterator[tuple[_TokenType, str]]:
    """The parts of a text that a TextMate grammar colours, line by line: the first match, of several the first rule."""
    for line in text.split("\n"):
        at = 0
        while at < len(line):
            matches = [(m.start(), k, m) for k, rule in enumerate(grammar["patterns"])
                       if (m := re.compile(rule["match"]).search(line, at)) and m.end() > m.start()]  # fmt: skip
            if not matches:
                break
            _, k, match = min(matches, key=lambda found: found[:2])
            rule = grammar["patterns"][k]
            captures = rule.get("captures", {"0": rule})
            for number, capture in captures.items():
                if match[int(number)]:
                    yield SCOPES[capture["name"].removesuffix(".gradscribe")], match[int(number)]
            at = match.end()


def by_pygments(lexer: Any, text: str) -> Iterator[tuple[_TokenType, str]]:
    for token, part in lexer.get_tokens(text):
        assert token is not Error, part
        if token not in (Whitespace, Punctuation):
            yield token, part


@pytest.mark.parametrize(("kind", "lexer"), [("equations", EquationLexer()), ("networks", NetworkLexer())])
def test_editors_colour_as_pygments_does(kind: str, lexer: Any) -> None:
    grammar = json.loads((GRAMMARS / f"{kind}.tmLanguage.json").read_text(encoding="utf-8"))
    found = list(by_pygments(lexer, TEXTS[kind]))
    assert list(by_editor(grammar, TEXTS[kind])) == found
    assert len({token for token, _ in found}) >= 8


def test_every_word_of_the_language_has_its_colour() -> None:
    for word in KNOWN:
        (token, _), *_ = EquationLexer().get_tokens(f"{word}(x)")
        assert token in (Keyword, Name.Builtin)
        (token, _), *_ = EquationLexer().get_tokens(f"{word}_1[n]")
        assert token is Name.Variable
    grammars = {k: (ROOT / f"derive/{k}").read_text(encoding="utf-8")
                for k in ("language/syntax/grammar.lark", "composition/parsing/network.lark")}  # fmt: skip
    (declared,) = re.findall(r"KEYWORD\.3: /\(([a-z|]+)\)", grammars["language/syntax/grammar.lark"])
    assert {*declared.split("|"), "evaluation", "define"} == set(DECLARATIONS)
    for name in library_names():
        (token, _), *_ = EquationLexer().get_tokens(f"{name}(x)")
        assert token is Name.Builtin
    statements = re.findall(
        r"^[A-Z]+\.3: /([a-z]+)\(\?=\[ \\t\]\+", grammars["composition/parsing/network.lark"], re.MULTILINE
    )
    assert {*statements} - {"letters"} == set(STATEMENTS)


def test_networks_that_come_with_it_have_no_error() -> None:
    for build in NETWORKS.values():
        assert list(by_pygments(NetworkLexer(), build().text))


def test_pygments_finds_the_lexers() -> None:
    assert isinstance(get_lexer_by_name("gradscribe"), EquationLexer)
    assert isinstance(get_lexer_by_name("gradscribe-network"), NetworkLexer)
    assert isinstance(get_lexer_for_filename("mine.eq"), EquationLexer)


def test_the_extension_names_files_that_are_there() -> None:
    about = json.loads((ROOT / "editors/vscode/package.json").read_text(encoding="utf-8"))["contributes"]
    paths = [g["path"] for g in about["grammars"]] + [found["configuration"] for found in about["languages"]]
    assert all((ROOT / "editors/vscode" / path).is_file() for path in paths)
