"""The optimisers of the catalogue, by name and title. A file of this folder holds update equations, nothing else.

A title stands here only: the optimiser takes it from here.
"""

from typing import TYPE_CHECKING

from gradscribe.derive.catalogue.entry import Entry, entries
from gradscribe.said import Message

if TYPE_CHECKING:  # SymPy takes its time: whoever looks at names and titles does not wait for it
    from gradscribe.derive.layer.update import Optimiser

OPTIMISERS: "dict[str, Entry[Optimiser]]" = entries(
    __name__,
    {
        "descent": {
            "sgd": Message("stochastic gradient descent with momentum"),
            "adam": Message("adaptive moment estimation"),
        },
    },
)
