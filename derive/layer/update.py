"""An optimiser: equations that make new values of a weight and of its state from the old ones and a gradient.

In them p is a weight, g its gradient, ``new_p`` the weight afterwards; every other input s is state, kept from step to
step and replaced by ``new_s``; t counts the steps, from 1. Nothing here is differentiated.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gradscribe.derive.ir.quote import shown
from gradscribe.derive.ir.term import Access, EquationError, Program, Tensor
from gradscribe.derive.layer.interface import REQUIRED, Layer, Option
from gradscribe.derive.layer.interval import Interval
from gradscribe.derive.layer.letters import read_letters
from gradscribe.printed import Printed
from gradscribe.said import Message, Saying, say

WEIGHT, GRADIENT, STEP = "p", "g", "t"
WORDS = {
    "lr": Message("learning rate"),
    "momentum": Message("momentum"),
    "weight_decay": Message("weight decay"),
    STEP: Message("number of the step"),
}
"""What options are called in sentences, where that is not their name."""
STATES = {
    "velocity": Message("velocity"),
    "first_moment": Message("first moment"),
    "second_moment": Message("second moment"),
}
"""The same of states."""
LETTERS = {"lr": "eta", "momentum": "mu", "weight_decay": "lambda", "eps": "epsilon"}
"""The usual letters of options."""


@dataclass(frozen=True, repr=False)
class Optimiser(Printed):
    """Update equations with their calling convention.

    Attributes:
        layer: the equations and their options; its inputs are p, g and the state, its outputs ``new_p`` and the new
            state.
        state: the tensors kept from step to step, zeros at the start: (name in the equations, name in `state`).
    """

    layer: Layer
    state: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The optimiser's name, also the stem of its function: ``sgd_update``."""
        return self.layer.name

    @property
    def class_name(self) -> str:
        """The name of its class."""
        return self.layer.class_name

    @property
    def settings(self) -> tuple[Option, ...]:
        """The options that stay the same from step to step: all but t."""
        return tuple(o for o in self.layer.options if o.name != STEP)

    @property
    def counts_steps(self) -> bool:
        """Whether t is in the equations."""
        return len(self.settings) < len(self.layer.options)


def optimiser_of(layer: Layer, words: Mapping[str, str]) -> Optimiser:
    """The optimiser of update equations.

    Args:
        layer: the equations, of p, g, the state and t.
        words: what state is called in the class, by its name in the equations, where that is not the same.

    Raises:
        EquationError: when the equations are no update of p.
    """
    tensors = {t.name: t for t in layer.program.inputs}
    for needed in (WEIGHT, GRADIENT):
        if needed not in tensors:
            raise EquationError(
                f"{layer.name}: expected the inputs p (a weight) and g (its gradient); {needed} is none"
            )
    kept = tuple(n for n in tensors if n not in (WEIGHT, GRADIENT))
    for unknown in sorted(set(words) - set(kept)):
        expected = ", ".join(kept) or "no name: there is no state"
        raise EquationError(f"{layer.name}: state names {shown(unknown)}, expected one of {expected}")
    program = _update(layer, tensors, kept)
    options = tuple(replace(o, words=WORDS.get(o.name, "")) for o in layer.options)
    options = tuple(replace(o, default=REQUIRED, interval=Interval(1)) if o.name == STEP else o for o in options)
    state = tuple((n, words.get(n, n)) for n in kept)
    meanings = tuple(_meanings(state))
    found = replace(layer, program=program, options=options, weights=(), letters=_letters(layer), meanings=meanings)
    return Optimiser(found, state)


def called(state: str) -> str:
    """What a state is called in sentences."""
    return STATES.get(state, state.replace("_", " "))


def _meanings(state: Sequence[tuple[str, str]]) -> Iterator[Saying]:
    """What the tensors of an update are."""
    yield say("{weight} is the weight", weight=Access(WEIGHT))
    yield say("{gradient} its gradient", gradient=Access(GRADIENT))
    for name, word in state:
        if word == name:
            yield say("{state} kept from step to step, 0 before the first step", state=Access(name))
        else:
            yield say("{state} the {name}, 0 before the first step", state=Access(name), name=called(word))
    for name in (WEIGHT, *dict(state)):
        yield say("{new} is {old} after the step", new=Access(f"new_{name}"), old=Access(name))


def _letters(layer: Layer) -> str:
    """The letters that the text asks for, and the usual ones of options, where these are no names of it."""
    own, names = {name for name, _ in read_letters(layer.letters, layer.name).chosen}, layer.program.names()
    usual = {o.name: LETTERS[o.name] for o in layer.options if o.name in LETTERS and o.name not in own}
    added = [f"{name}={letter}" for name, letter in usual.items() if letter not in names]
    return ", ".join(filter(None, [layer.letters, *added]))


def _update(layer: Layer, tensors: Mapping[str, Tensor], kept: Sequence[str]) -> Program:
    """The program with p, g and the state as its inputs, in this order, and their new values as its outputs."""
    program = layer.program
    shape = tensors[WEIGHT].shape
    for name in (WEIGHT, GRADIENT, *kept):
        tensor = tensors[name]
        if tensor.integer or tensor.optional:
            kind = "integers" if tensor.integer else "optional"
            raise EquationError(f"{layer.name}: {name} is {kind}; expected real numbers that are always there")
        if tensor.shape != shape:
            raise EquationError(
                f"{layer.name}: {name} has shape {shown(tensor.shape)}; expected that of p, {shown(shape)}"
            )
    for name in (WEIGHT, *kept):
        new = program.tensors.get(f"new_{name}")
        if new is None or new in program.inputs:
            raise EquationError(f"{layer.name}: nothing replaces {name}; expected an equation of new_{name}")
        if new.shape != shape:
            raise EquationError(
                f"{layer.name}: new_{name} has shape {shown(new.shape)}; expected that of p, {shown(shape)}"
            )
    return replace(
        program,
        inputs=tuple(replace(tensors[n], constant=True) for n in (WEIGHT, GRADIENT, *kept)),
        outputs=tuple(f"new_{n}" for n in (WEIGHT, *kept)),
    )
