"""What is computed where it was read: a value that nobody reads any more and the one that follows it are one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from .groups import Group, Member
from .values import Kind, Region, Value


def in_place(found: Sequence[Group], values: Sequence[Value]) -> None:
    """Let steps write where they read, element by element, what no other step reads any more.

    Args:
        found: the steps; what they use of a value that is one with another one is of that one then.
        values: all values.
    """
    lives = lives_of(found)
    for number, group in enumerate(found):
        for k, member in enumerate(group.members):
            for source, target in list(_pairs(member)):
                others = [r.value for n, m in enumerate(group.members) if n != k for r in m.used]
                makers = [r.value for n, m in enumerate(group.members) if member.after >> n & 1 for r in m.used]
                ends = lives[source.value][1] == number and others.count(source.value) == makers.count(source.value)
                begins = lives[target.value][0] == number and target.value not in [
                    r.value for m in group.members[:k] for r in m.used
                ]
                alone = sum(r.value in (source.value, target.value) for r in member.used) == 2
                if values[source.value].kind is Kind.SHARED and ends and begins and alone:
                    first, last = lives.pop(source.value)[0], lives[target.value][1]
                    lives[target.value] = first, last
                    for other in found[first : number + 1]:
                        other.members[:] = [_moved(m, source, target) for m in other.members]
                    break


def lives_of(found: Sequence[Group]) -> dict[int, tuple[int, int]]:
    """The first and the last group that use each value."""
    lives: dict[int, tuple[int, int]] = {}
    for number, group in enumerate(found):
        for region in group.used:
            lives[region.value] = lives.get(region.value, (number, number))[0], number
    return lives


def _pairs(member: Member) -> Iterator[tuple[Region, Region]]:
    """What a step reads just where it writes, and what it writes there."""
    written = [r for r in member.used if r.use == "w"]
    for source in member.used:
        for target in written:
            alike = source.row == target.row and source.end - source.start == target.end - target.start
            if source.use == "h" and alike and source.value != target.value:
                yield source, target


def _moved(member: Member, source: Region, target: Region) -> Member:
    """A member that uses the target's value instead of the source's."""
    by = target.start - source.start

    def moved(region: Region | None) -> Region | None:
        if region is None or region.value != source.value:
            return region
        at, start, end = (place + by for place in region[1:4])
        return region._replace(value=target.value, at=at, start=start, end=end)

    return replace(member, regions=tuple(map(moved, member.regions)))
