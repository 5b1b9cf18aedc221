"""`gradscribe generate`: the modules of a package, or whether they are fresh."""

from collections.abc import Sized
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from gradscribe.codegen.target import DEFAULT, row, target
from gradscribe.codegen.tool.cli.options import Backend, Checkpoint, Names, Order, Ties, checkpointed, tied
from gradscribe.codegen.tool.cli.screen import lines
from gradscribe.codegen.tool.finding.find import find_all, find_any, networks, optimisers
from gradscribe.derive.ir.quote import located


def generate(
    names: Names = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder to write: gradscribe_layers, or generated in a checkout; else gradscribe_BACKEND.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit 1 and print a diff if a file is stale or orphaned."),
    ] = False,
    ties: Ties = None,
    checkpoint: Checkpoint = None,
    order: Order = 1,
    backend: Backend = DEFAULT,
) -> bool:
    """Generate the kernels: one module per layer, and the runtime that they share, or the files of another backend."""
    row(backend)
    composing = networks() if not names and target(backend).networks else []
    found = [find_any(name) for name in names] if names else [*find_all([]), *composing, *optimisers()]
    from gradscribe.codegen.files.swap import check_folder
    from gradscribe.codegen.tool.package import stale, write_package
    from gradscribe.derive.composition import Network
    from gradscribe.derive.layer.interface import Layer
    from gradscribe.derive.layer.update import Optimiser

    out = folder or _target(backend)
    check_folder(out)
    layers = tied([x for x in found if isinstance(x, Layer) and not isinstance(x, Network)], ties)
    layers = checkpointed(layers, checkpoint)
    composed = checkpointed(tied([x for x in found if isinstance(x, Network)], ties), checkpoint)
    updates = [x for x in found if isinstance(x, Optimiser)]
    kinds = ((layers, "layer"), (composed, "network"), (updates, "optimiser"))
    counted = ", ".join(_counted(f, word) for f, word in kinds if f)
    everything: list[Layer | Optimiser] = [*layers, *composed, *updates]
    if check:
        diffs = stale(everything, out, not names, order, backend)
        for diff in diffs:
            print(lines(diff), end="")
        fresh = f"{located(out)} is fresh: {counted}"
        print(f"{len(diffs)} stale or orphaned in {located(out)}" if diffs else fresh)
        return not diffs
    changed = write_package(everything, out, order, backend)
    for name, paths in groupby(changed, key=lambda path: path.relative_to(out).parts[0]):
        what = "wrote" if (out / name).exists() else "removed"
        number = f", {_counted(list(paths), 'file')}" if (out / name).is_dir() else ""
        print(f"{what} {located(out / name)}{number}")
    print(f"{counted}, {_counted(changed, 'file')} changed in {located(out)}")
    return True


def _target(backend: str) -> Path:
    """Where a package is written if nothing is said: what it would be called must not hide any other package."""
    if backend != DEFAULT:
        return Path(f"gradscribe_{backend}")
    checkout = Path("gradscribe/__init__.py").is_file() and Path("derive/__init__.py").is_file()
    return Path("generated" if checkout else "gradscribe_layers")


def _counted(things: Sized, word: str) -> str:
    """``1 layer``, ``2 layers``."""
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"
