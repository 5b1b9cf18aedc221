"""`gradscribe derive`: the derivation of a layer, an optimiser's equations, or a fast correlation."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradscribe.codegen.tool.cli.completion import forms, optimiser_names, page_names, words
from gradscribe.codegen.tool.cli.options import (
    ANY_PAGE,
    Dims,
    Language,
    Order,
    OutputsOfTile,
    Points,
    TapsOfKernel,
    Ties,
    settings,
    tied,
)
from gradscribe.codegen.tool.cli.page.outlet import NARROWEST, SUFFIXES, WIDEST, outlet
from gradscribe.codegen.tool.cli.printing import printed, printed_pages, printed_winograd
from gradscribe.codegen.tool.finding.find import find_any, find_optimiser
from gradscribe.codegen.tool.finding.topics import WINOGRAD, fast, topics
from gradscribe.derive.catalogue.pages import PAGES
from gradscribe.derive.catalogue.pages.chapter import CHAPTER, SEVERAL, TITLE
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import shown
from gradscribe.derive.layer.letters import NOTATIONS
from gradscribe.derive.typeset.document.look import Look
from gradscribe.derive.typeset.formats import FORMATS
from gradscribe.said import ENGLISH

if TYPE_CHECKING:
    from gradscribe.derive.layer.interface import Layer

Writer = Callable[[str, Look], str]
"""A page in a format, as a reader chose it."""

OF_WINOGRAD = "expected --m, --r, --points, --dims"
Derived = Annotated[
    list[str],
    typer.Argument(metavar="LAYER ...", help=f"{ANY_PAGE} Several become one document.", autocompletion=page_names),
]


def derive(
    wanted: Derived,
    wrt: Annotated[str | None, typer.Option(help="Tensors to differentiate by, such as x,w,b; all by default.")] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="K=V", help="Specialise: stride=1, padding=0, groups=G."),
    ] = None,
    letters: Annotated[
        list[str] | None,
        typer.Option(
            metavar="K=V",
            help=f"What names are written with: n=b,delta=g; a notation, {', '.join(NOTATIONS)}; or brackets.",
            autocompletion=words(*NOTATIONS, "brackets"),
        ),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help=f"{' or '.join(FORMATS)}; that of the file, or text, by default.",
            autocompletion=words(*FORMATS),
        ),
    ] = None,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "-o", "--output", help=f"Write to a file, {', '.join(SUFFIXES)}; .pdf takes a TeX. Several may be given."
        ),
    ] = None,
    fragment: Annotated[
        bool, typer.Option("--fragment", help="latex: not a document, but what one can \\input.")
    ] = False,
    width: Annotated[
        int | None,
        typer.Option(min=NARROWEST, max=WIDEST, help="text: columns; those of the terminal, or 100, by default."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Print all rows: of every level of a network, and element by element.")
    ] = False,
    form: Annotated[
        str,
        typer.Option(
            "--form",
            help="index, with operator forms below boxes; operator, matrix (im2col) or all.",
            autocompletion=forms,
        ),
    ] = "index",
    ties: Ties = None,
    order: Order = 1,
    optimiser: Annotated[
        str | None,
        typer.Option(
            help="What the weights are updated by, such as adam; gradient descent by default.",
            autocompletion=optimiser_names,
        ),
    ] = None,
    example: Annotated[
        bool, typer.Option("--example", help="Numbers beside the formulas: a small case, worked out.")
    ] = False,
    implementation: Annotated[
        bool,
        typer.Option("--implementation", help="Say at the end how the code does it: NaN, infinity, what is saved."),
    ] = False,
    lang: Language = ENGLISH,
    m: OutputsOfTile = None,
    r: TapsOfKernel = None,
    points: Points = None,
    dims: Dims = None,
) -> None:
    """Print the derivation of a layer's gradients step by step, an optimiser's update equations, or another page."""
    files: list[Path | None] = [*out] if out else [None]
    targets = [outlet(file, format_, width, fragment) for file in files]
    by = [part.strip() for part in wrt.split(",")] if wrt else None
    chosen = settings(pairs or [])
    written = ",".join(letters or [])
    of_layer = {
        "wrt": wrt,
        "set": ",".join(pairs or []) or None,
        "ties": ties,
        "order": order if order > 1 else None,
        "full": full or None,
        "form": form if form != "index" else None,
        "optimiser": optimiser,
        "example": example or None,
        "implementation": implementation or None,
    }
    of_algorithm = {"m": m, "r": r, "points": points, "dims": dims}
    name = wanted[0]
    if name == WINOGRAD and len(wanted) == 1:
        _refuse(of_layer | {"letters": written or None}, f"{WINOGRAD} has no such option; {OF_WINOGRAD}")
        write: Writer = partial(printed_winograd, fast(m, r, points, dims), language=lang)
    elif len(wanted) > 1 or name in (CHAPTER, *PAGES):
        _refuse(of_layer | of_algorithm, f"{shown(' '.join(wanted))} has no such option; one layer has it")
        title = TITLE if wanted == [CHAPTER] else SEVERAL
        write = partial(printed_pages, title, topics(wanted), written, language=lang)
    else:
        _refuse(of_algorithm, f"{shown(name)} has no such option; gradscribe derive {WINOGRAD} has it")
        layer = _layer(name, wrt, ties)
        from gradscribe.derive.derivation import derive as derived  # SymPy, once the name is known

        page = derived(
            layer,
            by,
            chosen,
            order,
            letters=written,
            full=full,
            form=form,
            optimiser=find_optimiser(optimiser) if optimiser else None,
            example=example,
            implementation=implementation,
            language=lang,
        )
        write = partial(printed, page)
    made = [target.made(write(target.form, target.look)) for target in targets]  # before a file is written
    for target, content in zip(targets, made, strict=True):
        target.put(content)


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
