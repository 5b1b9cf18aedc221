"""The table of layers with options that every way to compute a layer is tried on, and random rows like it.

The rows of the table and `random_layer_case` are of the layers that `tests.cases.naive` has in plain loops; they know
all ways to write an option. `sampled_case` gives a row of any layer of the catalogue, from its data alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sympy import Integer, Symbol

from gradscribe.codegen.kernel.calling import option_value
from gradscribe.derive.ir.interpret import complete_sizes, shape_of
from gradscribe.derive.ir.term import Program, Tensor
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from tests.cases.catalogue import layer as catalogue_layer
from tests.cases.naive import both_axes, padding_pairs

Array = np.ndarray


@dataclass(frozen=True)
class LayerCase:
    """A layer of the catalogue with the shapes of its inputs and the options of a call."""

    name: str
    shapes: dict[str, tuple[int, ...]]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        shape = "x".join(map(str, next(iter(self.shapes.values())))) or "scalar"
        words = [f"{k}={v}".replace(" ", "") for k, v in self.options.items()]
        absent = ["no_bias"] if self.name in ("conv2d", "dense") and "b" not in self.shapes else []
        return "-".join([self.name, shape, *words, *absent])

    @property
    def layer(self) -> Layer:
        return catalogue_layer(self.name)


@dataclass(frozen=True)
class SampledCase(LayerCase):
    """A row drawn from the layer's data: the sizes are known, raveled tensors have one axis."""

    sizes: dict[Symbol, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.name}-sampled"


def conv(x: tuple[int, ...], w: tuple[int, ...], bias: bool = True, **options: Any) -> LayerCase:
    shapes = {"x": x, "w": w} | ({"b": w[3:]} if bias else {})
    return LayerCase("conv2d", shapes, options)


def pool(kind: str, x: tuple[int, ...], **options: Any) -> LayerCase:
    return LayerCase(f"{kind}_pool2d", {"x": x}, options)


