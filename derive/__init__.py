"""Symbolic mathematics: equations, their derivatives, and the derivations. Imports nothing of codegen."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from derive.interface import Layer
    from derive.update import Optimiser


def layer(text: str, name: str = "layer", *, ties: str = "first", **interface: Any) -> "Layer":
    """The layer that an equation text describes, see docs/language.md and `derive.language.read`.

    Args:
        text: the equations.
        name: the layer's name, also the stem of its functions.
        ties: who gets the gradient where several elements are the maximum or minimum: the "first", or all in equal
            shares, "split". Layers of the catalogue take it as ``layer.with_ties("split")``.
        **interface: fields of `Layer` that replace what follows from the text.

    >>> dense = layer("y[n, k] = b[k] + sum(c) x[n, c] * w[c, k]", "dense")
    >>> print(dense.derivation(wrt=["w"]))  # doctest: +SKIP
    >>> kernels = dense.compile()  # doctest: +SKIP

    Raises:
        LanguageError: for any mistake in the text; the message points at the place.
        EquationError: when `ties` makes no sense for it.
    """
    from derive.language import read  # SymPy takes its time: whoever only wants a submodule does not wait for it

    return read(text, name, **interface).with_ties(ties)


def optimiser(text: str, name: str, *, state: "Mapping[str, str] | None" = None, **interface: Any) -> "Optimiser":
    """The optimiser that update equations describe, see `derive.update.optimiser`.

    >>> equations = "lr = 0.1; new_p[...] = p[...] - lr * g[...]"
    >>> module = optimiser(equations, "gradient_descent").compile()  # doctest: +SKIP
    >>> module.GradientDescent(params, lr=0.5).step(grads)  # doctest: +SKIP

    Raises:
        LanguageError: for any mistake in the text; the message points at the place.
        EquationError: when the equations are no update of p.
    """
    from derive.update import optimiser

    return optimiser(text, name, state=state, **interface)
