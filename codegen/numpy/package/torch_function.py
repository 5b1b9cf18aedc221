"""Layer -> a `torch.autograd.Function` to read and to copy, whose two methods call the generated functions."""

from collections.abc import Sequence
from dataclasses import dataclass

from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import Kernel, kernels
from gradscribe.codegen.numpy.function.docstring import long_doc, titled
from gradscribe.codegen.numpy.layer.layer_names import check_names
from gradscribe.codegen.numpy.print.fixed_names import FIXED
from gradscribe.codegen.python.definition import ANY, NONE, Function, Import, Parameter, Signature, given
from gradscribe.codegen.python.expression import (
    Attribute,
    Call,
    Choice,
    Expression,
    Group,
    Literal,
    Name,
    Part,
    absent,
    call,
    method,
    names,
    unpacked,
)
from gradscribe.codegen.python.names import Names
from gradscribe.codegen.python.statement import Assign, Body, Do, If, Return, Statement, let
from gradscribe.codegen.python.text import printer
from gradscribe.codegen.python.text.render import FunctionContext, printed, render
from gradscribe.derive.composition import Network
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.layer.interface import Layer, Option
from gradscribe.derive.layer.update import Optimiser

TEMPLATE = "numpy/torch_function.py.jinja"
ARRAY, TENSOR = "to_array", "torch.as_tensor"
"""What makes an array of a tensor, and the other way; both share their memory."""
OWN = FIXED | {ARRAY, "torch", "tensor"}


@dataclass(frozen=True)
class TorchContext:
    """All fields of the template."""

    doc: str
    imports: tuple[str, ...]
    functions: tuple[FunctionContext, ...]
    name: str
    about: str
    methods: tuple[FunctionContext, ...]


def torch_function(item: Layer | Optimiser) -> str:
    """The text of a module; of what is generated it imports the functions that it calls.

    Raises:
        EquationError: for a network and for an optimiser, which have other ways there.
    """
    if isinstance(item, Optimiser):
        raise EquationError(f"{item.name}: an optimiser has no gradient")
    if isinstance(item, Network):
        raise EquationError(f"{item.name}: a network is a module there; see gradscribe.adapters.as_module")
    check_names(item)
    forward, *gradients = kernels(item)
    ways = _Ways(item, forward, tuple(gradients))
    called = tuple(kernel.name for kernel in (forward, *gradients))
    context = TorchContext(
        doc=f"{titled(item)} in PyTorch, on the CPU.",
        imports=(
            *printer.imported(Import("typing", ("Any",))),
            *("", "import torch", ""),
            *printer.imported(Import(f"generated.{item.name}", called)),
        ),
        functions=(printed(_to_array()),),
        name=f"{item.class_name}Function",
        about=long_doc("Forward and backward are the functions that gradscribe generates.", [ways.call]),
        methods=(printed(ways.forward_method, 1), printed(ways.backward_method, 1)),
    )
    return render(TEMPLATE, context)


def _to_array() -> Function:
    value = method(method(Name("tensor"), "detach"), "numpy")
    body = (Return((Choice(NONE, absent("tensor"), value),)),)
    return Function(ARRAY, Signature(given("tensor"), result=ANY), "The memory of a tensor as an array.", body)


