"""`gradscribe list`: names and titles, which take no SymPy; of layers that are named, and as JSON, all about them."""

import json
import shutil
import textwrap
from typing import TYPE_CHECKING, Any

from gradscribe.codegen.tool.cli.options import AsJson, Names
from gradscribe.codegen.tool.finding.find import find_any, known

if TYPE_CHECKING:
    from gradscribe.derive.layer.interface import Layer
    from gradscribe.derive.layer.update import Optimiser


def list_catalogue(names: Names = None, as_json: AsJson = False) -> None:
    """List the layers, networks and optimisers that come with gradscribe; of those named, what their functions take."""
    if not names and not as_json:
        _print_titles()
        return
    every = [name for entries in known().values() for name in entries]
    rows = [_row(find_any(name)) for name in names or every]
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        print("\n\n".join(map(_paragraph, rows)))


def _print_titles() -> None:
    """Names and titles, under what they are."""
    catalogue = known()
    margin = max(len(name) for entries in catalogue.values() for name in entries) + 4
    for kind, entries in catalogue.items():
        print(f"{kind}s")
        for entry in entries.values():
            print(_wrapped(f"  {entry.name}", entry.title, margin))


def _wrapped(name: str, text: str, margin: int) -> str:
    """A name, and a text from the margin on."""
    width = max(shutil.get_terminal_size().columns, margin + 20)
    whole = f"{name:<{margin}}{text}"
    return textwrap.fill(whole, width, subsequent_indent=" " * margin, break_on_hyphens=False, break_long_words=False)


def _row(found: "Layer | Optimiser") -> dict[str, Any]:
    """What there is to say of a layer, a network or an optimiser."""
    from gradscribe.codegen.kernel.kernel import first_order, update_kernel
    from gradscribe.derive.composition import Network
    from gradscribe.derive.layer.update import Optimiser

    layer = found.layer if isinstance(found, Optimiser) else found
    if isinstance(found, Optimiser):
        kind, functions = "optimiser", [update_kernel(found).name]
    elif isinstance(found, Network):
        kind, functions = "network", [f"{found.name}_{part}" for part in ("forward", "predict", "backward")]
    else:
        kind, functions = "layer", [kernel.name for kernel in first_order(found)]
    return {
        "name": layer.name,
        "kind": kind,
        "class": layer.class_name,
        "title": layer.title,
        "options": [o.name for o in layer.options],
        "functions": functions,
    }


def _paragraph(row: dict[str, Any]) -> str:
    """A row to read."""
    parts = {word: row[word] if isinstance(row[word], str) else ", ".join(row[word]) for word in row}
    title = f"{parts.pop('name')}: {parts.pop('title')}".removesuffix(": ")
    return "\n".join([title, *(_wrapped(f"  {word}", text or "none", 14) for word, text in parts.items())])
