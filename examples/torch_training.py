"""Train a network of generated layers with PyTorch's optimiser, loss and batches, on scikit-learn's digits.

    python examples/torch_training.py

Needs PyTorch and scikit-learn. The layers' kernels are the generated ones, forward and backward; autograd calls them.
"""

from pathlib import Path

import torch
from sklearn.datasets import load_digits

from gradscribe.adapters import save
from gradscribe.adapters.torch import as_module
from gradscribe.generated import BatchNorm, Conv2D, Dense, Flatten, MaxPool2D, ReLU, Sequential

EPOCHS = 6
TRAINED_ON = 1500  # of 1,797 images


def build() -> Sequential:
    """Build the network: images (N, 8, 8, 1) in, logits (N, 10) out."""
    return Sequential(
        Conv2D(1, 16, 3, padding="same", rng=0), BatchNorm(16), ReLU(), MaxPool2D(2), Flatten(), Dense(256, 10, rng=1)
    )


def main(path: Path | None = None) -> float:
    """Train, print the accuracy on the images that were held back, save the weights if there is a path.

    The images are tested as one batch, whose own statistics batch normalisation uses.
    """
    torch.manual_seed(0)
    pixels, digits = load_digits(return_X_y=True)
    images = torch.tensor(pixels / 16, dtype=torch.float32).reshape(-1, 8, 8, 1)
    labels = torch.tensor(digits)
    layers = build()
    model = as_module(layers)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for epoch in range(EPOCHS):
        for batch in torch.randperm(TRAINED_ON).split(50):
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(images[batch]), labels[batch])
            loss.backward()
            optimiser.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")
    with torch.no_grad():
        right = model(images[TRAINED_ON:]).argmax(1) == labels[TRAINED_ON:]
    print(f"accuracy {right.float().mean().item():.1%}")
    if path is not None:
        save(layers, path)
    return right.float().mean().item()


if __name__ == "__main__":
    main()
