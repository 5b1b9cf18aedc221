"""The program of all gradients of a layer at once, where some of them need the same.

What two gradients read, the adjoint of a tensor between, is one statement of it; the programs of single gradients hold
it each. Sums of the same tensor are one pass over it. A gradient comes as soon as all that it reads is there, so that
adjoints are read soon after they are written.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from sympy import Symbol

from gradscribe.derive.calculus.programs.closure import closure
from gradscribe.derive.ir.interpret.recurrence import grouped
from gradscribe.derive.ir.term import Access, Program, Statement, accesses


def joint_program(program: Program, names: Sequence[str], last: Collection[str] = ()) -> Program | None:
    """What computes several gradients at once.

    None where no two of them need a statement in common, or go through the same tensor element by element.

    Args:
        program: what computes all of them; it is put in order.
        names: the inputs that its outputs are the gradients of.
        last: those of the inputs whose gradients somebody may not want: what only they need stands at the end.
    """
    if len(names) < 2:
        return None
    users = results_by_tensor(program)
    if all(len(results) == 1 for results in users.values()) and not _go_along_together(program, users):
        return None
    late = {result for name, result in zip(names, program.outputs, strict=True) if name in last}
    parts: tuple[list[Statement], list[Statement]] = ([], [])
    for statement in program.statements:
        parts[users[statement.target.name] <= late].append(statement)
    return replace(program, statements=tuple(s for part in parts for s in _in_time(part, program.outputs)))


def _go_along_together(program: Program, users: Mapping[str, frozenset[str]]) -> bool:
    """Whether two results are made of a tensor that is given by statements that go along it, of which one adds up.

    One reading serves both then. Products of matrices have readings of their own.
    """
    given = {t.name for t in program.inputs}
    found: dict[str, set[str]] = {}
    summed = set()
    for s in program.statements:
        for a in accesses(s.term.body):
            if a.tensor in given and _goes_along(s, a):
                found.setdefault(a.tensor, set()).update(users[s.target.name])
                summed |= {a.tensor} if len(s.term.bound) > len(s.term.deltas) else set()
    return any(len(results) > 1 for tensor, results in found.items() if tensor in summed)


def _goes_along(statement: Statement, access: Access) -> bool:
    """Whether a statement visits each element of a tensor once: by as many indices as deltas leave, each alone."""
    term = statement.term
    left = len(term.free) + len(term.bound) - len(term.deltas)
    alone = all(isinstance(e, Symbol) for e in access.indices) and len(set(access.indices)) == len(access.indices)
    return alone and 1 < left == len(access.indices)


def results_by_tensor(program: Program) -> dict[str, frozenset[str]]:
    """The results that each tensor is computed for; a result is computed for itself, too."""
    found: dict[str, set[str]] = {}
    for result in program.outputs:
        for name in {s.target.name for s in closure(program.statements, [result])}:
            found.setdefault(name, set()).add(result)
    return {name: frozenset(results) for name, results in found.items()}


def _in_time(statements: Sequence[Statement], results: Collection[str]) -> list[Statement]:
    """The statements, those that write one tensor together and a result directly behind all that it reads."""
    left = grouped(statements)
    home = {name: circle for circle, group in left.items() for s in group for name in s.written}
    needs = {
        circle: {home[a.tensor] for s in group for a in accesses(s.term.body) if a.tensor in home} - {circle}
        for circle, group in left.items()
    }
    done: list[Statement] = []
    while left:
        ready = [circle for circle in left if not needs[circle] & left.keys()]
        done += left.pop(next((circle for circle in ready if circle & set(results)), ready[0]))
    return done
