"""The gate before execution and files: what the compiler emits passes, nothing else does."""

import ast
import builtins
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import gradscribe
from gradscribe import facade, network
from gradscribe.codegen.driver import compile_module, emitted, source
from gradscribe.codegen.files.audit import AuditError, audit, audit_package
from gradscribe.codegen.files.emitted import Emitted
from gradscribe.codegen.numpy.package.module_text import METHODS, NUMPY
from gradscribe.codegen.numpy.package.runtime import runtime_attributes, runtime_names
from gradscribe.codegen.numpy.print.numpy_table import called
from gradscribe.codegen.python.expression import texts
from gradscribe.codegen.python.names import BUILTINS
from gradscribe.codegen.tool.package import package_sources, stale, write_package
from gradscribe.derive.ir.term import EquationError
from tests.cases.sources import tree

ROOT = Path(__file__).parents[3]
LAYER = gradscribe.layer("weight w; y[n, k] = tanh(sum(c) x[n, c] * w[c, k])", "mine")


def inserted(line: str, after: str = "    w, x, dtype = rt.arrays(", indent: str = "    ") -> Emitted:
    """The module of a layer with one more line in it."""
    made = emitted(LAYER)
    lines = made.text.split("\n")
    place = next(k for k, text in enumerate(lines) if text.startswith(after))
    return replace(made, text="\n".join([*lines[: place + 1], *((indent + line).split("\n")), *lines[place + 1 :]]))


FUNCTION = (
    "import os", "from os import path", "from . import runtime as other", "__import__('os')", "exec('1')", "eval('1')",
    "open('pwned', 'w')", "getattr(x, 'shape')", "setattr(x, 'shape', 1)", "globals()", "locals()", "vars()",
    "print(x)",
    "compile('1', 'a', 'eval')", "input()", "breakpoint()", "type(x)", "object()", "id(x)", "dir()", "delattr(x, 'a')",
    "np.load('a')", "np.save('a', x)", "np.fromfile('a')", "np.lib.format", "np.ctypeslib", "np.__dict__",
    "np.memmap('a')",
    "rt.Path('a')", "rt.find_spec('a')", "rt.ThreadPoolExecutor()", "rt._own", "rt.__builtins__", "rt.np.load('a')",
    "x.__class__", "x.tofile('a')", "x.dump('a')", "x.data", "x.base", "x.ctypes.data", "().__class__.__bases__",
    "x.shape.__len__()", "'{0.__class__}'.format(x)", "f'{x}'", "f'{x!r}'", "lambda: 0", "(lambda: 0)()",
    "[a for a in x]",
    "{a for a in x}", "{a: a for a in x}", "sum(a for a in x)", "(a := 1)", "yield x", "await x", "assert x",
    "del np", "del mine_forward", "del unknown", "del x.shape", "del x[0]", "del (x, np)",
    "global x", "pass", "raise ValueError('a')", "with x: x.size", "try:\n        x.size\n    finally:\n        x.size",
    "def inner():\n        return 1", "class Inner:\n        a = 1", "match x:\n        case 1:\n            x.size",
    "'text'",
    "1", "x", "...", "unknown", "unknown()", "range = 1", "np = 1", "rt = x", "Any = 1", "max = x", "mine_forward = 1",
    "Mine = 1", "__a = 1", "x.shape = 1", "np.inf = 1", "rt.array = x", "x[0]()", "x()", "range(3)()",
    "for np in x:\n        x.size",
    "super().__init__()", "super().__class__", "super", "int.__subclasses__()", "async def f():\n        return 1",
)  # fmt: skip


@pytest.mark.parametrize("line", FUNCTION)
def test_what_the_compiler_has_no_use_for(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = inserted(line)
    ast.parse(module.text)
    if line == "super().__init__()":
        audit(module)  # it is in every constructor, and does nothing in a function but fail
        return
    with pytest.raises(AuditError, match=r"^mine: (line \d+ of the generated module|the docstring|a name or a text)"):
        compile_module(module)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "line",
    ["import os", "print(1)", "x = print(1)", "x = open", "def other():\n    return print", "class Other:\n    pass",
     "if True:\n    import os", "import numpy", "import numpy as np\nimport numpy as np", "from . import transforms",
     "def mine_forward():\n    return 1", "Mine = 1", "range = 1", "@print\ndef other():\n    return 1", "'text'",
     "class Other(rt.Layer):\n    x = print(1)", "class Other(object):\n    x = 1",
     "class Other(rt.Layer, a=1):\n    x = 1",
     "def other(a=print(1)):\n    return 1", "def other(a: print(1)):\n    return 1",
     "def other() -> print(1):\n    return 1",
     "lambda: 0", "__all__ = 1", "while True:\n    x = 1"],
)  # fmt: skip
def test_statements_of_the_module(line: str) -> None:
    with pytest.raises(AuditError, match=r"^mine: "):
        compile_module(inserted(line, "import numpy as np", ""))


