"""Symbolic mathematics: equations, their derivatives, and the derivations. Imports nothing of codegen."""

if __name__ != "gradscribe.derive":
    raise ImportError("this is a room of gradscribe, and no package of its own: import gradscribe.derive")
