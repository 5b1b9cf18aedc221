"""Whether a program prints the same in whatever order sets are."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def printed_alike(code: str) -> bool:
    """Whether Python code prints the same under two seeds of hashes."""
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed}, cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "1")
    }  # fmt: skip
    return len(found) == 1 and "" not in found
