"""Which tests reach a line, and which of them to run first."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.mutants.copy import checkout_copy, pytest_in
from tests.mutants.sites import Mutant

PRODUCT = "test_generated_fresh.py"
"""What compares all that is generated: most of what is done to a layer shows there."""
FEW = 6

START = 2.0
"""Seconds that pytest takes before it collects anything."""


@dataclass(frozen=True)
class TimedTest:
    """A test: its file, its name as pytest has it, and how long it takes."""

    file: str
    name: str
    seconds: float


@dataclass(frozen=True)
class Record:
    """What one test file reaches.

    Attributes:
        file: the test file.
        collect: seconds until it is imported and its tests are known.
        tests: those that pass.
        lines: by file and line the numbers of the tests that reach it; -1 for importing and collecting.
    """

    file: str
    collect: float
    tests: tuple[TimedTest, ...]
    lines: dict[str, dict[str, list[int]]]

    def reaching(self, path: str, line: int) -> list[TimedTest]:
        """The tests that execute a line; all of the file where collecting does."""
        numbers = self.lines.get(path, {}).get(str(line), [])
        return list(self.tests) if -1 in numbers else [self.tests[n] for n in numbers]


@dataclass(frozen=True)
class Reach:
    """All that was recorded."""

    records: tuple[Record, ...]

    @cached_property
    def collect(self) -> dict[str, float]:
        """Seconds until the tests of a file are known, without what any file takes: pytest and the packages loaded."""
        least = min((r.collect for r in self.records), default=0.0)
        return {r.file: max(r.collect - least, 0.1) for r in self.records}

    def tests(self, mutant: Mutant) -> list[list[TimedTest]]:
        """The tests that may notice a mutant, by file: those that execute its line, else those that load its file."""
        for line in dict.fromkeys((mutant.line, mutant.statement)):
            found = [r.reaching(mutant.path, line) for r in self.records]
            if any(found):
                return [tests for tests in found if tests]
        return [list(r.tests) for r in self.records if mutant.path in r.lines and r.tests]

    def chosen(self, mutant: Mutant, seconds: float) -> list[TimedTest]:
        """Tests for about so many seconds: of every file the fastest ones, files that are quick to collect first.

        What is made once for several tests reaches its lines in the first of them only: when there is time left, the
        other tests of the files follow.
        """
        reaching = self.tests(mutant)
        taken = list(self._fastest(reaching, mutant, seconds))
        spent = sum(t.seconds for t in taken) + sum(self.collect[f] for f in {t.file for t in taken})
        if len(taken) < sum(map(len, reaching)):
            return taken
        known = {t for tests in reaching for t in tests}
        others = [[t for t in r.tests if t not in known] for r in self.records if known & set(r.tests)]
        return [*taken, *self._fastest([tests for tests in others if tests], mutant, seconds - spent)]

    def _fastest(self, groups: Sequence[list[TimedTest]], mutant: Mutant, seconds: float) -> Iterator[TimedTest]:
        """Of every group the fastest tests; first its own file's, then some of the product's."""
        ordered = [sorted(g, key=lambda t: (t.seconds, t.name)) for g in groups]
        ordered.sort(key=lambda g: (self.collect[g[0].file] + g[0].seconds, g[0].file))
        own = f"test_{Path(mutant.path).stem}.py"
        named = [(Path(group[0].file).name, group) for group in ordered]
        first = [[test] for file, group in named if file == own for test in group]
        first += [[test] for file, group in named if file == PRODUCT for test in group[:FEW]]
        rest = [group[FEW:] if file == PRODUCT else group for file, group in named if file != own]
        return _within([*first, *rest], self.collect, seconds)


def _within(groups: Sequence[list[TimedTest]], collect: dict[str, float], seconds: float) -> Iterator[TimedTest]:
    """Round after round the next tests of every group, twice as many each time, while there is time."""
    left, taken, count = seconds, [0] * len(groups), 3
    loaded: set[str] = set()
    while any(at < len(group) for at, group in zip(taken, groups, strict=True)):
        before = sum(taken)
        for number, group in enumerate(groups):
            for test in group[taken[number] : taken[number] + count]:
                cost = test.seconds + (0.0 if test.file in loaded else collect[test.file])
                if cost > left:
                    break
                loaded.add(test.file)
                left -= cost
                taken[number] += 1
                yield test
        if sum(taken) == before:
            return
        count *= 2


def record(root: Path, out: Path, workers: int, limit: float, patterns: Sequence[str]) -> None:
    """Run every test file once, each in a process of its own, and note what its tests reach; known files are left.

    Args:
        root: the checkout.
        out: a file for each test file is written there.
        workers: how many at a time.
        limit: seconds for a test file: after half of it no test is begun, after all of it the rest is given up.
        patterns: of the test files.
    """
    out.mkdir(parents=True, exist_ok=True)
    files = [p.relative_to(root).as_posix() for pattern in patterns for p in sorted(root.glob(pattern))]
    todo = [f for f in files if not (out / _recorded(f)).exists()]
    with checkout_copy(root) as folder, ThreadPoolExecutor(workers) as pool:

        def one(file: str) -> None:
            name = _recorded(file)
            status, text = pytest_in(folder, [file], limit, record=folder / name)
            if (folder / name).exists():
                (folder / name).rename(out / name)
            last = text.strip().splitlines()[-1:] or [""]
            print(f"{file}: {last[0] if status != 124 else f'more than {limit:g} s, left out'}", flush=True)

        list(pool.map(one, todo))


def load(folder: Path) -> Reach:
    """What was recorded."""
    return Reach(tuple(_record(path) for path in sorted(folder.glob("tests.*.json"))))


def _recorded(file: str) -> str:
    """The name of a test file's record: ``tests.codegen.tool.cli.test_help.json``."""
    return f"{file.removesuffix('.py').replace('/', '.')}.json"


def _record(path: Path) -> Record:
    data = json.loads(path.read_text(encoding="utf-8"))
    file = f"{path.stem.replace('.', '/')}.py"
    tests = tuple(TimedTest(file, name, seconds) for name, seconds in data["tests"])
    return Record(file, data["collect"], tests, data["lines"])
