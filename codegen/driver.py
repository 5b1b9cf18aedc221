"""The driver: layer -> files. Each stage is one pure function with the result of the one before as input.

stage         input                 output                               where
kernels       Layer                 Kernels: programs and signatures     codegen.kernel (uses derive)
choose_form   Statement             Form: no delta left                  codegen.kernel.form (uses derive.calculus)
module        Layer                 Emitted: text, docstrings, lists     a backend, see codegen.target; of NumPy:
lower         Program               Plan: records                        codegen.numpy.lower
emit          Plan                  statements of Python, as records     codegen.numpy.print
function      Kernel, statements    text of a function                   codegen.numpy.function
module        functions             Emitted                              codegen.numpy.layer, codegen.numpy.network
audit         Emitted               the same, or an error                codegen.files.audit, before exec and files
write         modules               files, all or none, if they changed  codegen.tool.package, codegen.files
"""

import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from gradscribe.codegen.files.audit import audit
from gradscribe.codegen.files.emitted import Emitted
from gradscribe.codegen.target import DEFAULT, target
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser
from gradscribe.kept import kept

CATALOGUE = "gradscribe.generated"
"""The package of what is generated from the catalogue."""

_numbers = count()


def emitted(item: Layer | Optimiser, order: int = 1, backend: str = DEFAULT) -> Emitted:
    """The module of a layer, a network or an optimiser, not audited yet.

    Args:
        item: the layer, network or optimiser.
        order: 2 for the functions of second order, too.
        backend: one of `codegen.target.TARGETS`.

    Raises:
        EquationError: see `Target.module`, and when there is no such backend.
    """
    options = item.layer.options if isinstance(item, Optimiser) else item.options
    return _emitted(item, order, backend, repr(options))


@kept(512)  # what is verified, shown and written is often the same layer
def _emitted(item: Layer | Optimiser, order: int, backend: str, options: str) -> Emitted:
    """The same; `options` tells defaults apart that are equal: 0.0 from -0.0, 1 from True."""
    return target(backend).module(item, order)


def source(item: Layer | Optimiser, order: int = 1, backend: str = DEFAULT) -> str:
    """The text of the module of a layer, a network or an optimiser, audited; see `emitted` and `checked`."""
    return checked(emitted(item, order, backend), backend).text


def checked(module: Emitted, backend: str = DEFAULT) -> Emitted:
    """A module as it was given, audited with what stands beside it where it is Python, which is run.

    Raises:
        EquationError: when the audit finds anything in it that generated code has no use for.
    """
    for part in module.modules if target(backend).importable else ():
        audit(part)
    return module


def compile_layer(item: Layer | Optimiser, order: int = 1, backend: str = DEFAULT) -> ModuleType:
    """The module of a layer, in memory: its functions and its class as attributes; see `emitted`.

    Raises:
        EquationError: as `emitted` does, and for a backend whose files are not Python.
    """
    if not target(backend).importable:
        raise EquationError(f"backend {backend}: its files are not Python; expected generate, and a compiler for them")
    return compile_module(emitted(item, order, backend), backend)


def compile_module(module: Emitted, backend: str = DEFAULT) -> ModuleType:
    """An emitted module, in memory, with the files of its backend of its own.

    Raises:
        EquationError: when the audit finds anything in it that generated code has no use for.
    """
    codes = {found.name: compile(audit(found), _place(found.path, found.text), "exec") for found in module.modules}
    return _Package(codes).loaded(shared(backend))[module.name]


@cache
def shared(backend: str = DEFAULT) -> Mapping[str, ModuleType]:
    """What every module needs beside it, by name: loaded once, so that all modules have one set of settings and pools.

    It is what stands beside the catalogue, unless that is of other templates. No user's text is in it.
    """
    texts = target(backend).shared()
    if all(_in_catalogue(path, text) for path, text in texts.items()):
        return {name: import_module(f"{CATALOGUE}.{name.removesuffix('.__init__')}") for name in map(_dotted, texts)}
    return _Package({_dotted(path): compile(text, _place(path, text), "exec") for path, text in texts.items()}).loaded(
        {}
    )


def _dotted(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def _place(path: str, text: str) -> str:
    """What the code of a file in a package is said to come from: the same file of the catalogue, where there is one."""
    return str(_in_catalogue(path, text) or f"<{_dotted(path)}>")


def _in_catalogue(path: str, text: str) -> Path | None:
    """The file of the catalogue with that text."""
    found = find_spec(CATALOGUE)
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        file = Path(folder).resolve() / path
        with suppress(OSError):  # a name that is too long for a file
            if file.is_file() and file.read_text(encoding="utf-8") == text:
                return file
    return None


class _Package(Loader, MetaPathFinder):
    """A package in memory: our own templates, and a module that passed the audit. Nothing else is ever executed.

    Args:
        codes: its modules by name; ``a.__init__`` is that of the package a within it.
    """

    def __init__(self, codes: Mapping[str, CodeType]) -> None:
        self._name = f"_gradscribe_{next(_numbers)}"
        self._within = {f"{self._name}.{module}".removesuffix(".__init__"): module for module in codes}
        self._codes = codes

    def loaded(self, beside: Mapping[str, ModuleType]) -> dict[str, ModuleType]:
        """All modules by name. What they import of each other, and of those `beside` them, is found meanwhile."""
        sys.modules[self._name] = package = ModuleType(self._name)
        package.__path__ = []
        for name, module in beside.items():
            top, _, rest = name.partition(".")
            if rest in ("", "__init__"):
                sys.modules[f"{self._name}.{top}"] = module
                setattr(package, top, module)
        sys.meta_path.append(self)
        try:
            return {module: import_module(full) for full, module in self._within.items()}
        finally:
            sys.meta_path.remove(self)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """How a module of the package is loaded."""
        module = self._within.get(fullname)
        return None if module is None else ModuleSpec(fullname, self, is_package=module.endswith("__init__"))

    def exec_module(self, module: ModuleType) -> None:
        """Run the code of a module that was found."""
        exec(self._codes[self._within[module.__name__]], module.__dict__)
