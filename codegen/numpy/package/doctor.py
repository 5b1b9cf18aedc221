"""What the runtime finds on this machine: what `gradscribe doctor` says."""

import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

HOW = "install gcc or clang, or run: pip install 'gradscribe[compiled]'"
FINE = "works"


def examined(shared: Mapping[str, ModuleType]) -> Sequence[tuple[str, str]]:
    """What there is, by what it is called.

    Args:
        shared: the modules of the runtime.
    """
    machine = f"{shared['runtime.__init__'].__name__}.machine"
    rows: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("Python", _python),
        ("NumPy", lambda _: np.__version__),
        ("BLAS", _blas),
        ("C compiler", _compiler),
        ("vectors", _vectors),
        ("threads in C", _pool),
        ("cache", _cache),
        ("failures", _failures),
    )
    return [(name, _told(find, machine)) for name, find in rows]


def _told(find: Callable[[str], str], machine: str) -> str:
    try:
        return find(machine)
    except Exception as error:  # whoever asks what is wrong gets all other answers
        return f"could not be found out: {type(error).__name__}: {error}"


def _native(machine: str, module: str) -> Any:
    return import_module(f"{machine}.native.{module}")


def _python(machine: str) -> str:
    return f"{platform.python_version()}, {platform.python_implementation()}, {sys.platform} {platform.machine()}"


def _blas(machine: str) -> str:
    found: Any = np.show_config(mode="dicts")
    library = found["Build Dependencies"]["blas"]
    said = f"{library['name']} {library['version']}"
    if find_spec("threadpoolctl") is None:
        return f"{said}; to have work divided among threads, run: pip install threadpoolctl"
    return f"{said}, threads: {import_module(f'{machine}.threads').available()}"


def _compiler(machine: str) -> str:
    search = _native(machine, "compiler").search()
    tried = [f"{command} does not work: {said}" for command, said in search.failed]
    if search.found is None:
        return "\n".join([f"none, NumPy computes everything; {HOW}", *tried])
    return "\n".join([f"{' '.join(search.found.command)}: {search.found.version}", *tried])


def _vectors(machine: str) -> str:
    found = _native(machine, "compiler").compiler()
    return "unknown without a compiler" if found is None else f"{found.vector} bytes"


def _pool(machine: str) -> str:
    if _native(machine, "compiler").compiler() is None:
        return "none without a compiler"
    return FINE if _native(machine, "library").available() else "could not be compiled"


def _cache(machine: str) -> str:
    folder, store = _native(machine, "folder"), _native(machine, "store")
    refusal = folder.refusal()
    if refusal:
        return f"none, each process compiles for itself: {refusal}"
    place = folder.wanted()
    sizes = [size for _, size, _ in store.contents(place)]
    state = "" if folder.is_writable(place) else "; it cannot be written to, each process compiles what is not there"
    return f"{place}: {len(sizes)} files, {sum(sizes) / 1e6:.1f} MB{state}"


def _failures(machine: str) -> str:
    return "\n".join(dict.fromkeys(_refusals(machine))) or "none"


def _refusals(machine: str) -> Iterator[str]:
    """What compilers said of texts that they did not compile, in this process and lately in others."""
    objects, store = _native(machine, "objects"), _native(machine, "store")
    yield from objects.failures.values()
    yield from store.texts(objects.FAILED)
