"""Nothing that a user wrote is ever code: hostile names in every role, and values that are no numbers."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Eq, Idx, IndexedBase, Symbol

import gradscribe
from gradscribe import network
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.tool.package import write_package
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.composition import Network, Node, Normal, Uniform
from gradscribe.derive.composition.joining.compose import compose
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.equations import program
from gradscribe.derive.layer.interface import Kind, Layer, Option, Requirement
from gradscribe.derive.layer.interval import Interval
from tests.cases.hostile import CANARY, CUBE, NAMES, SOME, fuzzed, outcome, own_optimiser, watched, with_options

STEP = "lr = 0.1; new_p[...] = p[...] - lr * g[...]"
N = integer("N")


@pytest.fixture(autouse=True)
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with watched(tmp_path, monkeypatch):
        yield


def squares(x: str = "x", y: str = "y", n: Any = "n", size: Any = N, factor: Any = 2, **fields: Any) -> Layer:
    """``y[n] = factor * x[n]**2`` under other names."""
    index = Idx(n, size)
    read, made = (IndexedBase(name, shape=(size,), real=True) for name in (x, y))
    return Layer("own", "Own", "own", program(Eq(made[index], factor * read[index] ** 2), inputs=(read,)), **fields)


def by_parameter(name: str) -> Layer:
    symbol = Symbol(name, real=True)
    return squares(factor=symbol, options=(Option(name, (symbol,), Kind.NUMBER, 2.0),))


def by_option(name: str) -> Layer:
    made = gradscribe.layer("a = 2.0; y[n] = a * x[n]^2", "own")
    return replace(made, options=(replace(made.options[0], name=name),))


def by_default(name: str) -> Layer:
    made = with_options("text")
    return replace(made, options=(replace(made.options[0], default=name),))


def by_feature(name: str) -> Layer:
    made = gradscribe.layer("weight w; y[n, k] = sum(c) x[n, c] * w[c, k]")
    return replace(made, features=((name, integer("C")), ("out", integer("K"))))


def by_node(name: str, source: str = "x") -> Network:
    node = Node(name, LAYERS["dense"](), (source,), (("out_features", 2),), start=(("w", Normal(2.0)),))
    return compose("net", [node], name, inputs={source: ("N", 3)})


ROLES: dict[str, Callable[[str], Any]] = {
    "tensor": lambda name: squares(x=name),
    "output": lambda name: squares(y=name),
    "size": lambda name: squares(size=Symbol(name, integer=True, nonnegative=True)),
    "index": lambda name: squares(n=Symbol(name, integer=True)),
    "parameter": by_parameter,
    "option": by_option,
    "default": by_default,
    "feature": by_feature,
    "layer": lambda name: replace(gradscribe.layer(CUBE), name=name),
    "class": lambda name: replace(gradscribe.layer(CUBE), class_name=name),
    "initial": lambda name: replace(gradscribe.layer("weight w; y[n] = x[n] * w[n]"), initial=((name, 1.0),)),
    "state": lambda name: replace(gradscribe.layer(CUBE), state=((name, "y", 1.0),)),
    "blamed": lambda name: replace(with_options("text"), requirements=(Requirement((integer("k"),), name, "x"),)),
    "network": lambda name: replace(network("input x[N, 3]\ndense(2)"), name=name),
    "node": by_node,
    "network input": lambda name: by_node("f", name),
    "setting": lambda name: network(f"input x[N, 3]\ndense({name!r})"),
    "optimiser": lambda name: gradscribe.optimiser(STEP, name),
    "optimiser's state": own_optimiser,
}
TEXTS = ("node", "setting", "optimiser's state", "blamed")
"""Roles in which a name may be any text: a key of a dictionary, a part of a longer name, words of a message."""


@pytest.mark.parametrize("role", ROLES)
def test_a_name_is_one_or_is_refused(role: str) -> None:
    for number, name in enumerate(NAMES[list(ROLES).index(role) % SOME :: SOME]):
        made = outcome(lambda name=name: ROLES[role](name))  # type: ignore[misc]
        module = outcome(lambda made=made: compile_layer(made)) if made is not None else None  # type: ignore[misc]
        if module is not None and role not in TEXTS:
            assert name.isidentifier(), f"{name!r} was taken for a name"
        if made is not None and number % 8 == 0:
            outcome(lambda made=made: write_package([made], Path("out")))  # type: ignore[misc]
    assert {p.name for p in Path().iterdir()} <= {"out"}


@fuzzed
@given(st.sampled_from(sorted(ROLES)), st.text(max_size=12))
def test_random_names(role: str, name: str) -> None:
    made = outcome(lambda: ROLES[role](name))
    if made is not None:
        outcome(lambda: compile_layer(made))


# ----- values that are no names and no texts -----
class Liar(float):
    """A number that prints itself as code."""

    def __repr__(self) -> str:
        return f"open('{CANARY}', 'w')"

    __str__ = __repr__


@pytest.mark.parametrize(
    "value", [Liar(2.0), float("inf"), float("nan"), object(), [1], {"a": 1}, 1j, b"x", np.float32(2)]
)
def test_values_of_options(value: Any) -> None:
    made = gradscribe.layer("a = 2.0; weight w; y[n] = a * x[n] * w[n]", "own")
    option = made.options[0]
    for build in (
        lambda: replace(made, options=(replace(option, default=value),)),
        lambda: replace(made, options=(replace(option, interval=Interval(value), kind=Kind.COUNT),)),
        lambda: replace(made, options=(replace(option, interval=Interval(0.0, value, without=value)),)),
        lambda: replace(made, initial=(("w", value),)),
    ):
        try:
            outcome(lambda build=build: build().compile())  # type: ignore[misc]
        except TypeError as error:
            assert "float" in str(error)  # noqa: PT017  (what Python says to float(object()))


def compiled_with(data: Any) -> Any:
    own = {"scaled": lambda: gradscribe.layer("y[n, k] = x[n, k] * t[k]", "scaled")}
    return network("input x[N, 2]\nf: scaled", layers=own, data={"f.t": data}).compile()


@pytest.mark.thorough
def test_values_of_networks() -> None:
    made = network("input x[N, 3]\nf: dense(2)")
    weight, *rest = made.starts
    values: list[Any] = [Liar(2.0), float("inf"), float("nan"), "1", None, object(), 1j]
    for value in values:
        for start in (value, Uniform(value), Uniform(1.0, value), Normal(value)):
            outcome(replace(made, starts=((weight[0], start), *rest)).compile)
        for data in ((value, 1.0), (1.0, (value,))):
            outcome(partial(compiled_with, data))


@pytest.mark.parametrize(
    "fields",
    [
        {"title": 5}, {"source": b"x"}, {"name": None}, {"class_name": 3}, {"weights": ("w", "q")},
        {"features": (("out", integer("K")), ("K", integer("C")))}, {"features": (("a", Symbol("x; y")),)},
        {"options": (Option("a", (integer("a"),), "x"),)},  # type: ignore[arg-type]
        {"options": (Option("p", (integer("a"), integer("b")), Kind.PADDING, 0, None, (Symbol("x; y"),), (N,)),)},
    ],
)  # fmt: skip
def test_fields_of_a_layer(fields: dict[str, Any]) -> None:
    made = gradscribe.layer("weight w; y[n, k] = sum(c) x[n, c] * w[c, k]")
    with pytest.raises(EquationError):
        replace(made, **fields).compile()
    broken = replace(made.program, outputs=("nothing",))
    with pytest.raises(EquationError, match="nothing is no tensor of the equations"):
        replace(made, program=broken).compile()
