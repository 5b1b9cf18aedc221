"""The sizes of generated functions: bound in a function that is called once for each set of shapes and options.

Functions that know the same inputs share it: forward has x, the gradient by x its shape. One that binds few sizes does
so itself: looking up what is kept takes as long. So does the update of an optimiser, whose options change at each step.
Arrays that sizes alone decide, how many elements a window has, are computed there too.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from sympy import Symbol

from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.numpy.function.arguments import FULL, affordable, raveled_text
from gradscribe.codegen.numpy.function.binder import Binder, Source, guarded, shape_of
from gradscribe.codegen.numpy.function.docstring import enumerated
from gradscribe.codegen.numpy.print.fixed_names import RUNTIME
from gradscribe.codegen.python.definition import ANY, NONE, Function, Parameter, Signature, of
from gradscribe.codegen.python.expression import (
    ELLIPSIS,
    Attribute,
    Call,
    Expression,
    Group,
    Literal,
    Name,
    Part,
    Span,
    call,
    method,
    parts,
    unpacked,
)
from gradscribe.codegen.python.names import Names
from gradscribe.codegen.python.scalars.scalar import DTYPE, shape, size
from gradscribe.codegen.python.statement import Assign, Body, Do, Return, Sourced, Statement, let, live, used, walk
from gradscribe.codegen.python.text.printer import text
from gradscribe.derive.layer.interface import Layer

FEW = 6
"""Statements that a function runs itself at most."""
ROOM, PER_LINE = 110, 12
"""Characters of names that a line has room for, and names that one holds for sure."""


@dataclass(frozen=True)
class Work:
    """What a function does once its sizes have names.

    Attributes:
        body: its statements, checks of values first.
        fixed: those of them that sizes alone decide; nothing else writes what they make, and nobody is given it.
    """

    body: Body
    fixed: tuple[Sourced, ...]

    def left(self, fixes: bool) -> Body:
        """The statements that are left where another function `fixes` what is fixed."""
        return tuple(s for s in self.body if not (fixes and any(s is other for other in self.fixed)))

    def read(self, fixes: bool) -> set[str]:
        """The names that these read."""
        return set().union(*map(used, self.left(fixes)))


@dataclass(frozen=True)
class Sizes:
    """A function of shapes and options, the names of what it returns, and whether it does what is fixed."""

    function: Function
    results: tuple[str, ...]
    fixes: bool

    def statements(self, kernel: Kernel) -> list[Statement]:
        """What `kernel` does to have its sizes."""
        found = _sources(kernel)
        known = {s.tensor.name: s.called for s in found} | {o.name: o.name for o in kernel.options}
        given = (p.name for p in self.function.signature.parameters[1:])
        called = call(self.function.name, DTYPE, *(Name(known[n]) if n in known else NONE for n in given))
        return [*_taken_apart(self.results, called, set(known) | set(self.results)), *_reshaped(found)]


def _taken_apart(results: tuple[str, ...], value: Call, taken: set[str]) -> Iterator[Statement]:
    """Assign what a function returns to names; more than a line holds, in several statements."""
    if not results:
        yield Do(value)
        return
    if len(text(unpacked(results))) + len(value.name) < ROOM:
        yield Assign(unpacked(results), value)
        return
    whole = Names(taken).own("sizes")
    yield let(whole, value)
    for start in range(0, len(results), PER_LINE):
        part = results[start : start + PER_LINE]
        last = start + PER_LINE >= len(results)
        span = Span(Literal(start) if start else None, None if last else Literal(start + PER_LINE))
        yield Assign(unpacked(part), Part(Name(whole), (span,)))


def sizes_names(kernels: Sequence[Kernel]) -> tuple[str, ...]:
    """What the function of each kernel is called, if it has one; that of the first one is the layer's."""
    first, *others = kernels
    return (f"_{first.layer.name}_sizes", *(f"_{kernel.name}_sizes" for kernel in others))


def own_statements(kernel: Kernel) -> list[Statement]:
    """The statements of a function that binds its sizes itself."""
    found = _sources(kernel)
    return _Group((kernel,), tuple(found)).statements()


def shared_sizes(kernels: Sequence[Kernel], work: Mapping[str, Work]) -> dict[str, Sizes]:
    """The sizes of those functions that do not bind them themselves, by the function's name.

    Args:
        kernels: the functions of a module.
        work: what each of them does.
    """
    names = {k.name: name for k, name in zip(kernels, sizes_names(kernels), strict=True)}
    found: dict[str, Sizes] = {}
    for group in _groups(kernels):
        fixed = _agreed([work[k.name].fixed for k in group.kernels])
        body = [*group.statements(), *fixed]
        if len(body) <= FEW:
            continue
        wanted = set().union(*(_needed(k, work[k.name].read(bool(fixed))) for k in group.kernels))
        results = tuple(n for n in _assigned(body) if n in wanted)
        made = _function(group, body, results, names[group.kernels[0].name])
        found |= {k.name: Sizes(made, results, bool(fixed)) for k in group.kernels}
    return found


