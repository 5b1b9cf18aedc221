"""codegen/kernel/form.py: every way to eliminate the Kronecker deltas has the same value; the cheapest one is taken."""

from collections.abc import Iterator

import numpy as np
import pytest
from sympy import Integer, Symbol

from gradscribe.codegen.kernel.form import Form, _candidates, _Partial, choose_form, estimate, joined, size_hints
from gradscribe.derive.calculus.collapse import rename
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.interpret import complete_sizes, evaluate, interpret, shape_of
from gradscribe.derive.ir.term import Program, Range, Statement, Tensor, Term, position
from tests.cases.layers import LayerCase, conv, interpreter_values, pool, random_values, sizes_of
from tests.cases.random_programs import random_case
from tests.cases.thorough import draws

Array = np.ndarray
SMALL = (
    conv((2, 3, 4, 2), (2, 2, 1, 4), stride=2, padding=1, groups=2),
    conv((1, 4, 3, 1), (3, 2, 1, 2), dilation=(1, 2)),
    pool("max", (2, 4, 3, 1), kernel_size=2, stride=1, padding=1),
    pool("avg", (1, 3, 4, 2), kernel_size=(2, 3), stride=2, padding=1, ceil_mode=True, count_include_pad=False),
    LayerCase("dense", {"x": (2, 3), "w": (3, 2), "b": (2,)}),
    LayerCase("flatten", {"x": (2, 2, 3, 2)}),
    LayerCase("softmax_cross_entropy", {"x": (3, 4), "t": (3,)}),
    LayerCase("mean_squared_error", {"x": (2, 3), "t": (2, 3)}),
)


def forms(statement: Statement, program: Program) -> Iterator[Form]:
    """Every candidate."""
    term, renamed = rename(statement.term)
    start = _Partial(term, {}, position(statement.term.bound).xreplace(dict(renamed)))
    for p in _candidates(start, program):
        place = tuple(p.place.get(r.index, r.index) for r in term.free)
        box, body, guards = p.term.ranges, p.term.body, p.term.guards
        assert not p.term.deltas
        yield Form(statement.target, place, box, body, guards, p.term.op, statement.argument, p.position)


def value(form: Form, values: dict[str, Array], sizes: dict[Symbol, int]) -> Array:
    """What a form says: at every point of its box a summand goes to its place, unless that lies outside."""
    summands = evaluate(Term(form.box, (), form.body, guards=form.guards), values, sizes)[0]
    target = np.zeros(shape_of(form.target.shape, sizes))
    places = [evaluate(Term(form.box, (), e), values, sizes)[0] for e in form.place]
    for point in np.ndindex(summands.shape):
        where = tuple(int(p[point]) for p in places)
        if all(0 <= k < e for k, e in zip(where, target.shape, strict=True)):
            target[where] += summands[point]
    return target


def check_every_form(program: Program, values: dict[str, Array], sizes: dict[Symbol, int]) -> int:
    """Compare all forms of all sums with the term as it is; returns how many forms there were."""
    known = complete_sizes(program, sizes)
    total = 0
    for statement in program.statements:
        if statement.term.op != "sum":
            continue
        expected = evaluate(statement.term, values, known)[0]
        found = list(forms(statement, program))
        for form in found:
            for same in (form, joined(form, program.tensors)):
                np.testing.assert_allclose(
                    value(same, values, known), expected, rtol=1e-9, atol=1e-9, err_msg=str(same)
                )
        assert choose_form(statement, program, size_hints(program)) in found
        total += len(found)
    return total


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.id)
def test_every_form_of_a_gradient_has_its_value(case: LayerCase) -> None:
    sizes, rng = sizes_of(case), np.random.default_rng(3)
    gradient = differentiate(case.layer.program)
    given = interpret(case.layer.program, interpreter_values(case, random_values(case, rng)), sizes)
    known = complete_sizes(case.layer.program, sizes)
    given |= {t.name: rng.normal(size=shape_of(t.shape, known)) for t in gradient.seeds.values()}
    values = interpret(gradient.program, given, sizes)
    assert check_every_form(gradient.program, values, sizes) >= len(gradient.program.statements)


@pytest.mark.parametrize("seed", range(draws(7, 30)))
def test_every_form_of_a_random_program_has_its_value(seed: int) -> None:
    case = random_case(seed)
    program = case.layer.program
    values = interpret(program, case.values, case.sizes)
    if all(np.isfinite(v).all() for v in values.values()):
        check_every_form(program, values, dict(case.sizes))


