"""LaTeX for symbols, elements, fractions and sums; `latex` and `markdown` beside it put them on a page."""

import re
from collections.abc import Sequence

from sympy import Symbol

from gradscribe.derive.derivation.notation import name_parts
from gradscribe.derive.ir.reductions import Reduction
from gradscribe.derive.typeset.mathematics.latex_letters import letters
from gradscribe.derive.typeset.terms.expression_writer import Part
from gradscribe.derive.typeset.terms.typesetter import Piece, Typesetter

_FUNCTIONS = ("exp", "log", "tanh", "sin", "cos", "sinh", "cosh", "arctan", "max", "min")


class LatexTypesetter(Typesetter):
    r"""LaTeX: ``\sum_{r,t,k} [s\mid q+p-d r]\, \delta^{(l)}_{m,\,(q+p-d r)/s,\,k}``."""

    minus = "-"
    hadamard = r"\odot"
    rounded = r"\dagger"
    pi = r"\pi"
    infinity = r"\infty"
    at_least = r"\ge "
    at_most = r"\le "
    unequal = r"\ne "
    times = r"\,"

    def _symbol(self, symbol: Symbol) -> str:
        name = name_parts(symbol.name)
        base = letters(name.base) + ("'" if name.primed else "")
        return f"{base}_{{{','.join(letters(m) for m in name.marks)}}}" if name.marks else base

    def _tensor(self, name: str) -> str:
        if name in self.notation.deltas:
            return rf"\delta^{{({level(self.notation.deltas[name])})}}"
        if name in self.notation.quotients:
            return rf"\partial {self.notation.scalar(name)}/\partial {self._lower(self.notation.quotients[name])}"
        if name in self.notation.dots:
            return rf"\dot{{{self._tensor(self.notation.dots[name])}}}"
        if name in self.notation.levels:
            letter, label = self.notation.levels[name]
            return self._marked(letter, f"({level(label)})")
        return self._marked(name)

    def letter(self, name: str) -> str:
        """A tensor's letter without its level."""
        return self._marked(name)

    def _marked(self, name: str, label: str = "") -> str:
        """A tensor's letter; marks and the level are written above, the indices stand below."""
        parts = name_parts(name)
        if parts.marks == ("hat",):
            return rf"\hat{{{letters(parts.base)}}}"
        above = [*(letters(m) for m in parts.marks), *([label] if label else [])]
        marks = f"^{{{','.join(above)}}}" if above else ""
        return (letters(parts.base, r"\operatorname") + ("'" if parts.primed else "")) + marks

    def _element(self, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]:
        head = self._tensor(tensor)
        if not indices:
            return (Part(head, head),)
        comma = Part("," if dense else r",\,")
        parts = [Part(f"{head}_{{"), indices[0]]
        for index in indices[1:]:
            parts += [comma, index]
        return (*parts, Part("}"))

    def _lower(self, tensor: str) -> str:
        """The tensor below a line; a quotient in parentheses."""
        name = self._tensor(tensor)
        return f"({name})" if name.startswith(r"\partial") else name

    def _quotient(self, scalar: str, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]:
        if not indices:
            name = rf"\frac{{\partial {scalar}}}{{\partial {self._lower(tensor)}}}"
            return (Part(name, name),)
        return (Part(rf"\frac{{\partial {scalar}}}{{\partial "), *self._element(tensor, indices, dense), Part("}"))

    def _partial(self, upper: str, lower: str) -> str:
        if upper.startswith(r"\frac"):
            return rf"\frac{{\partial}}{{\partial {lower}}}{upper}"
        return rf"\frac{{\partial {upper}}}{{\partial {lower}}}"

    def _fraction(self, upper: str, lower: str, simple: bool) -> str:
        return rf"\frac{{{upper}}}{{{lower}}}"

    def _power(self, base: str, exponent: str) -> str:
        return f"{base}^{{{exponent}}}"

    def _root(self, inner: str) -> str:
        return rf"\sqrt{{{inner}}}"

    def _call(self, name: str, arguments: Sequence[str], exponent: str = "") -> str:
        if name in _FUNCTIONS or name == "sigma":
            head = f"\\{name}"
        else:
            head = name if name in ("f", "f'") else rf"\operatorname{{{name}}}"
        inner = r",\,".join(arguments)
        return f"{head}^{{{exponent}}}({inner})" if exponent else f"{head}({inner})"

    def _parens(self, inner: str) -> str:
        return rf"\Bigl({inner}\Bigr)" if r"\frac" in inner else f"({inner})"

    def _absolute(self, inner: str) -> str:
        return rf"\lvert {inner}\rvert"

    def _floor(self, upper: str, lower: str) -> str:
        if any(c in upper for c in "+-"):
            return rf"\left\lfloor\frac{{{upper}}}{{{lower}}}\right\rfloor"
        return rf"\lfloor {upper}/{lower}\rfloor"

    def _modulo(self, value: str, modulus: str) -> str:
        return rf"({value}\bmod {modulus})"

    def _ratio(self, upper: str, lower: str) -> str:
        return f"{upper}/{lower}"

    def _divides(self, modulus: str, value: str) -> str:
        return rf"[{modulus}\mid {value}]"

    def _between(self, value: str, extent: str) -> str:
        return rf"0\le {value}<{extent}"

    def _reduction(self, row: Reduction, groups: Sequence[Sequence[str]]) -> str:
        lines = [",".join(group) for group in groups]
        below = lines[0] if len(lines) == 1 else r"\substack{" + r"\\".join(lines) + "}"
        return f"{row.latex}_{{{below}}}"

    def _with_limits(self, row: Reduction, ranges: Sequence[tuple[str, str]]) -> str:
        return "".join(f"{row.latex}_{{{index}=0}}^{{{last}}}" for index, last in ranges)

    def _juxtapose(self, factors: Sequence[str]) -> str:
        plain = all(len(f.lstrip("\\")) <= 2 or f.isdigit() for f in factors)
        text = factors[0] if factors else ""
        for factor in factors[1:]:
            near = plain or factor[0] == "(" or ("_" in text[:2] and "_" not in factor)
            text += (" " if near else self.times) + factor
        return text

    def _transposed(self, name: str) -> str:
        return rf"\bigl({name}\bigr)^{{\top}}" if "^" in name or "partial" in name else rf"{name}^{{\top}}"

    def power_of_ten(self, mantissa: str, exponent: int) -> str:
        r"""``4\cdot 10^{-16}``."""
        return f"{'' if mantissa == '1' else mantissa + _TIMES}10^{{{exponent}}}"


