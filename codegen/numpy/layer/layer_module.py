"""Layer -> its module: the functions, and the class on top of them."""

from gradscribe.codegen.files.emitted import Emitted
from gradscribe.codegen.kernel.kernel import backward_kernel, evaluation
from gradscribe.codegen.kernel.second_order_kernels import kernels_of_order
from gradscribe.codegen.numpy.function.docstring import module_doc
from gradscribe.codegen.numpy.function.function_text import function_sources
from gradscribe.codegen.numpy.function.sizes import sizes_names
from gradscribe.codegen.numpy.layer.layer_class import layer_class
from gradscribe.codegen.numpy.layer.layer_methods import LayerKernels
from gradscribe.codegen.numpy.layer.layer_names import check_globals, check_names
from gradscribe.codegen.numpy.package.module_text import emitted
from gradscribe.codegen.python.definition import Module
from gradscribe.derive.layer.interface import Layer


def module_source(layer: Layer, order: int = 1) -> Emitted:
    """The module of `layer`; with order 2 also the functions of `codegen.kernel.second_order_kernels`.

    Raises:
        EquationError: when a name of the layer cannot be a Python name, and for an order other than 1 and 2.
    """
    check_names(layer)
    (forward, *gradients), second = kernels_of_order(layer, order)
    k = LayerKernels(layer, forward, tuple(gradients), backward_kernel(layer), evaluation(layer), second)
    check_globals(layer, [*(kernel.name for kernel in k.every), *sizes_names(k.every)])
    cls = layer_class(k)
    functions = function_sources(k.every)
    return emitted(Module(layer.name, module_doc(layer), functions, cls))
