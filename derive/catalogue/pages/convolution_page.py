"""Convolution from its definition: the commuted form, correlation, rotation there and back, and the shapes of results.

Every row is made from the row before by an exact rewrite, as rows of gradients are, so that the certificate evaluates
this page like any other.
"""

from collections.abc import Sequence
from dataclasses import replace

from sympy import Expr

from gradscribe.derive.calculus.collapse import discharge, solve
from gradscribe.derive.calculus.passes.rewrite import distribute, fold, reverse
from gradscribe.derive.catalogue.pages import PAGES
from gradscribe.derive.derivation.forms.caption.reading.row_reader import caption
from gradscribe.derive.derivation.forms.caption.words.glossary import glossary
from gradscribe.derive.derivation.forms.caption.words.signs import Convolved, Correlated, Rotated
from gradscribe.derive.derivation.forward.forward_equations import definitions, shapes
from gradscribe.derive.derivation.gradient.outcome import called
from gradscribe.derive.derivation.gradient.steps.reasons import left_over, put_in
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.section_record import Section, Step
from gradscribe.derive.derivation.record.sentence import AND, OR, Between, Equals, Words, joined
from gradscribe.derive.ir.index import floordiv, integers
from gradscribe.derive.ir.term import Access, Program, Range, Statement, Tensor, Term
from gradscribe.derive.ir.well_formed import check
from gradscribe.said import Message, say

H, W, R, T, P, Q = integers("H W R T H_out W_out")
i, j, m, n, r, t = integers("i j m n r t")
TAPS = Range(r, R), Range(t, T)
FULL = H + R - 1, W + T - 1
x, w = Tensor("x", (H, W)), Tensor("w", (R, T))
y, z = Tensor("y", FULL), Tensor("z", (P, Q))
turned = Tensor("w_hat", (R, T))
VALID = (
    Message("valid convolution"),
    Message("The part in which no access leaves {tensor} has the shape ({shape}):"),
)
SAME = Message("same convolution"), Message("The middle, as large as {tensor} has the shape ({shape}):")
BACKWARDS: Words = say("{indices} run backwards", indices=joined([r, t]))
NOTATION = Notation(order=("x", "w"), sizes=(H, W, R, T))


def convolution() -> Derivation:
    """The page: three definitions, and what follows from them."""
    every = program()
    sections = (
        _commuted(every),
        _as_correlation(every),
        _as_convolution(every),
        _twice(every),
        _part(every, "valid", (R - 1, T - 1), (P, Q), VALID),
        _part(every, "same", (floordiv(R - 1, 2), floordiv(T - 1, 2)), (H, W), SAME),
    )
    return Derivation(
        name="convolution",
        title=PAGES["convolution"].title,
        source="Dumoulin and Visin, A guide to convolution arithmetic, 2016; "
        "Goodfellow, Bengio and Courville, Deep Learning, 2016, section 9.1",
        setup=((*shapes(every), "."),),
        definitions=definitions(replace(every, statements=every.statements[:3])),
        sizes=every.sizes,
        notes=(
            (
                *say("An access outside {tensors} reads 0.", tensors=joined([Access("x"), Access("w")], OR)),
                " ",
                *say(
                    "{convolution} is the convolution, {correlation} the correlation, {rotated} the kernel rotated "
                    "by pi.",
                    convolution=Equals(Access("y"), Convolved(Access("x"), Access("w"))),
                    correlation=Equals(Access("z"), Correlated(Access("x"), Access("w"))),
                    rotated=Equals(Access("w_hat"), Rotated(Access("w"))),
                ),
            ),
        ),
        glossary=glossary(sections, every.statements[1:]),
        sections=sections,
        program=every,
        notation=NOTATION,
    )


def program() -> Program:
    """Convolution, correlation and the rotated kernel, by their definitions."""
    over = Range(m, H), Range(n, W)
    statements = (
        Statement(y, Term(_free(y.shape), over, x(m, n) * w(i - m, j - n))),
        Statement(z, Term(_free((P, Q)), TAPS, x(i + r, j + t) * w(r, t))),
        Statement(turned, Term(TAPS, (), w(R - 1 - r, T - 1 - t))),
    )
    return check(Program((x, w), statements, ("y", "z"), ((P, H - R + 1), (Q, W - T + 1))))


