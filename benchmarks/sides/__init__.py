"""How each side computes a row: `prepare` of its module, loaded in that side's process only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NamedTuple

from benchmarks.rows import Array


class Prepared(NamedTuple):
    """An operation, ready to be called again and again.

    Attributes:
        call: computes it once and waits for the result.
        arrays: the result's arrays in channels-last layout, by name, to be compared.
        held: the bytes that a layer keeps for its next call, which a call does not ask for anew.
    """

    call: Callable[[], Any]
    arrays: Callable[[Any], dict[str, Array]]
    held: Callable[[], int] = int


class Unsupported(Exception):
    """A side has no such operation."""


@dataclass(frozen=True)
class Side:
    """One way to compute everything.

    Attributes:
        module: name of the module in this package.
        needs: packages that must be installed.
        options: what `prepare` takes besides.
        rounds: at most so many rounds; slow sides are there for scale.
        peer: what the report compares with; sides of the same peer count as one, by their better time.
        patience: seconds after which the side counts as hanging.
    """

    module: str
    needs: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    rounds: int = 99
    peer: str = ""
    patience: float = 60.0

    @property
    def missing(self) -> tuple[str, ...]:
        """The needed packages that are not installed."""
        return tuple(name for name in self.needs if find_spec(name) is None)

    def load(self) -> ModuleType:
        """The module, in the process that is to compute."""
        return import_module(f"benchmarks.sides.{self.module}")


SIDES = {
    "numpy": Side("ours", options={"backend": "numpy", "accuracy": "fast"}),
    "strict": Side("ours", options={"backend": "auto", "accuracy": "strict"}),
    "compiled": Side("ours", (), {"backend": "compiled", "accuracy": "fast"}),
    "torch": Side("eager", ("torch",), {"layout": "contiguous_format"}, peer="torch"),
    "torch-last": Side("eager", ("torch",), {"layout": "channels_last"}, peer="torch"),
    "torch.compile": Side(
        "eager", ("torch",), {"layout": "contiguous_format", "compiled": "yes"}, 5, "torch.compile", 240.0
    ),
    "jax": Side("xla", ("jax",), rounds=5, peer="jax"),
    "onnxruntime": Side("session", ("onnxruntime", "onnx"), peer="onnxruntime"),
    "im2col": Side("textbook", options={"way": "im2col"}, rounds=3, peer="im2col"),
    "numpy-ml": Side("textbook", options={"way": "numpy-ml"}, rounds=1, peer="numpy-ml"),
}
"""Every side by name; `OURS` are ways to compute with the generated kernels."""

OURS = ("numpy", "strict", "compiled")
GROUPS = {"ours": OURS, "torch": ("torch", "torch-last"), "textbook": ("im2col", "numpy-ml")}
"""Names for several sides on the command line."""
