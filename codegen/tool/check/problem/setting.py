"""What the layer's options are set to, so that those which the function takes vary."""

from gradscribe.codegen.tool.check.problem.binding import Argument
from gradscribe.codegen.tool.check.problem.parameter_names import CheckError, Role
from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.layer.interface import Kind, Layer, Option


def settings(layer: Layer, gradient: Gradient, asked: tuple[Argument, ...], given: dict[str, str]) -> dict[str, str]:
    """What the layer's options are set to for the check, as `derive.derivation.forward.displayed_settings` reads it.

    An option that the function takes stays a symbol, one for all axes unless the function takes one per axis; any
    other is at its default. A real number stays a symbol in any case.

    Raises:
        CheckError: when an option has no default, no array says what it is and the function does not take it.
    """
    found = dict(given)
    wanted = {a.meaning.name: a for a in asked if a.meaning.role is Role.OPTION}
    arrays = {a.meaning.name for a in asked if a.meaning.role is Role.TENSOR}
    seen = (*layer.program.inputs, *(t for n, t in gradient.program.tensors.items() if n in arrays))
    extents = {e for t in seen for e in t.shape}
    for option in layer.options:
        if option.name in found or option.kind is Kind.NUMBER:
            continue
        argument = wanted.get(option.name)
        if argument is not None and option.kind is not Kind.FLAG:
            found[option.name] = _symbols(option, argument, layer)
        elif argument is None and option.default is not None:
            default = option.default
            found[option.name] = str(default).lower() if isinstance(default, bool) else str(default)
        elif argument is None and not set(option.symbols) <= extents:
            raise CheckError(
                f"{layer.name}: {option.name} has no default; expected the function to take it, "
                f"or --set {option.name}=2"
            )
    return found


def _symbols(option: Option, argument: Argument, layer: Layer) -> str:
    names = [s.name for s in option.symbols]
    if argument.per_axis:
        return ",".join(names[::2] if option.kind is Kind.PADDING else names)
    letter = names[0].partition("_")[0]
    taken = layer.program.names() - set(names)
    return names[0] if letter in taken else letter
