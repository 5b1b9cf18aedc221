"""What a function computes only where it is wanted: the records of a plan under conditions, and the results.

An optional array that is filled where it is absent is there in any case then: a variable of its own says what was.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from gradscribe.codegen.kernel.conditions.gradient_conditions import Condition, conditions, result_conditions
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.numpy.plan import Allocate, Equation, Plan, Present, Record, Recur, Stretches, Wanted
from gradscribe.codegen.numpy.print.fixed_names import FIXED
from gradscribe.codegen.python.definition import NONE
from gradscribe.codegen.python.expression import Choice, Comparison, Expression, Name, absent
from gradscribe.codegen.python.names import Names
from gradscribe.codegen.python.statement import Statement, let


def conditional(plan: Plan, kernel: Kernel) -> Plan:
    """The plan with what is not always wanted under its condition; neighbours under one are there together."""
    under, flags = conditions(kernel), presence(kernel)
    recurring = {
        a: _of_all([under[a] for a, _, _ in r.made]) for r in plan.records if isinstance(r, Recur) for a, _, _ in r.made
    }
    always = {a: Condition() for r in plan.records if isinstance(r, Stretches) for a in r.written}
    recurring |= always
    found: list[tuple[Condition, Record]] = []
    for record in plan.records:
        match record:
            case Equation(left=left):
                now = under[left.tensor]
            case Stretches():
                now = Condition()
            case Recur(made=((array, _, _), *_)) | Allocate(array) if array in recurring:
                now = recurring[array]  # its equations stand within it
            case _:
                now = found[-1][0] if found else Condition()
        found.append((now, record))
    records: list[Record] = []
    for flag, pairs in groupby(found, key=lambda pair: pair[0].flag):
        inner = _present(pairs, flags)
        records += [Wanted(flag, inner)] if flag else inner
    return replace(plan, records=tuple(records))


def _of_all(found: Sequence[Condition]) -> Condition:
    """The condition of what is computed together: always, unless all have the same."""
    return found[0] if len(set(found)) == 1 else Condition()


def _present(pairs: Iterable[tuple[Condition, Record]], flags: Mapping[str, str]) -> tuple[Record, ...]:
    """The records, those that need an optional array under the condition that it is there."""
    found: list[Record] = []
    for array, group in groupby(pairs, key=lambda pair: pair[0].array):
        body = tuple(record for _, record in group)
        if not array:
            found += body
        else:
            found.append(Wanted(flags[array], body) if array in flags else Present(array, body))
    return tuple(found)


def presence(kernel: Kernel) -> dict[str, str]:
    """By the name of an array that is filled where it is absent, the variable that says whether it was there."""
    asked = {c.array for c in result_conditions(kernel).values()}
    names = Names({*FIXED, *kernel.program.names(), *(o.name for o in kernel.options), kernel.flag})
    return {t.name: names.own(f"{t.name}_given") for t in kernel.filled if t.name in asked}


def presence_statements(kernel: Kernel) -> list[Statement]:
    """The statements that say so, before anything is filled."""
    return [let(flag, Comparison((Name(array), NONE), ("is not",))) for array, flag in presence(kernel).items()]


def where_wanted(value: Expression, condition: Condition, flags: Mapping[str, str]) -> Expression:
    """A result; None where it was not wanted."""
    if condition.array in flags:
        value = Choice(value, Name(flags[condition.array]), NONE)
    elif condition.array:
        value = Choice(NONE, absent(condition.array), value)
    return Choice(value, Name(condition.flag), NONE) if condition.flag else value
