"""The C of loops: without warnings, whatever names equations have, the same to the bit for any number of threads."""

import math
import subprocess
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import compile_layer, emitted
from gradscribe.codegen.files.audit import AuditError, audit
from gradscribe.codegen.loops.text.c_function import REAL, Along, Count
from gradscribe.codegen.loops.text.c_names import CNames, spelled
from gradscribe.codegen.loops.text.c_printer import c_lines
from gradscribe.codegen.python.expression import Binary, Comparison, Literal, Name, Part, call
from gradscribe.codegen.python.statement import Assign
from gradscribe.generated import depthwise_conv2d, hard_swish, max_pool2d, runtime
from tests.cases.catalogue import generated_with, layer
from tests.cases.run_loops import COMPILED, looped
from tests.cases.thorough import some
from tests.runtime.rooms import room

LOOPED = generated_with("loops = rt.Companion(")
N, K = Name("n"), Name("k")
X, Y = Part(Name("x"), (K,)), Part(Name("y"), (K,))


# ----- text -----------------------------------------------------------------------------------------------------------
def test_a_body_is_printed_for_vectors_and_for_elements() -> None:
    body = (Assign(Name("total"), Binary("*", X, Literal(2)), kind=REAL), Assign(Y, Name("total"), "+="))
    assert c_lines([Along(K, Literal(0), N, body)], 0) == [
        "for (long k = 0; k < whole(0, n); k += LANES) {",
        "    reals total = load(&x[k]) * all(2);",
        "    store(&y[k], load(&y[k]) + total);",
        "}",
        "for (long k = whole(0, n); k < n; k++) {",
        "    REAL total = x[k] * 2;",
        "    y[k] += total;",
        "}",
    ]


def test_where_positions_vary_along_the_loop_there_are_no_vectors() -> None:
    body = (Assign(Y, call("position", K)),)
    assert c_lines([Along(K, Literal(0), N, body)], 0) == c_lines([Count(K, Literal(0), N, body)], 0)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (Binary("-", N, Binary("-", N, K)), "n - (n - k)"),
        (Binary("//", Binary("+", N, K), Literal(2)), "floor_quotient(n + k, 2)"),
        (Comparison((Literal(0), N, K), ("<=", "<")), "0 <= n && n < k"),
        (Binary("&", Comparison((N, K), ("<",)), Comparison((K, N), ("==",))), "(n < k) & (k == n)"),
        (call("max", N, K, Literal(3)), "most(most(n, k), 3)"),
    ],
)
def test_operators_are_those_of_c(expression: Any, text: str) -> None:
    assert c_lines([Assign(Name("a"), expression)], 0) == [f"a = {text};"]


@pytest.mark.parametrize("name", ["x; y", "", "a b", "α", "*/", "x\n", "1x"])
def test_what_is_no_name_is_not_printed(name: str) -> None:
    with pytest.raises(ValueError, match="no name of C"):
        c_lines([Assign(Name("a"), Name(name))])


def test_names_that_c_has_itself_are_others() -> None:
    names = CNames()
    taken = [names.own(word, "size") for word in ("double", "linux", "NULL", "α", "_Bool", "all", "N", "double")]
    assert taken == ["double_", "linux_", "NULL_", "u3b1", "v_Bool", "all_", "N", "double_"]
    assert names.own("N", "array") == "N_"
    assert spelled("αβ") == "u3b1u3b2"


def test_a_text_is_the_one_that_was_printed() -> None:
    companion, _ = emitted(gradscribe.layer("y[n,c] = relu(x[n,c] - v[n,c])*v[n,c] + abs(x[n,c])", "mine")).beside
    audit(companion)
    changed = companion.text.replace("static void part", "static  void part", 1)
    assert changed != companion.text
    with pytest.raises(AuditError, match="does not say what was given"):
        audit(replace(companion, text=changed))


