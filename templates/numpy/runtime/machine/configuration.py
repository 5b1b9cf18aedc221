"""How kernels compute: the settings in force."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from ..arguments.options import count
from ..arguments.quote import short
from .ahead import computing_meanwhile


class Settings(NamedTuple):
    """How kernels compute; see `settings`."""

    backend: str = "auto"
    accuracy: str = "fast"
    threads: int | None = None
    strategy: str | None = None


_CHOICES = {"backend": ("auto", "numpy", "compiled", "background"), "accuracy": ("fast", "strict")}

_current: ContextVar[Settings] = ContextVar("settings", default=Settings())  # noqa: B039 a record that never changes


def current() -> Settings:
    """The settings in force."""
    return _current.get()


@contextmanager
def settings(
    *, backend: str | None = None, accuracy: str | None = None, threads: int | None = None, strategy: str | None = None
) -> Iterator[Settings]:
    """How kernels compute within a ``with`` statement; None, the default, leaves a setting as it is.

    Args:
        backend: "numpy"; "compiled" for loops in C that are compiled when they are first called; "auto", which is in
            force at first, for such loops where a C compiler is there and the work is large enough: the first call of a
            configuration waits for them, once for a machine; "background" for the same, but NumPy computes until a
            compiler that works meanwhile has made them (`compiling` says how many it still has to make), so that the
            last bits of first results depend on how fast it is.
        accuracy: "fast", which is in force at first: in float32 errors of a few 1e-6 of the largest element; or
            "strict": direct sums, with errors below 2e-6 of the sum of the absolute values of what an element adds up,
            and NaN and infinity in those elements only that read them.
        threads: at most so many threads; as many as BLAS was started with at first.
        strategy: the way to compute contractions that is taken wherever it can be; at first the one that a cost model
            predicts to be the fastest.

    Yields:
        The settings in force.

    Raises:
        TypeError: when threads is no integer.
        ValueError: when a value is none of these.
        ModuleNotFoundError: when backend is "compiled" and there is no C compiler.
    """
    changes: dict[str, Any] = {"backend": backend, "accuracy": accuracy, "threads": threads, "strategy": strategy}
    changes = {name: value for name, value in changes.items() if value is not None}
    for name, choices in _CHOICES.items():
        if changes.get(name, choices[0]) not in choices:
            raise ValueError(
                f"settings: argument {name}: expected one of {', '.join(choices)}; received {short(changes[name])}"
            )
    if threads is not None:
        count("settings", "threads", threads, 1)
    if backend == "compiled" and not has_c():
        raise ModuleNotFoundError("settings: backend 'compiled' needs a C compiler; run: pip install ziglang")
    wanted = current()._replace(**changes)
    token = _current.set(wanted)
    try:
        with computing_meanwhile(wanted.backend == "background"):
            yield wanted
    finally:
        _current.reset(token)


def has_c() -> bool:
    """Whether loops in C can be compiled."""
    from .native.library import available

    return available()
