"""Files of C, compiled and called by ctypes. Arrays lie between strips of NaN, which nothing may read or write."""

import ctypes
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from sympy import Symbol

from gradscribe.codegen.driver import emitted
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.loops.product.c_module import kernels_of
from gradscribe.codegen.loops.product.settings import Settings, settings_of
from gradscribe.codegen.loops.text.c_names import spelled
from gradscribe.derive.ir.interpret import complete_sizes, shape_of
from gradscribe.derive.ir.term import Program
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser

COMPILER = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), "")
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic")
TRAPS = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
"""Undefined behaviour ends the process; no library is needed for that."""
STRIP, NO_INTEGER = 8, -77
"""Elements beside an array, and what those of integers are."""
Sizes = Mapping[Symbol, Any]


def compiled(items: Sequence[Layer | Optimiser], folder: Path, *flags: str) -> ctypes.CDLL:
    """One library of all of them; their files lie in the folder."""
    for item in items:
        for module in emitted(item, backend="c").modules:
            (folder / module.path).write_text(module.text, encoding="utf-8")
    sources = sorted(path.name for path in folder.glob("*.c"))
    built([*flags, "-shared", "-fPIC", *sources, "-o", "library.so", "-lm"], folder)
    return ctypes.CDLL(str(folder / "library.so"))


def built(arguments: Sequence[str], folder: Path) -> None:
    """Compile without a warning."""
    command = [COMPILER, *STRICT, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Called:
    """The functions of a layer in a library whose arrays are of `dtype`."""

    item: Layer | Optimiser
    library: ctypes.CDLL
    dtype: type = np.float64

    @property
    def layer(self) -> Layer:
        """The layer, or that of an optimiser's equations."""
        return self.item.layer if isinstance(self.item, Optimiser) else self.item

    @cached_property
    def kernels(self) -> tuple[Kernel, ...]:
        """Those that are functions."""
        return kernels_of(self.item)

    @cached_property
    def settings(self) -> Settings:
        """What they are given besides arrays."""
        return settings_of(self.layer, self.kernels)

    @cached_property
    def struct(self) -> type[ctypes.Structure]:
        """The same as a struct."""
        kinds = [(f.name, ctypes.c_ssize_t if f.whole else ctypes.c_double) for f in self.settings.fields]
        return type("Settings", (ctypes.Structure,), {"_fields_": kinds})

    def given(self, sizes: Sizes) -> ctypes.Structure:
        """The struct; what is not drawn, as nothing but another function needs it, is 1."""
        return self.struct(**{f.name: sizes.get(f.symbol, 1) for f in self.settings.fields})

    def number(self, name: str, sizes: Sizes) -> int:
        """What a function of settings returns, by what stands behind the layer's name in its own."""
        function = getattr(self.library, f"{spelled(self.layer.name)}_{name}")
        function.restype = ctypes.c_ssize_t if name != "check" else ctypes.c_int
        return int(function(ctypes.byref(self.given(sizes))))

    def results(self, kernel: Kernel, values: Mapping[str, np.ndarray], sizes: Sizes) -> tuple[np.ndarray, ...]:
        """What a function writes; it has to return 0."""
        fault, found = self.call(kernel, values, sizes)
        assert fault == 0, (kernel.name, fault)
        return found

    def call(
        self, kernel: Kernel, values: Mapping[str, np.ndarray], sizes: Sizes, inputs: int = 1
    ) -> tuple[int, tuple[np.ndarray, ...]]:
        """What a function returns and writes; arrays that `values` lack are NULL."""
        known = complete_sizes(Program((), (), (), (*self.layer.program.sizes, *kernel.program.sizes)), sizes)
        tensors = {**self.layer.program.tensors, **kernel.program.tensors}
        given = [self.array(values[t.name], t.integer) if t.name in values else None for t in kernel.arguments]
        shapes = [shape_of(tensors[name].shape, known) for name in kernel.results]
        written = [self.fresh(prod(s), tensors[name].integer) for s, name in zip(shapes, kernel.results, strict=True)]
        name = spelled(kernel.name)
        memory = f"{name.removeprefix(spelled(self.layer.name) + '_')}_scratch"
        needed = hasattr(self.library, f"{name}_scratch")
        scratch = [self.fresh(max(0, self.number(memory, sizes)), False)] if needed else []
        before = [a.copy() for a in given if a is not None]
        flag = [ctypes.c_int(inputs)] if kernel.flag else []
        pointers = [*map(_start, given), *flag, *map(_start, (*written, *scratch))]
        fault = int(getattr(self.library, name)(ctypes.byref(self.given(sizes)), *pointers))
        for a, old in zip((a for a in given if a is not None), before, strict=True):
            assert a.tobytes() == old.tobytes(), kernel.name
        for a in (*written, *scratch):
            strips = np.concatenate([a[:STRIP], a[len(a) - STRIP :]])
            assert np.isnan(strips).all() if a.dtype.kind == "f" else (strips == NO_INTEGER).all(), kernel.name
        return fault, tuple(a[STRIP : len(a) - STRIP].reshape(s) for a, s in zip(written, shapes, strict=True))

    def array(self, value: np.ndarray, integer: bool) -> np.ndarray:
        """An array between its strips."""
        made = self.fresh(np.size(value), integer)
        made[STRIP : len(made) - STRIP] = np.ravel(value)
        return made

    def fresh(self, count: int, integer: bool) -> np.ndarray:
        """So many elements that are not numbers yet, between strips."""
        kind: Any = np.int64 if integer else self.dtype
        return np.full(count + 2 * STRIP, NO_INTEGER if integer else np.nan, kind)


def _start(array: np.ndarray | None) -> ctypes.c_void_p | None:
    return None if array is None else ctypes.c_void_p(array.ctypes.data + STRIP * array.itemsize)
