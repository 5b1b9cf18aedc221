"""Lines of a network's text: inputs, outputs, losses, letters, blocks, layers of one's own, and chains."""

import re
from dataclasses import dataclass, field
from typing import Any

from lark import Token, Tree

from gradscribe.derive.composition.joining.node_settings import settled
from gradscribe.derive.composition.joining.program_builder import INPUT
from gradscribe.derive.composition.network import LOSS, Judged, NetworkError, owner
from gradscribe.derive.composition.parsing.named_axes import REARRANGE
from gradscribe.derive.composition.parsing.node_reader import SHARE, NodeReader, pointing
from gradscribe.derive.composition.parsing.tokens import branch, place, token
from gradscribe.derive.composition.parsing.written_blocks import Block, Surroundings
from gradscribe.derive.ir.quote import listed, shown
from gradscribe.derive.language import LanguageError, read
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.letters import read_letters

LONGEST_NUMBER = 12


@dataclass
class LineReader:
    """What the lines say so far.

    Attributes:
        nodes: the chains.
        last: the value of the last chain.
        outputs: what the text names as the network's values, and where.
        losses: what judges them.
        judged: what losses are said to be of, and where.
        letters: what derivations are written with.
    """

    nodes: NodeReader
    last: str | None = None
    outputs: list[Token] = field(default_factory=list)
    losses: list[Judged] = field(default_factory=list)
    judged: list[Token] = field(default_factory=list)
    letters: str = ""

    @property
    def name(self) -> str:
        """The network's name."""
        return self.nodes.name

    def values(self) -> list[str]:
        """What makes the network's values: the outputs that the text names, else the last chain, and what is judged."""
        named = [str(word) for word in self.outputs] or [self.last or ""]
        judged = [loss.source for loss in self.losses if loss.source]
        known = {*self.nodes.made, *self.nodes.names}
        for word in (*self.outputs, *self.judged):
            if owner(word) not in known:
                expected = listed([*self.nodes.declared, *self.nodes.made])
                raise self._wrong(word, f"output {shown(word)}: expected a layer or a named line: {expected}")
        return list(dict.fromkeys(map(self.nodes.resolve, (*named, *judged))))

    def line(self, line: Tree[Token]) -> None:
        """One line of the text."""
        if line.data == "input":
            _, given, *extents = [token(child) for child in line.children]
            if str(given) in self.nodes.inputs:
                raise self._wrong(given, f"input {shown(given)} is declared twice")
            self.nodes.inputs[str(given)] = tuple(self._extent(str(given), e) for e in extents)
        elif line.data == "output":
            self.outputs += [token(child) for child in line.children[1:]]
        elif line.data == "loss":
            self._judge(line)
        elif line.data == "letters":
            self._ask(token(line.children[0]))
        elif line.data == "block":
            _, name, parameters, *inputs, chain = line.children
            self._define(token(name), _words(parameters), _words(inputs[-1]), branch(chain))
        elif line.data == "own":
            _, name, equations = line.children
            self._own(token(name), token(equations))
        elif line.data == "named":
            name, chain = line.children
            self.last = self.nodes.names[str(name)] = self.nodes.chain(branch(chain), self._before())
        else:
            self.last = self.nodes.chain(line, self._before())

    def _judge(self, line: Tree[Token]) -> None:
        """``loss 0.5 * cross_entropy(label_smoothing=0.1) of y``."""
        step = next(branch(c) for c in line.children if isinstance(c, Tree))
        words = [token(c) for c in line.children if isinstance(c, Token)]
        weight = next((w for w in words if w.type == "NUMBER"), None)
        source = words[-1] if any(w.type == "OF" for w in words) else None
        word = step.children[1]
        self.nodes.places.setdefault(LOSS, place(word))
        if self.nodes.is_value(step):  # a number that the network computes itself
            self.judged.append(token(word))
            self.losses.append(Judged(_itself(), str(word), float(weight or 1)))
            return
        with pointing(word):
            layer, given = self.nodes.layer(step, Surroundings(), 1)
            settings = dict(given)
            where = f"{self.name}: loss {layer.name}"
            if step.children[0] is not None:
                raise NetworkError(f"{where}: expected no name of its own, received {shown(step.children[0])}")
            layer = settled(layer, settings, where)
        self.judged += [source] if source is not None else []
        self.losses.append(Judged(layer, str(source) if source is not None else "", float(weight or 1)))

    def _own(self, name: Token, equations: Token) -> None:
        """``layer NAME { equations }``."""
        self._check_free(name, "layer")
        before = "\n" * ((equations.line or 1) - 1) + " " * (equations.column or 1)  # places are those of the text
        try:
            layer = read(before + equations[1:-1], str(name))
        except LanguageError as error:
            raise NetworkError(f"{self.name}, layer {shown(name)}: {error}", place=None) from None
        self.nodes.layers = {**self.nodes.layers, str(name): lambda: layer}

    def _ask(self, request: Token) -> None:
        """What derivations are written with; which names there are, the composed network knows."""
        text = str(request).removeprefix("letters").strip()
        read_letters(text, f"{self._at(request)}: letters")
        self.letters = ", ".join(filter(None, (self.letters, text)))

    def _define(self, name: Token, parameters: list[Token], inputs: list[Token], chain: Tree[Token]) -> None:
        self._check_free(name, "block")
        words = tuple(map(str, (*parameters, *inputs)))
        if len(set(words)) < len(words):
            raise self._wrong(name, f"block {shown(name)}: two parameters have one name")
        above = dict(self.nodes.blocks)
        self.nodes.blocks[str(name)] = Block(str(name), (*map(str, parameters),), (*map(str, inputs),), chain, above)

    def _check_free(self, name: Token, kind: str) -> None:
        if str(name) in {*self.nodes.layers, *self.nodes.blocks, SHARE, REARRANGE}:
            known = "another block" if str(name) in self.nodes.blocks else "a layer"
            raise self._wrong(name, f"{kind} {shown(name)}: that is the name of {known}")

    def _extent(self, name: str, given: Token) -> int | str:
        """The extent of an axis of an input: a number, or the name of a size."""
        if given.type != "NUMBER":
            return str(given)
        if not re.fullmatch(r"-?[0-9]+", given) or len(given) > LONGEST_NUMBER:
            raise self._wrong(given, f"input {name}: expected an integer or a name, received {shown(given)}")
        return int(given)

    def _wrong(self, given: Token, said: str) -> NetworkError:
        """A mistake in a word of the text."""
        return NetworkError(f"{self.name}: {said}", place=place(given))

    def _at(self, given: Token) -> str:
        return f"{self.name}: line {given.line}, column {given.column}"

    def _before(self) -> str:
        """What a chain begins with that names nothing."""
        return self.last or next(iter(self.nodes.inputs), INPUT)


def _itself() -> Layer:
    return read("input x\ny = 1 * x", "value", title="a number that is minimised as it is")


def _words(names: Any) -> list[Token]:
    return [token(c) for c in branch(names).children] if isinstance(names, Tree) else []
