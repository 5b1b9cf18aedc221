"""The functions of a network: arguments checked and bound, the plan's statements, results."""

from collections.abc import Sequence
from dataclasses import replace

from gradscribe.codegen.kernel.blocks.parts import PlacedPart
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.kernel.network_kernels import NetworkKernels
from gradscribe.codegen.numpy.function.binder import shape_of
from gradscribe.codegen.numpy.function.docstring import Section, long_doc, raises
from gradscribe.codegen.numpy.function.function_text import check_apart
from gradscribe.codegen.numpy.function.pass_statements import NET, Named, put_statements
from gradscribe.codegen.numpy.layer.constructor import annotation, default, describe_option
from gradscribe.codegen.numpy.network.functions.draft import Draft, origins, purpose_of
from gradscribe.codegen.numpy.network.functions.network_arguments import (
    BLOCKS,
    BUFFERS,
    array_statements,
    direction_statements,
    saved_statements,
)
from gradscribe.codegen.numpy.network.planning.memory import Memory
from gradscribe.codegen.numpy.network.planning.network_plans import (
    OWN,
    NetworkPlan,
    backward_plan,
    forward_plan,
    layout,
    network_plan,
    parts_of,
    predict_plan,
)
from gradscribe.codegen.numpy.print.fixed_names import ARRAY
from gradscribe.codegen.python.definition import (
    ANY,
    NONE,
    Parameter,
    Signature,
    given,
    of,
)
from gradscribe.codegen.python.expression import (
    Attribute,
    Choice,
    Dictionary,
    Expression,
    Group,
    Literal,
    Name,
)
from gradscribe.codegen.python.names import check_distinct
from gradscribe.codegen.python.scalars.scalar import shape
from gradscribe.codegen.python.statement import Return, Statement, let
from gradscribe.codegen.python.text.printer import text
from gradscribe.derive.ir.term import Tensor
from gradscribe.derive.layer.interface import REQUIRED

BY_NAME, ARRAYS, KEPT = Name("rt.Named"), Name("rt.Arrays"), Name("rt.Saved")
RESULTS = Attribute(NET, "results")
PARAMS, STATE, DIRECTIONS = (Parameter(name, BY_NAME) for name in ("params", "state", "directions"))
SAVED = Parameter("saved", KEPT)
INPUTS = Parameter("inputs", Name("bool"), Literal(True))
MEMORY = Parameter(BUFFERS, Name("rt.Memory"), NONE)


def forward_functions(k: NetworkKernels) -> list[Draft]:
    """``net_forward(x, params) -> y, saved``, with state also ``-> y, new_state, saved``; several outputs in a row."""
    network, kernel, found = k.network, k.forward, layout(k)
    outputs = network.own_outputs
    state = _own(k, kernel, [Named(new, network.key(name)) for name, new, _ in network.state])
    blocks = (Attribute(NET, BLOCKS),) if found.groups else ()
    kept = (*map(Name, found.own), *blocks, *(shape_of(t.name) for t in k.shaped))
    words = [*_outputs(k), *(["new state by name"] if network.state else [])]
    return _functions(
        k,
        kernel,
        forward_plan(k),
        heading=f"Compute the network in training: {network.words}.",
        checks=array_statements(k, kernel, given=[t.name for t in network.given]),
        put=state,
        results=[*(Name(t.name) for t in outputs), *([RESULTS] if network.state else []), Group(kept)],
        kind=of("tuple", *(ARRAY for _ in outputs), *([ARRAYS] if network.state else []), KEPT),
        returns=f"{', '.join(words)}, what {network.name}_backward needs",
    )


def predict_functions(k: NetworkKernels) -> list[Draft]:
    """``net_predict(x, params) -> y``, or all outputs."""
    network, kernel = k.network, k.predict
    read = {t.name for t in kernel.program.inputs}  # after training their shapes may be written otherwise
    return _functions(
        k,
        kernel,
        predict_plan(k),
        heading=f"Compute the network after training: {network.words}.",
        checks=array_statements(k, kernel, given=[t.name for t in network.given if t.name in read]),
        results=[Name(name) for name in kernel.results],
        kind=ARRAY if len(kernel.results) == 1 else of("tuple", *(ARRAY for _ in kernel.results)),
        returns=", ".join(_outputs(k)),
    )


