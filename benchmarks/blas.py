"""The environment of the processes that are measured: kernels as libraries choose them, or without AVX-512 for all."""

import os
import subprocess
import sys

PREFIX = "OPENBLAS_"
AVX2 = "GRADSCRIBE_BENCHMARKS_AVX2"
"""Set to 1 by ``run --avx2``."""
NARROW = {
    "OPENBLAS_CORETYPE": "Haswell",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "CC": "cc -mno-avx512f",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}
"""What keeps BLAS, PyTorch, C and NumPy from AVX-512."""
CODE = """
import numpy, threadpoolctl
found = threadpoolctl.threadpool_info()
print(", ".join(f"{x['internal_api']} {x['version']}, {x.get('architecture')}" for x in found))
"""


def environment() -> dict[str, str]:
    """The environment without what it says to OpenBLAS: such a variable would slow the sides with NumPy."""
    found = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return found | NARROW if AVX2 in os.environ else found


def described() -> str:
    """The BLAS of NumPy and its kernels, as in "openblas 0.3.31, SkylakeX"."""
    done = subprocess.run([sys.executable, "-c", CODE], env=environment(), check=True, capture_output=True, text=True)
    return done.stdout.strip()
