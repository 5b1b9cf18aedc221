"""Which steps of a call go on, row by row, with what the one before them makes: they are called together.

What is made of it element by element, or of windows side by side, is computed by whoever has computed a piece of a sum
of products, while that is in a cache.
"""

from collections import Counter, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from ..trace import Step
from .values import Region

MOST = 16
"""Steps of a group, as in templates/c/steps.h."""

ELEMENT, VECTOR = 8, 64
"""Bytes of an element, and of a vector, at most: functions of vectors and of numbers differ in the last bit."""

CHANGED, BY_ROWS = "wa*?", "warh"
"""Letters of `Uses`: of what is written, and of what each row has a part of."""


@dataclass(frozen=True)
class Member:
    """A step of a group.

    Attributes:
        step: the step.
        regions: what it uses, array by array; None where there is no array.
        piece: bytes: it makes what it writes in multiples of so many.
        after: the members that make what it reads, as bits.
        read: the number of the array that it reads.
    """

    step: Step
    regions: tuple[Region | None, ...]
    piece: int = 0
    after: int = 0
    read: int = 0

    @property
    def used(self) -> list[Region]:
        """What it uses."""
        return [r for r in self.regions if r is not None]


@dataclass
class Group:
    """Steps that are called together, the first of which makes what the others go on with."""

    members: list[Member] = field(default_factory=list)

    @property
    def used(self) -> list[Region]:
        """What they use."""
        return [r for member in self.members for r in member.used]


def groups(steps: Sequence[Step], used: Sequence[Sequence[Region | None]]) -> list[Group]:
    """Steps in an order that computes the same, those together that go on with each other.

    Args:
        steps: of a call.
        used: what each uses.
    """
    found: list[Group] = []
    waiting = deque(alone(steps, used))
    while waiting:
        group = waiting.popleft()
        while waiting and group.members[0].piece and len(group.members) < MOST:
            (new,) = waiting[0].members
            member = _following(group, new)
            if member is not None:
                group.members.append(member)
            elif _is_small(new.step) and not any(_disturbed(r, group.used) for r in new.used):
                found.append(waiting[0])  # it can be computed before
            else:
                break
            waiting.popleft()
        found.append(group)
    return found


def alone(steps: Sequence[Step], used: Sequence[Sequence[Region | None]]) -> list[Group]:
    """Each step by itself."""
    return [Group([Member(step, tuple(own), step.uses.piece)]) for step, own in zip(steps, used, strict=True)]


def early(found: Sequence[Group], results: Collection[int]) -> list[Group]:
    """Groups, those that make nothing but results as soon as there is what they read: it is needed no longer then.

    Args:
        found: in order.
        results: the numbers of values that are returned.
    """
    users = Counter(value for group in found for value in {r.value for r in group.used})
    ordered: list[Group] = []
    for group in found:
        place = len(ordered)
        if all(r.value in results or users[r.value] == 1 for r in group.used if r.use in CHANGED):
            while place and not any(_disturbed(r, ordered[place - 1].used) for r in group.used):
                place -= 1
        ordered.insert(place, group)
    return ordered


def _is_small(step: Step) -> bool:
    """Whether it copies a row, say."""
    return not step.uses.rows and not step.uses.piece and step.numbers[0] == 1


def _disturbed(used: Region, others: Sequence[Region]) -> list[Region]:
    """The others that have memory in common with one, where either is written."""
    return [r for r in others if (used.use in CHANGED or r.use in CHANGED) and used.meets(r)]


# ----- what goes on with what -----------------------------------------------------------------------------------------
def _following(group: Group, new: Member) -> Member | None:
    """The member that a step is in a group; None where it cannot go on row by row."""
    if any(r.use in CHANGED and not r.row for r in new.used):
        return None
    for k, region in enumerate(new.regions):
        if region is None or not region.row:
            continue
        after = _makers(group, region)
        pieces = [group.members[n].piece for n in after]
        whole = region.row if region.row > ELEMENT else VECTOR  # vectors begin where they did
        if not after or any(piece % whole for piece in pieces):
            continue
        if all(_in_step(group, after, region, used) for used in new.used):
            written = next((r.row for r in new.used if r.use in "wa"), 0)
            made = min(pieces) // region.row * written
            return replace(new, piece=made, after=sum(1 << n for n in after), read=k)
    return None


def _makers(group: Group, read: Region) -> list[int]:
    """The last members that write what is read, all of it and each a part of its own; [] where there are none."""
    found: list[Region] = []
    makers: list[int] = []
    for n in reversed(range(len(group.members))):
        for region in group.members[n].used:
            if region.use in "wa" and region.meets(read) and not any(region.meets(other) for other in found):
                found.append(region)
                makers.append(n)
    covered = sum(min(r.end, read.end) - max(r.start, read.start) for r in found)
    return makers if covered == read.end - read.start else []


def _in_step(group: Group, after: Sequence[int], read: Region, used: Region) -> bool:
    """Whether what a row uses has been left by all members once what it reads is made.

    They may use the same memory in the rows that make what is read.
    """
    met = _disturbed(used, group.used)
    if any(other.use not in BY_ROWS for other in met) or (met and not used.row):
        return False
    return not met or used is read or all(_goes_along(group.members[n], read, used) for n in after)


def _goes_along(maker: Member, read: Region, used: Region) -> bool:
    """Whether rows that make what is read use the same memory as the row that reads it, and no other of that."""
    made = [r for r in maker.used if r.use in "wa" and r.meets(read)]
    met = [r for r in maker.used if r.meets(used)]

    def alike(region: Region, m: Region) -> bool:
        if not region.row or not m.row:  # it tells what it has made, and uses nothing else so
            return region is m and (used.start, used.end, used.row) == (read.start, read.end, read.row)
        apart, behind = used.start - region.start, read.start - m.start
        return region.row * read.row == m.row * used.row and apart * m.row == behind * region.row

    return bool(made) and bool(met) and all(alike(region, m) for region in met for m in made)
