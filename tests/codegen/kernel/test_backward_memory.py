"""The function of all gradients: when it lets arrays go, and that it is listed, verified and explained."""

import tracemalloc
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.loops import Nest
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import Compiled, Equation, Present, Record, Release, Wanted, effects
from gradscribe.codegen.tool.explain import explain
from gradscribe.codegen.tool.verify import verify_layer
from tests.cases.catalogue import layer
from tests.cases.together import together
from tests.codegen.kernel.test_backward import CASES, MLP, both, call, case_of, everything


def let_go(records: Sequence[Record], behind: frozenset[str], kept: Collection[str]) -> None:
    """Raise where something is read that is gone, or stays that nobody reads any more."""
    for place, record in enumerate(records):
        later = [*records[place + 1 :]]
        if isinstance(record, Release):
            assert not set(record.buffered) & {*effects(*later).names, *behind, *kept}
        elif isinstance(record, Wanted | Present):
            others = effects(*records[:place], *later).names
            let_go(record.body, behind | others, kept)
        elif later and not isinstance(record, Equation):
            gone = {name for r in later[:1] if isinstance(r, Release) for name in r.buffered}
            made = {n for r in records[: place + 1] for n in effects(r).made if not isinstance(r, Wanted | Present)}
            if isinstance(record, Compiled):  # what one way makes it lets go
                local = {name for nest in record.then if isinstance(nest, Nest) for name in nest.local}
                found = {name for r in record.otherwise if isinstance(r, Release) for name in r.buffered}
                assert found == local & {*effects(*record.otherwise).made}
                made -= local.union(*(r.buffered for r in record.then if isinstance(r, Release)))
            views = set(effects(*records).views.values())
            unread = (
                (made & effects(record).names) - effects(*later[1 if gone else 0 :]).names - behind - views - {*kept}
            )
            assert unread <= gone, record


@together("word", CASES)
def test_an_array_is_let_go_behind_its_last_use(word: str) -> None:
    _, backward = both(case_of(word))
    let_go(plan(backward).records, frozenset(), backward.results)


def test_less_is_held_at_once_than_by_the_gradient_of_the_input() -> None:
    """Five dense layers: the single function holds the adjoint of each until it returns."""
    chain = [*zip("xabde", "abdey", "pqrst", strict=True)]
    steps = [f"{new}[n,k] = tanh(sum(c) {old}[n,c] * {w}[c,k])" for old, new, w in chain]
    found, rng = (
        gradscribe.layer("; ".join([*steps, f"weight {', '.join('pqrst')}"]), "chain"),
        np.random.default_rng(0),
    )
    module = compile_layer(found)
    (single, *_), backward = both(found)
    inputs = {"x": rng.normal(size=(2000, 10)), **{w: rng.normal(size=(10, 10)) for w in "pqrst"}}
    values = everything(found, module, inputs, {}, rng)
    assert single.wrt == ("x",)
    alone, at_once = (allocated(partial(call, module, k, values, {})) for k in (single, backward))
    assert at_once < 0.8 * alone


def allocated(run: Callable[[], Any]) -> int:
    run()
    tracemalloc.start()
    run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_it_is_listed_verified_and_explained() -> None:
    name = "simple_rnn_cell_backward"
    lines = [v for v in verify_layer(layer("simple_rnn_cell"), shapes=2) if v.checked == name]
    assert {v.against for v in lines} == {"the interpreter", "its box", "differences"}
    assert all(v.passed for v in lines)
    shapes = {"x": (2, 3), "h": (2, 4), "w": (3, 4), "r": (4, 4), "b": None}
    found = next(f for f in explain("simple_rnn_cell", shapes).functions if f.name == name)
    texts = " ".join(s.text for s in found.statements)
    assert "dw" in texts
    assert "db" not in texts


def test_verify_sees_one_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The layer's module with the gradient of one weight twice as large."""
    found = gradscribe.layer(MLP, "mlp")
    module = compile_layer(found)
    right = module.mlp_backward

    def wrong(*arguments: Any, **options: Any) -> Any:
        *before, last, dd = right(*arguments, **options)
        return (*before, 2 * last, dd)

    wrong.__name__ = "mlp_backward"
    monkeypatch.setattr(module, "mlp_backward", wrong)
    monkeypatch.setattr("gradscribe.codegen.tool.verify.compile_layer", lambda *_: module)
    failed = {v.checked for v in verify_layer(found, shapes=1) if not v.passed}
    assert failed == {"mlp_backward"}
