"""The constructor of a network: its options and sizes, then every weight and running statistic as it starts."""

from sympy import Expr

from gradscribe.codegen.numpy.function.arguments import affordable
from gradscribe.codegen.numpy.layer.constructor import full, generator, parameter, real_type, size_statements
from gradscribe.codegen.python.expression import (
    Binary,
    Dictionary,
    Expression,
    Literal,
    Name,
    call,
    item,
    member,
)
from gradscribe.codegen.python.scalars.scalar import DTYPE, shape, size
from gradscribe.codegen.python.statement import Assign, Do, Statement, let
from gradscribe.codegen.python.text.literal import finite
from gradscribe.codegen.python.text.printer import text
from gradscribe.derive.composition import Network, Normal, Uniform
from gradscribe.derive.composition.network import Start
from gradscribe.derive.ir.quote import shown
from gradscribe.derive.ir.term import Tensor


def check_starts(network: Network) -> None:
    """Raise unless what starts are made of are numbers.

    Raises:
        EquationError: naming the weight.
    """
    for weight, start in network.starts:
        where = f"{network.name}, {shown(network.key(weight))}"
        found = {"start": start} if not isinstance(start, Uniform | Normal) else {"gain": start.gain}
        found |= {"power": start.power} if isinstance(start, Uniform) else {}
        for word, value in found.items():
            finite(value, f"{where}: {word}")


def described(network: Network) -> list[str]:
    """Every weight and running statistic: its name, shape, how it starts."""
    tensors, fans = network.program.tensors, dict(network.fans)
    lines = [
        f"{network.key(w)}: shape {text(shape(tensors[w].shape))}, {_words(start, fans[w])}."
        for w, start in network.starts
    ]
    return [*lines, *(f"{network.key(s)}: state, starts as {value:g}." for s, _, value in network.state)]


def constructor_statements(network: Network) -> list[Statement]:
    """The body of the constructor."""
    found = size_statements(network)
    tensors, fans = network.program.tensors, dict(network.fans)
    if network.starts or network.state:
        found.append(let("dtype", real_type(network)))
    open_shapes = [
        (Literal(network.key(w)), shape(tensors[w].shape))
        for w, _ in network.starts
        if not all(e.is_Integer for e in tensors[w].shape)
    ]
    if open_shapes:
        found.append(Do(affordable(network, open_shapes)))
    if any(not isinstance(start, float) for _, start in network.starts):
        found.append(generator())
    found += [Assign(parameter(network.key(w)), _value(start, fans[w], tensors[w])) for w, start in network.starts]
    found += [Assign(item(member("state"), network.key(s)), full(tensors[s], v)) for s, _, v in network.state]
    if network.flattened:
        entries = Dictionary(tuple((Literal(network.key(w)), shape(e)) for w, e in network.flattened))
        found.append(Assign(member("flattened"), entries))
    return found


def _value(start: Start, fan: Expr, tensor: Tensor) -> Expression:
    rng, extents = Name("rng"), shape(tensor.shape)
    match start:
        case Uniform(gain):
            bound = Binary("/", Literal(finite(gain)), _fan_power(start, fan, "np.sqrt"))
            return call("rt.uniform_within", rng, extents, bound, DTYPE)
        case Normal(gain):
            deviation = call("np.sqrt", Binary("/", Literal(finite(gain)), size(fan)))
            return call("rt.normal", rng, extents, deviation, DTYPE)
        case _:
            return full(tensor, start)


def _words(start: Start, fan: Expr) -> str:
    match start:
        case Uniform(gain):
            return f"uniform within {text(Binary('/', _short(gain), _fan_power(start, fan, 'sqrt')))}"
        case Normal(gain):
            return f"normal, of variance {text(Binary('/', _short(gain), size(fan)))}"
        case _:
            return f"starts as {start:g}"


def _short(value: float) -> Expression:
    """A number as a reader writes it: 2, not 2.0."""
    return Literal(int(value) if value == int(value) else value)


def _fan_power(start: Uniform, fan: Expr, root: str) -> Expression:
    """The power of the fan-in that bounds a uniform start; `root` is what the square root is called."""
    if start.power == 0.5:
        return call(root, size(fan))
    return size(fan) if start.power == 1 else Binary("**", size(fan), Literal(finite(start.power)))
