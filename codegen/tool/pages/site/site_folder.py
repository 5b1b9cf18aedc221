"""The files of a site in a folder: those of another site go, files of others stop it before anything is written."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradscribe.codegen.files.swap import STAGE, held
from gradscribe.codegen.files.write import naming, write
from gradscribe.derive.derivation.record.translation import checked_language
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import located
from gradscribe.said import ENGLISH

MANIFEST = "gradscribe-site.json"
"""The file that lists all others, so that the next run knows which are ours, and says the language of the site."""

File = str | bytes


def check_ours(folder: Path) -> None:
    """Raise unless a folder holds a site, or nothing yet.

    Raises:
        FileExistsError: when it holds a file of others.
        NotADirectoryError: when it is none.
    """
    _ours(folder)


def is_site(folder: Path) -> bool:
    """Whether a site lies there."""
    return bool(_listed(folder))


def language_of(folder: Path) -> str:
    """The language that a site says it is in; English where it says nothing.

    Raises:
        EquationError: for an unknown one.
    """
    try:
        return checked_language(str(_said(folder).get("language", ENGLISH)))
    except EquationError as error:
        raise EquationError(f"{located(folder / MANIFEST)}: {error}") from None


def write_site(folder: Path, files: Mapping[str, File], language: str = ENGLISH) -> list[str]:
    """Write a site; returns the paths of files that have changed, those that are gone included.

    A file is the old one or the new one. Where a run is interrupted the list names both, and the next run goes on.

    Raises:
        OSError: when a file of others lies there, or a file cannot be written.
    """
    with held(folder):
        there = _ours(folder)
        changed = [name for name, data in files.items() if name not in there or _bytes(data) != _read(folder / name)]
        gone = sorted(there - files.keys())
        if changed or gone:
            write(folder / MANIFEST, _manifest({*there, *files}, language))
            for name in changed:
                with naming(folder / name):
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                write(folder / name, files[name])
            for name in gone:
                _remove(folder, name)
            write(folder / MANIFEST, _manifest(set(files), language))
    return sorted((*changed, *gone))


def _ours(folder: Path) -> set[str]:
    """The files of a site that lie in a folder."""
    if not folder.exists() and not folder.is_symlink():
        return set()
    if not folder.is_dir():
        raise NotADirectoryError(f"{located(folder)}: expected a folder, found a file")
    listed = _listed(folder)
    there = set[str]()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and not path.is_symlink():
            continue
        if name == MANIFEST and listed:
            continue
        if path.is_symlink() or name not in listed:
            raise FileExistsError(
                f"{located(path)} was not made by gradscribe site; it is left as it is, and nothing is written there"
            )
        there.add(name)
    return there


def _listed(folder: Path) -> set[str]:
    """The files that a site says are its own; none where there is no site."""
    found = _said(folder).get("files")
    names = found if isinstance(found, list) else []
    return {name for name in names if isinstance(name, str) and not name.startswith(STAGE)}


def _said(folder: Path) -> dict[str, Any]:
    """What a site says of itself; nothing where there is none."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _manifest(names: set[str], language: str) -> str:
    found = {"made by": "gradscribe site", "language": language, "files": sorted(names)}
    return json.dumps(found, indent=0, ensure_ascii=False) + "\n"


def _remove(folder: Path, name: str) -> None:
    """A file that goes, with the folders that hold nothing else."""
    with naming(folder / name):
        (folder / name).unlink(missing_ok=True)
    for parent in (folder / name).parents:
        if parent == folder or any(parent.iterdir()):
            return
        parent.rmdir()


def _bytes(data: File) -> bytes:
    return data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data


def _read(path: Path) -> bytes:
    return path.read_bytes()
