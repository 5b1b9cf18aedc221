"""KaTeX as its package ships it, see templates/page/katex: what a page holds of it."""

import re
from base64 import b64encode
from functools import cache
from pathlib import Path

from gradscribe.codegen.python.text.render import templates

_FACE = re.compile(r"@font-face\{([^}]*)src:url\(fonts/([\w-]+\.woff2)\)[^}]*\}")


def folder() -> Path:
    """Where it lies.

    Raises:
        FileNotFoundError: when it does not.
    """
    found = templates() / "page" / "katex"
    if not (found / "katex.min.js").is_file():
        raise FileNotFoundError(f"no KaTeX in {found}; `make katex` gets it")
    return found


@cache
def script() -> str:
    """Its program."""
    return (folder() / "katex.min.js").read_text(encoding="utf-8")


@cache
def style() -> str:
    """Its look, with the fonts that lie there within it; those that no formula of ours is set in are left out."""

    def inlined(face: re.Match[str]) -> str:
        font = folder() / "fonts" / face[2]
        if not font.is_file():
            return ""
        data = b64encode(font.read_bytes()).decode("ascii")
        return f'@font-face{{{face[1]}src:url(data:font/woff2;base64,{data}) format("woff2")}}'

    return _FACE.sub(inlined, (folder() / "katex.min.css").read_text(encoding="utf-8"))
