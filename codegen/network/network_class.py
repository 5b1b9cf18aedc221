"""The class of a network as text: weights by name, call, loss, backward and predict."""

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import Expr

from gradscribe.codegen.arguments import shape_argument
from gradscribe.codegen.constructor import constructor_arguments, constructor_signature, size_lines
from gradscribe.codegen.kernel import Kernel
from gradscribe.codegen.literal import number, real, string
from gradscribe.codegen.names import Names
from gradscribe.codegen.network.kernels import NetworkKernels
from gradscribe.codegen.scalar import POWER, size_text
from gradscribe.derive.composition import Network, Normal, Uniform
from gradscribe.derive.composition.record import Start
from gradscribe.derive.quote import shown


@dataclass(frozen=True)
class NetworkClass:
    """What the template shows of the class; every part is finished text.

    Attributes:
        name: such as "LeNet5".
        title: its description.
        signature: parameters of the constructor.
        arguments: their descriptions, (name, text).
        weights: every weight: name, shape, how it starts.
        attributes: lines of the class body.
        setup: lines of the constructor.
        given: names of the arrays that a call takes.
        asked: names of the arrays that predict takes.
        forward: lines of the call.
        predict: lines of predict.
        judged: names of the arrays that the loss takes; () for a network without loss.
        loss: lines of loss.
        backward: lines of backward.
        double_backward: lines of double_backward; () at order 1.
    """

    name: str
    title: str
    signature: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]
    weights: tuple[str, ...]
    attributes: tuple[str, ...]
    setup: tuple[str, ...]
    given: tuple[str, ...]
    asked: tuple[str, ...]
    forward: tuple[str, ...]
    predict: tuple[str, ...]
    judged: tuple[str, ...]
    loss: tuple[str, ...]
    backward: tuple[str, ...]
    double_backward: tuple[str, ...]


def network_class(k: NetworkKernels) -> NetworkClass:
    """The class on top of the functions."""
    network = k.network
    for weight, start in network.starts:
        _check_start(f"{network.name}, {shown(network.key(weight))}", start)
    return NetworkClass(
        name=network.class_name,
        title=network.words[0].upper() + network.words[1:],
        signature=tuple(constructor_signature(network)),
        arguments=tuple(constructor_arguments(network)),
        weights=tuple(_described(network)),
        attributes=tuple(_attributes(k)),
        setup=tuple(_setup(network)),
        given=tuple(t.name for t in network.given),
        asked=_asked(k),
        forward=tuple(_forward(k)),
        predict=tuple(_predict(k)),
        judged=_judged(k),
        loss=tuple(_loss(k)),
        backward=tuple(_backward(k)),
        double_backward=tuple(_double_backward(k)),
    )


def _check_start(where: str, start: Start) -> None:
    """Raise unless what a start is made of are numbers."""
    found = {"start": start} if not isinstance(start, Uniform | Normal) else {"gain": start.gain}
    found |= {"power": start.power} if isinstance(start, Uniform) else {}
    for word, value in found.items():
        number(value, f"{where}: {word}")


def _described(network: Network) -> list[str]:
    tensors, fans = network.program.tensors, dict(network.fans)
    lines = [
        f"{network.key(w)}: shape {_shape(tensors[w].shape)}, {_start_words(start, fans[w])}."
        for w, start in network.starts
    ]
    return [*lines, *(f"{network.key(s)}: state, starts as {value:g}." for s, _, value in network.state)]


def _fan_power(start: Uniform, fan: Expr, root: str) -> str:
    """The power of the fan-in that bounds a uniform start; `root` is what the square root is called."""
    if start.power == 0.5:
        return f"{root}({size_text(fan)})"
    text = size_text(fan, POWER)
    return text if start.power == 1 else f"{text}**{start.power:g}"


def _start_words(start: Start, fan: Expr) -> str:
    text = size_text(fan, POWER)
    if isinstance(start, Uniform):
        return f"uniform within {start.gain:g} / {_fan_power(start, fan, 'sqrt')}"
    if isinstance(start, Normal):
        return f"normal, of variance {start.gain:g} / {text}"
    return f"starts as {start:g}"


def _start_text(start: Start, fan: Expr, shape: str) -> str:
    text = size_text(fan, POWER)
    if isinstance(start, Uniform):
        bound = f"{number(start.gain, 'gain')} / {_fan_power(start, fan, 'np.sqrt')}"
        return f"rt.uniform_within(rng, {shape}, {bound}, dtype)"
    if isinstance(start, Normal):
        return f"rt.normal(rng, {shape}, np.sqrt({number(start.gain, 'gain')} / {text}), dtype)"
    return f"np.full({shape}, {real(start, 'start')}, dtype)"


def _setup(network: Network) -> list[str]:
    lines = size_lines(network)
    tensors, fans = network.program.tensors, dict(network.fans)
    if network.starts or network.state:
        lines.append(f"dtype = rt.real_type({string(network.name)}, dtype)")
    open_shapes = {w: tensors[w].shape for w, _ in network.starts if not all(e.is_Integer for e in tensors[w].shape)}
    if open_shapes:
        found = ", ".join(f"{string(network.key(w))}: {_shape(e)}" for w, e in open_shapes.items())
        lines.append(f"rt.affordable({string(network.name)}, dtype, {{{found}}})")
    if any(not isinstance(start, float) for _, start in network.starts):
        lines.append("rng = np.random.default_rng(rng)")
    for weight, start in network.starts:
        value = _start_text(start, fans[weight], _shape(tensors[weight].shape))
        lines.append(f"self.params[{string(network.key(weight))}] = {value}")
    for name, _, first in network.state:
        shape = _shape(tensors[name].shape)
        lines.append(f"self.state[{string(network.key(name))}] = np.full({shape}, {real(first, 'state')}, dtype)")
    if network.flattened:
        entries = ", ".join(f"{string(network.key(w))}: {_shape(e)}" for w, e in network.flattened)
        lines.append(f"self.flattened = {{{entries}}}")
    return lines


