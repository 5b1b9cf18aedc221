"""`gradscribe explain`: how a layer's functions are computed at given shapes."""

import json
from typing import Annotated

import typer

from gradscribe.codegen.tool.cli.completion import layer_names
from gradscribe.codegen.tool.cli.options import ONE, Checkpoint, Ties, checkpointed, settings
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import shown


def explain(
    name: Annotated[str, typer.Argument(metavar="LAYER", help=ONE, autocompletion=layer_names)],
    shapes: Annotated[
        list[str] | None,
        typer.Option("--shape", metavar="X=N,...", help="Of an input, such as x=8,56,56,128; none leaves it out."),
    ] = None,
    pairs: Annotated[
        list[str] | None, typer.Option("--set", metavar="K=V", help="An option, a feature or a size: stride=2.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    accuracy: Annotated[str, typer.Option(help="fast or strict.")] = "fast",
    backend: Annotated[str, typer.Option(help="auto, numpy, compiled or background.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="As many as BLAS has by default.")] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Time every way to compute each contraction.")] = False,
    rewrites: Annotated[
        bool, typer.Option("--rewrites", help="Show instead how equations were rewritten to be less work.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: seconds, bytes.")] = False,
    ties: Ties = None,
    checkpoint: Checkpoint = None,
) -> None:
    """Show how a layer's functions are computed at given shapes: strategies, operations, bytes, memory, times."""
    given, chosen = dict(map(shaped, shapes or [])), settings(pairs or [])
    (layer,) = checkpointed([find(name)], checkpoint)
    if rewrites:
        from gradscribe.codegen.tool.explain import rewrites as rewritten

        print(rewritten(layer.with_ties(ties) if ties else layer), end="")
        return
    from rich.console import Console

    from gradscribe.codegen.tool.explain import explain as explained

    found = explained(
        layer, given, chosen,
        dtype=dtype, accuracy=accuracy, backend=backend, threads=threads, measure=measure, ties=ties,
    )  # fmt: skip
    if as_json:
        print(json.dumps(found.as_data(), indent=2))
    else:
        Console().print(found)


def shaped(text: str) -> tuple[str, tuple[int, ...] | None]:
    """``x=8,56,56,128`` as a name and a shape; None for ``x=none``."""
    name, sign, value = text.partition("=")
    parts = [part.strip() for part in value.split(",") if part.strip()]
    good = value.strip() == "none" or all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts)
    if not sign or not name or not good:
        raise EquationError(f"--shape {shown(text)}: expected NAME=EXTENT,EXTENT,... such as --shape x=8,56,56,128")
    return name.strip(), None if value.strip() == "none" else tuple(map(int, parts))
