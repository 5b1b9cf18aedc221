"""Sizes with fewer summands are the same numbers; guards that always hold are not printed."""

from random import Random

from sympy import Expr, Integer

from gradscribe.derive.calculus.reduced_sizes import named, reduced, same_size
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.ir.index import floordiv, integers, minimum, mod, natural
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from tests.cases.catalogue import derived
from tests.cases.together import together

H, R, s, p, d = integers("H R s p d")
TEXT = TextTypesetter(Notation(sizes=(H, R)))


@together(
    ("size", "expected"),
    [
        (floordiv(H - 2, 2) + 1, "⌊H/2⌋"),
        (floordiv(H - R, R) + 1, "⌊H/R⌋"),
        (floordiv(H - 1, 2) + 1, "⌊(H+1)/2⌋"),
        (floordiv(2 * H - 2, 2) + 1, "H"),
        (floordiv(H + 2 * p - d * (R - 1) - 1, s) + 1, "⌊(H+2p−d(R−1)−1)/s⌋+1"),
        (minimum(floordiv(H - 2, 2) + 1, H), "min(⌊H/2⌋, H)"),
        (H + 1 - R, "H−R+1"),
        (d * (R - 1) + s * (H - 1) + 1 - 2 * p, "d(R−1)+s(H−1)−2p+1"),
        (1 - R, "1−R"),
    ],
)
def test_sizes_as_they_are_read(size: Expr, expected: str) -> None:
    assert TEXT.expr(reduced(size)) == expected


def test_a_size_has_its_name_however_it_is_written() -> None:
    sizes = ((s, floordiv(H + 1, 2)), (p, H - R + 1))
    assert named(floordiv(H - 1, 2) + 1, sizes) == s
    assert named(1 - R + H, sizes) == p
    assert named(floordiv(H - 2, 2) + 1, sizes) == floordiv(H, 2)


def test_a_reduced_size_is_the_same_number() -> None:
    random = Random(3)
    for _ in range(300):
        step = random.choice([s, R, Integer(2), Integer(3)])
        parts = [c * x for c, x in ((random.randint(-3, 3), x) for x in (H, p, step, Integer(1)))]
        size = floordiv(sum(parts, Integer(0)), step) + random.randint(-2, 2) * random.choice([H, Integer(1)])
        numbers = {x: Integer(random.randint(1, 12)) for x in (H, R, s, p, d)}
        assert reduced(size).xreplace(numbers) == size.xreplace(numbers)


def test_what_is_natural_is_never_negative() -> None:
    for size in (floordiv(H, R), mod(H - R, s), floordiv(H + 2, 3) * p, minimum(H, R)):
        assert natural(size)
    for size in (H - R, floordiv(H - R, s), -H, minimum(H, p - 1)):
        assert not natural(size)


@together(
    ("settings", "over"),
    [
        ({"padding": "0"}, []),
        ({"padding": "0", "dilation": "1", "stride": "2"}, []),
        ({"padding": "0", "stride": "kernel_size", "dilation": "1"}, []),
        ({"stride": "1"}, ["0≤i+dr−p<H", "0≤j+dt−p<W"]),
    ],
)
def test_what_always_holds_restricts_no_maximum(settings: dict[str, str], over: list[str]) -> None:
    (definition,) = derived("max_pool2d", **settings).definitions
    assert list(TEXT.within(definition.terms[0]).conditions(definition.terms[0])) == over


@together(
    ("a", "b", "equal"),
    [
        (floordiv(H - 1, 2) + 1, floordiv(H + 1, 2), True),
        (floordiv(H + 2, 2), floordiv(H, 2) + 1, True),
        (floordiv(2 * H + 1, 2), H, True),
        (floordiv(H + 4 * R, 4), R + floordiv(H, 4), True),
        (floordiv(floordiv(H - 1, 2), 2) + 1, floordiv(floordiv(H + 1, 2) + 1, 2), True),
        (floordiv(H, 2), floordiv(H + 1, 2), False),
        (floordiv(H, 2), floordiv(R, 2), False),
        (floordiv(2 * H + 1, 4), floordiv(H, 2), False),  # though they are equal
    ],
)
def test_sizes_that_are_seen_to_be_the_same(a: Expr, b: Expr, equal: bool) -> None:
    assert same_size(a, b) == equal
