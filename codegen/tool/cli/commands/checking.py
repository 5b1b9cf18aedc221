"""`gradscribe check`: a hand-written backward against the derived one."""

from typing import Annotated

import typer

from gradscribe.codegen.tool.cli.completion import layer_names
from gradscribe.codegen.tool.cli.options import ONE, Ties, settings
from gradscribe.codegen.tool.cli.screen import lines
from gradscribe.codegen.tool.finding.find import find
from gradscribe.codegen.tool.finding.own_file import function_of


def check(
    function: Annotated[str, typer.Argument(metavar="FILE.py:FUNCTION", help="A backward written by hand.")],
    name: Annotated[str, typer.Option("--layer", help=ONE, autocompletion=layer_names)],
    examples: Annotated[int, typer.Option(min=1, help="Random examples to try.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the random examples.")] = 0,
    returns: Annotated[str | None, typer.Option(help="Gradients that it returns, such as dx,dw,db.")] = None,
    layout: Annotated[str, typer.Option(help="channels-last, or channels-first as PyTorch's.")] = "channels-last",
    axes: Annotated[int, typer.Option(max=16, help="How many axes stand for ... in the layer's equations.")] = 1,
    pairs: Annotated[list[str] | None, typer.Option("--set", metavar="K=V", help="Fix an option or size.")] = None,
    bind: Annotated[
        list[str] | None, typer.Option(metavar="P=NAME,...", help="What parameters stand for: y=x,t=target.")
    ] = None,
    cache: Annotated[
        str | None, typer.Option(help="What the parameter cache holds, in order: x,w,b,conv_param or x,w,{stride,pad}.")
    ] = None,
    ties: Ties = None,
) -> bool:
    """Compare a hand-written backward with the derived one; print the smallest example on which it is wrong."""
    chosen = settings(pairs or [])
    bound = settings([part for given in bind or [] for part in given.split(",")], "bind", "y=x")
    asked = function_of(function, "that computes gradients")
    layer = find(name)

    from gradscribe.codegen.tool.check import check as checked

    verdict = checked(
        asked, layer,
        examples=examples, seed=seed, returns=returns, layout=layout, axes=axes, settings=chosen, ties=ties,
        bind=bound, cache=cache,
    )  # fmt: skip
    print(lines(str(verdict)))
    return verdict.equal
