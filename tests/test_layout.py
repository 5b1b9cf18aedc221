"""codegen/layout.py: broken lines are the same code, fit the width and stay as they are when ruff formats them."""

import ast
import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from gradscribe.codegen.layout import WIDTH, fit, split_items
from gradscribe.codegen.package import package_sources
from gradscribe.derive.layers import LAYERS

has_ruff = importlib.util.find_spec("ruff") is not None
needs_ruff = pytest.mark.skipif(not has_ruff, reason="ruff is not installed")


def random_name(rng: np.random.Generator) -> str:
    return "abcdefgh"[rng.integers(8)] * int(rng.integers(1, 12))


def random_text(depth: int, rng: np.random.Generator) -> str:
    """A Python expression such as kernels have: calls, subscripts, tuples, dictionaries, strings with brackets."""
    if depth == 0:
        return (random_name(rng), "1", '"n i, (r -> k"', "[")[rng.integers(3)]
    parts = [random_text(int(rng.integers(depth)), rng) for _ in range(rng.integers(1, 7))]
    match int(rng.integers(6)):
        case 0:
            return f"{random_name(rng)}({', '.join(parts)})"
        case 1:
            return f"rt.{random_name(rng)}({', '.join(parts)}, axis={parts[0]})"
        case 2:
            return f"({', '.join(parts)},)" if len(parts) == 1 else f"({', '.join(parts)})"
        case 3:
            return f"{random_name(rng)}[{', '.join(parts)}]"
        case 4:
            return "{" + ", ".join(f"{k}: {part}" for k, part in enumerate(parts)) + "}"
        case _:
            return f"{random_name(rng)}({parts[0]})[{parts[-1]}]"


def random_statement(seed: int) -> str:
    rng = np.random.default_rng(seed)
    value = random_text(int(rng.integers(1, 5)), rng)
    return (f"y = {value}", f"y[i:, 2] += {value}", f"rt.check({value})", f"return {value}")[rng.integers(4)]


def in_a_function(lines: list[str]) -> str:
    return "\n".join(["def f():", *("    " + line for line in lines), ""])


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_broken_lines_are_the_same_code(depth: int) -> None:
    broken = 0
    for seed in range(300):
        line = random_statement(seed)
        lines = fit([line], depth)
        assert ast.dump(ast.parse(in_a_function(lines))) == ast.dump(ast.parse(in_a_function([line]))), line
        broken += len(lines) > 1
    assert broken > 20


def test_lines_fit_the_width() -> None:
    for seed in range(300):
        for line in fit([random_statement(seed)], 1):
            assert 4 + len(line) <= WIDTH or not any(bracket in line for bracket in "([{"), line


def test_a_line_that_fits_stays() -> None:
    name = "x" * (WIDTH - 8)
    assert fit([f"ff({name})"], 1) == [f"ff({name})"]
    assert fit([f"fff({name})"], 1) == ["fff(", f"    {name}", ")"]
    assert fit([f"ff({name}y)"], 1) == ["ff(", f"    {name}y,", ")"]


def test_a_line_without_brackets_stays() -> None:
    line = "y = " + " + ".join(["abcdef"] * 40)
    assert fit([line], 0) == [line]


@pytest.mark.parametrize("head", ["y = x[", "y = (", "return (", "if not (", "y = x() * ("])
def test_a_single_item_becomes_no_tuple(head: str) -> None:
    close = "]" if head.endswith("[") else ")"
    inner = f"f({', '.join(['abcdef'] * 25)})"
    lines = fit([f"{head}{inner}{close}"], 0)
    assert lines == [head, "    f(", *["        abcdef,"] * 25, "    )", close]


def test_what_stands_before_a_short_last_bracket_is_broken_too() -> None:
    items = ", ".join(["abcdef"] * 12)
    assert fit([f"y = f({items}, {'g' * 20})[i]"], 0) == ["y = f(", f"    {items}, {'g' * 20}", ")[i]"]


def test_indentation_is_kept() -> None:
    items = ", ".join(["abcdef"] * 13)
    assert fit([f"        y = {'f' * 7}({items})"], 0) == ["        y = fffffff(", f"            {items}", "        )"]


def test_too_many_items_get_a_line_each() -> None:
    items = ["abcdefghij"] * 20
    assert fit([f"y = f({', '.join(items)})"], 0) == ["y = f(", *(f"    {item}," for item in items), ")"]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("a, b", ["a", "b"]),
        ("f(a, b), c", ["f(a, b)", "c"]),
        ('"n, (i", [b, c]', ['"n, (i"', "[b, c]"]),
        ("a,", ["a"]),
        ("", []),
        ("{0: 1, 2: 3}, ()", ["{0: 1, 2: 3}", "()"]),
    ],
)
def test_split_items(text: str, items: list[str]) -> None:
    assert split_items(text) == items


def formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", str(WIDTH), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, encoding="utf-8").stdout


@needs_ruff
def test_ruff_leaves_every_generated_module_alone() -> None:
    for name, text in package_sources([build() for build in LAYERS.values()]).items():
        assert formatted(text) == text, name
