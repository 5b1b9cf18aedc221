"""`python -m tests.mutants record | run | report`, see `tests.mutants`."""

import signal
from argparse import ArgumentParser
from pathlib import Path

from tests.mutants.copy import stop
from tests.mutants.reach import load, record
from tests.mutants.report import report
from tests.mutants.sites import FOLDERS, every_mutant, sample
from tests.mutants.trial import STAGES, left, results, run

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Read the command line."""
    parser = ArgumentParser(prog="python -m tests.mutants", description="How much the tests notice.")
    parser.add_argument("command", choices=("record", "run", "report", "count"))
    parser.add_argument("--out", type=Path, default=ROOT / ".mutants", help="folder of the record and of the results")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=float, default=600.0, help="record: seconds for one test file")
    parser.add_argument("--count", type=int, default=200, help="run: how many mutants")
    parser.add_argument("--seed", type=int, default=0, help="run: of the sample")
    parser.add_argument("--folder", action="append", help="run: derive and codegen by default, or folders in them")
    parser.add_argument(
        "--seconds", type=float, nargs="+", default=STAGES, help="run: of tests, one stage after another"
    )
    parser.add_argument("--again", action="store_true", help="run: those too that were not noticed before")
    parser.add_argument("--tests", action="append", help="record: tests/**/test_*.py by default")
    given = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop())
    out, folders = given.out.resolve(), tuple(given.folder or FOLDERS)
    if given.command == "record":
        record(ROOT, out / "reach", given.workers, given.limit, given.tests or ["tests/**/test_*.py"])
        return
    found = every_mutant(ROOT, folders)
    if given.command == "count":
        print(f"{len(found)} mutants in {', '.join(folders)}")
        return
    wanted = sample(found, given.count, given.seed)
    if given.command == "run":
        reach = load(out / "reach")
        if not reach.records:
            parser.error("nothing is recorded; try first: python -m tests.mutants record")
        todo = left(out / "results.jsonl", wanted, given.again)
        run(ROOT, out / "results.jsonl", reach, todo, given.workers, given.seconds)
    keys = {m.key for m in wanted}
    print(report([r for r in results(out / "results.jsonl") if r.key in keys]))


if __name__ == "__main__":
    main()
