"""What Python runs in a browser: gradscribe and the libraries that it needs, as one archive.

The libraries are those that are installed here, their Python alone: what is tested is what is shipped.
"""

import io
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from gradscribe.codegen.files.write import write
from gradscribe.codegen.python.text.render import templates
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import MOST_LISTED, shown
from gradscribe.said import LOCALE

PACKAGE = "gradscribe"
ROOMS = ("derive", "codegen")
LIBRARIES = ("sympy", "mpmath", "lark", "jinja2", "markupsafe", "rich")
KINDS = {".py", ".lark", ".eq", ".jinja", ".h", ".c", ".mo"}
"""Suffixes of what Python reads: itself, grammars, definitions, templates, translations."""
UNREAD = {"tests", "benchmarks", "__pycache__", "katex"}
"""Folders that are not loaded, wherever they are."""
PARTS = {
    "rich": ("__init__.py", "_extension.py", "cells.py", "_unicode_data"),
    "sympy": (
        *("__init__.py", "release.py", "algebras", "assumptions", "calculus", "codegen", "combinatorics", "concrete"),
        *("core", "discrete", "external", "functions", "geometry", "integrals", "interactive", "logic", "matrices"),
        *("multipledispatch", "ntheory", "parsing", "plotting", "polys", "printing", "series", "sets", "simplify"),
        *("solvers", "strategies", "tensor", "testing", "unify", "utilities", "deprecated"),
    ),
}
"""What is loaded of a library, where that is not all: of SymPy no physics or statistics."""
COMPILER = "playground/compile.mjs"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of all files: the archive depends on what is in it alone."""


def engine(bundle: Path) -> bytes:
    """The archive; where there is Node.js, compiled by the Python that will read it, which then starts much faster.

    Args:
        bundle: the folder of npm's package pyodide; what was compiled is kept there.

    Raises:
        EquationError: when a library is not installed.
    """
    files = {**_own(), **{path: data for name in LIBRARIES for path, data in _library(name)}}
    sources = archive(files)
    node = shutil.which("node")
    return _compiled(sources, bundle, node) if node else sources


def _compiled(sources: bytes, bundle: Path, node: str) -> bytes:
    compiler = templates() / COMPILER
    made_of = sha256(sources + compiler.read_bytes() + (bundle / "package.json").read_bytes())
    kept = bundle / f"engine-{made_of.hexdigest()[:16]}.zip"
    if kept.is_file():
        return kept.read_bytes()
    with TemporaryDirectory() as folder:
        given, made = Path(folder, "sources.zip"), Path(folder, "compiled.zip")
        given.write_bytes(sources)
        command = [node, str(compiler), str(bundle), str(given), str(made)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise EquationError(f"{COMPILER}: {shown(done.stderr.strip()[-MOST_LISTED:])}")
        with zipfile.ZipFile(made) as found:
            files = {name: found.read(name) for name in found.namelist() if not name.endswith("/")}
    packed = archive(files)
    with suppress(OSError):  # somebody else's folder: it is made anew next time
        write(kept, packed)
    return packed


def archive(files: Mapping[str, bytes]) -> bytes:
    """Files as a ZIP, the same bytes for the same files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for path, data in sorted(files.items()):
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            made.writestr(entry, data)
    return packed.getvalue()


def _own() -> dict[str, bytes]:
    """The files of gradscribe, where an installation has them."""
    folders = {room: _folder(f"{PACKAGE}.{room}") for room in ROOMS}
    found = {f"{PACKAGE}/{path.name}": path for path in _folder(PACKAGE).glob("*.py")}
    for name, folder in {**folders, "templates": templates(), LOCALE.name: LOCALE}.items():
        found |= {f"{PACKAGE}/{name}/{p.relative_to(folder).as_posix()}": p for p in sorted(folder.rglob("*"))}
    return {name: path.read_bytes() for name, path in found.items() if _is_read(name) and path.is_file()}


def _folder(package: str) -> Path:
    """Where the files of a package lie."""
    found = find_spec(package)
    assert found is not None  # this file is in it
    assert found.origin is not None
    return Path(found.origin).parent


def _library(name: str) -> Iterator[tuple[str, bytes]]:
    """The files of a library, and its licences."""
    try:
        files = distribution(name).files or ()
    except PackageNotFoundError:
        raise EquationError(f"the playground holds {name}, which is not installed; pip install {name}") from None
    for path in files:
        loaded = name not in PARTS or (len(path.parts) > 1 and path.parts[1] in PARTS[name])
        if (loaded and _is_read(str(path))) or "LICEN" in path.name.upper():
            yield PurePosixPath(path).as_posix(), Path(str(path.locate())).read_bytes()


def _is_read(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return PurePosixPath(path).suffix in KINDS and parts[0] != ".." and not UNREAD.intersection(parts)
