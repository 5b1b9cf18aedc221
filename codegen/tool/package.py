"""Modules -> the files of a package: what is offered under which name, and how they get into a folder."""

import ast
import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from gradscribe.codegen.driver import checked, emitted
from gradscribe.codegen.files.audit import audit_package
from gradscribe.codegen.files.clash import check_clashes
from gradscribe.codegen.files.emitted import Emitted
from gradscribe.codegen.files.present import check_folder, differs, generated, template_of
from gradscribe.codegen.files.swap import held, replace
from gradscribe.codegen.python.names import unusable
from gradscribe.codegen.target import DEFAULT, TARGETS, Target, target
from gradscribe.derive.ir.quote import located
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser

Public = Mapping[str, Sequence[str]]
"""What a package offers of its modules: functions and classes."""


def package_sources(
    layers: Sequence[Layer | Optimiser], beside: Public | None = None, order: int = 1, backend: str = DEFAULT
) -> dict[str, str]:
    """The files of a package with a module per layer: path in it -> text.

    Args:
        layers: the layers and optimisers to generate.
        beside: the public names of generated modules that stay in the package as they are.
        order: 2 for the functions of second order, too.
        backend: one of `codegen.target.TARGETS`.

    Raises:
        EquationError: when two modules or their classes would have one name, or that of something every package has.
    """
    return _package(_modules(layers, order, backend), layers, beside or {}, target(backend))


def _modules(layers: Sequence[Layer | Optimiser], order: int, backend: str) -> dict[str, Emitted]:
    """The modules of the layers, audited: most of the work."""
    _check_clashes(layers, {}, target(backend))
    return {layer.name: checked(emitted(layer, order, backend), backend) for layer in layers}


def _package(
    modules: Mapping[str, Emitted], layers: Sequence[Layer | Optimiser], beside: Public, to: Target
) -> dict[str, str]:
    """The files of a package: the modules, what every package has, and the one that imports all and those beside."""
    members = {**beside, **{name: module.public for name, module in modules.items()}}
    _check_clashes(layers, members, to)
    files = {part.path: part.text for module in modules.values() for part in module.modules}
    files |= {**to.shared(), **({"__init__.py": _init(members, to)} if to.importable else {})}
    return dict(sorted(files.items()))


def _check_clashes(layers: Sequence[Layer | Optimiser], members: Public, to: Target) -> None:
    shared = [name for names in to.offers.values() for name in names]
    check_clashes(layers, members, _own(to), shared)


def _own(to: Target) -> list[str]:
    """The names of a package's own modules and folders."""
    return sorted({*to.offers, *to.folders})


def _init(members: Public, to: Target) -> str:
    """The package's own file, audited, for its modules."""
    every = {**members, **to.offers}
    made = to.init(every)
    audit_package(made, to.init(to.offers), every)
    return made


def generated_modules(out: Path, backend: str = DEFAULT) -> dict[str, tuple[str, ...]]:
    """The public names of the modules in folder `out` that a backend has generated."""
    to, found = target(backend), {}
    for path in sorted(out.glob("*.py")) if to.importable else ():
        public = _public(generated(path), to)
        if public and not unusable(path.stem) and path.stem not in _own(to):
            found[path.stem] = public
    return found


def _public(text: str, to: Target) -> tuple[str, ...]:
    """The public names of a generated module; none where the text is another."""
    if template_of(text) != to.template:
        return ()
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return ()
    named = [s for s in body if isinstance(s, ast.FunctionDef | ast.ClassDef)]
    return tuple(s.name for s in named if not s.name.startswith("_"))


def write_package(layers: Sequence[Layer | Optimiser], out: Path, order: int = 1, backend: str = DEFAULT) -> list[Path]:
    """Write the modules of `layers` into folder `out`; returns the files that changed, those that are gone included.

    Everything is rendered before the folder is looked at, and all files are replaced or none, see `codegen.files.swap`;
    another run into the same folder waits, and finds the modules of this one.

    Raises:
        EquationError: see `package_sources`.
        FileExistsError: when a file there, or the folder of the runtime, was not generated, or by another backend.
        OSError: when the folder cannot be written; its files are the old ones then.
    """
    modules, to = _modules(layers, order, backend), target(backend)
    with held(out):
        _check_backend(out, to)
        files = _package(modules, layers, generated_modules(out, backend), to)
        for folder in {PurePosixPath(name).parent for name in files} - {PurePosixPath()}:
            check_folder(out / folder)
        changed = {name: text for name, text in files.items() if differs(out / name, text)}
        gone = sorted(_left_over(out, files, to))
        if changed or gone:
            replace(out, changed, gone)
    return [out / name for name in (*changed, *gone)]


def _check_backend(out: Path, to: Target) -> None:
    """Raise where a folder holds modules of another backend: a package has one runtime."""
    for path in _written(out, {suffix for name in TARGETS for suffix in target(name).suffixes}):
        template = template_of(generated(path))
        if template not in ("", to.template):
            raise FileExistsError(
                f"{located(path)}: expected modules of template {to.template}, found one of {template}; "
                f"modules of another backend need a folder of their own"
            )


def _left_over(out: Path, files: Iterable[str], to: Target) -> set[str]:
    """The generated files that belong to nothing: those of another version's package, and companions of no module."""
    plain = [path for path in _written(out, to.suffixes) if not template_of(generated(path))]
    shared = [path for name in to.offers for path in (out / name).rglob("*.py")]
    alone = [path for path in _companions(out, to) if path.name in files or not generated(out / path.name)]
    found = (path for path in (*plain, *shared, *alone) if generated(path))
    return {path.relative_to(out).as_posix() for path in found} - set(files)


def _written(out: Path, suffixes: Iterable[str]) -> list[Path]:
    """The files in a folder that have one of the suffixes."""
    return [path for suffix in sorted(suffixes) for path in sorted(out.glob(f"*{suffix}"))]


def _companions(out: Path, to: Target) -> list[Path]:
    """The generated modules that stand beside others in a package; none where a link leads elsewhere."""
    found = [path for name in to.folders if not (out / name).is_symlink() for path in sorted((out / name).glob("*.py"))]
    return [path for path in found if path.name != "__init__.py" and generated(path)]


def stale(
    layers: Sequence[Layer | Optimiser], out: Path, whole: bool, order: int = 1, backend: str = DEFAULT
) -> list[str]:
    """Unified diffs of the files in `out` that differ from what would be generated.

    Args:
        layers: the layers and optimisers to generate.
        out: the package's folder.
        whole: whether `layers` are all that the folder should hold; generated files beyond them are orphans.
        order: of the modules, see `package_sources`.
        backend: likewise.
    """
    to = target(backend)
    files = package_sources(layers, None if whole else generated_modules(out, backend), order, backend)
    every = [*_written(out, to.suffixes), *(out / name / "__init__.py" for name in to.folders), *_companions(out, to)]
    orphans = {p.relative_to(out).as_posix() for p in (every if whole else ()) if generated(p)}
    diffs = []
    for name in sorted({*files, *orphans, *_left_over(out, files, to)}):
        path = out / name
        old = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        lines = (old.splitlines(keepends=True), files.get(name, "").splitlines(keepends=True))
        diffs.append("".join(difflib.unified_diff(*lines, f"{path} (as it is)", f"{path} (as the equations say)")))
    return [d for d in diffs if d]
