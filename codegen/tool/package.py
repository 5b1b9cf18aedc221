"""Modules -> the files of a package: what is offered under which name, and how they get into a folder."""

import ast
import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from gradscribe.codegen.compiler import emitted
from gradscribe.codegen.files.audit import audit, audit_package
from gradscribe.codegen.files.clash import MODULES, check_clashes
from gradscribe.codegen.files.present import check_folder, differs, generated
from gradscribe.codegen.files.swap import held, replace
from gradscribe.codegen.numpy.runtime.runtime import runtime_sources
from gradscribe.codegen.python.definition import Import
from gradscribe.codegen.python.expression import Dictionary, Literal, texts
from gradscribe.codegen.python.names import unusable
from gradscribe.codegen.python.statement import let
from gradscribe.codegen.python.text import printer
from gradscribe.codegen.python.text.render import Emitted, PackageContext, compiled_source, header, render
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser

PACKAGE = "numpy/package.py.jinja"
SHARED = ("Sequential", "settings")
"""What a package offers of its runtime."""
BASES = ("rt.Layer", "rt.Network", "rt.Optimiser")
"""What the class of a generated module stands on."""
COMPILED = "compiled"
"""The folder of compiled loops, with a file for each module that has any."""
FORMER = ("runtime.py", "transforms.py")
"""What packages had before their runtime was one, too."""
Public = Mapping[str, tuple[str, ...]]
"""What a package offers of its modules: functions and classes."""


def package_sources(
    layers: Sequence[Layer | Optimiser], beside: Public | None = None, order: int = 1
) -> dict[str, str]:
    """The files of a package with a module per layer: path in it -> text.

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
        for part in module.modules:
            audit(part)
    return found


def _package(modules: Mapping[str, Emitted], layers: Sequence[Layer | Optimiser], beside: Public) -> dict[str, str]:
    """The files of a package: the modules, what every package has, and the one that imports all and those beside."""
    members = {**beside, **{name: module.public for name, module in modules.items()}}
    check_clashes(layers, members, SHARED)
    parts = [part for module in modules.values() for part in module.modules]
    files = {part.path: part.text for part in parts}
    files |= {f"{COMPILED}/__init__.py": compiled_source()} if len(parts) > len(modules) else {}
    files |= {**runtime_sources(), "__init__.py": _init(members)}
    return dict(sorted(files.items()))


def _init(found: Public) -> str:
    """The package's own file, audited, for its modules."""

    def text(modules: Public) -> str:
        members = {m: sorted(names, key=_as_sorted) for m, names in sorted({**modules, "runtime": SHARED}.items())}
        found = (Import(f".{module}", tuple(names)) for module, names in members.items())
        imports = [line for one in found for line in printer.imported(one, 1)]
        table = Dictionary(tuple((Literal(module), texts(names)) for module, names in members.items()))
        rows = [line.text for line in printer.lines([let("_MODULES", table)], 0)]
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
    """Write the modules of `layers` into folder `out`; returns the files that changed, those that are gone included.

    Everything is rendered before the folder is looked at, and all files are replaced or none, see `codegen.files.swap`;
    another run into the same folder waits, and finds the modules of this one.

    Raises:
        EquationError: see `package_sources`.
        FileExistsError: when a file there, or the folder of the runtime, was not generated.
        OSError: when the folder cannot be written; its files are the old ones then.
    """
    modules = _modules(layers, order)
    with held(out):
        files = _package(modules, layers, generated_modules(out))
        for folder in {PurePosixPath(name).parent for name in files} - {PurePosixPath()}:
            check_folder(out / folder)
        changed = {name: text for name, text in files.items() if differs(out / name, text)}
        gone = sorted(_left_over(out, files))
        if changed or gone:
            replace(out, changed, gone)
    return [out / name for name in (*changed, *gone)]


def _left_over(out: Path, files: Iterable[str]) -> set[str]:
    """The generated files that belong to nothing: those of another version's runtime, and loops of no module."""
    former = [out / name for name in FORMER if not _public(generated(out / name))]
    loops = [path for path in _companions(out) if path.name in files or not generated(out / path.name)]
    found = (path for path in (*former, *(out / "runtime").rglob("*.py"), *loops) if generated(path))
    return {path.relative_to(out).as_posix() for path in found} - set(files)


def _companions(out: Path) -> list[Path]:
    """The generated modules of compiled loops in a package; none where a link leads elsewhere."""
    folder = out / COMPILED
    found = [] if folder.is_symlink() else sorted(folder.glob("*.py"))
    return [path for path in found if path.name != "__init__.py" and generated(path)]


def stale(layers: Sequence[Layer | Optimiser], out: Path, whole: bool, order: int = 1) -> list[str]:
    """Unified diffs of the files in `out` that differ from what would be generated.

    Args:
        layers: the layers and optimisers to generate.
        out: the package's folder.
        whole: whether `layers` are all that the folder should hold; generated files beyond them are orphans.
        order: of the modules, see `package_sources`.
    """
    files = package_sources(layers, None if whole else generated_modules(out), order)
    every = [*out.glob("*.py"), out / COMPILED / "__init__.py", *_companions(out)] if whole else []
    orphans = {p.relative_to(out).as_posix() for p in every if generated(p)} | _left_over(out, files)
    diffs = []
    for name in sorted({*files, *orphans}):
        path = out / name
        old = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        lines = (old.splitlines(keepends=True), files.get(name, "").splitlines(keepends=True))
        diffs.append("".join(difflib.unified_diff(*lines, f"{path} (as it is)", f"{path} (as the equations say)")))
    return [d for d in diffs if d]
