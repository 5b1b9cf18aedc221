"""The records of derive.ir.term: substitution, renaming, order, and what `check` refuses."""

from dataclasses import replace

import numpy as np
import pytest
from sympy import Abs, Expr, Function, Integer, exp, sin

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.index import floordiv, integers
from gradscribe.derive.ir.interpret import evaluate, interpret
from gradscribe.derive.ir.term import (
    Access,
    Divisibility,
    EquationError,
    Guard,
    Program,
    Range,
    Statement,
    Tensor,
    Term,
    accesses,
    drop_unit_ranges,
    index_ranges,
)
from gradscribe.derive.ir.well_formed import check
from tests.cases.catalogue import TRIED
from tests.cases.together import together

N, M, s, p = integers("N M s p")
i, j, k = integers("i j k")
x, w, y = Tensor("x", (N,)), Tensor("w", (M,)), Tensor("y", (N,))
TERM = Term(
    free=(Range(i, N),),
    bound=(Range(j, M),),
    body=x(s * i + j - p) * w(j),
    deltas=(i - s * j,),
    guards=(Guard(i + j, N),),
    divisibilities=(Divisibility(i + j, s),),
)
PROGRAM = Program((x, w), (Statement(y, TERM),), ("y",))


def test_an_access_shows_its_tensor_and_indices() -> None:
    access = x(2 * i - p)
    assert access.tensor == "x"
    assert access.indices == (2 * i - p,)
    assert str(access) == "x[2*i - p]"
    assert Access("x", i) == x(i) != w(i)
    assert Tensor("q", (N, M))(0, i).indices == (Integer(0), i)


def test_an_access_is_a_real_number_to_sympy() -> None:
    assert Abs(x(i)) ** 2 == x(i) ** 2


def test_an_access_needs_an_index_per_axis() -> None:
    with pytest.raises(EquationError, match="x has 1 axes, but is used with 2 indices"):
        x(i, j)


def test_accesses_are_distinct_and_in_a_stable_order() -> None:
    body = w(j) * exp(x(i) * x(i + 1)) + x(i) ** 2
    assert [str(a) for a in accesses(body)] == ["w[j]", "x[i]", "x[i + 1]"]


def test_substitute_reaches_every_part() -> None:
    changed = TERM.substitute({s: Integer(2), p: Integer(1), N: M})
    assert changed.free == (Range(i, M),)
    assert changed.body == x(2 * i + j - 1) * w(j)
    assert changed.deltas == (i - 2 * j,)
    assert changed.guards == (Guard(i + j, M),)
    assert changed.divisibilities == (Divisibility(i + j, Integer(2)),)


def test_rename_reaches_the_ranges() -> None:
    changed = TERM.rename({i: k})
    assert changed.free == (Range(k, N),)
    assert i not in changed.body.free_symbols | changed.deltas[0].free_symbols | changed.guards[0].value.free_symbols


def test_renaming_may_swap() -> None:
    assert TERM.rename({i: j, j: i}).indices == (j, i)


def test_parts_of_a_term() -> None:
    assert TERM.indices == (i, j)
    assert TERM.extent(j) == M
    assert TERM.without(j).bound == ()


def test_names_and_symbols() -> None:
    assert PROGRAM.symbols() == {N, M, s, p}
    assert PROGRAM.names() == {"x", "w", "y", "N", "M", "s", "p", "i", "j"}
    assert list(PROGRAM.tensors) == ["x", "w", "y"]
    assert len(PROGRAM.definitions("y")) == 1


def test_symbols_of_derived_extents_count() -> None:
    program = replace(PROGRAM, sizes=((M, floordiv(integers("H")[0], s)),))
    assert integers("H")[0] in program.symbols()


