"""The cost of the tool is linear in the number of statements. Calls are counted: they do not depend on the machine."""

import cProfile
from collections.abc import Callable
from itertools import pairwise

import pytest

from gradscribe.codegen.driver import source
from gradscribe.codegen.tool.cli.printing import printed
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.derivation import derive


def equations(count: int) -> str:
    """A layer of so many statements, each of which reads the one before."""
    lines = [f"a{k}[n,c] = tanh(a{k - 1}[n,c] * w[c])" for k in range(1, count)]
    return "\n".join(["a0[n,c] = x[n,c] * w[c]", *lines, f"y[n,c] = a{count - 1}[n,c]**2"])


def network(count: int) -> str:
    """A chain of so many dense layers with activations."""
    return "input x[N, 5]\n" + " -> ".join(["dense(5) -> tanh"] * count)


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, those of C too."""
    profiler = cProfile.Profile()
    profiler.runcall(work)
    return sum(entry.callcount for entry in profiler.getstats())


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("write", "work", "first"),
    [
        pytest.param(equations, lambda text: source(find(text)), 5, id="generate-equations"),
        pytest.param(network, lambda text: source(find(text)), 4, id="generate-network"),
        pytest.param(network, lambda text: printed(derive(find(text)), "text"), 3, id="derive-network"),
    ],
)
def test_twice_the_statements_cost_twice_the_calls(
    write: Callable[[int], str], work: Callable[[str], object], first: int
) -> None:
    """What is added with each doubling doubles; with a quadratic part it would grow towards four times as much."""
    work(write(2))  # parsers and caches of SymPy are filled
    counts = [calls(lambda n=n: work(write(n))) for n in (first, 2 * first, 4 * first)]  # type: ignore[misc]
    added = [later - earlier for earlier, later in pairwise(counts)]
    assert added[1] < 2.4 * added[0], counts
