"""C as a backend, see `codegen.target`: a header and a source for each layer, which need nothing beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gradscribe.codegen.files.emitted import Emitted
from gradscribe.codegen.loops.product.c_module import TEMPLATE, c_module
from gradscribe.derive.composition import Network
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser


@dataclass(frozen=True)
class CTarget:
    """The backend as `codegen.target.Target` has it."""

    template: str = TEMPLATE
    offers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    folders: Sequence[str] = ()
    suffixes: Sequence[str] = (".c", ".h")
    importable: bool = False
    networks: bool = False

    def module(self, item: Layer | Optimiser, order: int) -> Emitted:
        """The source of a layer or an optimiser, its header beside it."""
        if isinstance(item, Network):
            raise EquationError(f"{item.name}: C has no networks; generate each of its layers, and call them in turn")
        if order != 1:
            raise EquationError(f"{item.name}: order: C has the functions of order 1; received {order}")
        if isinstance(item, Layer) and item.checkpoint:
            raise EquationError(
                f"{item.name}: checkpoint {item.checkpoint}: C keeps every position; expected no checkpoint, or NumPy"
            )
        return c_module(item)

    def shared(self) -> Mapping[str, str]:
        """No files."""
        return {}

    def init(self, members: Mapping[str, Sequence[str]]) -> str:
        """No file of a package."""
        return ""


TARGET = CTarget()
