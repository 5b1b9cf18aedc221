"""The mutation run itself: faults are put where they belong, noticed where tests notice them, and taken out again."""

import ast
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cases.together import together
from tests.mutants.copy import TIMEOUT, pytest_in
from tests.mutants.reach import Reach, Record, TimedTest, load, record
from tests.mutants.report import report
from tests.mutants.sites import Mutant, every_mutant, mutants, sample
from tests.mutants.trial import Result, left, results, run, tried

ROOT = Path(__file__).parents[2]


def news(source: str) -> set[str]:
    """What becomes of a line of code, without the brackets around what was put in."""
    found = {m.source(source.encode()).decode().strip() for m in mutants("a.py", source.encode())}
    assert all(ast.parse(text) for text in found)
    return {ast.unparse(ast.parse(text)) for text in found}


@together(
    ("source", "expected"),
    [
        ("y = a < b", {"y = a <= b"}),
        ("y = a == b", {"y = a != b"}),
        ("y = a < b <= c", {"y = a <= b <= c", "y = a < b < c"}),
        ("y = a in b", {"y = a not in b"}),
        ("y = a is not b", {"y = a is b"}),
        ("y = f(a + b * c)", {"y = f(a - b * c)", "y = f(a + (b + c))"}),
        ("y = -a", {"y = a"}),
        ("y = 3", {"y = 4"}),
        ("y = -1", {"y = -2"}),
        ("y = True", {"y = False"}),
        ("y = a and not b", {"y = a or not b", "y = a and b"}),
        ("y = a if b else c", {"y = a", "y = c"}),
        ("if a:\n    b = c", {"if True:\n    b = c", "if False:\n    b = c"}),
        ("y = [a for a in b if c]", {"y = [a for a in b if True]", "y = [a for a in b if False]"}),
        ("f(a)", {"pass"}),
        ("y[a] = b", {"pass"}),
        ("y += a", {"y -= a", "pass"}),
        ("raise E", {"pass"}),
        ("def f():\n    return a", {"def f():\n    return None"}),
        ("é = (a <\n     b)", {"é = a <= b"}),
    ],
)
def test_the_faults(source: str, expected: set[str]) -> None:
    assert news(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "y = 'text'",
        "def f(a: 'int | 3' = b) -> Literal[3]:\n    '''Text.'''\n    g = a",
        "@f(3)\nclass A:\n    a: Literal[3]",
        "if TYPE_CHECKING:\n    f()",
        "y = isinstance(a, B | C)",
        "Alias = A | B",
        "y = f'{a + b}'",
        "def f():\n    return None",
    ],
)
def test_what_is_no_fault(source: str) -> None:
    assert news(source) <= {ast.unparse(ast.parse(source.replace("if TYPE_CHECKING", f"if {value}")))
                            for value in (True, False)} - {ast.unparse(ast.parse(source))}  # fmt: skip


@pytest.mark.thorough
def test_every_mutant_of_the_sources_is_python_and_has_a_name_of_its_own() -> None:
    found = every_mutant(ROOT, ("derive/language", "codegen/tool/check"))
    assert len(found) > 1_000
    assert len({m.key for m in found}) > 0.99 * len(found)  # an `if` may be there twice in one place
    for mutant in sample(found, 60, 0):
        original = (ROOT / mutant.path).read_bytes()
        text = mutant.source(original)
        assert text != original
        compile(text, mutant.path, "exec", dont_inherit=True)
        assert mutant.statement <= mutant.line


def test_a_sample_is_the_same_for_a_seed_and_begins_with_the_smaller_one() -> None:
    found = every_mutant(ROOT, ("derive/typeset",))
    assert sample(found, 20, 3) == sample(found, 20, 3)
    assert sample(found, 10, 3) == sample(found, 20, 3)[:10]
    assert sample(found, 20, 3) != sample(found, 20, 4)


def a_test(file: str, name: str, seconds: float) -> TimedTest:
    return TimedTest(f"tests/test_{file}.py", f"tests/test_{file}.py::{name}", seconds)


def names(tests: Sequence[TimedTest]) -> list[str]:
    return [t.name.removeprefix("tests/test_") for t in tests]


