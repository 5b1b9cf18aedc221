"""Records -> records that let go of an array behind the last one that speaks of it, so that its memory serves again.

For functions that compute much before they return: there is an adjoint of every tensor between, and few at a time are
read. What is made under a condition is let go under it.
"""

from collections.abc import Collection, Iterable, Sequence, Set
from dataclasses import replace

from gradscribe.codegen.loops import Nest
from gradscribe.codegen.numpy.plan import (
    Block,
    Branch,
    Compiled,
    Loop,
    Present,
    Record,
    Recur,
    Release,
    Stretches,
    Wanted,
    When,
    Window,
    effects,
)


def released(records: Sequence[Record], kept: Collection[str]) -> tuple[Record, ...]:
    """The records with releases between them.

    Args:
        records: those of a function, or of a condition in it.
        kept: arrays that are read behind them.
    """
    done = [effects(record) for record in records]
    roots, made = _roots(records), _made(records)
    fixed = {roots.get(name, name) for name in kept}
    last = {roots.get(name, name): place for place, what in enumerate(done) for name in what.names}
    found: list[Record] = []
    for place, record in enumerate(records):
        if isinstance(record, Wanted | Present):
            others = set(kept).union(*(what.names for k, what in enumerate(done) if k != place))
            record = replace(record, body=released(record.body, others))
        if isinstance(record, Compiled) and place + 1 < len(records):
            record = _local_gone(record)
        gone = {name for name, end in last.items() if end == place and name in made and name not in fixed}
        names = tuple(name for name in made if roots.get(name, name) in gone)
        found += [record, *([Release(names)] if names and place + 1 < len(records) else [])]
    return tuple(found)


def released_blocks(records: Iterable[Record]) -> tuple[Record, ...]:
    """The records, in which a block lets go of what was made for it: else it would stay until the next one has its own.

    What stands under a condition is looked for there, too.
    """
    return tuple(map(_released_block, records))


def _released_block(record: Record) -> Record:
    match record:
        case Block(body=body):
            inner, own = released_blocks(body), {*effects(*body).made}
            roots = _roots(body)
            return replace(record, body=_with_release(inner, tuple(n for n in _made(body) if roots.get(n, n) in own)))
        case Compiled(then=then, otherwise=otherwise) | Branch(then=then, otherwise=otherwise):
            return replace(record, then=released_blocks(then), otherwise=released_blocks(otherwise))
        case When(body=body) | Wanted(body=body) | Present(body=body):
            return replace(record, body=released_blocks(body))
    return record


def _local_gone(ways: Compiled) -> Compiled:
    """Ways that let go of what one makes: arrays of the loops' own, which NumPy makes as a whole, and copies."""
    local = {name for nest in ways.then if isinstance(nest, Nest) for name in nest.local}
    roots, both = _roots(ways.then), _made(ways.otherwise)
    then = tuple(name for name in _made(ways.then) if roots.get(name, name) not in both)
    otherwise = tuple(name for name in both if name in local)
    return replace(ways, then=_with_release(ways.then, then), otherwise=_with_release(ways.otherwise, otherwise))


def _with_release(records: tuple[Record, ...], names: tuple[str, ...]) -> tuple[Record, ...]:
    return (*records, Release(names)) if names else records


def _roots(records: Sequence[Record]) -> dict[str, str]:
    """View -> the array whose memory it holds in the end."""
    found: dict[str, str] = {}
    for view, source in effects(*records).views.items():
        found[view] = found.get(source, source)
    return found


def _made(records: Sequence[Record]) -> dict[str, None]:
    """The arrays and views that there are behind the records in any case, in order."""
    found: dict[str, None] = {}
    for record in records:
        match record:
            case Compiled(then=then, otherwise=otherwise) | Branch(then=then, otherwise=otherwise):
                both: Set[str] = _made(then).keys() & _made(otherwise).keys()
                found |= {name: None for name in _made(then) if name in both}
            case Loop() | Recur() | Stretches() | When() | Block() | Present() | Wanted() | Window(described=True):
                pass
            case _:
                found |= dict.fromkeys(name for name, _ in effects(record).holds)
    return found