@pytest.mark.parametrize("line", ["x = print(1)", "layer = open", "other = 1", "for a in x:\n        pass", "import os",
                                  "__slots__ = ()", "def other(self):\n        return 1", "layer = 1"])  # fmt: skip
def test_statements_of_the_class(line: str) -> None:
    with pytest.raises(AuditError, match=r"^mine: "):
        compile_module(inserted(line, "    layer = ", "    "))


LOOPED = gradscribe.layer("y[n,c] = relu(x[n,c] - v[n,c])*v[n,c] + abs(x[n,c])", "mine")


@pytest.mark.parametrize("line", ["loops.other()", "loops.wanted", "loops = rt.Companion", "loops._module()"])
def test_loops_are_those_of_the_companion(line: str) -> None:
    made = emitted(LOOPED)
    called = "    if not loops.mine_forward_1("
    assert called in made.text
    with pytest.raises(AuditError, match=r"^mine: "):
        audit(replace(made, text=made.text.replace(called, f"    {line}\n{called}", 1)))


@pytest.mark.parametrize(
    "line", ["import os", "@print", "x = print(1)", "class Mine:\n    x = 1", "from .. import runtime as rt"]
)
def test_a_companion_holds_loops_only(line: str) -> None:
    made = emitted(LOOPED)
    companion, folder = made.beside
    text = companion.text.replace("\n\n\ndef ", f"\n\n\n{line}\ndef ", 1)
    with pytest.raises(AuditError, match=r"^compiled\.mine: "):
        compile_module(replace(made, beside=(replace(companion, text=text), folder)))


def test_docstrings_are_those_that_were_given() -> None:
    made = emitted(LAYER)
    for name in made.docs:
        with pytest.raises(AuditError, match="does not say what was given"):
            audit(replace(made, docs={**made.docs, name: f"{made.docs[name]} "}))
        with pytest.raises(AuditError, match="does not say what was given"):
            audit(replace(made, docs={key: doc for key, doc in made.docs.items() if key != name}))
    with pytest.raises(AuditError, match="the docstring of other"):
        audit(replace(made, docs={**made.docs, "other": "text"}))


@pytest.mark.parametrize("text", ["def", "x = '\0'", "x = '\ud800'", "(" * 500, "x = " + "-" * 200_000 + "1"])
def test_what_is_no_python(text: str) -> None:
    with pytest.raises(EquationError, match="mine: "):
        audit(replace(emitted(LAYER), text=text))


# ----- every way leads through it -------------------------------------------------------------------------------------
class Reached(Exception):
    pass


def refusing(*_: object) -> ast.Module:
    raise Reached


ITEMS: dict[str, facade.Layer | facade.Optimiser] = {
    "layer": LAYER,
    "network": network("input x[N, 3]\ndense(2)"),
    "optimiser": gradscribe.optimiser("lr = 0.1; new_p[...] = p[...] - lr * g[...]", "mine"),
}


def ways(item: facade.Layer | facade.Optimiser, out: Path) -> list[Callable[[], object]]:
    from gradscribe.codegen.tool.explain import explain
    from gradscribe.codegen.tool.verify import verify_layer

    found: list[Callable[[], object]] = [
        item.compile,
        lambda: item.generate(out),
        lambda: source(item),
        lambda: compile_module(emitted(item)),
        lambda: package_sources([item]),
        lambda: write_package([item], out),
        lambda: stale([item], out, whole=False),
    ]
    if isinstance(item, facade.Layer):
        found += [lambda: item.compile(2), lambda: explain(item, {"x": (2, 3)}), lambda: list(verify_layer(item, 1))]
    return found


