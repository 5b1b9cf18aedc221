"""What the names of a text mean: which are indices, parameters, sizes and tensors, and how many axes a tensor has.

A name between the brackets of a left side or of a reduction is an index, of one meaning in the whole text. A line
``s = 1`` sets a parameter, a line ``L = M // 2`` a size. A tensor that no equation defines is an input.
"""

import keyword
from collections.abc import Mapping
from dataclasses import dataclass

from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.language.meaning.recurrent_text import goes_along
from gradscribe.derive.language.syntax.located_error import Located, nearest, unknown_function
from gradscribe.derive.language.syntax.tree import (
    Call,
    Element,
    Ellipsis,
    Equation,
    Name,
    Node,
    Number,
    Place,
    Product,
    Reduction,
    Sum,
    Text,
    walk,
)
from gradscribe.derive.language.syntax.words import CONSTANTS, FOLDED, FUNCTIONS, KNOWN, LERP, PADDINGS

RECURRENCE = "a recurrence reads an earlier one, such as t - 1"

DOTS = "..."
"""The name of the index that ``...`` stands for."""

RESERVED = {"np", "rt", "dtype", "self", "true", "false", "and", *CONSTANTS, *FUNCTIONS, *PADDINGS, LERP}
RESERVED |= set(REDUCTIONS) - set(FOLDED)  # a tensor may be called max


@dataclass(frozen=True)
class Parameter:
    """A setting and its default: an `integer`, a real number, or a `flag`."""

    name: str
    default: int | float
    integer: bool = True
    flag: bool = False


@dataclass(frozen=True)
class Scope:
    """The meaning of every name.

    Attributes:
        equations: the equations that define tensors, each behind those that it reads.
        sizes: the equations that define sizes, in order.
        indices: the indices, in order of first use.
        reduced: the indices that only reductions bind.
        parameters: by name.
        ranks: number of axes per tensor, inputs first, in the order in which functions take them.
        inputs: names of the inputs.
        outputs: names of the results.
        flags: declared names by keyword: integer, constant, optional, factor, weight; the tensors of positions by
            "position".
        shapes: declared shapes by tensor.
    """

    equations: tuple[Equation, ...]
    sizes: tuple[Equation, ...]
    indices: tuple[str, ...]
    reduced: frozenset[str]
    parameters: Mapping[str, Parameter]
    ranks: Mapping[str, int]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    flags: Mapping[str, tuple[str, ...]]
    shapes: Mapping[str, Element]


def scope(text: Text) -> Scope:
    """Read the meaning of the names of `text`.

    Raises:
        Located: when a name is reserved, has two meanings, or two numbers of axes.
    """
    given = {e.target.name: e for e in text.equations if isinstance(e.target, Name)}
    parameters = parameters_of(text)
    tensors = {e.target.tensor for e in text.equations if isinstance(e.target, Element)}
    tensors |= {node.tensor for e in text.equations for node in walk(e.value) if isinstance(node, Element)}
    tensors |= {_named(i) for d in text.declarations for i in d.items}
    scalars = _scalars(text, parameters, tensors)
    sizes = tuple(e for n, e in given.items() if n not in parameters and n not in tensors | scalars)
    equations = tuple(e for e in text.equations if _named(e.target) in tensors | scalars)
    _check_names(text, tensors | scalars)
    if not equations:
        place = text.equations[-1].at if text.equations else Place(1, 1, 2)
        raise Located("no equation; expected one such as y[n, k] = sum(c) x[n, c] * w[c, k]", place)
    indices, reduced = _indices(equations, {*parameters, *(_named(e.target) for e in sizes), *_size_names(text, sizes)})
    for name, place in indices.items():
        if name in tensors | scalars:
            raise Located(f"{name} is an index and a tensor; rename one of them", place)
    ranks = _ranks(text, equations, tensors | scalars)
    inputs = _inputs(text, equations, ranks)
    if not inputs:
        raise Located("the equations read no tensor; expected an input such as x[n]", equations[0].at)
    return Scope(
        _ordered(equations, inputs),
        sizes,
        tuple(indices),
        frozenset(reduced),
        parameters,
        {**{n: ranks[n] for n in inputs}, **ranks},
        inputs,
        _outputs(text, equations, inputs),
        {k: _declared(text, k, ranks, inputs) for k in ("integer", "constant", "optional", "factor", "weight")}
        | {"position": _positions(equations)},
        {i.tensor: i for d in text.declarations for i in d.items if isinstance(i, Element)},
    )


