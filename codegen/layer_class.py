"""Kernels -> the lines of a layer class: constructor, call and backward. All of it follows from the layer's data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gradscribe.codegen.arguments import shape_argument
from gradscribe.codegen.constructor import (
    check_constructor,
    constructor_arguments,
    constructor_lines,
    constructor_signature,
)
from gradscribe.codegen.kernel import Kernel
from gradscribe.codegen.literal import string
from gradscribe.codegen.names import Names, check_distinct
from gradscribe.derive.interface import Layer
from gradscribe.derive.term import Tensor


@dataclass(frozen=True)
class LayerClass:
    """What the class template shows.

    Attributes:
        name: such as "Conv2D".
        layer: the layer's name.
        title: its description.
        signature: parameters of the constructor.
        arguments: their descriptions, (name, text).
        facts: class attributes, for adapters.
        setup: lines of the constructor.
        inputs: names of the arrays that a call takes.
        outputs: names of the arrays that it returns.
        call: parameters of the call.
        forward: lines of the call.
        given: parameters of backward, one per output that has a gradient.
        backward: lines of backward.
        result: what backward returns, in words.
        seeds: names of the gradients that backward is given.
        watched: names of the inputs and weights that have a gradient.
        double_backward: lines of double_backward; () at order 1.
        asked: names of the arrays that predict takes, where what holds after training has a function of its own.
        predict: lines of predict; () where there is none.
    """

    name: str
    layer: str
    title: str
    signature: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]
    facts: tuple[str, ...]
    setup: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    call: tuple[str, ...]
    forward: tuple[str, ...]
    given: tuple[str, ...]
    backward: tuple[str, ...]
    result: str
    seeds: tuple[str, ...]
    watched: tuple[str, ...]
    double_backward: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    predict: tuple[str, ...] = ()


def layer_class(
    layer: Layer, kernels: Sequence[Kernel], second: Sequence[Kernel] = (), after: Kernel | None = None
) -> LayerClass:
    """The class of `layer` on top of its functions.

    Args:
        layer: the layer.
        kernels: the forward function and the gradients.
        second: the double backward function and the Hessian-vector product; none at order 1.
        after: the function of what holds after training; None where that is the forward function.

    Raises:
        EquationError: when two arguments of the constructor have one name, or `initial` names no weight.
    """
    check_constructor(layer)
    forward, *gradients = kernels
    held = {*layer.weights, *(name for name, _, _ in layer.state)}
    inputs = [t for t in layer.program.inputs if t.name not in held]
    asked = [t for t in inputs if after is not None and t.name in {a.name for a in after.arguments}]
    wanted = [k for k in gradients if k.wrt[0] in {t.name for t in inputs}]
    kept = _kept(layer, (*gradients, *second[:1]))
    arguments = [("argument of double_backward", name) for name in ("seeds", "directions") if second]
    tensors = [("tensor", n) for n in layer.program.tensors]
    check_distinct(layer.name, [*arguments, *tensors, *(("shape kept", f"{n}_shape") for n in kept.shapes)])
    return LayerClass(
        name=layer.class_name,
        layer=layer.name,
        title=layer.words[0].upper() + layer.words[1:],
        signature=tuple(constructor_signature(layer)),
        arguments=tuple(constructor_arguments(layer)),
        facts=(*_facts(layer, gradients, wanted), *_evaluation(after, asked)),
        setup=tuple(constructor_lines(layer)),
        inputs=tuple(t.name for t in inputs),
        outputs=_returned(layer),
        call=tuple(f"{t.name}: Any{' = None' if t.optional else ''}" for t in inputs),
        forward=tuple(_forward(layer, forward, inputs, kept)),
        given=tuple(_given(layer, gradients)),
        backward=tuple(_backward(layer, gradients, wanted, kept)),
        result=" and ".join(f"the gradient of {name}" for k in wanted for name in k.wrt)
        or "nothing: no input is differentiable",
        seeds=tuple(name for name, _ in gradients[0].seeds) if gradients else (),
        watched=layer.differentiable,
        double_backward=tuple(_double_backward(layer, second[0], inputs, kept)) if second else (),
        asked=tuple(f"{t.name}: Any{' = None' if t.optional else ''}" for t in asked),
        predict=tuple(_predict(layer, after)) if after is not None else (),
    )


def _returned(layer: Layer) -> tuple[str, ...]:
    """The outputs that do not replace state."""
    replacing = {output for _, output, _ in layer.state}
    return tuple(name for name in layer.program.outputs if name not in replacing)


def _facts(layer: Layer, gradients: Sequence[Kernel], wanted: Sequence[Kernel]) -> list[str]:
    """What the equations say and no signature does: which of the arrays of a call have gradients."""
    names = {output: name for name, output in gradients[0].seeds} if gradients else {}
    return [
        f"layer = {string(layer.name)}",
        f"differentiable = {_tuple(_quoted(name) for k in wanted for name in k.wrt)}",
        f"outputs = {_tuple(f'({_quoted(o)}, {_quoted(names.get(o))})' for o in _returned(layer))}",
    ]


def _evaluation(after: Kernel | None, asked: Sequence[Tensor]) -> list[str]:
    return [] if after is None else [f"evaluation = {_tuple(_quoted(t.name) for t in asked)}"]


def _predict(layer: Layer, kernel: Kernel) -> list[str]:
    """The function of what holds after training, of the arrays given and the layer's own."""
    state = {name for name, _, _ in layer.state}
    held = [f'self.state["{t.name}"]' if t.name in state else _argument(t.name, layer) for t in kernel.arguments]
    return [f"return {kernel.name}({', '.join([*held, *_options(kernel)])})"]


