"""The forward equations as a derivation shows them, and the sentences around them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.derive.calculus.collapse import proved, radix_order
from gradscribe.derive.calculus.passes.left_side import equation, scattered
from gradscribe.derive.derivation.forward.displayed_settings import Display
from gradscribe.derive.derivation.letters.name import name_parts
from gradscribe.derive.derivation.record.page_record import Definition
from gradscribe.derive.derivation.record.sentence import AND, Words, joined
from gradscribe.derive.ir.index import affine, bounds, fresh_names, integer
from gradscribe.derive.ir.term import Access, Program, Statement, Tensor, Term, accesses
from gradscribe.derive.layer.interface import Kind, Layer
from gradscribe.said import begun, say, say_number

_LETTERS = "h v o q m a e"
"""For an axis that is written to by sums of indices alone."""


def definitions(program: Program, sums: bool = False) -> tuple[Definition, ...]:
    """One equation per tensor: statements that accumulate are added up.

    An element that is met where indices say so is a sum over these with a bracket in it: u[h] = sum [h = s*i + r] x[i].
    Where statements write parts of an axis that lie apart, each is an equation of its own.

    Args:
        program: the statements.
        sums: whether digits that are only written to, y[s*i + r] = x[i, r], are such a sum, too.
    """
    found: dict[Access, Definition] = {}
    named = in_one_naming(program, sums)
    for name in dict.fromkeys(s.target.name for s in program.statements):
        statements = named.definitions(name)
        for statement, (left, term) in zip(statements, _equations(statements, program, sums), strict=True):
            term = replace(term, guards=tuple(g for g in term.guards if not proved(term, g, program)))
            before = found.get(left)
            terms = (*before.terms, term) if before else (term,)
            found[left] = Definition(left, tuple(sorted(terms, key=_reading_order)), statement.argument)
    return tuple(found.values())


def both_ways(program: Program) -> tuple[Definition, ...]:
    """The equations; before one whose digits are only written to, y[s*i + r] = x[i, r], the same as a sum."""
    plain, sums = definitions(program), definitions(program, sums=True)
    as_sum = {d.left.tensor: d for d in sums if d not in plain}
    pairs = ((as_sum.get(d.left.tensor), d) for d in plain)
    return tuple(d for pair in pairs for d in pair if d is not None)


def _equations(statements: Sequence[Statement], program: Program, sums: bool) -> list[tuple[Access, Term]]:
    """The statements of one tensor, in the same indices; axes that they cover as a whole or in parts as expressions."""
    parts = [equation(s) for s in statements]
    if len(parts) > 1 and _apart(parts, statements, program):
        return parts
    left = _by_digits(statements, program, sums)
    ordered = [replace(s, term=_high_digits_first(s.term)) for s in statements]
    return [equation(s, [axis for axis in scattered(s.term) if axis[:2] in left]) for s in ordered]


def _by_digits(statements: Sequence[Statement], program: Program, sums: bool) -> set[tuple[Symbol, Expr]]:
    """The axes that have digits on the left side: those of all statements, else y[h] = b and y[s*i + r] = x[i, r]."""
    whole = [{axis[:2] for axis in scattered(s.term) if _covers(axis, s.term, program)} for s in statements]
    return {axis for axis in set.intersection(*whole) if not (sums and only_written(axis[1], statements))}


def _high_digits_first(term: Term) -> Term:
    """The term, which sums over the digits of s*i + r in the order in which they are written."""
    places = [list(affine(value, term.indices).terms) for _, value, _ in scattered(term)]
    digits = [v for place in places for v in reversed(radix_order(term, place) or [])]
    order = {v: n for n, v in enumerate(digits)}
    return replace(term, bound=tuple(sorted(term.bound, key=lambda r: order.get(r.index, len(order)))))


def only_written(place: Expr, statements: Iterable[Statement]) -> bool:
    """Whether no tensor is read at the place that digits make up: w[K*g + k] has an axis of K*G elements."""
    read = (e for s in statements for a in accesses(s.term.body) for e in a.indices)
    return all(sympy.expand(e - place) != 0 for e in read)


def _covers(axis: tuple[Symbol, Expr, Expr], term: Term, program: Program) -> bool:
    """Whether the digits reach every position of an axis."""
    index, value, _ = axis
    form = affine(value, term.indices)
    digits = radix_order(term, list(form.terms))
    reached = sympy.Mul(*(term.extent(v) for v in digits or ()))
    left = sympy.expand(reached - term.extent(index))
    return bool(digits and form.offset == 0 and (left == 0 or sympy.expand(left.xreplace(dict(program.sizes))) == 0))


def _apart(parts: Sequence[tuple[Access, Term]], statements: Sequence[Statement], program: Program) -> bool:
    """Whether the parts of one axis follow each other and make it up, each of one statement or of several in a row."""
    parts = [next(group) for _, group in groupby(parts, key=lambda part: part[0])]
    lefts = [left.indices for left, _ in parts]
    split = [n for n, axis in enumerate(zip(*lefts, strict=True)) if not all(isinstance(e, Symbol) for e in axis)]
    if len(split) != 1:
        return False
    (axis,) = split
    end: Expr = Integer(0)
    for left, term in parts:
        reach = bounds(left.indices[axis], {r.index: r.extent for r in term.free})
        if reach is None or sympy.expand(reach[0] - end) != 0:
            return False
        end = reach[1] + 1
    return bool(sympy.expand(end - statements[0].target.shape[axis]) == 0)


def in_one_naming(program: Program, sums: bool = False) -> Program:
    """The program in which all statements of a tensor have the same indices for its axes, where that can be.

    An axis goes by the index that no delta asks for: u[n,v] = b[v] names v what a window writes at s*j + t. One that
    only deltas ask for gets a letter, the same for axes of the same extent, unless its digits stand in its place.
    """
    indices = {r.index.name for s in program.statements for r in s.term.ranges}
    letters, known = fresh_names(program.names() | indices, _LETTERS), dict[tuple[Expr, int], Symbol]()
    names: dict[str, tuple[Symbol, ...]] = {}
    for name in dict.fromkeys(s.target.name for s in program.statements):
        found: list[Symbol] = []
        terms = [s.term for s in program.definitions(name)]
        axes = [axis for t in terms for axis in scattered(t) if len(terms) > 1 or _covers(axis, t, program)]
        hidden = {index for index, place, _ in axes if not (sums and only_written(place, program.definitions(name)))}
        for index, extent in _names(program.definitions(name)):
            if index not in hidden and name_parts(index.name).marks:  # no letter: y_1, the second axis of y
                place = extent, sum(e == extent for e in program.tensors[name].shape[: len(found)])
                index = known.get(place) or known.setdefault(place, integer(next(letters)))
            found.append(index)
        names[name] = tuple(found)
    return replace(program, statements=tuple(_named(s, names[s.target.name]) for s in program.statements))


def _names(statements: Sequence[Statement]) -> Iterator[tuple[Symbol, Expr]]:
    """An index and the extent per axis; that of a delta where nothing else names it."""
    for number, axis in enumerate(statements[0].term.free):
        free = [(s.term.free[number].index, s.term.deltas) for s in statements]
        plain = (v for v, deltas in free if not any(v in d.free_symbols for d in deltas))
        yield next(plain, axis.index), axis.extent


def _named(statement: Statement, names: Sequence[Symbol]) -> Statement:
    """The statement with these indices of its target, unless it has one of them for something else."""
    term = statement.term
    own = {r.index: name for r, name in zip(term.free, names, strict=True) if r.index != name}
    clash = set(own.values()) & set(term.indices) or len(set(own.values())) < len(own)
    return statement if clash or not own else replace(statement, term=term.rename(own))


def single_summands(equations: Sequence[Definition], program: Program) -> Iterator[Words]:
    """Why y[h] = sum [h = s*i + r] x[i, r] is the same as y[s*i + r] = x[i, r]."""
    found: dict[Symbol, Words] = {}
    for term in (t for d in equations for t in d.terms):
        for axis in (a for a in scattered(term) if _covers(a, term, program)):
            index, place, _ = axis
            digits = [v for v in term.indices if v in place.free_symbols]
            each = [say("one {digit}", digit=v) for v in digits]
            found[index] = say(
                "each {index} is {place} for {digits}", index=index, place=place, digits=joined(each, AND)
            )
    if found:
        yield begun(say("{places}: every sum has one summand.", places=joined(list(found.values()))))


def _reading_order(term: Term) -> tuple[bool, bool]:
    """What is added before what is summed, what is subtracted last."""
    return bool(term.body.as_coeff_Mul()[0] < 0), bool(term.bound)


def shapes(program: Program) -> Words:
    """``x is (N, H, W, C), w is (R, T, C, K)``."""
    words: list[Words] = []
    outputs = [program.tensors[name] for name in program.outputs]
    for elements, group in groupby((*program.inputs, *outputs), key=_elements):
        tensors = list(group)
        if elements is None:
            words += map(_shape, tensors)
            continue
        words.append(_of_any_shape(tensors, *elements))
    raveled = {t.shape[t.ravel]: None for t in program.inputs if t.ravel is not None and len(t.shape) > 1}
    words += [say("{extent} for any number of axes", extent=extent) for extent in raveled]
    return joined(words)


def _elements(tensor: Tensor) -> tuple[Expr, bool] | None:
    """How many elements a tensor of any shape has, and whether integers; None for one of certain axes."""
    if tensor.ravel is None or len(tensor.shape) != 1:
        return None
    return tensor.shape[0], tensor.integer


def _of_any_shape(tensors: Sequence[Tensor], extent: Expr, integer: bool) -> Words:
    """``x and y have E elements``."""
    number, names = len(tensors), joined([Access(t.name) for t in tensors], AND)
    if integer:
        return say_number(
            number,
            "{tensors} has {extent} integers (of any shape)",
            "{tensors} have {extent} integers (of any shape)",
            tensors=names,
            extent=extent,
        )
    return say_number(
        number,
        "{tensors} has {extent} elements (of any shape)",
        "{tensors} have {extent} elements (of any shape)",
        tensors=names,
        extent=extent,
    )


def _shape(tensor: Tensor) -> Words:
    """``x is (N, C)``."""
    name = Access(tensor.name)
    if not tensor.shape:
        return (
            say("{tensor} is an integer", tensor=name) if tensor.integer else say("{tensor} is a scalar", tensor=name)
        )
    return of_shape(tensor, tensor.shape)


def of_shape(tensor: Tensor, shape: Sequence[Expr]) -> Words:
    """``x is (N, C)``."""
    if tensor.integer:
        return say("{tensor} is ({shape}) of integers", tensor=Access(tensor.name), shape=joined(shape))
    return say("{tensor} is ({shape})", tensor=Access(tensor.name), shape=joined(shape))


def parameters(display: Display) -> Words:
    """``stride s, padding p, dilation d``."""
    words: list[Words] = []
    unnamed: list[Expr] = []
    for option in display.layer.options:
        values = tuple(dict.fromkeys(display.value(s) for s in option.symbols))
        extents = {r.extent for s in display.program.statements for r in s.term.ranges}
        if set(values) <= extents and option.kind is Kind.SIZE and option.name not in ("stride", "dilation"):
            continue  # a kernel's extents stand in the shapes
        if values == (Integer(1),) and option.kind is Kind.COUNT:
            continue
        if option.kind is Kind.FLAG:
            if values[0] != 0:  # one that is open is a factor of the equations
                words.append(
                    say("{option} true", option=option.name)
                    if values[0].is_number
                    else say("{option} (1 or 0)", option=values[0])
                )
            continue
        if values == (option.symbols[0],) and option.symbols[0].name == option.name and not option.words:
            unnamed += values
        else:
            words.append((option.words or option.name, " ", *joined(values)))
    if unnamed:
        words.append(say_number(len(unnamed), "parameter {names}", "parameters {names}", names=joined(unnamed)))
    return joined(words)


def setup(display: Display, program: Program) -> tuple[Words, ...]:
    """Shapes and parameters as a sentence."""
    options = parameters(display)
    found = ((*shapes(program), *(("; ", *options) if options else ())), _meanings(display.layer))
    return tuple((*words, ".") for words in found if words)


def _meanings(layer: Layer) -> Words:
    """What tensors are: ``g is the gradient of p``, ``new_mean takes the place of running_mean``."""
    state = (say("{new} takes the place of {old}", new=Access(new), old=Access(old)) for old, new, _ in layer.state)
    return joined([*layer.meanings, *state], "; ", "; ")