_TIMES = r"\cdot "
_NUMBERED = re.compile(r"l([+-][0-9]+)?")


def level(label: str) -> str:
    r"""The label of a level: l+1, or a name in upright letters."""
    return label if _NUMBERED.fullmatch(label) else letters(label)


class InlineTypesetter(LatexTypesetter):
    """For running text: quotients on one line."""

    def _quotient(self, scalar: str, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]:
        if not indices:
            return (Part(rf"\partial {scalar}/\partial {self._lower(tensor)}"),)
        return (Part(rf"\partial {scalar}/\partial "), *self._element(tensor, indices, dense))

    def _partial(self, upper: str, lower: str) -> str:
        upper, lower = (self._parens(e) if e.startswith(r"\partial") else e for e in (upper, lower))
        return rf"\partial {upper}/\partial {lower}"

    def _fraction(self, upper: str, lower: str, simple: bool) -> str:
        return f"{upper}/{lower if simple else self._parens(lower)}"


class BreakableTypesetter(InlineTypesetter):
    """For narrow columns: a line may end within a product."""

    times = r"\,\allowbreak "


def glue(piece: Piece, before: Piece | None) -> str:
    """What stands between a piece and the one before it, None at the start of a line."""
    if piece.glue in ("+", "-"):
        return "-" if piece.glue == "-" else ("" if before is None else "+")
    return "" if before is None or piece.glue == "~" or piece.glue == before.glue == "[" else r"\,"


def joined(pieces: Sequence[Piece]) -> str:
    """The pieces on one line."""
    return "".join(glue(p, pieces[n - 1] if n else None) + p.text for n, p in enumerate(pieces))
