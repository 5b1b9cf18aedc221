"""What is to be reached, as data: ratios to PyTorch in its better layout per operation."""

from dataclasses import dataclass

from benchmarks.cases.equations import EQUATIONS
from benchmarks.rows import (
    ATTENTION,
    AVERAGE,
    CELLS,
    DENSE,
    DEPTHWISE,
    GROUPED,
    INFERENCE,
    LARGE,
    LENET,
    MAX2,
    MAX3,
    NORMS,
    OTHER,
    RECURRENT,
    RESNET,
    STEPS,
    TINY,
    TRAINING,
    TRAINING_DEEP,
    A,
    B,
    Layer,
    Row,
)

THREADS = 2
"""The number of threads that targets are for which name no other one."""


@dataclass(frozen=True)
class Target:
    """A bound for a group of rows.

    Attributes:
        title: the rows as the report names them.
        groups: of rows; all for ().
        side: ours: "numpy", "strict", "compiled", or "best", the better of "numpy" and "compiled" per row.
        measure: "mean" or "dw mean", geometric; "each", a ratio; "error"; "scratch", MB; "peak", a ratio of
            memory; "behind", rows with a ratio above 1.
        most: the bound.
        dtype: of the numbers.
        peer: what ratios are to.
        kernels: only convolutions with such a window; "3x3" or "other", both for "".
        threads: as many as are computed with.
    """

    title: str
    groups: tuple[str, ...]
    side: str
    measure: str
    most: float
    dtype: str = "float32"
    peer: str = "torch"
    kernels: str = ""
    threads: int = THREADS

    def covers(self, row: Row) -> bool:
        """Whether the bound is for this row."""
        layer = row.layer
        dense = isinstance(layer, Layer) and layer.kind == "conv" and layer.kernel == 3
        wanted = {"": True, "3x3": dense, "other": not dense}[self.kernels]
        if self.peer == "jax" and layer.kind not in ("conv", "depthwise", "max_pool", "avg_pool"):
            return False
        operation = not self.measure.startswith("dw") or row.operation == "dw"
        return wanted and operation and (not self.groups or layer.group in self.groups)


POOLS = (MAX2, MAX3, AVERAGE)
CLASSES = {
    "A, 3x3 stride 1": (A,),
    "B: 1x1, stem, stride 2, dilated": (B,),
    "LeNet conv1, conv2": (LENET,),
    "ResNet 3x3, 16 to 64 channels": (RESNET,),
    "depthwise, grouped": (DEPTHWISE, GROUPED),
    "large window": (LARGE,),
    "conv1d, conv3d, transposed": (OTHER,),
    "dense": (DENSE,),
    "pools, pairs": POOLS,
    "norms, softmax, attention, LSTM cell": (NORMS, ATTENTION, CELLS),
    "training step, LeNet": (TRAINING,),
    "training step, ResNet-20, VGG-11": (TRAINING_DEEP,),
    "perceptron's and block's step": (STEPS,),
    "inference, batch 1": (INFERENCE,),
    "a repeated tiny call": (TINY,),
    "equations": (EQUATIONS,),
    "recurrent layers": (RECURRENT,),
}
"""Every group of rows, in classes that the report has a mean of."""

REST = tuple(g for groups in CLASSES.values() for g in groups if g not in (EQUATIONS, RECURRENT))
"""All groups but the equations of papers and recurrent layers, which have bounds of their own."""

_NORMS, _STEPS = "norms, softmax, attention, LSTM cell", "perceptron's and block's step"

TARGETS = (
    Target("A, fast", (A,), "best", "mean", 0.45),
    Target("A, fast", (A,), "best", "each", 0.70),
    Target("A, fast", (A,), "best", "dw mean", 0.45),
    Target("A, fast", (A,), "best", "error", 6e-6),
    Target("A, strict", (A,), "strict", "mean", 1.0),
    Target("A, strict", (A,), "strict", "each", 1.15),
    Target("A, strict", (A,), "strict", "error", 2e-6),
    Target("B", (B,), "best", "mean", 0.80),
    Target("B", (B,), "best", "each", 1.10),
    Target("LeNet conv1, conv2", (LENET,), "best", "mean", 0.60),
    Target("LeNet conv1, conv2", (LENET,), "best", "each", 0.80),
    Target("ResNet 3x3, 16 to 64 channels", (RESNET,), "best", "mean", 0.60),
    Target("ResNet 3x3, 16 to 64 channels", (RESNET,), "best", "each", 1.0),
    Target("depthwise, grouped", (DEPTHWISE, GROUPED), "best", "mean", 0.85),
    Target("depthwise, grouped", (DEPTHWISE, GROUPED), "best", "each", 1.05),
    Target("pools", POOLS, "best", "mean", 0.45),
    Target("pools", POOLS, "best", "each", 0.60),
    Target(_NORMS, (NORMS, ATTENTION, CELLS), "best", "mean", 0.70),
    Target(_NORMS, (NORMS, ATTENTION, CELLS), "best", "each", 1.0),
    Target("all, best backend", REST, "best", "mean", 0.60),
    Target("all, best backend", REST, "best", "each", 1.10),
    Target("all, float64", REST, "best", "mean", 0.45, dtype="float64"),
    Target("JAX", REST, "best", "mean", 0.25, peer="jax"),
    Target("JAX", REST, "best", "behind", 2, peer="jax"),
    Target("training step, NumPy", (TRAINING,), "numpy", "mean", 0.9),
    Target("training step, NumPy", (TRAINING,), "numpy", "each", 1.0),
    Target("training step, LeNet", (TRAINING,), "best", "mean", 0.40),
    Target("training step, LeNet", (TRAINING,), "best", "each", 0.50),
    Target("training step, ResNet-20, VGG-11", (TRAINING_DEEP,), "best", "mean", 0.70),
    Target("training step, ResNet-20, VGG-11", (TRAINING_DEEP,), "best", "each", 0.80),
    Target(_STEPS, (STEPS,), "best", "mean", 0.90),
    Target(_STEPS, (STEPS,), "best", "each", 1.0),
    Target("inference, batch 1", (INFERENCE,), "best", "mean", 0.40),
    Target("inference, batch 1", (INFERENCE,), "best", "each", 0.50),
    Target("a repeated tiny call", (TINY,), "best", "mean", 1.0),
    Target("equations", (EQUATIONS,), "best", "mean", 1.0, threads=1),
    Target("equations", (EQUATIONS,), "best", "each", 2.0, threads=1),
    Target("recurrent layers", (RECURRENT,), "best", "each", 1.5, threads=1),
    Target("equations, recurrent layers", (EQUATIONS, RECURRENT), "best", "peak", 2.0),
    Target("dense 3x3, NumPy", (A, B), "numpy", "scratch", 48, kernels="3x3"),
    Target("all else, NumPy", REST, "numpy", "scratch", 24, kernels="other"),
)
