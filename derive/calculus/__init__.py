"""Program -> Gradient, again a Program.

differentiate                        Program    its gradient
second_order                         Gradient   the gradient of that
closed                               Gradient   closed forms of gradients, as expressions
programs                             Gradient   what functions run: forward, gradients, second order
collapse                             Term       Kronecker deltas away, step by step
passes                               Program    the same values with less work
"""
