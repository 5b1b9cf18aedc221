"""Sums over a moving part of an axis within other sums: they come first, in one pass, also where the rest scatters."""

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import compile_layer, source
from gradscribe.codegen.kernel.second_order_kernels import kernels_of_order
from gradscribe.codegen.tool.verify.calls import difference, given, results
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.layer.sampling import sample_sizes

TEXTS = {
    "trapezoids": "y[n,i] = sum(j) [j < i] (x[n,j] + x[n,j+1])*(t[j+1] - t[j])/2; i < T; input x[N,T], t[T]",
    "windows": "y[n,i] = sum(j) [i - 2 < j] [j <= i] x[n,j+1]*t[j]; i < T; input x[N,T], t[T]",
    "from behind": "y[n,i] = sum(j) [j >= i] x[n,2*j]*t[j]; i < T; input x[N,U], t[T]",
}


@pytest.mark.parametrize("name", TEXTS)
def test_functions_equal_the_interpreter(name: str) -> None:
    layer, rng = gradscribe.layer(TEXTS[name], "mine"), np.random.default_rng(2)
    module, gradient = compile_layer(layer), differentiate(layer.program)
    for _ in range(6):
        sizes = sample_sizes(layer, rng)
        arrays = given(gradient, sizes, rng, tied=False)
        expected = interpret(gradient.program, arrays, sizes)
        for kernel in kernels_of_order(layer, 1)[0]:
            found = results(module, kernel, expected, sizes)
            assert difference(found, [expected[n] for n in kernel.results]) < 1e-12, kernel.name


@pytest.mark.parametrize("name", ["trapezoids", "from behind"])
def test_no_function_goes_over_all_pairs(name: str) -> None:
    text = source(gradscribe.layer(TEXTS[name], "mine"))
    assert text.count("rt.running_sums") >= 3
    assert "for i in range(T)" not in text
