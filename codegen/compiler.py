"""The driver: layer -> files. Each stage is one pure function with the result of the one before as input.

stage         input                 output                               where
kernels       Layer                 Kernels: programs and signatures     codegen.kernel, second_order (use derive)
choose_form   Statement             Form: no delta left                  codegen.form (uses derive.collapse)
lower         Program               Plan: records                        codegen.lower
emit          Plan                  lines of Python                      codegen.emit
function      Kernel, lines         text of a function                   codegen.function
module        functions             text of a module                     codegen.module, network, optimiser
swap          texts                 files, all or none                   codegen.swap
"""

import difflib
import keyword
import re
import sys
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from types import ModuleType

from codegen.clash import check_clashes
from codegen.cook_toom import tables
from codegen.module import module_source
from codegen.network import network_source
from codegen.optimiser import optimiser_source
from codegen.render import (
    PackageContext,
    RuntimeContext,
    differs,
    generated,
    header,
    render,
)
from codegen.swap import held, replace
from codegen.transforms import transforms_source
from derive.composition import Network
from derive.interface import Layer
from derive.update import Optimiser

SHARED = ("Sequential", "settings")
"""What a package offers of its runtime."""
_numbers = count()


def source(item: Layer | Optimiser, order: int = 1) -> str:
    """The text of the module of a layer, a network or an optimiser."""
    if isinstance(item, Network):
        return network_source(item, order)
    if isinstance(item, Layer):
        return module_source(item, order)
    return optimiser_source(item)


def runtime_source() -> str:
    """The text of runtime.py."""
    template = "numpy/runtime.py.jinja"
    return render(template, RuntimeContext(header("its template", template), tables()))


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
    imports = tuple(sorted([*found.items(), ("runtime", ", ".join(SHARED))]))
    members = tuple(sorted([*found.items(), *(("runtime", name) for name in SHARED)]))
    names = tuple(sorted((name for _, name in members), key=lambda name: (not name.isupper(), name)))  # as ruff has it
    template = "numpy/package.py.jinja"
    context = PackageContext(header("the catalogue", template), imports, members, names)
    return dict(sorted({**modules, "__init__.py": render(template, context)}.items()))


def generated_modules(out: Path) -> dict[str, str]:
    """The generated modules in folder `out`: module -> class."""
    found = {}
    for path in sorted(out.glob("*.py")):
        match = re.search(r"^class (\w+)\(rt\.(?:Layer|Network|Optimiser)\):", generated(path), re.MULTILINE)
        if match and path.stem.isidentifier() and not keyword.iskeyword(path.stem):
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
    return compile_source(layer.name, source(layer, order))


def compile_source(name: str, text: str) -> ModuleType:
    """The module `name` of a generated text, in memory, with a runtime of its own."""
    package = f"_gradscribe_{next(_numbers)}"
    parent = ModuleType(package)
    parent.__path__ = []
    sys.modules[package] = parent
    for sibling, contents in (("runtime", runtime_source()), ("transforms", transforms_source())):
        setattr(parent, sibling, _execute(f"{package}.{sibling}", contents))
    return _execute(f"{package}.{name}", text)


def _execute(name: str, source: str) -> ModuleType:
    """Run generated text as a module; the text comes from our own emitter, never from a user."""
    module = ModuleType(name)
    module.__package__ = name.rpartition(".")[0]
    sys.modules[name] = module
    exec(compile(source, f"<{name}>", "exec"), module.__dict__)
    return module
