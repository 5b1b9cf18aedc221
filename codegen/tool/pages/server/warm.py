"""What is loaded once, before processes for texts are copied from it: all that a derivation needs, tried once.

Only `multiprocessing`'s server of copies imports this, see `answering`.
"""

import gc
import signal

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends who serves, and with it this one

from gradscribe.codegen.tool.pages.playground.answer import answer  # noqa: E402  # it takes a while

answer("y[n,k] = sum(c) x[n,c]*w[c,k]; weight w")
gc.collect()
gc.freeze()  # copies share what lies there, as nobody walks through it
