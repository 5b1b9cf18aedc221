"""Modules -> the files of a package: what is offered under which name, and how they get into a folder."""

import ast
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from gradscribe.codegen.audit import audit, audit_package
from gradscribe.codegen.clash import MODULES, check_clashes
from gradscribe.codegen.compiler import emitted
from gradscribe.codegen.layout import entry, imported
from gradscribe.codegen.literal import string
from gradscribe.codegen.names import unusable
from gradscribe.codegen.render import Emitted, PackageContext, differs, generated, header, render
from gradscribe.codegen.runtime import runtime_source
from gradscribe.codegen.swap import held, replace
from gradscribe.codegen.transforms import transforms_source
from gradscribe.derive.interface import Layer
from gradscribe.derive.update import Optimiser

PACKAGE = "numpy/package.py.jinja"
SHARED = ("Sequential", "settings")
"""What a package offers of its runtime."""
BASES = ("rt.Layer", "rt.Network", "rt.Optimiser")
"""What the class of a generated module stands on."""
Public = Mapping[str, tuple[str, ...]]
"""What a package offers of its modules: functions and classes."""


def package_sources(
    layers: Sequence[Layer | Optimiser], beside: Public | None = None, order: int = 1
) -> dict[str, str]:
    """The files of a package with a module per layer: name -> text.

    Args:
        layers: the layers and optimisers to generate.
        beside: the public names of generated modules that stay in the package as they are.
        order: 2 for the functions of second order, too.

    Raises:
        EquationError: when two modules or their classes would have one name, or that of something every package has.
    """
    return _package(_modules(layers, order), layers, beside or {})


def _modules(layers: Sequence[Layer | Optimiser], order: int) -> dict[str, Emitted]:
    """The modules of the layers, audited: most of the work."""
    check_clashes(layers, {}, SHARED)
    found = {layer.name: emitted(layer, order) for layer in layers}
    for module in found.values():
        audit(module)
    return found


def _package(modules: Mapping[str, Emitted], layers: Sequence[Layer | Optimiser], beside: Public) -> dict[str, str]:
    """The files of a package: the modules, what every package has, and the one that imports all and those beside."""
    members = {**beside, **{name: module.public for name, module in modules.items()}}
    check_clashes(layers, members, SHARED)
    files = {f"{name}.py": module.text for name, module in modules.items()}
    files |= {"runtime.py": runtime_source(), "transforms.py": transforms_source(), "__init__.py": _init(members)}
    return dict(sorted(files.items()))


def _init(found: Public) -> str:
    """The package's own file, audited, for its modules."""

    def text(modules: Public) -> str:
        members = {m: sorted(names, key=_as_sorted) for m, names in sorted({**modules, "runtime": SHARED}.items())}
        imports = [line for m, names in members.items() for line in imported(f"from .{m} import", names, 1)]
        rows = [line for m, names in members.items() for line in entry(string(m), [string(n) for n in names], 1)]
        names = sorted((name for public in members.values() for name in public), key=_as_sorted)
        return render(PACKAGE, PackageContext(header("the catalogue", PACKAGE), imports, rows, names))

    made = text(found)
    audit_package(made, text({}), {**found, "runtime": SHARED})
    return made


def _as_sorted(name: str) -> tuple[int, str]:
    """The order of names as ruff has it: constants, classes, functions."""
    return 0 if name.isupper() else 1 if name[:1].isupper() else 2, name


def generated_modules(out: Path) -> dict[str, tuple[str, ...]]:
    """The public names of the generated modules in folder `out`."""
    found = {}
    for path in sorted(out.glob("*.py")):
        public = _public(generated(path))
        if public and not unusable(path.stem) and path.stem not in MODULES:
            found[path.stem] = public
    return found


def _public(text: str) -> tuple[str, ...]:
    """The public names of a generated module; none where the text is another."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return ()
    classes = [s for s in body if isinstance(s, ast.ClassDef)]
    if not any(ast.unparse(base) in BASES for s in classes for base in s.bases):
        return ()
    named = [s for s in body if isinstance(s, ast.FunctionDef | ast.ClassDef)]
    return tuple(s.name for s in named if not s.name.startswith("_"))


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
