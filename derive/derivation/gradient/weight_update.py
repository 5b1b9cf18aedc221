"""The last rows of a page: what training makes of every trained tensor, by gradient descent or another optimiser.

An optimiser's equations speak of a weight p, its gradient g and its state; here the tensors of the layer stand for p
and g, and each has a state of its own. What is computed anew takes the place of what it was: ``w <- w - eta dE/dw``.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Integer, Symbol

from gradscribe.derive.calculus.passes.inline import inserted, is_pointwise
from gradscribe.derive.derivation.letters.allocation import SOUND
from gradscribe.derive.derivation.record.page_record import Definition, Derivation, Update
from gradscribe.derive.derivation.record.sentence import AND, Words, joined
from gradscribe.derive.ir.index import fresh_names, integer
from gradscribe.derive.ir.term import Access, EquationError, Program, Range, Statement, Tensor, Term, accesses
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.derive.layer.letters import read_letters
from gradscribe.derive.layer.update import GRADIENT, WEIGHT, Optimiser, called, optimiser_of
from gradscribe.said import Message, begun, say, say_number


def descent() -> Optimiser:
    """Gradient descent, ``new_p = p - lr g``, without state."""
    e, extent = integer("e"), integer("E")
    p, g, new = (Tensor(name, (extent,), ravel=0) for name in (WEIGHT, GRADIENT, f"new_{WEIGHT}"))
    rate = Symbol("lr", real=True)
    step = Statement(new, Term((Range(e, extent),), (), p(e) - rate * g(e)))
    program = Program((p, g), (step,), (new.name,))
    layer = Layer("sgd", "SGD", Message("gradient descent"), program, options=(Option("lr", (rate,), Kind.NUMBER),))
    return optimiser_of(layer, {})


def with_update(page: Derivation, weights: Sequence[str], optimiser: Optimiser | None = None) -> Derivation:
    """The page with the update of its trained tensors at its end; as it is where none of them is derived.

    Args:
        page: a derivation of first gradients.
        weights: the inputs that are trained.
        optimiser: the equations of the update; gradient descent by default.

    Raises:
        EquationError: when an optimiser is asked for where nothing is trained.
    """
    gradients = {s.wrt: s.steps[-1].left.tensor for s in page.sections if s.wrt in weights}
    if not gradients and optimiser is not None:
        raise EquationError(f"{page.name}: no gradient of a trained tensor for {optimiser.name} to use")
    if not gradients:
        return page
    levels = page.notation.levels
    by_letter = {levels.get(w, (w, ""))[0]: w for w in reversed(gradients)}  # one row for the w of all levels
    letters = {w: letter for letter, w in by_letter.items()}
    trained = [_Trained(w, gradients[w], letters[w]) for w in gradients if w in letters]
    equations = _Equations(optimiser or descent(), page.program.names() | set(gradients.values()) | set(by_letter))
    rows = tuple(row for tensor in trained for row in equations.rows(tensor))
    own = {w: (letter, "") for w, letter in letters.items()}
    own |= {name: label for tensor in trained for name, label in equations.written(tensor).items()}
    several = page.table is not None and any(label for _, label in levels.values())
    notation = replace(page.notation, levels={**levels, **own})
    return replace(page, update=Update(say("update"), equations.setup(trained, several), rows, notation))


def labelled(update: Update) -> Update:
    """The update in which states carry the letter that their weight is written with now."""
    levels = update.notation.levels
    letters = {letter: update.notation.tensor(name).word for name, (letter, label) in levels.items() if not label}
    own = {name: (letter, letters.get(label, label)) for name, (letter, label) in levels.items()}
    return replace(update, notation=replace(update.notation, levels=own))


@dataclass(frozen=True)
class _Trained:
    """A trained tensor, its gradient, and the letter that it is written with."""

    weight: str
    gradient: str
    letter: str

    def own(self, name: str) -> str:
        """What tensor `name` of the update equations is called for this weight."""
        return f"{name}_{self.weight}"


@dataclass(frozen=True)
class _Equations:
    """Update equations in the names of a page.

    Attributes:
        optimiser: the update.
        taken: the names of the page.
    """

    optimiser: Optimiser
    taken: Collection[str]

    @property
    def symbols(self) -> Mapping[Symbol, Expr]:
        """What stands for the options: flags have their defaults, numbers a letter that the page has not."""
        found: dict[Symbol, Expr] = {}
        asked = dict(read_letters(self.optimiser.layer.letters, self.optimiser.name).chosen)
        for option in self.optimiser.layer.options:
            (symbol,) = option.symbols
            if option.kind is Kind.FLAG:
                found[symbol] = Integer(bool(option.default))
                continue
            letter = asked.get(option.name, option.name)
            names = (letter, SOUND.get(letter, option.name), option.name, *(f"{letter}_{k}" for k in range(1, 99)))
            name = next(n for n in names if n not in self.taken)
            found[symbol] = Symbol(name, **symbol.assumptions0)
        return found

    @property
    def statements(self) -> Sequence[Statement]:
        """The equations with these letters; what only renames a tensor is put in."""
        program = self.optimiser.layer.program.substitute(dict(self.symbols))
        found: list[Statement] = []
        names: list[Statement] = []
        for statement in program.statements:
            term = statement.term
            for other in names:
                term = inserted(term, other)
            statement = replace(statement, term=term)
            renaming = isinstance(term.body, Access) and is_pointwise(statement)
            if renaming and statement.target.name not in program.outputs:
                names.append(statement)
            else:
                found.append(statement)
        return found

    def written(self, tensor: _Trained) -> dict[str, tuple[str, str]]:
        """How the state and the inner tensors of the update are written for a weight: v and, above it, w."""
        names = [name for name, _ in self.optimiser.state]
        names += [s.target.name for s in self.statements]
        letters, taken = fresh_names(self.taken, "s d r a o q"), set(self.taken)
        found = {}
        for name in dict.fromkeys(names):
            letter = name if name not in taken else next(c for c in letters if c not in taken)
            taken.add(letter)
            found[tensor.own(name)] = (letter, tensor.letter)
        return found

    def rows(self, tensor: _Trained) -> Iterator[Definition]:
        """The equations of one trained tensor."""
        statements, kept = self.statements, [WEIGHT, *(name for name, _ in self.optimiser.state)]
        whole = all(is_pointwise(s) for s in statements)
        new = {f"new_{name}": name for name in kept}
        own = {name: tensor.own(name) for name in (*(s.target.name for s in statements), *kept)}
        own |= {WEIGHT: tensor.weight, GRADIENT: tensor.gradient}
        own |= {name: own[old] for name, old in new.items() if not self._read_later(statements, name, old)}
        late = [(name, old) for name, old in new.items() if own[name] != own[old]]
        indices = {r.index: None for s in statements for r in s.term.ranges}
        letters = dict(zip(indices, map(integer, fresh_names(self.taken, "e m q v")), strict=False))
        for statement in statements:
            term = _named(statement.term.rename(letters), own, whole)
            name = statement.target.name
            left = Access(own[name], *(() if whole else (r.index for r in term.free)))
            yield Definition(left, (term,), becomes=name in new and own[name] == own[new[name]])
        for name, old in late:
            yield Definition(Access(own[old]), (Term((), (), Access(own[name])),), becomes=True)

    @staticmethod
    def _read_later(statements: Sequence[Statement], new: str, old: str) -> bool:
        """Whether the old value is read when the new one is known: then both need a name."""
        at = next(n for n, s in enumerate(statements) if s.target.name == new)
        return any(a.tensor == old for s in statements[at + 1 :] for a in accesses(s.term.body))

    def setup(self, trained: Sequence[_Trained], several: bool) -> tuple[Words, ...]:
        """What is trained, and what the letters of the update are."""
        layer, symbols = self.optimiser.layer, self.symbols
        options = [o for o in layer.options if o.kind is not Kind.FLAG]
        numbers = joined([_called(o.words or o.name.replace("_", " "), symbols[o.symbols[0]]) for o in options])
        if several:
            lead = say("{update}, at every level, with {numbers}:", update=layer.words, numbers=numbers)
        else:
            lead = say("{update}, with {numbers}:", update=layer.words, numbers=numbers)
        yielded: list[Words] = [begun(lead)]
        if self.optimiser.state:
            states = [[Access(tensor.own(name)) for tensor in trained] for name, _ in self.optimiser.state]
            words = [called(word) for _, word in self.optimiser.state]
            starts = [(*joined(own, AND), " (", word, ")") for own, word in zip(states, words, strict=True)]
            number = len(states) * len(trained)
            yielded.append(say_number(number, "{state} starts at 0.", "{state} start at 0.", state=joined(starts)))
        return tuple(yielded)


def _called(name: str, symbol: Expr) -> Words:
    """``beta_1`` alone where a number is called as it is written, or by the first letters of that."""
    return (symbol,) if str(symbol).startswith(name.replace(" ", "_")) else (name, " ", symbol)


def _named(term: Term, names: Mapping[str, str], whole: bool) -> Term:
    """A term of tensors under other names; of whole tensors where every equation is element by element."""
    found = {a: Access(names[a.tensor], *(() if whole else a.indices)) for a in accesses(term.body)}
    return replace(term, free=() if whole else term.free, body=term.body.xreplace(found))
