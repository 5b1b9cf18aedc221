"""codegen/numpy/plan/effects.py: what records say of arrays is what their statements do."""

from collections.abc import Iterator

import pytest

import gradscribe
from gradscribe import network
from gradscribe.codegen.kernel.kernel import first_order, kernels
from gradscribe.codegen.kernel.network_kernels import network_kernels
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.network.planning.network_plans import backward_plan, forward_plan
from gradscribe.codegen.numpy.plan import Plan, Record, Window, effects
from gradscribe.codegen.numpy.plan import walk as walk_records
from gradscribe.codegen.numpy.print.emit import Emitter
from gradscribe.codegen.python.expression import Call, Name, parts, reads
from gradscribe.codegen.python.statement import Assign, Body, Do, For, bound, used, walk
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.ir.term import Program
from tests.cases.catalogue import layer, planned
from tests.cases.thorough import some

MADE = "rt.empty", "np.zeros", "np.full", "rt.gather", "rt.known"
"""What makes an array."""


def checked(how: Plan, program: Program) -> Iterator[tuple[Record, Body, set[str]]]:
    """Every record with the statements that are made of it, and the arrays of its function."""
    arrays = set(program.tensors) | effects(*how.records).names
    emitter = Emitter(arrays | {s.name for s in program.symbols()}, buffers="buffers")
    whole = emitter.statements(how)
    assert whole
    for record in how.records:
        yield record, tuple(emitter.emit(record)), arrays


def written(body: Body) -> set[str]:
    """What statements bind or add to, in whole or in part."""
    found = set()
    for statement in walk(body):
        match statement:
            case Assign(target):
                found |= reads(target) if not bound(target) else bound(target)
            case For(target):
                found |= bound(target)
            case Do(Call(_, _, keywords)):
                found |= {value.text for key, value in keywords if key == "out" and isinstance(value, Name)}
    return found


def made(body: Body) -> set[str]:
    """The new arrays that statements bind."""
    found = set()
    for statement in walk(body):
        if isinstance(statement, Assign) and any(p.name in MADE for p in parts(statement.value) if isinstance(p, Call)):
            found |= bound(statement.target)
    return found


def agree(how: Plan, program: Program) -> None:
    described = {r.name: r.source for _, r in walk_records(how.records) if isinstance(r, Window) and r.described}
    for record, body, arrays in checked(how, program):
        said = effects(record)
        if isinstance(record, Window) and record.described:
            assert not body  # who sees the array through it speaks of the array
            continue
        spoken = set().union(*map(used, body)) | written(body)
        named, writes = ({described.get(name, name) for name in some} for some in (said.names, said.writes))
        assert named & arrays == spoken & arrays, record
        assert written(body) & arrays <= writes | {name for name, _ in said.holds}, record
        assert made(body) & arrays <= set(said.made), record


def records_speak_of_the_arrays_that_their_statements_use(name: str) -> None:
    """Of a layer of the catalogue, which `test_plan` goes through."""
    for one in first_order(layer(name)):
        agree(planned(one.name), one.program)


@pytest.mark.thorough
@pytest.mark.parametrize("name", some(["lenet5", "bottleneck"], 1))
def test_so_do_those_of_networks(name: str) -> None:
    k = network_kernels(NETWORKS[name]())
    agree(forward_plan(k).memory.plan, k.forward.program)
    agree(backward_plan(k).memory.plan, k.backward.program)


def test_an_operand_is_read_a_target_written_and_a_view_holds_its_source() -> None:
    layer = gradscribe.layer("y[n, k] = sum(g, c) x[n, C*g + c] * w[g, c, k]; z[n, k] = exp(y[n, k])", "views")
    said = effects(*plan(kernels(layer)[0]).records)
    assert {"x", "w", "y"} <= said.reads
    assert {"y", "z"} <= said.writes
    assert not {"x", "w"} & said.writes
    assert set(said.made) == {"y", "z"}
    assert set(said.views.values()) == {"x"}


def test_gathered_rows_count_as_memory() -> None:
    """t, w, the rows and their tanh are alive at once: L N + 40 + 4 L N + 4 L N."""
    k = network_kernels(network("input t[N, L]\nembedding(10, 4) -> tanh"))
    assert str(forward_plan(k).memory.peak) == "9*L*N + 40"