def _positions(equations: tuple[Equation, ...]) -> tuple[str, ...]:
    """The tensors that say where a maximum or minimum is, and nothing is added to."""
    added = {_named(e.target) for e in equations if e.accumulates}
    found = (e for e in equations if isinstance(e.value, Reduction) and REDUCTIONS[e.value.op].places)
    return tuple(name for e in found if (name := _named(e.target)) not in added)


def _named(node: Name | Element) -> str:
    return node.name if isinstance(node, Name) else node.tensor


def parameters_of(text: Text) -> dict[str, Parameter]:
    """The parameters that the text sets, by name."""
    given = {e.target.name: e for e in text.equations if isinstance(e.target, Name)}
    return {name: found for name, e in given.items() if (found := _parameter(name, e)) is not None}


def _parameter(name: str, equation: Equation) -> Parameter | None:
    """The parameter that ``name = number`` sets; None for any other equation."""
    value = equation.value
    if isinstance(value, Name) and value.name in ("true", "false"):
        return Parameter(name, int(value.name == "true"), flag=True)
    number = constant(value)
    if number is None or isinstance(number, float):
        return None if number is None else Parameter(name, number, integer=False)
    if isinstance(value, Sum) and value.parts[0][0] == "-":
        place = value.parts[0][1].at
        raise Located(f"an integer parameter is at least 0; write {name} = -{-number}.0 for a real one", place)
    if name[0].isupper() and not number:  # extents are derived for sizes of at least 1
        raise Located(f"a capital is a size, at least 1; call a parameter that may be 0 {name.lower()}", value.at)
    return Parameter(name, number)


def constant(value: Node) -> int | float | None:
    """The number that a node says, such as -1, 0.5 or 2/3; None for anything else."""
    sign = 1
    if isinstance(value, Sum) and len(value.parts) == 1:
        sign, value = (-1 if value.parts[0][0] == "-" else 1), value.parts[0][1]
    if isinstance(value, Product) and [o for o, _ in value.rest] == ["/"]:  # 2/3
        numerator, denominator = value.first, value.rest[0][1]
        if isinstance(numerator, Number) and isinstance(denominator, Number) and float(denominator.text):
            return sign * float(numerator.text) / float(denominator.text)
    if not isinstance(value, Number):
        return None
    return sign * (int(value.text) if value.text.isdigit() else float(value.text))


def _scalars(text: Text, parameters: Mapping[str, Parameter], tensors: set[str]) -> set[str]:
    """Unindexed names that equations define from tensors; the others that equations define are sizes."""
    found: set[str] = set()
    for equation in text.equations:
        name = _named(equation.target)
        if name in parameters or name in tensors:
            continue
        nodes = list(walk(equation.value))
        names = {n.name for n in nodes if isinstance(n, Name)}
        integer_calls = all(n.function in ("min", "max", "choose") for n in nodes if isinstance(n, Call))
        if names & (found | tensors) or not integer_calls or any(isinstance(n, Element | Reduction) for n in nodes):
            found.add(name)
    return found


def _check_names(text: Text, tensors: set[str]) -> None:
    """Unknown functions, reserved names, and names defined twice."""
    defined: set[str] = set()
    for node in walk((*text.declarations, *text.equations, *text.ranges, *text.limits)):
        if isinstance(node, Call) and node.function not in KNOWN:
            raise unknown_function(node.function, node.at, tensors)
        name = {Name: "name", Element: "tensor"}.get(type(node))
        spelt = getattr(node, name) if name else ""
        if keyword.iskeyword(spelt) or (isinstance(node, Element) and spelt in RESERVED):
            raise Located(f"{spelt} is a reserved word; use another name", node.at)
    for equation in text.equations:
        name = _named(equation.target)
        if name in RESERVED:
            raise Located(f"{name} is a reserved word; use another name", equation.target.at)
        if equation.accumulates and name not in defined:
            raise Located(f"{name} += ... needs an equation {name} = ... before it", equation.target.at)
        if name in defined and not equation.accumulates:
            raise Located(f"{name} is defined twice; write += to add to it", equation.target.at)
        defined.add(name)


