"""What is added to all rows of a sum of products, such as a bias: contractions are given it, and store both at once."""

from collections.abc import Iterable
from dataclasses import replace

from gradscribe.codegen.numpy.plan import Contract, Equation, Present, Record, Split, Update, Window
from gradscribe.derive.ir.term import Access


def with_rows(records: Iterable[Record]) -> tuple[Record, ...]:
    """Records, those that add a row directly behind a contraction as a part of it; the equations stand together."""
    found: list[Record] = []
    sources: dict[str, str] = {}
    for record in records:
        if isinstance(record, Split | Window):
            sources[record.name] = record.source
        place = next((k for k in reversed(range(len(found))) if not isinstance(found[k], Equation)), 0)
        last = found[place] if found else None
        target, row = _row(record)
        if row and isinstance(last, Contract) and not last.row and last.scale == 1 and _of(last.out, sources) == target:
            behind, made = found[place + 1 :], replace(last, row=row)
            begin = max(k for k in range(place) if isinstance(found[k], Equation)) + 1
            found[begin:] = [*behind, *found[begin:place], made]
        else:
            found.append(record)
    return tuple(found)


def _of(name: str, sources: dict[str, str]) -> str:
    """The array that a view of it, or a window, is of."""
    while name in sources:
        name = sources[name]
    return name


def _row(record: Record) -> tuple[str, str]:
    """The array that a record adds a row to, and the row's; "" where it does something else."""
    match record:
        case Present(array, (Update(op="+=", body=Access()) as update,)) if update.body.tensor == array:
            pass
        case Update(op="+=", body=Access()) as update:
            pass
        case _:
            return "", ""
    (_, read), *_ = update.slices
    behind = update.target.vectors[len(update.target.vectors) - len(read.vectors) :]
    alone = update.whole and not update.summed and update.argument is None and read.vectors == behind
    plain = all(f.plain() is not None for f in read.positions) and len(behind) < len(update.target.vectors)
    return (update.target.array, read.array) if alone and plain else ("", "")
