"""The process of one side: reads requests as JSON lines, answers with times, errors and memory.

Libraries may print: the answers go to a copy of standard output, which itself then leads to standard error.
"""

import ctypes
import gc
import json
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.cases.equations import Equation
from benchmarks.cases.sizes_of_cases import Case
from benchmarks.rows import Layer, Row, arrays, row
from benchmarks.sides import SIDES, Prepared, Unsupported

SHORT = 0.02  # seconds; a shorter call finds its data in cache when a user repeats it, so it is repeated before timing
LONG = 2.0  # seconds; a call that takes longer is not repeated to warm up


@dataclass
class Worker:
    """One side with the row it is at."""

    module: ModuleType
    threads: int
    traced: bool
    layer: tuple[Layer | Case | Equation, str] | None = None
    given: Any = None
    row: Row | None = None
    prepared: Prepared | None = None
    seconds: float = 0.0

    def prepare(self, name: str, dtype: str, reduced: bool = False) -> dict[str, Any]:
        """Make a row ready; what its first call takes, which may compile, and its next one."""
        self.row = self._row(name, reduced)
        if self.layer != (self.row.layer, dtype):
            self.prepared = self.given = None
            self.layer, self.given = (self.row.layer, dtype), arrays(self.row.layer, dtype)
        self.prepared = self.module.prepare(self.row, self.given)
        first = self.seconds = _timed(self.prepared.call)[0]
        if first < LONG:
            self.seconds = _timed(self.prepared.call)[0]
        _settle()
        return {"first_ms": first * 1e3, "ms": self.seconds * 1e3}

    def time(self, seconds: float) -> dict[str, Any]:
        """Median wall and processor time of calls in a row, which take about so many seconds together."""
        assert self.prepared is not None
        call = self.prepared.call
        if self.seconds < SHORT:
            call()
        times = [_timed(call)]
        while len(times) < 20 and sum(wall for wall, _ in times) + times[-1][0] < seconds:
            times.append(_timed(call))
        _settle()
        wall, used = (median(column) * 1e3 for column in zip(*times, strict=True))
        return {"ms": wall, "cpu_ms": used, "calls": len(times)}

    def check(self, reference: str, relu: bool) -> dict[str, Any]:
        """The greatest difference from a stored result, relative to its largest element."""
        assert self.row is not None
        assert self.layer is not None
        layer, dtype = self.layer
        prepared = self.module.prepare(self.row, arrays(layer, dtype, relu))
        found = prepared.arrays(prepared.call())
        with np.load(reference) as stored:
            errors = [_error(found[name], stored[name]) for name in stored]
        _settle()
        return {"error": max(errors)}

    def memory(self) -> dict[str, Any]:
        """Peak MB of a call beyond its arguments: by NumPy without the results, and of the process with them.

        What a layer keeps from call to call, as recorded calls do, counts in the latter.
        """
        assert self.prepared is not None
        answer: dict[str, Any] = {}
        if self.traced:
            self.module.release()
            tracemalloc.start()
            result = self.prepared.call()
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            kept = sum(array.nbytes for array in self.prepared.arrays(result).values())
            answer["scratch"] = max(0, peak - kept) / 1e6
            del result
        self.module.release()
        raised = _resident(self.prepared.call)
        answer["rss"] = None if raised is None else raised + self.prepared.held() / 1e6
        _settle()
        return answer

    def rates(self, reduced: bool = False) -> dict[str, Any]:
        """GFLOP/s of matrix products of either type, GB/s read and written by a copy, with this process's threads."""
        found = {}
        side, length = (48, 1 << 10) if reduced else (1536, 1 << 24)
        for dtype in ("float32", "float64"):
            a = np.ones((side, side), dtype)
            out = np.empty_like(a)
            seconds = median(_timed(partial(np.matmul, a, a, out=out))[0] for _ in range(5))
            found[dtype] = 2 * side**3 / seconds / 1e9
        source = np.ones((self.threads, length), np.float32)
        target = np.empty_like(source)
        with ThreadPoolExecutor(self.threads) as pool:

            def copy() -> None:
                list(pool.map(np.copyto, target, source))

            copy()
            found["copy"] = 2 * source.nbytes / median(_timed(copy)[0] for _ in range(5)) / 1e9
        _settle()
        return found

    @staticmethod
    def _row(name: str, reduced: bool) -> Row:
        full = row(name)
        return full._replace(layer=full.layer.reduced()) if reduced else full


def _timed(call: Callable[[], Any]) -> tuple[float, float]:
    wall, used = time.perf_counter(), time.process_time()
    result = call()
    taken = time.perf_counter() - wall, time.process_time() - used
    del result
    return taken


def _settle() -> None:
    """Wait until this process's worker threads have stopped spinning: the next side is to have the cores."""
    end = time.perf_counter() + 0.2
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(0.001)
        if time.process_time() - before < 3e-4:
            return


def _error(found: Any, expected: Any) -> float:
    if found.shape != expected.shape:
        raise ValueError(f"expected a result of shape {expected.shape}, received {found.shape}")
    return float(np.abs(found - expected).max(initial=0.0) / max(float(np.abs(expected).max(initial=0.0)), 1e-300))


def _resident(call: Callable[[], Any]) -> float | None:
    """MB by which a call raises the process's resident memory at most; None where the system does not tell."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)  # what was freed goes back, so that the call must ask for it again
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak restarts at what is in use
        before = _status("VmRSS")
        call()
        return max(0.0, _status("VmHWM") - before) / 1e3
    except (AttributeError, OSError):
        return None


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return float(next(line for line in lines if line.startswith(key)).split()[1]) * 1.024


def serve(side: str, threads: int) -> None:
    """Answer until standard input ends; what goes wrong with a row is an answer too."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        chosen = SIDES[side]
        module = chosen.load()
        module.start(threads, **chosen.options)
        worker = Worker(module, threads, traced=chosen.module in ("ours", "textbook"))
        for line in sys.stdin:
            request = json.loads(line)
            action = getattr(worker, request.pop("do"))
            try:
                answer = action(**request)
            except Unsupported as reason:
                answer = {"unsupported": str(reason)}
            except Exception as error:  # the driver reports it, and the other rows go on
                answer = {"failed": f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"}
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
