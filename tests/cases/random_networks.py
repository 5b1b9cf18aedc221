"""Random networks: chains with residual connections over few pixels, as texts."""

from numpy.random import Generator

POINTWISE = ("tanh", "relu", "sigmoid", "softplus", "scaled_tanh", "gelu_tanh")


def random_network(rng: Generator) -> str:
    """A network over images (N, side, side, channels) that ends in images or in a dense layer."""
    side, channels = int(rng.integers(4, 8)), int(rng.integers(1, 4))
    lines = [f"input x[N, {side}, {side}, {channels}]"]
    steps: list[str] = []
    for _ in range(int(rng.integers(2, 5))):
        step, side, channels = _step(rng, side, channels)
        steps.append(step)
        if rng.random() < 0.5:
            steps.append(str(rng.choice(POINTWISE)))
        if rng.random() < 0.25:
            steps.append("batch_norm" if rng.random() < 0.5 else "layer_norm")
    if rng.random() < 0.5:
        steps += ["flatten" if rng.random() < 0.7 else "global_avg_pool", f"dense({int(rng.integers(1, 4))})"]
    return "\n".join([*lines, " -> ".join(steps)])


def _step(rng: Generator, side: int, channels: int) -> tuple[str, int, int]:
    """A layer, and the side and channels after it."""
    kind = rng.choice(["conv", "pool", "residual", "depthwise", "subsampling"])
    if kind == "residual":
        inner = f"conv2d({channels}, 3, padding=1) -> {rng.choice(POINTWISE)}"
        if rng.random() < 0.5:
            inner += f" -> conv2d({channels}, 1, bias=false)"
        shortcut = f", conv2d({channels}, 1)" if rng.random() < 0.3 else ""
        return f"residual({inner}{shortcut})", side, channels
    kernel = int(rng.integers(1, min(3, side) + 1))
    if kind == "subsampling" and side >= 2:
        return "subsampling2d", (side - 2) // 2 + 1, channels
    if kind == "pool":
        stride = int(rng.integers(1, 4))
        padding = int(rng.integers(0, kernel // 2 + 1))
        out = (side + 2 * padding - kernel) // stride + 1
        name = rng.choice(["max_pool2d", "avg_pool2d"])
        return f"{name}({kernel}, stride={stride}, padding={padding})", out, channels
    stride, padding, dilation = (int(rng.integers(*r)) for r in ((1, 4), (0, 3), (1, 3)))
    while side + 2 * padding - dilation * (kernel - 1) < 1:
        padding += 1
    out = (side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    options = f"stride={stride}, padding={padding}, dilation={dilation}"
    if kind == "depthwise":
        several = int(rng.integers(1, 3))
        return f"depthwise_conv2d({several}, {kernel}, {options})", out, channels * several
    after = int(rng.integers(1, 4))
    bias = ", bias=false" if rng.random() < 0.3 else ""
    return f"conv2d({after}, {kernel}, {options}{bias})", out, after
