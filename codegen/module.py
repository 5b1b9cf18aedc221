"""Layer -> its module: the functions, and the class on top of them."""

from gradscribe.codegen.docstring import module_doc
from gradscribe.codegen.function import function_source
from gradscribe.codegen.kernel import evaluation
from gradscribe.codegen.layer_class import layer_class
from gradscribe.codegen.layer_methods import LayerKernels
from gradscribe.codegen.layer_names import check_globals, check_names
from gradscribe.codegen.provenance import page_numbers
from gradscribe.codegen.python.definition import Module
from gradscribe.codegen.render import Emitted, emitted
from gradscribe.codegen.second_order import kernels_of_order
from gradscribe.derive.interface import Layer


def module_source(layer: Layer, order: int = 1) -> Emitted:
    """The module of `layer`; with order 2 also the functions of `codegen.second_order`.

    Raises:
        EquationError: when a name of the layer cannot be a Python name, and for an order other than 1 and 2.
    """
    check_names(layer)
    (forward, *gradients), second = kernels_of_order(layer, order)
    k = LayerKernels(layer, forward, tuple(gradients), evaluation(layer), second)
    check_globals(layer, [kernel.name for kernel in k.every])
    cls = layer_class(k)
    functions = tuple(function_source(kernel) for kernel in k.every)
    return emitted(Module(layer.name, module_doc(layer, page_numbers(layer)), functions, cls))
