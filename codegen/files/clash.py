"""Names of modules and classes that would be one: in Python, or as files of systems that ignore the case of letters."""

import keyword
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from gradscribe.derive.ir.quote import quoted, shown
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser

DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{word}{k}" for word in ("com", "lpt") for k in range(10))})
"""Names that are no file's on Windows."""


def check_clashes(
    layers: Sequence[Layer | Optimiser],
    members: Mapping[str, Sequence[str]],
    modules: Sequence[str],
    shared: Sequence[str],
) -> None:
    """Raise unless every module, class and function of a package has a name of its own.

    Args:
        layers: the layers and optimisers to generate.
        members: the public names of the modules that are known: generated ones, and those that stay in the package.
        modules: what every package has besides its layers.
        shared: names that every package offers besides those of its layers.

    Raises:
        EquationError: with the names that clash.
    """
    known: dict[str, Layer | Optimiser] = {}
    for layer in layers:
        name = layer.name
        if not name.isidentifier() or keyword.iskeyword(name) or unicodedata.normalize("NFKC", name) != name:
            raise EquationError(f"{quoted(name)} cannot be the name of a module in Python; {_ADVICE}")
        if name in (*modules, *shared) or (name.startswith("__") and name.endswith("__")):
            raise EquationError(f"{shown(name)}: every generated package has a {shown(name)} of its own; {_ADVICE}")
        if name.casefold() in DEVICES:
            raise EquationError(f"{shown(name)}: on Windows it is a device and no file; {_ADVICE}")
        if known.setdefault(name, layer) != layer:
            raise EquationError(f"{shown(name)}: two different layers have this name; {_ADVICE} for one of them")
    public = {**members, **{layer.name: (layer.class_name,) for layer in layers if layer.name not in members}}
    taken = {_file(name): (name, f"module {name}") for name in (*modules, "__init__")}
    taken |= {f"name {name}": ("", f"{name}, which every package has") for name in shared}
    for name, names in public.items():
        for word, what in _words(name, names):
            owner, other = taken.setdefault(word, (name, what))
            if owner != name:
                raise EquationError(f"{shown(what)} and {shown(other)} would be one; {_ADVICE} for one of them")


_ADVICE = "expected another name"


def _words(module: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What must be there once only, and what it is: the file of a module, and its names among names and modules."""
    yield _file(module), f"module {module}"
    for name in names:
        yield f"name {name}", f"{name} of {module}"
    yield f"name {module}", f"module {module}"


def _file(module: str) -> str:
    """A module as every system and Python's own `import` tell it from others."""
    return f"file {unicodedata.normalize('NFKC', module).casefold()}"