def test_quick_tests_that_reach_the_line_come_first() -> None:
    slow = (a_test("slow", "one", 1.0), a_test("slow", "two", 0.1))
    own = (a_test("sizes", "reached", 0.5), a_test("sizes", "elsewhere", 0.1))
    reach = Reach(
        (
            Record("tests/test_slow.py", 22.5, slow, {"derive/sizes.py": {"7": [-1]}}),
            Record("tests/test_sizes.py", 4.0, own, {"derive/sizes.py": {"7": [0], "8": [0, 1]}}),
            Record("tests/test_quick.py", 2.5, (a_test("quick", "one", 0.2),), {"derive/sizes.py": {"7": [0]}}),
            Record("tests/test_other.py", 2.5, (a_test("other", "one", 0.2),), {"derive/ir/index.py": {"7": [0]}}),
        )
    )
    mutant = Mutant("derive/sizes.py", 7, 7, "constant", (0, 1), "1", "2")
    everything = ["sizes.py::reached", "quick.py::one", "slow.py::two", "slow.py::one"]
    assert names(reach.chosen(mutant, 100.0)) == [*everything, "sizes.py::elsewhere"]  # it may use what another made
    assert names(reach.chosen(mutant, 4.0)) == everything[:2]
    second = Mutant("derive/sizes.py", 9, 8, "constant", (0, 1), "1", "2")  # within a statement that begins before
    assert names(reach.chosen(second, 100.0)) == ["sizes.py::elsewhere", "sizes.py::reached"]
    nowhere = Mutant("derive/sizes.py", 99, 99, "constant", (0, 1), "1", "2")
    assert len(reach.chosen(nowhere, 100.0)) == 5  # whatever loads the file
    assert reach.chosen(Mutant("derive/none.py", 1, 1, "constant", (0, 1), "1", "2"), 100.0) == []


SOURCE = """
def larger(a, b):
    return a > b


def unused():
    return 1


def unseen(a):
    return a + 1
"""
TESTS = """
from derive.small import larger, unseen


def test_larger():
    assert larger(2, 1)
    assert not larger(1, 1)


def test_unseen():
    unseen(1)


def test_failing():
    assert False
"""


@pytest.fixture
def small_checkout(tmp_path: Path) -> Path:
    (tmp_path / "derive").mkdir()
    (tmp_path / "derive" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "derive" / "small.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_small.py").write_text(TESTS, encoding="utf-8")
    (tmp_path / "tests" / "test_slow.py").write_text("import time\n\ndef test_slow(): time.sleep(99)", encoding="utf-8")
    shutil.copytree(ROOT / "tests" / "mutants", tmp_path / "tests" / "mutants")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\nmarkers = oracle", "utf-8")
    return tmp_path


@pytest.mark.thorough
def test_a_run_of_a_small_checkout(small_checkout: Path) -> None:
    pytest.importorskip("coverage")
    subprocess.run(["git", "init", "-q"], cwd=small_checkout, check=True)
    reached = small_checkout / "out" / "reach"
    record(small_checkout, reached, 1, 60.0, ["tests/test_sm*.py"])
    reach = load(reached)
    (small,) = reach.records
    assert {t.name.partition("::")[2] for t in small.tests} == {"test_larger", "test_unseen"}  # and the failing one
    found = [m for m in every_mutant(small_checkout, ("derive",)) if m.old in ("a > b", "a + 1")]
    out = small_checkout / "out" / "results.jsonl"
    run(small_checkout, out, reach, found[:1], 1)
    assert left(out, found, again=False) == found[1:]
    run(small_checkout, out, reach, left(out, found, again=False), 1)
    outcomes = {(r.old, r.new): (r.outcome, r.by) for r in results(out)}
    assert len(results(out)) == len(found) == len(outcomes) == 2
    assert outcomes["a > b", "(a >= b)"] == ("killed", "tests/test_small.py::test_larger")
    assert outcomes["a + 1", "(a - 1)"] == ("survived", "")
    alive = [m for m in found if outcomes[m.old, m.new][0] == "survived"]
    assert alive
    assert left(out, found, again=True) == alive
    assert (small_checkout / "derive" / "small.py").read_text(encoding="utf-8") == SOURCE
    text = report(results(out))
    assert text.startswith(f"{sum(o == 'killed' for o, _ in outcomes.values())} of {len(found)} mutants killed")
    assert "- derive/small.py:11, survived: `a + 1` -> `(a - 1)`" in text


@pytest.mark.thorough
def test_a_mutant_is_taken_out_again(small_checkout: Path) -> None:
    (mutant,) = [m for m in every_mutant(small_checkout, ("derive",)) if m.operator == "comparison"]
    test = a_test("small", "test_larger", 0.1)
    reach = Reach((Record(test.file, 2.0, (test,), {"derive/small.py": {"3": [0]}}),))
    result = tried(small_checkout, reach, mutant)
    assert (result.outcome, result.tests) == ("killed", 1)
    assert (small_checkout / "derive" / "small.py").read_text(encoding="utf-8") == SOURCE
    assert not list((small_checkout / "derive").rglob("small*.pyc"))


@pytest.mark.thorough
def test_a_test_that_takes_too_long_is_ended(small_checkout: Path) -> None:
    assert pytest_in(small_checkout, ["tests/test_slow.py"], 3.0)[0] == TIMEOUT


def test_a_report_of_nothing_says_what_to_do() -> None:
    assert "python -m tests.mutants run" in report([])
    one = Result("k", "derive/a/b.py", 3, "constant", "1", "2", "timeout", "", 4, 1.0)
    assert report([one]).startswith("1 of 1 mutants killed: 100.0%")
