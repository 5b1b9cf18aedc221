"""Network -> one module: forward, backward and loss, each one function.

kernels     Network            the programs of its functions       kernels.py (uses codegen.kernel)
memory      Plan               Plan with buffers reused            memory.py
functions   programs, plans    text of the functions               functions.py, reading.py
class       Network            text of the class                   network_class.py
module      all of these       text of the module                  module.py, templates/numpy/module.py.jinja
"""

from gradscribe.codegen.network.module import network_source

__all__ = ["network_source"]
