"""Layer -> Derivation: the forward equations, one section per gradient, the recurrence, and the identities used."""

from collections.abc import Mapping, Sequence

from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.calculus.passes.inline import is_pointwise
from gradscribe.derive.calculus.passes.reuse import distributions
from gradscribe.derive.calculus.second_order import checked_order
from gradscribe.derive.composition.network import Network
from gradscribe.derive.derivation.forms.caption.page_form import checked_form, in_form
from gradscribe.derive.derivation.forms.example.example import with_example
from gradscribe.derive.derivation.forward.displayed_settings import displayed
from gradscribe.derive.derivation.forward.forward_equations import in_one_naming
from gradscribe.derive.derivation.forward.insertion import written_out
from gradscribe.derive.derivation.forward.remarks.implementation import with_remarks
from gradscribe.derive.derivation.gradient.assembly import assembled
from gradscribe.derive.derivation.gradient.error_recurrence import passes_on, recurrence
from gradscribe.derive.derivation.gradient.section import gradient_sections
from gradscribe.derive.derivation.gradient.steps.brevity import said_once
from gradscribe.derive.derivation.gradient.weight_update import with_update
from gradscribe.derive.derivation.gradient.zero import zero_sections
from gradscribe.derive.derivation.letters.notation import gradient_notation
from gradscribe.derive.derivation.letters.written import in_letters
from gradscribe.derive.derivation.network.kinds.once import others_named, side_by_side
from gradscribe.derive.derivation.network.network_derivation import derive_network
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Result, Section, Step
from gradscribe.derive.derivation.record.translation import checked_language, in_language
from gradscribe.derive.derivation.second_derivation import second_derivation
from gradscribe.derive.ir.quote import listed, quoted
from gradscribe.derive.ir.term import Access, EquationError, Program
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.letters import Letters, read_letters
from gradscribe.derive.layer.update import Optimiser
from gradscribe.kept import kept
from gradscribe.said import ENGLISH

__all__ = ["Derivation", "Result", "Section", "Step", "derive", "unlettered"]


def derive(
    layer: Layer,
    wrt: Sequence[str] | None = None,
    settings: Mapping[str, str] | None = None,
    order: int = 1,
    *,
    letters: str | Mapping[str, str] = "",
    full: bool = False,
    form: str = "index",
    optimiser: Optimiser | None = None,
    example: bool = False,
    implementation: bool = False,
    language: str = ENGLISH,
) -> Derivation:
    """The derivation of a layer's gradients.

    Args:
        layer: a layer of the catalogue, one of your own, or a network.
        wrt: the inputs to differentiate by; all differentiable ones by default, the weights of a network.
        settings: options and sizes by name, see `derive.derivation.forward.displayed_settings`.
        order: 2 for the gradient of the gradient.
        letters: what names are written with, by name or as text, ``"goodfellow, n=N, brackets"``; see
            `derive.layer.letters.read_letters`. They come before those that the layer's own text asks for.
        full: every row and every section, those too that say nothing new: the chain rule element by element.
        form: "index" for every row and the operator form below a box, "operator" for operator forms alone, "matrix"
            for products of matrices (im2col), or "all".
        optimiser: the equations of the update of the weights, at order 1; gradient descent by default.
        example: whether numbers stand beside the formulas, see `derive.derivation.forms.example`; at order 1.
        implementation: whether it says how the code does it: NaN, infinity, places of maxima as numbers, what is saved.
        language: in which it is printed, one of `gradscribe.said.languages`.

    Raises:
        EquationError: when `wrt`, a setting, the order, the form, the optimiser or an example does not fit the layer,
            for letters that clash, are none, or are asked for names that the page does not have, and for an unknown
            language.
    """
    checked_form(layer.name, form)
    checked_language(language)
    request = read_letters(letters, f"{layer.name}: letters").over(read_letters(layer.letters, layer.name))
    wanted, given = tuple(wrt) if wrt is not None else None, tuple((settings or {}).items())
    written = repr((layer.options, given, order, optimiser.layer.options if optimiser is not None else ()))
    page = _page(layer, written, wanted, given, order, request, full, form, optimiser, example, implementation)
    return in_language(page, language)


