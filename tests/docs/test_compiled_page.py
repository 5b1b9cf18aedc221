"""docs/compiled.md is true: its settings compute what NumPy does."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import max_pool2d_forward
from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.machine.configuration import has_c

PAGE = (Path(__file__).parents[2] / "docs" / "compiled.md").read_text(encoding="utf-8")
SETTINGS = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "rt.settings(" in block]


@pytest.mark.skipif(not has_c(), reason="no C compiler")
def test_the_settings_of_the_page_compute_what_numpy_does() -> None:
    scope: dict[str, Any] = {}
    assert len(SETTINGS) == 2
    for block in SETTINGS:
        exec(block, scope)
        with rt.settings(backend="numpy"):
            expected = max_pool2d_forward(scope["x"], kernel_size=3, stride=2, padding=1)
        np.testing.assert_equal((scope["y"], scope["argmax"]), expected)
