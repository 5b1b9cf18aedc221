"""The update at the end of a page: its equations, run in order as printed, beside NumPy; where it stands."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sympy import Symbol

from gradscribe.codegen.tool.finding.find import find, find_any
from gradscribe.derive.catalogue.network_text import network
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.record.page_record import Derivation, Update
from gradscribe.derive.derivation.record.sentence import mathematics
from gradscribe.derive.ir.interpret import evaluate, value
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.language import optimiser
from gradscribe.derive.layer.sampling import Size
from gradscribe.derive.layer.update import Optimiser
from gradscribe.derive.typeset.document.arrange import document
from gradscribe.derive.typeset.document.document import Box, Equations, Rows
from gradscribe.derive.typeset.formats import FORMATS, rendered
from tests.cases.catalogue import derived
from tests.cases.together import together

Arrays = dict[str, np.ndarray]
Move = Callable[[np.ndarray, np.ndarray, Arrays, dict[str, float]], tuple[np.ndarray, Arrays]]

TEXTS = {
    "ahead": "a = 0.5\nnew_v[...] = a*v[...] + g[...]\nnew_p[...] = p[...] - a*(2*new_v[...] - v[...])",
    "clipped": "lr = 0.1\nc = sum(e) g[e]^2\nnew_p[e] = p[e] - lr*g[e]/(1 + c)",
    "swapped": "new_p[...] = v[...]\nnew_v[...] = p[...] + g[...]",
}
"""A state that is read when its new value is known, a sum over all elements, a weight that is read afterwards."""


def ahead(p: np.ndarray, g: np.ndarray, s: Arrays, o: dict[str, float]) -> tuple[np.ndarray, Arrays]:
    v = o["a"] * s["v"] + g
    return p - o["a"] * (2 * v - s["v"]), {"v": v}


def adam(p: np.ndarray, g: np.ndarray, s: Arrays, o: dict[str, float]) -> tuple[np.ndarray, Arrays]:
    h = g + o["weight_decay"] * p
    m = o["beta_1"] * s["m"] + (1 - o["beta_1"]) * h
    v = o["beta_2"] * s["v"] + (1 - o["beta_2"]) * h * h
    corrected = m / (1 - o["beta_1"] ** o["t"]), v / (1 - o["beta_2"] ** o["t"])
    return p - o["lr"] * corrected[0] / (np.sqrt(corrected[1]) + o["eps"]), {"m": m, "v": v}


def sgd(p: np.ndarray, g: np.ndarray, s: Arrays, o: dict[str, float]) -> tuple[np.ndarray, Arrays]:
    v = o["momentum"] * s["v"] + g + o["weight_decay"] * p
    return p - o["lr"] * v, {"v": v}


MOVES: dict[str, Move] = {
    "": lambda p, g, s, o: (p - o["lr"] * g, {}),
    "sgd": sgd,
    "adam": adam,
    "ahead": ahead,
    "clipped": lambda p, g, s, o: (p - o["lr"] * g / (1 + (g * g).sum()), {}),
    "swapped": lambda p, g, s, o: (s["v"], {"v": p + g}),
}
LAYERS = {
    "dense": ["w", "b"],
    "batch_norm": ["gamma", "beta"],
    "u[n] = sum(m) eta[m]*mu[n,m]*t[n,m]*v[m]; weight eta, v": ["eta", "v"],
}


def wanted(name: str) -> Optimiser | None:
    found = optimiser(TEXTS[name], name) if name in TEXTS else find_any(name) if name else None
    assert found is None or isinstance(found, Optimiser)
    return found


def update_of(page: Derivation) -> Update:
    assert page.update is not None
    return page.update


@pytest.mark.parametrize("name", LAYERS)
def test_the_equations_run_in_order_are_the_optimiser(name: str) -> None:
    rng = np.random.default_rng(0)
    layer = find(name)
    for called, move in MOVES.items():
        page = derive(layer, optimiser=wanted(called))
        update = update_of(page)
        state = [n for n, _ in getattr(wanted(called), "state", ())]
        numbers: dict[Symbol, Size] = {
            s: rng.uniform(0.1, 0.9) for d in update.equations for t in d.terms for s in t.body.free_symbols
        }
        numbers |= {s: rng.integers(1, 9) for s in numbers if s.is_integer}
        options = _options(called, page, numbers)
        for weight in LAYERS[name]:
            gradient = next(s.steps[-1].left.tensor for s in page.sections if s.wrt == weight)
            p, g, kept = rng.normal(size=5), rng.normal(size=5), {n: rng.uniform(0.1, 1, 5) for n in state}
            found = {weight: p, gradient: g, **{f"{n}_{weight}": v for n, v in kept.items()}}
            for equation in (d for d in update.equations if d.left.tensor.endswith(weight)):
                (term,) = equation.terms
                sizes: dict[Any, Any] = {**numbers, **{e: 5 for r in term.ranges for e in r.extent.free_symbols}}
                whole = not term.ranges  # whole tensors, element by element
                found[equation.left.tensor] = (
                    value(term.body, found, numbers) if whole else evaluate(term, found, sizes)[0]
                )
            after, states = move(p, g, kept, options)
            assert np.allclose(found[weight], after, rtol=1e-12, atol=0), (called, weight)
            assert all(np.allclose(found[f"{n}_{weight}"], v, rtol=1e-12) for n, v in states.items())


def _options(name: str, page: Derivation, numbers: dict[Symbol, Size]) -> dict[str, float]:
    """What the optimiser's options are, as the sentence above the equations introduces their letters in order."""
    found = wanted(name)
    options = ["lr"] if found is None else [o.name for o in found.layer.options if o.name != "nesterov"]
    letters = list(mathematics(update_of(page).setup[0]))
    return {option: float(numbers[letter]) for option, letter in zip(options, letters, strict=True)}


