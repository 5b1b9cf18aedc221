"""The equation language: text -> Layer. docs/language.md is its reference.

parse         text -> syntax tree                        grammar.lark, parse.py, syntax.py
scope         what every name means                      scope.py
find          the extent of every index and axis         extents.py, integers.py
Reader        syntax tree -> SymPy equations             expressions, vocabulary, elements, conditions, padding
program       SymPy equations -> Program                 derive.equations
"""

from derive.language.error import LanguageError
from derive.language.reading import read

__all__ = ["LanguageError", "read"]
