"""Weights in and out of generated layers, checkpoints, layers as PyTorch modules. Nothing else imports this package.

`save`, `load` and the checkpoints need safetensors, `adapters.torch` needs PyTorch; the rest needs NumPy only.
"""

from gradscribe.adapters.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from gradscribe.adapters.safetensors_file import load, save
from gradscribe.adapters.weights import from_keras, from_torch, to_keras, to_torch

__all__ = [
    "Checkpoint",
    "from_keras",
    "from_torch",
    "load",
    "load_checkpoint",
    "save",
    "save_checkpoint",
    "to_keras",
    "to_torch",
]

if __name__ != "gradscribe.adapters":
    raise ImportError("this is a room of gradscribe, and no package of its own: import gradscribe.adapters")
