"""NumPy as the engine: kernels -> plans -> statements -> modules.

plan       what is done, as records
lower      Program -> Plan
print      Plan -> statements of Python
function   Kernel -> a function with its checks and its words
layer      Layer, Optimiser -> module
network    Network -> module
package    modules as text and what it may say, the runtime beside them, the backend as others see it
explain    how functions are computed at given sizes
"""
