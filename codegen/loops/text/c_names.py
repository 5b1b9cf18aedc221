"""Names in C: those that equations have where C can have them too, else others."""

from gradscribe.codegen.loops.text.vectors import ELEMENTWISE, FUNCTIONS
from gradscribe.codegen.python.names import Names

KEYWORDS = (
    *("asm", "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern"),
    *("float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed"),
    *("sizeof", "static", "struct", "switch", "typedef", "typeof", "union", "unsigned", "void", "volatile", "while"),
)
PREDEFINED = ("arm", "hpux", "i386", "linux", "mips", "sparc", "sun", "unix")
"""Macros that compilers define though such names are a program's."""
OWN = (
    *("above", "absolute", "add_to", "all", "all_above", "all_absolute", "all_add_to", "all_below", "all_integers"),
    *(
        "all_larger",
        "all_long_erf_of",
        "all_short_erf_of",
        "all_smaller",
        "begin",
        "behind_within",
        "below",
        "beside",
        "choose",
        "choose_integers",
        "extremes",
        "extremes_from",
        "first_within",
        "floor_quotient",
    ),
    *(
        "floor_remainder",
        "go_down",
        "go_up",
        "int32_t",
        "int64_t",
        "kernel",
        "label_of",
        "larger",
        "least",
        "load",
        "load_integers",
        "largest_of",
        "loops",
        "mask",
    ),
    *("all_lower_to", "all_raise_to", "lower_to", "masks", "most", "part", "raise_to"),
    *(
        "position",
        "power",
        "reals",
        "sign_of",
        "smaller",
        "smallest_of",
        "sum_of",
        "store",
        "store_words",
        "team",
        "when",
        "whole",
        "work",
    ),
)
"""What stands before the loops in every file, and is read in them."""
FEWEST_LETTERS = 4
"""Of a name in capitals that could be a macro's."""


class CNames(Names):
    """The names of one function."""

    def __init__(self) -> None:
        super().__init__((*KEYWORDS, *PREDEFINED, *OWN, *ELEMENTWISE, *FUNCTIONS.values()))

    def own(self, word: str, role: str = "") -> str:
        """A name for `word` in a role, always the same: the word itself where nothing else has it."""
        return super().own(spelled(word), f"{role} {word}")


def spelled(word: str) -> str:
    """A word in letters that every compiler takes, which no macro has: ``α`` as ``u3b1``, ``NULL`` as ``NULL_``."""
    ascii_ = "".join(c if c.isascii() else f"u{ord(c):x}" for c in word)
    safe = f"v{ascii_}" if ascii_[0] == "_" else ascii_
    return f"{safe}_" if safe.isupper() and len(safe) >= FEWEST_LETTERS else safe
