"""Blocks of a network -> what its module says once for all places where one stands.

block_functions   PlacedPart   the functions that their places share
block_tables      NetworkKernels, entries   what is true of nodes, weights and arrays kept, of a block once
"""
