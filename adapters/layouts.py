"""What PyTorch and Keras call the weights of our layers, and how they lay them out. All of it is data.

A layer or weight that is not listed has no counterpart there: it keeps its name and its layout.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradscribe.adapters.rearrange import Rearrangement


@dataclass(frozen=True)
class Placed:
    """Where one of our weights is kept.

    Attributes:
        name: their name.
        layout: from our axes to theirs.
        gates: which of our gates each of theirs is, where their order along our second-last axis is another.
        row: for weights that they stack along a first axis: which of its rows.
        added: a further weight of theirs that is added to this one; ours is the sum.
    """

    name: str
    layout: Rearrangement = field(default_factory=Rearrangement)
    gates: tuple[int, ...] = ()
    row: int | None = None
    added: str | None = None


@dataclass(frozen=True)
class Framework:
    """The layouts of a framework.

    Attributes:
        name: of the framework.
        separator: between the name of a layer and that of a weight.
        layers: catalogue name of a layer -> our weight -> its place.
        counters: catalogue name of a layer -> integers that they keep beside the weights and we do not.
        channels_first: whether images are flattened channels first.
    """

    name: str
    separator: str
    layers: Mapping[str, Mapping[str, Placed]]
    counters: Mapping[str, tuple[str, ...]]
    channels_first: bool

    def place(self, layer: str, weight: str) -> Placed:
        """The place of a weight of a layer."""
        return self.layers.get(layer, {}).get(weight) or Placed(weight)


def _placed(name: str, pattern: str, **rest: object) -> Placed:
    return Placed(name, Rearrangement(pattern), **rest)  # type: ignore[arg-type] # fields by name


def _of(names: str, weights: Mapping[str, Placed]) -> dict[str, Mapping[str, Placed]]:
    return dict.fromkeys(names.split(), weights)


BIAS = Placed("bias")
SCALE = {"gamma": Placed("weight"), "beta": BIAS}
STATISTICS = {"running_mean": Placed("running_mean"), "running_var": Placed("running_var")}


def _torch_recurrent(suffix: str) -> dict[str, Mapping[str, Placed]]:
    """Recurrent layers, whose weights have a suffix for the layer and the direction; of two biases the sum counts."""
    added = f"bias_hh{suffix}"
    return {
        "simple_rnn": {
            "w": _placed(f"weight_ih{suffix}", "c h -> h c"),
            "r": _placed(f"weight_hh{suffix}", "l h -> h l"),
            "b": Placed(f"bias_ih{suffix}", added=added),
        },
        "lstm": {
            "w": _placed(f"weight_ih{suffix}", "c g h -> (g h) c"),
            "r": _placed(f"weight_hh{suffix}", "l g h -> (g h) l"),
            "b": _placed(f"bias_ih{suffix}", "g h -> (g h)", added=added),
        },
        "gru": {
            "w": _placed(f"weight_ih{suffix}", "c g h -> (g h) c"),
            "r": _placed(f"weight_hh{suffix}", "l g h -> (g h) l"),
            "b": _placed(f"bias_ih{suffix}", "g h -> (g h)"),
            "d": _placed(f"bias_hh{suffix}", "g h -> (g h)"),
        },
    }


TORCH = Framework(
    "PyTorch",
    ".",
    {
        **_of("conv1d conv2d conv3d connected_conv2d", {"w": _placed("weight", "... c k -> k c ..."), "b": BIAS}),
        **_of(
            "conv_transpose1d conv_transpose2d conv_transpose3d",
            {"w": _placed("weight", "... k c -> c k ..."), "b": BIAS},
        ),
        # A convolution with one group per channel.
        **_of("depthwise_conv1d depthwise_conv2d", {"w": _placed("weight", "... c m -> (c m) 1 ..."), "b": BIAS}),
        "dense": {"w": _placed("weight", "c k -> k c"), "b": BIAS},
        "bilinear": {"w": _placed("weight", "c d k -> k c d"), "b": BIAS},
        "embedding": {"w": Placed("weight")},
        "prelu": {"a": Placed("weight")},
        "batch_norm": {**SCALE, **STATISTICS},
        **_of("batch_norm_inference layer_norm rms_norm group_norm instance_norm", SCALE),
        **{f"{name}_cell": own for name, own in _torch_recurrent("").items()},
        **_torch_recurrent("_l0"),
        "bidirectional_lstm": {
            **_torch_recurrent("_l0")["lstm"],
            **dict(zip("vqd", _torch_recurrent("_l0_reverse")["lstm"].values(), strict=True)),
        },
    },
    {"batch_norm": ("num_batches_tracked",)},
    channels_first=True,
)

KERNEL = {"w": Placed("kernel"), "b": BIAS}
UPDATE_RESET_CANDIDATE = (1, 0, 2)  # ours are reset, update, candidate


def _keras_recurrent(prefix: str) -> dict[str, Mapping[str, Placed]]:
    """Recurrent layers; the weights of a direction lie in a folder of their own."""
    kernel, recurrent, bias = (f"{prefix}{name}" for name in ("kernel", "recurrent_kernel", "bias"))
    gates = UPDATE_RESET_CANDIDATE
    return {
        "simple_rnn": {"w": Placed(kernel), "r": Placed(recurrent), "b": Placed(bias)},
        "lstm": {
            "w": _placed(kernel, "c g h -> c (g h)"),
            "r": _placed(recurrent, "l g h -> l (g h)"),
            "b": _placed(bias, "g h -> (g h)"),
        },
        "gru": {
            "w": _placed(kernel, "c g h -> c (g h)", gates=gates),
            "r": _placed(recurrent, "l g h -> l (g h)", gates=gates),
            "b": _placed(bias, "g h -> (g h)", gates=gates, row=0),
            "d": _placed(bias, "g h -> (g h)", gates=gates, row=1),
        },
    }


KERAS = Framework(
    "Keras",
    "/",
    {
        **_of("conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d", KERNEL),
        **_of("depthwise_conv1d depthwise_conv2d connected_conv2d dense", KERNEL),
        "embedding": {"w": Placed("embeddings")},
        "prelu": {"a": Placed("alpha")},
        "batch_norm": {
            "running_mean": Placed("moving_mean"),
            "running_var": Placed("moving_variance"),
        },
        "rms_norm": {"gamma": Placed("scale")},
        **{f"{name}_cell": own for name, own in _keras_recurrent("").items()},
        **_keras_recurrent(""),
        "bidirectional_lstm": {
            **_keras_recurrent("forward_lstm/lstm_cell/")["lstm"],
            **dict(zip("vqd", _keras_recurrent("backward_lstm/lstm_cell/")["lstm"].values(), strict=True)),
        },
    },
    {},
    channels_first=False,
)

PER_FEATURE = frozenset({"batch_norm", "batch_norm_inference", "layer_norm", "rms_norm", "prelu"})
"""Layers whose weights have one element per feature: between `flatten` and `dense` these are flattened images too."""
