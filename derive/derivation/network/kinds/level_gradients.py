"""The table of all levels: the error signal of each, and where the rows are that derive its gradients."""

from collections.abc import Collection, Iterator, Sequence

from sympy import Expr, preorder_traversal

from gradscribe.derive.derivation.letters.name import NUMBERED
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.network.lettering import Lettering
from gradscribe.derive.derivation.record.section_record import Chapter, LevelGradients, Section
from gradscribe.derive.derivation.record.sentence import AND, Equals, Label, Letter, Words, joined, mathematics
from gradscribe.derive.ir.term import Access, accesses
from gradscribe.said import say

FEW = 5
"""The most tensors, that on the left side among them, in a closed form that the table of all levels repeats."""


def level_gradients(
    chapters: Sequence[tuple[str, Chapter]], lettering: Lettering, trained: Collection[str]
) -> tuple[LevelGradients, ...]:
    """A line for every level, the last one first; none where every gradient has rows of its own.

    Args:
        chapters: all gradients by level, as (label, chapter).
        lettering: the levels.
        trained: the tensors whose gradients are listed beside the error signals, and beside what these read.
    """
    every = [s for _, chapter in chapters for s in chapter.sections if s.results]
    listed = _listed(every, {*trained, *lettering.signals.values()})
    found = tuple(_line(label, chapter, lettering.signals[label], listed, every) for label, chapter in chapters)
    return found if any(s.likeness is not None for _, chapter in chapters for s in chapter.sections) else ()


def _listed(every: Sequence[Section], first: Collection[str]) -> set[str]:
    """The tensors whose gradients are listed: these, and those that are read in a box of one that is."""
    made = {s.steps[-1].left.tensor: s for s in every}
    waiting = [s for s in every if s.wrt in first or _level(s) is not None]
    found: set[str] = set()
    while waiting:
        section = waiting.pop()
        if section.wrt not in found:
            found.add(section.wrt)
            box = section.closed or section.results[0].step
            waiting += [made[a.tensor] for t in box.terms for a in accesses(t.body) if a.tensor in made]
    return found


def _line(label: str, chapter: Chapter, name: str, listed: Collection[str], every: Sequence[Section]) -> LevelGradients:
    """A level; its error signal may be that of a tensor within the level above, as where that subtracts a maximum."""
    signal = next((s for s in every if s.wrt == name), None) or next((s for s in every if _is_signal(s, label)), None)
    form = _form(signal) if signal is not None else None
    arriving = [word for sentence in chapter.setup for word in mathematics(sentence) if isinstance(word, Equals)]
    words: Words = (Equals(*form.args[:2]),) if form is not None else () if signal is not None else tuple(arriving[:1])
    first = (signal.wrt,) if signal is not None else ()
    own = (s.wrt for s in chapter.sections if s.results and s is not signal and s.wrt in listed)
    return LevelGradients(label, words, (*first, *own))


def _is_signal(section: Section, label: str) -> bool:
    """Whether a section derives the error signal of a level."""
    return _level(section) == label


def _level(section: Section) -> str | None:
    """The level whose error signal a section derives; None where it is no error signal."""
    last = section.steps[-1]
    return last.notation.deltas.get(last.left.tensor)


def _form(signal: Section) -> Expr | None:
    """The form of its box; a closed one that is long stands there alone."""
    if signal.closed is None:
        return signal.results[0].form
    form = next(r.form for r in signal.results if r.closed)
    read = [e for e in preorder_traversal(form) if isinstance(e, Access)] if form is not None else []
    return form if len(read) <= FEW else None


Pair = tuple[Expr, Expr]
"""What a box has, and what is read for it here."""


