"""Symbolic mathematics: equations, their derivatives, and the derivations. Imports nothing of codegen."""
