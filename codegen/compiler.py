"""The driver: layer -> files. Each stage is one pure function with the result of the one before as input.

stage         input                 output                               where
kernels       Layer                 Kernels: programs and signatures     codegen.kernel, second_order (use derive)
choose_form   Statement             Form: no delta left                  codegen.form (uses derive.collapse)
lower         Program               Plan: records                        codegen.lower
emit          Plan                  lines of Python                      codegen.emit
function      Kernel, lines         text of a function                   codegen.function
module        functions             Emitted: text and its docstrings     codegen.module, network, optimiser
audit         Emitted               the same, or an error                codegen.audit, before exec and before files
write         modules               files, all or none, if they changed  codegen.package, swap
"""

import sys
from functools import cache
from itertools import count
from types import CodeType, ModuleType

from gradscribe.codegen.audit import audit
from gradscribe.codegen.module import module_source
from gradscribe.codegen.network import network_source
from gradscribe.codegen.optimiser import optimiser_source
from gradscribe.codegen.render import Emitted
from gradscribe.codegen.runtime import runtime_source
from gradscribe.codegen.transforms import transforms_source
from gradscribe.derive.composition import Network
from gradscribe.derive.interface import Layer
from gradscribe.derive.update import Optimiser

_numbers = count()


def emitted(item: Layer | Optimiser, order: int = 1) -> Emitted:
    """The module of a layer, a network or an optimiser, not audited yet."""
    if isinstance(item, Network):
        return network_source(item, order)
    if isinstance(item, Layer):
        return module_source(item, order)
    return optimiser_source(item)


def source(item: Layer | Optimiser, order: int = 1) -> str:
    """The text of the module of a layer, a network or an optimiser, audited."""
    made = emitted(item, order)
    audit(made)
    return made.text


def compile_layer(layer: Layer | Optimiser, order: int = 1) -> ModuleType:
    """The module of `layer`, in memory: its functions and its class as attributes; see `module_source`."""
    return compile_module(emitted(layer, order))


def compile_module(module: Emitted) -> ModuleType:
    """An emitted module, in memory, with a runtime of its own.

    Raises:
        EquationError: when the audit finds anything in it that generated code has no use for.
    """
    code = compile(audit(module), f"<{module.name}>", "exec")
    package = f"_gradscribe_{next(_numbers)}"
    parent = ModuleType(package)
    parent.__path__ = []
    sys.modules[package] = parent
    for sibling, own in _siblings():
        setattr(parent, sibling, _execute(f"{package}.{sibling}", own))
    return _execute(f"{package}.{module.name}", code)


@cache
def _siblings() -> tuple[tuple[str, CodeType], ...]:
    """What every module needs beside it; no user's text is in it."""
    texts = {"runtime": runtime_source(), "transforms": transforms_source()}
    return tuple((name, compile(text, f"<{name}>", "exec")) for name, text in texts.items())


def _execute(name: str, code: CodeType) -> ModuleType:
    """Run a module: one of our own templates, or one that passed the audit. Nothing else is ever executed."""
    module = ModuleType(name)
    module.__package__ = name.rpartition(".")[0]
    sys.modules[name] = module
    exec(code, module.__dict__)
    return module