def _quoted(name: str | None) -> str:
    return "None" if name is None else string(name)


def _tuple(items: Iterable[str]) -> str:
    found = list(items)
    return f"({found[0]},)" if len(found) == 1 else f"({', '.join(found)})"


def _given(layer: Layer, gradients: Sequence[Kernel]) -> list[str]:
    """A gradient per output; that of a loss, one number alone, is 1."""
    seeds = [name for name, _ in gradients[0].seeds] if gradients else ["dy"]
    default = " = 1.0" if len(layer.outputs) == 1 and not layer.output.shape else ""
    return [f"{name}: Any{default}" for name in seeds]


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
    optional = {t.name for t in layer.program.inputs if t.optional and t.name in layer.differentiable}
    needed |= optional - set(layer.weights)  # an input that was absent has no gradient
    arrays = tuple(n for n in layer.program.tensors if n in needed)
    shaped = {t.name for k in gradients for t in k.shaped} - set(layer.weights) - set(arrays)
    return _Kept(arrays, tuple(t.name for t in layer.program.inputs if t.name in shaped))


def _options(kernel: Kernel) -> list[str]:
    return [f"{o.name}=self.{o.name}" for o in kernel.options]


def _argument(name: str, layer: Layer) -> str:
    if name not in layer.weights:
        return name
    optional = layer.program.tensors[name].optional
    return f"self.params.get({string(name)})" if optional else f"self.params[{string(name)}]"


def _forward(layer: Layer, kernel: Kernel, inputs: Sequence[Tensor], kept: _Kept) -> list[str]:
    lines = []
    for t in inputs:
        line = f"{t.name} = rt.as_array({string(layer.name)}, {string(t.name)}, {t.name})"
        lines += [f"if {t.name} is not None:", f"    {line}"] if t.optional else [line]
    lines += [f"{name} = self.state[{string(name)}]" for name, _, _ in layer.state]
    arguments = [_argument(t.name, layer) for t in kernel.arguments] + _options(kernel)
    lines.append(f"{', '.join(kernel.results)} = {kernel.name}({', '.join(arguments)})")
    values = [*kept.arrays, *(f"{s}.shape" for s in kept.shapes)]
    lines.append(f"self._saved = ({', '.join(values)}{',' if len(values) == 1 else ''})")
    lines += [f"self.state[{string(name)}] = {output}" for name, output, _ in layer.state]
    return [*lines, f"return {', '.join(_returned(layer))}"]


