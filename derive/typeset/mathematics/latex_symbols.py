"""LaTeX for symbols, elements, fractions and sums; `latex` and `markdown` beside it put them on a page."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, pairwise

from gradscribe.derive.derivation.forms.caption.words.signs import OperatorSign, Shifted
from gradscribe.derive.derivation.letters.name import NUMBERED, Name
from gradscribe.derive.ir.reductions import Reduction
from gradscribe.derive.typeset.mathematics.latex_letters import letters, prose
from gradscribe.derive.typeset.terms.row_pieces import Part, Piece, between
from gradscribe.derive.typeset.terms.typesetter import Typesetter

FONTS = {"ko": r"\usepackage[hangul]{kotex}"}
"""What documents ask for whose letters no TeX has by itself, by language; any TeX engine takes it."""
_FUNCTIONS = (*("exp", "log", "tanh", "sin", "cos", "tan", "sinh", "cosh", "arcsin", "arccos", "arctan", "max", "min"),)


class LatexTypesetter(Typesetter):
    r"""LaTeX: ``\sum_{r,t,k} [s\mid q+p-d r]\, \delta^{(l)}_{m,\,(q+p-d r)/s,\,k}``."""

    minus = "-"
    hadamard = r"\odot"
    convolution = "*"
    correlation = r"\star"
    kronecker = r"\otimes"
    apart = r"{\uparrow}"
    every = r"{\downarrow}"
    cross = r"\times "
    inline = False
    beside = r"\,"
    rounded = r"\dagger"
    pi = r"\pi"
    infinity = r"\infty"
    at_least = r"\ge "
    at_most = r"\le "
    becomes = r"\leftarrow"
    dot = r" \cdot "
    unequal = r"\ne "
    comma, space = ",", r"\,"
    conjunction = r" \wedge "
    disjunction = r" \vee "
    negation = r"\neg "
    times = r"\,"

    def prose(self, text: str) -> str:
        """Words without mathematics, escaped."""
        return prose(text, self.language in FONTS)

    def _name(self, name: Name) -> str:
        base = letters(name.base) + "'" * name.primes
        return f"{base}_{{{','.join(letters(m) for m in name.marks)}}}" if name.marks else base

    def _letter(self, name: Name, level: str = "") -> str:
        """Its indices stand below and the level above, so that marks are part of a word: y1 is no power of y."""
        base = rf"\hat{{{letters(name.base)}}}" if name.marks == ("hat",) else letters(name.word)
        return base + "'" * name.primes + (f"^{{{self._parenthesised(level)}}}" if level else "")

    def _starred(self, letters: Sequence[str], level: str) -> str:
        found = ",".join(f"{letter}^{{*}}" for letter in letters)
        place = self._parens(found) if len(letters) > 1 or level else found
        return place + (f"^{{{self._parenthesised(level)}}}" if level else "")

    def _parenthesised(self, level: str) -> str:
        return self._level(level) if self.notation.style.dense else f"({self._level(level)})"

    def _level(self, label: str) -> str:
        numbered = NUMBERED.fullmatch(label)
        return self._name(self.notation.special("l")) + numbered[1] if numbered else letters(label)

    def _dotted(self, tensor: str) -> str:
        return rf"\dot{{{tensor}}}"

    def _gradient(self, scalar: str, tensor: str) -> str:
        return rf"\partial {scalar}/\partial {self._lower(tensor)}"

    def _element(self, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]:
        head = self._tensor(tensor)
        if not indices:
            return (Part(head),)
        style = self.notation.style
        comma = Part("" if style.dense and not style.brackets and self._short(indices) else "," if dense else r",\,")
        parts = [Part(f"{head}[" if style.brackets else f"{head}_{{"), indices[0]]
        for index in indices[1:]:
            parts += [comma, index]
        return (*parts, Part("]" if style.brackets else "}"))

    def _lower(self, tensor: str) -> str:
        """The tensor below a line; a quotient in parentheses."""
        name = self._tensor(tensor)
        return f"({name})" if name.startswith(r"\partial") else name

    def _quotient(self, scalar: str, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]:
        if not indices:
            name = rf"\frac{{\partial {scalar}}}{{\partial {self._lower(tensor)}}}"
            return (Part(name),)
        return (Part(rf"\frac{{\partial {scalar}}}{{\partial "), *self._element(tensor, indices, dense), Part("}"))

    def _partial(self, upper: str, lower: str) -> tuple[Part, ...]:
        if upper.startswith(r"\frac"):
            return (Part(rf"\frac{{\partial}}{{\partial {lower}}}{upper}"),)
        return (Part(rf"\frac{{\partial {upper}}}{{\partial {lower}}}"),)

    def _derivative_by(self, lower: str) -> str:
        return rf"\frac{{\partial}}{{\partial {lower}}}"

    def _line(self, simple: bool) -> tuple[str, str, str]:
        return r"\frac{", "}{", "}"

    def _numerator(self, inner: str) -> str:
        return inner

    def _power(self, base: str, exponent: str) -> str:
        return f"{base}^{{{exponent}}}"

    def _root(self, inner: str) -> str:
        return rf"\sqrt{{{inner}}}"

    def _head(self, name: str, exponent: str) -> str:
        spelt = name.replace("_", r"\_")
        head = f"\\{name}" if name in _FUNCTIONS or name == "sigma" else rf"\operatorname{{{spelt}}}"
        return f"{head}^{{{exponent}}}" if exponent else head

    def _around(self, inner: str) -> tuple[str, str]:
        tall = r"\frac" in inner or r"\sum" in inner
        return (r"\Bigl(", r"\Bigr)") if tall else ("(", ")")

    def _absolute(self, inner: str) -> str:
        return rf"\lvert {inner}\rvert"

    def _stepped(self, inner: str, up: bool) -> str:
        word = "ceil" if up else "floor"
        if r"\frac" in inner:
            return rf"\left\l{word} {inner}\right\r{word}"
        return rf"\l{word} {inner}\r{word}"

    def _floor(self, upper: str, lower: str) -> str:
        if any(c in upper for c in "+-"):
            return rf"\left\lfloor\frac{{{upper}}}{{{lower}}}\right\rfloor"
        return rf"\lfloor {upper}/{lower}\rfloor"

    def _modulo(self, value: str, modulus: str) -> str:
        return rf"({value}\bmod {modulus})"

    def _ratio(self, upper: str, lower: str) -> str:
        return f"{upper}/{lower}"

    def _divides(self, modulus: str, value: str) -> str:
        return rf"{modulus}\mid {value}"

    def _between(self, value: str, extent: str) -> str:
        return rf"0\le {value}<{extent}"

    def _reduction(self, row: Reduction, groups: Sequence[Sequence[Part]]) -> tuple[Part, ...]:
        begin, end = (r"_{\substack{", "}}") if len(groups) > 1 else ("_{", "}")
        below = (
            parts for n, group in enumerate(groups) for parts in ([Part(r"\\[2pt]")] * (n > 0), between(group, ","))
        )
        return (Part(f"{row.latex}{begin}"), *chain.from_iterable(below), Part(end))

    def _with_limits(self, row: Reduction, ranges: Sequence[tuple[str, str]]) -> str:
        return r"\,".join(f"{row.latex}_{{{index}=0}}^{{{last}}}" for index, last in ranges)

    def _times(self, factors: Sequence[str]) -> list[str]:
        plain = all(len(f.lstrip("\\")) <= 2 or f.isdigit() for f in factors)
        marked = "_" in factors[0][:2] if factors else False
        nears = (
            # a word that a bracket touches is a function
            plain or (after[0] == "(" and not before.startswith(r"\mathrm")) or (marked and "_" not in after)
            for before, after in pairwise(factors)
        )
        return [" " if near else self.times for near in nears]

    def _transposed(self, name: str, enclosed: bool) -> str:
        wide = ("^" in name or "partial" in name) and not enclosed
        return rf"\bigl({name}\bigr)^{{\top}}" if wide else rf"{name}^{{\top}}"

    def _rotated(self, name: str) -> str:
        return rf"\operatorname{{rot}}_{{\pi}}{name}"

    def _hat(self, tensor: str) -> str:
        if tensor in self.notation.quotients:
            quotient = self._partial(self.notation.scalar(tensor), self._hat(self.notation.quotients[tensor]))
            return "".join(part.text for part in quotient)
        plain = self._tensor(tensor)
        return rf"\hat{{{plain[0].upper()}{plain[1:]}}}"

    def operator(self, e: OperatorSign) -> str:
        """An operation; no line of a paragraph ends within the place that something is shifted to."""
        text = super().operator(e)
        return f"{{{text}}}" if isinstance(e, Shifted) else text

    def _ones(self, extents: str) -> str:
        return rf"\mathbf{{1}}_{{{extents}}}"

    def power_of_ten(self, mantissa: str, exponent: int) -> str:
        r"""``4\cdot 10^{-16}``."""
        return f"{'' if mantissa == '1' else mantissa + _TIMES}10^{{{exponent}}}"


_TIMES = r"\cdot "


class InlineTypesetter(LatexTypesetter):
    """For running text: quotients on one line."""

    inline = True

    def _quotient(self, scalar: str, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]:
        if not indices:
            return (Part(rf"\partial {scalar}/\partial {self._lower(tensor)}"),)
        return (Part(rf"\partial {scalar}/\partial "), *self._element(tensor, indices, dense))

    def _partial(self, upper: str, lower: str) -> tuple[Part, ...]:
        upper, lower = (self._parens(e) if e.startswith(r"\partial") else e for e in (upper, lower))
        return (Part(rf"\partial {upper}/\partial {lower}"),)

    def _derivative_by(self, lower: str) -> str:
        return rf"\partial/\partial {lower}"

    def _line(self, simple: bool) -> tuple[str, str, str]:
        return ("", "/", "") if simple else ("", "/(", ")")

    def _numerator(self, inner: str) -> str:
        return self._parens(inner)


class BreakableTypesetter(InlineTypesetter):
    """For narrow columns: a line may end within a product."""

    times = r"\,\allowbreak "


def glue(piece: Piece, before: Piece | None) -> str:
    """What stands between a piece and the one before it, None at the start of a line."""
    if piece.glue in ("+", "-"):
        return piece.glue
    if piece.nested and not piece.bracket and before is not None and (before.is_sum_sign or piece.is_sum_sign):
        return " "
    if piece.glue in ("", "~"):
        return ""
    if before is None:  # a product goes on
        return r"{}\cdot "
    return "" if piece.bracket and before.bracket else r"\,"


def joined(pieces: Sequence[Piece], new: Callable[[str], str] = str, may_end: str = "") -> str:
    """The pieces on one line; `new` shows what a step changed.

    Where a browser breaks lines, `may_end` stands where one may end in a product; none ends within a bracket.
    """
    found = []
    for piece, before in zip(pieces, (None, *pieces), strict=False):
        ends = may_end if piece.glue == " " and before is not None and not before.is_sum_sign else ""
        text = "".join(new(p.text) if p.new else p.text for p in _signed(piece, begins=before is None))
        whole = f"{{{text}}}" if may_end and piece.bracket else text
        found.append(f"{ends}{glue(piece, before)}{whole}")
    return "".join(found)


def _signed(piece: Piece, begins: bool) -> list[Part]:
    """The parts of a piece; the sign of a sum that goes on is between two operands, in a line or colour of its own."""
    first, *others = piece.parts
    sign = piece.glue == "~" and (first.new or begins) and first.text.lstrip()[:1] in ("+", "-")
    return [replace(first, text=f"{{}}{first.text}") if sign else first, *others]
