"""Files that a file of equations includes: those of its folder, and of folders in it."""

import os
from collections.abc import Callable
from pathlib import Path

from gradscribe.codegen.tool.finding.own_file import text_of
from gradscribe.codegen.tool.finding.unknown_layer import UnknownLayerError
from gradscribe.derive.ir.quote import quoted


def folder_of(path: Path) -> Callable[[str, str], tuple[str, str]]:
    """What reads the files that `path`, or one that it includes, asks for.

    It is told the path of the file that asks and what this says, and returns the path and the text. It raises an
    UnknownLayerError for what is no such file, and for what lies outside of the folder of `path`, by links as well.
    """
    root = path.resolve().parent

    def load(asking: str, name: str) -> tuple[str, str]:
        if not name.endswith(".eq"):
            raise UnknownLayerError(f"{quoted(name)} is no file of definitions; expected one such as 'blocks.eq'")
        found = Path(os.path.normpath(Path(asking).parent / name))
        if Path(name).is_absolute() or "\0" in name or not found.resolve().is_relative_to(root):
            raise UnknownLayerError(f"{quoted(name)} is not in the folder of {quoted(path.name)}; expected one that is")
        return str(found), text_of(found)

    return load