class _Ways:
    """The methods of a layer's function."""

    def __init__(self, layer: Layer, forward: Kernel, gradients: tuple[Kernel, ...]) -> None:
        self.layer, self.kernel, self.gradients = layer, forward, gradients
        self.inputs = tuple(t.name for t in layer.program.inputs)
        self.options = tuple(o.name for o in layer.options if o in forward.options)
        self.parameters = (*self.inputs, *self.options)
        later = {t.name for kernel in gradients for t in kernel.arguments} - {seed for seed, _ in self.seeds}
        self.saved = tuple(name for name in dict.fromkeys((*layer.program.tensors, *forward.results)) if name in later)
        of_gradients = {o for kernel in gradients for o in kernel.options}
        self.axes = {o.name: self._axes(o) for o in of_gradients - {*forward.options}}
        shaped = {t.name for kernel in gradients for t in kernel.shaped}
        shaped |= {name for axes in self.axes.values() for name, _ in axes}
        self.shapes = tuple(name for name in self.inputs if name in shaped and name not in self.saved)
        self.later = tuple(o.name for o in layer.options if o in of_gradients and o in forward.options)
        tensors = {*layer.program.tensors, *(n for k in gradients for n in k.program.tensors)}
        for name in sorted({"torch", ARRAY} & {*tensors, *self.options}):
            raise EquationError(f"{layer.name}: {name} is a name of the code around it; rename the tensor or option")
        self.own = Names({*OWN, *tensors, *self.options})
        self.ctx = self.own.own("ctx")

    @property
    def seeds(self) -> tuple[tuple[str, str], ...]:
        """The gradients that arrive, with their outputs."""
        return self.gradients[0].seeds if self.gradients else ()

    @property
    def call(self) -> str:
        """How it is called."""
        optional = any(t.optional for t in self.layer.program.inputs)
        words = ", with None for a tensor that is absent" if optional else ""
        return f"Call {self.layer.class_name}Function.apply({', '.join(self.parameters)}){words}."

    @property
    def forward_method(self) -> Function:
        """The outputs; what the gradients need is kept."""
        results, outputs = self.kernel.results, self.layer.program.outputs
        value = self._called(self.kernel)
        whole: Expression = call("map", Name(TENSOR), value) if len(results) > 1 else call(TENSOR, value)
        unseeded = [name for name in outputs if name not in {output for _, output in self.seeds}]
        body: list[Statement] = [Assign(names(results), whole)]
        body += [Do(method(Name(self.ctx), "save_for_backward", *map(Name, self.saved)))] if self.saved else []
        body += [Assign(self._held("shapes"), Group(tuple(map(_shape, self.shapes))))] if self.shapes else []
        body += [Assign(self._held("options"), Group(tuple(map(Name, self.later))))] if self.later else []
        body += [Do(method(Name(self.ctx), "mark_non_differentiable", *map(Name, unseeded)))] if unseeded else []
        return self._method("forward", self.parameters, (*body, Return(tuple(map(Name, outputs)))))

    @property
    def backward_method(self) -> Function:
        """The gradients of the tensors that want one; options have none."""
        arriving = {output: seed for seed, output in self.seeds}
        given_ = [arriving.get(o) or self.own.own("unused", o) for o in self.layer.program.outputs]
        body: list[Statement] = []
        for held, known in (("saved_tensors", self.saved), ("options", self.later)):
            body += [Assign(unpacked(known), self._held(held))] if known else []
        shapes = tuple(f"{name}_shape" for name in self.shapes)
        body += [Assign(unpacked(shapes), self._held("shapes"))] if shapes else []
        found = {kernel.wrt[0]: kernel for kernel in self.gradients}
        for name, kernel in found.items():
            wanted = Part(self._held("needs_input_grad"), (Literal(self.inputs.index(name)),))
            gradient = call(TENSOR, self._called(kernel))
            body += [let(kernel.results[0], NONE), If(wanted, (let(kernel.results[0], gradient),))]
        results = [Name(found[name].results[0]) if name in found else NONE for name in self.inputs]
        return self._method("backward", given_, (*body, Return((*results, *(NONE for _ in self.options)))))

    def _called(self, kernel: Kernel) -> Expression:
        """A call of a generated function with the arrays of tensors."""
        arrays = tuple(call(ARRAY, Name(t.name)) for t in kernel.arguments)
        shapes = ((shape_argument(t), self._shape(t.name)) for t in kernel.shaped)
        return Call(Name(kernel.name), arrays, (*shapes, *((o.name, self._option(o.name)) for o in kernel.options)))

    def _axes(self, option: Option) -> tuple[tuple[str, int], ...]:
        """Which axes of which tensors an option says that the forward function need not be told."""
        known = [t for t in self.kernel.arguments if not t.optional]
        return tuple(
            next((t.name, axis) for t in known for axis, extent in enumerate(t.shape) if extent == symbol)
            for symbol in option.symbols
        )

    def _option(self, name: str) -> Expression:
        if name not in self.axes:
            return Name(name)
        found = tuple(Part(self._shape(tensor), (Literal(axis),)) for tensor, axis in self.axes[name])
        return found[0] if len(found) == 1 else Group(found)

    def _shape(self, name: str) -> Expression:
        return Name(f"{name}_shape") if name in self.shapes else _shape(name)

    def _held(self, name: str) -> Attribute:
        return Attribute(Name(self.ctx), name)

    def _method(self, name: str, parameters: Sequence[str], body: Body) -> Function:
        signature = Signature((Parameter(self.ctx, ANY), *given(*parameters)), result=ANY)
        return Function(name, signature, "", body, decorator=Name("staticmethod"))


def _shape(name: str) -> Expression:
    return Attribute(Name(name), "shape")
