"""The class of a network: facts, constructor, call, predict, loss, backward, with what they say."""

from collections.abc import Sequence

from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.kernel.network_kernels import NetworkKernels
from gradscribe.codegen.numpy.function.binder import shape_of
from gradscribe.codegen.numpy.function.docstring import Section, enumerated, long_doc, method_doc, titled
from gradscribe.codegen.numpy.layer.constructor import constructor_arguments, constructor_signature
from gradscribe.codegen.numpy.layer.layer_class import CREATED, RAISES, twice
from gradscribe.codegen.numpy.layer.layer_methods import as_array, options
from gradscribe.codegen.numpy.network.blocks.block_tables import Entry, Table, constant, rows, table
from gradscribe.codegen.numpy.network.planning.network_plans import kept
from gradscribe.codegen.numpy.network.starts import check_starts, constructor_statements, starts_of
from gradscribe.codegen.numpy.print.fixed_names import FIXED
from gradscribe.codegen.python.definition import (
    ANY,
    NONE,
    Class,
    Function,
    Signature,
    as_method,
    given,
    of,
)
from gradscribe.codegen.python.expression import (
    Call,
    Comparison,
    Dictionary,
    Expression,
    Group,
    Items,
    Literal,
    Name,
    Star,
    absent,
    call,
    item,
    member,
    method,
    names,
    texts,
    unpacked,
)
from gradscribe.codegen.python.names import Names
from gradscribe.codegen.python.statement import Assign, Body, Do, If, Return, Statement, let
from gradscribe.derive.ir.term import Tensor

SELF, PARAMS, STATE = Name("self"), member("params"), member("state")
BUFFERS = (("buffers", member("buffers")),)


def network_class(k: NetworkKernels) -> Class:
    """The class on top of the functions.

    Raises:
        EquationError: when what a weight starts as is no number.
    """
    check_starts(k.network)
    return Class(
        name=k.network.class_name,
        base="Network",
        doc=long_doc(f"{titled(k.network)}.", _described(k)),
        facts=tuple(_facts(k)),
        methods=tuple(_methods(k)),
    )


def _described(k: NetworkKernels) -> list[str | Section]:
    more = [t.name for t in k.network.given if t not in _asked(k)]
    lines: list[str | Section] = []
    lines += [f"Training takes {enumerated(more)}, too; `predict`, after training, does not.", ""] if more else []
    arguments = constructor_arguments(k.network)
    lines += ["The table in the constructor says of every weight and running statistic how it starts."]
    return [*lines, *([Section("Args", tuple(arguments))] if arguments else []), RAISES]


def _facts(k: NetworkKernels) -> list[Assign]:
    network = k.network
    layers, kept = layers_of(k), kept_of(k)
    seeds = {output: seed for seed, output in k.backward.seeds}
    outputs = (Group((Literal(output), Literal(seeds.get(output)))) for output in k.forward_outputs)
    return [
        let("layer", Literal(network.name)),
        let("differentiable", texts(k.inputs)),
        let("outputs", Group(tuple(outputs))),
        let("evaluation", texts(t.name for t in _asked(k))),
        Assign(Name("layers"), _layers(layers), kind=of("ClassVar", of("Mapping", Name("str"), Name("str")))),
        let("kept", _kept(kept)),
    ]


def layers_of(k: NetworkKernels) -> Table[str]:
    """What layer every node is."""
    return table(k, [Entry(n.name, n.name, n.layer.name) for n in k.network.nodes], lambda _, entry: entry.value)


def kept_of(k: NetworkKernels) -> Table[str]:
    """What forward keeps, by name."""
    part = k.network.part
    entries = [Entry(part[n].key, part[n].node, "") if n in part else Entry(n, "", "") for n in kept(k)]
    return table(k, entries, lambda _, entry: entry.value)


