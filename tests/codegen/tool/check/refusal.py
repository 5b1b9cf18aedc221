"""What `gradscribe check` says where it refuses a function."""

from collections.abc import Callable
from typing import Any

import pytest

from gradscribe.codegen.tool.check import CheckError, check


def refusal(function: Callable[..., Any], layer: str, **options: Any) -> str:
    with pytest.raises(CheckError) as caught:
        check(function, layer, examples=5, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
