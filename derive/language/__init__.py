"""The equation language: text -> Layer. docs/language.md is its reference.

parse         text -> syntax tree                        grammar.lark, parse.py, syntax.py
scope         what every name means                      scope.py
find          the extent of every index and axis         extents.py, integers.py
Reader        syntax tree -> SymPy equations             expressions, vocabulary, elements, conditions, padding
program       SymPy equations -> Program                 derive.equations
optimiser     the equations of an update -> Optimiser    update_text.py, derive.update
"""

from gradscribe.derive.language.error import LanguageError
from gradscribe.derive.language.reading import read
from gradscribe.derive.language.update_text import optimiser

__all__ = ["LanguageError", "optimiser", "read"]
