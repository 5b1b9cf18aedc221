"""Generated convolution kernels against PyTorch on the CPU: ratios of median times, and peak memory beside them.

    python benchmarks/against_torch.py [--threads 1] [--rounds 9]

Each side runs in a process of its own with its threads pinned; rounds alternate between the two in random order, so
that what else the machine does hits both. PyTorch is timed in both memory layouts and its better one counts, per
operation. Times are milliseconds, ratios ours/PyTorch; below 1 is faster than PyTorch.
"""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

# name: batch, height = width, channels in, out, kernel, stride, padding, groups
CASES = {
    "3x3, 64 to 64 at 56": (8, 56, 64, 64, 3, 1, 1, 1),
    "3x3 s2, 128 to 128 at 56": (4, 56, 128, 128, 3, 2, 1, 1),
    "1x1, 64 to 256 at 56": (4, 56, 64, 256, 1, 1, 0, 1),
    "7x7 s2, 3 to 64 at 112": (4, 112, 3, 64, 7, 2, 3, 1),
    "5x5, 1 to 6 at 32 (LeNet)": (64, 32, 1, 6, 5, 1, 0, 1),
    "5x5, 6 to 16 at 14 (LeNet)": (64, 14, 6, 16, 5, 1, 0, 1),
    "3x3 depthwise, 64 at 56": (8, 56, 64, 64, 3, 1, 1, 64),
}
OPERATIONS = ("forward", "dx", "dw")


def arrays(case: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, w and dy of a case, float32, channels-last."""
    n, h, c, k, r, s, p, g = CASES[case]
    rng = np.random.default_rng(0)
    out = (h + 2 * p - r) // s + 1
    shapes = ((n, h, h, c), (r, r, c // g, k), (n, out, out, k))
    x, w, dy = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    return x, w, dy


def ours(case: str) -> dict[str, Callable[[], Any]]:
    """The generated kernels."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from generated.conv2d import conv2d_forward, conv2d_grad_input, conv2d_grad_weight

    x, w, dy = arrays(case)
    _, _, _, _, r, s, p, g = CASES[case]
    options: dict[str, Any] = {"stride": s, "padding": p, "groups": g}
    return {
        "forward": lambda: conv2d_forward(x, w, None, **options),
        "dx": lambda: conv2d_grad_input(dy, w, input_shape=x.shape, **options),
        "dw": lambda: conv2d_grad_weight(dy, x, kernel_size=r, **options),
    }


def torchs(case: str, layout: str) -> dict[str, Callable[[], Any]]:
    """PyTorch's operators in one memory layout."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.set_grad_enabled(False)
    form = torch.channels_last if layout == "last" else torch.contiguous_format
    x, w, dy = arrays(case)
    _, _, _, _, _, s, p, g = CASES[case]
    tx, tdy = (torch.tensor(a).permute(0, 3, 1, 2).contiguous(memory_format=form) for a in (x, dy))
    tw = torch.tensor(w).permute(3, 2, 0, 1).contiguous(memory_format=form)

    def backward(mask: list[bool]) -> Any:
        return torch.ops.aten.convolution_backward(tdy, tx, tw, [0], [s, s], [p, p], [1, 1], False, [0, 0], g, mask)

    return {
        "forward": lambda: torch.nn.functional.conv2d(tx, tw, stride=s, padding=p, groups=g),
        "dx": lambda: backward([True, False, False]),
        "dw": lambda: backward([False, True, False]),
    }


def serve(side: str) -> None:
    """The child: answers (case, operation) with milliseconds and the process's peak memory in MiB."""
    ready: dict[str, dict[str, Callable[[], Any]]] = {}
    for line in sys.stdin:
        case, operation = json.loads(line)
        if case not in ready:
            ready = {case: ours(case) if side == "ours" else torchs(case, side)}
            for function in ready[case].values():
                function()
        start = time.perf_counter()
        ready[case][operation]()
        elapsed = (time.perf_counter() - start) * 1e3
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps([elapsed, peak]), flush=True)


def main() -> None:
    """Run all cases and print a Markdown table."""
    threads, rounds = option("--threads", 1), option("--rounds", 9)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    print(f"threads {threads}, rounds {rounds}\n")
    print("| case | operation | ours ms | PyTorch ms | ratio | peak MiB ours / PyTorch |")
    print("| --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        sides = {side: child(side, environment) for side in ("ours", "last", "first")}
        for operation in OPERATIONS:
            times: dict[str, list[float]] = {side: [] for side in sides}
            peaks: dict[str, float] = {}
            for _ in range(rounds):
                for side in random.sample(list(sides), len(sides)):
                    elapsed, peaks[side] = ask(sides[side], case, operation)
                    times[side].append(elapsed)
            mine = median(times["ours"])
            peer = min(median(times["last"]), median(times["first"]))
            memory = f"{peaks['ours']:.0f} / {min(peaks['last'], peaks['first']):.0f}"
            print(f"| {case} | {operation} | {mine:.2f} | {peer:.2f} | {mine / peer:.2f} | {memory} |", flush=True)
        for process in sides.values():
            process.kill()


def option(name: str, default: int) -> int:
    """An integer from the command line."""
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else default


def child(side: str, environment: dict[str, str]) -> "subprocess.Popen[str]":
    """A process that serves one side."""
    command = [sys.executable, __file__, "--serve", side]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def ask(process: "subprocess.Popen[str]", case: str, operation: str) -> tuple[float, float]:
    """One timing from a child."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps([case, operation]) + "\n")
    process.stdin.flush()
    elapsed, peak = json.loads(process.stdout.readline())
    return elapsed, peak


if __name__ == "__main__":
    serve(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[1] == "--serve" else main()