def _free(shape: Sequence[Expr]) -> tuple[Range, ...]:
    return tuple(Range(v, e) for v, e in zip((i, j), shape, strict=True))


def _definition(every: Program, name: str) -> Term:
    return every.definitions(name)[0].term


def _commuted(every: Program) -> Section:
    """Pairs of an element and a tap instead of the taps that elements leave."""
    definition = _definition(every, "y")
    pairs = replace(definition, bound=(*definition.bound, *TAPS), body=x(m, n) * w(r, t), deltas=(r - i + m, t - j + n))
    commuted = pairs
    for index, delta in zip((m, n), pairs.deltas, strict=True):
        commuted = solve(commuted, delta, index)
    commuted, _ = discharge(commuted, every)
    read = joined([Between(i - m, R), Between(j - n, T)], AND)
    return _section(
        every,
        say("the commuted form"),
        (
            say(
                "The substitution {equations} makes taps the indices of the sum:",
                equations=joined([Equals(r, i - m), Equals(t, j - n)]),
            ),
        ),
        y(i, j),
        (
            (say("definition of the convolution"), definition),
            (say("{kernel} is read where {ranges}", kernel=Access("w"), ranges=read), pairs),
            (left_over([{m: i - r, n: j - t}]), commuted),
        ),
    )


def _as_correlation(every: Program) -> Section:
    commuted = Term(_free(y.shape), TAPS, x(i - r, j - t) * w(r, t))
    back = reverse(commuted, r, t)
    return _section(
        every,
        say("convolution as correlation"),
        (
            say(
                "The sum over {indices} does not depend on the direction in which it is taken:",
                indices=joined([r, t]),
            ),
        ),
        y(i, j),
        (
            (say("the commuted form"), commuted),
            (BACKWARDS, back),
            (say("rotated kernel"), fold(back, every.definitions("w_hat")[0])),
        ),
    )


def _as_convolution(every: Program) -> Section:
    definition = _definition(every, "z")
    back = reverse(definition, r, t)
    return _section(
        every,
        say("correlation as convolution"),
        (say("The same the other way round:"),),
        z(i, j),
        (
            (say("definition of the correlation"), definition),
            (BACKWARDS, back),
            (say("rotated kernel"), fold(back, every.definitions("w_hat")[0])),
        ),
    )


def _twice(every: Program) -> Section:
    again = Statement(Tensor("v", (R, T)), Term(TAPS, (), turned(R - 1 - r, T - 1 - t)))
    (plain,) = distribute(again.term, "w_hat", (_definition(every, "w_hat"),), every)
    return _section(
        replace(every, statements=(*every.statements, again)),
        say("rotated twice"),
        (say("Let {equation}:", equation=Equals(Access("v"), Rotated(Access("w_hat")))),),
        Access("v", r, t),
        ((say("definition of the rotation"), again.term), (put_in("w_hat"), plain)),
    )


def _part(every: Program, word: str, offset: Sequence[Expr], shape: Sequence[Expr], said: tuple[str, str]) -> Section:
    """The elements of the whole convolution from an offset on."""
    part, (title, lead) = f"y_{word}", said
    cut = Statement(Tensor(part, tuple(shape)), Term(_free(shape), (), y(i + offset[0], j + offset[1])))
    commuted = Term(_free(y.shape), TAPS, x(i - r, j - t) * w(r, t))
    (plain,) = distribute(cut.term, "y", (commuted,), every)
    return _section(
        replace(every, statements=(*every.statements, cut)),
        say(title),
        (say(lead, tensor=Access("x"), shape=joined(shape)),),
        Access(part, i, j),
        ((say("from there on"), cut.term), (put_in("y"), plain)),
    )


def _section(
    every: Program,
    title: Words,
    setup: tuple[Words, ...],
    left: Access,
    rows: Sequence[tuple[Words, Term]],
) -> Section:
    """Rows with their reasons; the last one is boxed."""
    steps = tuple(Step("rewrite", reason, left, (term,), notation=NOTATION) for reason, term in rows)
    box = called(steps[-1], caption(steps[-1], every))
    return Section(title, setup, steps, (), (box,), every, raw=(rows[0][1],))
