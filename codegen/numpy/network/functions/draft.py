"""A function of a network's module before its statements are written: its plan may still be shared in parts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Symbol

from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.kernel.network_kernels import NetworkKernels
from gradscribe.codegen.loops import NestLoops
from gradscribe.codegen.numpy.function.binder import shape_of
from gradscribe.codegen.numpy.function.docstring import enumerated
from gradscribe.codegen.numpy.plan import Plan
from gradscribe.codegen.numpy.print.emit import Emitter
from gradscribe.codegen.numpy.print.fixed_names import ARRAY, PASS, RUNTIME
from gradscribe.codegen.python.definition import ANY, INT, NONE, Function, Parameter, Signature, of
from gradscribe.codegen.python.expression import Items, Literal, Name, Part
from gradscribe.codegen.python.scalars.scalar import shape
from gradscribe.codegen.python.statement import Assign, Body, Statement, let, live, used
from gradscribe.codegen.python.text.printer import text
from gradscribe.derive.ir.term import Tensor


@dataclass(frozen=True)
class Origin:
    """What an array of a function is: `name`, as its layer calls it, of a node and of the layer of that.

    Or it is the `gradient` of that.
    """

    node: str
    layer: str
    name: str
    gradient: bool = False


def origins(k: NetworkKernels) -> dict[str, Origin]:
    """What the tensors of a network and their gradients are."""
    layers = {node.name: node.layer.name for node in k.network.nodes}
    found = {tensor: Origin(part.node, layers[part.node], part.name) for tensor, part in k.network.parts}
    return found | {
        k.slopes[t]: replace(own, name=f"d{own.name}", gradient=True) for t, own in found.items() if t in k.slopes
    }


def purpose_of(k: NetworkKernels, kernel: Kernel) -> str:
    """What a function of a network is for: "forward"."""
    return kernel.name.removeprefix(f"{k.network.name}_")


@dataclass(frozen=True)
class Draft:
    """A function whose statements are not written yet.

    Attributes:
        name: its name.
        purpose: what it is for, "forward".
        signature: what it is given and returns, without sizes that it is given by name.
        doc: what its docstring says.
        first: the statements that check and name what it is given; those that nothing reads are left out.
        plan: what it computes.
        last: the statements behind that.
        taken: names that its variables must not have.
        tensors: the arrays whose shapes are known.
        origins: what its arrays are, where that is known.
        sizes: the sizes that it is given by name where it reads them.
    """

    name: str
    purpose: str
    signature: Signature
    doc: str
    first: Body
    plan: Plan
    last: Body
    taken: frozenset[str]
    tensors: Mapping[str, Tensor]
    origins: Mapping[str, Origin]
    sizes: tuple[Symbol, ...] = ()


def functions_of(drafts: Iterable[Draft]) -> list[Function]:
    """The functions with their statements; one calls the loops of another where these do the same."""
    found: list[Function] = []
    for draft in drafts:
        found.append(written(draft, [loops for function in found for loops in function.loops]))
    return found


def written(draft: Draft, known: Sequence[NestLoops] = ()) -> Function:
    """The function with its statements, where loops are `known` that others call."""
    emitter = Emitter(draft.taken, buffers=PASS, known=known)
    computed = (*emitter.statements(draft.plan), *draft.last)
    asked = set().union(*map(used, (*draft.first, *computed)))
    told = draft.signature
    own = tuple(Parameter(s.name, INT if s.is_integer else ANY) for s in draft.sizes if s.name in asked)
    return Function(
        name=draft.name,
        signature=Signature(told.positional, (*told.keyword, *own), told.result),
        doc=draft.doc,
        body=(*live(draft.first, set().union(*map(used, computed)), RUNTIME), *computed),
        loops=tuple(emitter.nests),
        source=draft.plan,
    )


def told_sizes(tensors: Iterable[Tensor], asked: Collection[Expr]) -> tuple[Body, set[Expr]]:
    """The statements that name sizes that shapes of arrays tell, of those `asked`, and these sizes."""
    found: list[Statement] = []
    known: set[Expr] = set()
    for tensor in tensors:
        own = tensor.shape
        axes = {axis: e for axis, e in enumerate(own) if e in asked and e not in {*known, *own[:axis]}}
        known |= set(axes.values())
        if len(axes) == 1:
            found += [let(str(e), Part(shape_of(tensor.name), (Literal(axis),))) for axis, e in axes.items()]
        elif axes:
            names = (Name(str(axes.get(axis, "_"))) for axis in range(len(own)))
            found.append(Assign(Items(tuple(names)), shape_of(tensor.name)))
    return tuple(found), known


def within_pass(given: Sequence[str], made: Sequence[str]) -> Signature:
    """The signature of a function that is given the pass and arrays, and returns arrays."""
    arrays = (Parameter(PASS, Name("rt.Pass")), *(Parameter(name, ARRAY) for name in given))
    kinds = [ARRAY for _ in made]
    return Signature(arrays, result=NONE if not kinds else kinds[0] if len(kinds) == 1 else of("tuple", *kinds))


def shapes_in_words(tensors: Mapping[str, Tensor], given: Sequence[str], made: Sequence[str]) -> list[str]:
    """What a function is given and returns."""
    told = [("Given", given), ("Returned", made)]
    sentences = (f"{word} {_are(names)} {_shapes(tensors, names)}." for word, names in told if names)
    return [" ".join(sentences)]


def _shapes(tensors: Mapping[str, Tensor], names: Sequence[str]) -> str:
    return enumerated([" ".join((name, *_shape(tensors.get(name)))) for name in names])


def _shape(tensor: Tensor | None) -> list[str]:
    return [text(shape(tensor.shape))] if tensor is not None else []


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