# ----- compiled -------------------------------------------------------------------------------------------------------
@COMPILED
@pytest.mark.parametrize("name", some(LOOPED, 3))
@pytest.mark.parametrize("real", some(["float", "double"], 1))
def test_no_compiler_warns(name: str, real: str) -> None:
    search = room("machine.native.compiler").search()
    sources = room("machine.native.sources")
    companion, _ = emitted(layer(name)).beside
    for text in companion.allowed.texts.values():
        known = "".join(f"#define FIXED_{k} {k % 3}\n#define TYPE_{k} int32_t\n" for k in range(32))
        done = subprocess.run(
            [*search.found.command, "-std=gnu11", "-O1", "-Wall", "-Wextra", "-fsyntax-only", "-x", "c", "-"],
            input=f"#define REAL {real}\n{known}{sources.LOOPS}{text}",
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stderr, done.returncode) == ("", 0)


@COMPILED
@pytest.mark.parametrize(
    "names", ["double linux unsigned", "all store NULL", "mask masks REAL", "begin arrays numbers"]
)
def test_equations_may_have_names_of_c(names: str) -> None:
    i, c, size = names.split()
    text = f"input x[N,H,{size}]; r < 3; y[n,{i},{c}] = max(r) x[n, 2*{i} + r, {c}]"
    module = compile_layer(gradscribe.layer(text, name="named"))
    x = np.random.default_rng(0).normal(size=(2, 9, 5))
    with looped(module) as ran:
        found = module.named_forward(x)
    assert ran
    y = found[0] if isinstance(found, tuple) else found
    np.testing.assert_array_equal(y, np.stack([x[:, r : r + 7 : 2] for r in range(3)]).max(axis=0))


@COMPILED
def test_results_do_not_depend_on_the_number_of_threads() -> None:
    rng = np.random.default_rng(3)
    x, w, z = (rng.normal(size=s).astype(np.float32) for s in ((5, 61, 67, 37), (3, 3, 37, 1), (1_000_003,)))
    dy = rng.normal(size=x.shape).astype(np.float32)
    found = []
    for threads in (1, 2, 3):
        with runtime.settings(backend="compiled", threads=threads):
            found.append(
                (
                    depthwise_conv2d.depthwise_conv2d_forward(x, w, padding=1),
                    depthwise_conv2d.depthwise_conv2d_grad_weight(dy, x, kernel_size=3, padding=1),
                    *max_pool2d.max_pool2d_forward(x, kernel_size=3, stride=2),
                    hard_swish.hard_swish_grad_input(z[::-1].copy(), z),
                )
            )
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            assert one.tobytes() == other.tobytes()


@COMPILED
def test_positions_may_be_of_either_type() -> None:
    x = np.random.default_rng(0).normal(size=(2, 9, 9, 21)).astype(np.float32)
    options: dict[str, Any] = {"kernel_size": 3, "stride": 2}
    with runtime.settings(backend="compiled"):
        y, at = max_pool2d.max_pool2d_forward(x, **options)
        found = [
            max_pool2d.max_pool2d_grad_input(y, at.astype(kind), input_shape=x.shape, **options)
            for kind in (np.int32, np.int64, np.longlong, np.uint8)
        ]
    for one in found[1:]:
        np.testing.assert_array_equal(one, found[0])


# ----- functions ------------------------------------------------------------------------------------------------------
FUNCTIONS = "exp", "log", "tanh", "erf", "sigmoid", "softplus", "sin", "cos", "sqrt", "abs"
SPECIAL = [0.0, -0.0, 1.0, -1.0, 1e-30, -1e-30, 1e-6, 87.0, -87.0, 700.0, -700.0, 1e30, -1e30]
SPECIAL += [float("inf"), -float("inf"), float("nan")]


