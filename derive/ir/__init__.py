"""The ground: what an equation is.

index        integers: indices, sizes, affine forms
functions    scalar functions, a row each
reductions   reductions, a row each
term         Access, Term, Statement, Program
well_formed  what every Program must be
interpret    its value, by brute force
"""
