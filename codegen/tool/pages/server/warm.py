"""What is loaded once, before processes for texts are copied from it: all that a derivation needs, tried once.

Only `multiprocessing`'s server of copies imports this, see `answering`.
"""

import gc

from gradscribe.codegen.tool.pages.playground.answer import answer

answer("y[n,k] = sum(c) x[n,c]*w[c,k]; weight w")
gc.collect()
gc.freeze()  # copies share what lies there, as nobody walks through it
