"""Unicode for symbols, elements, fractions and sums: the mathematics that `text_writer` arranges."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from unicodedata import normalize

from sympy import Expr

from gradscribe.derive.derivation.letters.name import GREEK, NUMBERED, Name
from gradscribe.derive.derivation.record.sentence import Words
from gradscribe.derive.ir.quote import visible
from gradscribe.derive.ir.reductions import Reduction
from gradscribe.derive.typeset.terms.row_pieces import Part, between
from gradscribe.derive.typeset.terms.typesetter import Typesetter

_GREEK = dict(zip(GREEK, "αβγδεζηθκλμνξρστφχψω", strict=True))
_RAISED = str.maketrans(
    "abcdefghijklmnoprstuvwxyz0123456789+-ABDEGHIJKLMNOPRTUVW",
    "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ",
)
PRIME = "′"
TIE = "\N{NO-BREAK SPACE}"
MAY_END = "\N{ZERO WIDTH SPACE}"
"""Where a line may end within mathematics that is wider than a line."""
"""A space at which a line ends only where there is no other way."""
_SAID = re.compile(r"[\w,;:.]")
"""What is no sign between two expressions, but a word or the end of a part of a sentence."""
_POWERS = str.maketrans("0123456789-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻")


class TextTypesetter(Typesetter):
    """Unicode: ``Σ_{r,t,k} [s | q+p−dr] δ⁽ˡ⁾[m, (q+p−dr)/s, k]``."""

    minus = "−"
    hadamard = "⊙"
    convolution = "∗"
    correlation = "⋆"
    kronecker = "⊗"
    apart = "↑"
    every = "↓"
    cross = "×"
    rounded = "†"
    pi = "π"
    infinity = "∞"
    at_least = "≥"
    at_most = "≤"
    becomes = "←"
    dot = "·"
    unequal = "≠"
    comma, space = ",", " "
    conjunction = " ∧ "
    disjunction = " ∨ "
    negation = "¬"
    slash = 1

    def _name(self, name: Name) -> str:
        return ("" if name.near else "_").join((_base(name.base), *map(visible, name.marks))) + PRIME * name.primes

    def _letter(self, name: Name, level: str = "") -> str:
        hat = "\N{COMBINING CIRCUMFLEX ACCENT}" if name.marks == ("hat",) else ""
        word = normalize("NFC", f"{_base(name.base)}{hat}") if hat else self._name(replace(name, primes=0))
        return word + PRIME * name.primes + (self._above(level) if level else "")

    def _starred(self, letters: Sequence[str], level: str) -> str:
        found = ",".join(f"{letter}*" for letter in letters)
        place = self._parens(found) if len(letters) > 1 else found
        return place + (self._above(level) if level else "")

    def _above(self, label: str) -> str:
        """The label of a level above a letter: ⁽ˡ⁺¹⁾; some names have letters that cannot be raised."""
        shown = self._level(label)
        if any(ord(c) not in _RAISED for c in shown):
            return f"^({shown})"
        raised = shown.translate(_RAISED)
        return raised if self.notation.style.dense else f"⁽{raised}⁾"

    def _level(self, label: str) -> str:
        numbered = NUMBERED.fullmatch(label)
        return self._name(self.notation.special("l")) + numbered[1] if numbered else visible(label)

    def _dotted(self, tensor: str) -> str:
        return normalize("NFC", f"{tensor[0]}\N{COMBINING DOT ABOVE}{tensor[1:]}")

    def _gradient(self, scalar: str, tensor: str) -> str:
        return f"∂{scalar}/∂{self._lower(tensor)}"

    def _element(self, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]:
        head = self._tensor(tensor)
        if not indices:
            return (Part(head),)
        style = self.notation.style
        below = style.brackets is False
        comma = Part("" if style.dense and below and self._short(indices) else "," if dense else ", ")
        parts = [Part(f"{head}_{{" if below else f"{head}["), indices[0]]
        for index in indices[1:]:
            parts += [comma, replace(index, begins=4)]
        return (*parts, Part("}" if below else "]"))

    def _lower(self, tensor: str) -> str:
        """The tensor below a line; a quotient in parentheses."""
        name = self._tensor(tensor)
        return self._parens(name) if name.startswith("∂") else name

    def _quotient(self, scalar: str, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]:
        element = self._element(tensor, indices, dense)
        return (Part(f"∂{scalar}/∂"), *self._bracketed(element))

    def _bracketed(self, element: tuple[Part, ...]) -> tuple[Part, ...]:
        """A quotient below a line, in parentheses; anything else as it is."""
        nested = element[0].text.startswith("∂")
        return (Part("("), *element, Part(")")) if nested else element

    def _partial(self, upper: str, lower: str) -> tuple[Part, ...]:
        upper, lower = (self._parens(e) if e.startswith("∂") else e for e in (upper, lower))
        return Part(f"∂{upper}"), Part(f"/∂{lower}", begins=1)

    def _derivative_by(self, lower: str) -> str:
        return f"∂/∂{lower}"

    def _line(self, simple: bool) -> tuple[str, str, str]:
        return ("", "/", "") if simple else ("", "/(", ")")

    def _power(self, base: str, exponent: str) -> str:
        if all(c in "0123456789-−" for c in exponent):
            return f"{base}{exponent.translate(_POWERS)}"
        return f"{base}^({exponent})" if len(exponent) > 1 else f"{base}^{exponent}"

    def _root(self, inner: str) -> str:
        return f"√{inner}" if len(inner) == 1 or inner.isdigit() else f"√({inner})"

    def _head(self, name: str, exponent: str) -> str:
        return ("σ" if name == "sigma" else name) + exponent.translate(_POWERS)

    def _absolute(self, inner: str) -> str:
        return f"|{inner}|"

    def _stepped(self, inner: str, up: bool) -> str:
        return f"⌈{inner}⌉" if up else f"⌊{inner}⌋"

    def _floor(self, upper: str, lower: str) -> str:
        compound = any(c in upper for c in "+−")
        return f"⌊{self._parens(upper) if compound else upper}/{lower}⌋"

    def _modulo(self, value: str, modulus: str) -> str:
        return f"({value} mod {modulus})"

    def _ratio(self, upper: str, lower: str) -> str:
        return f"{upper}/{lower}"

    def _divides(self, modulus: str, value: str) -> str:
        return f"{modulus} | {value}"

    def _between(self, value: str, extent: str) -> str:
        return f"0≤{value}<{extent}"

    def _reduction(self, row: Reduction, groups: Sequence[Sequence[Part]]) -> tuple[Part, ...]:
        return (Part(f"{row.text}_{{"), *between([name for group in groups for name in group], ","), Part("}"))

    def _with_limits(self, row: Reduction, ranges: Sequence[tuple[str, str]]) -> str:
        return " ".join(f"{row.text}_{{{index}=0..{last}}}" for index, last in ranges)

    def _times(self, factors: Sequence[str]) -> list[str]:
        single = [not f[1:].strip(f"{PRIME}⁰¹²³⁴⁵⁶⁷⁸⁹") and f[0].isalnum() for f in factors]  # primed or raised, too
        if all(alone or f[0] in "⌊(" or f.isdigit() for alone, f in zip(single, factors, strict=True)):
            return [""] * (len(factors) - 1)
        if all(c.isalnum() or c in f"_{PRIME}(" for f in factors for c in f[:1]) and not any("[" in f for f in factors):
            return ["·"] * (len(factors) - 1)
        return ["" if all(pair) else " " for pair in pairwise(single)]

    def _transposed(self, name: str, enclosed: bool) -> str:
        return f"({name})ᵀ" if "/" in name and not enclosed else f"{name}ᵀ"

    def _rotated(self, name: str) -> str:
        return f"rot_π {name}"

    def _hat(self, tensor: str) -> str:
        if tensor in self.notation.quotients:
            return f"∂{self.notation.scalar(tensor)}/∂{self._hat(self.notation.quotients[tensor])}"
        plain = self._tensor(tensor)
        return normalize("NFC", f"{capital(plain[0])}\N{COMBINING CIRCUMFLEX ACCENT}{plain[1:]}")

    def _ones(self, extents: str) -> str:
        return f"1_{{{extents}}}"

    def power_of_ten(self, mantissa: str, exponent: int) -> str:
        """4·10⁻¹⁶."""
        return f"{'' if mantissa == '1' else mantissa + '·'}10{str(exponent).translate(_POWERS)}"

    def tied(self, words: Words) -> str:
        """A sentence for `wrapped`: no line ends within its mathematics, or at a sign between two expressions."""
        t, found, spoken = self.among(words), list[str](), self.spoken(words)
        for before, word, after in zip(("", *spoken), spoken, (*spoken[1:], ""), strict=False):
            if isinstance(word, Expr):
                parts = ((MAY_END if part.begins else "") + part.text for part in t.parted(word))
                found.append("".join(parts).replace(" ", TIE))
            elif not word.strip() or (isinstance(before, Expr) and isinstance(after, Expr) and not _SAID.search(word)):
                found.append(t.prose(word).replace(" ", TIE))
            elif isinstance(before, Expr) and word.startswith(" ("):  # w (34)
                found.append(TIE + t.prose(word[1:]))
            else:
                found.append(t.prose(word))
        return "".join(found)

    def prose(self, text: str) -> str:
        """Words without mathematics."""
        return visible(text).replace("rotated by pi", "rotated by π").replace("->", "→")


def capital(letter: str) -> str:
    """A matrix has a capital, but a Greek letter stays."""
    return letter.upper() if letter.isascii() else letter


def _base(word: str) -> str:
    return _GREEK.get(word) or visible(word)
