"""OpenBLAS as it is where nobody has told it which kernels to take: such a variable would slow the sides with NumPy."""

import os
import subprocess
import sys

PREFIX = "OPENBLAS_"
CODE = """
import numpy, threadpoolctl
found = threadpoolctl.threadpool_info()
print(", ".join(f"{x['internal_api']} {x['version']}, {x.get('architecture')}" for x in found))
"""


def environment() -> dict[str, str]:
    """The environment without what it says to OpenBLAS."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def described() -> str:
    """The BLAS of NumPy and its kernels, as in "openblas 0.3.31, SkylakeX"."""
    done = subprocess.run([sys.executable, "-c", CODE], env=environment(), check=True, capture_output=True, text=True)
    return done.stdout.strip()
