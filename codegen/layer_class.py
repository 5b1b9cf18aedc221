"""Kernels -> the lines of a layer class: constructor, call and backward. All of it follows from the layer's data."""

from collections.abc import Sequence
from dataclasses import dataclass

import sympy
from sympy import Expr, Integer

from codegen.arguments import Binder, shape_argument, used
from codegen.kernel import Kernel, role
from codegen.scalar import size_text
from derive.interface import REQUIRED, Kind, Layer, Option
from derive.term import Tensor, accesses


@dataclass(frozen=True)
class LayerClass:
    """What the class template shows.

    Attributes:
        name: such as "Conv2D".
        layer: the layer's name.
        title: its description.
        signature: parameters of the constructor.
        arguments: their descriptions, (name, text).
        setup: lines of the constructor.
        inputs: parameters of the call.
        forward: lines of the call.
        backward_default: text of dy's default, or "".
        backward: lines of backward.
        result: what backward returns, in words.
    """

    name: str
    layer: str
    title: str
    signature: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]
    setup: tuple[str, ...]
    inputs: tuple[str, ...]
    forward: tuple[str, ...]
    backward_default: str
    backward: tuple[str, ...]
    result: str


def layer_class(layer: Layer, kernels: Sequence[Kernel]) -> LayerClass:
    """The class of `layer` on top of its functions."""
    forward, *gradients = kernels
    inputs = [t for t in layer.program.inputs if t.name not in layer.weights]
    wanted = [k for k in gradients if _wrt(k, layer) in {t.name for t in inputs}]
    kept = _kept(layer, gradients)
    return LayerClass(
        name=layer.class_name,
        layer=layer.name,
        title=layer.title[0].upper() + layer.title[1:],
        signature=tuple(_signature(layer)),
        arguments=tuple(_described(layer)),
        setup=tuple(_setup(layer)),
        inputs=tuple(t.name for t in inputs),
        forward=tuple(_forward(layer, forward, inputs, kept)),
        backward_default="" if layer.output.shape else " = 1.0",
        backward=tuple(_backward(layer, gradients, wanted, kept)),
        result=" and ".join(f"the gradient of {_wrt(k, layer)}" for k in wanted)
        or "nothing: no input is differentiable",
    )


def _wrt(kernel: Kernel, layer: Layer) -> str:
    stem = kernel.name.removeprefix(f"{layer.name}_grad_")
    return next(t.name for t in layer.program.inputs if role(t.name) == stem)


def _weights(layer: Layer) -> list[Tensor]:
    return [t for t in layer.program.inputs if t.name in layer.weights]


def _signature(layer: Layer) -> list[str]:
    positional = [f"{name}: int" for name, _ in layer.features]
    positional += [f"{o.name}: {annotation(o)}" for o in layer.options if o.default is REQUIRED]
    keyword = [f"{o.name}: {annotation(o)} = {default_text(o)}" for o in layer.options if o.default is not REQUIRED]
    weights = _weights(layer)
    keyword += [f"{role(t.name)}: bool = True" for t in weights if t.optional]
    if weights:
        keyword += ["dtype: Any = np.float32", "rng: Any = None"]
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
    return "None" if isinstance(option.default, str) else repr(option.default)


def describe_option(option: Option) -> str:
    """One sentence on an option."""
    parts = [option.kind.value]
    if option.kind in (Kind.SIZE, Kind.COUNT):
        parts.append(f"at least {option.minimum}")
    if isinstance(option.default, str):
        parts.append(f"{option.default} by default")
    return ", ".join(parts)


def _described(layer: Layer) -> list[tuple[str, str]]:
    found = [(name, f"{size_text(extent)} in the equations.") for name, extent in layer.features]
    ordered = sorted(layer.options, key=lambda o: o.default is not REQUIRED)
    found += [(o.name, f"{describe_option(o)}.") for o in ordered]
    for t in _weights(layer):
        if t.optional:
            found.append((role(t.name), f"whether there is a {role(t.name)} {t.name}."))
    if _weights(layer):
        found.append(("dtype", "float32 or float64, of the weights."))
        found.append(("rng", "a NumPy generator or a seed for the initial weights."))
    return found


def _setup(layer: Layer) -> list[str]:
    binder = Binder(layer, layer.program)
    plain = [o for o in layer.options if o.kind is not Kind.PADDING]
    lines = [line for o in plain for line in binder.option(o)]
    for name, extent in layer.features:
        lines += _feature(layer, name, extent, binder)
    lines += [line for o in layer.options if o.kind is Kind.PADDING for line in binder.option(o)]
    lines += binder.requirements(layer.options)
    lines += [f"self.{o.name} = {o.name}" for o in layer.options]
    weights = _weights(layer)
    if weights:
        lines.append(f'dtype = rt.real_type("{layer.name}", dtype)')
        lines.append("rng = np.random.default_rng(rng)")
    fan_in = size_text(_fan_in(layer))
    for t in weights:
        inner = ", ".join(size_text(e) for e in t.shape)
        shape = f"({inner},)" if len(t.shape) == 1 else f"({inner})"
        line = f'self.params["{t.name}"] = rt.uniform(rng, {shape}, {fan_in}, dtype)'
        lines += [f"if {role(t.name)}:", f"    {line}"] if t.optional else [line]
    return used(lines, ())


