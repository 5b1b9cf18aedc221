"""The functions of a network as text: arguments checked and bound, the plan's lines, results."""

from collections.abc import Sequence
from dataclasses import replace

from gradscribe.codegen.arguments import used
from gradscribe.codegen.constructor import annotation, default_text, describe_option
from gradscribe.codegen.docstring import equations, long_doc
from gradscribe.codegen.emit import Emitter
from gradscribe.codegen.function import check_apart, signature
from gradscribe.codegen.kernel import Kernel
from gradscribe.codegen.layout import fit
from gradscribe.codegen.literal import string
from gradscribe.codegen.lower import lower
from gradscribe.codegen.names import FIXED, check_distinct
from gradscribe.codegen.network.kernels import NetworkKernels
from gradscribe.codegen.network.memory import Memory, planned
from gradscribe.codegen.network.reading import array_lines, direction_lines, saved_line, tuple_text
from gradscribe.codegen.render import FunctionContext
from gradscribe.codegen.scalar import size_text
from gradscribe.derive.interface import REQUIRED
from gradscribe.derive.term import Tensor

OWN = frozenset({"params", "state", "saved", "buffers", "inputs", "directions"})
"""Arguments that a network's functions have themselves."""


def forward_memory(k: NetworkKernels) -> Memory:
    """The plan of the forward function."""
    return _memory(k, k.forward, k.network.program.outputs, kept=[t.name for t in k.kept])


def predict_memory(k: NetworkKernels) -> Memory:
    """The plan of the evaluation."""
    return _memory(k, k.predict, k.network.program.outputs[:1])


def backward_memory(k: NetworkKernels) -> Memory:
    """The plan of the backward function; the gradients of inputs come last."""
    results = k.backward.program.outputs
    return _memory(k, k.backward, results, tail=results[len(k.trained) :])


def forward_function(k: NetworkKernels) -> FunctionContext:
    """``net_forward(x, params) -> y, saved``, with state also ``-> y, new_state, saved``."""
    network, kernel = k.network, k.forward
    output = network.program.outputs[0]
    memory = forward_memory(k)
    replaced = {new: name for name, new, _ in network.state}
    results = [output]
    if replaced:
        entries = ", ".join(f"{string(network.key(name))}: {new}" for new, name in replaced.items())
        results.append(f"{{{entries}}}")
    results.append(tuple_text([*(t.name for t in k.kept), *(f"{t.name}.shape" for t in k.shaped)]))
    state = ["new state by name"] if replaced else []
    words = [f"{output}, {_shape(network.program.tensors[output])}", *state, f"what {network.name}_backward"]
    returns = ", ".join(words)
    return _function(
        k,
        kernel,
        memory,
        heading=f"Compute the network in training: {network.words}.",
        arrays=array_lines(k, kernel, given=[t.name for t in network.given]),
        results=results,
        result_type=f"tuple[rt.Array, {'dict[str, rt.Array], ' if replaced else ''}tuple[Any, ...]]",
        returns=[f"{returns} needs."],
    )


def predict_function(k: NetworkKernels) -> FunctionContext:
    """``net_predict(x, params) -> y``."""
    network, kernel = k.network, k.predict
    output = network.program.outputs[0]
    read = {t.name for t in kernel.program.inputs}  # after training their shapes may be written otherwise
    given = [t.name for t in network.given if t.name in read]
    return _function(
        k,
        kernel,
        predict_memory(k),
        heading=f"Compute the network after training: {network.words}.",
        arrays=array_lines(k, kernel, given=given),
        results=[output],
        result_type="rt.Array",
        returns=[f"{output}, {_shape(network.program.tensors[output])}."],
    )


