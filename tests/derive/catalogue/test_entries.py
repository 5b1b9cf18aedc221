"""What the catalogue says of its entries is what it builds, and it leaves out none of its equations."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from gradscribe.derive.catalogue.entry import Entry
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.derive.composition import Network
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser

ROOT = Path(__file__).parents[3]
TABLES: dict[str, tuple[dict[str, Any], type]] = {
    "layers": (LAYERS, Layer), "networks": (NETWORKS, Network), "optimisers": (OPTIMISERS, Optimiser),
}  # fmt: skip
ENTRIES = [entry for table, _ in TABLES.values() for entry in table.values()]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_builds_what_it_says(entry: Entry[Any]) -> None:
    built = entry()
    layer = built.layer if isinstance(built, Optimiser) else built
    assert (layer.name, layer.title) == (entry.name, entry.title)
    assert layer.title
    assert layer.source
    assert vars(import_module(entry.module))[entry.name].__doc__


@pytest.mark.parametrize("room", TABLES)
def test_no_equations_are_left_out(room: str) -> None:
    table, kind = TABLES[room]
    catalogue = ROOT / "derive" / "catalogue"
    files = [p.relative_to(catalogue).with_suffix("") for p in (catalogue / room).rglob("[a-z]*.py")]
    modules = [import_module(".".join(("gradscribe.derive.catalogue", *file.parts))) for file in files]
    found = {
        name
        for module in modules
        for name, function in vars(module).items()
        if inspect.isfunction(function) and not name.startswith("_") and function.__module__ == module.__name__
        if inspect.signature(function).return_annotation is kind
    }
    assert found == set(table)


def test_a_name_is_of_one_kind() -> None:
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)