def _agreed(several: Iterable[tuple[Sourced, ...]]) -> tuple[Sourced, ...]:
    """What is fixed in some of several functions, once; nothing where one name would be two arrays."""
    found = tuple({s.body: s for s in chain.from_iterable(several)}.values())
    names = [name for statement in found for name in _assigned([statement])]
    return found if len(names) == len(set(names)) else ()


def _needed(kernel: Kernel, read: Collection[str]) -> set[str]:
    """What a function needs of its sizes: what it reads, and what its arrays are reshaped to before."""
    found = live(tuple(_reshaped(_sources(kernel))), read, RUNTIME)
    return set(read).union(*map(used, found))


def _assigned(body: Iterable[Statement]) -> Iterable[str]:
    """The names that statements assign to, in order."""
    found = (list(parts(s.target)) for s in walk(body) if isinstance(s, Assign))
    return dict.fromkeys(part.text for names in found for part in names if isinstance(part, Name))


def _function(group: "_Group", body: list[Statement], results: tuple[str, ...], name: str) -> Function:
    first = group.kernels[0]
    shapes = (Parameter(s.tensor.name, ANY) for s in group.sources)
    options = (Parameter(o.name, ANY) for o in first.options)
    names = tuple(map(Name, results))
    users = enumerated([k.name for k in group.kernels])
    users = users if len(users) < ROOM - 20 else f"{first.name} and {len(group.kernels) - 1} others"
    return Function(
        name=name,
        signature=Signature(tuple(options), (), of("tuple", ANY, ELLIPSIS), None, (Parameter("dtype", ANY), *shapes)),
        doc=f"The sizes of {users}.",
        body=(*live(tuple(body), results, RUNTIME), Return(names if len(names) > 1 else (Group(names),))),
        decorator=Name("rt.once"),
    )


@dataclass(frozen=True)
class _Group:
    """Functions that know the same inputs, and what they know: the shapes of arrays, in order."""

    kernels: tuple[Kernel, ...]
    sources: tuple[Source, ...]

    @property
    def layer(self) -> Layer:
        return self.kernels[0].layer

    def statements(self) -> list[Statement]:
        """The statements that name every size, and refuse what does not fit."""
        found, binder = self._bound()
        return [*found, *_results(self.kernels, binder)]

    def _bound(self) -> tuple[list[Statement], Binder]:
        first = self.kernels[0]
        binder = Binder(self.layer, first.program)
        binder.sizes = tuple(dict.fromkeys(chain.from_iterable(k.program.sizes for k in self.kernels)))
        binder.known |= {s.tensor.shape[s.tensor.ravel] for s in self.sources if s.tensor.ravel is not None}
        inputs = {t.name for t in self.layer.program.inputs}
        known = [s for s in self.sources if s.tensor.ravel is None or len(s.tensor.shape) > 1]
        binding = binder.statements(first.options, [s for s in known if s.tensor.name in inputs], known)
        return [*_raveled(self.layer, self.sources), *binding], binder

    def binds(self) -> bool:
        """Whether all sizes follow from what every function of it knows."""
        always = tuple(s for s in self.sources if not s.optional)
        _, binder = replace(self, sources=always)._bound()
        return all(e.free_symbols <= binder.known for s in self.sources for e in s.tensor.shape)


def _groups(kernels: Sequence[Kernel]) -> Iterator[_Group]:
    """Functions that share their sizes; one that no other shares with is alone."""
    found: dict[Any, list[Kernel]] = {}
    for kernel in kernels:
        inputs = {t.name for t in kernel.layer.program.inputs}
        known = frozenset(s.tensor.name for s in _sources(kernel) if s.tensor.name in inputs and not s.optional)
        found.setdefault((id(kernel.layer), known, tuple(o.name for o in kernel.options)), []).append(kernel)
    for members in found.values():
        together = _merged(members)
        yield from [together] if len(members) == 1 or together.binds() else (_merged([k]) for k in members)


def _merged(kernels: Sequence[Kernel]) -> _Group:
    """A group; what one of its functions may be without is optional in it."""
    every = [{s.tensor.name: s for s in _sources(k)} for k in kernels]
    first = {name: source.tensor for found in reversed(every) for name, source in found.items()}
    sources = (
        Source(
            Name(name),
            name,
            replace(first[name], optional=False),
            named=True,
            left_out=not all(name in found and not found[name].optional for found in every),
        )
        for name in dict.fromkeys(chain.from_iterable(every))
    )
    return _Group(tuple(kernels), tuple(sources))