def _ranks(text: Text, equations: tuple[Equation, ...], tensors: set[str]) -> dict[str, int]:
    """The number of axes of every tensor, in order of first use."""
    found: dict[str, int] = {}
    declared = [i for d in text.declarations for i in d.items if isinstance(i, Element)]
    bare = {i.name for d in text.declarations if d.keyword == "input" for i in d.items if isinstance(i, Name)}
    used = [n for n in walk(equations) if isinstance(n, Element) or (isinstance(n, Name) and n.name in tensors)]
    used.sort(key=lambda node: (node.at.line, node.at.column))  # what recurrences start from stands where it is said
    for node in (*declared, *used):
        name, rank = _named(node), len(node.subscripts) if isinstance(node, Element) else 0
        if found.setdefault(name, rank) != rank:
            raise Located(f"{name} has {_axes(found[name])}; found {_axes(rank)}", node.at)
    return {**found, **dict.fromkeys(sorted(bare - set(found)), 0)}


def _axes(count: int) -> str:
    return {0: "no subscripts", 1: "1 subscript"}.get(count, f"{count} subscripts")


def _size_names(text: Text, sizes: tuple[Equation, ...]) -> set[str]:
    """The names in declared shapes, ranges and formulas of sizes, where only sizes stand."""
    shapes = [i.subscripts for d in text.declarations for i in d.items if isinstance(i, Element)]
    parts = (*shapes, *(r.extent for r in text.ranges), *(e.value for e in sizes))
    return {n.name for n in walk(parts) if isinstance(n, Name)}


def _indices(equations: tuple[Equation, ...], settings: set[str]) -> tuple[dict[str, Place], set[str]]:
    """The indices with the place of their first use, and those that no left side has."""
    left: dict[str, Place] = {}
    reduced: dict[str, Place] = {}
    for equation in equations:
        for node in walk(equation.target.subscripts if isinstance(equation.target, Element) else ()):
            if isinstance(node, Name | Ellipsis) and _index_name(node) not in settings:
                left.setdefault(_index_name(node), node.at)
        for node in walk(equation.value):
            for index in node.indices if isinstance(node, Reduction) else ():
                name = _index_name(index)
                if name in settings:
                    raise Located(f"{name} is a parameter or a size; expected an index to reduce over", index.at)
                reduced.setdefault(name, index.at)
    # y[n, C + d] speaks of the extent of the index c
    extents = {n.upper() for n in (*left, *reduced) if n != n.upper()} - set(reduced)
    left = {name: place for name, place in left.items() if name not in extents}
    return {**left, **{n: p for n, p in reduced.items() if n not in left}}, set(reduced) - set(left)


def _index_name(node: Name | Ellipsis) -> str:
    return node.name if isinstance(node, Name) else DOTS


def _inputs(text: Text, equations: tuple[Equation, ...], ranks: Mapping[str, int]) -> tuple[str, ...]:
    """The tensors given from outside: as declared, then x, w and b, then the others in order of use."""
    defined = {_named(e.target) for e in equations}
    declared = [_named(i) for d in text.declarations if d.keyword == "input" for i in d.items]
    for declaration in text.declarations:
        for item in declaration.items:
            if declaration.keyword == "input" and _named(item) in defined:
                raise Located(f"{_named(item)} is an input, but an equation defines it", item.at)
    others = [n for n in ranks if n not in defined and n not in declared]
    if "x" in (*declared, *others):  # as every layer of the catalogue has them
        others.sort(key=lambda n: {"x": 0, "w": 1, "b": 2}.get(n, 3))
    return tuple(dict.fromkeys([*declared, *others]))


