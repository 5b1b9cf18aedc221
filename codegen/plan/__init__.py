"""The Plan: how a program is computed, as data. `print(plan)` explains it with operations and bytes.

Records name arrays and carry size expressions in SymPy; `codegen.emit` turns each into Python. Not expressible here:
data-dependent control flow.

equation      what it is done for       equation.py
records       what is done, in order    arrays.py, update.py, reduction.py, lookups.py, records.py
sums          Update                    how its sum is said                  sums.py
effects       records                   the arrays they read, write, hold    effects.py
description   record                    a line                               description.py
"""

from dataclasses import dataclass, field

from gradscribe.codegen.plan.arrays import Allocate, Release, Split, Window
from gradscribe.codegen.plan.description import deed, describe, work
from gradscribe.codegen.plan.effects import Effects, effects
from gradscribe.codegen.plan.equation import Equation, equations
from gradscribe.codegen.plan.lookups import Count, Gather, Known, Labels, ScatterAdd
from gradscribe.codegen.plan.records import (
    Block,
    Branch,
    Compiled,
    Loop,
    Present,
    Record,
    Wanted,
    When,
    nested,
    walk,
)
from gradscribe.codegen.plan.reduction import Contract, Reduce, Spread
from gradscribe.codegen.plan.sums import Sum, contracts, row, summation
from gradscribe.codegen.plan.update import Clip, Define, Positions, Scale, Slice, Update

__all__ = [
    "Allocate",
    "Block",
    "Branch",
    "Clip",
    "Compiled",
    "Contract",
    "Count",
    "Define",
    "Effects",
    "Equation",
    "Gather",
    "Known",
    "Labels",
    "Loop",
    "Plan",
    "Positions",
    "Present",
    "Record",
    "Reduce",
    "Release",
    "Scale",
    "ScatterAdd",
    "Slice",
    "Split",
    "Spread",
    "Sum",
    "Update",
    "Wanted",
    "When",
    "Window",
    "contracts",
    "deed",
    "describe",
    "effects",
    "equations",
    "nested",
    "row",
    "summation",
    "walk",
    "work",
]


@dataclass(frozen=True)
class Plan:
    """The records of one function, in order."""

    name: str
    records: tuple[Record, ...] = field(default=())

    def __str__(self) -> str:
        lines = [f"plan {self.name}"]
        for depth, record in walk(self.records):
            lines.append("  " * (depth + 1) + describe(record))
        return "\n".join(lines)
