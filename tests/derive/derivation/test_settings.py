"""Settings: what they substitute, and one clear line for what makes no sense."""

from dataclasses import replace

import pytest
from sympy import Expr, Float, Integer, Rational

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation.forward.displayed_settings import displayed
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.term import EquationError
from tests.cases.together import together


def value(name: str, symbol: str, **settings: str) -> Expr:
    return displayed(LAYERS[name](), settings).mapping.get(integer(symbol))


def test_defaults_are_one_symbol_for_both_axes() -> None:
    assert value("conv2d", "s_h") == value("conv2d", "s_w") == integer("s")
    assert value("conv2d", "p_h_end") == integer("p")
    assert value("conv2d", "G") == 1


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"stride": "2"}, {"s_h": Integer(2), "s_w": Integer(2)}),
        ({"stride": "2,3"}, {"s_h": Integer(2), "s_w": Integer(3)}),
        ({"stride": "s_h,s_w"}, {"s_h": None, "s_w": None}),
        ({"stride": "kernel_size"}, {"s_h": integer("R"), "s_w": integer("T")}),
        ({"padding": "1,2"}, {"p_h": Integer(1), "p_h_end": Integer(1), "p_w": Integer(2), "p_w_end": Integer(2)}),
        ({"padding": "1,2,3,4"}, {"p_h": Integer(1), "p_h_end": Integer(2), "p_w": Integer(3), "p_w_end": Integer(4)}),
        ({"groups": "G"}, {"G": None}),
        ({"groups": "3"}, {"G": Integer(3)}),
        ({"kernel_size": "3"}, {"R": Integer(3), "T": Integer(3)}),
        ({"H": "9"}, {"H": Integer(9), "H_out": None}),
        ({"C": "q1"}, {"C": integer("q1")}),
    ],
)
def test_settings_substitute(settings: dict[str, str], expected: dict[str, Expr]) -> None:
    assert {symbol: value("conv2d", symbol, **settings) for symbol in expected} == expected


def test_a_layer_may_be_printed_with_capital_symbols() -> None:
    layer = replace(LAYERS["conv1d"](), display=(("stride", "S_w"), ("kernel_size", "Q")))
    mapping = displayed(layer).mapping
    assert [mapping[integer(symbol)] for symbol in ("s", "T")] == [integer("S_w"), integer("Q")]


def test_a_setting_may_name_a_symbol_that_is_set_too() -> None:
    assert value("max_pool2d", "s_h", stride="kernel_size", kernel_size="2") == 2


def test_derived_extents_become_numbers() -> None:
    sizes = {"H": "7", "kernel_size": "3", "padding": "1", "stride": "2", "dilation": "1"}
    assert value("conv2d", "H_out", **sizes) == 4


def test_flags_and_numbers() -> None:
    assert value("avg_pool2d", "count_include_pad", count_include_pad="false") == 0
    assert value("avg_pool2d", "count_include_pad", count_include_pad="True") == 1
    numbers = displayed(LAYERS["scaled_tanh"](), {"amplitude": "1.7159", "slope": "2/3"}).mapping
    assert {Float(1.7159), Rational(2, 3)} <= set(numbers.values())


@together(
    ("name", "settings", "words"),
    [
        ("conv2d", {"strid": "1"}, ["conv2d", "'strid'", "did you mean stride?"]),
        ("conv2d", {"stride": "0"}, ["conv2d", "stride", ">= 1", "'0'"]),
        ("conv2d", {"stride": "-1"}, ["stride", ">= 1", "'-1'"]),
        ("conv2d", {"padding": "-1"}, ["padding", ">= 0", "'-1'"]),
        ("conv2d", {"stride": "1,2,3"}, ["stride", "1 or 2 values", "received 3"]),
        ("conv2d", {"padding": "1,2,3"}, ["padding", "1 or 2 or 4 values", "received 3"]),
        ("conv2d", {"stride": "x"}, ["stride", "'x'", "names a tensor"]),
        ("conv2d", {"stride": "i"}, ["stride", "'i'", "an index"]),
        ("conv2d", {"stride": "H_out"}, ["stride", "'H_out'", "derived extent"]),
        ("conv2d", {"stride": "E"}, ["stride", "'E'"]),
        ("conv2d", {"stride": "1.5"}, ["stride", "integer", "'1.5'"]),
        ("conv2d", {"stride": ""}, ["stride", "''"]),
        ("conv2d", {"stride": "__import__('os')"}, ["stride", "integer >= 1 or a symbol name"]),
        ("conv2d", {"H_out": "3"}, ["'H_out'"]),
        ("conv2d", {"H": "2", "kernel_size": "5", "padding": "0", "dilation": "1"}, ["H_out", "at least 1"]),
        ("conv2d", {"groups": "0"}, ["groups", ">= 1"]),
        ("max_pool2d", {"ceil_mode": "perhaps"}, ["ceil_mode", "true or false", "'perhaps'"]),
        ("max_pool2d", {"kernel_size": "2", "padding": "2", "dilation": "1"}, ["padding", "half"]),
        ("scaled_tanh", {"amplitude": "exp(1)"}, ["amplitude", "number", "'exp(1)'"]),
        ("relu", {"stride": "1"}, ["relu", "'stride'"]),
    ],
)
def test_errors_are_one_line_that_names_what_is_wrong(name: str, settings: dict[str, str], words: list[str]) -> None:
    with pytest.raises(EquationError) as caught:
        displayed(LAYERS[name](), settings)
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message
