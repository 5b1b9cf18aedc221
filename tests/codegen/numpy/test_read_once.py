"""Arrays that are read at the same labels several times are read once, as long as nobody writes to them."""

import numpy as np
import pytest
from sympy import Integer, Symbol

from gradscribe import layer
from gradscribe.codegen.driver import source
from gradscribe.codegen.numpy.lower.indirect.read_once import read_once
from gradscribe.codegen.numpy.plan import Allocate, Gather, Known, Record
from gradscribe.codegen.numpy.plan.lookups import Labels, ScatterAdd
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.term import Range
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from tests.cases.agreement import assert_kernels_agree

GRAPH = """
integer s, t
v < V
input h[V,K], a[K], s[E], t[E]
u[e] = sum(k) tanh(h[s[e],k] * a[k] + h[t[e],k])
y[v,k] = sum(e) [t[e] == v] u[e] * h[s[e],k]
"""
SAMPLED = "input x[N,H,W,C], p[N,I], q[N,I]; y[n,i,c] = x[n, lerp(p[n,i], zero), lerp(q[n,i], replicate), c]"
n, m, v, e, c = integers("n m v e c")
TEN = Integer(10)


def gathered(name: str, row: Symbol, source_name: str = "x") -> Gather:
    """Rows of a matrix at labels, whose index is called `row`."""
    return Gather(name, source_name, (v, c), (Labels(v, "t", (row,)),), (Range(row, TEN), Range(c, TEN)))


def names(*records: Record) -> list[str]:
    """What is left of the records."""
    return [getattr(r, "name", "") for r in read_once(records)]


def test_indices_have_any_name() -> None:
    assert names(gathered("one", n), gathered("other", m), Known("k", "t", TEN), Known("l", "t", TEN)) == ["one", "k"]


def test_later_records_speak_of_the_first() -> None:
    adds = ScatterAdd("y", (v, c), "other", (n, c), (Labels(v, "t", (n,)),), (Range(n, TEN), Range(c, TEN)))
    (_, left) = read_once([gathered("one", n), gathered("other", m), adds])
    assert isinstance(left, ScatterAdd)
    assert left.values == "one"


@pytest.mark.parametrize("written", ["x", "one"])
def test_what_was_written_to_is_read_again(written: str) -> None:
    adds = ScatterAdd(written, (v, c), "z", (n, c), (Labels(v, "t", (n,)),), (Range(n, TEN), Range(c, TEN)))
    assert names(gathered("one", n), adds, gathered("other", m)) == ["one", "", "other"]
    assert names(gathered("one", n), Allocate(written, (TEN, TEN), 0), gathered("other", m))[-1] == "other"


def test_other_arrays_and_labels_stay() -> None:
    assert names(gathered("one", n), gathered("other", n, "z"), Known("k", "s", TEN), Known("l", "t", TEN)) == [
        "one", "other", "k", "l",
    ]  # fmt: skip


@pytest.mark.parametrize("text", [GRAPH, SAMPLED])
def test_kernels_agree_with_the_interpreter(text: str) -> None:
    made = layer(text, "looked_up")
    for seed in range(6):
        rng = np.random.default_rng(seed)
        sizes = sample_sizes(made, rng, limit=2000)
        assert_kernels_agree(made, sizes, sample_values(made.program, sizes, rng), rng)


def test_a_point_between_four_elements_reads_four() -> None:
    text = source(layer(SAMPLED, "sampled"))
    for function in text.split("\ndef ")[1:]:
        reads = [line.partition(" = ")[2] for line in function.splitlines() if "rt.gather(" in line]
        assert len(reads) == len(set(reads))
