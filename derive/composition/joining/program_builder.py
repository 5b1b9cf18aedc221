"""The program of a network while nodes are added to it: tensors, sizes and options under names of their own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.derive.calculus.reduced_sizes import reduced
from gradscribe.derive.composition.joining.any_axes import written_out
from gradscribe.derive.composition.joining.judge import judges
from gradscribe.derive.composition.joining.node_settings import Values, check_settings, set_options
from gradscribe.derive.composition.joining.node_sizes import Sizes
from gradscribe.derive.composition.joining.tidy import moved
from gradscribe.derive.composition.network import Data, Judged, Network, NetworkError, Node, Part, Start, Uniform
from gradscribe.derive.ir.index import IntegerFunction, integer
from gradscribe.derive.ir.quote import listed, quoted, shown
from gradscribe.derive.ir.term import Program, Statement, Tensor
from gradscribe.derive.ir.well_formed import check
from gradscribe.derive.layer.fan_in import fan_in
from gradscribe.derive.layer.interface import Kind, Option

AXES = (("N", "batch"), ("H", "height"), ("W", "width"), ("C", "channels"))
"""What errors call the extents of an input."""
INPUT = "x"
"""The network's input where nothing else is said."""


@dataclass(frozen=True)
class Value:
    """A tensor that nodes may read, and the letters of its axes."""

    tensor: Tensor
    letters: tuple[Symbol, ...] = ()


def _letter(axis: int, rank: int) -> str:
    """What the extent of an axis of an input is called that has a number."""
    letters = "NHWC" if rank == 4 else "NABCDEF"
    return letters[axis] if axis < len(letters) else f"A{axis}"