def _outputs(k: NetworkKernels) -> list[str]:
    """The outputs in words."""
    return [f"{t.name}, {_shape(t)}" for t in k.network.own_outputs]


def backward_functions(k: NetworkKernels) -> list[Draft]:
    """``net_backward(dy, params, saved) -> dx, gradients``; without dx where `inputs` is False."""
    network, kernel = k.network, k.backward
    results = tuple(map(Name, kernel.program.outputs))
    keys = [Named(name, network.key(w)) for w, name in zip(k.trained, kernel.program.outputs, strict=False)]
    own = results[len(k.trained) :]
    answer = own[0] if len(own) == 1 else Group(own)
    names = " and ".join(f"the gradient of {name}" for name in k.inputs) or "nothing"
    return _functions(
        k,
        kernel,
        backward_plan(k),
        heading=f"Compute all gradients of E: {network.words}.",
        checks=[*saved_statements(k, kernel), *array_statements(k, kernel, given=k.seeds)],
        put=_own(k, kernel, keys),
        results=[Choice(answer, Name(INPUTS.name), NONE) if own else NONE, RESULTS],
        kind=of("tuple", ANY, ARRAYS),
        returns=f"{names} (None unless inputs), and the gradients of all weights by name",
        own=given(*k.seeds),
    )


def double_backward_functions(k: NetworkKernels, kernel: Kernel) -> list[Draft]:
    """``net_double_backward(directions, dy, params, saved) -> gradients by name``."""
    kernel = _all_given(kernel)
    return _functions(
        k,
        kernel,
        network_plan(k, kernel, kernel.program.outputs),
        heading=f"Compute the gradient of the gradient: {k.network.words}.",
        checks=[
            *saved_statements(k, kernel),
            *array_statements(k, kernel, given=k.seeds),
            *direction_statements(k, kernel),
        ],
        results=[_named(k, [*k.seeds, *k.network.differentiable], kernel.program.outputs)],
        kind=ARRAYS,
        returns="the gradient of S by name, of dy, the inputs and the weights",
        own=(DIRECTIONS, *given(*k.seeds)),
        preface=kernel.preface,
    )


def hessian_vector_functions(k: NetworkKernels, kernel: Kernel) -> list[Draft]:
    """``net_hessian_vector(directions, x, t, params) -> products by name``; without a loss of sum(dy * output)."""
    kernel = _all_given(kernel)
    tensors = kernel.program.tensors
    held = {*k.network.weights, *(n for n, _ in k.network.constants), *(d for d, _ in kernel.directions)}
    seeds = [s for s, _ in kernel.seeds]
    arrays = [t.name for t in kernel.program.inputs if t.name not in held and (t.shape or t.name not in seeds)]
    one = [let(s, Literal(1.0)) for s in seeds if not tensors[s].shape]
    return _functions(
        k,
        kernel,
        network_plan(k, kernel, kernel.program.outputs),
        heading=f"Compute the Hessian times a vector: {k.network.words}.",
        checks=[
            *one,
            *array_statements(k, kernel, given=arrays, saved=False),
            *direction_statements(k, kernel),
        ],
        results=[_named(k, [name for _, name in kernel.directions], kernel.program.outputs)],
        kind=ARRAYS,
        returns="the products by name, of the inputs and the weights",
        own=(DIRECTIONS, *given(*arrays)),
        preface=kernel.preface,
        saved=False,
    )


def _own(k: NetworkKernels, kernel: Kernel, results: Sequence[Named]) -> list[Named]:
    """Those of the results that no function of a block enters."""
    placed = [part for part in parts_of(k, kernel) if isinstance(part, PlacedPart)]
    entered = {part.place.tensors[name] for part in placed for name, _ in part.kernel.named}
    return [result for result in results if result.variable not in entered]


def _all_given(kernel: Kernel) -> Kernel:
    """A direction that is missing is filled before anything is computed."""
    inputs = tuple(replace(t, optional=False) for t in kernel.program.inputs)
    return replace(kernel, program=replace(kernel.program, inputs=inputs))


