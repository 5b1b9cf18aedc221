"""The pytest plugin of the runs: it records which lines each test reaches, or runs chosen tests in a chosen order."""

import json
import os
import time
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

RECORD = "MUTANTS_RECORD"
"""The environment variable with the file that is written."""
SECONDS = "MUTANTS_SECONDS"
"""The one with the seconds after which recording stops."""
SELECT = "MUTANTS_SELECT"
"""The one with the file that has the names of the tests to run, in order."""


def pytest_configure(config: pytest.Config) -> None:
    if RECORD in os.environ:
        config.pluginmanager.register(Recorder(Path.cwd(), Path(os.environ[RECORD]), float(os.environ[SECONDS])))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if SELECT in os.environ:
        wanted = json.loads(Path(os.environ[SELECT]).read_text(encoding="utf-8"))
        there = {item.nodeid: item for item in items}
        items[:] = [there[name] for name in wanted if name in there]


class Recorder:
    """Lines by test, and seconds; what importing and collecting reaches belongs to every test of the file."""

    def __init__(self, root: Path, out: Path, limit: float) -> None:
        import coverage

        self.root, self.out, self.limit, self.began = root, out, limit, time.perf_counter()
        self.collected = 0.0
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()
        folders = [str(root / folder) for folder in ("derive", "codegen")]
        self.coverage = coverage.Coverage(data_file=None, source=folders, config_file=False, messages=False)
        self.coverage.start()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.collected = time.perf_counter() - self.began

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: Any) -> Generator[None, object, object]:
        self.coverage.switch_context(item.nodeid)
        began = time.perf_counter()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.perf_counter() - began
            self.coverage.switch_context("")
            if time.perf_counter() - self.began > self.limit:
                item.session.shouldstop = "enough is recorded of this file"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a file may reach nothing
            self.coverage.stop()
            data = self.coverage.get_data()
        names = [name for name in self.seconds if name not in self.failed]
        numbers = {name: number for number, name in enumerate(names)}
        lines: dict[str, dict[int, list[int]]] = {}
        for file in data.measured_files():
            found = lines.setdefault(Path(file).relative_to(self.root).as_posix(), {})
            for line, contexts in data.contexts_by_lineno(file).items():
                # -1 for importing and collecting
                found[line] = sorted({numbers.get(c, -1) if c else -1 for c in contexts if not c or c in numbers})
        record = {
            "collect": self.collected,
            "tests": [[name, round(self.seconds[name], 3)] for name in names],
            "failed": sorted(self.failed),
            "lines": lines,
        }
        self.out.write_text(json.dumps(record), encoding="utf-8")
