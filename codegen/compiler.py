"""The driver: layer -> files. Each stage is one pure function with the result of the one before as input.

stage         input                 output                               where
kernels       Layer                 Kernels: programs and signatures     codegen.kernel, second_order (use derive)
choose_form   Statement             Form: no delta left                  codegen.form (uses derive.collapse)
lower         Program               Plan: records                        codegen.lower
emit          Plan                  lines of Python                      codegen.emit
function      Kernel, lines         text of a function                   codegen.function
module        functions             Emitted: text and its docstrings     codegen.module, network, optimiser
audit         Emitted               the same, or an error                codegen.audit, before exec and before files
write         texts                 files, all or none, if they changed  codegen.swap
"""

import difflib
import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import count
from pathlib import Path
from types import CodeType, ModuleType

from codegen.audit import audit, audit_package
from codegen.clash import MODULES, check_clashes
from codegen.module import module_source
from codegen.names import unusable
from codegen.network import network_source
from codegen.optimiser import optimiser_source
from codegen.render import Emitted, PackageContext, differs, generated, header, render
from codegen.runtime import runtime_source
from codegen.swap import held, replace
from codegen.transforms import transforms_source
from derive.composition import Network
from derive.interface import Layer
from derive.update import Optimiser

PACKAGE = "numpy/package.py.jinja"
SHARED = ("Sequential", "settings")
"""What a package offers of its runtime."""
_numbers = count()


def emitted(item: Layer | Optimiser, order: int = 1) -> Emitted:
    """The module of a layer, a network or an optimiser, not audited yet."""
    if isinstance(item, Network):
        return network_source(item, order)
    if isinstance(item, Layer):
        return module_source(item, order)
    return optimiser_source(item)


def source(item: Layer | Optimiser, order: int = 1) -> str:
    """The text of the module of a layer, a network or an optimiser, audited."""
    made = emitted(item, order)
    audit(made)
    return made.text


def package_sources(
    layers: Sequence[Layer | Optimiser], beside: Mapping[str, str] | None = None, order: int = 1
) -> dict[str, str]:
    """The files of a package with a module per layer: name -> text.

    Args:
        layers: the layers and optimisers to generate.
        beside: module -> class of generated modules that stay in the package as they are.
        order: 2 for the functions of second order, too.

    Raises:
        EquationError: when two modules or their classes would have one name, or that of something every package has.
    """
    return _package(_modules(layers, order), layers, beside or {})


def _modules(layers: Sequence[Layer | Optimiser], order: int) -> dict[str, str]:
    """The modules of the layers, which is most of the work, and those that every package has."""
    check_clashes(layers, {}, SHARED)
    files = {f"{layer.name}.py": source(layer, order) for layer in layers}
    return files | {"runtime.py": runtime_source(), "transforms.py": transforms_source()}


def _package(
    modules: Mapping[str, str], layers: Sequence[Layer | Optimiser], beside: Mapping[str, str]
) -> dict[str, str]:
    """The files of a package: the modules, and the one that imports them and those beside."""
    check_clashes(layers, beside, SHARED)
    found = {**beside, **{layer.name: layer.class_name for layer in layers}}
    return dict(sorted({**modules, "__init__.py": _init(found)}.items()))


def _init(found: Mapping[str, str]) -> str:
    """The package's own file, audited, for its modules: module -> class."""

    def text(modules: Mapping[str, str]) -> str:
        imports = tuple(sorted([*modules.items(), ("runtime", ", ".join(SHARED))]))
        members = tuple(sorted([*modules.items(), *(("runtime", name) for name in SHARED)]))
        names = sorted((name for _, name in members), key=lambda name: (not name.isupper(), name))  # as ruff has it
        return render(PACKAGE, PackageContext(header("the catalogue", PACKAGE), imports, members, tuple(names)))

    made = text(found)
    audit_package(
        made, text({}), {**{name: module for module, name in found.items()}, **dict.fromkeys(SHARED, "runtime")}
    )
    return made


def generated_modules(out: Path) -> dict[str, str]:
    """The generated modules in folder `out`: module -> class."""
    found = {}
    for path in sorted(out.glob("*.py")):
        match = re.search(r"^class (\w+)\(rt\.(?:Layer|Network|Optimiser)\):", generated(path), re.MULTILINE)
        if match and not unusable(path.stem) and path.stem not in MODULES:
            found[path.stem] = match[1]
    return found


def write_package(layers: Sequence[Layer | Optimiser], out: Path, order: int = 1) -> list[Path]:
    """Write the modules of `layers` into folder `out`; returns the files that changed.

    Everything is rendered before the folder is looked at, and all files are replaced or none, see `codegen.swap`;
    another run into the same folder waits, and finds the modules of this one.

    Raises:
        EquationError: see `package_sources`.
        FileExistsError: when a file there was not generated.
        OSError: when the folder cannot be written; its files are the old ones then.
    """
    modules = _modules(layers, order)
    with held(out):
        files = _package(modules, layers, generated_modules(out))
        changed = {name: text for name, text in files.items() if differs(out / name, text)}
        if changed:
            replace(out, changed)
    return [out / name for name in changed]


def stale(layers: Sequence[Layer | Optimiser], out: Path, whole: bool, order: int = 1) -> list[str]:
    """Unified diffs of the files in `out` that differ from what would be generated.

    Args:
        layers: the layers and optimisers to generate.
        out: the package's folder.
        whole: whether `layers` are all that the folder should hold; generated files beyond them are orphans.
        order: of the modules, see `package_sources`.
    """
    files = package_sources(layers, None if whole else generated_modules(out), order)
    orphans = {p.name for p in out.glob("*.py") if generated(p)} - set(files)
    diffs = []
    for name in sorted({*files, *(orphans if whole else ())}):
        path = out / name
        old = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        lines = (old.splitlines(keepends=True), files.get(name, "").splitlines(keepends=True))
        diffs.append("".join(difflib.unified_diff(*lines, f"{path} (as it is)", f"{path} (as the equations say)")))
    return [d for d in diffs if d]


def compile_layer(layer: Layer | Optimiser, order: int = 1) -> ModuleType:
    """The module of `layer`, in memory: its functions and its class as attributes; see `module_source`."""
    return compile_module(emitted(layer, order))


def compile_module(module: Emitted) -> ModuleType:
    """An emitted module, in memory, with a runtime of its own.

    Raises:
        EquationError: when the audit finds anything in it that generated code has no use for.
    """
    code = compile(audit(module), f"<{module.name}>", "exec")
    package = f"_gradscribe_{next(_numbers)}"
    parent = ModuleType(package)
    parent.__path__ = []
    sys.modules[package] = parent
    for sibling, own in _siblings():
        setattr(parent, sibling, _execute(f"{package}.{sibling}", own))
    return _execute(f"{package}.{module.name}", code)


@cache
def _siblings() -> tuple[tuple[str, CodeType], ...]:
    """What every module needs beside it; no user's text is in it."""
    texts = {"runtime": runtime_source(), "transforms": transforms_source()}
    return tuple((name, compile(text, f"<{name}>", "exec")) for name, text in texts.items())


def _execute(name: str, code: CodeType) -> ModuleType:
    """Run a module: one of our own templates, or one that passed the audit. Nothing else is ever executed."""
    module = ModuleType(name)
    module.__package__ = name.rpartition(".")[0]
    sys.modules[name] = module
    exec(code, module.__dict__)
    return module
