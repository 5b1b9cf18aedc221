"""The equation language: text -> Layer. docs/language.md is its reference.

parse         text -> syntax tree                        syntax/
expanded      syntax tree without uses of definitions    definitions/
scope         what every name means                      meaning/scope.py
find          the extent of every index and axis         meaning/extents.py
Reader        syntax tree -> SymPy equations             expressions/
program       SymPy equations -> Program                 derive.layer.equations
read          all of it: text -> Layer                   reading.py
optimiser     the equations of an update -> Optimiser    update_text.py, derive.layer.update
"""

from gradscribe.derive.language.reading import read
from gradscribe.derive.language.syntax.located_error import LanguageError
from gradscribe.derive.language.update_text import optimiser

__all__ = ["LanguageError", "optimiser", "read"]
