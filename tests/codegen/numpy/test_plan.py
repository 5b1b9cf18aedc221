"""codegen.numpy.plan: a plan explains itself; and nothing of codegen/ or templates/ knows a layer by name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import Allocate, Compiled, Contract, Loop, Plan, Record, Window, walk
from gradscribe.codegen.python.text.render import environment
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.functions import FUNCTIONS as SCALARS
from tests.cases.catalogue import FUNCTIONS, GENERATED, TRIED, kernel, planned
from tests.cases.sources import tree
from tests.cases.thorough import some
from tests.cases.together import hold
from tests.codegen.numpy.test_effects import records_speak_of_the_arrays_that_their_statements_use

ROOT = Path(__file__).parents[3]


def functions(name: str) -> list[str]:
    """The generated functions of a layer."""
    return [function for function, layer in FUNCTIONS.items() if layer == name]


def module(name: str) -> ast.Module:
    """The generated module of a layer."""
    return ast.parse((GENERATED / f"{name}.py").read_text(encoding="utf-8"))


def records(name: str) -> list[Record]:
    return [record for _, record in walk(planned(name).records)]


def print_has_a_line_per_record(name: str) -> None:
    for function in functions(name):
        found = planned(function)
        head, *lines = str(found).splitlines()
        assert head == f"plan {function}"
        nested = list(walk(found.records))
        assert len(lines) == len(nested) > 0, function
        for line, (depth, record) in zip(lines, nested, strict=True):
            assert len(line) - len(line.lstrip()) == 2 * (depth + 1), record
            assert line.strip() not in ("", "None"), record


def every_plan_computes_the_results_of_its_kernel(name: str) -> None:
    for function in functions(name):
        text = str(planned(function))
        for result in kernel(function).results:
            assert re.search(rf"(allocate|define|view|contract|gather) {result}\b", text), text


def every_array_given_is_read(name: str) -> None:
    for function in functions(name):
        one = kernel(function)
        text, program = str(planned(function)), one.program
        read = {str(a) for s in program.statements for a in re.findall(r"\b(\w+)\[", str(s.term.body))}
        for tensor in one.arguments:
            assert re.search(rf"\b{tensor.name}\b", text) or tensor.name not in read, text


def every_contraction_is_printed(name: str) -> None:
    """As often as the generated function has one, whatever record it comes from."""
    code = {getattr(n, "name", ""): n for n in module(name).body}
    for function in functions(name):
        made = ast.walk(code[function])
        calls = [n for n in made if isinstance(n, ast.Call) and ast.unparse(n.func) == "rt.contract"]
        text = str(planned(function))
        assert len(re.findall(r"\bcontract\b", text)) == len(calls), text


def test_a_contraction_states_its_operations() -> None:
    lines = str(planned("dense_forward")).splitlines()
    assert "  contract u = x, w: e c, c k -> e k plus b in each row; 2*C*E*K flops" in lines
    assert "  allocate u (E, K), E*K elements" in lines


def test_a_product_of_two_of_three_counts_what_these_two_run_over() -> None:
    (forward, *_) = kernels(gradscribe.layer("input x[N,A]; y[n] = sum(a,b,k) x[n,a] * w[a,b] * v[b,k]", "three"))
    lines = [line for line in str(plan(forward)).splitlines() if " contract " in line]
    assert [line.rpartition("; ")[2] for line in lines] == ["2*A*B*K flops", "2*A*N flops"]


def test_what_multiplies_a_sum_and_what_is_summed_is_printed() -> None:
    layer = gradscribe.layer("y[n] = 3 * z[n] * sum(c) exp(x[n, c])", "said")
    text = str(plan(kernels(layer)[0]))
    assert "= 3*z[n] times sum over c of exp(x[n, c])" in text


@pytest.mark.parametrize(
    ("windows", "extent", "words"),
    [(30, 2, "reduce y = max of x_"), (3, 20, "view x_1 = x as (N, 3, 20, C)")],
)
def test_of_windows_side_by_side_only_large_ones_are_axes(windows: int, extent: int, words: str) -> None:
    """What counts is how many elements a window has, not how many windows there are."""
    sizes = f"input x[N, {windows * extent}, C]; i < {windows}; r < {extent}"
    layer = gradscribe.layer(f"{sizes}; y[n, i, c] = max(r) x[n, {extent}*i + r, c]")
    assert words in str(plan(kernels(layer)[0]))


def test_every_product_of_a_sum_is_a_contraction() -> None:
    (forward, *_) = kernels(gradscribe.layer("y[n,k] = sum(c) (x[n,c]*w[c,k] + z[n,c]*v[c,k])"))
    found = [record for _, record in walk(plan(forward).records) if isinstance(record, Contract)]
    assert {frozenset((r.left, r.right)) for r in found} == {frozenset("xw"), frozenset("zv")}


def test_a_clipped_summand_is_not_padded() -> None:
    (forward, *_) = kernels(gradscribe.layer("input x[I]; y[i] = x[i] + x[i - 1]"))
    assert not any(isinstance(record, Window) for _, record in walk(plan(forward).records))


def test_windows_have_compiled_loops_beside_numpy() -> None:
    (compiled,) = (record for record in records("max_pool2d_forward") if isinstance(record, Compiled))
    assert isinstance(compiled.then[-1], Nest)
    assert not any(isinstance(record, Nest) for _, record in walk(compiled.otherwise))


def test_of_products_with_as_many_operations_the_smallest_is_stored() -> None:
    """Of x, w and z any two take N*I*J products; x z is N*I*J numbers, x w and w z are matrices."""
    layer = gradscribe.layer("y[n] = sum(i,j) x[n,i] * w[i,j] * z[n,j]", "form")
    for one in kernels(layer):
        allocated = [r.shape for _, r in walk(plan(one).records) if isinstance(r, Allocate)]
        assert max(map(len, allocated)) <= 2, one.name
    rng = np.random.default_rng(0)
    x, w, z = rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=(2, 4))
    np.testing.assert_allclose(layer.compile().form_forward(x, w, z), ((x @ w) * z).sum(1))


def test_a_strided_gradient_is_a_contraction_into_a_window() -> None:
    into = [r for r in records("conv2d_grad_input") if isinstance(r, Contract)]
    assert [r.into for r in into] == [True]
    text = str(planned("conv2d_grad_input"))
    assert text.count("describe ") == 1
    assert "2*C*G*H_out*K*N*R*T*W_out flops" in text


def test_a_forward_convolution_is_one_product_over_windows() -> None:
    text = str(planned("conv2d_forward"))
    assert text.count("describe ") == 1
    assert "2*C*G*H_out*K*N*R*T*W_out flops" in text


LOOPS = {
    "scaled_dot_product_attention": {"L"},  # with is_causal each query sees another range of keys
    # the windows are not all alike: one axis after the other
    **{f"adaptive_{kind}_pool{rank}d": {"H", "W", "H_out", "W_out"} for kind in ("avg", "max") for rank in (1, 2)},
    "upsample_bilinear1d": {"3", "s"},
    "upsample_bilinear2d": {"3", "s_h", "s_w"},
    "upsample_nearest1d": {"s"},
    "upsample_nearest2d": {"s_h", "s_w"},
}


def python_loops_run_over_kernel_positions_only(name: str) -> None:
    for function in functions(name):
        extents = {str(r.extent) for _, r in walk(planned(function).records) if isinstance(r, Loop)}
        assert extents <= {"A", "R", "T", "1"} | LOOPS.get(name, set()), function


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("avg_pool2d_forward", "gather"),
        ("avg_pool2d_grad_input", "scatter"),
        ("batch_norm_grad_gamma", "column_sums"),
    ],
)
def test_every_index_of_a_nest_has_one_loop(name: str, kind: str) -> None:
    (nest,) = (r for r in records(name) if isinstance(r, Nest) and r.kind == kind)
    assert sorted(map(str, nest.order)) == sorted(str(r.index) for r in nest.ranges)
    assert nest.order[-1] == nest.vector.index


CLAIMS = [
    print_has_a_line_per_record,
    every_plan_computes_the_results_of_its_kernel,
    every_array_given_is_read,
    every_contraction_is_printed,
    python_loops_run_over_kernel_positions_only,
    records_speak_of_the_arrays_that_their_statements_use,
]
PARTS = 2


@pytest.mark.parametrize("part", range(PARTS))
def test_the_catalogue(part: int) -> None:
    """All claims, layer by layer: to plan its functions takes longer than to try them."""
    hold((name, claim) for name in some(TRIED, 11)[part::PARTS] for claim in CLAIMS)


def test_positions_are_allocated_as_integers() -> None:
    found = {r.name: r.integer for r in records("max_pool2d_forward") if isinstance(r, Allocate)}
    assert found == {"y": False, "argmax": True}


def test_what_no_sum_sees_is_computed_once() -> None:
    """Before loops in C, after the loop of Python."""
    skew = gradscribe.layer("y[m] = exp(z[m]) * sum(e) u[e, e + m]", "skew")
    lines = [line.strip() for line in str(plan(kernels(skew)[0])).splitlines()]
    assert "loop e < E" in lines
    computed = [line for line in lines if "exp" in line and not line.startswith("(1) ")]
    assert computed == ["define factor1 = exp(z[m]); M elements", "scale y by exp(z[m]); M elements"]
    assert lines[-1] == computed[-1]
    rng = np.random.default_rng(0)
    z, u = rng.normal(size=3), rng.normal(size=(4, 5))
    wanted = np.exp(z) * [sum(u[e, e + m] for e in range(4) if e + m < 5) for m in range(3)]
    np.testing.assert_allclose(compile_layer(skew).skew_forward(z, u), wanted)


def test_a_factor_scales_its_own_sum_not_what_was_there_before() -> None:
    """The second sum is added to the first, so it may not be scaled after its loop."""
    both = gradscribe.layer("y[m] = exp(z[m]) * sum(e) u[e, e + m] + exp(a[m]) * sum(e) v[e, e + m]", "both")
    rng = np.random.default_rng(0)
    (z, a), (u, v) = rng.normal(size=(2, 3)), rng.normal(size=(2, 4, 5))
    sums = [np.array([sum(w[e, e + m] for e in range(4) if e + m < 5) for m in range(3)]) for w in (u, v)]
    wanted = np.exp(z) * sums[0] + np.exp(a) * sums[1]
    np.testing.assert_allclose(compile_layer(both).both_forward(z=z, a=a, u=u, v=v), wanted)


def test_an_empty_plan_prints_its_name() -> None:
    assert str(Plan("nothing")) == "plan nothing"


# ----- no layer by name -----------------------------------------------------------------------------------------------
WORDS = ("conv", "pool", "dense", "linear", "flatten", "activation", "relu", "sigmoid", "tanh", "softmax", "entropy")
LAYER_WORDS = re.compile("|".join([*WORDS, "squared_error", "argmax", *LAYERS]), re.IGNORECASE)
SCALAR_FUNCTIONS = {"sigmoid", "softplus", "tanh"}
"""A scalar function needs code at run time where NumPy has none, or C is to do as NumPy does; that is no layer."""
NO_LAYERS = re.compile(
    r"\bconvert\w*|\bflattened\b|\brelu\b|\bargmax\b|\bThread[Pp]ool\w+|\bProcessPool\w+|\bthreadpoolctl\b"
    r"|\bpool_(size|param|height|width)\b|\bkernel pool\b|\bconv_param\b|\b_?pool(\.c)?\b|\bPOOL\b"
)
"""The layout of a weight, a scalar function with a corner, a recorded position, an argument as people write it, and
threads that are shared."""
OF_EQUATIONS = re.compile(rf"\b(arc)?({'|'.join(f.__name__ for f in SCALARS)})(_of)?\b")
"""The scalar functions of equations, which the tables of what NumPy and loops have for them name."""
TABLES = {"numpy_table.py", "body.py", "vectors.py", "c_module.py", "c_scalars.py"}


def words_of_code(tree: ast.Module) -> Iterator[str]:
    """Every identifier and every string of a module that is no docstring."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = {
        id(first.value)
        for n in ast.walk(tree)
        if isinstance(n, documented)
        for first in n.body[:1]
        if isinstance(first, ast.Expr)
    }
    loose = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in texts | loose:
            yield node.value
        for name in ("id", "attr", "name", "arg", "module"):
            if isinstance(getattr(node, name, None), str):
                yield getattr(node, name)


def test_no_code_of_codegen_knows_a_layer() -> None:
    files = sorted((ROOT / "codegen").rglob("*.py"))
    assert len(files) > 20
    for path in files:
        for word in words_of_code(tree(path, LAYER_WORDS)):
            word = OF_EQUATIONS.sub("", word) if path.name in TABLES else word
            assert not LAYER_WORDS.search(NO_LAYERS.sub("", word)), f"{path.name}: {word!r}"


def test_no_template_knows_a_layer() -> None:
    names = environment().list_templates(("jinja", "py", "pyi"))
    assert len(names) > 20
    for name in names:
        text = (ROOT / "templates" / name).read_text(encoding="utf-8")
        assert set(LAYER_WORDS.findall(NO_LAYERS.sub("", text))) <= SCALAR_FUNCTIONS, name


def test_the_search_for_layers_finds_them() -> None:
    text = '"""Conv2D."""\nfrom a import relu\n\ndef f(max_pool):\n    """Dense."""\n    return "tanh", x.conv2d\n'
    words = [w for w in words_of_code(ast.parse(text)) if LAYER_WORDS.search(w)]
    assert sorted(words) == ["conv2d", "max_pool", "relu", "tanh"]
