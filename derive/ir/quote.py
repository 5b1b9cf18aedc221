"""What somebody wrote, as messages and pages show it: it steers no terminal, hides nothing and fills no screen."""

import re
from collections.abc import Iterable
from typing import Any

MOST = 60
"""Characters that a message quotes of what was given."""
MOST_LISTED = 400
"""Characters of a list of names in a message."""
MOST_PATH = 160
"""Characters of the path of a file in a message."""

# Unicode calls them printable, or letters, but they have no shape of their own: fillers and selectors of variants.
_SHAPELESS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def visible(text: str) -> str:
    r"""`text` on one line; characters that do not show, or move others, as escapes: ESC is ``\x1b``.

    These are control characters, ends of lines, marks of direction, spaces other than the plain one, characters
    without width, and halves of surrogate pairs.
    """
    if text.isprintable() and (text.isascii() or not _SHAPELESS.search(text)):
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    shows = character.isprintable() and not _SHAPELESS.match(character)
    return character if shows else character.encode("unicode_escape").decode("ascii")


def shown(value: Any, most: int = MOST) -> str:
    """A piece of at most `most` characters of a text, or of what a value prints."""
    text = value if isinstance(value, str) else _printed(value, str)
    text = visible(text[: most + 1])
    return text if len(text) <= most else f"{text[: most - 1]}…"


def quoted(value: Any, most: int = MOST) -> str:
    """A piece of a text between quotes, or of how Python writes another value."""
    return f"'{shown(str(value), most)}'" if isinstance(value, str) else shown(_printed(value, repr), most)


def listed(names: Iterable[Any]) -> str:
    """Names with commas between them, as many as a message holds."""
    return shown(", ".join(map(shown, names)), MOST_LISTED)


def located(path: Any) -> str:
    """The path of a file; of a long one the end, which says most."""
    text = str(path)
    return visible(text) if len(text) <= MOST_PATH else f"…{visible(text[-MOST_PATH + 1 :])}"


def _printed(value: Any, how: Any) -> str:
    try:
        return str(how(value))
    except Exception:  # a number of more digits than Python writes, or somebody's class that cannot be printed
        return f"<{type(value).__name__}>"
