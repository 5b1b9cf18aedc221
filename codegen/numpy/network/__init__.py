"""Network -> one module: forward, backward and loss, each one function.

blocks      parts of kernels   the functions and tables of blocks  blocks/
plans       kernels, blocks    Plan with buffers reused            planning/
functions   kernels, plans     the functions                       network_functions.py, network_arguments.py
class       Network            the class                           network_class.py, starts.py
header      Network            what the module says                network_header.py
module      all of these       the module                          network_module.py
"""

from gradscribe.codegen.numpy.network.network_module import network_source

__all__ = ["network_source"]
