"""A generated module and its runtime, copied: beside a script, and into anybody's package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GENERATED = Path(__file__).parents[1] / "generated"
PROGRAM = (
    "import sys, numpy as np\n"
    "from {home}conv2d import Conv2D, conv2d_forward\n"
    "x, w = np.ones((1, 12, 12, 8), np.float32), np.ones((3, 3, 8, 8), np.float32)\n"
    "y = conv2d_forward(x, w, padding=1)\n"
    "layer = Conv2D(8, 8, 3, rng=0)\n"
    "layer.backward(layer(x))\n"
    "print(y[0, 0, 0, 0], y[0, 5, 5, 7], *sorted(m for m in sys.modules if 'gradscribe' in m))\n"
)


@pytest.mark.parametrize("files", [("conv2d", "runtime"), ("conv2d", "runtime", "transforms")])
@pytest.mark.parametrize("package", ["", "mine", "mine.kernels"])
def test_copies_work_alone(files: tuple[str, ...], package: str, tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*package.split("."))
    folder.mkdir(parents=True, exist_ok=True)
    for parent in (folder, *folder.parents):
        if parent == tmp_path:
            break
        (parent / "__init__.py").touch()
    for name in files:
        shutil.copy(GENERATED / f"{name}.py", folder)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(home=f"{package}." if package else ""), encoding="utf-8")
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "32.0 72.0\n", "")
