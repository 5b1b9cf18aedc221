"""What a `cache` holds, as its user states it: ``x,w,b,conv_param``, in order; ``{stride,pad}`` for a dictionary.

As in Python one name alone is that array itself, ``x,`` a tuple of one, and one dictionary alone the cache itself.
"""

import re

from gradscribe.codegen.tool.check.problem.parameter_names import CheckError

Path = tuple[int | str, ...]
"""Where something stands in a cache: the position in the tuple, the key in a dictionary."""
PARAMETERS = {
    "conv_param": "stride,pad",
    "pool_param": "pool_height,pool_width,stride",
    "hparameters": "stride,pad",
    "bn_param": "eps",
    "ln_param": "eps",
    "gn_param": "eps",
}
"""Dictionaries of well-known courses, and their keys."""
NAMES = ("cache", "caches", "saved", "ctx", "context", "memory")
"""What the parameter is called, where more than one could be meant."""

_ITEM = re.compile(r"\s*(?:\{([^{}]*)\}|([^\W\d]\w*))\s*")


def places(text: str) -> dict[Path, str]:
    """The names that a cache holds, by where they stand.

    Raises:
        CheckError: when the text is no list of names and dictionaries.
    """
    items = _items(text)
    if len(items) == 1 and not text.rstrip().endswith(","):
        return {path[1:]: name for path, name in _placed(0, items[0]).items()}
    return {path: name for number, item in enumerate(items) for path, name in _placed(number, item).items()}


def _items(text: str) -> list[str | tuple[str, ...]]:
    """Names, and dictionaries as tuples of their keys."""
    found: list[str | tuple[str, ...]] = []
    rest = text.strip()
    while rest:
        match = _ITEM.match(rest)
        if match is None or (rest[match.end() :] and rest[match.end()] != ","):
            break
        keys, name = match.groups()
        written = PARAMETERS.get(name) if keys is None else keys
        found.append(name if written is None else tuple(key.strip() for key in written.split(",")))
        rest = rest[match.end() + 1 :]
    keys_good = all(key.isidentifier() for item in found if isinstance(item, tuple) for key in item)
    if rest or not found or not keys_good:
        raise CheckError(
            f"--cache {text}: expected what it holds in order, such as --cache x,w,b or x,w,{{stride,pad}}"
        )
    return found


def _placed(number: int, item: str | tuple[str, ...]) -> dict[Path, str]:
    return {(number,): item} if isinstance(item, str) else {(number, key): key for key in item}
