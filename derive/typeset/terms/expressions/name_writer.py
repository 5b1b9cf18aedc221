"""Symbols, tensors and their elements."""

from abc import ABC
from collections.abc import Sequence
from dataclasses import replace

from sympy import Integer, Symbol

from gradscribe.derive.derivation.letters.name import Name
from gradscribe.derive.ir.term import Access
from gradscribe.derive.typeset.terms.expressions.format_signs import FormatSigns
from gradscribe.derive.typeset.terms.row_pieces import Part


class NameWriter(FormatSigns, ABC):
    """Writes names, with the letters that the notation has for them."""

    def _symbol(self, symbol: Symbol) -> str:
        return self._name(self.notation.symbol(symbol))

    def _tensor(self, name: str) -> str:
        """A tensor without its indices; a quotient on one line."""
        notation = self.notation
        if name in notation.deltas:
            return self._letter(notation.special("delta"), notation.deltas[name])
        if name in notation.quotients:
            return self._gradient(self._scalar(notation.scalar(name)), notation.quotients[name])
        if name in notation.dots:
            return self._dotted(self._tensor(notation.dots[name]))
        if place := notation.starred(name):
            return self._starred([self._symbol(r.index) for r in place], notation.level(name))
        return self._letter(notation.tensor(name), notation.level(name))

    def letter(self, name: str) -> str:
        """A tensor's letter without its level."""
        return self._letter(self.notation.tensor(name))

    def _scalar(self, word: str) -> str:
        return self._letter(self.notation.special(word))

    @staticmethod
    def _short(indices: Sequence[Part]) -> bool:
        """Whether indices may stand without commas: each is a letter or a digit, but for primes."""
        return all(len(part.text.rstrip("'′")) == 1 for part in indices)

    def _activation(self, derivatives: int) -> Name:
        plain = self.notation.special("f")
        return replace(plain, primes=plain.primes + derivatives)

    def access(self, a: Access) -> tuple[Part, ...]:
        """An element of a tensor; its indices are parts of their own."""
        texts = [self.expr(e) for e in a.indices]
        parts = [Part(text, (axis, a.indices[axis])) for axis, text in enumerate(texts)]
        dense = all(isinstance(e, Symbol | Integer) for e in a.indices)
        if a.tensor in self.notation.quotients:
            return self._quotient(
                self._scalar(self.notation.scalar(a.tensor)), self.notation.quotients[a.tensor], parts, dense
            )
        return self._element(a.tensor, parts, dense)
