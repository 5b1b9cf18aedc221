"""Texts of C that tests compile, and programs that are given as compilers."""

import shlex
from pathlib import Path

from gradscribe.generated.runtime.machine.native import compiler

ROOT = Path(__file__).parents[3]
C = ROOT / "templates/c"
TEAM = (C / "team.h").read_text(encoding="utf-8")
DOUBLED = (
    TEAM
    + """
void kernel(void *const *arrays, const long *numbers, struct team *team)
{
    const FLOAT *x = arrays[0];
    FLOAT *y = arrays[1];
    for (long i = 0; i < numbers[0]; i++)
        y[i] = FACTOR * x[i] + (arrays[2] ? *(const FLOAT *)arrays[2] : 0);
    (void)team;
}
"""
)
"""y = FACTOR x + b, b may be missing; FLOAT and FACTOR are left to say."""
SUMS = (
    TEAM
    + """
#include <string.h>

struct job {
    const double *x;
    double *sums;
    long length;
    struct team *team;
};

static void part(void *work, long number)
{
    struct job *job = work;
    size_t size = (size_t)job->length * sizeof(double);
    double *row = job->team->scratch(size), sum = 0;
    if (!row)
        return;
    memcpy(row, job->x + number * job->length, size);
    for (long i = 0; i < job->length; i++)
        sum += row[i];
    job->sums[number] = sum;
}

void kernel(void *const *arrays, const long *numbers, struct team *team)
{
    struct job job = {arrays[0], arrays[1], numbers[1], team};
    team->run(team, part, &job, numbers[0]);
}
"""
)
"""The sum of each row, a part for each, by way of memory of the thread that computes it."""


def program(path: Path, text: str) -> Path:
    """A script of a shell that can be run."""
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def counting(folder: Path) -> tuple[Path, Path]:
    """A compiler that notes in a file that it was run, and this file; see `runs`."""
    notes = folder / "runs"
    notes.touch()
    found = compiler.compiler()
    assert found is not None
    return program(folder / "counting", f'echo "$*" >> {notes}\nexec {shlex.join(found.command)} "$@"'), notes


def runs(notes: Path) -> list[str]:
    """The arguments of each run; zig also asks $CC where headers are."""
    return [line for line in notes.read_text(encoding="utf-8").splitlines() if "kernel.c" in line]
