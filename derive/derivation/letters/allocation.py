"""A letter for every group of names on a page, no letter for two: those asked for first, then each group's own.

Who wants a letter that another group has gets a free one: the Greek letter of the same sound, or one from a row of
letters that are usual for its kind.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import count

from gradscribe.derive.derivation.forms.caption.words.glossary import LETTERS
from gradscribe.derive.derivation.letters.collection import Group, Kind
from gradscribe.derive.derivation.letters.name import GREEK, Name, letter_parts
from gradscribe.derive.ir.quote import listed, quoted
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.letters import SPECIAL, Letters

USUAL: dict[Kind, str] = {
    "index": "m q v a o h g d e p b s i j k n r t c l u w x y z f",
    "size": "M L P Q B D F G I J K N R T C H W A U V X Y Z",
    "tensor": "s v g h p q d a c e o r b y x u w z n m k",
    "parameter": "alpha beta lambda kappa rho theta tau eta omega nu xi zeta psi",
    "special": "phi g psi h J L m n",
}
"""Letters in the order in which they are tried for a group whose own letter is taken."""
SOUND = {
    "a": "alpha", "b": "beta", "g": "gamma", "d": "delta", "e": "epsilon", "z": "zeta", "t": "tau", "k": "kappa",
    "l": "lambda", "m": "mu", "n": "nu", "x": "xi", "r": "rho", "f": "phi", "c": "chi", "w": "omega",
}  # fmt: skip
"""The Greek letter that a Latin one resembles."""
_TWINS = dict(zip("αβγδεζηθκλμνξρστφχψω", GREEK, strict=True))
Shape = tuple[str, tuple[str, ...]]
Allotted = dict[Group, Name]


def allotted(groups: Sequence[Group], request: Letters, known: Collection[str], where: str) -> Allotted:
    """A letter for each group.

    Args:
        groups: those first that keep their letters.
        request: what the reader asks for.
        known: names that may be asked for though the page does not print them.
        where: what errors begin with.

    Raises:
        EquationError: for a letter that is asked for twice, or is another name's, and for an unknown name.
    """
    found = _chosen(groups, request, known, where)
    for group, letter in _suggested(groups, request).items():
        if group not in found and not _is_taken(letter, found):
            found[group] = letter
    single = _single_stems(groups)
    spoken = [g for g in groups if g.word in LETTERS]
    for some in ([g for g in groups if g not in spoken], spoken):
        for group in some:
            letter = _bare(group, single) or group.letter
            if group not in found and not _is_taken(letter, found):
                found[group] = letter
        avoided = {shape(g.letter) for g in some}
        for group in some:
            if group not in found:
                taken = avoided | {shape(n) for n in found.values()}
                found[group] = next(letter for letter in _others(group) if shape(letter) not in taken)
    return found


def asked_for(groups: Sequence[Group], request: Letters) -> set[Group]:
    """The groups that the reader asks for letters of, one by one or by the name of a notation."""
    chosen = {word for word, _ in request.chosen}
    return {g for g in groups if g.word in chosen} | set(_suggested(groups, request))


def shape(name: Name) -> Shape:
    """What tells a letter from others; primes do not, as indices have them besides."""
    return _TWINS.get(name.base, name.base), name.marks


def _is_taken(letter: Name, found: Allotted) -> bool:
    return any(shape(letter) == shape(other) for other in found.values())


def _others(group: Group) -> Iterator[Name]:
    base = group.letter.base
    resembles = base in SOUND and group.kind in ("tensor", "parameter") and group.word not in LETTERS
    twins = [SOUND[base]] if resembles else []
    letters = (*twins, *USUAL[group.kind].split())
    yield from map(Name, letters)
    yield from (Name(base, (str(k),)) for k in count(1))


def _single_stems(groups: Sequence[Group]) -> set[str]:
    """The letters that are the stem of one numbered name only: t of t1, if there is no t2."""
    stems = [g.letter.base for g in groups if g.numbered]
    own = {shape(g.letter) for g in groups}
    return {s for s in stems if stems.count(s) == 1 and shape(Name(s)) not in own}


def _bare(group: Group, single: set[str]) -> Name | None:
    """The letter of a numbered name without its number, where that is no other's."""
    return Name(group.letter.base) if group.numbered and group.letter.base in single else None


# ----- what readers ask for -------------------------------------------------------------------------------------------
def _chosen(groups: Sequence[Group], request: Letters, known: Collection[str], where: str) -> Allotted:
    words: dict[str, Group] = {}
    for group in groups:  # of two names the one that the page prints so
        if group.word in SPECIAL or not (group.kind == "special" or group.yields):
            words.setdefault(group.word, group)
    found: Allotted = {}
    for word, text in request.chosen:
        if word not in words and (word in known or word in SPECIAL):
            continue  # of the layer, but not on this page
        if word not in words:
            raise EquationError(f"{where}: {_unknown(word, words)}")
        group, letter = words[word], letter_parts(text)
        other = next((g for g, n in found.items() if shape(n) == shape(letter)), None)
        if other is not None:
            raise EquationError(f"{where}: {other.word} and {word} cannot both be written {quoted(text)}")
        found[group] = letter
    suggested = _suggested(groups, request)
    for group, letter in found.items():
        owner = next((g for g in groups if g not in found and not g.yields and shape(g.letter) == shape(letter)), None)
        if owner is not None and owner not in suggested:
            too = f", or one for {owner.word}, too: {owner.word}=..." if owner in words.values() else ""
            raise EquationError(
                f"{where}: {group.word} cannot be written {quoted(_text(letter))}, which is {meaning(owner)} on this "
                f"page; choose another letter{too}"
            )
    return found


def _unknown(word: str, words: Mapping[str, Group]) -> str:
    close = get_close_matches(word, words, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"no name {quoted(word)} on this page; expected one of {listed(sorted(words))}{hint}"


def _text(letter: Name) -> str:
    return "_".join([letter.base, *letter.marks]) + "'" * letter.primes


def meaning(group: Group) -> str:
    """What a group is, in words."""
    return (
        SPECIAL.get(group.word, f"the sign {group.word}")
        if group.kind == "special"
        else f"the {group.kind} {group.word}"
    )


def _suggested(groups: Sequence[Group], request: Letters) -> Allotted:
    """The letters of a notation for the groups that it knows."""
    v = request.vocabulary
    tables: dict[Kind, Mapping[str, str]] = {
        "index": v.indices,
        "size": v.sizes,
        "tensor": v.tensors,
        "special": v.specials,
    }
    known = ((g, tables[g.kind][g.word]) for g in groups if g.word in tables.get(g.kind, {}))
    return {group: letter_parts(text) for group, text in known}
