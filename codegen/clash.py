"""Names of modules and classes that would be one: in Python, or as files of systems that ignore the case of letters."""

import keyword
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from derive.interface import Layer
from derive.quote import quoted, shown
from derive.term import EquationError
from derive.update import Optimiser

MODULES = ("runtime", "transforms")
"""What every package has besides its layers."""
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{word}{k}" for word in ("com", "lpt") for k in range(10))})
"""Names that are no file's on Windows."""


def check_clashes(layers: Sequence[Layer | Optimiser], beside: Mapping[str, str], shared: Sequence[str]) -> None:
    """Raise unless every module and every class of a package has a name of its own.

    Args:
        layers: the layers and optimisers to generate.
        beside: module -> class of generated modules that stay in the package.
        shared: names of the runtime that a package offers.

    Raises:
        EquationError: with the names that clash.
    """
    known: dict[str, Layer | Optimiser] = {}
    for layer in layers:
        name = layer.name
        if not name.isidentifier() or keyword.iskeyword(name) or unicodedata.normalize("NFKC", name) != name:
            raise EquationError(f"{quoted(name)} cannot be the name of a module in Python; {_ADVICE}")
        if name in (*MODULES, *shared) or (name.startswith("__") and name.endswith("__")):
            raise EquationError(f"{shown(name)}: every generated package has a {shown(name)} of its own; {_ADVICE}")
        if name.casefold() in DEVICES:
            raise EquationError(f"{shown(name)}: on Windows it is a device and no file; {_ADVICE}")
        if known.setdefault(name, layer) != layer:
            raise EquationError(f"{shown(name)}: two different layers have this name; {_ADVICE} for one of them")
    classes = {**beside, **{layer.name: layer.class_name for layer in layers}}
    taken = {_file(name): (name, f"module {name}") for name in (*MODULES, "__init__")}
    taken |= {f"class {name}": ("", f"{name}, which every package has") for name in shared}
    for name, class_name in classes.items():
        for word, what in _words(name, class_name):
            owner, other = taken.setdefault(word, (name, what))
            if owner != name:
                raise EquationError(f"{shown(what)} and {shown(other)} would be one; {_ADVICE} for one of them")


_ADVICE = "expected another name"


def _words(module: str, class_name: str) -> Iterator[tuple[str, str]]:
    """What must be there once only, and what it is: the file of a module, and its class among classes and modules."""
    yield _file(module), f"module {module}"
    yield f"class {module}", f"module {module}"
    yield f"class {class_name}", f"class {class_name} of {module}"


def _file(module: str) -> str:
    """A module as every system and Python's own `import` tell it from others."""
    return f"file {unicodedata.normalize('NFKC', module).casefold()}"
