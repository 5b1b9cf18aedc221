"""The signs of operator forms, as expressions: `glossary` says what they mean, `derive.typeset` how they look."""

from sympy import Expr


class OperatorSign(Expr):
    """An operation on whole tensors; display only."""

    is_commutative = False


class Convolved(OperatorSign):
    """``a ∗ w``."""


class Correlated(OperatorSign):
    """``a ⋆ w``."""


class Rotated(OperatorSign):
    """``rot_π w``: turned round along every axis that windows slide along."""


class Apart(OperatorSign):
    """``a ↑ s``: zeros between the elements, one distance or one per axis."""


class Every(OperatorSign):
    """``a ↓ s``: every s-th element, one step or one per axis."""


class Shifted(OperatorSign):
    """``shift(a, i+p)``: the elements at other places, one for each axis that is shifted, 0 outside."""


class Ones(OperatorSign):
    """A kernel of ones of these extents."""


class Kronecker(OperatorSign):
    """``a ⊗ b``: every element of a times b."""


class Elementwise(OperatorSign):
    """``a ⊙ b``: multiplied element by element."""


class Matrices(OperatorSign):
    """A product of matrices, in this order."""


class Transposed(OperatorSign):
    """The transpose of a matrix."""


class Matrix(OperatorSign):
    """The matrix that a tensor is cut into."""


class Element(OperatorSign):
    """An element of a tensor, and the indices in whose order its own are written."""


class Scaled(OperatorSign):
    """A number times a tensor."""


class Added(OperatorSign):
    """A sum of tensors, in this order."""


class Same(OperatorSign):
    """Forms that are equal, in this order."""


class Total(OperatorSign):
    """``sum over r of the body``: the body, then the indices."""


class Reshaped(OperatorSign):
    """The elements of a matrix, in the same order, in the shape of what it is equal to."""


class OneHot(OperatorSign):
    """1 where a number stands in a tensor of positions, 0 elsewhere."""


class Unpooled(OperatorSign):
    """Every element of a tensor added where the recorded position of its window is."""