def _sources(kernel: Kernel) -> list[Source]:
    """What `kernel` knows the shape of: the weights, which set what fits, then inputs, then the rest."""
    inputs = {t.name for t in kernel.layer.program.inputs}
    found = [Source(Name(shape_argument(t)), shape_argument(t), t) for t in kernel.shaped]
    ordered = sorted(kernel.arguments, key=lambda t: t.name not in inputs)
    found += [Source(shape_of(t.name), t.name, t) for t in ordered if t.shape]
    return sorted(found, key=lambda s: s.called not in kernel.layer.weights)


def _results(kernels: Sequence[Kernel], binder: Binder) -> list[Statement]:
    """Refuse results that no memory holds, where options or shapes given decide how large they are."""
    found: dict[Expression, Expression] = {}
    for kernel in kernels:
        read = {s for t in kernel.arguments if not t.optional for e in t.shape for s in e.free_symbols}
        for t in (kernel.program.tensors[name] for name in kernel.results):
            own: set[Symbol] = set().union(*(e.free_symbols for e in t.shape), set())
            if not t.integer and not own <= read and own <= binder.known:
                found[Literal(t.name)] = shape(t.shape)
    return [Do(affordable(binder.layer, tuple(found.items())))] if found else []


# ----- axes that one axis of a tensor stands for ----------------------------------------------------------------------
def _raveled(layer: Layer, sources: Sequence[Source]) -> Iterator[Statement]:
    """`full_shape` is what the raveled axis stands for: that of the first array, and all others must agree."""
    raveled = sorted((s for s in sources if s.tensor.ravel is not None), key=lambda s: s.optional)
    for k, source in enumerate(raveled):
        found = _full_shape(layer, source) if k == 0 else _same_axes(layer, source)
        yield from guarded(source.called, found) if source.optional else found


def _full_shape(layer: Layer, source: Source) -> list[Statement]:
    """Name what the axes stand for; an array itself has one axis for them from then on."""
    tensor, own = source.tensor, source.is_array and not source.named
    extent = tensor.shape[tensor.ravel or 0].name
    if len(tensor.shape) > 1 and own:
        value = call("rt.raveled", *_head(layer, source, Name(source.called)))
        length = Part(source.code, (Literal(tensor.ravel),))
        return [Assign(unpacked([source.called, FULL.text]), value), let(extent, length)]
    if len(tensor.shape) > 1:
        return [let(FULL.text, call("rt.raveled_axes", *_head(layer, source))), let(extent, call("rt.elements", FULL))]
    if own:
        return [let(FULL.text, source.code), let(extent, Attribute(Name(source.called), "size")), _flat(source)]
    return [let(FULL.text, source.code), let(extent, call("rt.elements", FULL))]


def _same_axes(layer: Layer, source: Source) -> list[Statement]:
    """Refuse an array whose axes stand for other extents; it has one axis for them from then on."""
    own = source.is_array and not source.named
    if len(source.tensor.shape) > 1 and own:
        value = call("rt.same_raveled", *_head(layer, source, Name(source.called)), FULL)
        return [let(source.called, value)]
    if len(source.tensor.shape) > 1:
        return [Do(call("rt.same_axes", *_head(layer, source), FULL))]
    found = Do(call("rt.same_shape", Literal(layer.name), source.title, source.code, FULL))
    return [found, _flat(source)] if own else [found]


def _flat(source: Source) -> Statement:
    return let(source.called, method(Name(source.called), "reshape", Literal(-1)))


def _head(layer: Layer, source: Source, of: Expression | None = None) -> tuple[Expression, ...]:
    """What is asked of axes: those of a shape, or `of` an array."""
    before = source.tensor.ravel or 0
    after = len(source.tensor.shape) - before - 1
    where = Literal(layer.name), source.title, of or source.code
    return (*where, Literal(before), Literal(after), Literal(raveled_text(source.tensor)))


def _reshaped(sources: Sequence[Source]) -> Iterator[Statement]:
    """Arrays whose axes are raveled, once their sizes have names."""
    for source in (s for s in sources if s.tensor.ravel is not None and s.is_array):
        extents = map(size, source.tensor.shape) if len(source.tensor.shape) > 1 else (Literal(-1),)
        found = [let(source.called, method(Name(source.called), "reshape", *extents))]
        yield from guarded(source.called, found) if source.optional else found