CASES: tuple[LayerCase, ...] = (
    # the smallest convolution there is
    conv((1, 1, 1, 1), (1, 1, 1, 1)),
    # LeNet's: no option at all
    conv((2, 6, 6, 1), (5, 5, 1, 3)),
    # no bias
    conv((2, 5, 4, 2), (3, 2, 2, 3), bias=False),
    # stride 2 leaves a remainder row and column
    conv((2, 6, 6, 2), (3, 3, 2, 2), stride=2),
    # stride larger than the kernel: pixels between windows
    conv((1, 7, 8, 2), (2, 2, 2, 2), stride=3),
    # one stride, padding and dilation per axis
    conv((2, 6, 7, 2), (3, 2, 2, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 3)),
    # asymmetric padding
    conv((2, 4, 5, 1), (3, 3, 1, 2), padding=((2, 0), (1, 3))),
    # 'same' with an even kernel: the odd element goes to the end
    conv((1, 4, 5, 2), (4, 3, 2, 2), padding="same"),
    # 'same' of a dilated kernel
    conv((1, 6, 5, 1), (3, 2, 1, 1), padding="same", dilation=2),
    # 'valid' is no padding
    conv((1, 4, 4, 1), (2, 2, 1, 1), padding="valid"),
    # more padding than the kernel has rows: windows wholly outside
    conv((1, 2, 3, 1), (2, 2, 1, 2), padding=3),
    # kernel as large as the padded input
    conv((2, 3, 3, 2), (5, 5, 2, 1), padding=1),
    # groups
    conv((2, 4, 4, 6), (3, 3, 2, 9), groups=3),
    # depthwise with a channel multiplier
    conv((2, 4, 5, 3), (2, 3, 1, 6), groups=3, stride=2, padding=1),
    # an empty batch
    conv((0, 4, 4, 2), (3, 3, 2, 2), padding=1),
    # LeNet's subsampling: windows tile the image
    pool("max", (2, 4, 6, 2), kernel_size=2),
    # overlapping windows with padding
    pool("max", (2, 5, 5, 2), kernel_size=3, stride=2, padding=1),
    # dilation
    pool("max", (1, 7, 6, 1), kernel_size=(2, 3), stride=1, dilation=(3, 2)),
    # ceil_mode: a partial last window
    pool("max", (2, 6, 5, 1), kernel_size=2, stride=3, ceil_mode=True),
    # ceil_mode where the last window would start in the padding and is dropped
    pool("max", (1, 4, 4, 1), kernel_size=2, stride=3, padding=1, ceil_mode=True),
    # a window of one element
    pool("max", (1, 3, 3, 2), kernel_size=1),
    # an empty batch
    pool("max", (0, 4, 4, 1), kernel_size=2),
    # windows tile the image
    pool("avg", (2, 4, 6, 2), kernel_size=2),
    # the padding counts
    pool("avg", (2, 5, 4, 1), kernel_size=3, stride=2, padding=1),
    # the padding does not count
    pool("avg", (2, 5, 4, 1), kernel_size=3, stride=2, padding=1, count_include_pad=False),
    # ceil_mode: what lies beyond the padding never counts
    pool("avg", (1, 6, 6, 1), kernel_size=3, stride=2, padding=1, ceil_mode=True),
    # both
    pool("avg", (1, 6, 5, 2), kernel_size=(3, 2), stride=2, padding=1, ceil_mode=True, count_include_pad=False),
    # asymmetric padding
    pool("avg", (1, 4, 4, 1), kernel_size=3, stride=1, padding=((1, 0), (0, 1)), count_include_pad=False),
    # a full matrix
    LayerCase("dense", {"x": (3, 4), "w": (4, 5), "b": (5,)}),
    # no bias
    LayerCase("dense", {"x": (3, 4), "w": (4, 2)}),
    # no feature at all: the sum is empty
    LayerCase("dense", {"x": (2, 0), "w": (0, 3), "b": (3,)}),
    # an empty batch
    LayerCase("dense", {"x": (0, 4), "w": (4, 5), "b": (5,)}),
    # rows, columns, channels in this order
    LayerCase("flatten", {"x": (2, 3, 4, 5)}),
    # nothing to flatten but axes
    LayerCase("flatten", {"x": (1, 1, 1, 1)}),
    # an empty batch
    LayerCase("flatten", {"x": (0, 2, 3, 1)}),
    # activations take any rank
    LayerCase("relu", {"x": (2, 3, 4)}),
    LayerCase("relu", {"x": ()}),
    LayerCase("sigmoid", {"x": (5,)}),
    LayerCase("tanh", {"x": (2, 2, 2, 2)}),
    LayerCase("tanh", {"x": (0,)}),
    LayerCase("scaled_tanh", {"x": (3, 4)}),
    # other constants than LeNet's
    LayerCase("scaled_tanh", {"x": (3, 4)}, {"amplitude": 2.5, "slope": -0.5}),
    # ten classes, and one
    LayerCase("softmax_cross_entropy", {"x": (4, 10), "t": (4,)}),
    LayerCase("softmax_cross_entropy", {"x": (3, 1), "t": (3,)}),
    # any rank
    LayerCase("mean_squared_error", {"x": (3, 4), "t": (3, 4)}),
    LayerCase("mean_squared_error", {"x": (2, 1, 3), "t": (2, 1, 3)}),
)