def _attributes(k: NetworkKernels) -> list[str]:
    network = k.network
    layers = ", ".join(f"{string(n.name)}: {string(n.layer.name)}" for n in network.nodes)
    lines = [f"layer = {string(network.name)}", f"differentiable = {_shape(k.inputs, quote=True)}"]
    seeds = {output: seed for seed, output in k.backward.seeds}
    pairs = [f"({string(o)}, {string(seeds[o])})" for o in seeds]
    lines.append(f"outputs = {_shape(pairs)}")
    lines.append(f"evaluation = {_shape(_asked(k), quote=True)}")
    lines += [f"layers: ClassVar[Mapping[str, str]] = {{{layers}}}"]
    names = [network.part[t.name].key if t.name in network.part else t.name for t in k.kept]
    return [*lines, f"kept = {_shape(names, quote=True)}"]


def _options(kernel: Kernel) -> str:
    return "".join(f", {o.name}=self.{o.name}" for o in kernel.options)


def _forward(k: NetworkKernels) -> list[str]:
    network = k.network
    given = ", ".join(t.name for t in network.given)
    stateful = bool(network.state)
    results = ["y", *(["state"] if stateful else []), "self._saved"]
    arguments = f"{given}, self.params{', self.state' if stateful else ''}{_options(k.forward)}"
    lines = [f"{t.name} = rt.as_array({string(network.name)}, {string(t.name)}, {t.name})" for t in network.given]
    lines += ["self._saved = None", "self._recycle()"]
    lines.append(f"{', '.join(results)} = {network.name}_forward({arguments}, buffers=self.buffers)")
    return [*lines, *(["self.state.update(state)"] if stateful else []), "return y"]


def _asked(k: NetworkKernels) -> tuple[str, ...]:
    read = {t.name for t in k.predict.program.inputs}
    return tuple(t.name for t in k.network.given if t.name in read)


def _predict(k: NetworkKernels) -> list[str]:
    network, kernel = k.network, k.predict
    given = _asked(k)
    state = {s for s, _, _ in network.state} & {t.name for t in kernel.program.inputs}
    arguments = f"{', '.join(given)}, self.params{', self.state' if state else ''}{_options(kernel)}"
    return [f"return {network.name}_predict({arguments}, buffers=self.buffers)"]


def _judged(k: NetworkKernels) -> tuple[str, ...]:
    return tuple(t.name for t in k.loss[0].arguments if not t.optional) if k.loss else ()


def _loss(k: NetworkKernels) -> list[str]:
    if not k.loss:
        return []
    forward, gradient = k.loss
    names = _judged(k)
    results = ", ".join(forward.results)
    needed = [t.name for t in gradient.arguments if t.name not in dict(gradient.seeds)]
    kept = [*needed, *(f"{t.name}.shape" for t in gradient.shaped)]
    value = forward.results[0]
    return [
        f"{results} = {forward.name}({', '.join(f'{n}={n}' for n in names)})",
        f"self._judged = {_shape(kept)}",
        f"self._check_finite({string(k.network.name)}, {value})",
        f"return {value}",
    ]


def _backward(k: NetworkKernels) -> list[str]:
    network = k.network
    (seed,) = k.seeds
    judged = {t.name for t in k.loss[1].arguments} | {shape_argument(t) for t in k.loss[1].shaped} if k.loss else set()
    names = Names({seed, *judged})
    saved, wanted, gradient = (names.own(word) for word in ("saved", "inputs", "gradient"))
    lines = [f"{saved} = self._kept()", f"{wanted} = {seed} is not None"]
    lines += _from_loss(k, seed)
    arguments = [seed, f"self.params, {saved}{_options(k.backward)}", f"inputs={wanted}, buffers=self.buffers"]
    call = f"{network.name}_backward({', '.join(arguments)})"
    return [*lines, f"{gradient}, self.grads = {call}", f"return {gradient}"]


def _from_loss(k: NetworkKernels, seed: str) -> list[str]:
    """Where no gradient is given, that of the loss."""
    if not k.loss:
        return []
    _, gradient = k.loss
    seeds = dict(gradient.seeds)
    needed = [t.name for t in gradient.arguments if t.name not in seeds]
    names = [*needed, *(shape_argument(t) for t in gradient.shaped)]
    passed = ["1.0" if t.name in seeds else t.name for t in gradient.arguments]
    passed += [f"{shape_argument(t)}={shape_argument(t)}" for t in gradient.shaped]
    return [
        f"if {seed} is None:",
        f"    {', '.join(names)}{',' if len(names) == 1 else ''} = self._judgement()",
        f"    {seed} = {gradient.name}({', '.join(passed)})",
    ]


def _double_backward(k: NetworkKernels) -> list[str]:
    if k.double_backward is None:
        return []
    seeds = ", ".join(f"seeds[{string(s)}]" for s in k.seeds)
    arguments = f"directions, {seeds}, self.params, self._kept(){_options(k.double_backward)}, buffers=self.buffers"
    return [
        f'rt.names({string(k.network.name)}, "seeds", seeds, {_shape(k.seeds, quote=True)}, every=True)',
        f"return {k.network.name}_double_backward({arguments})",
    ]


def _shape(parts: Sequence[Expr | str], quote: bool = False) -> str:
    texts = [string(str(p)) if quote else p if isinstance(p, str) else size_text(p) for p in parts]
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
