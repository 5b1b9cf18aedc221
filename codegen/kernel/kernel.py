"""Layer -> Kernels: which functions a layer's module has, which statements each runs, and what each is given.

The forward function also returns what gradients need of the intermediate tensors (the argmax of a pooling layer, the
denominators of a softmax). The programs are mathematics, see `derive.calculus.programs.gradient_program`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from sympy import Integer, Symbol

from gradscribe.derive.calculus.closed.closed_program import closed_gradients
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.calculus.programs.checkpoints import (
    Along,
    Checkpoints,
    State,
    going_along,
    keeping,
    states,
)
from gradscribe.derive.calculus.programs.computed_program import computed_gradient
from gradscribe.derive.calculus.programs.gradient_program import (
    computed_again,
    forward_program,
    gradient_program,
    without_idle,
)
from gradscribe.derive.calculus.programs.joint_program import joint_program
from gradscribe.derive.calculus.programs.optimised import Rewriting, labelled_matrices, optimised
from gradscribe.derive.ir.index import is_total
from gradscribe.derive.ir.term import EquationError, Program, Tensor, accesses
from gradscribe.derive.layer.interface import ROLES, Layer, Option
from gradscribe.derive.layer.update import Optimiser
from gradscribe.kept import kept
from gradscribe.printed import Printed


class Purpose(Enum):
    """What a generated function is for."""

    FORWARD = "forward"
    GRADIENT = "gradient"
    BACKWARD = "all gradients"
    EVALUATION = "what holds after training"
    DOUBLE_BACKWARD = "double backward"
    HESSIAN_VECTOR = "Hessian times a vector"


@dataclass(frozen=True, repr=False)
class Kernel(Printed):
    """One generated function.

    Attributes:
        name: such as "conv2d_grad_input".
        purpose: what it is for.
        layer: the layer it belongs to.
        program: the statements it runs; its inputs are the arrays it is given.
        results: names of the tensors returned.
        options: hyper-parameters among its arguments.
        shaped: the tensors whose shape is an argument, as the arrays given do not determine it.
        wrt: the inputs that it yields gradients by, in the order of its results; () where it yields none.
        seeds: the outputs whose gradients it is given, (name of the gradient, output); () for the forward function.
        directions: the inputs whose first gradients it watches, (name of the direction, input); order 2 only.
        flag: the argument that says whether the gradients of inputs are wanted beside those of weights; "" for none.
        summary: what it computes, in a sentence; "" where that follows from its results.
        preface: sentences before its equations.
        closed: the gradients that it computes by their closed forms.
        checkpoints: how it computes recurrences stretch by stretch; None where it does not.
        rewritings: what was done to its program so that it is less work.
    """

    name: str
    purpose: Purpose
    layer: Layer
    program: Program
    results: tuple[str, ...]
    options: tuple[Option, ...]
    shaped: tuple[Tensor, ...]
    wrt: tuple[str, ...] = ()
    seeds: tuple[tuple[str, str], ...] = ()
    directions: tuple[tuple[str, str], ...] = ()
    flag: str = ""
    summary: str = ""
    preface: tuple[str, ...] = ()
    closed: frozenset[str] = frozenset()
    rewritings: tuple[Rewriting, ...] = ()
    checkpoints: Checkpoints | None = None

    def __str__(self) -> str:
        """What it is given and returns, and the equations between."""
        given, found = (", ".join(names) for names in ([t.name for t in self.arguments], self.results))
        return f"{self.name}({given}) -> {found}\n\n{self.program}"

    @property
    def arguments(self) -> tuple[Tensor, ...]:
        """The arrays the function is given, in order."""
        return self.program.inputs

    @property
    def filled(self) -> tuple[Tensor, ...]:
        """The arrays that are filled where they are absent: a statement that reads them is not 0 without them."""
        optional = {t.name for t in self.arguments if t.optional}
        found: set[str] = set()
        for statement in self.program.statements:
            read = [a for a in accesses(statement.term.body) if a.tensor in optional]
            first = read[0].tensor if read else ""
            for name in {a.tensor for a in read}:
                zeros = {a: Integer(self.program.tensors[name].absent) for a in read if a.tensor == name}
                vanishes = statement.term.is_sum and statement.term.body.xreplace(zeros) == 0
                found |= set() if vanishes and name == first else {name}
        return tuple(t for t in self.arguments if t.name in found)


def role(name: str) -> str:
    """What tensor `name` is called in function names and arguments."""
    return ROLES.get(name, name)


def kernels(layer: Layer, also: Collection[str] = ()) -> tuple[Kernel, ...]:
    """The forward function and one gradient function per differentiable input.

    Args:
        layer: the layer.
        also: names of intermediate tensors that the forward function returns besides, for what is computed later.

    Raises:
        EquationError: when several extents, or one of a weight, stand for any number of axes.
    """
    found, _ = _kernels(layer, frozenset(also), repr(layer.options))
    return found


def backward_kernel(layer: Layer) -> Kernel | None:
    """The function of all gradients, in the order of `kernels`; None where no two of them need a statement in common.

    An input that may be absent is one of its arguments, as its gradient is absent then.

    Raises:
        EquationError: as `kernels` does.
    """
    _, found = _kernels(layer, frozenset(), repr(layer.options))
    return found


def first_order(layer: Layer) -> tuple[Kernel, ...]:
    """All functions of first order: those of `kernels`, and that of all gradients behind them, if there is one."""
    backward = backward_kernel(layer)
    return (*kernels(layer), *([backward] if backward is not None else []))


@kept(128)
def _kernels(layer: Layer, also: frozenset[str], options: str) -> tuple[tuple[Kernel, ...], Kernel | None]:
    """Both; `options` tells defaults apart that are equal: 0.0 from -0.0."""
    _check_ravel(layer)
    gradient = computed_gradient(differentiate(layer.program))
    program = gradient.forward
    again = going_along(program) if layer.checkpoint else {}
    recomputed = computed_again(program) | labelled_matrices(program) | again.keys()
    single = {name: gradient_program(gradient, [name], recomputed) for name in layer.differentiable}
    needs = {name: optimised(found) for name, found in single.items()}
    own = [name for name in layer.differentiable if name not in layer.weights]
    every = optimised(gradient_program(gradient, layer.differentiable, recomputed))
    joint = joint_program(every.program, layer.differentiable, last=own)
    programs = (*(needed.program for needed in needs.values()), *([joint] if joint is not None else []))
    taken = program.names().union(*(p.names() for p in programs))
    borders = states(programs, again, layer.checkpoint, taken)
    read = {t.name for p in programs for t in p.inputs} | also
    inputs = {t.name for t in program.inputs}
    saved = tuple(t for t in program.tensors if t in read and t not in inputs and t not in program.outputs)
    results = (*program.outputs, *saved)
    whole = tuple(s.tensor.name for s in borders if s.tensor.name not in results)
    forward = optimised(forward_program(program, (*results, *whole)))
    results = (*results, *(s.kept.name for s in borders))
    computed = _keeping(forward.program, borders, layer.checkpoint, results)
    first = assemble(f"{layer.name}_forward", Purpose.FORWARD, layer, computed, results)
    found = [_checkpointed(replace(first, rewritings=forward.rewritings), borders, {})]
    seeds = tuple((seed.name, output) for output, seed in gradient.seeds.items())
    for name, needed in needs.items():
        stem, outputs = f"{layer.name}_grad_{role(name)}", needed.program.outputs
        given = _given_states(needed.program, borders, again)
        kernel = assemble(stem, Purpose.GRADIENT, layer, given, outputs)
        closed = closed_gradients(gradient, outputs)
        kernel = replace(kernel, seeds=seeds, wrt=(name,), closed=closed, rewritings=needed.rewritings)
        found.append(_checkpointed(kernel, borders, again))
    if joint is None:
        return tuple(found), None
    closed = closed_gradients(gradient, joint.outputs)
    backward = _backward(layer, _given_states(joint, borders, again), seeds)
    backward = replace(backward, closed=closed, rewritings=every.rewritings)
    return tuple(found), _checkpointed(backward, borders, again)


def _keeping(program: Program, borders: Sequence[State], every: int, results: tuple[str, ...]) -> Program:
    """The forward program that also keeps states."""
    return replace(program, statements=(*program.statements, *(keeping(s, every) for s in borders)), outputs=results)


def _given_states(program: Program, borders: Sequence[State], again: Mapping[str, Along]) -> Program:
    """A program of gradients that is given the states that it computes others from."""
    needed = {s.tensor.name for s in states([program], again, 1, program.names())}
    return replace(program, inputs=(*program.inputs, *(s.kept for s in borders if s.tensor.name in needed)))


def _checkpointed(kernel: Kernel, borders: Sequence[State], again: Mapping[str, Along]) -> Kernel:
    """A function of a layer with checkpoints."""
    every = kernel.layer.checkpoint
    if not every:
        return kernel
    words = f"Checkpoints: recurrences are computed {every} positions at a time, from states that forward keeps."
    return replace(kernel, checkpoints=Checkpoints(every, tuple(borders), again), preface=(*kernel.preface, words))


def _backward(layer: Layer, joint: Program, seeds: tuple[tuple[str, str], ...]) -> Kernel:
    """The function that runs the program of all gradients."""
    absent = [t for t in layer.program.inputs if t.optional and t.name in layer.differentiable]
    place = {name: k for k, name in enumerate((*(name for name, _ in seeds), *layer.program.tensors))}
    given = sorted(dict.fromkeys((*joint.inputs, *absent)), key=lambda t: place.get(t.name, len(place)))
    program = replace(joint, inputs=tuple(given))
    found = assemble(f"{layer.name}_backward", Purpose.BACKWARD, layer, program, program.outputs)
    trained = {name in layer.weights for name in layer.differentiable}
    return replace(
        found,
        seeds=seeds,
        wrt=layer.differentiable,
        flag=_flag(layer, program) if len(trained) == 2 else "",
        summary=f"Compute all gradients of E: {layer.words}.",
    )


def _flag(layer: Layer, program: Program) -> str:
    """What the argument is called that nothing else is."""
    taken, name = {*program.names(), *layer.program.names(), *(o.name for o in layer.options)}, "inputs"
    while name in taken:
        name += "_"
    return name


def update_kernel(optimiser: Optimiser) -> Kernel:
    """The function ``{name}_update``: p, g and the state -> new_p and the new state."""
    (kernel,) = kernels(optimiser.layer)  # nothing is differentiable, so that there is no other
    return replace(kernel, name=f"{optimiser.name}_update")


def evaluation(layer: Layer) -> Kernel | None:
    """The function of what holds after training, given what that reads; None where it is the forward function."""
    if layer.evaluation is None:
        return None
    replacing = {new for _, new, _ in layer.state}
    results = tuple(name for name in layer.program.outputs if name not in replacing)
    made = optimised(forward_program(layer.evaluation, results))
    after = replace(layer, program=layer.evaluation)
    found = assemble(f"{layer.name}_predict", Purpose.EVALUATION, after, without_idle(made.program), results)
    return replace(found, rewritings=made.rewritings, summary=f"Compute what holds after training: {layer.words}.")


def _check_ravel(layer: Layer) -> None:
    raveled = [t for t in layer.program.tensors.values() if t.ravel is not None]
    extents = sorted({str(t.shape[t.ravel]) for t in raveled if t.ravel is not None})
    if len(extents) > 1:
        raise EquationError(
            f"{layer.name}: {' and '.join(extents)} stand for any number of axes each; expected one such extent"
        )
    for tensor in raveled:
        if tensor.name in layer.weights:
            raise EquationError(f"{layer.name}: weight {tensor.name} has an axis for any number of axes; it cannot")


def assemble(name: str, purpose: Purpose, layer: Layer, program: Program, results: tuple[str, ...]) -> Kernel:
    """The function called `name` that runs `program`: the options and shapes that it needs are found."""
    bound = _plain_extents(program.inputs)
    needed = _needed(program) | _added(program.inputs)
    option_symbols = {s for o in layer.options for s in o.symbols}
    definitions = dict(program.sizes)
    for symbol, definition in reversed(program.sizes):
        if symbol in needed - bound:
            needed |= definition.free_symbols
    shaped: tuple[Tensor, ...] = ()
    missing = needed - bound - option_symbols - set(definitions)
    solvable = _solvable(program.inputs, bound | option_symbols)
    if missing - solvable:
        shaped = _shapes_for(layer, missing - solvable, name)
        bound |= set().union(*(e.free_symbols for t in shaped for e in t.shape))
    reachable = needed | bound | solvable
    sizes = tuple(
        (s, d)
        for s, d in program.sizes
        if s in needed | bound and (d.free_symbols - option_symbols - set(definitions)) <= reachable
    )
    needed |= set().union(*(d.free_symbols for _, d in sizes), set())
    forward = purpose is Purpose.FORWARD
    used = tuple(
        o
        for o in layer.options
        if (forward or set(o.symbols) & needed) and not set(o.symbols) <= _plain_extents(_given(program, layer))
    )
    program = replace(program, sizes=sizes)
    return Kernel(name, purpose, layer, program, results, used, shaped)


def _given(program: Program, layer: Layer) -> tuple[Tensor, ...]:
    """The arrays that are always there and that the user knows: not what the forward function kept."""
    kept = set(layer.program.tensors) - {t.name for t in layer.program.inputs} - set(layer.program.outputs)
    return tuple(t for t in program.inputs if not t.optional and t.name not in kept)


def _plain_extents(tensors: Sequence[Tensor]) -> set[Symbol]:
    return {e for t in tensors if not t.optional for e in t.shape if isinstance(e, Symbol)}


def _solvable(tensors: Sequence[Tensor], known: set[Symbol]) -> set[Symbol]:
    """Symbols that follow from an axis such as ``G*C`` when all its other symbols are known."""
    found: set[Symbol] = set()
    for extent in (e for t in tensors if not t.optional for e in t.shape):
        unknown = extent.free_symbols - known - found
        if len(unknown) == 1 and extent.is_Mul:
            found |= unknown
    return found


def _needed(program: Program) -> set[Symbol]:
    """The size symbols in the statements and in the shapes of what they write."""
    bare = replace(program, inputs=(), sizes=(), outputs=())
    return bare.symbols()


def _added(tensors: Sequence[Tensor]) -> set[Symbol]:
    """The symbols of axes that are sums, such as ``R + C``: to check one, each of them has to be known."""
    return {s for t in tensors for e in t.shape if is_total(e) for s in e.free_symbols}


def _shapes_for(layer: Layer, missing: set[Symbol], name: str) -> tuple[Tensor, ...]:
    """The inputs whose shapes must be given for the `missing` symbols to be known."""
    found: list[Tensor] = []
    for tensor in sorted(layer.program.inputs, key=lambda t: t.optional):
        symbols = set().union(*(e.free_symbols for e in tensor.shape), set())
        if symbols & missing:
            found.append(tensor)
            missing = missing - symbols
    if missing:
        unknown = ", ".join(sorted(s.name for s in missing))
        raise EquationError(
            f"{layer.name}: {name} needs {unknown}, which no array, option or size formula gives; "
            f"declare an Option for it or a formula in sizes"
        )
    return tuple(found)
