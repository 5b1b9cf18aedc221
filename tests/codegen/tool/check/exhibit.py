"""An exhibit of the museum of wrong backwards."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Exhibit:
    """A wrong backward, what its mistake is found to be, and the corrected one."""

    wrong: Callable[..., Any]
    right: Callable[..., Any]
    layer: str
    subject: str  # the gradient that is wrong; "" for the call as a whole
    kind: str
    words: str  # part of what the finding says
    options: dict[str, Any] = field(default_factory=dict)
