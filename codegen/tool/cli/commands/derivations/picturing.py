"""`gradscribe picture`: which elements an element reads, drawn from the accesses of an equation."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradscribe.codegen.tool.cli.completion import names
from gradscribe.codegen.tool.cli.options import ONE, settings
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import listed, located

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gradscribe.derive.derivation.record.page_record import Derivation

SUFFIX = ".svg"


def picture(
    name: Annotated[str, typer.Argument(metavar="LAYER", help=ONE, autocompletion=names)],
    of: Annotated[
        str | None,
        typer.Option(
            "--of",
            help="What is computed: u, or dx for the gradient by x; the first one, of a network the graph.",
        ),
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option("--at", metavar="I=N,...", help="Which element; the middle by default.")
    ] = None,
    pairs: Annotated[
        list[str] | None, typer.Option("--set", metavar="K=V", help="Options and sizes: stride=2, padding=1, H=7.")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--output", help="Write to FILE.svg; else it is printed.")] = None,
) -> None:
    """Draw which elements an element reads, at small sizes: windows, strides, padding; of a network its graph."""
    if out is not None and out.suffix.lower() != SUFFIX:
        raise EquationError(f"-o {located(out)}: expected a file that ends with {SUFFIX}")
    place, chosen = settings(at or [], "at", "i=1,j=2"), settings(pairs or [])
    layer = find(name)
    from gradscribe.codegen.files.present import differs
    from gradscribe.codegen.files.write import write
    from gradscribe.codegen.python.text.render import PAGE_MARK
    from gradscribe.derive.derivation import derive

    text = f"{PAGE_MARK} the equations of {layer.name}. -->\n{_svg(derive(layer, settings=chosen), of, place)}"
    if out is None:
        print(text, end="")
        return
    changed = differs(out, text)
    if changed:
        write(out, text)
    print(f"{'wrote' if changed else 'kept'} {located(out)}")


def _svg(page: "Derivation", of: str | None, place: "Mapping[str, str]") -> str:
    """The file: a network as its graph, unless an equation of it is asked for."""
    from gradscribe.derive.typeset.picture.graph.graph import graph
    from gradscribe.derive.typeset.picture.graph.graph_svg import graph_svg
    from gradscribe.derive.typeset.picture.picture import equations, picture, place_of
    from gradscribe.derive.typeset.picture.svg import svg

    whole = graph(page) if of is None else None
    if whole is None:
        drawn = picture(page, of)
        return svg(drawn, place_of(drawn, place), page.name)
    if place:
        raise EquationError(
            f"{page.name}: --at needs --of, as a graph has no elements; one of {listed(equations(page))}"
        )
    return graph_svg(whole)