def backward_function(k: NetworkKernels) -> FunctionContext:
    """``net_backward(dy, params, saved) -> dx, gradients``; without dx where `inputs` is False."""
    network, kernel = k.network, k.backward
    results = kernel.program.outputs
    weights = dict(zip(k.trained, results, strict=False))
    gradients = ", ".join(f"{string(network.key(w))}: {g}" for w, g in weights.items())
    own = results[len(k.trained) :]
    answer = own[0] if len(own) == 1 else f"({', '.join(own)})"
    names = " and ".join(f"the gradient of {name}" for name in k.inputs) or "nothing"
    return _function(
        k,
        kernel,
        backward_memory(k),
        heading=f"Compute all gradients of E: {network.words}.",
        arrays=[*saved_line(k), *array_lines(k, kernel, given=k.seeds)],
        results=[f"{answer} if inputs else None" if own else "None", f"{{{gradients}}}"],
        result_type="tuple[Any, dict[str, rt.Array]]",
        returns=[f"{names} (None unless inputs), and the gradients of all weights by name."],
        own=[*(f"{s}: Any" for s in k.seeds)],
    )


def double_backward_function(k: NetworkKernels, kernel: Kernel) -> FunctionContext:
    """``net_double_backward(directions, dy, params, saved) -> gradients by name``."""
    kernel = _all_given(kernel)
    return _function(
        k,
        kernel,
        _memory(k, kernel, kernel.program.outputs),
        heading=f"Compute the gradient of the gradient: {k.network.words}.",
        arrays=[*saved_line(k), *array_lines(k, kernel, given=k.seeds), *direction_lines(k, kernel)],
        results=[_named(k, [*k.seeds, *k.network.differentiable], kernel.program.outputs)],
        result_type="dict[str, rt.Array]",
        returns=["the gradient of S by name: of dy, the inputs and the weights."],
        own=["directions: Mapping[str, Any]", *(f"{s}: Any" for s in k.seeds)],
        preface=kernel.preface,
    )


def hessian_vector_function(k: NetworkKernels, kernel: Kernel) -> FunctionContext:
    """``net_hessian_vector(directions, x, t, params) -> products by name``; without a loss of sum(dy * output)."""
    kernel = _all_given(kernel)
    tensors = kernel.program.tensors
    held = {*k.network.weights, *(n for n, _ in k.network.constants), *(d for d, _ in kernel.directions)}
    seeds = [s for s, _ in kernel.seeds]
    given = [t.name for t in kernel.program.inputs if t.name not in held and (t.shape or t.name not in seeds)]
    one = [f"{s} = 1.0" for s in seeds if not tensors[s].shape]
    return _function(
        k,
        kernel,
        _memory(k, kernel, kernel.program.outputs),
        heading=f"Compute the Hessian times a vector: {k.network.words}.",
        arrays=[*one, *array_lines(k, kernel, given=given, saved=False), *direction_lines(k, kernel)],
        results=[_named(k, [name for _, name in kernel.directions], kernel.program.outputs)],
        result_type="dict[str, rt.Array]",
        returns=["the products by name, of the inputs and the weights."],
        own=["directions: Mapping[str, Any]", *(f"{n}: Any" for n in given)],
        preface=kernel.preface,
        saved=False,
    )


def _all_given(kernel: Kernel) -> Kernel:
    """A direction that is missing is filled before anything is computed."""
    inputs = tuple(replace(t, optional=False) for t in kernel.program.inputs)
    return replace(kernel, program=replace(kernel.program, inputs=inputs))


def _named(k: NetworkKernels, names: Sequence[str], values: Sequence[str]) -> str:
    """A dictionary of arrays under the names that users know."""
    part = k.network.part
    keys = [part[n].key if n in part else n for n in names]
    return "{" + ", ".join(f"{string(key)}: {v}" for key, v in zip(keys, values, strict=True)) + "}"


