"""Many cheap cases of one property as one test, in place of `pytest.mark.parametrize`: to collect them costs more."""

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from inspect import signature
from typing import Any

import pytest

Test = Callable[..., None]


def together(
    names: str | Sequence[str],
    cases: Iterable[Any],
    ids: Callable[[Any], object] | Iterable[str] | None = None,
    made: Callable[[Any], Any] | None = None,
) -> Callable[[Test], Test]:
    """Arguments as of `parametrize`. All cases are tried; those that fail are named, each with its own exception.

    With `made` a value is what that makes of it, when its turn has come. Not for tests with fixtures that a case
    changes. A case that is skipped is left out; if all are, the test is.
    """
    wanted = tuple(name.strip() for name in (names.split(",") if isinstance(names, str) else names))
    found = [case if len(wanted) > 1 else (case,) for case in cases]
    words = _words(found, ids)

    def decorated(test: Test) -> Test:
        @wraps(test)
        def all_of_them(*given: Any, **others: Any) -> None:
            failed: list[BaseException] = []
            skipped: list[str] = []
            for case, word in zip(found, words, strict=True):
                try:
                    values = case if made is None else [made(value) for value in case]
                    test(*given, **others, **dict(zip(wanted, values, strict=True)))
                except pytest.skip.Exception as reason:
                    skipped.append(f"{word}: {reason}")
                except (Exception, pytest.fail.Exception) as error:
                    error.add_note(f"case: {word}")
                    failed.append(error)
            if failed:
                named = [note for error in failed for note in error.__notes__[-1:]]
                raise BaseExceptionGroup(f"{len(failed)} of {len(found)} cases: {'; '.join(named)}", failed)
            if skipped and len(skipped) == len(found):
                pytest.skip("; ".join(skipped))

        own = signature(test)
        assert set(wanted) <= set(own.parameters), f"{test.__name__} has no {wanted}"
        left = [parameter for name, parameter in own.parameters.items() if name not in wanted]
        all_of_them.__signature__ = own.replace(parameters=left)  # type: ignore[attr-defined]
        return all_of_them

    return decorated


def hold(cases: Iterable[tuple[Any, Callable[[Any], None]]]) -> None:
    """Try every claim on what stands before it: to make a thing takes longer than to try all that is claimed of it."""

    @together(("thing", "claim"), cases, ids=lambda value: getattr(value, "__name__", value))
    def holds(thing: Any, claim: Callable[[Any], None]) -> None:
        claim(thing)

    holds()


def _words(cases: list[Any], ids: Callable[[Any], object] | Iterable[str] | None) -> list[str]:
    """What the cases are called."""
    if ids is None:
        return ["-".join(str(value)[:60] for value in case) for case in cases]
    if callable(ids):
        return ["-".join(str(ids(value)) for value in case) for case in cases]
    return [*ids]