def block_constants(k: NetworkKernels) -> list[Assign]:
    """What places of a block have in common: their layers, and what forward keeps of them."""
    found: list[Assign] = []
    for block, entries in layers_of(k).blocks.items():
        named = Dictionary(tuple((Literal(e.key), Literal(e.value)) for e in entries))
        found.append(Assign(constant(block, "layers"), named))
    for block, entries in kept_of(k).blocks.items():
        found.append(Assign(constant(block, "kept"), texts(e.key for e in entries)))
    return found


def _layers(found: Table[str]) -> Dictionary:
    entries = rows(found, lambda e: Literal(e.value), lambda run: constant(run.block, "layers"))
    return Dictionary(tuple((Literal(key) if key is not None else None, value) for key, value in entries))


def _kept(found: Table[str]) -> Group:
    entries = rows(found, lambda e: Literal(e.key), lambda run: constant(run.block, "kept"), "rt.placed_names")
    return Group(tuple(value if key is not None else Star(value) for key, value in entries))


def _methods(k: NetworkKernels) -> list[Function]:
    arrays, asked = ([t.name for t in tensors] for tensors in (k.network.given, _asked(k)))
    value = "The output" if len(k.forward_outputs) == 1 else f"The outputs {enumerated(k.forward_outputs)}"
    signature, start = constructor_signature(k.network), [CREATED, *constructor_statements(k, starts_of(k))]
    filled = "Fill grads and return the gradient of the input; without an argument from the loss, and then None."
    found = [
        as_method("__init__", signature, "", start),
        _method("__call__", arrays, f"{value} in training, for {enumerated(arrays)}.", _call(k)),
        _method("predict", asked, f"{value} after training, for {enumerated(asked)}; nothing is kept.", _predict(k)),
    ]
    if k.loss:
        words = "The loss; `backward` without an argument starts from it."
        found.append(_method("loss", _judged(k), words, _loss(k)))
    found.append(_method("backward", k.seeds, filled, _backward(k), default=NONE))
    if k.double_backward is not None:
        words = "Return the gradient of S, the sum of direction * gradient, by name; see the function of this name."
        result = of("dict", Name("str"), ANY)
        body = _double_backward(k, k.double_backward)
        found.append(as_method("double_backward", Signature(twice(), result=result), method_doc(words), body))
    return found


def _method(name: str, arrays: Sequence[str], words: str, body: Body, default: Expression | None = None) -> Function:
    return as_method(name, Signature(given(*arrays, default=default), result=ANY), method_doc(words), body)


def _asked(k: NetworkKernels) -> tuple[Tensor, ...]:
    """What predict takes."""
    read = {t.name for t in k.predict.program.inputs}
    return tuple(t for t in k.network.given if t.name in read)


def _judged(k: NetworkKernels) -> list[str]:
    """What the loss takes: the outputs, those that it judges under its own names, then labels."""
    own = [t.name for t in k.loss[0].arguments if not t.optional]
    judged = dict(zip(k.network.judged, own, strict=False)) or {k.forward_outputs[0]: own[0]}
    return [*(judged.get(name, name) for name in k.forward_outputs), *own[len(judged) :]]


def _call(k: NetworkKernels) -> Body:
    network = k.network
    state = (STATE,) if network.state else ()
    values = _values(k)
    results = Items((*values, *(Name("state") for _ in state), member("_saved")))
    arguments = (*(Name(t.name) for t in network.given), PARAMS, *state)
    value = _run(k.forward, *arguments)
    return (
        *(as_array(network, t) for t in network.given),
        Assign(member("_saved"), NONE),
        Do(method(SELF, "_recycle")),
        Assign(results, value),
        *(Do(method(s, "update", Name("state"))) for s in state),
        Return(values),
    )


def _values(k: NetworkKernels) -> tuple[Name, ...]:
    """The variables of the outputs."""
    return tuple(map(Name, k.forward_outputs)) if len(k.forward_outputs) > 1 else (Name("y"),)


def _predict(k: NetworkKernels) -> Body:
    read = {t.name for t in k.predict.program.inputs}
    state = (STATE,) if any(name in read for name, _, _ in k.network.state) else ()
    arguments = (*(Name(t.name) for t in _asked(k)), PARAMS, *state)
    return (Return((_run(k.predict, *arguments),)),)


