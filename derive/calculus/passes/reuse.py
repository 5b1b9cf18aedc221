"""What has been computed is read again instead of being computed again.

A factor of a later statement that is the body of an earlier pointwise one becomes a reading of it: after
``h[n, k] = exp(x[n, k] - m[n])`` the product ``exp(x[n, k] - m[n]) / z[n]`` is ``h[n, k] / z[n]``.
"""

from collections import deque
from collections.abc import Sequence, Set
from dataclasses import replace

from sympy import Dummy, Expr, Mul, Pow, exp

from gradscribe.derive.calculus.passes.brackets import bracketed
from gradscribe.derive.calculus.passes.inline import inserted, is_copy, is_inside, is_pointwise
from gradscribe.derive.calculus.passes.rewrite import fold
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.term import Access, Program, Range, Statement, Tensor, Term, accesses

LONGEST = 32
"""Nodes of a factor that is written out: bodies of lets are about as long, and a chain of lines stays cheap."""


def reused(program: Program, known: Sequence[Statement] = (), whole: Set[str] = frozenset()) -> Program:
    """The program with every factor that is computed already read from where it is.

    Args:
        program: a checked program.
        known: pointwise statements that were computed before it.
        whole: tensors that are read as they are.
    """
    names = Names(program, whole)
    computed = _Computed(program)
    for let in known:
        computed.add(let)
    statements = []
    for statement in program.statements:
        term = computed.read(statement.term)
        if term == statement.term:
            term = _read_where_written_out(term, names, computed)
        statements.append(replace(statement, term=term))
        if is_let(statement, program) and statement.target.name not in whole:
            computed.add(statement)
    return replace(program, statements=tuple(statements))


class _Computed:
    """The lets so far, by the tensor of each body that was defined last.

    A let can be read only where all tensors of its body are; of these, the last one has the fewest readers.
    """

    def __init__(self, program: Program) -> None:
        self.place = {name: k for k, name in enumerate(program.tensors)}
        self.lets: list[Statement] = []
        self.by_tensor: dict[str, list[int]] = {}

    def add(self, let: Statement) -> None:
        """One let more."""
        last = max(_tensors(let.term), key=lambda name: self.place.get(name, -1))
        self.by_tensor.setdefault(last, []).append(len(self.lets))
        self.lets.append(let)

    def read(self, term: Term) -> Term:
        """`term` with its factors that are computed read by name; lets are tried in order."""
        waiting = self._candidates(term, 0)
        while waiting:
            number = waiting.popleft()
            folded = _folded(term, self.lets[number])
            if folded != term:
                term, waiting = folded, self._candidates(folded, number + 1)
        return term

    def _candidates(self, term: Term, start: int) -> deque[int]:
        tensors = _tensors(term)
        found = {k for name in tensors for k in self.by_tensor.get(name, ()) if k >= start}
        return deque(sorted(k for k in found if _tensors(self.lets[k].term) <= tensors))


def _tensors(term: Term) -> set[str]:
    return {a.tensor for a in accesses(term.body)}


def _read_where_written_out(term: Term, names: "Names", computed: _Computed) -> Term:
    """`term` with factors read that show once names are written out; names that are no help stay."""
    written = names.written_out(term)
    read = computed.read(written)
    if read == written:
        return term
    rest = list(Mul.make_args(read.body))
    kept: list[Expr] = []
    for factor in Mul.make_args(term.body):
        parts = Mul.make_args(names.written_out(replace(term, body=factor)).body)
        if parts != (factor,) and all(p in rest for p in parts):
            rest = [f for f in rest if f not in parts]
            kept.append(factor)
    return replace(read, body=Mul(*rest, *kept)) if kept else read