@pytest.mark.parametrize("kind", ITEMS)
def test_every_way_leads_through_the_gate(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradscribe.codegen.driver.audit", refusing)
    for way in ways(ITEMS[kind], tmp_path / "out"):
        with pytest.raises(Reached):
            way()
    assert not list(tmp_path.iterdir())


def test_the_file_of_a_package_passes_the_gate_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here names of a module get into it that are none."""
    monkeypatch.setattr("gradscribe.codegen.python.text.render.texts", lambda words: texts((*words, "other")))
    with pytest.raises(AuditError, match=r"__init__\.py: line \d+ holds more than the names of its modules"):
        write_package([LAYER], tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_there_is_one_exec() -> None:
    found = []
    for folder in ("derive", "codegen", "adapters"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(tree(path, "exec|eval")):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("exec", "eval"):
                    found.append(f"{path.relative_to(ROOT)}: {node.func.id}")
    assert found == [str(Path("codegen") / "driver.py") + ": exec"]


# ----- the lists are no longer than they have to be -------------------------------------------------------------------
def test_the_lists_hold_what_there_is() -> None:
    assert all(hasattr(np, name) for name in NUMPY)
    assert all(hasattr(builtins, name) for name in BUILTINS)
    risky = {
        "load",
        "save",
        "fromfile",
        "memmap",
        "lib",
        "ctypeslib",
        "exec",
        "eval",
        "open",
        "getattr",
        "vars",
        "type",
    }
    assert not risky & (NUMPY | BUILTINS | METHODS | runtime_names())
    assert not [name for name in NUMPY | BUILTINS | METHODS if name.startswith("_")]


def test_what_generated_modules_use_is_listed_and_the_other_way_round() -> None:
    used: set[str] = set()
    for path in (*(ROOT / "generated").glob("*.py"), *(ROOT / "generated/compiled").glob("*.py")):
        if path.stem != "__init__":
            nodes = [*ast.walk(tree(path))]
            used |= {n.attr for n in nodes if isinstance(n, ast.Attribute)}
            used |= {n.id for n in nodes if isinstance(n, ast.Name)}
    functions = {
        *called(),
        "add",
        "divide",
        "int64",
        "intp",
        "min",
        "max",
        "copyto",
        "prod",
        "zeros_like",
    }  # of equations
    assert (NUMPY | METHODS | BUILTINS) - used - functions == set()
    users = {"Sequential", "Settings", "compiling", "current", "release", "settings", "Buffers"}
    others = {"direction", "first_min", "minimise", "names", "scalar_type", "wide"}  # of layers of one's own
    others |= {"carried", "stretch", "stretches"}  # with checkpoints
    others |= {"others", "label_extrema", "contract_by_label", "running_sums", "segment_sums", "spread_segments"}
    assert runtime_names() - used - users - others == set()


def test_names_of_the_runtime_are_those_that_it_offers() -> None:
    from gradscribe.generated import runtime

    names = runtime_names()
    assert sorted(names) == sorted(runtime.__all__)
    assert {"array", "contract", "Layer", "Array", "Companion", "run"} <= names
    for name in names:
        assert getattr(runtime, name).__class__ is not ModuleType, name
    assert not names & {"np", "Path", "find_spec", "partial", "dataclass", "Any", "machine", "contractions", "_own"}


@pytest.mark.parametrize("name", ["Layer", "Network", "Optimiser", "Sequential", "Buffers"])
def test_attributes_of_a_class_of_the_runtime_are_read_from_its_file(name: str) -> None:
    from gradscribe.generated import runtime

    cls = getattr(runtime, name)
    found = runtime_attributes(name)
    assert {n for c in cls.__mro__[:-1] for n in vars(c) if not n.startswith("__")} <= found
    assert runtime_attributes("Layer") < runtime_attributes("Network")
    assert runtime_attributes("Nothing") == runtime_attributes("contract") == frozenset()


# ----- packages -------------------------------------------------------------------------------------------------------
def test_a_package_holds_its_members_and_nothing_else() -> None:
    made = package_sources([LAYER])["__init__.py"]
    empty = "\n".join(line for line in made.split("\n") if "mine" not in line.lower())
    names = ("mine_backward", "mine_forward", "mine_grad_input", "mine_grad_weight", "Mine")
    members = {"mine": names, "runtime": ("Sequential", "settings")}
    audit_package(made, empty, members)
    for old, new in (
        ("from .mine import Mine, ", "import os\n    from .mine import Mine, "),
        ("from .mine import Mine", "from mine import Mine"),
        ("from .mine import Mine, mine_backward", "from .mine import Mine"),
        ('"mine": ("Mine", ', '"other": ("Mine", '),
        ('"mine": ("Mine", ', '"mine": ('),
        ('    "Mine",', '    "Mine", "other",'),
        ("globals()[name] = value", "globals()[name] = open"),
    ):
        assert old in made
        with pytest.raises(AuditError, match=r"__init__\.py: line"):
            audit_package(made.replace(old, new), empty, members)
    with pytest.raises(AuditError, match="holds more than"):
        audit_package(f"{made}\nimport os\n", empty, members)


def test_the_gate_says_what_and_where() -> None:
    with pytest.raises(
        AuditError, match=r"^mine: line \d+ of the generated module reads the name unknown: x = unknown$"
    ):
        audit(inserted("x = unknown"))
