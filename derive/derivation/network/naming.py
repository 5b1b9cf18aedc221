"""Names of recurrences: ``f'(u) (.) [full convolution of delta ...]``, put together from the names of their parts."""

from collections.abc import Sequence

from gradscribe.derive.derivation.record import Hadamard, Words
from gradscribe.derive.ir.term import Access


def named(parts: Sequence[Words], slope: Words = ()) -> Words:
    """A sum of `parts`, behind the slope of an activation where there is one."""
    if len(parts) == 1 and not slope:
        return parts[0]
    words: Words = ()
    for part in parts:
        words += (*((" + ",) if words else ()), *bracketed(part))
    if not slope:
        return words
    return (*slope, " ", Hadamard(), " ", *(words if len(parts) == 1 else ("(", *words, ")")))


def put_in(parts: Sequence[Words], gradient: str, name: Words) -> tuple[Words, ...]:
    """The names with the name of a gradient in place of the gradient."""
    inner = bracketed(name)
    return tuple(tuple(w for word in part for w in (inner if word == Access(gradient) else (word,))) for part in parts)


def bracketed(part: Words) -> Words:
    """The words in brackets, unless they are a tensor or in brackets already."""
    single = len(part) == 1 and isinstance(part[0], Access)
    return part if single or _is_enclosed(part) else ("[", *part, "]")


def _is_enclosed(part: Words) -> bool:
    """Whether the first bracket is closed by the last one."""
    characters = "".join(word if isinstance(word, str) else "_" for word in part)
    depth, ends = 0, []
    for place, character in enumerate(characters):
        depth += {"[": 1, "]": -1}.get(character, 0)
        if depth == 0:
            ends.append(place)
    return characters[:1] == "[" and ends[:1] == [len(characters) - 1]