def exchanged(sections: Sequence[Section], notation: Notation) -> Words:
    """What has to be read in the rows that these sections are like: levels, or tensors where levels do not say it.

    ``levels 5 lower``, or ``l+45 for l+47 and l+48, x for z^(l)``. That the tensor that a section is about is another
    one, and its level, goes without saying.
    """
    like = [(s, dict.fromkeys(_pairs(s, notation))) for s in sections if s.likeness is not None]
    every = dict.fromkeys(pair for _, pairs in like for pair in pairs)
    if len(like) == len(sections) and _is_one_reading([*every, *(_own(s, notation) for s, _ in like)]):
        shifts = {_number(there) - _number(here) if _is_numbered(there, here) else None for there, here in every}
        shift = shifts.pop() if len(shifts) == 1 and len(every) > 1 else None
        if not shift:
            return _read(list(every))
        distance = str(abs(shift))
        return (
            say("levels {distance} lower", distance=distance)
            if shift > 0
            else say("levels {distance} higher", distance=distance)
        )
    names: dict[Words, list[Expr]] = {}
    for section, pairs in like:
        names.setdefault(_read(list(pairs)), []).append(gradient_letter(section, notation))
    return joined([(*joined(own), ": ", *words) for words, own in names.items() if words], "; ", "; ")


def _is_one_reading(pairs: Sequence[Pair]) -> bool:
    """Whether nothing would be read as one thing in a box and as another in the next."""
    return len({there for there, _ in pairs}) == len(set(pairs))


def _own(section: Section, notation: Notation) -> Pair:
    """The level of what the rows of a section are like, and its own."""
    assert section.likeness is not None
    there, here = (letter_and_level(name, notation)[1] for name in (section.likeness.of, section.wrt))
    return Label(there), Label(here)


def gradient_letter(section: Section, notation: Notation) -> Letter:
    """What a gradient is called where its level is known: delta, or the letter of what it is by."""
    gradient = section.steps[-1].left.tensor
    return Letter(Access(gradient if gradient in notation.deltas else section.wrt))


def _read(pairs: Sequence[Pair]) -> Words:
    """``l+45 for l+47 and l+48``; of levels those of the sections themselves are not said."""
    by_new: dict[Expr, list[Expr]] = {}
    for there, here in pairs:
        by_new.setdefault(here, []).append(there)
    read = [say("{here} for {there}", here=here, there=joined(there, AND)) for here, there in by_new.items()]
    return joined(read)


def _is_numbered(*labels: Expr) -> bool:
    return all(isinstance(v, Label) and NUMBERED.fullmatch(v.word) for v in labels)


def _number(label: Expr) -> int:
    """How far a level is from the first."""
    assert isinstance(label, Label)
    return int(label.word.partition("+")[2] or 0)


def _pairs(section: Section, notation: Notation) -> Iterator[Pair]:
    """The levels that are others in a section; tensors where they have other letters, or one level would be two."""
    assert section.likeness is not None
    names = {there: here for there, here in section.likeness.tensors if there != here and here != section.wrt}
    written = {
        (there, here): (letter_and_level(there, notation), letter_and_level(here, notation))
        for there, here in names.items()
        if notation.quotients.get(there, "") not in dict(section.likeness.tensors)  # it is by what is another tensor
    }
    own = letter_and_level(section.likeness.of, notation)[1], letter_and_level(section.wrt, notation)[1]
    labels: dict[str, set[str]] = {own[0]: {own[1]}}
    for (_, old), (_, new) in written.values():
        labels.setdefault(old, set()).add(new)
    for (there, here), ((letter, old), (other, new)) in written.items():
        if letter != other or not old or not new or len(labels[old]) > 1:
            yield Access(there), Access(here)
        elif old != new and (old, new) != own:
            yield Label(old), Label(new)


def letter_and_level(tensor: str, notation: Notation) -> tuple[str, str]:
    """The letter of a tensor, of an error signal "delta", and the label of its level, "" for none."""
    if tensor in notation.deltas:
        return "delta", notation.deltas[tensor]
    if tensor in notation.quotients:
        letter, label = letter_and_level(notation.quotients[tensor], notation)
        return f"quotient {letter}", label
    return notation.levels.get(tensor, (tensor, ""))