def _named(k: NetworkKernels, names: Sequence[str], values: Sequence[str]) -> Expression:
    """A dictionary of arrays under the names that users know."""
    part = k.network.part
    keys = [part[n].key if n in part else n for n in names]
    return Dictionary(tuple((Literal(key), Name(value)) for key, value in zip(keys, values, strict=True)))


def _functions(
    k: NetworkKernels,
    kernel: Kernel,
    plan: NetworkPlan,
    *,
    heading: str,
    checks: Sequence[Statement],
    results: Sequence[Expression],
    kind: Expression,
    returns: str,
    own: tuple[Parameter, ...] = (),
    preface: Sequence[str] = (),
    saved: bool = True,
    put: Sequence[Named] = (),
) -> list[Draft]:
    """A function of the module, behind those of blocks that it calls, as drafts.

    `own` are its first parameters where these are not the network's inputs: it is given what forward has `saved` then,
    unless it stands alone. `put` are results that are entered by name.
    """
    check_apart(kernel)
    check_distinct(
        kernel.name, [*(("argument", n) for n in sorted(OWN)), *(("tensor", n) for n in kernel.program.tensors)]
    )
    taken = OWN | set(kernel.program.tensors) | {s.name for s in kernel.program.symbols()}
    signature = _signature(k, kernel, own, kind, bool(own) and saved)
    whole = Draft(
        name=kernel.name,
        purpose=purpose_of(k, kernel),
        signature=signature,
        doc=long_doc(heading, [*preface, *_description(k, kernel, plan.memory, returns, signature)]),
        first=tuple(checks),
        plan=plan.memory.plan,
        last=(*put_statements(put), Return(tuple(results))),
        taken=taken | {o.name for o in kernel.options},
        tensors=kernel.program.tensors,
        origins=origins(k),
    )
    return [*(block.draft for block in plan.blocks.values()), whole]


def _signature(
    k: NetworkKernels, kernel: Kernel, own: tuple[Parameter, ...], kind: Expression, saved: bool
) -> Signature:
    read = {t.name for t in kernel.program.inputs}
    arrays = own or given(*(t.name for t in k.network.given if t.name in read))
    options = (Parameter(o.name, annotation(o), None if o.default is REQUIRED else default(o)) for o in kernel.options)
    return Signature(
        (*arrays, PARAMS, *([STATE] if _stateful(k, kernel) else []), *([SAVED] if saved else [])),
        (*options, *([INPUTS] if kernel is k.backward else []), MEMORY),
        kind,
    )


def _stateful(k: NetworkKernels, kernel: Kernel) -> list[Tensor]:
    names = {s for s, _, _ in k.network.state}
    return [t for t in kernel.program.inputs if t.name in names]


def _shape(tensor: Tensor) -> str:
    return f"shape {text(shape(tensor.shape))}"


def _description(
    k: NetworkKernels,
    kernel: Kernel,
    memory: Memory,
    returns: str,
    signature: Signature,
) -> list[str | Section]:
    words = {
        DIRECTIONS: "what the first gradients are multiplied by in S, by name, 0 for a missing one",
        PARAMS: f"the weights by name, see {k.network.class_name}",
        STATE: "the running statistics by name",
        SAVED: f"what {k.network.name}_forward returned last",
        INPUTS: "whether the gradient of the input is wanted",
        MEMORY: "memory that is used again from call to call, in which what is kept lies",
    }
    options = {o.name: describe_option(o) for o in kernel.options}
    given = (
        (p.name, options.get(p.name) or words.get(p) or _array(k, kernel, kernel.program.tensors[p.name]))
        for p in signature.parameters
    )
    return [
        *memory.words,
        Section("Args", tuple(given)),
        Section("Returns", (("", returns),)),
        raises("a type or a shape does not fit, or a weight is missing"),
    ]


def _array(k: NetworkKernels, kernel: Kernel, tensor: Tensor) -> str:
    seeds, part = dict(kernel.seeds), k.network.part.get(tensor.name)
    kind = f", dE/d{seeds[tensor.name]}" if tensor.name in seeds else ", integers" if tensor.integer else ""
    if part is not None and tensor in k.network.given:
        kind += f", {part.name} of {part.node}, in training"
    return f"{_shape(tensor)}{kind}"
