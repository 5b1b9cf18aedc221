"""Blocks of a network -> what its module says once for all places where one stands.

block_functions   parts of kernels     the functions that their places share
block_tables      entries of a table   what is true of nodes, weights and arrays kept, of a block once
"""
