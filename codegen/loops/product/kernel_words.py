"""What a function in C computes, and of which arrays, in words for the comment above its declaration."""

from collections.abc import Iterator

from sympy import Expr

from gradscribe.codegen.kernel.conditions.gradient_conditions import result_conditions
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.loops.product.nest.function_loops import Loops
from gradscribe.codegen.loops.text.c_names import spelled
from gradscribe.codegen.python.expression import Expression, Name
from gradscribe.codegen.python.scalars.scalar import size
from gradscribe.codegen.python.text.printer import text
from gradscribe.derive.ir.term import Tensor


def summary(kernel: Kernel) -> str:
    """What it computes, in a sentence."""
    if kernel.summary:
        return kernel.summary
    words = kernel.layer.words
    if kernel.wrt:
        return f"Compute {' and '.join(kernel.results)}, the gradient of E: {words}."
    return f"Compute {words}." if words.lower().startswith("the ") else f"Compute the {words}."


def kernel_words(kernel: Kernel, loops: Loops, flag: str, scratch: bool) -> Iterator[str]:
    """The lines of the comment.

    Args:
        kernel: the kernel.
        loops: its variables.
        flag: the parameter that says whether the gradients of inputs are wanted; "" for none.
        scratch: whether it needs memory.
    """
    under = result_conditions(kernel)
    yield summary(kernel)
    yield ""
    for t in kernel.arguments:
        yield f"{loops.array(t.name).text}: {_given(t, kernel)}"
    if flag:
        yield f"{flag}: 0 where only the gradients of weights are wanted; the others may be NULL then"
    tensors = {**kernel.layer.program.tensors, **kernel.program.tensors}
    for name in kernel.results:
        recorded = "; the position of each in its window, row by row, -1 for none" if name in loops.integers else ""
        if kernel.layer.program.definitions(name) and tensors[name].integer:
            recorded = "; integers"
        absent = f"; may be NULL without {under[name].array}" if under[name].array else ""
        yield f"{loops.array(name).text}: {_shape(tensors[name])}, is written{recorded}{absent}"
    if scratch:
        yield f"{loops.scratch.text}: memory for {spelled(kernel.name)}_scratch(settings) numbers; none of them is read"


def _given(t: Tensor, kernel: Kernel) -> str:
    seeds = dict(kernel.seeds)
    found = _shape(t)
    found += ", integers" if t.integer else ""
    found += (", or NULL for ones" if t.absent else ", or NULL") if t.optional else ""
    found += f"; dE/d{seeds[t.name]}" if t.name in seeds else ""
    own = t.name in seeds or t.name in {i.name for i in kernel.layer.program.inputs}
    return found if own else f"{found}; as the forward function has written it"


def _shape(t: Tensor) -> str:
    return "one number" if not t.shape else f"({', '.join(text(_extent(e)) for e in t.shape)})"


def _extent(e: Expr) -> Expression:
    return size(e, lambda s: Name(spelled(s.name)))