@together("name", ["dense", "conv2d", "batch_norm", "prelu", "lstm_cell", "embedding", "subsampling2d"])
def test_rows_of_the_update_go_on_counting_and_each_weight_has_one(name: str) -> None:
    page = derived(name)
    blocks = list(document(page).blocks)
    last = max(
        (
            b.number if isinstance(b, Box) else max(r.number for r in b.rows)
            for b in blocks
            if isinstance(b, Box | Rows)
        ),
    )
    (update,) = (b for b in blocks if isinstance(b, Equations) and b.equations[0].number == last + 1)
    equations = update_of(page).equations
    assert [e.equation for e in update.equations] == list(equations)
    assert [e.number for e in update.equations] == list(range(last + 1, last + 1 + len(equations)))
    assert sorted(e.left.tensor for e in equations) == sorted(find(name).weights)
    assert not {e.left.tensor for e in equations} & set(document(page).numbers)  # of these code says other equations


@together("name", ["tanh", "max_pool2d", "softmax", "sgd"])
def test_without_weights_there_is_no_update(name: str) -> None:
    page = derived(name) if name != "sgd" else derive(find_any(name).layer)  # type: ignore[union-attr]
    assert page.update is None


def test_a_network_has_one_row_for_the_weights_of_all_levels() -> None:
    page = derive(network("conv2d -> tanh -> conv2d -> tanh -> dense", "net"))
    update = update_of(page)
    assert [update.notation.levels[d.left.tensor] for d in update.equations] == [("w", ""), ("b", "")]
    for form in FORMATS:
        assert rendered(page, form).count("Update\n" if form != "latex" else "{Update}") == 1


def test_only_what_is_derived_is_updated() -> None:
    assert [d.left.tensor for d in update_of(derive(find("dense"), wrt=["b"])).equations] == ["b"]
    assert derive(find("dense"), wrt=["x"]).update is None


def test_letters_of_the_update_are_no_others() -> None:
    page = derive(find("conv2d"), optimiser=wanted("adam"))  # t is an index
    words = rendered(page, "text").partition("Update\n")[2]
    assert "number of the step τ" in words
    assert "β_1^τ" in words


def test_states_carry_the_letter_of_their_weight() -> None:
    page = derive(find("conv2d"), letters="goodfellow", optimiser=wanted("sgd"))
    assert "K ← K − η·v⁽ᴷ⁾" in rendered(page, "text")


@together("name,order,called", [("tanh", 1, "adam"), ("dense", 2, "sgd")])
def test_an_optimiser_without_anything_to_move_is_refused(name: str, order: int, called: str) -> None:
    with pytest.raises(EquationError, match=name):
        derive(find(name), order=order, optimiser=wanted(called))


@together("name", ["sgd", "adam"])
def test_an_optimiser_has_the_same_letters_on_its_page_and_at_the_end_of_another(name: str) -> None:
    own = find_any(name)
    assert isinstance(own, Optimiser)
    alone, beside = str(derive(own.layer)), str(derive(find("dense"), optimiser=own))
    words = ["learning rate η", "weight decay λ", *(["momentum μ"] if name == "sgd" else ["number of the step t", "ε"])]
    for word in words:
        assert word in alone.replace("\n", " ")
        assert word in beside.replace("\n", " ")
    assert not re.search(r"\b(lr|eps|weight_decay)\b", alone + beside)


@together("name", [*OPTIMISERS])
def test_an_optimisers_page_says_what_each_of_its_tensors_is(name: str) -> None:
    own = find_any(name)
    assert isinstance(own, Optimiser)
    page = " ".join(str(derive(own.layer)).split())
    meanings = next(s for s in page.split(". ") if s.startswith("p is the weight; g its gradient; ")).split("; ")
    state = [f"{tensor} the {word.replace('_', ' ')}, 0 before the first step" for tensor, word in own.state]
    assert meanings[2 : 2 + len(state)] == state
    assert meanings[2 + len(state) :] == [f"new_{t} is {t} after the step" for t in ("p", *dict(own.state))]
    assert name != "sgd" or "nesterov (1 or 0)" in page
    renamed = " ".join(str(derive(own.layer, letters="p=w")).split())
    assert "w is the weight; g its gradient" in renamed
    assert "new_p is w after the step" in renamed


def test_an_optimiser_has_no_gradients() -> None:
    own = find_any("adam")
    assert isinstance(own, Optimiser)
    with pytest.raises(EquationError, match="adam: nothing in it is differentiated; expected order 1"):
        derive(own.layer, order=2)
    page = str(derive(own.layer, example=True))
    assert "new_p = [" in page
    assert "dnew_p" not in page


def test_a_page_says_what_replaces_the_statistics_of_a_layer() -> None:
    page = " ".join(str(derived("batch_norm")).split())
    assert "new_mean takes the place of running_mean; new_var takes the place of running_var." in page


def test_a_letter_that_is_a_tensor_of_the_update_is_none_of_an_option() -> None:
    own = optimiser("lr = 0.1\nnew_eta[...] = eta[...] + g[...]\nnew_p[...] = p[...] - lr*new_eta[...]", "own")
    assert "lr" in str(derive(own.layer))
    assert "η" in str(derive(own.layer))


@together(
    ("name", "row"), [("text", "w ← w − η ∂E/∂w"), ("latex", r"\leftarrow"), ("markdown", r"w &\leftarrow w-\eta")]
)
def test_no_format_says_that_a_weight_is_less_than_itself(name: str, row: str) -> None:
    found = rendered(derived("dense"), name)
    assert row in found
    assert "w &= w-" not in found