@COMPILED
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_numpy_s_to_a_few_units_in_the_last_place(name: str, dtype: Any) -> None:
    item = gradscribe.layer(f"input x[N,C], v[C]; y[n,c] = {name}(x[n,c]) * v[c]", "own")
    module = compile_layer(item)
    rng = np.random.default_rng(1)
    x = np.concatenate([SPECIAL, rng.normal(size=500), rng.normal(size=500) * 20]).astype(dtype)[:, None]
    x = np.repeat(x, 19, axis=1)  # whole vectors, and elements behind them
    v = np.ones(19, dtype)
    with module.rt.settings(backend="numpy"), np.errstate(all="ignore"):
        expected = module.own_forward(x, v)
    with looped(module) as ran:
        found = module.own_forward(x, v)
    assert ran
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_array_equal(np.isinf(found), np.isinf(expected))
    np.testing.assert_allclose(found, expected, rtol=8 * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny)


@COMPILED
@pytest.mark.parametrize(("dtype", "units"), [(np.float32, 2), (np.float64, 4)])
def test_erf_is_exact_to_a_few_units_in_the_last_place(dtype: Any, units: float) -> None:
    module = compile_layer(gradscribe.layer("input x[N,C], v[C]; y[n,c] = erf(x[n,c]) * v[c]", "own"))
    rng = np.random.default_rng(3)
    sizes = np.concatenate(
        [10.0 ** rng.uniform(-36, 2, 40_000), rng.uniform(0, 4.5, 50_000), np.linspace(0.92, 0.94, 6000)]
    )
    x = np.concatenate([sizes, -sizes]).astype(dtype).reshape(-1, 32)
    with looped(module) as ran:
        found = module.own_forward(x, np.ones(32, dtype))
    assert ran
    exact = np.vectorize(math.erf)(x.astype(np.float64))
    unit = np.spacing(np.abs(exact).astype(dtype)).astype(np.float64)
    assert (np.abs(found - exact) / unit).max() <= units
    assert np.abs(found).max() == 1


@COMPILED
@pytest.mark.parametrize("length", [1, 15, 16, 17, 4095, 4096, 4097, 9000])
def test_long_rows_are_added_up_in_blocks(length: int) -> None:
    item = gradscribe.layer("input x[N,C], w[N,C]; y[n] = sum(c) x[n,c] * w[n,c]", "own")
    module, rng = compile_layer(item), np.random.default_rng(length)
    x, w = rng.normal(size=(2, 3, length)).astype(np.float32)
    with looped(module):
        found = module.own_forward(x, w)
    exact = np.einsum("nc,nc->n", x.astype(np.float64), w)
    assert np.abs(found - exact).max() <= 1e-6 * np.einsum("nc,nc->n", np.abs(x), np.abs(w)).max()


@COMPILED
@pytest.mark.parametrize("rows", [0, 1, 31, 32, 33, 1023, 1024, 1025, 5000])
def test_long_columns_are_added_up_in_blocks(rows: int) -> None:
    item = gradscribe.layer("input x[N,C], w[N,C]; y[c] = sum(n) x[n,c] * w[n,c]", "own")
    module, rng = compile_layer(item), np.random.default_rng(rows)
    x, w = rng.normal(size=(2, rows, 21)).astype(np.float32)
    with looped(module):
        found = module.own_forward(x, w)
    exact = np.einsum("nc,nc->c", x.astype(np.float64), w)
    assert np.abs(found - exact).max() <= 1e-6 * np.einsum("nc,nc->c", np.abs(x), np.abs(w)).max()


@COMPILED
@pytest.mark.parametrize("op", ["max", "min"])
def test_an_extremum_of_a_row_is_numpy_s(op: str) -> None:
    text = f"input x[N,C]; m[n] = {op}(c) x[n,c]; y[n,c] = x[n,c] * 0 + m[n]; constant m"
    module = compile_layer(gradscribe.layer(text, "own"))
    x = np.random.default_rng(0).normal(size=(40, 37))
    x[3, 5] = x[4, 36] = x[7, 0] = np.nan
    with looped(module) as ran:
        y = module.own_forward(x)
    assert ran
    np.testing.assert_array_equal(np.asarray(y[0] if isinstance(y, tuple) else y)[:, 1], getattr(x, op)(axis=1))
