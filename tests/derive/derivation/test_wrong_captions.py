"""Captions that are wrong are found, and those of random windows hold."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from sympy import Expr, Integer

from gradscribe import layer
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.forms.caption.operation import Caption, Product, Window
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from tests.cases.catalogue import derived
from tests.cases.together import together

Change = Callable[[Product], Product]


# ----- wrong captions -------------------------------------------------------------------------------------------------
def window(change: Callable[[Window], Window]) -> Change:
    """The same change of every window of the operand that moves."""

    def changed(p: Product) -> Product:
        def axis(a: Expr | Window) -> Expr | Window:
            return change(a) if isinstance(a, Window) else a

        operands = (
            replace(o, reads=tuple((e, replace(r, axes=tuple(map(axis, r.axes)))) for e, r in o.reads))
            for o in p.operands
        )
        return replace(p, operands=tuple(operands))

    return changed


WRONG: dict[str, Change] = {
    "a correlation": window(lambda w: replace(w, turned=False)),
    "another padding": window(lambda w: replace(w, before=w.before + 1, after=w.after - 1)),
    "no zeros between": window(lambda w: replace(w, spread=Integer(1))),
    "another dilation": window(lambda w: replace(w, dilation=w.dilation + 1)),
    "turned round": window(lambda w: replace(w, mirrored=True)),
    "another sign": lambda p: replace(p, scale=-p.scale),
    "another sum": lambda p: replace(p, operands=p.operands[:1]),
}


def broken(page: Derivation, change: Change) -> Derivation:
    """The first section of a page, with a wrong caption at its box."""
    first = page.sections[0]
    whole, *boxes = first.results
    assert whole.operation is not None
    wrong = replace(whole, caption=Caption(tuple(map(change, whole.operation.summands))))
    return replace(page, sections=(replace(first, results=(wrong, *boxes)),))


@together("name", WRONG)
def test_a_wrong_caption_is_found(name: str) -> None:
    page = derived("conv1d", stride="2", dilation="1", padding="1")
    assert certify(page, shapes=2).holds
    certificate = certify(broken(page, WRONG[name]), shapes=8)
    assert not certificate.holds
    assert certificate.caption_difference > 1e-3
    assert certificate.difference < 1e-10  # the rows are as they were
    assert certificate.worst == "conv1d: grad_x, caption" or certificate.worst.endswith(", caption")


def test_verify_fails_where_a_caption_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = layer("y[i] = sum(r) x[i + r] * w[r]")
    assert all(row.passed for row in verify_layer(plain, 2))

    def wrong(found: object, wrt: object = None, settings: object = None, order: int = 1, form: str = "") -> Derivation:
        return broken(derive(plain, order=order), WRONG["a correlation"])

    monkeypatch.setattr("gradscribe.codegen.tool.verify.derive", wrong)
    failed = [row for row in verify_layer(plain, 2) if not row.passed]
    assert "their definitions" in {row.against for row in failed}


# ----- random windows -------------------------------------------------------------------------------------------------
STEPS = ("", "-", "2*", "3*", "-2*", "s*")
TAPS = ("+", "-", "+2*", "-2*", "+3*", "-d*", "+d*")
OFFSETS = ("", "+1", "-1", "+2", "-2", "-p", "+p")
EXTENTS = {"n": "N", "i": "I", "j": "J", "r": "R", "t": "T", "c": "C", "k": "K", "g": "G"}
CHANNELS = {"": ("", "", ""), "dense": (",c", ",c,k", ",k"), "depth": (",c", ",c", ",c"),
            "groups": (",C*g+c", ",c,K*g+k", ",K*g+k")}  # fmt: skip


def windows_text(seed: int) -> str:
    """A layer whose windows run in any direction, at any step, over one or two axes, with or without channels."""
    rng = random.Random(seed)
    number, channels = rng.randint(1, 2), rng.choice([*CHANNELS])
    at, taps = ["i", "j"][:number], ["r", "t"][:number]
    batch = "n," if rng.random() < 0.4 else ""
    places = [rng.choice(STEPS) + i + rng.choice(TAPS) + r + rng.choice(OFFSETS) for i, r in zip(at, taps, strict=True)]
    kernel = [rng.choice([r, r, f"{EXTENTS[r]}-1-{r}"]) for r in taps]
    x, w, y = rng.choice([("x", "w", "y"), ("image", "mask", "out"), ("a", "f", "u")])
    moved, fixed, made = CHANNELS[channels]
    summed = ",".join([*taps, *(["c"] if channels in ("dense", "groups") else [])])
    sizes = {"": ("", ""), "dense": (",C", ",C,K"), "depth": (",C", ",C"), "groups": (",C*G", ",C,K*G")}[channels]
    lengths, extents = ",".join(["L", "M"][:number]), ",".join(EXTENTS[r] for r in taps)
    lines = [
        f"{y}[{batch}{','.join(at)}{made}] = {rng.choice(['', '-', '3*'])}sum({summed}) "
        f"{x}[{batch}{','.join(places)}{moved}] * {w}[{','.join(kernel)}{fixed}]",
        f"input {x}[{batch.upper()}{lengths}{sizes[0]}], {w}[{extents}{sizes[1]}]",
        *(f"{v} < {EXTENTS[v]}" for v in [*at, *taps, *(["c", "k", "g"] if channels == "groups" else [])]),
        *(f"{name} = {default}" for name, default in (("s", 1), ("d", 1), ("p", 0)) if name in "".join(places)),
    ]
    return "\n".join(lines)


@together("seed", [0, 2, 3, 8, 14, 25, 28, 30, 35, 48])
def test_captions_of_random_windows_hold(seed: int) -> None:
    """Every gradient of a window equation has a name, and the name is its value; strides, signs, groups and all."""
    page = derive(layer(windows_text(seed)))
    boxes = [r for s in page.sections for r in s.results]
    assert all(r.caption is not None and (r.name or r.form is not None) for r in boxes)
    certificate = certify(page, shapes=2, seed=seed)
    assert certificate.holds, certificate
    assert certificate.captions == len(boxes)


def test_paddings_are_reduced() -> None:
    """A kernel that is turned round is read at R-1-r; of d(R-1) + p - d(R-1) nothing is left but p."""
    text = """
        y[i,j] = sum(r,t) x[s*i + d*r + p, 1 - j - d*t] * w[R-1-r,t]
        input x[L,M], w[R,T]
        i < I
        j < J
        r < R
        t < T
        s = 1
        d = 1
        p = 0
    """
    page = derive(layer(text))
    (box,) = (r for s in page.sections for r in s.results if s.wrt == "w")
    assert "padded by −p and 2−M in front" in TextTypesetter(box.step.notation).words(box.name)