class Names:
    """The lets of a program by name, to be written out, but for those that stay `whole`."""

    def __init__(self, program: Program, whole: Set[str] = frozenset()) -> None:
        self.program = program
        self.lets = {s.target.name: s for s in program.statements if is_let(s, program) and s.target.name not in whole}
        self.place = {name: k for k, name in enumerate(self.lets)}
        self.lengths: dict[str, int] = {}
        for name, let in self.lets.items():  # what a body reads has its length by then
            self.lengths[name] = self._length(let.term.body)

    def written_out(self, term: Term) -> Term:
        """`term` with lets inserted, the last first; what would get longer than LONGEST stays as it is."""
        long = {f: Dummy() for f in Mul.make_args(term.body) if self._length(f) > LONGEST}
        term = replace(term, body=term.body.xreplace(long)) if long else term
        tried: set[str] = set()
        while waiting := (_tensors(term) & self.lets.keys()) - tried:
            name = max(waiting, key=self.place.__getitem__)
            tried.add(name)
            term = inserted(term, self.lets[name])
        return replace(term, body=term.body.xreplace({d: f for f, d in long.items()})) if long else term

    def _length(self, body: Expr) -> int:
        """Nodes of `body` once it is written out."""
        if isinstance(body, Access):
            return self.lengths.get(body.tensor, 1)
        return 1 + sum(self._length(e) for e in body.args)


def is_let(statement: Statement, program: Program) -> bool:
    """Whether a statement is the whole definition of its tensor, element by element, and worth a name."""
    single = len(program.definitions(statement.target.name)) == 1
    return single and is_pointwise(statement) and bool(accesses(statement.term.body)) and not is_copy(statement)


def _folded(term: Term, let: Statement) -> Term:
    """`fold`, where the reading cannot leave the let's tensor."""
    folded = fold(term, let)
    read = [a for a in accesses(folded.body) if a.tensor == let.target.name]
    return folded if all(is_inside(a, term, let) for a in read) else term


def distributions(program: Program, taken: set[str], fixed: bool = True) -> tuple[Statement, ...]:
    """Names for tensors and exponentials divided by their own sum: with z[n] = sum(h[n, k], k) h/z is p[n, k].

    Where a tensor of the program has that value, its name is used.

    Args:
        program: a checked program.
        taken: names that no quotient may get.
        fixed: whether such a tensor may be a constant: not in what will be differentiated.
    """
    sums = [(s, summed) for s in program.statements if (summed := _summed(s.term)) is not None]
    if not sums:
        return ()
    names = Names(bracketed(program))
    values: dict[object, Statement] = {}
    for let in (let for let in names.lets.values() if fixed or not let.target.constant):
        values.setdefault(_value(let.term, names), let)
    found = []
    unused = iter(name for name in ("p", "p1", "p2", "p3") if name not in taken)
    for term, target, summed in ((s.term, s.target, summed) for s, summed in sums):
        quotient = term.body * Pow(Access(target.name, *(r.index for r in term.free)), -1)
        ranges = tuple(Range(v, term.extent(v)) for v in summed.indices)
        share = Term(ranges, (), quotient)
        known = values.get(_value(share, names))  # such as the output of a softmax
        whole = len(program.definitions(target.name)) == 1  # nothing is added to the sum
        name = next(unused, None) if known is None and whole else None
        if known is not None:
            found.append(replace(known, term=share))
        elif name is not None:
            found.append(Statement(Tensor(name, tuple(r.extent for r in ranges)), share))
    return tuple(found)


def _summed(term: Term) -> Access | None:
    """The tensor that is summed, or the exponentials of whose elements are, if it has all indices and no other."""
    if not (term.is_sum and term.bound and isinstance(term.body, Access | exp)) or term.deltas or term.guards:
        return None
    read = accesses(term.body)
    whole = next((a for a in read if set(a.indices) == set(term.indices)), None)
    return whole if all(set(a.indices) <= set(term.indices) for a in read) else None


def _value(term: Term, names: Names) -> tuple[tuple[Expr, ...], Expr]:
    """What a pointwise term computes, whatever its indices are called: the same where two are the same written out."""
    numbered = {r.index: integer(f"_{k}") for k, r in enumerate(term.free)}
    return tuple(r.extent for r in term.free), names.written_out(term).body.xreplace(numbered)
