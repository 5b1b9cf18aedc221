"""`gradscribe picture`: which elements an element reads, drawn from the accesses of an equation."""

from pathlib import Path
from typing import Annotated

import typer

from gradscribe.codegen.tool.cli.completion import names
from gradscribe.codegen.tool.cli.options import ONE, settings
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import located

SUFFIX = ".svg"


def picture(
    name: Annotated[str, typer.Argument(metavar="LAYER", help=ONE, autocompletion=names)],
    of: Annotated[
        str | None,
        typer.Option("--of", help="What is computed: a tensor such as u, or dx for the gradient by x; the first one."),
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option("--at", metavar="I=N,...", help="Which element; the middle by default.")
    ] = None,
    pairs: Annotated[
        list[str] | None, typer.Option("--set", metavar="K=V", help="Options and sizes: stride=2, padding=1, H=7.")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--output", help="Write to FILE.svg; else it is printed.")] = None,
) -> None:
    """Draw which elements an element reads, at small sizes: windows, strides, padding, where maxima were found."""
    if out is not None and out.suffix.lower() != SUFFIX:
        raise EquationError(f"-o {located(out)}: expected a file that ends with {SUFFIX}")
    place, chosen = settings(at or [], "at", "i=1,j=2"), settings(pairs or [])
    layer = find(name)
    from gradscribe.codegen.files.write import write
    from gradscribe.derive.derivation import derive
    from gradscribe.derive.typeset.picture.picture import picture as drawn_of
    from gradscribe.derive.typeset.picture.picture import place_of
    from gradscribe.derive.typeset.picture.svg import svg

    drawn = drawn_of(derive(layer, settings=chosen), of)
    text = svg(drawn, place_of(drawn, place), layer.name)
    if out is None:
        print(text, end="")
        return
    write(out, text)
    print(f"wrote {located(out)}")
