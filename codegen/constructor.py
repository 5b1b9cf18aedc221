"""The constructor of a layer class: its signature, and the lines that check the options and make the weights."""

from dataclasses import dataclass

from sympy import Expr, Symbol

from gradscribe.codegen.arguments import used
from gradscribe.codegen.binder import Binder
from gradscribe.codegen.kernel import role
from gradscribe.codegen.literal import literal, real, string
from gradscribe.codegen.scalar import size_text
from gradscribe.derive.fan import fan_in
from gradscribe.derive.interface import REQUIRED, Kind, Layer, Option
from gradscribe.derive.quote import shown
from gradscribe.derive.term import EquationError, Tensor


def check_constructor(layer: Layer) -> None:
    """Raise unless the constructor's arguments have names of their own, and `initial` and `state` fit the equations.

    Raises:
        EquationError: when they do not.
    """
    _check_state(layer)
    names = [line.partition(":")[0] for line in constructor_signature(layer)]
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


def constructor_signature(layer: Layer) -> list[str]:
    """Its parameters: sizes, required options, then what has a default."""
    positional = [f"{name}: int" for name, _ in layer.features]
    positional += [f"{symbol}: int" for symbol in _sizes(layer).loose]
    positional += [f"{o.name}: {annotation(o)}" for o in layer.options if o.default is REQUIRED]
    keyword = [f"{o.name}: {annotation(o)} = {default_text(o)}" for o in layer.options if o.default is not REQUIRED]
    weights = _weights(layer)
    keyword += [f"{role(t.name)}: bool = True" for t in weights if t.optional]
    if weights or layer.state:
        keyword.append("dtype: Any = np.float32")
    if _drawn(layer):
        keyword.append("rng: Any = None")
    return [*positional, *(["*"] if keyword else []), *keyword]


def annotation(option: Option) -> str:
    """The type of an option in a signature."""
    kind = {
        Kind.SIZE: "int | Sequence[int]",
        Kind.PADDING: "int | str | Sequence[Any]",
        Kind.COUNT: "int",
        Kind.FLAG: "bool",
        Kind.NUMBER: "float",
    }[option.kind]
    return f"{kind} | None" if isinstance(option.default, str) else kind


def default_text(option: Option) -> str:
    """The default of an option in a signature."""
    return "None" if isinstance(option.default, str) else literal(option.default, f"option {option.name}: default")


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
    found = [(name, f"{size_text(extent)} in the equations.") for name, extent in layer.features]
    found += [(symbol.name, "an extent in the equations.") for symbol in _sizes(layer).loose]
    ordered = sorted(layer.options, key=lambda o: o.default is not REQUIRED)
    found += [(o.name, f"{describe_option(o)}.") for o in ordered]
    for t in _weights(layer):
        if t.optional:
            found.append((role(t.name), f"whether there is a {role(t.name)} {t.name}."))
    if _weights(layer) or layer.state:
        found.append(("dtype", f"float32 or float64, of the {'weights' if _weights(layer) else 'state'}."))
    if _drawn(layer):
        found.append(("rng", "a NumPy generator or a seed for the initial weights."))
    return found


def constructor_lines(layer: Layer) -> list[str]:
    """Its body."""
    lines = size_lines(layer)
    weights = _weights(layer)
    if weights or layer.state:
        lines.append(f"dtype = rt.real_type({string(layer.name)}, dtype)")
    found = ", ".join(f"{string(t.name)}: {_shape(t)}" for t in (*weights, *_state(layer)))
    lines += [f"rt.affordable({string(layer.name)}, dtype, {{{found}}})"] if found else []
    drawn, initial = _drawn(layer), dict(layer.initial)
    if drawn:
        lines.append("rng = np.random.default_rng(rng)")
    fan = size_text(fan_in(layer.program, drawn))
    for t in weights:
        value = _full(t, initial[t.name]) if t.name in initial else f"rt.uniform(rng, {_shape(t)}, {fan}, dtype)"
        line = f"self.params[{string(t.name)}] = {value}"
        lines += [f"if {role(t.name)}:", f"    {line}"] if t.optional else [line]
    start = {name: value for name, _, value in layer.state}
    lines += [f"self.state[{string(t.name)}] = {_full(t, start[t.name])}" for t in _state(layer)]
    return used(lines, ())


def size_lines(layer: Layer) -> list[str]:
    """The lines that check the options and learn the extents of the weights."""
    binder = Binder(layer, layer.program)
    plain = [o for o in layer.options if o.kind is not Kind.PADDING]
    lines = [line for o in plain for line in binder.option(o)]
    sizes = _sizes(layer)
    lines += [f"{s} = rt.count({string(layer.name)}, {string(s.name)}, {s}, 1)" for s in sizes.loose]
    binder.known |= set(sizes.loose)
    for name, extent in sizes.features:
        lines += _feature(layer, name, extent, binder)
    lines += [line for o in layer.options if o.kind is Kind.PADDING for line in binder.option(o)]
    lines += binder.derived(())
    lines += binder.requirements(layer.options)
    return [*lines, *(f"self.{o.name} = {o.name}" for o in layer.options)]


def _shape(tensor: Tensor) -> str:
    inner = ", ".join(size_text(e) for e in tensor.shape)
    return f"({inner},)" if len(tensor.shape) == 1 else f"({inner})"


def _full(tensor: Tensor, value: float) -> str:
    return f"np.full({_shape(tensor)}, {real(value, tensor.name)}, dtype)"


def _feature(layer: Layer, name: str, extent: Expr, binder: Binder) -> list[str]:
    """Solve ``in_channels = G*C`` for its unknown symbol."""
    head, where = string(layer.name), string(f"argument {name}")
    checked = f"rt.count({head}, {string(name)}, {name}, 1)"
    unknown = [s for s in sorted(extent.free_symbols, key=lambda s: s.name) if s not in binder.known]
    if not unknown:
        return [f"rt.extent({head}, {where}, {checked}, {size_text(extent)})"]
    binder.known.add(unknown[0])
    if extent == unknown[0]:
        return [f"{unknown[0]} = {checked}"]
    divisor = size_text(extent.coeff(unknown[0], 1))
    return [f"{unknown[0]} = rt.divided({head}, {where}, {checked}, {divisor})"]


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
