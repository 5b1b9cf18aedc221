"""Processes whose compiler adds sanitizers to all that it compiles: every address and every number is checked."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from gradscribe.generated.runtime.machine.native import compiler


def sanitized(arguments: Sequence[str], cache: Path) -> subprocess.CompletedProcess[str]:
    """Python with these arguments, in such a process; the test is skipped where the compiler has no sanitizers.

    Args:
        arguments: behind ``python``.
        cache: where it keeps what it compiles.
    """
    found = compiler.compiler()
    assert found is not None
    library = subprocess.run(
        (*found.command, "-print-file-name=libasan.so"), capture_output=True, text=True, check=True
    ).stdout.strip()
    if not Path(library).is_absolute():
        pytest.skip("this compiler has no libasan.so")
    own = {
        "CC": f"{' '.join(found.command)} -fsanitize=address,undefined -fno-sanitize-recover=all",
        "LD_PRELOAD": library,
        "ASAN_OPTIONS": "detect_leaks=0",
        "GRADSCRIBE_CACHE": str(cache),
        "GRADSCRIBE_THOROUGH": "0",
    }
    return subprocess.run(
        (sys.executable, *arguments), env=os.environ | own, capture_output=True, text=True, check=False
    )
