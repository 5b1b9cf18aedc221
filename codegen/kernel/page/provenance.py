"""Which equation of a layer's page a tensor of generated code is computed by."""

from collections.abc import Mapping

from gradscribe.codegen.kernel.kernel import Kernel, Purpose
from gradscribe.derive.derivation import derive, unlettered
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.typeset.document.arrange import document
from gradscribe.derive.typeset.document.document import Document
from gradscribe.kept import kept

ORDERS = {Purpose.DOUBLE_BACKWARD: 2, Purpose.HESSIAN_VECTOR: 2}


def page(layer: Layer) -> Document:
    """The page that `gradscribe derive` prints."""
    return _page(layer)


@kept(8)
def _page(layer: Layer) -> Document:
    return document(derive(layer))


def page_numbers(layer: Layer, order: int = 1) -> Mapping[str, int]:
    """The numbers on it by tensor; no letter changes them."""
    return _numbers(layer, order)


@kept(64)
def _numbers(layer: Layer, order: int) -> Mapping[str, int]:
    return document(unlettered(layer, order=order)).numbers


def kernel_numbers(kernel: Kernel) -> Mapping[str, int]:
    """Those of the page that a kernel belongs to."""
    return page_numbers(kernel.layer, ORDERS.get(kernel.purpose, 1))
