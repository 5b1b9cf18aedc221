"""What users are given: the records of `gradscribe.derive` with what builds on them as methods.

Mathematics knows neither printers nor code, so a layer there is equations and how they are called; the rooms above are
functions of it. Here, above all rooms, these functions are methods of the same records: what is made here is accepted
wherever a layer, a network or an optimiser is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.target import DEFAULT
from gradscribe.codegen.tool.package import write_package
from gradscribe.derive import composition, language
from gradscribe.derive.catalogue import network_text
from gradscribe.derive.composition.network import Data, Start
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.ir.term import Program
from gradscribe.derive.layer import interface, update
from gradscribe.said import ENGLISH

T = TypeVar("T")


@dataclass(frozen=True, repr=False)
class Layer(interface.Layer):
    """A layer that derives, generates and compiles itself; `derive.layer.interface.Layer` says what it holds."""

    def derivation(
        self,
        wrt: Sequence[str] | None = None,
        settings: Mapping[str, str] | None = None,
        order: int = 1,
        *,
        letters: str | Mapping[str, str] = "",
        full: bool = False,
        form: str = "index",
        optimiser: update.Optimiser | None = None,
        example: bool = False,
        implementation: bool = False,
        language: str = ENGLISH,
    ) -> Derivation:
        """The derivation step by step.

        Args:
            wrt: the inputs to differentiate by; all differentiable ones by default, the weights of a network.
            settings: options and sizes by name, as text: ``{"stride": "1", "H": "9"}``.
            order: 2 for the gradient of the gradient.
            letters: what names are written with, by name or as text, ``"goodfellow, n=N, brackets"``; see
                docs/language.md.
            full: every row and every section, those too that say nothing new.
            form: "index" for every row and the operator form below a box, "operator" for operator forms alone,
                "matrix" for products of matrices (im2col), or "all".
            optimiser: the equations of the update of the weights, at order 1; gradient descent by default.
            example: whether numbers stand beside the formulas, at order 1.
            implementation: whether it says how the code does it: NaN, infinity, what is saved.
            language: that of its words, one of `gradscribe.said.languages`.

        Returns:
            The page: `print` it, or show it in a notebook.

        Raises:
            EquationError: when an argument does not fit the layer, and for letters that clash or are none.
        """
        return derive(
            self,
            wrt,
            settings,
            order,
            letters=letters,
            full=full,
            form=form,
            optimiser=optimiser,
            example=example,
            implementation=implementation,
            language=language,
        )

    def generate(self, out: str | Path, order: int = 1, backend: str = DEFAULT) -> tuple[Path, ...]:
        """Write the layer's module and what it needs into the folder `out`; returns the files that changed.

        Args:
            out: the folder.
            order: 2 for the double backward function and the Hessian-vector product, too.
            backend: what the code is written for, a name in `codegen.target.TARGETS`.

        Raises:
            EquationError: for an order other than 1 and 2, and for an unknown backend.
            FileExistsError: when a file there was not generated, or by another backend.
        """
        return tuple(write_package([self], Path(out), order, backend))

    def compile(self, order: int = 1, backend: str = DEFAULT) -> ModuleType:
        """The layer's module in memory: its functions and its class as attributes; nothing is written.

        Args:
            order: 2 for the double backward function and the Hessian-vector product, too.
            backend: see `generate`.

        Raises:
            EquationError: for an order other than 1 and 2, and for an unknown backend.
        """
        return compile_layer(self, order, backend)


@dataclass(frozen=True, repr=False)
class Network(composition.Network, Layer):
    """A network with the same methods."""


@dataclass(frozen=True, repr=False)
class Optimiser(update.Optimiser):
    """An optimiser that generates and compiles itself; `derive.layer.update.Optimiser` says what it holds."""

    def generate(self, out: str | Path, backend: str = DEFAULT) -> tuple[Path, ...]:
        """Write the optimiser's module and what it needs into the folder `out`; returns the files that changed.

        Args:
            out: the folder.
            backend: what the code is written for, a name in `codegen.target.TARGETS`.

        Raises:
            EquationError: for an unknown backend.
            FileExistsError: when a file there was not generated, or by another backend.
        """
        return tuple(write_package([self], Path(out), backend=backend))

    def compile(self, backend: str = DEFAULT) -> ModuleType:
        """The optimiser's module in memory: its function and its class as attributes; nothing is written.

        Args:
            backend: see `generate`.

        Raises:
            EquationError: for an unknown backend.
        """
        return compile_layer(self, backend=backend)


def layer(
    equations: str | Program | interface.Layer,
    name: str | None = None,
    *,
    ties: str = "first",
    checkpoint: int | None = None,
    **given: Any,
) -> Layer:
    """The layer that an equation text describes, see docs/language.md, or one of what `gradscribe.derive` makes.

    Args:
        equations: the text; or a program, such as `gradscribe.program` makes of SymPy equations; or a layer or
            network, such as `derive.composition.compose` makes of nodes, which is then given its methods.
        name: the layer's name, also the stem of its functions; "layer", or the one that it has, if None.
        ties: who gets the gradient where several elements are the maximum or minimum: the "first", or all in equal
            shares, "split"; `with_ties` makes another layer of one that is there.
        checkpoint: of recurrences, every how many positions a state is kept, from which gradients compute the others
            again; `with_checkpoint` makes another layer of one that is there.
        **given: fields of `derive.layer.interface.Layer` that replace what follows from the equations.

    Returns:
        The layer, with the methods `derivation`, `differentiate`, `compile` and `generate`.

    Raises:
        LanguageError: for any mistake in the text; the message points at the place.
        EquationError: when `ties` or `checkpoint` makes no sense for it.

    Examples:
        >>> dense = layer("y[n, k] = b[k] + sum(c) x[n, c] * w[c, k]", "dense")
        >>> print(dense.derivation(wrt=["w"]))  # doctest: +SKIP
        >>> kernels = dense.compile()  # doctest: +SKIP
    """
    if isinstance(equations, str):
        found = language.read(equations, "layer" if name is None else name, **given)
    elif isinstance(equations, Program):
        found = replace(interface.layer_of(equations, "layer" if name is None else name), **given)
    else:
        found = replace(equations, name=equations.name if name is None else name, **given)
    made = _as(Network if isinstance(found, composition.Network) else Layer, found).with_ties(ties)
    return made.with_checkpoint(checkpoint) if checkpoint is not None else made


def network(
    text: str,
    name: str = "network",
    *,
    layers: Mapping[str, interface.Layer | Callable[[], interface.Layer]] | None = None,
    data: Mapping[str, Data] | None = None,
    starts: Mapping[str, Start] | None = None,
    **given: Any,
) -> Network:
    """The network that a text describes; docs/networks.md is its reference.

    Args:
        text: chains of layers, such as ``conv2d(8, 3, padding=1) -> relu -> flatten -> dense(10)``.
        name: the network's name, also the stem of its functions.
        layers: layers of your own by name, besides the catalogue's, or functions that make them.
        data: constants by "node.input", numbers in nested tuples: LeNet-5's table of connections.
        starts: how weights start, by "node.weight", or by "weight" for all nodes.
        **given: fields of `derive.composition.Network` such as title, class_name, source.

    Returns:
        The network, with the methods `derivation`, `differentiate`, `compile` and `generate`.

    Raises:
        NetworkError: for any mistake; the message names the network, the node, what was expected and received.
    """
    return _as(Network, network_text.network(text, name, layers=layers, data=data, starts=starts, **given))


def optimiser(text: str, name: str, *, state: Mapping[str, str] | None = None, **given: Any) -> Optimiser:
    """The optimiser that an equation text describes.

    Args:
        text: the equations, see docs/language.md: of p (a weight of any shape), g (its gradient), the state, and t (the
            number of the step) they make ``new_p`` and, of every state s, ``new_s``.
        name: the optimiser's name, also the stem of its function.
        state: what state is called in the class, by its name in the equations, where that is not the same.
        **given: fields of the layer of equations, as in `layer`: class_name, title, options, requirements, source.

    Returns:
        The optimiser, with the methods `compile` and `generate`.

    Raises:
        LanguageError: for any mistake in the text.
        EquationError: when the equations are no update of p.
    """
    return _as(Optimiser, language.optimiser(text, name, state=state, **given))


def _as(kind: type[T], record: Any) -> T:
    """The same record as one of the classes here, which add no field."""
    return kind(**{field.name: getattr(record, field.name) for field in fields(record)})
