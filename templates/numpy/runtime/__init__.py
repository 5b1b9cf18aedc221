"""What generated kernels need at run time; imports NumPy only, and threadpoolctl where it is installed.

Kernels say ``rt.contract``: what they may ask for is listed here, in `__all__`, and nothing else. Nothing here knows a
layer. The rooms, each of which imports those before it only:

arguments      what kernels are given, checked
machine        settings, threads, memory, compiled loops
arithmetic     ranges of indices, sums, extrema, scalar functions, lookups
cook_toom      fast correlations, written from the exact algorithms
contractions   sums of products, and the strategies to compute them
windows        reductions of windows, and their adjoints
recording      calls that are recorded, and are one call of C from then on
layers         what classes of layers, networks and optimisers stand on
"""

from .arguments.arrays import Array, array, arrays, as_array, float_type, held_type, labels, recorded, scalar_type
from .arguments.extents import (
    divided,
    elements,
    extent,
    extents,
    fits,
    raveled,
    raveled_axes,
    same_axes,
    same_raveled,
    same_shape,
)
from .arguments.kept import once
from .arguments.options import Padding, Size, count, features, flag, number, paddings, real_type, require, shape, sizes
from .arguments.weights import direction, names, uniform
from .arithmetic.extrema import first_max, first_min, maximise, minimise
from .arithmetic.functions import divisor, erf, ratio, share, sigmoid, softplus
from .arithmetic.lookups import gather, known, label_extrema, scatter, whole, wide
from .arithmetic.parts import running_sums, segment_sums, spread_segments
from .arithmetic.ranges import OPERAND, blocks, carried, clip, counts, plane, span, stretch, stretches
from .arithmetic.running import others, running, running_slopes
from .arithmetic.sums import add_row, total
from .contractions.by_label import contract_by_label
from .contractions.contract import contract
from .contractions.views import window
from .layers.layer import Layer
from .layers.network import Network
from .layers.network_pass import Arrays, Memory, Named, Pass, Saved
from .layers.optimiser import Optimiser
from .layers.sequential import Sequential
from .layers.starts import Constant, Normal, Start, State, Uniform, placed, placed_names, start
from .machine.ahead import compiling
from .machine.companion import Companion
from .machine.compiled import run
from .machine.configuration import Settings, current, settings
from .machine.memory import Buffers, affordable, constant, empty, filled, release, zeros
from .windows.reductions import reduce
from .windows.spreads import spread

__all__ = [
    "OPERAND",
    "Array",
    "Arrays",
    "Buffers",
    "Companion",
    "Constant",
    "Layer",
    "Memory",
    "Named",
    "Network",
    "Normal",
    "Optimiser",
    "Padding",
    "Pass",
    "Saved",
    "Sequential",
    "Settings",
    "Size",
    "Start",
    "State",
    "Uniform",
    "add_row",
    "affordable",
    "array",
    "arrays",
    "as_array",
    "blocks",
    "carried",
    "clip",
    "compiling",
    "constant",
    "contract",
    "contract_by_label",
    "count",
    "counts",
    "current",
    "direction",
    "divided",
    "divisor",
    "elements",
    "empty",
    "erf",
    "extent",
    "extents",
    "features",
    "filled",
    "first_max",
    "first_min",
    "fits",
    "flag",
    "float_type",
    "gather",
    "held_type",
    "known",
    "label_extrema",
    "labels",
    "maximise",
    "minimise",
    "names",
    "number",
    "once",
    "others",
    "paddings",
    "placed",
    "placed_names",
    "plane",
    "ratio",
    "raveled",
    "raveled_axes",
    "real_type",
    "recorded",
    "reduce",
    "release",
    "require",
    "run",
    "running",
    "running_slopes",
    "running_sums",
    "same_axes",
    "same_raveled",
    "same_shape",
    "scalar_type",
    "scatter",
    "segment_sums",
    "settings",
    "shape",
    "share",
    "sigmoid",
    "sizes",
    "softplus",
    "span",
    "spread",
    "spread_segments",
    "start",
    "stretch",
    "stretches",
    "total",
    "uniform",
    "whole",
    "wide",
    "window",
    "zeros",
]
