"""What a statement is that one pass over elements computes."""

from dataclasses import dataclass

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.loops import Nest
from gradscribe.codegen.numpy.plan import Record


@dataclass(frozen=True)
class Pass:
    """A statement as loops over elements.

    Attributes:
        form: what it computes, of arrays that there are.
        before: the records that make some of them.
        nest: the loops.
        after: what is done with the target then, whoever has computed it.
    """

    form: Form
    before: tuple[Record, ...]
    nest: Nest
    after: tuple[Record, ...] = ()
