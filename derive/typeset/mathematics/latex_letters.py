"""Letters and words as LaTeX: what somebody wrote stays text, and of Unicode there is what every TeX has.

Any character of a title or a name becomes one of three things: an ASCII character that LaTeX takes as it is, a command
of the tables below, or its number, U+4E2D. So no text can hold a command of its own, and words are ASCII: they depend
on no encoding and no font of the TeX that reads them.
"""

import re
from unicodedata import east_asian_width, name, normalize

from gradscribe.derive.derivation.letters.name import GREEK
from gradscribe.derive.ir.quote import visible

_SPECIAL = {
    "\\": r"\textbackslash{}", "_": r"\_", "&": r"\&", "%": r"\%", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}",
}  # fmt: skip
_PHRASES = {"rotated by pi": r"rotated by~$\pi$", "->": r"$\to$"}
_SYMBOLS = {
    "→": r"\to", "∂": r"\partial", "∇": r"\nabla", "∞": r"\infty", "−": "-", "×": r"\times", "·": r"\cdot",
    "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "∈": r"\in", "⊙": r"\odot", "√": r"\surd", "Σ": r"\Sigma", "Π": r"\Pi",
    "Δ": r"\Delta", "Φ": r"\Phi", "Ψ": r"\Psi", "Ω": r"\Omega", "Θ": r"\Theta", "Λ": r"\Lambda", "Γ": r"\Gamma",
    "π": r"\pi",
}  # fmt: skip
_COMMANDS = {
    "ß": r"\ss{}", "æ": r"\ae{}", "œ": r"\oe{}", "ø": r"\o{}", "ł": r"\l{}", "å": r"\aa{}", "Æ": r"\AE{}",
    "Œ": r"\OE{}", "Ø": r"\O{}", "Ł": r"\L{}", "Å": r"\AA{}", "§": r"\S{}", "©": r"\copyright{}", "£": r"\pounds{}",
    "°": r"$^\circ$", "¡": "!`", "¿": "?`", "…": r"\dots{}", "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``",
    "”": "''",
}  # fmt: skip
"""What every TeX prints, whatever fonts it has."""
_ACCENTS = {
    "\u0300": ("grave", "`"), "\u0301": ("acute", "'"), "\u0302": ("hat", "^"), "\u0303": ("tilde", "~"),
    "\u0304": ("bar", "="), "\u0306": ("breve", "u"), "\u0307": ("dot", "."), "\u0308": ("ddot", '"'),
    "\u030a": ("mathring", "r"), "\u030c": ("check", "v"), "\u20d7": ("vec", ""),
}  # fmt: skip
"""Marks above a letter: the command in mathematics, and in text, "" for none."""
_CLUSTER = re.compile("(.)([\u0300-\u036f\u20d0-\u20f0]*)", re.DOTALL)


def prose(text: str, wide: bool = False) -> str:
    """Words, with their special characters escaped.

    Args:
        text: the words.
        wide: whether there are fonts for letters that are as wide as high, such as Hangul.
    """
    words = normalize("NFC", visible(text))
    return re.sub("rotated by pi|->|.", lambda m: _PHRASES.get(m[0]) or _in_text(m[0], wide), words)


def letters(word: str) -> str:
    """A name in mathematics: a Greek letter, an italic letter with its accents, or an upright word."""
    if word in GREEK:
        return f"\\{word}"
    if word.isascii() and word.isdigit():
        return word
    parts = [_accented(*found) for found in _CLUSTER.findall(normalize("NFD", visible(word)))]
    if len(parts) == 1 and word != "_":
        return parts[0]
    return rf"\mathrm{{{''.join(p if len(p) == 1 or p[-1] == '}' or p[1] == '_' else f'{{{p}}}' for p in parts)}}}"


def _in_text(character: str, wide: bool = False) -> str:
    if character.isascii():
        return _SPECIAL.get(character, character)
    if wide and character.isalpha() and east_asian_width(character) in "WF":
        return character
    if character in _COMMANDS:
        return _COMMANDS[character]
    parts = normalize("NFD", character)
    accent = _ACCENTS[parts[1]][1] if len(parts) == 2 and parts[0].isascii() and parts[1] in _ACCENTS else ""
    if accent:
        return rf"\{accent}{{{parts[0]}}}"
    command = _command(character)
    return f"${command}$" if command else rf"\texttt{{U+{ord(character):04X}}}"


def _accented(base: str, marks: str) -> str:
    """A letter in mathematics with the marks above it."""
    if base.isascii():
        text = base if base.isalnum() else r"\_" if base == "_" else rf"\text{{{_in_text(base)}}}"
    else:
        # MathJax has no commands for these letters
        text = _command(base) or (rf"\text{{{base}}}" if base in _COMMANDS else _number(base))
    for mark in marks:
        text = rf"\{_ACCENTS[mark][0]}{{{text}}}" if mark in _ACCENTS else text + _number(mark)
    return text


def _command(character: str) -> str:
    """The command for a Greek letter or a sign of mathematics; "" for none."""
    letter = name(character, "").removeprefix("GREEK SMALL LETTER ").lower()
    return _SYMBOLS.get(character) or (f"\\{letter}" if letter in GREEK else "")


def _number(character: str) -> str:
    return rf"\mathtt{{U{{+}}{ord(character):04X}}}"
