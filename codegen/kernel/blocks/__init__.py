"""Blocks of a network's text -> functions that their places share, and what is left of the network's own program.

What a block makes at a place, its tensors and the gradients that follow from theirs, is computed by a function. Places
share one if their statements are the same but for names and numbers: these are compared, nobody relies on the text. A
function has the names of its block: ``conv1_u`` is ``stage1_block1_conv1_u`` at place stage1_block1, and x what the
block is given. A number that places differ in has the name of a size: C is 16 at stage1_block1 and 32 at stage2_block2.

places         Network               where blocks stand, and what the block calls the tensors there
block_kernel   a function's program  what it computes at a place, under the block's names
unify          several of these      the one with symbols for the numbers that they differ in
size_symbols   these numbers         which symbol, or product of symbols, stands for them
parts          a function's program  its parts: those of places, and the network's own between
"""