def test_a_substituted_program_has_the_same_value() -> None:
    rng = np.random.default_rng(0)
    values = {"x": rng.normal(size=4), "w": rng.normal(size=3)}
    sizes = {N: 4, M: 3, s: 2, p: 1}
    special = PROGRAM.substitute({s: Integer(2), p: Integer(1)})
    assert special.symbols() == {N, M}
    np.testing.assert_array_equal(interpret(special, values, {N: 4, M: 3})["y"], interpret(PROGRAM, values, sizes)["y"])


@together("name", TRIED)
def test_specialised_layers_pass_the_check(name: str) -> None:
    layer = LAYERS[name]()
    for symbol in sorted(layer.program.symbols(), key=lambda v: v.name):
        if symbol.is_integer and symbol not in dict(layer.program.sizes):
            check(layer.specialise({symbol: Integer(1)}).program)


def test_an_index_of_extent_one_becomes_zero() -> None:
    unit = Term((Range(i, N),), (Range(j, Integer(1)), Range(k, M)), x(i + j) * w(k))
    dropped = drop_unit_ranges(unit)
    assert dropped.bound == (Range(k, M),)
    assert dropped.body == x(i) * w(k)
    assert drop_unit_ranges(replace(unit, op="max")).bound == unit.bound


def test_dropping_keeps_the_value() -> None:
    rng = np.random.default_rng(1)
    unit = replace(TERM, bound=(Range(j, Integer(1)),), divisibilities=())
    values, sizes = {"x": rng.normal(size=4), "w": rng.normal(size=3)}, {N: 4, M: 3, s: 1, p: 1}
    np.testing.assert_array_equal(evaluate(drop_unit_ranges(unit), values, sizes)[0], evaluate(unit, values, sizes)[0])


def test_index_ranges_pair_in_order() -> None:
    assert index_ranges(["i", "j"], [N, M]) == (Range(i, N), Range(j, M))
    with pytest.raises(ValueError, match="zip"):
        index_ranges(["i"], [N, M])


# ----- what check refuses ---------------------------------------------------------------------------------------------
def changed(body: Expr = TERM.body, **parts: object) -> Program:
    return replace(PROGRAM, statements=(Statement(y, replace(TERM, body=body, **parts)),))  # type: ignore[arg-type]


WRONG = {
    "an undefined tensor": (changed(Access("z", i)), "y uses z, which is not defined before it"),
    "wrong rank": (changed(Access("x", i, j)), "x has 1 axes, but is used as"),
    "an index bound twice": (changed(bound=(Range(i, M),)), "y: index i is bound twice"),
    "extents that differ from the shape": (changed(free=(Range(i, M),)), "y: extents .* differ from its shape"),
    "a missing axis": (changed(free=(), bound=TERM.ranges), "y: extents .* differ from its shape"),
    "an unknown function": (changed(Function("f")(x(i))), "y: function f is unknown"),
    "an index that is not affine": (changed(x(i * j)), r"y: x\[i\*j\] is not affine"),
    "an unknown output": (replace(PROGRAM, outputs=("z",)), "output z is never defined"),
    "an index that is a size": (
        changed(x(i), free=(Range(i, N),), bound=(Range(M, M),)),
        "is both an index and a size",
    ),
    "an input that is written": (
        replace(PROGRAM, statements=(Statement(x, Term((Range(i, N),), (), w(i))),), outputs=("x",)),
        "x is an input and cannot be defined",
    ),
    "a read before the last write": (
        replace(
            PROGRAM,
            statements=(
                Statement(y, TERM),
                Statement(Tensor("z", (N,)), Term((Range(i, N),), (), y(i))),
                Statement(y, TERM),
            ),
        ),
        "y is read before its last definition",
    ),
}


@pytest.mark.parametrize(("program", "message"), WRONG.values(), ids=WRONG)
def test_check_refuses(program: Program, message: str) -> None:
    with pytest.raises(EquationError, match=message):
        check(program)


def test_check_returns_a_right_program_itself() -> None:
    assert check(PROGRAM) is PROGRAM
    assert check(changed(sin(x(i)))) == changed(sin(x(i)))
