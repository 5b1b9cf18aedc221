"""Kernel -> what its gradients depend on: an argument says whether they are wanted, or an input is absent.

Only the function of all gradients has such; where there is none of two, nothing is computed for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gradscribe.codegen.kernel.kernel import Kernel, Purpose
from gradscribe.derive.calculus.programs.joint_program import results_by_tensor


@dataclass(frozen=True)
class Condition:
    """When something is computed; always, where nothing is said.

    Attributes:
        flag: the argument that has to be true; "" for none.
        array: the optional input that has to be there; "" for none.
    """

    flag: str = ""
    array: str = ""


def result_conditions(kernel: Kernel) -> dict[str, Condition]:
    """That of every result."""
    if kernel.purpose is not Purpose.BACKWARD:
        return dict.fromkeys(kernel.results, Condition())
    layer = kernel.layer
    return {
        result: Condition(
            flag="" if name in layer.weights else kernel.flag,
            array=name if layer.program.tensors[name].optional else "",
        )
        for name, result in zip(kernel.wrt, kernel.results, strict=True)
    }


def conditions(kernel: Kernel) -> dict[str, Condition]:
    """That of every tensor which is computed: what all results say that it is computed for."""
    own = result_conditions(kernel)
    return {
        name: Condition(_agreed(c.flag for c in found), _agreed(c.array for c in found))
        for name, results in results_by_tensor(kernel.program).items()
        for found in [[own[result] for result in results]]
    }


def _agreed(words: Iterable[str]) -> str:
    """The word, if all are one."""
    found = set(words)
    return found.pop() if len(found) == 1 else ""
