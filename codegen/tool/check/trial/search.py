"""Examples by hypothesis: many at random, and the smallest one that still goes wrong.

Only this module imports hypothesis, an optional dependency (`pip install hypothesis`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sympy import Symbol

from gradscribe.codegen.tool.check.problem.parameter_names import CheckError, called
from gradscribe.codegen.tool.check.problem.problem import Problem
from gradscribe.codegen.tool.check.trial.case import case, has_kinks, is_finite, random_case, shape_sizes
from gradscribe.codegen.tool.check.trial.trial import Trial, attempt
from gradscribe.derive.layer.interface import Kind
from gradscribe.derive.layer.sampling import admissible, bounds, index_boxes, open_symbols

LIMIT = 60_000
"""Points of an index box that the interpreter is asked to evaluate."""
SMALL = 200
"""Numbers of an example up to which each is simplified on its own."""
REPEATED = 5
"""Examples that the function is called with twice, to see whether chance is at work."""
REALS = 1.0, 0.5, 1.5, 2.0
"""The values of a number that is not an integer, the simplest first."""
Key = tuple[str, str]


@dataclass(frozen=True)
class Sample:
    """What hypothesis draws: sizes, and where the random numbers come from; see `random_case`."""

    sizes: tuple[tuple[Symbol, Any], ...]
    full_shape: tuple[int, ...]
    whole: bool
    seed: int


@dataclass
class Exploration:
    """What random examples showed.

    Attributes:
        problem: what is checked.
        trials: one per example, in order.
        memory: the trials by sample, for hypothesis comes back to a sample often; None where there is nothing to be
            held against, as the derived gradient is not finite.
    """

    problem: Problem
    trials: list[Trial] = field(default_factory=list)
    memory: dict[Sample, Trial | None] = field(default_factory=dict)

    def trial(self, sample: Sample) -> Trial | None:
        """The trial of a sample, carried out at most once."""
        if sample not in self.memory:
            sizes = dict(sample.sizes)
            example = random_case(self.problem, sizes, sample.full_shape, sample.whole, sample.seed)
            self.memory[sample] = attempt(example) if is_finite(example) else None
        return self.memory[sample]

    def count(self, trials: list[Trial]) -> int:
        """How many different combinations of shapes and options the function sees among `trials`."""
        return len({t.case.signature for t in trials})

    def failing(self, key: Key) -> list[Trial]:
        """The trials with that deviation."""
        return [t for t in self.trials if t.deviation(key) is not None]

    def kinds(self) -> list[Key]:
        """The deviations that occurred, each once."""
        return list(dict.fromkeys(d.key for t in self.trials for d in t.deviations))


def explore(problem: Problem, examples: int, seed: int) -> Exploration:
    """Call the function on random examples.

    Raises:
        CheckError: when hypothesis is missing, no sizes are admissible, or the function does not fit the layer.
    """
    found = Exploration(problem)
    mistakes: list[CheckError] = []

    def look(sample: Sample) -> bool:
        if mistakes:
            return False
        try:
            trial = found.trial(sample)
            repeated = trial is None or len(found.trials) >= REPEATED or _alike(trial, attempt(trial.case))
        except CheckError as error:
            mistakes.append(error)
            return False
        if not repeated:
            mistakes.append(_by_chance(problem))
        found.trials += [trial] if trial is not None else []
        return False

    _find(problem, look, examples, seed)
    if mistakes:
        raise mistakes[0]
    if not found.trials:
        raise CheckError(f"{problem.layer.name}: {_nothing_to_compare(found)}")
    return found


def _nothing_to_compare(found: Exploration) -> str:
    if found.memory:
        return f"the derived gradient is not finite on any of {len(found.memory)} random examples"
    return "no admissible sizes found that are small enough; expected fewer or smaller --set"


def smallest(found: Exploration, key: Key, examples: int, seed: int) -> Trial:
    """The smallest example that hypothesis finds with that deviation, its numbers simplified.

    Args:
        found: the exploration; where hypothesis does not come back to a failure, the smallest trial of it is taken.
        key: the deviation.
        examples: how many random examples are tried.
        seed: that of the exploration, so that its failures are met again.
    """

    def fails(sample: Sample) -> bool:
        try:
            trial = found.trial(sample)
        except CheckError:  # it does not fit there, which is another matter
            return False
        return trial is not None and trial.deviation(key) is not None

    sample = _find(found.problem, fails, examples, seed)
    trial = found.trial(sample) if sample is not None else None
    return _simplified(trial or min(found.failing(key), key=lambda t: t.case.numbers), key)


def _alike(first: Trial, second: Trial) -> bool:
    """Whether two calls with the same arguments gave the same results."""
    pairs = [(value, second.results.get(name)) for name, value in first.results.items()]
    return all(b is not None and np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def _by_chance(problem: Problem) -> CheckError:
    name = called(problem.function)
    return CheckError(f"{name}: gives different results for the same arguments; expected the same ones each time")


def _find(problem: Problem, condition: Callable[[Sample], bool], examples: int, seed: int) -> Sample | None:
    """The smallest sample that hypothesis finds with that property."""
    try:
        import hypothesis
        from hypothesis import strategies as st
        from hypothesis.errors import Flaky, NoSuchExample, Unsatisfiable
    except ImportError:
        raise CheckError("checking a backward needs hypothesis: pip install hypothesis") from None

    count = problem.axes if problem.raveled is not None else 0
    extents = st.integers(1, 6 if count == 1 else 3)
    plan = {symbol: st.sampled_from(choices) for symbol, choices in _plan(problem).items()}
    ways, seeds = st.sampled_from((True, False)), st.integers(0, 999)
    boxes = index_boxes(problem.program, [s.term for s in problem.backward.statements])
    requirements = [e for r in problem.layer.requirements for e in r.expressions]

    @st.composite
    def drawn(draw: Any) -> Sample:
        # in the order in which they are kept small
        full_shape = tuple(draw(extents) for _ in range(count))
        sizes: dict[Symbol, Any] = {**problem.fixed, **shape_sizes(problem.raveled, full_shape)}
        for symbol, choices in plan.items():
            sizes[symbol] = draw(choices)
        if not admissible(problem.program, sizes, requirements, boxes, LIMIT):
            hypothesis.reject()
        return Sample(tuple(sizes.items()), full_shape, draw(ways), draw(seeds))

    chosen = hypothesis.settings(
        database=None,
        max_examples=examples,
        deadline=None,
        verbosity=hypothesis.Verbosity.quiet,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),  # how it explains a failure, nobody would read
    )
    with _home_elsewhere():
        try:
            return hypothesis.find(drawn(), condition, settings=chosen, random=Random(seed))
        except (NoSuchExample, Unsatisfiable):
            return None
        except Flaky:
            raise _by_chance(problem) from None


@contextmanager
def _home_elsewhere() -> Iterator[None]:
    """Hypothesis notes what it reads in a folder; let that be one which is removed."""
    from hypothesis.configuration import set_hypothesis_home_dir, storage_directory

    before = storage_directory(intent_to_write=False).home_directory
    with TemporaryDirectory() as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(before)


def _plan(problem: Problem) -> dict[Symbol, tuple[Any, ...]]:
    """The values of each open symbol, the simplest first: extents, then options, whose default is first."""
    layer, mapping = problem.layer, problem.mapping
    requirements = [e for r in layer.requirements for e in r.expressions]
    known = {*problem.fixed, problem.raveled}
    symbols = [s for s in open_symbols(problem.program, requirements) if s not in known]
    limits = bounds(problem.program, layer.options, mapping)
    shown = {mapping.get(s, s): o for o in layer.options for s in o.symbols if o.kind is not Kind.SIZE or o.default}
    wide = max(3, 8 - len(symbols))  # few symbols have few shapes
    found = {}
    for symbol in sorted(symbols, key=lambda s: (s in shown, s.name)):
        low, high = limits.get(symbol, (1, wide) if symbol.is_integer else (min(REALS), max(REALS)))
        reals = tuple(v for v in REALS if low <= v <= high) or (low, high)
        values = tuple(range(low, high + 1)) if isinstance(low, int) else reals
        default = shown[symbol].default if symbol in shown else None
        own = (default,) if isinstance(default, int | float) else ()
        found[symbol] = tuple(dict.fromkeys((*own, *values)))
    return found


def _simplified(trial: Trial, key: Key) -> Trial:
    """The example with arrays of zeros, then single zeros and ones, as long as the deviation stays."""
    problem = trial.case.problem
    if not is_finite(trial.case):
        return trial
    kinks = has_kinks(problem)
    for name in (n for n, v in trial.case.given.items() if v.dtype.kind == "f"):
        for rewrite in _roundings(kinks):
            trial = _with(trial, name, rewrite(trial.case.given[name]), key)
    if trial.case.numbers > SMALL:
        return trial
    for name, value in trial.case.given.items():
        for position in np.ndindex(value.shape):
            for number in () if kinks or value.dtype.kind != "f" else (0.0, 1.0):
                array = trial.case.given[name].copy()
                if array[position] in (0.0, number):
                    continue
                array[position] = number
                trial = _with(trial, name, array, key)
    return trial


def _roundings(kinks: bool) -> tuple[Callable[..., Any], ...]:
    if kinks:  # keep away from them
        return (_short_but_not_whole,)
    return (np.zeros_like, np.rint, partial(np.round, decimals=1))


def _short_but_not_whole(array: np.ndarray) -> np.ndarray:
    short = np.round(array, 1)
    return np.where(short % 1 == 0, array, short)


def _with(trial: Trial, name: str, array: np.ndarray, key: Key) -> Trial:
    """The trial with one array replaced, if the deviation is still there."""
    old = trial.case
    if name not in old.problem.asked and name in {t.name for t in old.problem.seeds}:
        return trial  # a function that is not given it takes it for 1
    new = case(old.problem, old.sizes, old.full_shape, {**old.given, name: array})
    if not is_finite(new):
        return trial
    again = attempt(new)
    return again if again.deviation(key) is not None else trial
