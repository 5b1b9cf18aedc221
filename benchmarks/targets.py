"""What is to be reached, as data: with two threads, and ratios to PyTorch in its better layout per operation."""

from dataclasses import dataclass

from benchmarks.rows import AVERAGE, DEPTHWISE, LENET, MAX2, MAX3, TRAINING, A, B, Row

THREADS = 2
"""The number of threads that all targets are for."""


@dataclass(frozen=True)
class Target:
    """A bound for a group of rows.

    Attributes:
        title: the rows as the report names them.
        groups: of rows; all for ().
        side: ours: "numpy", "strict", "compiled", or "best", the better of "numpy" and "compiled" per row.
        measure: "mean" or "dw mean", geometric; "each", a ratio; "error"; "scratch", MB; "behind", rows with a ratio
            above 1.
        most: the bound.
        dtype: of the numbers.
        peer: what ratios are to.
        kernels: only convolutions with such a window; "3x3" or "other", both for "".
    """

    title: str
    groups: tuple[str, ...]
    side: str
    measure: str
    most: float
    dtype: str = "float32"
    peer: str = "torch"
    kernels: str = ""

    def covers(self, row: Row) -> bool:
        """Whether the bound is for this row."""
        layer = row.layer
        dense = layer.kind == "conv" and layer.kernel == 3
        wanted = {"": True, "3x3": dense, "other": not dense}[self.kernels]
        if layer.kind == "training" and (self.measure == "error" or self.peer == "jax"):
            return False
        operation = not self.measure.startswith("dw") or row.operation == "dw"
        return wanted and operation and (not self.groups or layer.group in self.groups)


POOLS = (MAX2, MAX3, AVERAGE)

TARGETS = (
    Target("A, fast", (A,), "best", "mean", 0.50),
    Target("A, fast", (A,), "best", "each", 0.90),
    Target("A, fast", (A,), "best", "dw mean", 0.38),
    Target("A, fast", (A,), "best", "error", 6e-6),
    Target("A, strict", (A,), "strict", "mean", 0.80),
    Target("A, strict", (A,), "strict", "each", 1.4),
    Target("A, strict", (A,), "strict", "error", 1e-6),
    Target("B", (B,), "best", "mean", 0.85),
    Target("B", (B,), "best", "each", 1.35),
    Target("LeNet conv1, conv2, NumPy", (LENET,), "numpy", "mean", 1.4),
    Target("LeNet conv1, conv2, compiled", (LENET,), "compiled", "mean", 0.9),
    Target("pools, NumPy, max 2x2", (MAX2,), "numpy", "mean", 1.9),
    Target("pools, NumPy, max 3x3", (MAX3,), "numpy", "mean", 3.0),
    Target("pools, NumPy, average", (AVERAGE,), "numpy", "mean", 1.5),
    Target("pools, compiled", POOLS, "compiled", "mean", 0.65),
    Target("depthwise 3x3, NumPy", (DEPTHWISE,), "numpy", "mean", 2.8),
    Target("depthwise 3x3, compiled", (DEPTHWISE,), "compiled", "mean", 0.75),
    Target("all, best backend", (), "best", "mean", 0.65),
    Target("all, best backend", (), "best", "each", 1.2),
    Target("all, float64", (), "best", "mean", 0.45, dtype="float64"),
    Target("JAX", (), "best", "mean", 0.25, peer="jax"),
    Target("JAX", (), "best", "behind", 2, peer="jax"),
    Target("training step, NumPy", (TRAINING,), "numpy", "mean", 1.3),
    Target("training step, compiled", (TRAINING,), "compiled", "mean", 0.8),
    Target("dense 3x3, NumPy", (A, B), "numpy", "scratch", 48, kernels="3x3"),
    Target("all else, NumPy", (), "numpy", "scratch", 24, kernels="other"),
)