def _run(kernel: Kernel, *arguments: Expression, **named: Expression) -> Call:
    """A function, called in the network's memory; see `rt.Network`."""
    return Call(member("_run"), (Name(kernel.name), *arguments), (*options(kernel), *named.items()))


def _loss(k: NetworkKernels) -> Body:
    """The loss, and what its gradient needs is kept."""
    forward, *gradients = k.loss
    value = Name(forward.results[0])
    passed = {t.name for t in forward.arguments}
    given = tuple((name, Name(name)) for name in _judged(k) if name in passed)
    return (
        Assign(names(forward.results), Call(Name(forward.name), (), given)),
        Assign(member("_judged"), Group((*_kept_of_loss(gradients).values(), *_zeros(k).values()))),
        Do(method(SELF, "_check_finite", Literal(k.network.name), value)),
        Return((value,)),
    )


def _kept_of_loss(gradients: Sequence[Kernel]) -> dict[str, Expression]:
    """What the gradients of the loss need, by what they call it."""
    needed = [t.name for g in gradients for t in g.arguments if t.name not in dict(g.seeds)]
    shaped = {shape_argument(t): shape_of(t.name) for g in gradients for t in g.shaped}
    return {**{name: Name(name) for name in needed}, **shaped}


def _zeros(k: NetworkKernels) -> dict[str, Expression]:
    """The gradients by outputs that the loss does not judge, which are 0."""
    judged = {*k.network.judged} or {k.forward_outputs[0]}
    return {seed: call("np.zeros_like", Name(output)) for seed, output in k.backward.seeds if output not in judged}


def _backward(k: NetworkKernels) -> Body:
    seeds = k.seeds
    own = Names({*FIXED, *seeds, *_kept_of_loss(k.loss[1:])})
    saved, wanted, gradient = (own.own(word) for word in ("saved", "inputs", "gradient"))
    value = _run(k.backward, *map(Name, seeds), PARAMS, Name(saved), inputs=Name(wanted))
    let_go = Assign(member("grads"), Dictionary(()))  # their memory serves for the new ones
    return (
        let(saved, method(SELF, "_kept")),
        let(wanted, Comparison((Name(seeds[0]), NONE), ("is not",))),
        *(_from_loss(k) if k.loss else ()),
        let_go,
        Assign(Items((Name(gradient), member("grads"))), value),
        Return((Name(gradient),)),
    )


def _from_loss(k: NetworkKernels) -> list[Statement]:
    """Where no gradient is given, that of the loss."""
    _, *gradients = k.loss
    kept, zeros = _kept_of_loss(gradients), _zeros(k)
    judged = [seed for seed, _ in k.backward.seeds if seed not in zeros]
    body: list[Statement] = [Assign(unpacked([*kept, *zeros]), method(SELF, "_judgement"))]
    for seed, gradient in zip(judged, gradients, strict=True):
        seeds, shapes = dict(gradient.seeds), [shape_argument(t) for t in gradient.shaped]
        passed = (Literal(1.0) if t.name in seeds else Name(t.name) for t in gradient.arguments)
        body.append(let(seed, Call(Name(gradient.name), tuple(passed), tuple((name, Name(name)) for name in shapes))))
    return [If(absent(k.seeds[0]), tuple(body))]


def _double_backward(k: NetworkKernels, kernel: Kernel) -> Body:
    seeds = Name("seeds")
    known = (Literal(k.network.name), Literal(seeds.text), seeds, texts(k.seeds))
    arguments: tuple[Expression, ...] = (
        Name("directions"),
        *(item(seeds, s) for s in k.seeds),
        PARAMS,
        method(SELF, "_kept"),
    )
    return (
        Do(Call(Name("rt.names"), known, (("every", Literal(True)),))),
        Return((Call(Name(kernel.name), arguments, (*options(kernel), *BUFFERS)),)),
    )