def _ordered(equations: tuple[Equation, ...], inputs: tuple[str, ...]) -> tuple[Equation, ...]:
    """The equations so that a tensor is complete before it is read, unless a recurrence reads it at another position.

    Each stands where the text has it, or as soon after that as what it reads is complete.
    """
    found: list[Equation] = []
    waiting = {e: _complete_before(number, equations, inputs) for number, e in enumerate(equations)}
    while waiting:
        first = {_named(e.target): e for e in reversed(waiting)}  # what is added to a tensor keeps its order
        ready = next((e for e in waiting if first[_named(e.target)] is e and not waiting[e].keys() & first), None)
        if ready is None:
            raise _circle(waiting, equations)
        found.append(ready)
        del waiting[ready]
    return tuple(found)


def _complete_before(number: int, equations: tuple[Equation, ...], inputs: tuple[str, ...]) -> Mapping[str, Place]:
    """The tensors of other equations that have to be complete before this one is computed, and where it reads them."""
    equation, found = equations[number], dict[str, Place]()
    own, defining = _named(equation.target), _defining(equations)
    for node in walk(equation.value):
        name = _named(node) if isinstance(node, Element | Name) else ""
        if name not in defining or name in inputs:
            continue
        circular = name == own or own in _behind(name, equations)
        if circular and isinstance(node, Element) and goes_along(equation, node):
            continue
        if name == own:
            raise Located(f"{name} is defined by itself at the same position; {RECURRENCE}", node.at)
        if defining[name][0] < number < defining[name][-1]:
            raise Located(f"{name} is used before its equation is complete; move this equation down", node.at)
        found.setdefault(name, node.at)
    return found


def _defining(equations: tuple[Equation, ...]) -> dict[str, list[int]]:
    """The numbers of the equations that define a tensor, by name."""
    found: dict[str, list[int]] = {}
    for number, equation in enumerate(equations):
        found.setdefault(_named(equation.target), []).append(number)
    return found


def _circle(waiting: Mapping[Equation, Mapping[str, Place]], equations: tuple[Equation, ...]) -> Located:
    """Why none of these equations can be the next."""
    found = ((_named(e.target), name, at) for e, read in waiting.items() for name, at in read.items())
    own, name, at = next(f for f in found if f[0] in _behind(f[1], equations))
    return Located(f"{own} and {name} are defined by each other at the same position; {RECURRENCE}", at)


def _behind(name: str, equations: tuple[Equation, ...]) -> set[str]:
    """Every tensor that `name` is computed from."""
    found: set[str] = set()
    waiting = {name}
    while waiting:
        readers = [e for e in equations if _named(e.target) in waiting]
        found |= waiting
        nodes = (n for e in readers for n in walk(e.value) if isinstance(n, Element | Name))
        waiting = {_named(n) for n in nodes} - found
    return found - {name}


def _outputs(text: Text, equations: tuple[Equation, ...], inputs: tuple[str, ...]) -> tuple[str, ...]:
    items = [i for d in text.declarations if d.keyword == "output" for i in d.items]
    defined = [_named(e.target) for e in equations]
    for item in items:
        if _named(item) not in defined:
            raise Located(f"no equation defines the output {_named(item)}; {nearest(_named(item), defined)}", item.at)
    return tuple(dict.fromkeys(_named(i) for i in items)) or (defined[-1],)


def _declared(text: Text, word: str, ranks: Mapping[str, int], inputs: tuple[str, ...]) -> tuple[str, ...]:
    """The names declared with a keyword."""
    any_tensor = word in ("constant", "integer")
    expected, kind = (list(ranks), "tensor") if any_tensor else (list(inputs), "input")
    items = [i for d in text.declarations if d.keyword == word for i in d.items]
    for item in items:
        if _named(item) not in expected:
            raise Located(f"{_named(item)} is no {kind}; {nearest(_named(item), expected)}", item.at)
    return tuple(dict.fromkeys(_named(i) for i in items))
