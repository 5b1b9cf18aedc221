"""The command line: list, derive, generate, verify, explain, check. A user's mistake is one line on standard error."""

import gc
import json
import sys
from collections.abc import Sized
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradscribe import __version__
from gradscribe.codegen.error import UnknownLayerError
from gradscribe.codegen.screen import flush, lines, prepare, told
from gradscribe.derive.error import EquationError
from gradscribe.derive.quote import MOST_LISTED, located, quoted, shown
from gradscribe.derive.typeset.formats import FORMATS

if TYPE_CHECKING:  # SymPy takes its time: commands import what they need, once their arguments are good
    from gradscribe.derive.interface import Layer

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From layer equations to derivations and NumPy kernels.",
)

OWN = "an equation or a network in quotes, FILE.eq, FILE.net or FILE.py:FUNCTION"
Names = Annotated[list[str] | None, typer.Argument(metavar="[LAYER ...]", help=f"Names of the catalogue, or {OWN}.")]
Ties = Annotated[
    str | None,
    typer.Option(help="Gradient of a tied maximum: first (as a layer has it by default) or split among all."),
]
Order = Annotated[int, typer.Option(min=1, max=2, help="2: the gradient of the gradient.")]


MISTAKES = (EquationError, UnknownLayerError, OSError, RecursionError, MemoryError)
"""What a user, the system or the size of the equations is to blame for."""
USAGE: Any = next(c for c in reversed(typer.BadParameter.__mro__) if hasattr(c, "exit_code"))
"""What Typer raises for wrong arguments."""


def main() -> None:
    """Entry point of the console script: exits with 0, 1 after a mistake, or 2 for wrong arguments."""
    gc.set_threshold(50_000, 20, 100)  # most of SymPy's small objects live on: walking them again and again takes 10 %
    prepare()
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False)
        flush()
    except MISTAKES as error:
        _tell(error)
        code = 1
    except typer.Abort:
        code = 1
    except USAGE as error:
        print(f"gradscribe: {shown(' '.join(error.format_message().split()), MOST_LISTED // 2)}", file=sys.stderr)
        code = error.exit_code
    with suppress(OSError):
        flush()
    raise SystemExit(code or 0)


def _tell(error: BaseException) -> None:
    """A mistake on standard error; a reader of the output who has left, as `head` does, is not told."""
    if not isinstance(error, BrokenPipeError):
        print(f"gradscribe: {told(error)}", file=sys.stderr)


