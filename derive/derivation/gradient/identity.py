"""The identity behind "rotated by pi": a convolution is the correlation with the rotated kernel."""

from dataclasses import replace

from sympy import pi

from gradscribe.derive.calculus.passes.rewrite import fold, reverse
from gradscribe.derive.derivation.forward.forward_equations import definitions
from gradscribe.derive.derivation.gradient.recognise import mixed_signs
from gradscribe.derive.derivation.notation import Notation
from gradscribe.derive.derivation.record import Derivation, Result, Section, Step
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.term import Access, Program, Range, Statement, Tensor, Term
from gradscribe.derive.ir.well_formed import check


def rotation_identity() -> Derivation:
    """``sum x[i-r, j-t] w[r, t]`` as a correlation with ``w[R-1-r, T-1-t]``, rewritten step by step."""
    H, W, R, T, i, j, r, t = integers("H W R T i j r t")
    x, w = Tensor("x", (H, W)), Tensor("w", (R, T))
    y, rotated = Tensor("y", (H + R - 1, W + T - 1)), Tensor("w_hat", (R, T))
    free = (Range(i, y.shape[0]), Range(j, y.shape[1]))
    bound = (Range(r, R), Range(t, T))
    convolution = Term(free, bound, x(i - r, j - t) * w(r, t))
    turned = Statement(rotated, Term(bound, (), w(R - 1 - r, T - 1 - t)))
    program = check(Program((x, w), (turned, Statement(y, convolution)), ("y",)))
    notation = Notation(order=("x", "w"))
    first = Step("definition", ("definition of the convolution",), y(i, j), (convolution,), notation=notation)
    reversed_ = reverse(convolution, r, t)
    second = replace(first, rule="reverse", reason=(r, ", ", t, " run backwards"), terms=(reversed_,))
    folded = fold(reversed_, turned)
    assert set(mixed_signs(x(i - r, j - t), convolution)) == {-1}
    assert all(s > 0 for a in (folded.body.atoms(Access)) for s in mixed_signs(a, folded))
    third = replace(second, rule="fold", reason=("rotated kernel",), terms=(folded,))
    section = Section(
        title=("convolution as correlation",),
        setup=(("The sum over ", r, ", ", t, " does not depend on the direction in which it is taken:"),),
        steps=(first, second, third),
        caption=(),
        results=(
            Result(
                third,
                ("correlation of ", Access("x"), " with ", Access("w"), " rotated by ", pi),
            ),
        ),
        forward=program,
        raw=(convolution,),
    )
    return Derivation(
        name="rotation",
        title="a convolution is the correlation with the kernel rotated by pi",
        source="Dumoulin and Visin, A guide to convolution arithmetic, 2016",
        setup=((Access("x"), " is (", H, ", ", W, "), ", Access("w"), " is (", R, ", ", T, ")."),),
        definitions=definitions(replace(program, statements=(turned,))),
        sizes=(),
        notes=(("An access outside ", Access("x"), " reads 0."),),
        sections=(section,),
        program=program,
        notation=notation,
    )
