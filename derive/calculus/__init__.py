"""Program -> Gradient, again a Program.

differentiate                        Program    its gradient
second_order                         Gradient   the gradient of that
gradient_program                     Layer      what its functions run
joint_program                        Gradient   what the function of all gradients runs, if they need the same
second_order_program                 Layer      the same for second order
collapse                             Term       Kronecker deltas away, step by step
passes                               Program    the same values with less work
"""
