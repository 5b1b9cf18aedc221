"""Program -> a program of the same values that is less work, and what was done, statement by statement."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sympy import Add

from gradscribe.derive.calculus.closed.closed_program import collapsed
from gradscribe.derive.calculus.programs.optimised.rewriting import Rewriting
from gradscribe.derive.calculus.programs.optimised.statement_work import statements_work, work
from gradscribe.derive.calculus.programs.optimised.temporaries import Temporaries
from gradscribe.derive.calculus.programs.optimised.ways.fewer_indices import apart
from gradscribe.derive.calculus.programs.optimised.ways.in_turn import in_turn
from gradscribe.derive.calculus.programs.optimised.ways.labelled import put_in
from gradscribe.derive.calculus.programs.optimised.ways.masks import without_conditions
from gradscribe.derive.calculus.programs.optimised.ways.multiples import is_multiple, is_product, put_into
from gradscribe.derive.calculus.programs.optimised.ways.shared_parts import Sharing
from gradscribe.derive.calculus.programs.optimised.ways.summands import summands
from gradscribe.derive.ir.interpret.recurrence import arranged
from gradscribe.derive.ir.term import Program, Statement, Term, accesses
from gradscribe.derive.ir.well_formed import check
from gradscribe.kept import kept

GAIN = 0.7
"""What is rewritten has to take at most so much of what it took: what is hardly less work stays as it was written."""

LEAVE = "factors that do not depend on the reduced index leave the sum of terms"
MASK = "conditions leave the product: a tensor that is 0 where they do not hold, or a running sum"
APART = "a sum that depends on fewer indices than what it multiplies is a tensor of its own, and not computed again"
TURN = "a window is summed axis by axis"
LOOKUP = "a matrix that a label chooses is multiplied by all rows that have that label, and not read for each"
OPERAND = "a factor made of functions is a tensor that one loop makes, and then a matrix of a product"
BEHIND = "functions of elements wait for the sum that they multiply: one loop for both"
SHARE = "what several sums need is computed once"
MULTIPLE = "a number times a tensor is none of its own: products read the tensor"

Ways = Callable[[Statement, Temporaries], Iterator[list[Term]]]

ROUNDS = 3
"""How often what is shared is looked for: tensors that were made for it may share something themselves."""


@dataclass(frozen=True)
class Optimised:
    """The program, and the rewrites that led to it, in their order."""

    program: Program
    rewritings: tuple[Rewriting, ...]


@kept(128)
def optimised(program: Program) -> Optimised:
    """Rewrite the statements of `program` that are less work otherwise; what it computes is the same but for rounding.

    Args:
        program: a checked program.
    """
    made = Temporaries(program)
    rewritings: list[Rewriting] = []
    plain = []
    for statement, written in put_in(
        replace(program, statements=tuple(_plain(s, program) for s in program.statements))
    ):
        plain.append(written)
        if written != statement:
            rewritings.append(Rewriting(LOOKUP, statement, (written,), (work(statement.term), work(written.term))))
    origins = {_plain(s, program): s for s in program.statements}
    statements: list[Statement] = []
    for statement in plain:
        left = [statement]
        for reason, ways in ((LEAVE, _by_summands), (MASK, _by_conditions), (APART, _by_parts)):
            left = [new for old in left for new in _better(old, program, reason, ways, made, rewritings)]
        statements += [new for old in left for new in _turned(old, program, made, rewritings)]
    for _ in range(ROUNDS):
        shared = _sharing(statements, program, made, rewritings)
        found = [new for old in shared for new in _better(old, program, APART, _by_parts, made, rewritings)]
        if found == statements:
            break
        statements = found
    statements = _without_multiples(statements, program, made, rewritings)
    if not rewritings:
        return Optimised(program, ())
    together = arranged([origins.get(s, s) for s in statements])
    return Optimised(check(replace(program, statements=together)), tuple(rewritings))


def _plain(statement: Statement, program: Program) -> Statement:
    """The statement without deltas, where these only give one index for another."""
    return replace(statement, term=collapsed(statement.term, program)) if _is_open(statement, program) else statement


def _is_open(statement: Statement, program: Program) -> bool:
    """Whether a statement may be rewritten: a sum of what is always there."""
    absent = any(
        program.tensors[a.tensor].optional for a in accesses(statement.term.body) if a.tensor in program.tensors
    )
    wide = statement.term.divisibilities or statement.argument is not None or statement.ties is not None
    return statement.term.is_sum and not wide and not absent


def _better(
    statement: Statement, program: Program, reason: str, ways: Ways, made: Temporaries, rewritings: list[Rewriting]
) -> list[Statement]:
    """The statement, or what is so much less work that it takes its place."""
    if not _is_open(statement, program) or statement.term.deltas or not statement.term.bound:
        return [statement]
    before, start = work(statement.term), made.state()
    best: tuple[float, int] | None = None
    for number, terms in enumerate(ways(statement, made)):
        taken = statements_work(made.made) + sum(work(t) for t in terms)
        best = min(best or (taken, number), (taken, number))
        made.back_to(start)
    if best is None or best[0] > GAIN * before:
        return [statement]
    for number, terms in enumerate(ways(statement, made)):
        if number == best[1]:
            found = [*made.take(), *(replace(statement, term=t) for t in terms)]
            rewritings.append(Rewriting(reason, statement, tuple(found), (before, best[0])))
            return found
        made.back_to(start)
    return [statement]


def _by_summands(statement: Statement, _: Temporaries) -> Iterator[list[Term]]:
    term = statement.term
    parts = summands(term.body, {r.index for r in term.bound})
    yield [replace(term, body=free * part) for free, part in parts]


def _by_conditions(statement: Statement, made: Temporaries) -> Iterator[list[Term]]:
    if not isinstance(statement.term.body, Add):
        for term in without_conditions(statement.term, statement.target.name, made):
            yield [term]


def _by_parts(statement: Statement, made: Temporaries) -> Iterator[list[Term]]:
    for term in apart(statement.term, statement.target.name, made):
        yield [term]


def _turned(statement: Statement, program: Program, made: Temporaries, rewritings: list[Rewriting]) -> list[Statement]:
    """The statement, or sums in turn, and these once more where several axes are left."""
    found = _better(statement, program, TURN, _by_turns, made, rewritings)
    return found if found == [statement] else [new for old in found for new in _turned(old, program, made, rewritings)]


def _by_turns(statement: Statement, made: Temporaries) -> Iterator[list[Term]]:
    for term in in_turn(statement.term, statement.target.name, made):
        yield [term]


def _sharing(
    statements: list[Statement], program: Program, made: Temporaries, rewritings: list[Rewriting]
) -> list[Statement]:
    """The statements, with what several of them need in tensors of their own."""
    opened = [_is_open(s, program) and not s.term.deltas for s in statements]
    found: list[Statement] = []
    for old, new, several in Sharing(statements, opened, made).rewritten():
        place = len(found)
        while place and found[place - 1].target.name == old.target.name:
            place -= 1  # what adds to one tensor stays together
        found[place:place] = new[:-1]
        found += new[-1:]
        if new not in ((old,), ()):
            reason = SHARE if several else OPERAND if new[-1].term.bound else BEHIND
            rewritings.append(Rewriting(reason, old, new, (work(old.term), statements_work(new))))
    return found


def _without_multiples(
    statements: list[Statement], program: Program, made: Temporaries, rewritings: list[Rewriting]
) -> list[Statement]:
    """The statements without multiples of tensors that nothing but products reads."""
    found = statements
    for name in dict.fromkeys(s.target.name for s in statements):
        own = [s for s in found if s.target.name == name]
        readers = [s for s in found if any(a.tensor == name for a in accesses(s.term.body))]
        alone = len(own) == 1 and name not in program.outputs and _is_open(own[0], program)
        if not alone or not readers or not is_multiple(own[0].term, made.shapes):
            continue
        if all(_is_open(s, program) and is_product(s.term) for s in readers):
            new = {s: _reading(s, own[0]) for s in readers}
            rewritings += [Rewriting(MULTIPLE, s, (r,), (work(s.term), work(r.term))) for s, r in new.items()]
            found = [new.get(s, s) for s in found if s != own[0]]
    return found


def _reading(reader: Statement, multiple: Statement) -> Statement:
    term = reader.term
    body = put_into(term.body, multiple.target.name, multiple.term)
    return replace(reader, term=replace(term, body=body))
