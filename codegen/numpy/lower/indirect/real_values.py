"""Integers that are values: tensors of them are read as numbers of the arrays' type, which is what is computed with.

NumPy makes float64 of a product of integers and float32. Subscripts, and brackets, in which labels may be compared that
float32 does not tell apart, read the integers themselves.
"""

from dataclasses import replace

from sympy import Expr, Symbol

from gradscribe.derive.ir.functions import is_indicator, whole
from gradscribe.derive.ir.term import Access, Program, Statement, Tensor, Term, index_ranges


def with_real_values(program: Program) -> Program:
    """The program in which tensors of integers that are values have a tensor of real numbers, made first."""
    found: dict[str, Tensor] = {}
    letters: dict[str, tuple[str, ...]] = {}
    taken = program.names()

    def real(access: Access) -> Access:
        tensor = program.tensors[access.tensor]
        if tensor.name not in found:
            name = f"{tensor.name}_real"
            while name in taken:
                name += "_"
            letters[tensor.name] = _letters(access, name)
            found[tensor.name] = replace(tensor, name=name, integer=False, optional=False, ravel=None)
        return found[tensor.name](*access.indices)

    def changed(e: Expr) -> Expr:
        if isinstance(e, Access):
            tensor = program.tensors.get(e.tensor)
            return real(e) if tensor is not None and tensor.integer and not tensor.optional else e
        if is_indicator(e) or isinstance(e, whole) or not e.args:
            return e
        parts = [changed(a) for a in e.args]
        return e if all(a is b for a, b in zip(parts, e.args, strict=True)) else e.func(*parts)

    statements: list[Statement] = []
    for s in program.statements:
        known = set(found)
        body = s.term.body if s.target.integer else changed(s.term.body)
        statements += [
            _copied(program.tensors[name], found[name], letters[name]) for name in found if name not in known
        ]
        statements.append(s if body is s.term.body else replace(s, term=replace(s.term, body=body)))
    return replace(program, statements=tuple(statements)) if found else program


def _letters(access: Access, name: str) -> tuple[str, ...]:
    """The names of the indices that read a tensor, where each axis has one of its own."""
    read = tuple(e.name for e in access.indices if isinstance(e, Symbol))
    own = len(set(read)) == len(access.indices)
    return read if own else tuple(f"{name}_{axis}" for axis in range(len(access.indices)))


def _copied(tensor: Tensor, made: Tensor, letters: tuple[str, ...]) -> Statement:
    """The statement that makes real numbers of integers."""
    ranges = index_ranges(letters, made.shape)
    return Statement(made, Term(ranges, (), tensor(*(r.index for r in ranges))))
