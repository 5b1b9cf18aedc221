"""`gradscribe compile` and `tune`: what functions need in C, compiled, or measured, before anybody calls them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradscribe.codegen.tool.cli.commands.explaining import shaped
from gradscribe.codegen.tool.cli.completion import layer_names
from gradscribe.codegen.tool.cli.options import ONE, settings
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import shown

if TYPE_CHECKING:  # SymPy takes its time, see `options`
    from types import ModuleType

    from gradscribe.codegen.files.emitted import Emitted
    from gradscribe.derive.layer.interface import Layer

Shape = tuple[int, ...]
Shapes = Annotated[
    list[str] | None, typer.Option("--shape", metavar="X=N,...", help="Of an input, as `explain` takes it.")
]
Pairs = Annotated[
    list[str] | None, typer.Option("--set", metavar="K=V", help="An option, a feature or a size: stride=2.")
]
Dtype = Annotated[str, typer.Option(help="float32 or float64.")]
Accuracy = Annotated[str, typer.Option(help="fast or strict.")]


def compile_ahead(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[LAYER]", help=f"{ONE} Without: common sizes.", autocompletion=layer_names),
    ] = None,
    shapes: Shapes = None,
    pairs: Pairs = None,
    dtype: Dtype = "float32",
    accuracy: Accuracy = "fast",
) -> None:
    """Compile what functions need at given shapes, into the cache of this user: then no first call waits for it."""
    if name is None and (shapes or pairs):
        raise EquationError("--shape and --set: expected a LAYER, such as gradscribe compile relu --shape x=4096,512")
    from gradscribe.derive.catalogue.configurations import CONFIGURATIONS

    if name is None:
        for common in CONFIGURATIONS:
            made = compile_for(find(common.name), common.shapes, common.settings, dtype, accuracy)
            print(_told(common.name, common.shapes, common.settings, *made), flush=True)
        return
    given, chosen = dict(map(shaped, shapes or [])), settings(pairs or [])
    layer = find(name)
    print(_told(layer.name, given, chosen, *compile_for(layer, given, chosen, dtype, accuracy)))


def compile_for(
    layer: "Layer",
    shapes: Mapping[str, Shape | None],
    settings: Mapping[str, str],
    dtype: str = "float32",
    accuracy: str = "fast",
) -> tuple[int, str]:
    """Compile what the functions of a layer or network need at given shapes; how many in C, or why there are none."""
    from gradscribe.codegen.target import maker

    return maker()(*_made(layer), shapes, settings, dtype, {"accuracy": accuracy})


def tune(
    name: Annotated[str, typer.Argument(metavar="LAYER", help=ONE, autocompletion=layer_names)],
    shapes: Shapes = None,
    pairs: Pairs = None,
    dtype: Dtype = "float32",
    accuracy: Accuracy = "fast",
    threads: Annotated[int | None, typer.Option(min=1, help="As many as BLAS has by default.")] = None,
) -> None:
    """Measure the ways to compute each contraction of a layer at given shapes; the fastest is taken from then on."""
    from gradscribe.codegen.target import tuner

    chosen = {"accuracy": accuracy, "threads": threads}
    given, options = dict(map(shaped, shapes or [])), settings(pairs or [])
    layer, made, module = _made(find(name))
    lines = [_measured(found) for found in tuner()(layer, made, module, given, options, dtype, chosen)]
    print("\n".join(lines) or f"{layer.name}: at these shapes there is one way to compute everything")


def _measured(found: Any) -> str:
    """What a contraction takes, as in ``dense_forward: as predicted (direct 0.2 ms, matrix 0.3 ms)``."""
    times = ", ".join(f"{strategy} {1e3 * taken:.3g} ms" for strategy, taken in found.seconds.items())
    instead = f"{found.fastest} in place of {found.predicted}"
    return f"{found.function}: {'as predicted' if found.fastest == found.predicted else instead} ({times})"


def _made(layer: "Layer") -> "tuple[Layer, Emitted, ModuleType]":
    from gradscribe.codegen.driver import compile_module, emitted

    made = emitted(layer)
    return layer, made, compile_module(made)


def _told(name: str, shapes: Mapping[str, Shape | None], options: Mapping[str, str], number: int, reason: str) -> str:
    """A configuration and how many functions it has, as in ``relu x=4096,512: 2 functions in C``, or why none."""
    sizes = [f"{key}={'none' if shape is None else ','.join(map(str, shape))}" for key, shape in shapes.items()]
    chosen = [f"{key}={value}" for key, value in options.items()]
    counted = f"{number} function{'s' * (number != 1)} in C"
    return f"{shown(' '.join((name, *sizes, *chosen)))}: {counted}{f'; {reason}' if reason else ''}"
