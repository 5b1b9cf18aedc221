"""Unicode for symbols, elements, fractions and sums: the mathematics that `text_writer` arranges."""

from collections.abc import Sequence
from unicodedata import normalize

from sympy import Symbol

from gradscribe.derive.derivation.notation import GREEK, name_parts
from gradscribe.derive.ir.quote import visible
from gradscribe.derive.ir.reductions import Reduction
from gradscribe.derive.typeset.terms.expression_writer import Part
from gradscribe.derive.typeset.terms.typesetter import Typesetter

_GREEK = dict(zip(GREEK, "αβγδεζηθκλμνξρστφχψω", strict=True))
_RAISED = str.maketrans(
    "abcdefghijklmnoprstuvwxyz0123456789+-ABDEGHIJKLMNOPRTUVW",
    "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ",
)
_POWERS = str.maketrans("0123456789-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻")


class TextTypesetter(Typesetter):
    """Unicode: ``Σ_{r,t,k} [s | q+p−dr] δ⁽ˡ⁾[m, (q+p−dr)/s, k]``."""

    minus = "−"
    hadamard = "⊙"
    rounded = "†"
    pi = "π"
    infinity = "∞"
    at_least = "≥"
    at_most = "≤"
    unequal = "≠"

    def _symbol(self, symbol: Symbol) -> str:
        name = name_parts(symbol.name)
        return f"{visible(name.base)}'" if name.primed else self.letter(symbol.name)

    def _tensor(self, name: str) -> str:
        if name in self.notation.deltas:
            return f"δ{level(self.notation.deltas[name])}"
        if name in self.notation.quotients:
            return f"∂{self.notation.scalar(name)}/∂{self._lower(self.notation.quotients[name])}"
        if name in self.notation.dots:
            plain = self._tensor(self.notation.dots[name])
            return normalize("NFC", f"{plain[0]}\N{COMBINING DOT ABOVE}{plain[1:]}")
        if name in self.notation.levels:
            letter, label = self.notation.levels[name]
            return f"{self.letter(letter)}{level(label)}"
        return "ŵ" if name == "w_hat" else self.letter(name)

    def letter(self, name: str) -> str:
        """A tensor's letter without its level."""
        return _GREEK.get(name) or visible(name)

    def _element(self, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]:
        head = self._tensor(tensor)
        if not indices:
            return (Part(head, head),)
        comma = Part("," if dense else ", ")
        parts = [Part(f"{head}["), indices[0]]
        for index in indices[1:]:
            parts += [comma, index]
        return (*parts, Part("]"))

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

    def _partial(self, upper: str, lower: str) -> str:
        upper, lower = (self._parens(e) if e.startswith("∂") else e for e in (upper, lower))
        return f"∂{upper}/∂{lower}"

    def _fraction(self, upper: str, lower: str, simple: bool) -> str:
        return f"{upper}/{lower if simple else self._parens(lower)}"

    def _power(self, base: str, exponent: str) -> str:
        if all(c in "0123456789-−" for c in exponent):
            return f"{base}{exponent.translate(_POWERS)}"
        return f"{base}^({exponent})" if len(exponent) > 1 else f"{base}^{exponent}"

    def _root(self, inner: str) -> str:
        return f"√{inner}" if len(inner) == 1 or inner.isdigit() else f"√({inner})"

    def _call(self, name: str, arguments: Sequence[str], exponent: str = "") -> str:
        head = {"f'": "f′", "sigma": "σ"}.get(name, name)
        return f"{head}{exponent.translate(_POWERS)}({', '.join(arguments)})"

    def _absolute(self, inner: str) -> str:
        return f"|{inner}|"

    def _floor(self, upper: str, lower: str) -> str:
        compound = any(c in upper for c in "+−")
        return f"⌊{self._parens(upper) if compound else upper}/{lower}⌋"

    def _modulo(self, value: str, modulus: str) -> str:
        return f"({value} mod {modulus})"

    def _ratio(self, upper: str, lower: str) -> str:
        return f"{upper}/{lower}"

    def _divides(self, modulus: str, value: str) -> str:
        return f"[{modulus} | {value}]"

    def _between(self, value: str, extent: str) -> str:
        return f"0≤{value}<{extent}"

    def _reduction(self, row: Reduction, groups: Sequence[Sequence[str]]) -> str:
        names = ",".join(name for group in groups for name in group)
        return f"{row.text}_{{{names}}}"

    def _with_limits(self, row: Reduction, ranges: Sequence[tuple[str, str]]) -> str:
        return " ".join(f"{row.text}_{{{index}=0..{last}}}" for index, last in ranges)

    def _juxtapose(self, factors: Sequence[str]) -> str:
        short = all(
            len(f) == 1 or f[0] == "⌊" or f.isdigit() or (len(f) == 2 and f[1] == "'") or f[0] == "(" for f in factors
        )
        letters = all(c.isalnum() or c in "_'(" for f in factors for c in f[:1]) and not any("[" in f for f in factors)
        return ("" if short else "·" if letters else " ").join(factors)

    def _transposed(self, name: str) -> str:
        return f"({name})ᵀ" if "/" in name else f"{name}ᵀ"

    def power_of_ten(self, mantissa: str, exponent: int) -> str:
        """4·10⁻¹⁶."""
        return f"{'' if mantissa == '1' else mantissa + '·'}10{str(exponent).translate(_POWERS)}"

    def prose(self, text: str) -> str:
        """Words without mathematics."""
        return visible(text).replace("rotated by pi", "rotated by π").replace("->", "→")


def level(label: str) -> str:
    """The label of a level above a letter: ⁽ˡ⁺¹⁾; some names have letters that cannot be raised."""
    raised = label.translate(_RAISED)
    return f"⁽{raised}⁾" if all(ord(c) in _RAISED for c in label) else f"^({visible(label)})"
