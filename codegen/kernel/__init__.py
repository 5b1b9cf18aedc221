"""Layer -> Kernels -> Forms: which functions a module has, and what each statement of them sums over.

kernel                 Layer        its functions of first order: forward, single gradients, all gradients
gradient_conditions    Kernel       where a function has all gradients, which of them are wanted
second_order_kernels   Layer        those of second order
network_kernels        Network      forward, evaluation, backward
blocks                 Network      what its blocks compute, which functions share
calling                Kernel       the names and values of its arguments
form                   Statement    where it writes, the box of its indices, its body
"""
