"""The Plan: how a program is computed, as data. `print(plan)` explains it with operations and bytes.

Records name arrays and carry size expressions in SymPy; `codegen.numpy.print` turns each into Python, and says there
how a sum is written. Not expressible here: data-dependent control flow.

equation      what it is done for       equation.py
records       what is done, in order    arrays.py, slice_update.py, reduction.py, lookups.py, records.py
effects       records                   the arrays they read, write, hold    effects.py
description   record                    a line                               description.py
"""

from dataclasses import dataclass, field

from gradscribe.codegen.kernel.page.equation import Equation, equations
from gradscribe.codegen.numpy.plan.arrays import Allocate, Release, Split, Window
from gradscribe.codegen.numpy.plan.description import deed, describe, work
from gradscribe.codegen.numpy.plan.effects import Effects, effects
from gradscribe.codegen.numpy.plan.lookups import (
    ContractByLabel,
    Count,
    Gather,
    Known,
    LabelExtrema,
    Labels,
    ScatterAdd,
)
from gradscribe.codegen.numpy.plan.records import (
    Apply,
    Block,
    Branch,
    Compiled,
    Invoke,
    Loop,
    Present,
    Record,
    Recur,
    Stretches,
    Wanted,
    When,
    nested,
    walk,
)
from gradscribe.codegen.numpy.plan.reduction import Accumulate, Contract, PartSums, Reduce, Spread
from gradscribe.codegen.numpy.plan.slice_update import Clip, Define, Positions, Scale, Slice, Update
from gradscribe.codegen.numpy.print.sums import Sum, contracts, row, summation
from gradscribe.printed import Printed

__all__ = [
    "Accumulate",
    "Allocate",
    "Apply",
    "Block",
    "Branch",
    "Clip",
    "Compiled",
    "Contract",
    "ContractByLabel",
    "Count",
    "Define",
    "Effects",
    "Equation",
    "Gather",
    "Invoke",
    "Known",
    "LabelExtrema",
    "Labels",
    "Loop",
    "PartSums",
    "Plan",
    "Positions",
    "Present",
    "Record",
    "Recur",
    "Reduce",
    "Release",
    "Scale",
    "ScatterAdd",
    "Slice",
    "Split",
    "Spread",
    "Stretches",
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


@dataclass(frozen=True, repr=False)
class Plan(Printed):
    """The records of one function, in order."""

    name: str
    records: tuple[Record, ...] = field(default=())

    def __str__(self) -> str:
        lines = [f"plan {self.name}"]
        for depth, record in walk(self.records):
            lines.append("  " * (depth + 1) + describe(record))
        return "\n".join(lines)
