"""The constructor of a layer class: its signature, and the statements that check the options and make the weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sympy import Expr, Symbol

from gradscribe.codegen.kernel.kernel import role
from gradscribe.codegen.numpy.function.arguments import affordable
from gradscribe.codegen.numpy.function.binder import Binder
from gradscribe.codegen.numpy.print.fixed_names import RUNTIME
from gradscribe.codegen.python.definition import ANY, INT, NONE, Parameter, Signature, optional
from gradscribe.codegen.python.expression import Call, Expression, Group, Literal, Name, call, item, member, unpacked
from gradscribe.codegen.python.scalars.scalar import DTYPE, shape, size, size_text
from gradscribe.codegen.python.statement import Assign, Body, Do, If, Statement, let, live
from gradscribe.codegen.python.text.literal import finite
from gradscribe.derive.ir.quote import shown
from gradscribe.derive.ir.term import EquationError, Tensor
from gradscribe.derive.layer.fan_in import fan_in
from gradscribe.derive.layer.interface import REQUIRED, Kind, Layer, Option


def check_constructor(layer: Layer) -> None:
    """Raise unless the constructor's arguments have names of their own, and `initial` and `state` fit the equations.

    Raises:
        EquationError: when they do not.
    """
    _check_state(layer)
    names = [p.name for p in constructor_signature(layer).parameters]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise EquationError(f"{layer.name}: the constructor has two arguments named {doubled[0]}; rename one")
    for name, _ in layer.initial:
        if name not in layer.weights:
            expected = ", ".join(layer.weights) or "no name: the layer has no weights"
            raise EquationError(f"{layer.name}: initial names {shown(name)}, expected one of {expected}")


def _check_state(layer: Layer) -> None:
    tensors = layer.program.tensors
    for name, output, _ in layer.state:
        if name not in {t.name for t in layer.program.inputs} or not tensors[name].constant or name in layer.weights:
            raise EquationError(f"{layer.name}: state {shown(name)} is no constant input")
        if output not in layer.program.outputs or tensors[output].shape != tensors[name].shape:
            raise EquationError(
                f"{layer.name}: state {name} is replaced by {shown(output)}, which is no output of its shape"
            )


def _weights(layer: Layer) -> list[Tensor]:
    return [t for t in layer.program.inputs if t.name in layer.weights]


def _state(layer: Layer) -> list[Tensor]:
    return [layer.program.tensors[name] for name, _, _ in layer.state]


FLOAT, BOOL = Name("float"), Name("bool")
TYPES: dict[Kind, Expression] = {
    Kind.SIZE: Name("rt.Size"),
    Kind.PADDING: Name("rt.Padding"),
    Kind.COUNT: INT,
    Kind.FLAG: BOOL,
    Kind.NUMBER: FLOAT,
}
"""The type that a kind of option has in a signature."""


def constructor_signature(layer: Layer) -> Signature:
    """Its parameters: sizes, required options, then by name what has a default."""
    weights = _weights(layer)
    positional = [Parameter(name, INT) for name, _ in layer.features]
    positional += [Parameter(symbol.name, INT) for symbol in _sizes(layer).loose]
    positional += [Parameter(o.name, annotation(o)) for o in layer.options if o.default is REQUIRED]
    keyword = [Parameter(o.name, annotation(o), default(o)) for o in layer.options if o.default is not REQUIRED]
    keyword += [Parameter(role(t.name), BOOL, Literal(True)) for t in weights if t.optional]
    if weights or layer.state:
        keyword.append(Parameter("dtype", ANY, Name("np.float32")))
    if _drawn(layer):
        keyword.append(Parameter("rng", ANY, NONE))
    return Signature(tuple(positional), tuple(keyword))


def annotation(option: Option) -> Expression:
    """The type of an option in a signature."""
    kind = TYPES[option.kind]
    return optional(kind) if isinstance(option.default, str) else kind


def default(option: Option) -> Expression:
    """The default of an option in a signature; of one that takes over another option's value None.

    Raises:
        EquationError: when it is neither a finite number nor a truth value, None or a sequence of these.
    """
    return NONE if isinstance(option.default, str) else _constant(option.default, f"option {option.name}: default")


def _constant(value: Any, where: str) -> Expression:
    if isinstance(value, tuple | list):
        return Group(tuple(_constant(v, where) for v in value))
    return Literal(value if value is None or isinstance(value, bool | str) else finite(value, where))


def describe_option(option: Option) -> str:
    """One sentence on an option."""
    values = option.values
    if option.kind is Kind.NUMBER:
        parts = [values.words if values is not None else option.kind.value]
    else:
        parts = [option.kind.value, *([values.ends] if values is not None and option.kind is not Kind.PADDING else [])]
    if isinstance(option.default, str):
        parts.append(f"{option.default} by default")
    return ", ".join(parts)


def constructor_arguments(layer: Layer) -> list[tuple[str, str]]:
    """Its parameters described, (name, text)."""
    found = [(name, f"{size_text(extent)} in the equations") for name, extent in layer.features]
    found += [(symbol.name, "an extent in the equations") for symbol in _sizes(layer).loose]
    ordered = sorted(layer.options, key=lambda o: o.default is not REQUIRED)
    found += [(o.name, f"{describe_option(o)}") for o in ordered]
    for t in _weights(layer):
        if t.optional:
            found.append((role(t.name), f"whether there is a {role(t.name)} {t.name}"))
    if _weights(layer) or layer.state:
        found.append(("dtype", f"float32 or float64, of the {'weights' if _weights(layer) else 'state'}"))
    if _drawn(layer):
        found.append(("rng", "a NumPy generator or a seed for the initial weights"))
    return found


def constructor_statements(layer: Layer) -> Body:
    """Its body."""
    found = size_statements(layer)
    weights, state = _weights(layer), _state(layer)
    if weights or state:
        found.append(let("dtype", real_type(layer)))
        found.append(Do(affordable(layer, [(Literal(t.name), shape(t.shape)) for t in (*weights, *state)])))
    drawn, initial = _drawn(layer), dict(layer.initial)
    if drawn:
        found.append(generator())
    fan = size(fan_in(layer.program, drawn))
    for t in weights:
        uniform = call("rt.uniform", Name("rng"), shape(t.shape), fan, DTYPE)
        made = Assign(parameter(t.name), full(t, initial[t.name]) if t.name in initial else uniform)
        found.append(If(Name(role(t.name)), (made,)) if t.optional else made)
    start = {name: value for name, _, value in layer.state}
    found += [Assign(item(member("state"), t.name), full(t, start[t.name])) for t in state]
    return live(tuple(found), (), RUNTIME)


def real_type(layer: Layer) -> Expression:
    """The check of the argument `dtype`."""
    return call("rt.real_type", Literal(layer.name), DTYPE)


def generator() -> Statement:
    """The argument `rng` becomes a generator."""
    return let("rng", call("np.random.default_rng", Name("rng")))


def parameter(key: str) -> Expression:
    """A weight of the object."""
    return item(member("params"), key)


def full(tensor: Tensor, value: float) -> Expression:
    """An array of one number."""
    return call("np.full", shape(tensor.shape), Literal(float(finite(value, tensor.name))), DTYPE)


def size_statements(layer: Layer) -> list[Statement]:
    """The statements that check the options, keep them, and learn the extents of the weights."""
    binder = Binder(layer, layer.program)
    padding = [o for o in layer.options if o.kind is Kind.PADDING]
    found = [made for o in layer.options if o not in padding for made in binder.option(o)]
    sizes = _sizes(layer)
    found += [let(s.name, _counted(layer, s.name)) for s in sizes.loose]
    binder.known |= set(sizes.loose)
    for plain, features in groupby(sizes.features, lambda f: f[1].is_Symbol and f[1] not in binder.known):
        several = [*features]
        if plain and len({extent for _, extent in several}) == len(several) > 1:
            found.append(_features(layer, several, binder))
        else:
            found += [_feature(layer, name, extent, binder) for name, extent in several]
    found += [made for o in padding for made in binder.option(o)]
    found += binder.derived(())
    found += binder.requirements(layer.options, divisors=True)
    found += binder.requirements(layer.options)
    return [*found, *(Assign(member(o.name), Name(o.name)) for o in layer.options)]


def _counted(layer: Layer, name: str) -> Expression:
    return call("rt.count", Literal(layer.name), Literal(name), Name(name), Literal(1))


def _features(layer: Layer, features: Sequence[tuple[str, Expr]], binder: Binder) -> Statement:
    """Several that are symbols."""
    symbols = [s for _, e in features for s in e.free_symbols if isinstance(s, Symbol)]
    binder.known |= set(symbols)
    checked = Call(Name("rt.features"), (Literal(layer.name),), tuple((name, Name(name)) for name, _ in features))
    return Assign(unpacked([s.name for s in symbols]), checked)


def _feature(layer: Layer, name: str, extent: Expr, binder: Binder) -> Statement:
    """Solve ``in_channels = G*C`` for its unknown symbol."""
    where, checked = Literal(f"argument {name}"), _counted(layer, name)
    unknown = _by_name(extent.free_symbols - binder.known)
    if not unknown:
        return Do(call("rt.extent", Literal(layer.name), where, checked, size(extent)))
    binder.known.add(unknown[0])
    if extent == unknown[0]:
        return let(unknown[0].name, checked)
    divisor = size(extent.coeff(unknown[0], 1))
    return let(unknown[0].name, call("rt.divided", Literal(layer.name), where, checked, divisor))


@dataclass(frozen=True)
class _Sizes:
    """How a constructor learns the extents of the weights.

    Attributes:
        loose: the symbols that are arguments themselves.
        features: the layer's features in an order in which each has one symbol that is not known yet.
    """

    loose: tuple[Symbol, ...]
    features: tuple[tuple[str, Expr], ...]


def _sizes(layer: Layer) -> _Sizes:
    known = {s for o in layer.options for s in o.symbols}
    loose: list[Symbol] = []
    features: list[tuple[str, Expr]] = []
    waiting = list(layer.features)
    while waiting:
        feature = min(waiting, key=lambda f: len(f[1].free_symbols - known) > 1)  # the first that can be solved
        loose += _by_name(feature[1].free_symbols - known)[1:]
        known |= feature[1].free_symbols
        features.append(feature)
        waiting.remove(feature)
    wanted = [s for t in (*_weights(layer), *_state(layer)) for e in t.shape for s in _by_name(e.free_symbols)]
    for symbol, definition in reversed(layer.program.sizes):
        if symbol in wanted and symbol not in known:
            wanted = [v for s in wanted for v in (_by_name(definition.free_symbols) if s == symbol else [s])]
    return _Sizes((*loose, *dict.fromkeys(s for s in wanted if s not in known)), tuple(features))


def _by_name(symbols: set[Symbol]) -> list[Symbol]:
    return sorted(symbols, key=lambda s: s.name)


def _drawn(layer: Layer) -> list[str]:
    """The weights that start at random."""
    constant = {name for name, _ in layer.initial}
    return [name for name in layer.weights if name not in constant]
