"""`gradscribe doctor`: what there is on this machine to compute with, and what could be had."""

from gradscribe.codegen.target import doctor as examiner
from gradscribe.derive.ir.quote import visible

MARGIN = 14


def doctor() -> None:
    """Say what there is to compute with on this machine: BLAS, threads, a C compiler and what it has made."""
    from gradscribe.codegen.driver import shared

    for what, said in examiner()(shared()):
        first, *others = [visible(line) for line in said.split("\n")]
        print(f"{what:<{MARGIN}}{first}", *(f"{'':<{MARGIN}}{line}" for line in others), sep="\n")
