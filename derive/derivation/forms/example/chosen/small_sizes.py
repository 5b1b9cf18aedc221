"""The smallest sizes that show what a layer does.

Windows are 2 wide and slide over 4 elements; what is neither has 1 element where there are windows, else 2 or 3.
Options have their defaults, strides of poolings that of the window. Where the layer does not admit that, the next sizes
are tried.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from math import prod
from typing import Any

from sympy import Expr, Symbol

from gradscribe.derive.derivation.forms.example.chosen.slid_axes import slid
from gradscribe.derive.ir.interpret.plain import complete_sizes, shape_of
from gradscribe.derive.ir.term import Program
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.derive.layer.sampling import Size, admissible, index_boxes, open_symbols

TRIES, POINTS = 4_000, 200_000
"""Choices of sizes that are tried; elements that sums may run over."""


@dataclass(frozen=True)
class Scale:
    """How large a case is.

    Attributes:
        space: what axes that windows slide along may have, the best first.
        kernel: the same of windows.
        others: the same of what is neither, where nothing slides; two beside each other differ.
        largest: the numbers that a tensor may have.
    """

    space: tuple[int, ...] = (4, 5, 3, 6, 2)
    kernel: tuple[int, ...] = (2, 3, 1)
    others: tuple[tuple[int, ...], tuple[int, ...]] = ((2, 3, 1), (3, 2, 1))
    largest: int = 64


OF_NUMBERS = Scale()
OF_PICTURES = Scale((8, 7, 6, 5, 4), (3, 2, 4, 1), ((4, 5, 3, 2, 1), (5, 4, 3, 2, 1)), 100)
NONE: Mapping[Any, Any] = {}


def small_sizes(
    program: Program,
    layer: Layer,
    mapping: Mapping[Symbol, Any],
    numbers: Mapping[Symbol, Expr] = NONE,
    shapes: Mapping[str, tuple[int, ...]] = NONE,
    scale: Scale = OF_NUMBERS,
) -> dict[Symbol, Size] | None:
    """A value for every size and parameter that is not derived; None where no small one is admissible.

    Args:
        program: the forward equations.
        layer: the layer, as displayed.
        mapping: what the symbols of the layer's definition were replaced by.
        numbers: what a network says that they are; small ones are kept.
        shapes: of its constants.
        scale: how large it may be.
    """
    requirements = [e for r in layer.requirements for e in r.expressions]
    boxes = index_boxes(program)
    choices = _choices(program, layer, mapping, open_symbols(program, requirements), scale)
    for symbol in numbers.keys() & choices.keys():
        choices[symbol] = _of_number(numbers[symbol], choices[symbol], scale)
    tied = _tied(layer, mapping)
    for values in islice(_by_distance(list(choices.values())), TRIES):
        sizes = dict(zip(choices, values, strict=True))
        if any(sizes[s] != sizes.get(other, other) for s, other in tied.items() if s in sizes):
            continue
        if _is_small(program, sizes, shapes, scale) and admissible(program, sizes, requirements, boxes, POINTS):
            return sizes
    return None


def _is_small(
    program: Program, sizes: Mapping[Symbol, Size], shapes: Mapping[str, tuple[int, ...]], scale: Scale
) -> bool:
    """Whether every tensor can be printed, and constants have their shapes."""
    known = complete_sizes(program, sizes)
    found = {name: shape_of(t.shape, known) for name, t in program.tensors.items()}
    fitting = all(found[name] == shape for name, shape in shapes.items() if name in found)
    return fitting and all(prod(shape) <= scale.largest for shape in found.values())


def _of_number(given: Expr, choices: Sequence[Size], scale: Scale) -> Sequence[Size]:
    """What a size of a network may be: its number, if that is small, or else as if it had none."""
    if not given.is_Integer:
        return (float(given),)
    return tuple(dict.fromkeys((int(given), *choices))) if given <= max(scale.space) else choices


def _choices(
    program: Program, layer: Layer, mapping: Mapping[Symbol, Any], symbols: Sequence[Symbol], scale: Scale
) -> dict[Symbol, Sequence[Size]]:
    """What each symbol may be, the best first."""
    options = {mapping.get(s, s): o for o in layer.options for s in o.symbols}
    wide, windows = slid(program, {*options, *(e for w in layer.weights for e in program.tensors[w].shape)})
    space = _fitting(program, wide, scale)
    batches = {t.shape[0] for t in program.inputs if len(t.shape) > 2}
    batches |= {t.shape[-1] for t in program.inputs if len(t.shape) > 3}
    found: dict[Symbol, Sequence[Size]] = {}
    for symbol in symbols:
        option = options.get(symbol)
        if option is not None and (option.kind is not Kind.SIZE or isinstance(option.default, int)):
            found[symbol] = _of_option(option)
        elif symbol in wide:
            found[symbol] = space
        elif symbol in windows or option is not None:
            found[symbol] = scale.kernel
        elif wide or symbol in batches:
            found[symbol] = (1, 2, 3)
        else:
            found[symbol] = scale.others[len(found) % 2]
    return found


def _tied(layer: Layer, mapping: Mapping[Symbol, Any]) -> dict[Symbol, Symbol | Size]:
    """Symbols of options that have the value of another option where nobody says otherwise, as strides of poolings.

    A symbol that stands for several axes has that of the first.
    """
    options = {option.name: option for option in layer.options}
    found: dict[Symbol, Symbol | Size] = {}
    for option in options.values():
        other = options.get(option.default) if isinstance(option.default, str) else None
        for symbol, followed in zip(option.symbols, other.symbols if other else (), strict=False):
            value = mapping.get(followed, followed)
            found.setdefault(mapping.get(symbol, symbol), int(value) if value.is_Integer else value)
    return found


def _fitting(program: Program, wide: Collection[Symbol], scale: Scale) -> tuple[int, ...]:
    """What axes that windows slide along may have, so that a tensor with several of them is not too large."""
    axes = max((len([e for e in t.shape if e in wide]) for t in program.tensors.values()), default=0)
    return tuple(extent for extent in scale.space if extent**axes <= scale.largest)


def _of_option(option: Option) -> Sequence[Size]:
    if option.kind is Kind.NUMBER:
        low, high = option.values.within(0.25, 1.0) if option.values is not None else (0.25, 1.0)
        return (option.default,) if isinstance(option.default, int | float) else ((low + high) / 2,)
    default = int(option.default) if isinstance(option.default, int) else option.minimum + 1
    return tuple(dict.fromkeys((default, option.minimum, option.minimum + 1, 2)))


def _by_distance(choices: Sequence[Sequence[Size]]) -> Iterator[tuple[Size, ...]]:
    """Every combination, those first that are best for most symbols; of many symbols few choices each."""
    most = next((n for n in (5, 4, 3, 2) if n ** len(choices) <= 50_000), 1)
    few = [c[:most] for c in choices]
    places = sorted(product(*(range(len(c)) for c in few)), key=lambda p: (sum(p), p))
    return (tuple(c[n] for c, n in zip(few, place, strict=True)) for place in places)