def _function(
    k: NetworkKernels,
    kernel: Kernel,
    memory: Memory,
    *,
    heading: str,
    arrays: Sequence[str],
    results: Sequence[str],
    result_type: str,
    returns: Sequence[str],
    own: Sequence[str] = (),
    preface: Sequence[str] = (),
    saved: bool = True,
) -> FunctionContext:
    """A function of the module; `own` are its first parameters where these are not the network's inputs.

    Such a function is given what forward has `saved`, unless it stands alone.
    """
    backward = bool(own) and saved
    stateful = bool(_stateful(k, kernel))
    check_apart(kernel)
    check_distinct(
        kernel.name, [*(("argument", n) for n in sorted(OWN)), *(("tensor", n) for n in kernel.program.tensors)]
    )
    taken = OWN | set(kernel.program.tensors) | {s.name for s in kernel.program.symbols()}
    emitter = Emitter(taken | {o.name for o in kernel.options}, buffers="buffers")
    computed = ["buffers = rt.Buffers() if buffers is None else buffers", *emitter.lines(memory.plan)]
    computed.append(f"return {', '.join(results)}")
    read = {t.name for t in kernel.program.inputs}
    given = [f"{t.name}: Any" for t in k.network.given if t.name in read]
    parameters = [*(own or given), "params: Mapping[str, Any]"]
    parameters += ["state: Mapping[str, Any]"] if stateful else []
    parameters += ["saved: tuple[Any, ...]"] if backward else []
    parameters.append("*")
    parameters += [f"{o.name}: {annotation(o)}{_default(o)}" for o in kernel.options]
    parameters += ["inputs: bool = True"] if kernel is k.backward else []
    parameters.append("buffers: rt.Buffers | None = None")
    lines = [*used(arrays, computed), *computed]
    return FunctionContext(
        name=kernel.name,
        signature=signature(f"def {kernel.name}", parameters, result_type, 0),
        doc=long_doc(heading, [*preface, *_description(k, kernel, memory, returns, own, stateful, backward)]),
        lines=tuple(fit(lines, 1)),
        nests=tuple(emitter.nests),
    )


def _default(option: object) -> str:
    default = getattr(option, "default", REQUIRED)
    return "" if default is REQUIRED else f" = {default_text(option)}"  # type: ignore[arg-type]


def _stateful(k: NetworkKernels, kernel: Kernel) -> list[Tensor]:
    names = {s for s, _, _ in k.network.state}
    return [t for t in kernel.program.inputs if t.name in names]


def _memory(
    k: NetworkKernels, kernel: Kernel, returned: Sequence[str], kept: Sequence[str] = (), tail: Sequence[str] = ()
) -> Memory:
    given = [t.name for t in kernel.arguments]
    taken = FIXED | OWN | {o.name for o in kernel.options} | set(k.network.program.names())
    plan = lower(kernel.program, kernel.name, given, taken)
    return planned(plan, kernel.program, returned=returned, kept=kept, tail=tail)


def _shape(tensor: Tensor) -> str:
    inner = ", ".join(size_text(e) for e in tensor.shape)
    return f"shape ({inner},)" if len(tensor.shape) == 1 else f"shape ({inner})"


def _description(
    k: NetworkKernels,
    kernel: Kernel,
    memory: Memory,
    returns: Sequence[str],
    own: Sequence[str],
    stateful: bool,
    saved: bool,
) -> list[str]:
    network = k.network
    lines = [*equations(kernel.program), ""] if own else ["By the equations of this module.", ""]
    lines += [*memory.words, "", "Args:"]
    if kernel.directions:
        lines.append("    directions: what the first gradients are multiplied by in S, by name; a missing one is 0.")
    read = set(kernel.program.tensors)
    names = [o.partition(":")[0] for o in own] or [t.name for t in network.given if t.name in read]
    seeds = dict(kernel.seeds)
    for t in (kernel.program.tensors[n] for n in names if n in kernel.program.tensors):
        kind = f"; dE/d{seeds[t.name]}" if t.name in seeds else ", integers" if t.integer else ""
        part = network.part.get(t.name)
        kind += f"; {part.name} of {part.node}, in training" if part is not None and t in network.given else ""
        lines.append(f"    {t.name}: {_shape(t)}{kind}.")
    lines.append(f"    params: the weights by name, see {network.class_name}.")
    lines += ["    state: the running statistics by name."] if stateful else []
    lines += [f"    saved: what {network.name}_forward returned last."] if saved else []
    lines += [f"    {o.name}: {describe_option(o)}." for o in kernel.options]
    lines += ["    inputs: whether the gradient of the input is wanted."] if kernel is k.backward else []
    lines.append("    buffers: memory that is used again from call to call; what is kept lies in it.")
    lines += ["", "Returns:", *(f"    {r}" for r in returns), "", "Raises:"]
    lines.append("    TypeError: when an array has a wrong type.")
    return [*lines, "    ValueError: when shapes do not fit or a weight is missing."]
