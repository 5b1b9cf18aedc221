"""Network -> one module: forward, backward and loss, each one function.

memory      Plan               Plan with buffers reused            memory.py, copies.py
functions   kernels, plans     the functions                       network_functions.py, network_arguments.py
class       Network            the class                           network_class.py, starts.py
module      all of these       the module                          network_module.py
"""

from gradscribe.codegen.numpy.network.network_module import network_source

__all__ = ["network_source"]
