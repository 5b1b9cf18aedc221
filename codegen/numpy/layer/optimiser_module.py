"""An optimiser's update equations -> its module: the update of one weight as a function, and on top of it the class."""

from dataclasses import replace

from gradscribe.codegen.files.emitted import Emitted
from gradscribe.codegen.kernel.kernel import Kernel, update_kernel
from gradscribe.codegen.numpy.function.docstring import Section, long_doc, module_doc, titled
from gradscribe.codegen.numpy.function.function_text import function_source
from gradscribe.codegen.numpy.layer.constructor import (
    constructor_arguments,
    constructor_signature,
    constructor_statements,
)
from gradscribe.codegen.numpy.layer.layer_class import RAISES
from gradscribe.codegen.numpy.layer.layer_names import check_globals, check_names
from gradscribe.codegen.numpy.package.module_text import emitted
from gradscribe.codegen.numpy.print.fixed_names import ARRAY
from gradscribe.codegen.python.definition import (
    Class,
    Function,
    Module,
    Parameter,
    Signature,
    as_method,
    of,
)
from gradscribe.codegen.python.expression import (
    ELLIPSIS,
    Attribute,
    Binary,
    Call,
    Expression,
    Group,
    Literal,
    Name,
    call,
    member,
    texts,
    unpacked,
)
from gradscribe.codegen.python.statement import Assign, Do, Return
from gradscribe.derive.ir.term import accesses
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import STEP, Optimiser

PARAMS, STATE = Name("params"), Name("state")


def optimiser_source(optimiser: Optimiser) -> Emitted:
    """The module of `optimiser`.

    Raises:
        EquationError: when a name cannot be one in Python code, or is taken.
    """
    layer = replace(optimiser.layer, options=optimiser.settings)
    check_names(optimiser.layer, "Optimiser")
    kernel = update_kernel(optimiser)
    check_globals(layer, [kernel.name])
    function = function_source(replace(kernel, summary=f"Compute an update of a weight by {layer.words}."))
    cls = Class(
        name=layer.class_name,
        base="Optimiser",
        doc=long_doc(f"{titled(layer)}: updates weights in place.", _described(layer)),
        facts=(_options(optimiser, kernel),),
        methods=(_constructor(optimiser, layer), _update(optimiser, kernel)),
    )
    return emitted(Module(layer.name, module_doc(layer), (function,), cls))


def _constructor(optimiser: Optimiser, layer: Layer) -> Function:
    settings = constructor_signature(layer)
    weights = Parameter(PARAMS.text, of("Mapping", Name("str"), ARRAY))
    kept = texts(word for _, word in optimiser.state)
    pointwise = (("pointwise", Literal(True)),) if _is_pointwise(layer) else ()
    created = Call(Attribute(call("super"), "__init__"), (Literal(layer.name), PARAMS, kept), pointwise)
    signature = replace(settings, positional=(weights, *settings.positional))
    return as_method("__init__", signature, "", [Do(created), *constructor_statements(layer)])


def _is_pointwise(layer: Layer) -> bool:
    """Whether every element of a weight is updated by itself, so that weights may be joined."""
    terms = [s.term for s in layer.program.statements]
    joint = all(a.indices == tuple(r.index for r in term.free) for term in terms for a in accesses(term.body))
    return joint and all(not term.bound and not term.guards and not term.deltas for term in terms)


def _update(optimiser: Optimiser, kernel: Kernel) -> Function:
    """The method that the runtime calls for each weight; it returns the new weight and the new state."""
    state = [name for name, _ in optimiser.state]
    options: list[tuple[str, Expression]] = [(o.name, member(o.name)) for o in kernel.options if o.name != STEP]
    options += [(STEP, Binary("+", member("steps"), Literal(1)))] if optimiser.counts_steps else []
    updated = Call(Name(kernel.name), (Name("p"), Name("g"), *map(Name, state)), tuple(options))
    result = updated if state else Group((updated,))
    signature = Signature(
        (Parameter("p", ARRAY), Parameter("g", ARRAY)),
        result=of("tuple", ARRAY, ELLIPSIS),
        rest=Parameter(STATE.text, ARRAY),
    )
    taken = (Assign(unpacked(state), STATE),) if state else ()
    return as_method("_updated", signature, "", (*taken, Return((result,))))


def _options(optimiser: Optimiser, kernel: Kernel) -> Assign:
    """The attributes that an update depends on."""
    counted = ("steps",) if optimiser.counts_steps else ()
    return Assign(Name("options"), texts((*(o.name for o in kernel.options if o.name != STEP), *counted)))


def _described(layer: Layer) -> list[str | Section]:
    params = ("params", "the weights by name, such as a network's `params`, whose arrays are changed in place")
    return [Section("Args", (params, *constructor_arguments(layer))), RAISES]
