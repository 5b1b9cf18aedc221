"""Derivatives as rows have them before they are worked out: of an element, or of what defines it, by an element."""

from sympy import Expr, Tuple
from sympy.core.symbol import Str

from gradscribe.derive.ir.term import Access, Range, Term


class Partial(Expr):
    """``d(upper)/d(lower)`` of two accesses; display only. For one tensor it is 1 where the indices agree, else 0."""

    is_commutative = True

    @property
    def upper(self) -> "Access | Reduced":
        """The tensor element that is differentiated, or what defines it."""
        return self.args[0]

    @property
    def lower(self) -> Access:
        """The tensor element differentiated by."""
        return self.args[1]


class Reduced(Expr):
    """``max over r of the body``, the definition of an element, where that is differentiated; display only.

    Where it stands, its indices are those of the term around it, as those of an access are.
    """

    is_commutative = True

    def __new__(cls, result: Access, body: Expr, op: str | Str, *ranges: Range | Tuple) -> "Reduced":
        """SymPy keeps ranges as tuples."""
        own = (Tuple(r.index, r.extent) if isinstance(r, Range) else r for r in ranges)
        return Expr.__new__(cls, result, body, Str(op) if isinstance(op, str) else op, *own)

    @property
    def element(self) -> Access:
        """The element that it defines."""
        return self.args[0]

    @property
    def tensor(self) -> str:
        """The tensor of that."""
        return self.element.tensor

    def term(self, free: tuple[Range, ...] = ()) -> Term:
        """The same as a term, of an element with these indices; what restricts it stays with the definition."""
        bound = tuple(Range(*pair) for pair in self.args[3:])
        return Term(free, bound, self.args[1], op=self.args[2].name)
