"""Equation text -> Layer: all stages in a row, and what follows from the text for its calling convention."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sympy import Eq, Expr, Integer, Symbol

from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.term import Access, EquationError, Program
from gradscribe.derive.language.definitions.defined import Load, definitions
from gradscribe.derive.language.definitions.expansion import expanded
from gradscribe.derive.language.expressions.elements import Condition
from gradscribe.derive.language.expressions.reader import Reader
from gradscribe.derive.language.meaning.extents import Extents, find
from gradscribe.derive.language.meaning.limits import limits, parted
from gradscribe.derive.language.meaning.recurrent_text import begun
from gradscribe.derive.language.meaning.scope import Parameter, Scope, parameters_of, scope
from gradscribe.derive.language.syntax.evaluation import evaluated
from gradscribe.derive.language.syntax.located_error import LanguageError, Located, nearest
from gradscribe.derive.language.syntax.pairs import paired
from gradscribe.derive.language.syntax.parse import parse
from gradscribe.derive.language.syntax.tree import Element, Ellipsis, Equation, Name, Place, Text, walk
from gradscribe.derive.layer.equations import program
from gradscribe.derive.layer.interface import Kind, Layer, Option, Requirement, open_options
from gradscribe.derive.layer.interval import FINITE, Interval
from gradscribe.derive.layer.letters import SPECIAL, read_letters
from gradscribe.said import Saying, say


def read(
    text: str,
    name: str = "layer",
    file: str = "",
    arguments: Mapping[str, str] | None = None,
    load: Load | None = None,
    **interface: Any,
) -> Layer:
    """The layer that an equation text describes.

    Args:
        text: the equations, see docs/language.md.
        name: the layer's name, also the stem of its functions.
        file: the file's name, for messages.
        arguments: name of the tensor that records where an extremum was found, by name of the extremum's tensor;
            ``arg_y`` where nothing is said.
        load: reads files that the text includes; where it is None, a text that includes one is refused.
        **interface: fields of `Layer` that replace what follows from the text: class_name, title, weights, options
            (which stand before those that the text makes), features, axes, requirements, display, source, initial.

    Raises:
        LanguageError: for any mistake in the text; the message points at the place.
    """
    try:
        parsed = parse(text)
        syntax = paired(expanded(parsed, definitions(parsed, file, load)))
        layer = replace(_layer(syntax, name, arguments or {}, interface), text=_plain(text))
        after = evaluated(syntax, {new for _, new, _ in layer.state})
        if after is None:
            return layer
        found = _layer(after, name, arguments or {}, {}).program
        _check_evaluation(syntax, layer.program, found)
        return replace(layer, evaluation=found)
    except Located as error:
        within = f"in {error.place.within}: " if error.place.within else ""
        raise LanguageError(f"{within}{error.message}", error.place, text, file) from None


def _plain(text: str) -> str:
    """The lines of a text, indented by nothing: what a function of Python indents means nothing here."""
    return "\n".join(line.strip() for line in text.strip().splitlines())


def _layer(syntax: Text, name: str, arguments: Mapping[str, str], interface: Mapping[str, Any]) -> Layer:
    syntax = begun(parted(syntax, parameters_of(syntax)))
    names = scope(syntax)
    found = limits(syntax, names.parameters)
    extents = find(syntax, names)
    reader = Reader(names, extents)
    built = _program(names, extents, reader, arguments, syntax.copies)
    own = tuple(interface.get("options", ()))
    options = [*own, *_options(names, built, {s for o in own for s in o.symbols})]
    relations = found.requirements(names.parameters, {s: o.name for o in options for s in o.symbols})
    _check_letters(syntax, built)
    fields = {
        "class_name": "".join(part.capitalize() for part in name.split("_")),
        "title": syntax.title,
        "letters": ", ".join(line.request for line in syntax.letters),
        "weights": names.flags["weight"],
        "meanings": _meanings(syntax.pairs),
        **interface,
        "requirements": (*interface.get("requirements", _requirements(reader.conditions)), *relations),
        "options": tuple(_limited(o, found.intervals) for o in options),
    }
    return Layer(name=name, program=built, **fields)


def _meanings(pairs: Sequence[str]) -> tuple[Saying, ...]:
    """Where complex tensors have their parts."""
    if not pairs:
        return ()
    tensors: tuple[Any, ...] = tuple(part for name in pairs for part in (", ", Access(name)))[1:]
    where = say(
        "The last axis of {tensors} has the real part at 0 and the imaginary part at 1, that of a gradient the slopes "
        "by these",
        tensors=tensors,
    )
    return (where,)


def _check_letters(syntax: Text, built: Program) -> None:
    """Raise unless letters are asked for in the form they have, of names that the text has."""
    known = built.names() | {name.partition("_")[0] for name in built.names()} | set(SPECIAL)
    for line in syntax.letters:
        try:
            request = read_letters(line.request)
        except EquationError as error:
            raise Located(str(error), line.at) from None
        for name, _ in request.chosen:
            if name not in known:
                raise Located(f"letters: unknown name {name}; {nearest(name, sorted(known))}", line.at)


def _check_evaluation(syntax: Text, training: Program, found: Program) -> None:
    """Raise unless what holds after training has the inputs and the outputs of training, or some of them."""
    known = {t.name: t for t in training.inputs} | {n: training.tensors[n] for n in training.outputs}
    for tensor in (*found.inputs, *(found.tensors[n] for n in found.outputs)):
        own = known.get(tensor.name)
        if own is not None and (len(own.shape), own.integer) == (len(tensor.shape), tensor.integer):
            continue
        line = next((e for e in syntax.evaluation if tensor.name in _names(e)), syntax.evaluation[0])
        expected = f"{len(own.shape)} axes of {tensor.name}, as in training" if own is not None else "training's inputs"
        raise Located(f"after training {tensor.name} is another one; expected {expected}", line.at)


def _names(equation: Equation) -> set[str]:
    return {n.tensor if isinstance(n, Element) else n.name for n in walk(equation) if isinstance(n, Element | Name)}


def _limited(option: Option, intervals: Mapping[str, Interval]) -> Option:
    """The option within what the text says of its symbols."""
    for symbol in option.symbols:
        if symbol.name in intervals:
            own = option.values or FINITE
            option = replace(option, interval=own.meet(intervals[symbol.name]))
    return option


def _program(
    names: Scope, extents: Extents, reader: Reader, arguments: Mapping[str, str], copies: Sequence[tuple[str, str]]
) -> Program:
    equations: list[Eq] = [found for equation in names.equations for found in reader.equation(equation)]
    s = reader.vocabulary.symbols
    try:
        return program(
            *equations,
            inputs=[reader.vocabulary.bases[n] for n in names.inputs],
            outputs=[reader.vocabulary.bases[n] for n in names.outputs],
            sizes=dict((*extents.sizes, *reader.vocabulary.sizes)),
            integers=" ".join((*names.flags["integer"], *reader.integers)),
            optional=" ".join(names.flags["optional"]),
            factors=" ".join(names.flags["factor"]),
            constants=" ".join(names.flags["constant"]),
            ravel=_ravel(names),
            arguments=arguments,
            copies={s[new].name: s[old].name for new, old in copies if {new, old} <= set(s)},
        )
    except EquationError as error:
        raise Located(str(error), _blamed(str(error), names.equations)) from None


def _blamed(message: str, equations: Sequence[Equation]) -> Place:
    """The equation that a message starts with, else the last one."""
    for equation in equations:
        target = equation.target
        if message.startswith(f"{target.tensor if isinstance(target, Element) else target.name}:"):
            return equation.at
    return equations[-1].at


def _ravel(names: Scope) -> Mapping[str, int]:
    """Which axis of a tensor ``...`` stands for."""
    found: dict[str, int] = {}
    for node in walk(names.equations):
        if isinstance(node, Element):
            for axis, subscript in enumerate(node.subscripts):
                if isinstance(subscript, Ellipsis):
                    found.setdefault(node.tensor, axis)
    return found


def _options(names: Scope, built: Program, taken: set[Symbol]) -> list[Option]:
    """One option per parameter of the text and per size that nothing else gives."""
    symbols = {p: integer(n) if p.integer else Symbol(n, real=True) for n, p in names.parameters.items()}
    found = [_option(p, s) for p, s in symbols.items() if s not in taken]
    return [*found, *open_options(built, {*taken, *symbols.values()})]


def _option(parameter: Parameter, symbol: Symbol) -> Option:
    if parameter.flag:
        return Option(parameter.name, (symbol,), Kind.FLAG, bool(parameter.default))
    if not parameter.integer:
        return Option(parameter.name, (symbol,), Kind.NUMBER, parameter.default)
    return Option(
        parameter.name, (symbol,), Kind.COUNT, int(parameter.default), Interval(min(1, int(parameter.default)))
    )


def _requirements(conditions: Sequence[Condition]) -> list[Requirement]:
    found: dict[tuple[str, str, Expr | None], list[Expr]] = {}
    for c in conditions:
        if c.least != Integer(0):
            found.setdefault((c.parameter, c.words, c.received), []).append(c.least)
    return [Requirement(tuple(dict.fromkeys(e)), *key[:2], key[2]) for key, e in found.items()]
