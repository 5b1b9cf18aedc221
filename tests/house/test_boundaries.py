"""Which packages of others each folder may import, and what the catalogue may say; `test_floors` has the rooms."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NUMPY_IN_DERIVE = {
    "accuracy.py", "boxes.py", "certificate.py", "differences.py", "exact.py", "functions.py", "interpret.py",
    "reductions.py", "rows.py", "sampling.py", "certify.py",
}  # fmt: skip


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder} holds no module"
    return found


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """The modules that `path` imports anywhere, functions included: absolute name or '' + level for relative ones.

    Those of this package are called as in a checkout, "derive.ir.term" for gradscribe.derive.ir.term.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name.removeprefix("gradscribe."), 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").removeprefix("gradscribe."), node.level


def top_level(path: Path) -> set[str]:
    return {name.partition(".")[0] for name, level in imports(path) if level == 0}


PARSERS = (
    "derive/language/syntax/parse.py",
    "derive/composition/parsing/parse_network.py",
    "derive/composition/parsing/node_reader.py",
    "derive/composition/parsing/tokens.py",
)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", modules("derive"), ids=relative)
def test_derive_imports_neither_codegen_nor_templates(path: Path) -> None:
    assert not top_level(path) & {"codegen", "generated", "templates", "jinja2", "torch", "typer"}


@pytest.mark.parametrize("path", modules("derive"), ids=relative)
def test_numpy_in_derive_belongs_to_the_oracle(path: Path) -> None:
    assert "numpy" not in top_level(path) or path.name in NUMPY_IN_DERIVE


@pytest.mark.parametrize("path", modules("derive"), ids=relative)
def test_derive_imports_sympy_and_the_standard_library_and_lark_to_parse(path: Path) -> None:
    allowed = set(sys.stdlib_module_names) | {"derive", "printed", "sympy", "numpy"}
    allowed |= {"lark"} if relative(path) in PARSERS else set()
    allowed |= (
        {"rich"} if relative(path) == "derive/language/syntax/located_error.py" else set()
    )  # how wide a character is
    assert top_level(path) <= allowed


@pytest.mark.parametrize("path", modules("codegen"), ids=relative)
def test_codegen_imports_what_it_is_said_to(path: Path) -> None:
    allowed = set(sys.stdlib_module_names) | {"codegen", "derive", "sympy", "numpy", "jinja2", "typer", "rich", "click"}
    allowed |= {"version"} if relative(path) == "codegen/tool/cli/run.py" else set()  # the version
    allowed |= (
        {"hypothesis"} if relative(path) == "codegen/tool/check/trial/search.py" else set()
    )  # optional, imported in functions
    assert top_level(path) <= allowed
    assert "jinja2" not in top_level(path) or path.name == "render.py"


@pytest.mark.parametrize("path", sorted((ROOT / "generated").glob("*.py")), ids=relative)
def test_generated_imports_numpy_the_standard_library_and_its_siblings(path: Path) -> None:
    beside = set() if path.name == "__init__.py" else {"runtime"}  # where it was copied beside a script
    assert top_level(path) <= set(sys.stdlib_module_names) | {"numpy"} | beside
    siblings = [(name, level) for name, level in imports(path) if level > 0]
    assert all(level == 1 for _, level in siblings)
    if path.name != "__init__.py":
        assert {name for name, _ in siblings} <= {"", "runtime"}


@pytest.mark.parametrize("path", sorted((ROOT / "generated/compiled").glob("*.py")), ids=relative)
def test_compiled_loops_import_numpy_only(path: Path) -> None:
    assert top_level(path) <= {"numpy", "typing"}


@pytest.mark.parametrize("path", modules("adapters"), ids=relative)
def test_adapters_import_numpy_and_each_other_and_the_frameworks_where_they_are_used(path: Path) -> None:
    allowed = set(sys.stdlib_module_names) | {"adapters", "numpy", "safetensors"}
    of_torch = {"adapters/torch.py", "adapters/operators.py"}
    shared = {"derive.ir.quote", "codegen.files.write"}  # how messages show what was given, how files are replaced
    own = {name.partition(".")[0] for name, level in imports(path) if level == 0 and name not in shared}
    assert own <= allowed | ({"torch"} if relative(path) in of_torch else set())
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_the_top = {n.module or "" for n in tree.body if isinstance(n, ast.ImportFrom)}
    at_the_top |= {alias.name for n in tree.body if isinstance(n, ast.Import) for alias in n.names}
    assert not [name for name in at_the_top if name.startswith("safetensors")]
    assert relative(path) in of_torch or not {"adapters.torch", "adapters.operators"} & {n for n, _ in imports(path)}
    assert "pickle" not in {name for name, _ in imports(path)}


@pytest.mark.parametrize("folder", ["derive", "codegen", "generated"])
def test_nothing_imports_the_adapters(folder: str) -> None:
    assert not [relative(path) for path in modules(folder) if "adapters" in top_level(path)]


EQUATIONS = [*modules("derive/catalogue/layers"), *modules("derive/catalogue/optimisers")]


@pytest.mark.parametrize("path", EQUATIONS, ids=relative)
def test_the_catalogue_is_forward_and_update_equations_only(path: Path) -> None:
    modules_used = {name for name, _ in imports(path)}
    allowed = {
        "derive.layer.equations",
        "derive.ir.functions",
        "derive.ir.index",
        "derive.layer.interface",
        "derive.layer.interval",
    }
    allowed |= {"derive.language", "sympy"}
    allowed |= {
        "collections.abc",
        "dataclasses",
        "itertools",
        "typing",
        "derive.layer.update",
        "derive.catalogue.entry",
    }
    own = ("derive.catalogue.layers", "derive.catalogue.optimisers")
    assert all(name in allowed or name.startswith(own) for name in modules_used)
    names = {node.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Name)}
    assert not names & {"Access", "Term", "Statement", "Program", "diff", "Derivative", "differentiate"}
    functions = {
        node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    }
    assert not [name for name in functions if "grad" in name or "backward" in name]


def test_no_text_reaches_sympys_evaluators() -> None:
    """sympify, parse_expr and lambdify run text as Python; eval and exec stand in one place, for our own output."""
    for path in [*modules("derive"), *modules("codegen")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            assert name not in {"parse_expr", "lambdify", "eval"}, f"{relative(path)}:{node.lineno}"
            assert name != "exec" or relative(path) == "codegen/compiler.py", f"{relative(path)}:{node.lineno}"


def test_templates_hold_no_logic_of_layers() -> None:
    from gradscribe.derive.catalogue.layers import LAYERS

    for path in sorted((ROOT / "templates").rglob("*.jinja")):
        text = path.read_text(encoding="utf-8")
        assert not [name for name in LAYERS if "_" in name and name in text], relative(path)
        assert "conv2d" not in text
