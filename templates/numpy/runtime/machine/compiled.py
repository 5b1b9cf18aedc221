"""Loops over single elements that numba compiles."""

from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any
from zlib import crc32

from .configuration import Settings, current, has_numba
from .process import process

FEWEST_STEPS = 1 << 17
"""Steps of loops from which on they are compiled without being asked for."""

MOST_COUNTED = (1 << 31) - 1
"""The greatest option that compiled loops count with; also the greatest number of a position."""

STEP = 3e-10
"""Seconds of a step of loops."""


class Loops:
    """Loops over single elements: numba compiles `function` when it is first called.

    Args:
        function: the loops, in Python.
        reassociated: whether sums may be added up in another order, so that long ones are computed in vectors.
        apart: whether no array overlaps another one that is written: then loops over rows need not begin with a test.
    """

    def __init__(self, function: Callable[..., Any], reassociated: bool = False, apart: bool = False) -> None:
        self.function = function
        self.reassociated = reassociated
        self.apart = apart
        self._compiled: Callable[..., Any] | None = None

    @property
    def compiled(self) -> Callable[..., Any]:
        """The function in machine code, kept on disk for the next process; NaN and infinity count as everywhere."""
        if self._compiled is None:
            with process.loading:
                self._compiled = self._compile()
        return self._compiled

    def _compile(self) -> Callable[..., Any]:
        import sys
        from pathlib import Path

        import numba

        function = self.function
        if getattr(sys.modules.get(function.__module__), "__file__", None) is None:
            # of a package in memory: machine code on disk may name no module that the next process does not have
            code, names = function.__code__, function.__globals__
            function = FunctionType(code, names, function.__name__, function.__defaults__, function.__closure__)
            function.__module__, function.__qualname__ = numba.__name__, self.function.__qualname__

        class Apart(numba.core.compiler.Compiler):
            """What numba's own decorator has no option for."""

            def define_pipelines(self) -> Any:
                self.state.flags.noalias = True
                return super().define_pipelines()

        def made(cache: bool) -> Callable[..., Any]:
            found: Callable[..., Any] = numba.njit(
                function,
                nogil=True,
                cache=cache,
                fastmath={"contract", "reassoc"} if self.reassociated else {"contract"},
                error_model="numpy",
                pipeline_class=Apart if self.apart else numba.core.compiler.Compiler,
            )
            return found

        try:
            return made(Path(self.function.__code__.co_filename).is_file())
        except RuntimeError:  # no folder that may be written to
            return made(False)

    def bound(self, name: str, **others: "Loops") -> "Loops":
        """These loops, under another name, with others in the place of names that they call.

        Machine code is kept on disk by name for as long as this function's file stays as it is. The others may lie in
        other files, so that the name says what they are.
        """
        names = self.function.__globals__ | {called: other.compiled for called, other in others.items()}
        codes = [other.function.__code__ for other in others.values()]
        name = f"{name}_{crc32(repr([(code.co_code, code.co_consts) for code in codes]).encode()):08x}"
        copy = FunctionType(self.function.__code__, names, name)
        copy.__module__, copy.__qualname__ = self.function.__module__, name
        return Loops(copy, self.reassociated, self.apart)

    def __call__(self, *arguments: Any) -> Any:
        """What the function returns."""
        return self.compiled(*arguments)


loops = Loops
"""Decorates a function of loops."""

compiled = partial(Loops, apart=True)
"""Decorates a function of loops that writes no array which overlaps another one."""

reassociated = partial(Loops, reassociated=True)
"""Decorates a function of loops whose sums may be added up in another order."""


def compiles(steps: int, *options: int, wanted: Settings | None = None) -> bool:
    """Whether loops of so many steps are to be compiled by the settings, by default those in force.

    They count in 64 bits: products of two options, or of one and an extent, have to fit.
    """
    backend = (wanted or current()).backend
    if backend == "numpy" or (backend == "auto" and steps < FEWEST_STEPS):
        return False
    return all(n <= MOST_COUNTED for n in options) and has_numba()
