"""How the tensors of a network are written: a letter each, with the level above it, ``w^(l+1)``.

A tensor keeps the letter that it has in its layer; the value of an activation is z, as in ``z = f(u)``. A letter that
would mean two things on one level gives way.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sympy import Symbol

from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.composition.level import Level, is_activation, levels, signal
from gradscribe.derive.composition.network import Network
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.ir.term import Program, Statement, accesses

VALUE = "z"
_FREE = ["s", "v", "g", "d", "h", "p"]


@dataclass(frozen=True)
class Lettering:
    """The tensors of a network by level.

    Attributes:
        levels: the levels, in order.
        letters: tensor -> (letter, label of its level); the network's inputs have no level.
        signals: label -> the tensor whose gradient is the level's error signal.
        values: label -> the value of the level's activation, where it has one.
    """

    levels: tuple[Level, ...]
    letters: Mapping[str, tuple[str, str]]
    signals: Mapping[str, str]
    values: Mapping[str, str]

    def label(self, tensor: str) -> str:
        """The level of a tensor."""
        return self.letters[tensor][1]

    def tensors(self, level: Level, names: Iterable[str]) -> list[str]:
        """Those of `names` that belong to a level."""
        return [n for n in names if n in self.letters and self.letters[n][1] == level.label]


def lettered(network: Network, program: Program) -> Lettering:
    """Letters for the tensors of `program`, the network's forward equations as they are displayed."""
    parts, known = network.part, program.tensors
    results = dict(network.results)
    letters: dict[str, tuple[str, str]] = {}
    signals: dict[str, str] = {}
    values: dict[str, str] = {}
    found = levels(network.nodes)
    for level in found:
        first = level.nodes[0]
        names = {parts[t].name: t for t in known if t in parts and parts[t].node == first.name}
        signals[level.label] = names.get(signal(first.layer.program), results[first.name])
        value = _activation_value(level, results)
        if value is None and results[first.name] != signals[level.label]:
            value = results[first.name]
        if value is not None:
            values[level.label] = value
        own = [t for t in known if t in parts and parts[t].node in {n.name for n in level.nodes}]
        letters |= _letters(own, {t: parts[t].name for t in own}, value, level.label, program)
    return Lettering(found, letters, signals, values)


def _activation_value(level: Level, results: Mapping[str, str]) -> str | None:
    return next((results[n.name] for n in level.nodes[1:] if is_activation(n.layer)), None)


def _letters(
    own: list[str], letters: Mapping[str, str], value: str | None, label: str, program: Program
) -> dict[str, tuple[str, str]]:
    statements = [s for s in program.statements if s.target.name in own]
    taken = {v.name for s in statements for v in s.term.indices}
    found: dict[str, tuple[str, str]] = {}
    if value is not None:
        found[value] = (VALUE, label)
        taken.add(VALUE)
    for tensor in own:
        if tensor not in found:
            letter = next(c for c in (letters[tensor], *_FREE, *_numbered(letters[tensor])) if c not in taken)
            taken.add(letter)
            found[tensor] = (letter, label)
    return found


def _numbered(letter: str) -> Iterator[str]:
    return (f"{letter}{k}" for k in range(1, 99))


def notation(gradient: Gradient, lettering: Lettering, lets: Iterable[Statement]) -> Notation:
    """One notation for the whole network.

    The gradient of a level's signal is delta with the level's label, other gradients are quotients. Each delta has its
    quotient too, and each gradient that goes by the name of another one, under the name `quotient_name`, for sentences.
    """
    deltas: dict[str, str] = {}
    quotients: dict[str, str] = {}
    labels = {tensor: label for label, tensor in lettering.signals.items()}
    gradients = {a.tensor.name: a.gradient.name for a in gradient.adjoints}
    gradients |= {name: seed.name for name, seed in gradient.seeds.items() if name not in gradients}
    last = lettering.levels[-1].label
    for tensor, name in gradients.items():
        scalar = not gradient.forward.tensors[tensor].shape and tensor == lettering.signals[last]
        if tensor in labels and not scalar:
            deltas.setdefault(name, labels[tensor])
        else:
            quotients.setdefault(name, tensor)
    quotients = {name: tensor for name, tensor in quotients.items() if name not in deltas}
    others = (t for t, name in gradients.items() if quotients.get(name) != t)
    quotients |= {quotient_name(t): t for t in (*lettering.signals.values(), *others)}
    letters = dict(lettering.letters)
    for let in lets:
        known = [a.tensor for a in accesses(let.term.body) if a.tensor in letters]
        if let.target.name not in letters and known:
            label = letters[known[0]][1]
            plain = let.target.name.rstrip("0123456789"), label
            letters[let.target.name] = plain if plain not in letters.values() else (let.target.name, label)
    program = gradient.forward
    order = [t.name for t in program.inputs if t.name not in letters]
    for level in lettering.levels:
        order += lettering.tensors(level, program.tensors)
    shapes = [e for t in program.tensors.values() for e in t.shape]
    sizes = tuple(dict.fromkeys(e for e in shapes if isinstance(e, Symbol)))
    return Notation(quotients, deltas, letters, tuple(order), sizes)


def quotient_name(tensor: str) -> str:
    """The name under which the notation of a network has dE/d(tensor) where its gradient goes by another name."""
    return f"d/d{tensor}"
