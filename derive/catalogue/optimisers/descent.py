"""Gradient descent, update equations only; the weight p may have any shape."""

from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.derive.language import optimiser
from gradscribe.derive.layer.update import Optimiser


def sgd() -> Optimiser:
    """Stochastic gradient descent with momentum, v, as PyTorch has it; without momentum v is the gradient."""
    return optimiser(
        """
        lr = 1e-3
        lr >= 0
        momentum = 0.0
        momentum >= 0
        weight_decay = 0.0
        weight_decay >= 0
        nesterov = false
        h[...] = g[...] + weight_decay * p[...]
        new_v[...] = momentum * v[...] + h[...]
        u[...] = (1 - nesterov) * new_v[...] + nesterov * (h[...] + momentum * new_v[...])
        new_p[...] = p[...] - lr * u[...]
        """,
        "sgd",
        class_name="SGD",
        title=OPTIMISERS["sgd"].title,
        state={"v": "velocity"},
        source="Sutskever et al., On the importance of initialization and momentum in deep learning, 2013, section 2",
    )


def adam() -> Optimiser:
    """Adam: m and v are running means of the gradient and of its square, corrected for their start at 0."""
    return optimiser(
        """
        lr = 1e-3
        lr >= 0
        beta_1 = 0.9
        0 <= beta_1 < 1
        beta_2 = 0.999
        0 <= beta_2 < 1
        eps = 1e-8
        eps >= 0
        weight_decay = 0.0
        weight_decay >= 0
        t = 1
        h[...] = g[...] + weight_decay * p[...]
        new_m[...] = beta_1 * m[...] + (1 - beta_1) * h[...]
        new_v[...] = beta_2 * v[...] + (1 - beta_2) * h[...]^2
        new_p[...] = p[...] - lr * new_m[...] / (1 - beta_1^t) / (sqrt(new_v[...] / (1 - beta_2^t)) + eps)
        """,
        "adam",
        title=OPTIMISERS["adam"].title,
        state={"m": "first_moment", "v": "second_moment"},
        source="Kingma and Ba, Adam: a method for stochastic optimization, 2015, algorithm 1",
    )
