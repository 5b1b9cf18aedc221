"""`gradscribe verify`: every row of the derivations and every kernel on random numbers."""

from typing import Annotated

import typer

from gradscribe.codegen.tool.cli.options import LayerNames, Order, Ties, tied
from gradscribe.codegen.tool.finding.find import find_all


def verify(
    names: LayerNames = None,
    shapes: Annotated[int, typer.Option(min=1, help="Random shapes per layer.")] = 16,
    ties: Ties = None,
    order: Order = 1,
) -> bool:
    """Check every row of the derivations and every kernel numerically, on random shapes."""
    layers = tied(find_all(names or []), ties)
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    from gradscribe.codegen.tool.verify import verify_layer

    table = Table(Column("checked", no_wrap=True), "shapes", "compared with", "greatest difference", box=SIMPLE)
    good = True
    for layer in layers:
        table.add_section()
        table.add_row(Text(layer.name, style="bold"))
        for row in verify_layer(layer, shapes, order=order):
            good &= row.passed
            mark = "" if row.passed else "  FAILED"
            table.add_row(row.checked, str(row.shapes), row.against, f"{row.difference:.1e}{mark}")
    Console().print(table)
    return good
