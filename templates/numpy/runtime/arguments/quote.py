"""What messages show of what was given."""

from typing import Any

QUOTED = 60
"""Characters that a message quotes of what was given."""


def short(value: Any) -> str:
    """A piece of what was given on one line, for messages."""
    try:
        text = " ".join(repr(value[:QUOTED] if isinstance(value, str) else value).split())
    except ValueError:  # an integer of more digits than Python writes
        text = f"<{type(value).__name__}>"
    return text if len(text) <= QUOTED else f"{text[: QUOTED - 3]}..."
