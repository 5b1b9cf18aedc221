"""Pages that are no layer's: what a derivation says of an operation itself. A file of this folder derives one.

A title stands here only: the page takes it from here.
"""

from typing import TYPE_CHECKING

from gradscribe.derive.catalogue.entry import Entry, entries
from gradscribe.said import Message

if TYPE_CHECKING:  # SymPy takes its time: whoever looks at names and titles does not wait for it
    from gradscribe.derive.derivation import Derivation

PAGES: "dict[str, Entry[Derivation]]" = entries(
    __name__,
    {
        "convolution_page": {
            "convolution": Message("convolution, correlation and the kernel rotated by pi"),
        },
    },
)
OTHER_NAMES = {"rotation": "convolution", "correlation": "convolution", "rot180": "convolution"}
"""What readers look for on a page that has another name."""