@kept(64)  # all formats of a page, and what was evaluated of it, are made of one
def _page(
    layer: Layer,
    written: str,
    wrt: tuple[str, ...] | None,
    given: tuple[tuple[str, str], ...],
    order: int,
    request: Letters,
    full: bool,
    form: str,
    optimiser: Optimiser | None,
    example: bool,
    implementation: bool,
) -> Derivation:
    """What `derive` returns; `written` as in `_derived`."""
    page = in_form(unlettered(layer, wrt, dict(given), order, full=full), form)
    if order == 1:
        page = with_update(page, layer.weights, optimiser)
    elif optimiser is not None:
        raise EquationError(f"{layer.name}: weights move along first gradients; expected order 1 beside an optimiser")
    page = with_example(page) if example else page
    page = with_remarks(page) if implementation else page
    return in_letters(page, request, layer.program.names())


def unlettered(
    layer: Layer,
    wrt: Sequence[str] | None = None,
    settings: Mapping[str, str] | None = None,
    order: int = 1,
    *,
    full: bool = False,
) -> Derivation:
    """What `derive` makes before names get their letters: the same rows under the same numbers."""
    wanted, given = tuple(wrt) if wrt is not None else None, tuple((settings or {}).items())
    return _derived(layer, repr((layer.options, given, order)), wanted, given, order, full)


@kept(256)  # what is printed, verified and written as code is often the same layer
def _derived(
    layer: Layer,
    written: str,
    wrt: tuple[str, ...] | None,
    given: tuple[tuple[str, str], ...],
    order: int,
    full: bool,
) -> Derivation:
    """The same; `written` tells numbers apart that are equal: 0.0 from -0.0, 1 from True."""
    settings = dict(given)
    if checked_order(layer.name, order) == 2:
        if not layer.differentiable:
            raise EquationError(f"{layer.name}: nothing in it is differentiated; expected order 1")
        return second_derivation(layer, _checked(layer, wrt), settings, full)
    if isinstance(layer, Network):
        return derive_network(layer, wrt, settings, full)
    display = displayed(layer, settings)
    rewritten = written_out(differentiate(in_one_naming(display.program), _checked(layer, wrt)))
    gradient, program = rewritten.shown, rewritten.shown.forward
    notation = gradient_notation(gradient)
    lets = distributions(program, gradient.program.names())
    sections = [
        *gradient_sections(gradient, notation, lets, closing=True, full=full),
        *zero_sections(gradient, notation),
    ]
    first = program.inputs[0].name
    main = next((s for s in sections if s.wrt == first and first not in gradient.zeros), None)
    between = first not in layer.weights and passes_on(program, first) and not _is_activation(program, first)
    if main is not None and between:
        sections.append(recurrence(program, main, notation))
    sections = sections if full else said_once(others_named(side_by_side(sections)))
    return assembled(display, program, rewritten, notation, sections)


def _checked(layer: Layer, wrt: Sequence[str] | None) -> Sequence[str] | None:
    """`wrt` if all of its names are differentiable inputs of the layer."""
    for name in wrt or ():
        if name not in layer.differentiable:
            expected = listed(layer.differentiable)
            raise EquationError(
                f"{layer.name}: cannot differentiate with respect to {quoted(name)}; expected one of {expected}"
            )
    return wrt


def _is_activation(program: Program, name: str) -> bool:
    """Whether the program is an elementwise function of `name`, an activation itself."""
    shape = program.tensors[name].shape
    elementwise = all(is_pointwise(s) and s.target.shape == shape for s in program.statements)
    return elementwise and not isinstance(program.statements[-1].term.body, Access)
