"""The names in generated code: which ones it has itself, which a user may choose, and new ones beside both.

A user's name that generated code needs for itself everywhere (`range`, what a backend reads) is refused; what it needs
in one function (a loop's index, a scratch array, the limits of a slice) gets a name that nobody else has there. Python
reads an identifier in its normal form NFKC, so that two spellings could be one name: others are refused, too.
"""

import keyword
import unicodedata
from collections.abc import Collection, Iterable

from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import shown

TYPES = frozenset({"Any", "ClassVar", "Mapping", "Sequence"})
BUILTINS = frozenset({"abs", "bool", "dict", "float", "int", "max", "min", "range", "str", "super", "tuple"})
PYTHON = TYPES | BUILTINS
"""The names that every generated function may use; a backend has others besides."""


class Names:
    """The names of one function.

    Args:
        taken: those of arrays, sizes and options, and those that the backend uses everywhere.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {*PYTHON, *taken}
        self._own: dict[tuple[str, str], str] = {}

    def take(self, names: Iterable[str]) -> None:
        """Names that are given elsewhere."""
        self._taken |= set(names)

    def own(self, word: str, role: str = "") -> str:
        """A name of the function's own, the same for the same word in the same role: `word`, underscores behind it."""
        if (role, word) not in self._own:
            name = word
            while name in self._taken:
                name += "_"
            self._taken.add(name)
            self._own[role, word] = name
        return self._own[role, word]


def check_distinct(where: str, names: Iterable[tuple[str, str]]) -> None:
    """Raise where two of the `names`, (role, name), are one.

    Raises:
        EquationError: naming both.
    """
    roles: dict[str, str] = {}
    for role, name in names:
        if name in roles:
            both = f"two {role}s" if role == roles[name] else f"{roles[name]} and {role}"
            raise EquationError(f"{where}: {both} would be called {name}; rename one of them")
        roles[name] = role


def unusable(name: object, fixed: Collection[str] = PYTHON, role: str = "") -> str:
    """Why a name cannot be one in generated code, which uses the names `fixed` itself; "" where it can."""
    if not isinstance(name, str) or not name.isidentifier():
        return "it is no identifier"
    if keyword.iskeyword(name):
        return "it is a word of Python"
    if unicodedata.normalize("NFKC", name) != name:
        return f"Python reads it as {shown(unicodedata.normalize('NFKC', name))}"
    if name.startswith("__") or not name.strip("_"):
        return "it has a meaning of its own"
    if name in fixed and role != "index":
        return "it is one that generated code uses itself"
    return ""
