"""Derivations as text of the format asked for, with their certificate."""

from collections.abc import Callable, Mapping, Sequence

from derive import latex, markdown, text
from derive.derivation import Derivation
from derive.layer import Layer

FORMATS: dict[str, Callable[[Derivation], str]] = {
    "text": text.render,
    "latex": latex.document,
    "markdown": markdown.render,
}
