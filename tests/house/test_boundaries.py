"""Which packages of others each folder may import, and what the catalogue may say; `test_floors` has the rooms."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.cases.sources import tree

ROOT = Path(__file__).parents[2]
NUMPY_IN_DERIVE = {
    "accuracy.py", "boxes.py", "by_arrays.py", "by_definition.py", "certificate.py", "certify.py", "differences.py",
    "exact.py", "matrix_gaps.py", "matrix_value.py", "rows.py", "sampling.py", "whole_value.py",
}  # fmt: skip
PARSERS = (
    "derive/language/syntax/parse.py",
    "derive/composition/parsing/parse_network.py",
    "derive/composition/parsing/node_reader.py",
    "derive/composition/parsing/tokens.py",
    "derive/composition/parsing/line_reader.py",
    "derive/composition/parsing/written_blocks.py",
)
STANDARD = set(sys.stdlib_module_names)
Names = dict[str, set[str]]
"""By file."""
Used = dict[str, Names]
"""By folder."""


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder} holds no module"
    return found


@cache
def imports(path: Path) -> tuple[tuple[str, int], ...]:
    """The modules that `path` imports anywhere, functions included: absolute name or '' + level for relative ones.

    Those of this package are called as in a checkout, "derive.ir.term" for gradscribe.derive.ir.term.
    """
    return tuple(_imports(tree(path)))


def _imports(module: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((alias.name.removeprefix("gradscribe."), 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").removeprefix("gradscribe."), node.level


def top_level(path: Path) -> set[str]:
    return {name.partition(".")[0] for name, level in imports(path) if level == 0}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def used() -> Used:
    """By folder and file the names that stand first in what it imports."""
    return {
        folder: {relative(path): top_level(path) for path in modules(folder)}
        for folder in ("derive", "codegen", "generated", "adapters")
    }


def beyond(
    files: dict[str, set[str]], allowed: set[str], also: dict[str, set[str]] | None = None
) -> dict[str, set[str]]:
    """By file what it imports besides what all files may, and what it may itself."""
    others = {file: names - allowed - (also or {}).get(file, set()) for file, names in files.items()}
    return {file: names for file, names in others.items() if names}


def test_derive_imports_sympy_and_the_standard_library_and_lark_to_parse(used: Used) -> None:
    also = {file: {"lark"} for file in PARSERS}
    also["derive/language/syntax/located_error.py"] = {"rich"}  # how wide a character is
    assert not beyond(used["derive"], STANDARD | {"derive", "kept", "printed", "said", "sympy", "numpy"}, also)


def test_numpy_in_derive_belongs_to_the_oracle(used: Used) -> None:
    with_numpy = {file for file, names in used["derive"].items() if "numpy" in names}
    assert not {file for file in with_numpy if Path(file).name not in NUMPY_IN_DERIVE}


def test_codegen_imports_what_it_is_said_to(used: Used) -> None:
    also = {
        "codegen/tool/cli/run.py": {"version"},
        "codegen/tool/lexers.py": {"pygments"},
        "codegen/tool/pages/site/document_pages.py": {"markdown_it"},
        "codegen/tool/pages/server/web_app.py": {"starlette"},  # optional, as the two that follow
        "codegen/tool/pages/server/listening.py": {"uvicorn"},
        "codegen/tool/check/trial/search.py": {"hypothesis"},  # imported in functions
    }
    allowed = (
        STANDARD
        | {"codegen", "derive", "kept", "printed", "said"}
        | {"sympy", "numpy", "jinja2", "typer", "rich", "click"}
    )
    assert not beyond(used["codegen"], allowed, also)
    with_jinja = {file for file, names in used["codegen"].items() if "jinja2" in names}
    assert not {file for file in with_jinja if Path(file).name != "render.py"}


def test_generated_imports_numpy_the_standard_library_and_its_siblings(used: Used) -> None:
    for path in sorted((ROOT / "generated").glob("*.py")):
        file = relative(path)
        beside = set() if path.name == "__init__.py" else {"runtime"}  # where it was copied beside a script
        assert not used["generated"][file] - STANDARD - {"numpy"} - beside, file
        siblings = [(name, level) for name, level in imports(path) if level > 0]
        assert all(level == 1 for _, level in siblings), file
        if path.name != "__init__.py":
            assert {name for name, _ in siblings} <= {"", "runtime"}, file


def test_compiled_loops_import_numpy_and_the_runtime_only(used: Used) -> None:
    compiled = {file: names for file, names in used["generated"].items() if Path(file).parent.name == "compiled"}
    assert compiled
    assert not beyond(compiled, {"numpy", "typing", "runtime"})


def test_adapters_import_numpy_and_each_other_and_the_frameworks_where_they_are_used() -> None:
    of_torch = {"adapters/torch.py", "adapters/operators.py"}
    shared = {"derive.ir.quote", "codegen.files.write"}  # how messages show what was given, how files are replaced
    for path in modules("adapters"):
        file = relative(path)
        allowed = STANDARD | {"adapters", "numpy", "safetensors"} | ({"torch"} if file in of_torch else set())
        own = {name.partition(".")[0] for name, level in imports(path) if level == 0 and name not in shared}
        assert own <= allowed, file
        body = tree(path).body
        at_the_top = {n.module or "" for n in body if isinstance(n, ast.ImportFrom)}
        at_the_top |= {alias.name for n in body if isinstance(n, ast.Import) for alias in n.names}
        assert not [name for name in at_the_top if name.startswith("safetensors")], file
        named = {name for name, _ in imports(path)}
        assert file in of_torch or not {"adapters.torch", "adapters.operators"} & named, file
        assert "pickle" not in named, file


@pytest.mark.parametrize("folder", ["derive", "codegen", "generated"])
def test_nothing_imports_the_adapters(folder: str, used: Used) -> None:
    assert not [file for file, names in used[folder].items() if "adapters" in names]


def test_the_catalogue_is_forward_and_update_equations_only() -> None:
    allowed = {
        "derive.layer.equations", "derive.ir.functions", "derive.ir.index", "derive.layer.interface",
        "derive.layer.interval", "derive.language", "sympy", "collections.abc", "dataclasses", "itertools", "typing",
        "derive.layer.update", "derive.catalogue.entry", "said",
    }  # fmt: skip
    own = ("derive.catalogue.layers", "derive.catalogue.optimisers")
    for path in [*modules("derive/catalogue/layers"), *modules("derive/catalogue/optimisers")]:
        assert not {name for name, _ in imports(path) if name not in allowed and not name.startswith(own)}, path
        nodes = [*ast.walk(tree(path))]
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        assert not names & {"Access", "Term", "Statement", "Program", "diff", "Derivative", "differentiate"}, path
        functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        assert not [name for name in functions if "grad" in name or "backward" in name], path


def test_no_text_reaches_sympys_evaluators() -> None:
    """sympify, parse_expr and lambdify run text as Python; eval and exec stand in one place, for our own output."""
    for path in [*modules("derive"), *modules("codegen")]:
        for node in ast.walk(tree(path, "parse_expr|lambdify|eval|exec")):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            assert name not in {"parse_expr", "lambdify", "eval"}, f"{relative(path)}:{node.lineno}"
            assert name != "exec" or relative(path) == "codegen/driver.py", f"{relative(path)}:{node.lineno}"


def test_templates_hold_no_logic_of_layers() -> None:
    from gradscribe.derive.catalogue.layers import LAYERS

    for path in sorted((ROOT / "templates").rglob("*.jinja")):
        text = path.read_text(encoding="utf-8")
        assert not [name for name in LAYERS if "_" in name and name in text], relative(path)
        assert "conv2d" not in text