def _feature(layer: Layer, name: str, extent: Expr, binder: Binder) -> list[str]:
    """Solve ``in_channels = G*C`` for its unknown symbol."""
    checked = f'rt.count("{layer.name}", "{name}", {name}, 1)'
    unknown = [s for s in sorted(extent.free_symbols, key=lambda s: s.name) if s not in binder.known]
    if not unknown:
        return [f'rt.extent("{layer.name}", "argument {name}", {checked}, {size_text(extent)})']
    binder.known.add(unknown[0])
    if extent == unknown[0]:
        return [f"{unknown[0]} = {checked}"]
    divisor = size_text(extent.coeff(unknown[0], 1))
    return [f'{unknown[0]} = rt.divided("{layer.name}", "argument {name}", {checked}, {divisor})']


def _fan_in(layer: Layer) -> Expr:
    """How many products each output sums: the extents summed over where weights are read."""
    best: Expr = Integer(1)
    for statement in layer.program.statements:
        if not any(a.tensor in layer.weights for a in accesses(statement.term.body)):
            continue
        digits = {v for d in statement.term.deltas for v in d.free_symbols}
        extents = [r.extent for r in statement.term.bound if r.index not in digits]
        if extents and best == 1:
            best = sympy.prod(extents)
    return best


@dataclass(frozen=True)
class _Kept:
    """What a call keeps for backward: arrays, and of some inputs only the shape."""

    arrays: tuple[str, ...]
    shapes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.arrays, *(f"{s}_shape" for s in self.shapes))


def _kept(layer: Layer, gradients: Sequence[Kernel]) -> _Kept:
    needed = {t.name for k in gradients for t in k.arguments} - set(layer.weights)
    arrays = tuple(n for n in layer.program.tensors if n in needed)
    shaped = {t.name for k in gradients for t in k.shaped} - set(layer.weights) - set(arrays)
    return _Kept(arrays, tuple(t.name for t in layer.program.inputs if t.name in shaped))


def _options(kernel: Kernel) -> list[str]:
    return [f"{o.name}=self.{o.name}" for o in kernel.options]


def _argument(name: str, layer: Layer) -> str:
    if name not in layer.weights:
        return name
    optional = layer.program.tensors[name].optional
    return f'self.params.get("{name}")' if optional else f'self.params["{name}"]'


def _forward(layer: Layer, kernel: Kernel, inputs: Sequence[Tensor], kept: _Kept) -> list[str]:
    lines = [f'{t.name} = rt.as_array("{layer.name}", "{t.name}", {t.name})' for t in inputs]
    arguments = [_argument(t.name, layer) for t in kernel.arguments] + _options(kernel)
    lines.append(f"{', '.join(kernel.results)} = {kernel.name}({', '.join(arguments)})")
    values = [*kept.arrays, *(f"{s}.shape" for s in kept.shapes)]
    lines.append(f"self._saved = ({', '.join(values)}{',' if len(values) == 1 else ''})")
    return [*lines, f"return {kernel.results[0]}"]


def _backward(layer: Layer, gradients: Sequence[Kernel], wanted: Sequence[Kernel], kept: _Kept) -> list[str]:
    lines = []
    if kept.names:
        names = ", ".join(kept.names)
        lines.append(f"{names} = self._kept()" if len(kept.names) > 1 else f"({names},) = self._kept()")
    else:
        lines.append("self._kept()")
    results = []
    for kernel in gradients:
        name = _wrt(kernel, layer)
        arguments = [_argument(t.name, layer) for t in kernel.arguments]
        arguments += [f"{shape_argument(t)}={_shape_text(t, layer, kept)}" for t in kernel.shaped]
        arguments += _options(kernel)
        call = f"{kernel.name}({', '.join(arguments)})"
        if kernel in wanted:
            results.append(call)
            continue
        line = f'self.grads["{name}"] = {call}'
        optional = layer.program.tensors[name].optional
        lines += [f'if "{name}" in self.params:', f"    {line}"] if optional else [line]
    if len(results) == 1:
        return [*lines, f"return {results[0]}"]
    return [*lines, f"return ({', '.join(results)})"] if results else [*lines, "return None"]


def _shape_text(tensor: Tensor, layer: Layer, kept: _Kept) -> str:
    if tensor.name in layer.weights:
        return f'self.params["{tensor.name}"].shape'
    return f"{tensor.name}.shape" if tensor.name in kept.arrays else f"{tensor.name}_shape"
