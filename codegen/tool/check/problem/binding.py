"""What each parameter of somebody's backward is given: by its name, by hand, or a cache of several things."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, signature
from itertools import combinations
from typing import Any

from gradscribe.codegen.tool.check.problem.cache import NAMES, Path, places
from gradscribe.codegen.tool.check.problem.parameter_names import (
    CheckError,
    Meaning,
    Role,
    called,
    names,
    offered,
    vocabulary,
)
from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.layer.interface import Layer

UNBOUND = "none"
"""Bound to it, a parameter keeps its default."""


@dataclass(frozen=True)
class Argument:
    """Something that the function is given.

    Attributes:
        parameter: the parameter that it comes by.
        meaning: what it is.
        label: what reports call it: the parameter, or the name of what a cache holds.
        positional: the parameter cannot be given by name.
        per_axis: an option given as a tuple, one number per axis; else as one number for all axes.
        path: where in the parameter it stands; () for the parameter itself.
    """

    parameter: str
    meaning: Meaning
    label: str
    positional: bool = False
    per_axis: bool = False
    path: Path = ()


def arguments(
    function: Any, layer: Layer, gradient: Gradient, bind: Mapping[str, str], cache: str | None
) -> tuple[Argument, ...]:
    """What the parameters of `function` are given; an unknown one that has a default is left alone.

    Args:
        function: the backward.
        layer: what it is held against.
        gradient: its derived gradient.
        bind: what parameters stand for whose names do not say it.
        cache: what the parameter `cache` holds; None for none.

    Raises:
        CheckError: for an unknown parameter without default, and for two of the same meaning.
    """
    parameters = _parameters(function)
    strange = next((name for name in bind if name not in {p.name for p in parameters}), None)
    if strange is not None:
        have = ", ".join(p.name for p in parameters) or "none"
        raise CheckError(f"{called(function)}: --bind {strange}: has no such parameter; expected one of {have}")
    known = vocabulary(layer, gradient)
    holder = _holder(function, parameters, {*known, *bind}) if cache is not None else None
    found: list[Argument] = []
    for p in parameters:
        positional = p.kind is Parameter.POSITIONAL_ONLY
        if p is holder:
            found += _cached(p, cache or "", layer, gradient)
        elif p.name in bind:
            meaning = _bound(function, p, bind[p.name], layer, gradient)
            found += [Argument(p.name, meaning, p.name, positional, _per_axis(p, meaning))] if meaning else []
        elif p.name in known:
            meaning = known[p.name]
            found.append(Argument(p.name, meaning, p.name, positional, _per_axis(p, meaning)))
        elif p.default is Parameter.empty:
            hint = "say what it holds: --cache x,..." if p.name in NAMES else f"or a default; or --bind {p.name}=NAME"
            raise CheckError(
                f"{called(function)}: parameter {p.name!r} is unknown for {layer.name}; expected some of "
                f"{offered(layer, gradient)}, {hint}"
            )
    _refuse_doubles(function, layer, gradient, found, bind)
    _refuse_parts(function, layer, found)
    if not any(a.meaning.role is Role.TENSOR for a in found):
        raise CheckError(f"{called(function)}: takes no array; expected some of {offered(layer, gradient)}")
    return tuple(found)


def assembled(values: Mapping[Argument, Any]) -> dict[str, Any]:
    """What is given, by parameter: caches put together."""
    found: dict[str, Any] = {}
    for argument, value in values.items():
        keys: Path = (argument.parameter, *argument.path)
        node: Any = found
        for key in keys[:-1]:
            node = node.setdefault(key, {})
        node[keys[-1]] = value
    return {name: _tuples(value) for name, value in found.items()}


def _tuples(node: Any) -> Any:
    """Dictionaries by position as the tuples that they are."""
    if not isinstance(node, dict):
        return node
    parts = {key: _tuples(value) for key, value in node.items()}
    return tuple(parts.values()) if all(isinstance(key, int) for key in parts) else parts


def _parameters(function: Any) -> list[Parameter]:
    try:
        found = signature(function).parameters.values()
    except (TypeError, ValueError):
        raise CheckError(f"{called(function)}: its parameters cannot be read; expected a Python function") from None
    return [p for p in found if p.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)]


def _holder(function: Any, parameters: Sequence[Parameter], known: set[str]) -> Parameter:
    """The parameter that is the cache: the one called so, else the only one whose name says nothing."""
    unknown = [p for p in parameters if p.name not in known]
    chosen = [p for p in unknown if p.name in NAMES] or [p for p in unknown if p.default is Parameter.empty]
    if len(chosen) != 1:
        have = ", ".join(p.name for p in parameters) or "none"
        raise CheckError(f"{called(function)}: --cache: expected a parameter cache; its parameters are {have}")
    return chosen[0]


def _cached(p: Parameter, text: str, layer: Layer, gradient: Gradient) -> Iterator[Argument]:
    known = vocabulary(layer, gradient)
    for path, name in places(text).items():
        if name not in known:
            raise CheckError(
                f"--cache {text}: {name!r} is unknown for {layer.name}; expected some of {offered(layer, gradient)}"
            )
        meaning = known[name]
        yield Argument(p.name, meaning, name, p.kind is Parameter.POSITIONAL_ONLY, meaning.axis is not None, path=path)


def _bound(function: Any, p: Parameter, name: str, layer: Layer, gradient: Gradient) -> Meaning | None:
    """What a parameter is bound to by hand; None where it keeps its default."""
    known = names(layer, gradient)
    if name in known:
        return known[name]
    if name != UNBOUND:
        raise CheckError(
            f"{called(function)}: --bind {p.name}={name}: {name!r} is unknown for {layer.name}; expected one of "
            f"{offered(layer, gradient)}, or {UNBOUND}"
        )
    if p.default is Parameter.empty:
        raise CheckError(f"{called(function)}: --bind {p.name}={name}: has no default; expected something to give it")
    return None


def _refuse_doubles(
    function: Any, layer: Layer, gradient: Gradient, found: Sequence[Argument], bind: Mapping[str, str]
) -> None:
    """Two parameters that would be given the same thing: one of the names means something else."""
    for a, b in combinations([a for a in found if not a.path], 2):
        one, other = a.meaning, b.meaning
        if (one.role, one.name) != (other.role, other.name) or {a.parameter, b.parameter} <= set(bind):
            continue
        if one.axis == other.axis or None in (one.axis, other.axis):
            what = f"{one.name}_shape" if one.role is Role.SHAPE else one.name
            given = {x.meaning.name for x in found}
            free = next((t.name for t in layer.program.inputs if t.name not in given), "NAME")
            raise CheckError(
                f"{called(function)}: parameters {a.parameter!r} and {b.parameter!r} both stand for {what} of "
                f"{layer.name}; say what is what, such as --bind {_first_to_ask(a, b)}={free}; expected some of "
                f"{offered(layer, gradient)}"
            )


def _first_to_ask(a: Argument, b: Argument) -> str:
    """Of two parameters the one whose name is not the layer's own."""
    return b.parameter if a.parameter == a.meaning.name else a.parameter


def _refuse_parts(function: Any, layer: Layer, found: Sequence[Argument]) -> None:
    """An option of which the function is given one axis only."""
    for argument in found:
        if argument.meaning.axis is not None:
            alike = [a.meaning.axis for a in found if a.meaning.name == argument.meaning.name]
            if set(alike) != {0, 1}:
                raise CheckError(
                    f"{called(function)}: takes {argument.label}; expected {argument.meaning.name} of {layer.name} "
                    "for both axes, height and width"
                )


def _per_axis(parameter: Parameter, meaning: Meaning) -> bool:
    """Whether the annotation or the default says that an option is a tuple, or it is one number of several."""
    annotation = parameter.annotation
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    is_sequence = text.lower().removeprefix("typing.").startswith(("tuple", "list", "sequence"))
    return is_sequence or isinstance(parameter.default, tuple | list) or meaning.axis is not None
