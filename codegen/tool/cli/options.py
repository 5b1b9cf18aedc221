"""What several commands are told, and what is read from it."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gradscribe.codegen.target import TARGETS
from gradscribe.codegen.tool.cli.completion import layer_names, names, policies, words
from gradscribe.codegen.tool.finding.topics import OTHERS
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import shown
from gradscribe.said import languages

if TYPE_CHECKING:  # SymPy takes its time: commands import what they need, once their arguments are good
    from gradscribe.derive.layer.interface import Layer

OWN = "an equation or a network in quotes, FILE.eq, FILE.net or FILE.py:FUNCTION"
ONE = f"A name of the catalogue, or {OWN}."
MANY = f"Names of the catalogue, or {OWN}."
ANY_PAGE = f"{MANY} Besides: {'; '.join(f'{name} ({title})' for name, title in OTHERS.items())}."
Names = Annotated[list[str] | None, typer.Argument(metavar="[LAYER ...]", help=MANY, autocompletion=names)]
LayerNames = Annotated[list[str] | None, typer.Argument(metavar="[LAYER ...]", help=MANY, autocompletion=layer_names)]
Ties = Annotated[
    str | None,
    typer.Option(
        help="Gradient of a tied maximum: first (as a layer has it by default) or split among all.",
        autocompletion=policies,
    ),
]
Checkpoint = Annotated[
    int | None,
    typer.Option(
        metavar="K", help="Of recurrences, keep each K-th state; gradients compute the others again. All by default."
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
OutputsOfTile = Annotated[int | None, typer.Option("--m", help="winograd: outputs of a tile along an axis.")]
TapsOfKernel = Annotated[int | None, typer.Option("--r", help="winograd: taps of the kernel along an axis.")]
Points = Annotated[
    str | None, typer.Option(help="winograd: m + r - 1 of them, such as '0, 1, -1, oo'; the best by default.")
]
Dims = Annotated[int | None, typer.Option(help="winograd: axes it is nested along, 1 or 2; 2 by default.")]
_ANOTHER = re.compile(r",(?=\s*\w+\s*=)")
"""The comma before another name."""
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def tied(layers: "Sequence[Layer]", policy: str | None) -> "list[Layer]":
    """The layers with the policy for ties that the user asks for."""
    return [layer.with_ties(policy) if policy else layer for layer in layers]


def checkpointed(layers: "Sequence[Layer]", every: int | None) -> "list[Layer]":
    """The layers with the checkpoints that the user asks for."""
    return [layer.with_checkpoint(every) if every is not None else layer for layer in layers]


def settings(pairs: Sequence[str], option: str = "set", example: str = "stride=1") -> dict[str, str]:
    """``k=v`` pairs as a dictionary; several may stand in one, ``stride=1,padding=0``, where ``a=b,c`` is one value."""
    found: dict[str, str] = {}
    for pair in (part for given in pairs for part in _ANOTHER.split(given)):
        key, sign, value = pair.partition("=")
        if not sign or not key.strip() or not value.strip():
            raise EquationError(f"--{option} {shown(pair)}: expected NAME=VALUE, such as --{option} {example}")
        found[key.strip()] = value.strip()
    return found