# ----- random rows ----------------------------------------------------------------------------------------------------
def random_layer_case(name: str, rng: np.random.Generator, most: int = 7) -> LayerCase:
    """Random shapes and options that the layer admits."""
    if name == "conv2d":
        return _random_conv(rng, most)
    if name.endswith("pool2d"):
        return _random_pool(name, rng, most)
    n, c, k = (int(v) for v in rng.integers(1, 6, size=3))
    if name == "dense":
        shapes: dict[str, tuple[int, ...]] = {"x": (int(rng.integers(0, 5)), c), "w": (c, k)}
        return LayerCase(name, shapes | ({"b": (k,)} if rng.random() < 0.7 else {}))
    if name == "softmax_cross_entropy":
        return LayerCase(name, {"x": (n, k), "t": (n,)})
    rank = 4 if name == "flatten" else int(rng.integers(0, 4))
    shape = tuple(int(v) for v in rng.integers(1, 5, size=rank))
    numbers = {"amplitude": float(rng.uniform(0.5, 2)), "slope": float(rng.uniform(-1, 1))}
    options = numbers if name == "scaled_tanh" and rng.random() < 0.5 else {}
    return LayerCase(name, {"x": shape} | ({"t": shape} if name == "mean_squared_error" else {}), options)


def sampled_case(name: str, rng: np.random.Generator, draws: int = 1, limit: int = 5_000) -> SampledCase:
    """Random sizes that the layer admits, the largest of some draws; each input that may be absent is so at times."""
    layer = catalogue_layer(name)
    found: list[dict[Symbol, Any]] = [
        complete_sizes(layer.program, sample_sizes(layer, rng, limit=limit)) for _ in range(draws)
    ]
    sizes = max(found, key=lambda s: _elements(layer.program, s))
    present = [t for t in layer.program.inputs if not t.optional or rng.random() < 0.7]
    shapes = {t.name: shape_of(t.shape, sizes) for t in present}
    return SampledCase(name, shapes, {o.name: option_value(o, sizes) for o in layer.options}, sizes)


def _elements(program: Program, sizes: Mapping[Symbol, Any]) -> int:
    return sum(int(np.prod(shape_of(program.tensors[name].shape, sizes))) for name in program.outputs)


def _either(rng: np.random.Generator, low: int, high: int) -> Any:
    """One integer for both axes, or a pair."""
    first, second = (int(v) for v in rng.integers(low, high + 1, size=2))
    return first if rng.random() < 0.5 else (first, second)


def _random_conv(rng: np.random.Generator, most: int) -> LayerCase:
    while True:
        stride, dilation = _either(rng, 1, 3), _either(rng, 1, 3)
        kernel = (int(rng.integers(1, 5)), int(rng.integers(1, 5)))
        groups = int(rng.choice([1, 1, 1, 2, 3]))
        per_group = 1 if rng.random() < 0.3 else int(rng.integers(1, 4))
        channels = groups * int(rng.integers(1, 4))
        paddings: list[Any] = [0, _either(rng, 0, 3), tuple((int(a), int(b)) for a, b in rng.integers(0, 4, (2, 2)))]
        if both_axes(stride) == (1, 1):
            paddings.append("same")
        padding = paddings[int(rng.integers(len(paddings)))]
        n = 0 if rng.random() < 0.03 else int(rng.integers(1, 4))
        x = (n, int(rng.integers(1, most + 1)), int(rng.integers(1, most + 1)), groups * per_group)
        if _fits(x, kernel, padding, dilation):
            options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
            return conv(x, (*kernel, per_group, channels), bool(rng.random() < 0.7), **options)


