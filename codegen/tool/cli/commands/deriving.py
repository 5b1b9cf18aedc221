"""`gradscribe derive`: the derivation of a layer, an optimiser's equations, or a fast correlation."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradscribe.codegen.tool.cli.completion import formats, names
from gradscribe.codegen.tool.cli.options import OWN, Order, Ties, settings, tied
from gradscribe.codegen.tool.cli.printing import printed, printed_winograd
from gradscribe.codegen.tool.find import find_any
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import quoted, shown
from gradscribe.derive.typeset.formats import FORMATS

if TYPE_CHECKING:
    from gradscribe.derive.layer.interface import Layer

WINOGRAD = "winograd"


def _names(incomplete: str) -> Iterator[tuple[str, str]]:
    yield from names(incomplete)
    if WINOGRAD.startswith(incomplete):
        yield WINOGRAD, "the fast correlation F(m, r)"


Derived = Annotated[
    str,
    typer.Argument(
        metavar="LAYER",
        help=f"A name of the catalogue, or {OWN}; or {WINOGRAD}, the fast correlation F(m, r).",
        autocompletion=_names,
    ),
]


def derive(
    name: Derived,
    wrt: Annotated[str | None, typer.Option(help="Tensors to differentiate by, such as x,w,b; all by default.")] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="K=V", help="Specialise: stride=1, padding=0, groups=G."),
    ] = None,
    form: Annotated[str, typer.Option("--format", help=f"{' or '.join(FORMATS)}.", autocompletion=formats)] = "text",
    out: Annotated[Path | None, typer.Option("-o", "--output", help="Write to a file.")] = None,
    ties: Ties = None,
    order: Order = 1,
    m: Annotated[int | None, typer.Option("--m", help="winograd: outputs of a tile along an axis.")] = None,
    r: Annotated[int | None, typer.Option("--r", help="winograd: taps of the kernel along an axis.")] = None,
    points: Annotated[
        str | None, typer.Option(help="winograd: m + r - 1 of them, such as '0, 1, -1, oo'; the best by default.")
    ] = None,
    dims: Annotated[int | None, typer.Option(help="winograd: axes it is nested along, 1 or 2; 2 by default.")] = None,
) -> None:
    """Print the derivation of a layer's gradients step by step, an optimiser's update equations, or F(m, r)."""
    if form not in FORMATS:
        close = get_close_matches(form, FORMATS, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise EquationError(f"unknown format {quoted(form)}; expected one of {', '.join(FORMATS)}{hint}")
    by = [part.strip() for part in wrt.split(",")] if wrt else None
    chosen = settings(pairs or [])
    of_layer = {"wrt": wrt, "set": ",".join(pairs or []) or None, "ties": ties, "order": order if order > 1 else None}
    of_algorithm = {"m": m, "r": r, "points": points, "dims": dims}
    if name == WINOGRAD:
        _refuse(of_layer, f"{WINOGRAD} has no such option; expected --m, --r, --points, --dims")
        if m is None or r is None:
            raise EquationError(f"{WINOGRAD}: --{'m' if m is None else 'r'} is missing; expected such as --m 4 --r 3")
        text = printed_winograd(m, r, points, 2 if dims is None else dims, form)
    else:
        _refuse(of_algorithm, f"{shown(name)} has no such option; gradscribe derive {WINOGRAD} has it")
        text = printed(_layer(name, wrt, ties), by, chosen, form, order)
    if out is None:
        print(text, end="" if text.endswith("\n") else "\n")
    else:
        from gradscribe.codegen.files.write import write

        write(out, text)


def _refuse(options: dict[str, Any], reason: str) -> None:
    """An error for the first option that is given."""
    given = next(((option, value) for option, value in options.items() if value is not None), None)
    if given is not None:
        raise EquationError(f"--{given[0]} {shown(given[1])}: {reason}")


def _layer(name: str, wrt: str | None, ties: str | None) -> "Layer":
    """What is derived: a layer, or an optimiser's equations."""
    found = find_any(name)
    from gradscribe.derive.layer.update import Optimiser

    if isinstance(found, Optimiser) and wrt:
        raise EquationError(f"{shown(name)}: --wrt {shown(wrt)}: an optimiser has no gradient; leave --wrt out")
    return found.layer if isinstance(found, Optimiser) else tied([found], ties)[0]
