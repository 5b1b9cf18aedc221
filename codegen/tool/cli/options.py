"""What several commands are told, and what is read from it."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gradscribe.codegen.target import TARGETS
from gradscribe.codegen.tool.cli.completion import layer_names, names, policies, words
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import shown
from gradscribe.said import languages

if TYPE_CHECKING:  # SymPy takes its time: commands import what they need, once their arguments are good
    from gradscribe.derive.layer.interface import Layer

OWN = "an equation or a network in quotes, FILE.eq, FILE.net or FILE.py:FUNCTION"
ONE = f"A name of the catalogue, or {OWN}."
MANY = f"Names of the catalogue, or {OWN}."
Names = Annotated[list[str] | None, typer.Argument(metavar="[LAYER ...]", help=MANY, autocompletion=names)]
LayerNames = Annotated[list[str] | None, typer.Argument(metavar="[LAYER ...]", help=MANY, autocompletion=layer_names)]
Ties = Annotated[
    str | None,
    typer.Option(
        help="Gradient of a tied maximum: first (as a layer has it by default) or split among all.",
        autocompletion=policies,
    ),
]
Order = Annotated[int, typer.Option(min=1, max=2, help="2: the gradient of the gradient.")]
Backend = Annotated[
    str,
    typer.Option(
        "--backend", help=f"What the code is written for: {' or '.join(TARGETS)}.", autocompletion=words(*TARGETS)
    ),
]
Language = Annotated[
    str,
    typer.Option(
        "--lang",
        help=f"Of what is written, not of messages: {' or '.join(languages())}.",
        autocompletion=words(*languages()),
    ),
]
_ANOTHER = re.compile(r",(?=\s*\w+\s*=)")
"""The comma before another name."""
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def tied(layers: "Sequence[Layer]", policy: str | None) -> "list[Layer]":
    """The layers with the policy for ties that the user asks for."""
    return [layer.with_ties(policy) if policy else layer for layer in layers]


def settings(pairs: Sequence[str], option: str = "set", example: str = "stride=1") -> dict[str, str]:
    """``k=v`` pairs as a dictionary; several may stand in one, ``stride=1,padding=0``, where ``a=b,c`` is one value."""
    found: dict[str, str] = {}
    for pair in (part for given in pairs for part in _ANOTHER.split(given)):
        key, sign, value = pair.partition("=")
        if not sign or not key.strip() or not value.strip():
            raise EquationError(f"--{option} {shown(pair)}: expected NAME=VALUE, such as --{option} {example}")
        found[key.strip()] = value.strip()
    return found