def _random_pool(name: str, rng: np.random.Generator, most: int) -> LayerCase:
    while True:
        kernel = _either(rng, 1, 4)
        dilation = _either(rng, 1, 3) if name == "max_pool2d" else 1
        half = [(d * (k - 1) + 1) // 2 for k, d in zip(both_axes(kernel), both_axes(dilation), strict=True)]
        pairs = tuple((int(rng.integers(h + 1)), int(rng.integers(h + 1))) for h in half)
        padding: Any = pairs if rng.random() < 0.3 else (pairs[0][0], pairs[1][0]) if rng.random() < 0.7 else 0
        options: dict[str, Any] = {"kernel_size": kernel, "padding": padding, "ceil_mode": bool(rng.random() < 0.4)}
        if rng.random() < 0.8:
            options["stride"] = _either(rng, 1, 3)
        if name == "max_pool2d":
            options["dilation"] = dilation
        else:
            options["count_include_pad"] = bool(rng.random() < 0.5)
        n = 0 if rng.random() < 0.03 else int(rng.integers(1, 4))
        x = (n, int(rng.integers(1, most + 1)), int(rng.integers(1, most + 1)), int(rng.integers(1, 4)))
        if _fits(x, both_axes(kernel), padding, dilation):
            return pool(name[:3], x, **options)


def _fits(x: tuple[int, ...], kernel: tuple[int, int], padding: Any, dilation: Any) -> bool:
    reach = (both_axes(dilation)[0] * (kernel[0] - 1), both_axes(dilation)[1] * (kernel[1] - 1))
    pads = padding_pairs(padding, reach)
    return all(extent + sum(pad) > r for extent, pad, r in zip(x[1:3], pads, reach, strict=True))


# ----- what a row stands for ------------------------------------------------------------------------------------------
def random_values(case: LayerCase, rng: np.random.Generator) -> dict[str, Array]:
    """Inputs of the shapes of `case`; labels are class numbers."""
    if isinstance(case, SampledCase):
        sampled = sample_values(case.layer.program, case.sizes, rng)
        return {name: sampled[name] for name in case.shapes}
    values: dict[str, Array] = {name: rng.normal(size=shape) for name, shape in case.shapes.items()}
    if case.name == "softmax_cross_entropy":
        values["t"] = rng.integers(case.shapes["x"][1], size=case.shapes["t"])
    return values


def interpreter_values(case: LayerCase, values: Mapping[str, Array]) -> dict[str, Array]:
    """`values` as the equations see them: tensors that may have any rank are raveled."""
    tensors = case.layer.program.tensors
    return {name: v.reshape(raveled_shape(tensors[name], v.shape)) for name, v in values.items()}


def raveled_shape(tensor: Tensor, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the tensor that an array of shape `shape` stands for."""
    if tensor.ravel is None:
        return shape
    last = len(shape) - (len(tensor.shape) - tensor.ravel - 1)
    return (*shape[: tensor.ravel], int(np.prod(shape[tensor.ravel : last])), *shape[last:])


def sizes_of(case: LayerCase) -> dict[Symbol, int]:
    """The size symbols of the layer's program from the options and the shapes."""
    if isinstance(case, SampledCase):
        return case.sizes
    layer = case.layer
    sizes: dict[Symbol, Any] = {}
    kernel = case.shapes["w"][:2] if case.name == "conv2d" else both_axes(case.options.get("kernel_size", 1))
    for option in layer.options:
        value = kernel if option.name == "kernel_size" else case.options.get(option.name, option.default)
        if isinstance(value, str) and option.kind is Kind.SIZE:
            value = kernel
        sizes |= dict(zip(option.symbols, _symbol_values(option, value, kernel, case), strict=True))
    for tensor in layer.program.inputs:
        if tensor.name not in case.shapes:
            continue
        shape = raveled_shape(tensor, case.shapes[tensor.name])
        for extent, value in zip(tensor.shape, shape, strict=True):
            known = extent.xreplace({s: Integer(v) for s, v in sizes.items() if s.is_integer})
            (unknown,) = known.free_symbols or (None,)
            if unknown is not None:
                sizes[unknown] = int(value / known.coeff(unknown, 1))
    return sizes


def _symbol_values(option: Option, value: Any, kernel: tuple[int, ...], case: LayerCase) -> tuple[Any, ...]:
    if option.kind is Kind.PADDING:
        dilation = both_axes(case.options.get("dilation", 1))
        reach = (dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1))
        first, second = padding_pairs(value, reach)
        return (*first, *second)
    return both_axes(value) if option.kind is Kind.SIZE else (int(value) if option.kind is not Kind.NUMBER else value,)
