"""Network -> one module: forward, backward and loss, each one function.

kernels     Network            the programs of its functions       kernels.py (uses codegen.kernel)
memory      Plan               Plan with buffers reused            memory.py, copies.py
functions   programs, plans    the functions                       functions.py, reading.py
class       Network            the class                           network_class.py, starts.py
module      all of these       the module                          module.py
"""

from gradscribe.codegen.network.module import network_source

__all__ = ["network_source"]
