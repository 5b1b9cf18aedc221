"""Weights and running statistics of any generated layer or network by name; the check of what is to replace them.

Only the contract of a generated class counts (`params`, `state`, `layers`), not which runtime module it derives from:
layers compiled in memory or generated into a folder of one's own are as good as those of the package.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from gradscribe.derive.ir.quote import listed, shown

Array = NDArray[Any]

SHOWN = 4  # names in a message


@dataclass(frozen=True)
class Weight:
    """A weight or a running statistic.

    Attributes:
        name: its name in the whole, such as "c1.w".
        node: the layer's name in a network, "c1", or its place in a row; "" for a layer alone.
        tensor: its name in the layer's equations, "w".
        layer: the name of these equations, "conv2d"; "" where the class does not say it.
        array: the array itself, not a copy.
    """

    name: str
    node: str
    tensor: str
    layer: str
    array: Array


def parts(layer: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The layers of a `Sequential` with their places, ("0", ...), also of one within another; else `layer` itself."""
    inner = getattr(layer, "layers", None)
    if not isinstance(inner, (tuple, list)):
        yield path, layer
        return
    for place, part in enumerate(inner):
        yield from parts(part, f"{path}.{place}" if path else str(place))


def layer_name(layer: Any) -> str:
    """The name of a layer's equations, "conv2d"; "" where the class does not say it."""
    return getattr(type(layer), "layer", "")


def weights(layer: Any) -> list[Weight]:
    """All weights, then all running statistics, of each part in turn.

    Raises:
        ValueError: when two have one name.
    """
    found = []
    for path, part in parts(layer):
        network = getattr(part, "layers", None)
        for name, array in [*part.params.items(), *part.state.items()]:
            inner, _, tensor = name.rpartition(".")
            node = ".".join(p for p in (path, inner) if p)
            kind = network.get(inner, "") if isinstance(network, Mapping) else layer_name(part)
            found.append(Weight(f"{node}.{tensor}" if node else tensor, node, tensor, kind, array))
    doubled = sorted({w.name for w in found if sum(v.name == w.name for v in found) > 1})
    if doubled:
        raise ValueError(
            f"{type(layer).__name__}: two arrays are called {shown(doubled[0])}; expected names of their own"
        )
    return found


@dataclass(frozen=True)
class Kind:
    """What an array is, short of its values: shape, and the type as text; "float" for any real type."""

    shape: tuple[int, ...]
    dtype: str


def check(where: str, expected: Mapping[str, Kind], found: Mapping[str, Kind]) -> None:
    """Raise unless the same names, shapes and types were found as expected.

    Raises:
        ValueError: one line with the place, the weight, what was expected and what was found.
    """
    missing = [name for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    if missing:
        instead = f"found {_listed(unknown)} that nothing wants" if unknown else "found no such name"
        raise ValueError(
            f"{where}: weight {shown(missing[0])} is missing: expected {_words(expected[missing[0]])}, {instead}"
        )
    if unknown:
        raise ValueError(
            f"{where}: unexpected weight {shown(unknown[0])}: expected only {_listed(list(expected))}, "
            f"found {_words(found[unknown[0]])}"
        )
    for name, kind in expected.items():
        if found[name].shape != kind.shape:
            raise ValueError(
                f"{where}: weight {shown(name)}: expected shape {kind.shape}, found {shown(found[name].shape)}"
            )
        if not _fits(found[name].dtype, kind.dtype):
            raise ValueError(
                f"{where}: weight {shown(name)}: expected type {kind.dtype}, found {shown(found[name].dtype)}"
            )


def _fits(found: str, expected: str) -> bool:
    return found == expected or (expected == "float" and found.startswith("float"))


def _words(kind: Kind) -> str:
    return f"{shown(kind.dtype)} of shape {shown(kind.shape)}"


def _listed(names: list[str]) -> str:
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return listed([*names[:SHOWN], *more]) or "none"
