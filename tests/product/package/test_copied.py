"""A generated module and its runtime, copied: beside a script, and into anybody's package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GENERATED = Path(__file__).parents[3] / "generated"
PROGRAM = (
    "import sys, numpy as np\n"
    "from {home}conv2d import Conv2D, conv2d_forward\n"
    "x, w = np.ones((1, 12, 12, 8), np.float32), np.ones((3, 3, 8, 8), np.float32)\n"
    "y = conv2d_forward(x, w, padding=1)\n"
    "layer = Conv2D(8, 8, 3, rng=0)\n"
    "layer.backward(layer(x))\n"
    "print(y[0, 0, 0, 0], y[0, 5, 5, 7], *sorted(m for m in sys.modules if 'gradscribe' in m))\n"
)


@pytest.mark.thorough
@pytest.mark.parametrize("package", ["", "mine", "mine.kernels"])
def test_copies_work_alone(package: str, tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*package.split("."))
    folder.mkdir(parents=True, exist_ok=True)
    for parent in (folder, *folder.parents):
        if parent == tmp_path:
            break
        (parent / "__init__.py").touch()
    shutil.copy(GENERATED / "conv2d.py", folder)
    shutil.copytree(GENERATED / "runtime", folder / "runtime")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(home=f"{package}." if package else ""), encoding="utf-8")
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "32.0 72.0\n", "")


LOOPS = """
import numpy as np
from {home}max_pool2d import loops, max_pool2d_forward, rt

x = np.arange(36.0).reshape(1, 6, 6, 1)
with rt.settings(backend="compiled"):
    there = loops.wanted(1)
    ran, run = [], rt.run
    rt.run = lambda *given, **named: ran.append(1) or run(*given, **named)
    y, _ = max_pool2d_forward(x, kernel_size=2)
print(there, len(ran), *y.ravel().astype(int))
"""


@pytest.mark.thorough
@pytest.mark.parametrize("companion", [True, False])
@pytest.mark.parametrize("package", ["", "mine"])
def test_loops_are_copied_too_or_numpy_computes(companion: bool, package: str, tmp_path: Path) -> None:
    folder = tmp_path / package
    folder.mkdir(exist_ok=True)
    shutil.copy(GENERATED / "max_pool2d.py", folder)
    shutil.copytree(GENERATED / "runtime", folder / "runtime")
    if companion:
        (folder / "compiled").mkdir()
        shutil.copy(GENERATED / "compiled" / "max_pool2d.py", folder / "compiled")
    program = LOOPS.format(home=f"{package}." if package else "")
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    ran = "True 1" if companion else "False 0"
    assert (done.returncode, done.stdout) == (0, f"{ran} 7 9 11 19 21 23 31 33 35\n"), done.stderr
