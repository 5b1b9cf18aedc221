"""Leaves and branches of a network's syntax tree: as what they are, where they stand, which setting they say."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lark import Token, Tree

from gradscribe.derive.composition.network import NetworkError
from gradscribe.derive.language.syntax.tree import Place

FLAGS = {"true": True, "false": False}


class Reference(str):
    """A setting that is a weight of another layer: ``tokens.w``."""

    __slots__ = ()


def branch(tree: Any) -> Tree[Token]:
    """What is known to be a branch."""
    assert isinstance(tree, Tree)
    return tree


def token(value: Any) -> Token:
    """What is known to be a leaf."""
    assert isinstance(value, Token)
    return value


def place(value: Any) -> Place:
    """Where a leaf stands."""
    found = token(value)
    return Place(found.line or 1, found.column or 1, found.end_column or 2)


def settings(
    arguments: Sequence[Any], positional: Sequence[str], bound: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """What stands in the parentheses of a step, by name.

    Args:
        arguments: the branches between the commas; None where there are no parentheses.
        positional: what is meant without a name, in order.
        bound: values of the parameters of the block that the step stands in.
        where: the network and the step, for messages.

    Raises:
        NetworkError: for a setting that is given twice, and for more of them than there are.
    """
    found: dict[str, Any] = {}
    for number, argument in enumerate(branch(a) for a in arguments if a is not None):
        key, value = argument.children
        if key is None and number >= len(positional):
            raise NetworkError(f"{where}: at most {len(positional)} settings without a name")
        word = str(key) if key is not None else positional[number]
        if word in found:
            raise NetworkError(f"{where}: {word} is given twice")
        found[word] = _read(value, bound)
    return found


def _read(value: Any, bound: Mapping[str, Any]) -> Any:
    """A setting as a number, a flag, a name, a text or a tuple of these."""
    if isinstance(value, Tree):
        return tuple(_read(v, bound) for v in value.children if v is not None)
    text = str(value)
    if value.type == "NUMBER":
        return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
    if value.type == "STRING":
        return text[1:-1]
    if value.type == "DOTTED":
        return Reference(text)
    return bound[text] if text in bound else FLAGS.get(text.lower(), text)
