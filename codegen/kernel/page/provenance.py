"""Which equation of a layer's page a tensor of generated code is computed by."""

from collections.abc import Mapping

from gradscribe.codegen.kernel.kernel import Kernel, Purpose
from gradscribe.derive.derivation import unlettered
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.typeset.document.arrange import document
from gradscribe.derive.typeset.document.document import Document
from gradscribe.kept import kept

ORDERS = {Purpose.DOUBLE_BACKWARD: 2, Purpose.HESSIAN_VECTOR: 2}


def page(layer: Layer) -> Document:
    """The page that `gradscribe derive` prints, in the names that the code has: no letters are chosen for them."""
    return document(unlettered(layer))


def page_numbers(layer: Layer) -> Mapping[str, int]:
    """The numbers on it by tensor; no letter changes them."""
    plain, _ = _numbers(layer, 1)
    return plain


def kernel_numbers(kernel: Kernel, layer: Layer | None = None) -> Mapping[str, int]:
    """Those of the page that a kernel belongs to: of closed forms where it computes by these.

    Args:
        kernel: the kernel.
        layer: what the page is about; the kernel's layer by default.
    """
    plain, closed = _numbers(layer or kernel.layer, ORDERS.get(kernel.purpose, 1))
    return {**plain, **{name: number for name, number in closed.items() if name in kernel.closed}}


@kept(64)
def _numbers(layer: Layer, order: int) -> tuple[Mapping[str, int], Mapping[str, int]]:
    found = document(unlettered(layer, order=order))
    return found.numbers, found.closed_numbers