def _backward(layer: Layer, gradients: Sequence[Kernel], wanted: Sequence[Kernel], kept: _Kept) -> list[str]:
    lines = [_unpacked(kept)]
    results = []
    for kernel in gradients:
        (name,) = kernel.wrt
        call = _call(kernel, [_argument(t.name, layer) for t in kernel.arguments], layer, kept)
        optional = layer.program.tensors[name].optional
        if kernel in wanted:
            results.append(f"None if {name} is None else {call}" if optional else call)
            continue
        line = f"self.grads[{string(name)}] = {call}"
        lines += [f"if {string(name)} in self.params:", f"    {line}"] if optional else [line]
    if len(results) == 1:
        return [*lines, f"return {results[0]}"]
    return [*lines, f"return ({', '.join(results)})"] if results else [*lines, "return None"]


def _unpacked(kept: _Kept) -> str:
    """What the call kept, by name."""
    names = ", ".join(kept.names)
    target = f"{names} = " if len(kept.names) > 1 else f"({names},) = " if names else ""
    return f"{target}self._kept()"


def _call(kernel: Kernel, arguments: Sequence[str], layer: Layer, kept: _Kept) -> str:
    """A call of `kernel` with arrays, shapes and the object's options."""
    shapes = [f"{shape_argument(t)}={_shape_text(t, layer, kept)}" for t in kernel.shaped]
    return f"{kernel.name}({', '.join([*arguments, *shapes, *_options(kernel)])})"


def _double_backward(layer: Layer, kernel: Kernel, inputs: Sequence[Tensor], kept: _Kept) -> list[str]:
    """The gradients of S as a dictionary; seeds and directions are looked up by name."""
    seeds = [name for name, _ in kernel.seeds]
    alone = len(layer.outputs) == 1 and not layer.output.shape  # the gradient of a loss by itself is 1
    looked_up = {name: f"seeds.get({string(name)}, 1.0)" if alone else f"seeds[{string(name)}]" for name in seeds}
    looked_up |= {direction: f"directions.get({string(name)})" for direction, name in kernel.directions}
    arguments = [looked_up.get(t.name) or _argument(t.name, layer) for t in kernel.arguments]
    free = [t for t in inputs if t.name in layer.differentiable]
    known = _tuple([*(string(t.name) for t in free), *(["*self.params"] if layer.weights else [])])
    values = dict(zip((*seeds, *layer.differentiable), kernel.results, strict=True))
    absent = {t.name for t in free if t.optional}
    texts = {n: f"None if {n} is None else {v}" if n in absent else v for n, v in values.items()}
    optional = [n for n in layer.weights if layer.program.tensors[n].optional]
    items = ", ".join(f"{string(name)}: {text}" for name, text in texts.items() if name not in optional)
    every = "" if alone else ", every=True"
    lines = [
        _unpacked(kept),
        f'rt.names({string(layer.name)}, "seeds", seeds, {_tuple(map(string, seeds))}{every})',
        f'rt.names({string(layer.name)}, "directions", directions, {known})',
        f"{', '.join(kernel.results)} = {_call(kernel, arguments, layer, kept)}",
    ]
    if not optional:
        return [*lines, f"return {{{items}}}"]
    found = Names({*kept.names, *kernel.results}).own("found")
    lines.append(f"{found} = {{{items}}}")
    for name in optional:
        lines += [f"if {string(name)} in self.params:", f"    {found}[{string(name)}] = {values[name]}"]
    return [*lines, f"return {found}"]


def _shape_text(tensor: Tensor, layer: Layer, kept: _Kept) -> str:
    if tensor.name in layer.weights:
        return f"self.params[{string(tensor.name)}].shape"
    return f"{tensor.name}.shape" if tensor.name in kept.arrays else f"{tensor.name}_shape"
