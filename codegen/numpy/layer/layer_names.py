"""A layer's names in generated code: each can be one there, and no two of them are one."""

from collections.abc import Iterable, Iterator

from gradscribe.codegen.numpy.package.runtime import runtime_attributes
from gradscribe.codegen.numpy.print.fixed_names import FIXED, MEMBERS
from gradscribe.codegen.python.names import check_distinct, unusable
from gradscribe.derive.ir.quote import quoted, shown
from gradscribe.derive.ir.term import EquationError, Program, accesses
from gradscribe.derive.layer.interface import ROLES, Kind, Layer


def check_names(layer: Layer, base: str = "Layer") -> None:
    """Raise unless every name of the layer can be one in generated code, and no two of them are one.

    Args:
        layer: the layer, or the equations of an optimiser.
        base: the class of the runtime that its class is made of.

    Raises:
        EquationError: naming the role of the name and the name.
    """
    for role, name in _names(layer):
        reason = unusable(name, FIXED, role)
        if reason:
            raise EquationError(
                f"{shown(layer.name)}: {role} {quoted(name)} cannot be a name in Python code: {reason}; choose another"
            )
    for word, text in (("title", layer.title), ("source", layer.source)):
        if not isinstance(text, str):
            raise EquationError(f"{layer.name}: {word}: expected a text, received {type(text).__name__}")
    members = MEMBERS | runtime_attributes(base)
    for option in layer.options:
        if not isinstance(option.kind, Kind):
            raise EquationError(f"{layer.name}: option {option.name}: expected a Kind, received {shown(option.kind)}")
        if option.name in members:
            raise EquationError(
                f"{layer.name}: option {option.name}: every {base.lower()} has an attribute of that name; rename it"
            )
    programs = [layer.program, *([layer.evaluation] if layer.evaluation is not None else [])]
    for program in programs:
        _check_read(layer, program)
        _check_apart(layer, program)


def check_globals(layer: Layer, functions: Iterable[str]) -> None:
    """Raise unless the functions and the class of a module have names of their own, which nothing in them has.

    Raises:
        EquationError: naming both.
    """
    _check_roles(layer)
    local = {name: role for role, name in _names(layer) if role not in ("layer", "class")}
    owned = [("function", name) for name in functions]
    check_distinct(layer.name, [*owned, ("class", layer.class_name), *((r, n) for n, r in local.items())])


def _check_roles(layer: Layer) -> None:
    """Functions call x, w and b input, weight and bias, which no other input may be."""
    for short, long in ROLES.items():
        if {short, long} <= set(layer.differentiable):
            raise EquationError(
                f"{layer.name}: inputs {short} and {long}: functions call {short} {long}, so that the gradient of each "
                f"would be {layer.name}_grad_{long}; expected other names, such as {short} and {short}2"
            )


def _names(layer: Layer) -> Iterator[tuple[str, str]]:
    """Every name that becomes one in generated code: (role, name)."""
    yield "layer", layer.name
    yield "class", layer.class_name
    for option in layer.options:
        yield "option", option.name
        read = [s for e in (*option.reach, *option.step) for s in e.free_symbols]
        yield from (("size", s.name) for s in sorted({*option.symbols, *read}, key=lambda s: str(s.name)))
        if isinstance(option.default, str):
            yield "the default of an option,", option.default
    for name, extent in layer.features:
        yield "feature", name
        yield from (("size", s.name) for s in sorted(extent.free_symbols, key=lambda s: str(s.name)))
    for program in (layer.program, layer.evaluation):
        if program is None:
            continue
        indices = {v.name for s in program.statements for v in s.term.indices}
        ties = {s.ties.name for s in program.statements if s.ties is not None}
        yield from (("tensor", name) for name in {**program.tensors, **dict.fromkeys(ties)})
        yield from (("size", s.name) for s in sorted(program.symbols(), key=lambda s: str(s.name)))
        yield from (("index", name) for name in sorted(indices, key=str))


def _check_read(layer: Layer, program: Program) -> None:
    """Everything read is a tensor of the program, and everything named is one."""
    known = program.tensors
    read = [a.tensor for s in program.statements for a in accesses(s.term.body)]
    for name in (*read, *program.outputs, *layer.weights):
        if name not in known:
            raise EquationError(f"{shown(layer.name)}: {shown(name)} is no tensor of the equations")


def _check_apart(layer: Layer, program: Program) -> None:
    """An array, a size and an option have names of their own, but for an option that is one size."""
    options = [("option", o.name) for o in layer.options if tuple(s.name for s in o.symbols) != (o.name,)]
    sizes = {s.name for s in program.symbols()} | {s.name for o in layer.options for s in o.symbols}
    names = [("tensor", n) for n in program.tensors]
    check_distinct(layer.name, [*names, *(("size", n) for n in sorted(sizes)), *options])
    own = ["rng"] if layer.weights else []  # of the constructor
    own += [name for name, extent in layer.features if str(extent) != name]
    check_distinct(
        layer.name, [*(("argument of the constructor", n) for n in own), *(("size", n) for n in sorted(sizes))]
    )
