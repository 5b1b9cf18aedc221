"""Files of Python as trees, for tests that read code."""

import ast
import re
from pathlib import Path

NOTHING = ast.parse("pass")


def tree(path: Path, having: str | re.Pattern[str] = "") -> ast.Module:
    """A file as a tree; an empty one where its text has nothing that matches: reading it takes as long as a search.

    Args:
        path: the file.
        having: what a test looks for in the tree, as it stands in the text.
    """
    text = path.read_text(encoding="utf-8")
    return ast.parse(text) if re.search(having, text) else NOTHING