class Builder:
    """The program so far; each node adds its statements."""

    def __init__(self, name: str, shapes: dict[str, Sequence[Any] | None], named: Collection[str]) -> None:
        self.name, self.shapes, self.named = name, shapes, set(named)
        self.values: dict[str, Value] = {}
        self.inputs: list[Tensor] = []
        self.statements: list[Statement] = []
        self.sizes = Sizes()
        self.weights: list[str] = []
        self.state: list[tuple[str, str, float]] = []
        self.parts: dict[str, Part] = {}
        self.starts: dict[str, Start] = {}
        self.fans: dict[str, Expr] = {}
        self.constants: dict[str, Data] = {}
        self.flattened: dict[str, tuple[Expr, ...]] = {}
        self.images: dict[str, tuple[Expr, ...]] = {}
        self.tensors: dict[str, str] = {}
        self.held: dict[str, dict[str, str]] = {}

    def _called(self, tensor: str, where: str) -> None:
        """Note the name of a tensor, which must not be that of another one."""
        other = self.tensors.setdefault(tensor, where)
        if other != where:
            raise NetworkError(
                f"{self.name}: {other} and {where} would both be called {tensor}; rename one of the nodes"
            )

    def add(self, node: Node, source: Program, label: str) -> None:
        """Append the statements of a node; `label` distinguishes its sizes."""
        layer, where = node.layer, f"{self.name}, {node.name} ({node.layer.name})"
        own = layer.program.inputs
        if len(node.inputs) > len(own):
            raise NetworkError(f"{where}: takes {len(own)} inputs, is given {len(node.inputs)}")
        self._check_complete(node, where)
        values = Values(where, label, taken=self.sizes.numbers)
        settings = dict(node.settings)
        set_options(layer, settings, values)
        self.sizes.numbers |= values.numbers  # a weight of another node may have these sizes under other names
        values.numbers.clear()
        for given in node.inputs:
            if given not in self.values and "." in given:
                self._reach(given, node.name)
            elif given not in self.values:
                self._open(given, own[node.inputs.index(given)], values)
        bound = self._bound(node, source)
        source = self._axes(source, bound, values)
        for tensor in (t for t in source.inputs if t.name in bound):
            while met := next(self.sizes.meet(tensor, self._bound(node, source)[tensor.name].tensor, values), None):
                self._identify(*met, values)  # which may change the sizes of the axes that follow
        bound = self._bound(node, source)
        self.sizes.features(layer, settings, values)
        self.sizes.leftover(source, values)
        check_settings(node, settings, where)
        self.sizes.numbers |= values.numbers
        self.sizes.windows(source, values)
        self.sizes.requirements(layer, settings, values)
        self._append(node, source, bound, values, settings)

    def _check_complete(self, node: Node, where: str) -> None:
        """Raise unless the layer has all it needs; what only training reads may be an input of the network."""
        layer, given = node.layer, len(node.inputs)
        held = {*layer.weights, *(name for name, _, _ in layer.state), *dict(node.data)}
        after = {t.name for t in layer.evaluation.inputs} if layer.evaluation is not None else None
        own = [t for t in layer.program.inputs if t.name not in held and not t.optional]
        own = [t for t in own if after is None or t.name in after]
        wanted = [t.name for t in own]
        lacking = [n for n in wanted if n not in {t.name for t in layer.program.inputs[:given]}]
        if lacking:
            several = f"({', '.join(wanted)}) -> {layer.name}"
            raise NetworkError(
                f"{where}: lacks its input{'s' * (len(lacking) > 1)} {' and '.join(lacking)}; expected {several}, "
                f"received {', '.join(node.inputs)}"
            )

    def _bound(self, node: Node, source: Program) -> dict[str, Value]:
        """What the inputs of the layer are given; `source` may read less than training does."""
        read = {t.name for t in source.inputs}
        pairs = zip((t.name for t in node.layer.program.inputs), node.inputs, strict=False)
        found = {name: self.values[given] for name, given in pairs if name in read}
        owned = {name: self._owned(source, node) for name, source in node.shared if name in read}
        return found | {name: Value(tensor) for name, tensor in owned.items() if tensor is not None}

    def _owned(self, source: str, node: Node) -> Tensor | None:
        """The weight, or the statistic as it is by then, of another node; None where that does without."""
        base, _, wanted = source.partition(".")
        held = self.held.get(base, {})
        if wanted not in held:
            said = f"{base} has no weight {quoted(wanted)}; expected one of {listed(held) or 'none'}"
            raise NetworkError(f"{self.name}, {node.name}: shares {shown(source)}: {said}")
        tensor = held[wanted]
        tensor = next((new for old, new, _ in self.state if old == tensor), tensor)
        found = next((t for t in (*self.inputs, *(s.target for s in self.statements)) if t.name == tensor), None)
        if found is None and dict(node.settings).get("bias" if wanted == "b" else wanted) is not False:
            raise NetworkError(f"{self.name}, {node.name}: shares {shown(source)}: {base} does without")
        return found

    def _reach(self, source: str, reader: str) -> None:
        """Make ``node.tensor`` a value that nodes may read."""
        base, _, wanted = source.partition(".")
        name = f"{base}_{wanted}"
        made = [s for s in self.statements if s.target.name == name and self.parts.get(name) == Part(base, wanted)]
        if not made:
            known = [p.name for n, p in self.parts.items() if p.node == base and n not in self.weights]
            said = f"{base} has no output {quoted(wanted)}; expected one of {listed(known)}"
            raise NetworkError(f"{self.name}, {reader}: reads {shown(source)}: {said}")
        self.values[source] = Value(made[0].target, tuple(r.index for r in made[0].term.free))

    def _open(self, name: str, tensor: Tensor, values: Values) -> None:
        """An input of the network, of the shape given or that of the layer which reads it."""
        given = self.shapes.get(name)
        shape: list[Expr] = []
        for axis, extent in enumerate(tensor.shape if given is None else given):
            if isinstance(extent, bool) or (isinstance(extent, int) and extent < 1):
                raise NetworkError(
                    f"{self.name}: input {name}, axis {axis}: expected at least 1, received {quoted(extent)}"
                )
            if isinstance(extent, int):
                own = self._unused(_letter(axis, len(given or ())), name)
                self.sizes.numbers[own] = Integer(extent)
                shape.append(own)
            elif isinstance(extent, str):
                shape.append(integer(extent))
            else:
                shape.append(extent.xreplace(values.symbols))
        if given is None and tensor.ravel is not None:
            raise NetworkError(
                f"{values.where}: the number of axes of {name} is open; declare the input, as in input {name}[N, C]"
            )
        self._called(name, f"input {name}")
        network_input = Tensor(name, tuple(shape), integer=tensor.integer, constant=tensor.constant)
        self.inputs.append(network_input)
        letters = "nijc" if len(shape) == 4 else "n" + "cdefgh"[: len(shape) - 1]
        self.values[name] = Value(network_input, tuple(integer(v) for v in letters))

    def _unused(self, letter: str, name: str) -> Symbol:
        """A size for an axis of input `name`; those that the network names itself have another meaning."""
        named = {e for shape in self.shapes.values() for e in shape or () if isinstance(e, str)} | self.named
        taken = named | {s.name for s in self.sizes.numbers}
        candidates = chain([letter, f"{letter}_{name}"], (f"{letter}_{name}{k}" for k in count(2)))
        return integer(next(c for c in candidates if c not in taken))

    def _axes(self, source: Program, bound: Mapping[str, Value], values: Values) -> Program:
        """Write `...` out as what it stands for in the first tensor given."""
        for tensor in source.inputs:
            if tensor.ravel is None or tensor.name not in bound:
                continue
            value = bound[tensor.name]
            rest = len(tensor.shape) - 1
            found = len(value.tensor.shape) - rest
            if found < 1:
                raise NetworkError(
                    f"{values.where}: argument {tensor.name}: expected more than {rest} axes, "
                    f"received {value.tensor.name} of shape {self.sizes.shown(value.tensor.shape)}"
                )
            stretch = slice(tensor.ravel, tensor.ravel + found)
            # names that no layer has, as the network's own may be those of other symbols in the layer
            stand_ins = [integer(f"axis_{k}_of_{tensor.name}") for k in range(found)]
            values.symbols |= dict(zip(stand_ins, value.tensor.shape[stretch], strict=True))
            return written_out(source, stand_ins, value.letters[stretch])
        return source

    def _identify(self, gone: Expr, stays: Expr, values: Values) -> None:
        """Two sizes that must agree, as where branches join, become one."""
        mapping = {gone: stays}

        def tensor(t: Tensor) -> Tensor:
            return replace(t, shape=tuple(e.xreplace(mapping) for e in t.shape))

        def shapes(found: dict[str, tuple[Expr, ...]]) -> dict[str, tuple[Expr, ...]]:
            return {name: tuple(e.xreplace(mapping) for e in shape) for name, shape in found.items()}

        self.sizes.derived = [pair for pair in self.sizes.derived if pair[0] != gone]
        sizes = tuple(self.sizes.derived) if gone.is_Symbol else ()  # what has a name is not defined by it
        program = Program(tuple(self.inputs), tuple(self.statements), (), sizes).substitute(mapping)
        self.inputs, self.statements = list(program.inputs), list(program.statements)
        self.sizes.derived = list(program.sizes) or self.sizes.derived
        self.values = {n: replace(v, tensor=tensor(v.tensor)) for n, v in self.values.items()}
        self.flattened, self.images = shapes(self.flattened), shapes(self.images)
        values.symbols = {s: e.xreplace(mapping) for s, e in values.symbols.items()}
        if gone in stays.free_symbols:
            self._without_names(values)
        else:
            self.sizes.numbers.pop(gone, None)

    def _without_names(self, values: Values) -> None:
        """Extents that are no quotients any more, such as half of 2 H, are written as what they are."""
        for extent, definition in self.sizes.derived:
            whole = reduced(definition)
            if not whole.has(IntegerFunction):
                self._identify(extent, whole, values)
                self._without_names(values)
                return

    def _append(
        self, node: Node, source: Program, bound: Mapping[str, Value], values: Values, settings: Mapping[str, Any]
    ) -> None:
        names = {t: f"{node.name}_{t}" for t in source.tensors} | {t: v.tensor.name for t, v in bound.items()}
        absent = self._absent(node, source, bound, settings)
        source = source.substitute(values.symbols)
        data, start, first = dict(node.data), dict(node.start), dict(node.layer.initial)
        weights = [w for w in node.layer.weights if w not in absent and w not in data]
        for tensor in source.inputs:
            if tensor.name in bound or tensor.name in absent:
                continue
            constant = tensor.constant or tensor.name in data
            own = replace(tensor, name=names[tensor.name], optional=False, constant=constant)
            self.inputs.append(own)
            if tensor.name in data:
                self.constants[own.name] = data[tensor.name]
            if tensor.name in weights:
                self.weights.append(own.name)
                self.starts[own.name] = start.get(tensor.name, first.get(tensor.name, Uniform()))
                self.fans[own.name] = self.sizes.number(fan_in(source, weights))
                image = self.images.get(node.inputs[0]) if node.inputs else None
                if (
                    image is not None
                    and source.inputs[0].name in bound
                    and own.shape[0] == bound[source.inputs[0].name].tensor.shape[-1]
                ):
                    self.flattened[own.name] = image
        for name, output, value in node.layer.state:
            if name in bound:  # another node's, whose new value is the last of all
                self.state = [(o, names[output] if new == names[name] else new, v) for o, new, v in self.state]
            elif name in {t.name for t in source.inputs} and output in source.tensors:
                self.state.append((names[name], names[output], value))
        for statement in source.statements:
            renamed = moved(statement, names, absent, source)
            if renamed is not None:
                self.statements.append(renamed)
        for name in source.tensors:
            if name not in bound and name not in absent:
                self._called(names[name], f"{name} of {node.name}")
                self.parts[names[name]] = Part(node.name, name)
        statistics = [name for name, _, _ in node.layer.state]
        self.held[node.name] = {name: names.get(name, name) for name in (*node.layer.weights, *statistics)}
        self._value(node, source, names, bound)

    def _absent(
        self, node: Node, source: Program, bound: Mapping[str, Value], settings: Mapping[str, Any]
    ) -> dict[str, int]:
        """The optional inputs that the network does not have: all but weights that are not switched off."""
        found = {}
        for tensor in source.inputs:
            role = "bias" if tensor.name == "b" else tensor.name
            wanted = settings.get(role, tensor.name in node.layer.weights)
            if not isinstance(wanted, bool):
                raise NetworkError(
                    f"{self.name}, {node.name}: {role}: expected true or false, received {quoted(wanted)}"
                )
            if tensor.optional and tensor.name not in bound and tensor.name not in dict(node.data) and not wanted:
                found[tensor.name] = tensor.absent
        return found

    def _value(self, node: Node, source: Program, names: Mapping[str, str], bound: Mapping[str, Value]) -> None:
        """What readers of the node are given."""
        name = source.outputs[0]
        if name in bound:
            raise NetworkError(f"{self.name}, {node.name}: its output is its input")
        mine = [s for s in self.statements if s.target.name == names[name]]
        letters = tuple(r.index for r in mine[0].term.free)
        self.values[node.name] = Value(mine[0].target, letters)
        if bound and len(letters) == 2:
            first = next(iter(bound.values())).tensor
            if len(first.shape) == 4 and sympy.expand(mine[0].target.shape[1] - sympy.prod(first.shape[1:])) == 0:
                self.images[node.name] = first.shape[1:]
            elif first.shape == mine[0].target.shape and node.inputs[0] in self.images:
                self.images[node.name] = self.images[node.inputs[0]]

    def check_losses(self, network: Network, values: Mapping[str, Tensor], losses: Sequence[Judged]) -> None:
        """Raise unless `losses` can judge the values of `network`; afterwards this builder is of no use."""
        unknown = next((loss.source for loss in losses if loss.source and loss.source not in values), None)
        if unknown is not None:
            raise NetworkError(f"{self.name}: loss of {shown(unknown)}: expected an output: {listed(values)}")
        taken = {node.name for node in network.nodes} | {t.name for t in network.given}
        nodes, labels = judges(losses, values, taken, named=True)
        self.shapes |= labels
        for node in nodes:
            self.add(node, node.layer.program, node.name)
            value = self.values[node.name].tensor
            if value.shape:
                raise NetworkError(
                    f"{self.name}: loss {node.layer.name}: expected a number, its value has {len(value.shape)} axes; "
                    f"sum it in its equation, or take a loss whose value is one number, such as softmax_cross_entropy"
                )

    def _inputs_as_named(self) -> tuple[Tensor, ...]:
        """All inputs; those of the network in the order in which it names them, not that in which they are read."""
        own = [self.values[name].tensor for name in self.shapes if name in self.values]
        given, named = {t.name for t in own}, iter(own)
        return tuple(next(named) if t.name in given else t for t in self.inputs)

    def program(self, outputs: Sequence[str], more: Sequence[str]) -> Program:
        """The statements of all nodes as one program."""
        for output in outputs:
            if output not in self.values and "." in output:
                self._reach(output, f"output {output}")
        targets = [self.values[output].tensor.name for output in outputs]
        try:
            return check(
                Program(self._inputs_as_named(), tuple(self.statements), (*targets, *more), tuple(self.sizes.derived))
            )
        except NetworkError:
            raise
        except ValueError as error:
            raise NetworkError(f"{self.name}: {error}") from error

    def network(self, nodes: Sequence[Node], outputs: Sequence[str], interface: Mapping[str, Any]) -> Network:
        """The finished network."""
        program = self.program(outputs, [replaced for _, replaced, _ in self.state])
        name = self.name
        free = program.symbols() - set(self.sizes.numbers) - {s for s, _ in self.sizes.derived}
        extents = {s for t in program.inputs for e in t.shape for s in e.free_symbols}
        options = tuple(
            Option(s.name, (s,), Kind.COUNT if s.is_integer else Kind.NUMBER, None)
            for s in sorted(free - extents, key=lambda s: s.name)
        )
        fields: dict[str, Any] = {
            "class_name": "".join(part.capitalize() for part in name.split("_")),
            "title": f"network {name}",
            "axes": tuple((integer(e), word) for e, word in AXES),
            "options": options,
            **interface,
        }
        return Network(
            name=name,
            program=program,
            weights=tuple(self.weights),
            state=tuple(self.state),
            nodes=tuple(nodes),
            values=tuple(sorted(self.sizes.numbers.items(), key=lambda item: item[0].name)),
            parts=tuple(self.parts.items()),
            starts=tuple(self.starts.items()),
            fans=tuple(self.fans.items()),
            constants=tuple(self.constants.items()),
            results=tuple((node, value.tensor.name) for node, value in self.values.items()),
            flattened=tuple(self.flattened.items()),
            **fields,
        )