def input_gradient(name: str, **settings: int) -> tuple[Statement, Program]:
    """The gradient of x of a layer of the catalogue with some sizes given."""
    layer = LAYERS[name]()
    mapping = {s: Integer(v) for k, v in settings.items() for s in layer.option(k).symbols}
    gradient = differentiate(layer.specialise(mapping).program)
    adjoint = gradient.adjoint("x")
    assert adjoint is not None
    (statement,) = gradient.program.definitions(adjoint.gradient.name)
    return statement, gradient.program


def chosen(name: str, **settings: int) -> Form:
    statement, program = input_gradient(name, **settings)
    return choose_form(statement, program, size_hints(program))


def test_stride_one_gathers() -> None:
    form = chosen("conv2d", stride=1, groups=1)
    assert all(e.is_Symbol for e in form.place)
    assert {form.range(v).extent.name for v in form.contracted} == {"R", "T", "K"}
    assert not form.guards


def test_a_symbolic_stride_scatters() -> None:
    form = chosen("conv2d", groups=1)
    rows, columns = form.place[1:3]
    s_h, d_h, p_h, s_w, d_w, p_w, i, j, r, t = integers("s_h d_h p_h s_w d_w p_w i j r t")
    assert rows - (s_h * i + d_h * r - p_h) == 0
    assert columns - (s_w * j + d_w * t - p_w) == 0
    assert [form.range(v).extent.name for v in form.contracted] == ["K"]


def test_there_is_a_gather_and_a_scatter_to_choose_from() -> None:
    statement, program = input_gradient("conv2d", stride=1, groups=1)
    places = {tuple(e.is_Symbol for e in form.place[1:3]) for form in forms(statement, program)}
    assert {(True, True), (False, False)} <= places


def test_a_form_keeps_no_index_that_a_delta_fixes() -> None:
    statement, program = input_gradient("dense")
    form = choose_form(statement, program, size_hints(program))
    assert len(form.indices) == 3


def test_a_delta_without_a_unit_coefficient_becomes_a_guard() -> None:
    N, i, j = integers("N i j")
    x, w, y = (Tensor(name, (N,) if name != "y" else ()) for name in "xwy")
    term = Term((), (Range(i, N), Range(j, N)), x(i) * w(j), deltas=(2 * i - 3 * j,))
    program = Program((x, w), (Statement(y, term),), ("y",))
    values = {name: np.arange(1.0, 8.0) for name in "xw"}
    assert check_every_form(program, values, {N: 7}) == 1


def bias_and_products(layer_name: str) -> list[Form]:
    """The forms of a layer's forward statements with digits joined."""
    program = LAYERS[layer_name]().program
    found = (choose_form(s, program, size_hints(program)) for s in program.statements)
    return [joined(form, program.tensors) for form in found]


def test_digits_that_are_met_together_only_are_one_index() -> None:
    products, bias = bias_and_products("conv2d")
    G, K, g, k = integers("G K g k")
    assert bias.place[3] == k
    assert bias.range(k).extent == G * K
    assert products.place[3] == K * g + k, "x has g in digits of its own"


def test_digits_of_which_one_is_met_alone_stay_apart() -> None:
    G, K, g, k = integers("G K g k")
    x, w, y = Tensor("x", (G * K,)), Tensor("w", (G,)), Tensor("y", (G * K,))
    term = Term((Range(g, G), Range(k, K)), (), x(K * g + k) * w(g))
    form = Form(y, (K * g + k,), term.ranges, term.body)
    assert joined(form, {"x": x, "w": w}) == form
    together = Form(y, (K * g + k,), term.ranges, x(K * g + k))
    assert joined(together, {"x": x}) == Form(y, (k,), (Range(k, G * K),), x(k))


def test_hints_tell_images_from_kernels() -> None:
    layer = LAYERS["conv2d"]()
    hints = {s.name: h for s, h in size_hints(layer.program).items()}
    assert hints["H"] > hints["C"] > hints["R"] > hints["s_h"] == 1
    assert hints["H_out"] == hints["H"]


def test_an_extent_is_estimated_from_the_hints() -> None:
    a, b = integers("a b")
    assert estimate(a + 1, {a: 4}) == 5
    assert estimate(a * b, {a: 4}) == estimate(b, {})