def _print_version(wanted: bool) -> None:
    """Say which version this is, and stop."""
    if wanted:
        print(f"gradscribe {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Options without a command."""


@app.command("list")
def list_layers(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the layers, networks and optimisers that come with gradscribe."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Column, Table

    from gradscribe.codegen.catalogue import find_all, networks, optimisers
    from gradscribe.codegen.kernel import kernels
    from gradscribe.codegen.optimiser import update_kernel

    layers, composed, updates = find_all([]), networks(), optimisers()
    if as_json:
        rows = [_row("layer", layer, [k.name for k in kernels(layer)]) for layer in layers]
        parts = ("forward", "predict", "backward")
        rows += [_row("network", net, [f"{net.name}_{part}" for part in parts]) for net in composed]
        rows += [_row("optimiser", o.layer, [update_kernel(o).name]) for o in updates]
        print(json.dumps(rows, indent=2))
        return
    table = Table(Column("name", no_wrap=True), "options", box=SIMPLE)
    for layer in (*layers, *composed, *(o.layer for o in updates)):
        table.add_row(layer.name, ", ".join(o.name for o in layer.options))
    Console().print(table)


def _row(kind: str, layer: "Layer", functions: list[str]) -> dict[str, Any]:
    """What `list` says of a layer or an optimiser."""
    return {
        "name": layer.name,
        "kind": kind,
        "class": layer.class_name,
        "title": layer.title,
        "options": [o.name for o in layer.options],
        "functions": functions,
    }


WINOGRAD = "winograd"
Derived = Annotated[
    str,
    typer.Argument(
        metavar="LAYER", help=f"A name of the catalogue, or {OWN}; or {WINOGRAD}, the fast correlation F(m, r)."
    ),
]


@app.command()
def derive(
    name: Derived,
    wrt: Annotated[str | None, typer.Option(help="Tensors to differentiate by, such as x,w,b; all by default.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="K=V", help="Specialise: stride=1, padding=0, groups=G."),
    ] = None,
    form: Annotated[str, typer.Option("--format", help=f"{' or '.join(FORMATS)}.")] = "text",
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
    from gradscribe.codegen.printing import printed, printed_winograd

    if form not in FORMATS:
        raise EquationError(f"unknown format {quoted(form)}; expected one of {', '.join(FORMATS)}")
    names = [part.strip() for part in wrt.split(",")] if wrt else None
    chosen = _settings(settings or [])
    of_layer = {
        "wrt": wrt,
        "set": ",".join(settings or []) or None,
        "ties": ties,
        "order": order if order > 1 else None,
    }
    of_algorithm = {"m": m, "r": r, "points": points, "dims": dims}
    if name == WINOGRAD:
        _refuse(of_layer, f"{WINOGRAD} has no such option; expected --m, --r, --points, --dims")
        if m is None or r is None:
            raise EquationError(f"{WINOGRAD}: --{'m' if m is None else 'r'} is missing; expected such as --m 4 --r 3")
        text = printed_winograd(m, r, points, 2 if dims is None else dims, form)
    else:
        _refuse(of_algorithm, f"{shown(name)} has no such option; gradscribe derive {WINOGRAD} has it")
        text = printed(_layer(name, wrt, ties), names, chosen, form, order)
    if out is None:
        print(text, end="" if text.endswith("\n") else "\n")
    else:
        from gradscribe.codegen.write import write

        write(out, text)


def _refuse(options: dict[str, Any], reason: str) -> None:
    """An error for the first option that is given."""
    given = next(((option, value) for option, value in options.items() if value is not None), None)
    if given is not None:
        raise EquationError(f"--{given[0]} {shown(given[1])}: {reason}")


def _layer(name: str, wrt: str | None, ties: str | None) -> "Layer":
    """What is derived: a layer, or an optimiser's equations."""
    from gradscribe.codegen.catalogue import find_any
    from gradscribe.derive.update import Optimiser

    found = find_any(name)
    if isinstance(found, Optimiser) and wrt:
        raise EquationError(f"{shown(name)}: --wrt {shown(wrt)}: an optimiser has no gradient; leave --wrt out")
    return found.layer if isinstance(found, Optimiser) else _tied([found], ties)[0]


def _tied(layers: "list[Layer]", policy: str | None) -> "list[Layer]":
    """The layers with the policy for ties that the user asks for."""
    return [layer.with_ties(policy) for layer in layers] if policy else layers


def _settings(pairs: list[str], option: str = "set", example: str = "stride=1") -> dict[str, str]:
    """``k=v`` pairs as a dictionary."""
    found: dict[str, str] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key.strip() or not value.strip():
            raise EquationError(f"--{option} {shown(pair)}: expected NAME=VALUE, such as --{option} {example}")
        found[key.strip()] = value.strip()
    return found


@app.command()
def generate(
    names: Names = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the package to write: gradscribe_layers, or generated in a checkout."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit 1 and print a diff if a file is stale or orphaned."),
    ] = False,
    ties: Ties = None,
    order: Order = 1,
) -> None:
    """Generate the kernels: one module per layer, and runtime.py."""
    from gradscribe.codegen.catalogue import find_all, find_any, networks, optimisers
    from gradscribe.codegen.package import stale, write_package
    from gradscribe.derive.composition import Network
    from gradscribe.derive.interface import Layer
    from gradscribe.derive.update import Optimiser

    out = folder or _target()
    found = [find_any(name) for name in names] if names else [*find_all([]), *networks(), *optimisers()]
    layers = _tied([x for x in found if isinstance(x, Layer) and not isinstance(x, Network)], ties)
    composed = _tied([x for x in found if isinstance(x, Network)], ties)
    updates = [x for x in found if isinstance(x, Optimiser)]
    kinds = ((layers, "layer"), (composed, "network"), (updates, "optimiser"))
    counted = ", ".join(_counted(f, word) for f, word in kinds if f)
    everything: list[Layer | Optimiser] = [*layers, *composed, *updates]
    if check:
        diffs = stale(everything, out, whole=not names, order=order)
        for diff in diffs:
            print(lines(diff), end="")
        fresh = f"{located(out)} is fresh: {counted}"
        print(f"{len(diffs)} stale or orphaned in {located(out)}" if diffs else fresh)
        raise typer.Exit(1 if diffs else 0)
    changed = write_package(everything, out, order)
    for path in changed:
        print(f"wrote {located(path)}")
    print(f"{counted}, {_counted(changed, 'file')} changed in {located(out)}")


def _target() -> Path:
    """Where a package is written if nothing is said: what it would be called must not hide any other package."""
    checkout = Path("gradscribe/__init__.py").is_file() and Path("derive/__init__.py").is_file()
    return Path("generated" if checkout else "gradscribe_layers")


def _counted(things: Sized, word: str) -> str:
    """``1 layer``, ``2 layers``."""
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


@app.command()
def verify(
    names: Names = None,
    shapes: Annotated[int, typer.Option(min=1, help="Random shapes per layer.")] = 16,
    ties: Ties = None,
    order: Order = 1,
) -> None:
    """Check every row of the derivations and every kernel numerically, on random shapes."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    from gradscribe.codegen.catalogue import find_all
    from gradscribe.codegen.verify import verify_layer

    table = Table(Column("checked", no_wrap=True), "shapes", "compared with", "greatest difference", box=SIMPLE)
    good = True
    for layer in _tied(find_all(names or []), ties):
        table.add_section()
        table.add_row(Text(layer.name, style="bold"))
        for row in verify_layer(layer, shapes, order=order):
            good &= row.passed
            mark = "" if row.passed else "  FAILED"
            table.add_row(row.checked, str(row.shapes), row.against, f"{row.difference:.1e}{mark}")
    Console().print(table)
    raise typer.Exit(0 if good else 1)


@app.command("explain")
def explain_layer(
    name: Annotated[str, typer.Argument(metavar="LAYER", help=f"A name of the catalogue, or {OWN}.")],
    shapes: Annotated[
        list[str] | None,
        typer.Option("--shape", metavar="X=N,...", help="Of an input, such as x=8,56,56,128; none leaves it out."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="K=V", help="An option, a feature or a size: stride=2.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    accuracy: Annotated[str, typer.Option(help="fast or strict.")] = "fast",
    backend: Annotated[str, typer.Option(help="auto, numpy or compiled.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="As many as BLAS has by default.")] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Time every way to compute each contraction.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: seconds, bytes.")] = False,
    ties: Ties = None,
) -> None:
    """Show how a layer's functions are computed at given shapes: strategies, operations, bytes, memory, times."""
    from rich.console import Console

    from gradscribe.codegen.explain import explain

    found = explain(
        name, dict(map(_shaped, shapes or [])), _settings(settings or []),
        dtype=dtype, accuracy=accuracy, backend=backend, threads=threads, measure=measure, ties=ties,
    )  # fmt: skip
    if as_json:
        print(json.dumps(found.as_data(), indent=2))
    else:
        Console().print(found)


def _shaped(text: str) -> tuple[str, tuple[int, ...] | None]:
    """``x=8,56,56,128`` as a name and a shape; None for ``x=none``."""
    name, sign, value = text.partition("=")
    parts = [part.strip() for part in value.split(",") if part.strip()]
    good = value.strip() == "none" or all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts)
    if not sign or not name or not good:
        raise EquationError(f"--shape {shown(text)}: expected NAME=EXTENT,EXTENT,... such as --shape x=8,56,56,128")
    return name.strip(), None if value.strip() == "none" else tuple(map(int, parts))


@app.command("check")
def check_backward(
    function: Annotated[str, typer.Argument(metavar="FILE.py:FUNCTION", help="A backward written by hand.")],
    name: Annotated[str, typer.Option("--layer", help=f"A name of the catalogue, or {OWN}.")],
    examples: Annotated[int, typer.Option(min=1, help="Random examples to try.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the random examples.")] = 0,
    returns: Annotated[str | None, typer.Option(help="Gradients that it returns, such as dx,dw,db.")] = None,
    layout: Annotated[str, typer.Option(help="channels-last, or channels-first as PyTorch's.")] = "channels-last",
    axes: Annotated[int, typer.Option(max=16, help="How many axes stand for ... in the layer's equations.")] = 1,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="K=V", help="Fix an option or size.")] = None,
    bind: Annotated[
        list[str] | None, typer.Option(metavar="P=NAME,...", help="What parameters stand for: y=x,t=target.")
    ] = None,
    cache: Annotated[
        str | None, typer.Option(help="What the parameter cache holds, in order: x,w,b,conv_param or x,w,{stride,pad}.")
    ] = None,
    ties: Ties = None,
) -> None:
    """Compare a hand-written backward with the derived one; print the smallest example on which it is wrong."""
    try:
        chosen = _settings(settings or [])
        bound = _settings([part for pairs in bind or [] for part in pairs.split(",")], "bind", "y=x")

        from gradscribe.codegen.catalogue import function_of
        from gradscribe.codegen.check import check

        verdict = check(
            function_of(function, "that computes gradients"), name,
            examples=examples, seed=seed, returns=returns, layout=layout, axes=axes, settings=chosen, ties=ties,
            bind=bound, cache=cache,
        )  # fmt: skip
    except MISTAKES as error:  # 1 says that the function is wrong
        _tell(error)
        raise typer.Exit(2) from None
    print(lines(str(verdict)))
    raise typer.Exit(0 if verdict.equal else 1)
