"""Forward equations of a network, those of every kind of layer once."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from gradscribe.derive.derivation.network.kinds.likeness import Likeness, likeness, row
from gradscribe.derive.derivation.network.lettering import Lettering
from gradscribe.derive.derivation.record.page_record import Definition
from gradscribe.derive.ir.term import Program

Group = list[Definition]
"""The equations of one layer."""


def once_for_a_layer(
    definitions: Sequence[Definition], layers: dict[str, str], lettering: Lettering, program: Program
) -> tuple[Definition, ...]:
    """The equations; those that are another layer's under other names have a `likeness`.

    Args:
        definitions: the equations of a network in order.
        layers: of every tensor the node that makes it.
        lettering: of a layer that is like another one the tensors have the same letters.
        program: the network's.
    """
    known: list[Group] = []
    found: list[Definition] = []
    for _, group in groupby(definitions, key=lambda d: layers.get(d.left.tensor, d.left.tensor)):
        own = list(group)
        names = next((n for other in known if (n := _names(other, own, lettering, program)) is not None), None)
        if names is None:
            known.append(own)
            found += own
        else:
            old = {here: there for there, here in names.tensors}
            found += [replace(d, likeness=replace(names, of=old[d.left.tensor])) for d in own]
    return tuple(found)


def _names(other: Group, own: Group, lettering: Lettering, program: Program) -> Likeness | None:
    if len(other) != len(own) or not all(map(_alike, other, own, [lettering] * len(own))):
        return None
    there, here = ([(d.left, d.terms) for d in group] for group in (other, own))
    names = likeness("", there, here, program.tensors, program.tensors)
    pairs = zip(other, own, strict=True)
    same = names is not None and all(row(o.left, o.terms, names.names) == row(d.left, d.terms) for o, d in pairs)
    return names if same else None


def _alike(other: Definition, own: Definition, lettering: Lettering) -> bool:
    letters = [lettering.letters.get(d.left.tensor, (d.left.tensor, ""))[0] for d in (other, own)]
    return letters[0] == letters[1] and (other.argument is None) == (own.argument is None)
