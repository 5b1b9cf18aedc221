"""Network -> one module: forward, backward and loss, each one function.

blocks      parts of kernels   the functions of blocks             block_functions.py
plans       kernels, blocks    Plan with buffers reused            network_plans.py, planning/
functions   kernels, plans     the functions                       network_functions.py, network_arguments.py
class       Network            the class                           network_class.py, starts.py
module      all of these       the module                          network_module.py
"""

from gradscribe.codegen.numpy.network.network_module import network_source

__all__ = ["network_source"]
