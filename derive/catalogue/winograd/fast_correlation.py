"""The derivation of F(m, r): interpolation, one identity, the fast correlation, and its gradients.

The identity says that the sum over a of A[a,i] G[a,s] B[k,a] is 1 where k = i + s and 0 elsewhere. It takes the place
of that bracket in a correlation; the gradients are derived like those of any layer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, ImmutableMatrix, Integer, Mul, Rational, Symbol

from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.catalogue.winograd.cook_toom import CookToom, lagrange, powers, z
from gradscribe.derive.derivation.forms.caption.reading.row_reader import caption
from gradscribe.derive.derivation.forms.caption.words.glossary import glossary
from gradscribe.derive.derivation.forms.caption.words.signs import Elementwise, Matrices, Transposed
from gradscribe.derive.derivation.forward.forward_equations import shapes
from gradscribe.derive.derivation.gradient.outcome import called
from gradscribe.derive.derivation.gradient.section import gradient_sections
from gradscribe.derive.derivation.letters.element import axis_letters, with_element_letters
from gradscribe.derive.derivation.letters.notation import Notation, gradient_notation
from gradscribe.derive.derivation.letters.written import in_letters
from gradscribe.derive.derivation.record.page_record import Definition, Derivation
from gradscribe.derive.derivation.record.section_record import Formula, Grid, Premise, Result, Section, Step
from gradscribe.derive.derivation.record.sentence import AND, Equals, Inverse, Words, joined
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.term import Access, EquationError, Program, Range, Statement, Tensor, Term
from gradscribe.derive.ir.well_formed import check
from gradscribe.said import Message, say, say_number

SOURCE = (
    "Toom, The complexity of a scheme of functional elements realizing the multiplication of integers, 1963; Cook, On "
    "the minimum computation time of functions, 1966; Winograd, Arithmetic complexity of computations, 1980; Lavin and "
    "Gray, Fast algorithms for convolutional neural networks, 2016, section 4"
)
ORDER = ("y", "A", "G", "g", "B", "d", "u", "v")
"""The tensors in reading order."""

A, G, B, g, d, u, v, y = (Access(name) for name in ("A", "G", "B", "g", "d", "u", "v", "y"))


@dataclass(frozen=True)
class Axes:
    """The ranges along the axes: outputs i and j, taps s and t, points a and b, data k and l."""

    output: tuple[Range, ...]
    tap: tuple[Range, ...]
    point: tuple[Range, ...]
    data: tuple[Range, ...]

    def each(self) -> Iterator[tuple[Symbol, Symbol, Symbol, Symbol]]:
        """The four indices of every axis."""
        for ranges in zip(self.output, self.tap, self.point, self.data, strict=True):
            i, s, a, k = (r.index for r in ranges)
            yield i, s, a, k


def axes(f: CookToom, dims: int) -> Axes:
    """The ranges of F(m, r) nested along `dims` axes, 1 or 2."""
    named = (("i j", f.m), ("s t", f.r), ("a b", f.n), ("k l", f.n))
    return Axes(*(tuple(Range(index, Integer(e)) for index in integers(names)[:dims]) for names, e in named))


def derive_winograd(f: CookToom, dims: int = 2) -> Derivation:
    """The derivation of F(m, r), nested along `dims` axes.

    Raises:
        EquationError: when dims is neither 1 nor 2.
    """
    if dims not in (1, 2):
        raise EquationError(f"{f.name}: expected 1 axis or 2 to nest it along, received {dims}")
    ax = axes(f, dims)
    program = transform_program(ax)
    gradient = differentiate(program, ["g", "d"])
    notation = gradient_notation(gradient)
    seed = Access(gradient.seeds["y"].name)
    letters = axis_letters(program)
    derived = [
        _in_matrices(with_element_letters(s, letters), seed, dims) for s in gradient_sections(gradient, notation, ())
    ]
    arrives = say("With {signal} the gradient of {output} that arrives from above.", signal=seed, output=y)
    derived[0] = replace(derived[0], setup=(arrives, *derived[0].setup))
    exact = [_exact(s, ax, seed.tensor) for s in derived if s.wrt in ("g", "d")]
    numbers = (("A", f.output.T), ("G", f.kernel), ("B", f.data.T))
    correlation = Definition(_element("y", ax.output), (_correlation(ax),))
    sections = (_algorithm(ax, program), *derived, *exact)
    page = Derivation(
        name=nested_name(f, dims),
        title=Message("a correlation in few multiplications, by interpolation"),
        source=SOURCE,
        setup=((*shapes(replace(program, inputs=_plain_inputs(program))), "."), *_counts(f, dims)),
        definitions=(correlation,),
        sizes=(),
        notes=(),
        sections=tuple(replace(s, numbers=numbers) for s in sections),
        program=program,
        notation=Notation(order=ORDER),
        premises=tuple(_premises(f, program)),
        glossary=glossary(sections, program.statements),
    )
    return in_letters(page)


def nested_name(f: CookToom, dims: int) -> str:
    """``F(4, 3)``, or ``F(4×4, 3×3)`` along two axes."""
    return f"F({'×'.join([str(f.m)] * dims)}, {'×'.join([str(f.r)] * dims)})"


def transform_program(ax: Axes) -> Program:
    """The algorithm along all axes: u and v are the transforms of g and d, y the outputs."""
    m, r, n = (ranges[0].extent for ranges in (ax.output, ax.tap, ax.point))
    dims = len(ax.output)
    extents = {"A": (n, m), "G": (n, r), "B": (n, n)}
    extents |= {"g": (r,) * dims, "d": (n,) * dims, "u": (n,) * dims, "v": (n,) * dims, "y": (m,) * dims}
    tensors = {name: Tensor(name, shape) for name, shape in extents.items()}
    kernel = Mul(*(Access("G", a, s) for _, s, a, _ in ax.each()), _element("g", ax.tap))
    data = Mul(*(Access("B", k, a) for _, _, a, k in ax.each()), _element("d", ax.data))
    statements = (
        Statement(tensors["u"], Term(ax.point, ax.tap, kernel)),
        Statement(tensors["v"], Term(ax.point, ax.data, data)),
        Statement(tensors["y"], Term(ax.output, ax.point, _products(ax))),
    )
    return check(Program(tuple(tensors[name] for name in "GgBdA"), statements, ("y",)))


def _plain_inputs(program: Program) -> tuple[Tensor, ...]:
    return tuple(t for t in program.inputs if t.name in ("g", "d"))


def _element(name: str, ranges: Sequence[Range]) -> Access:
    return Access(name, *(r.index for r in ranges))


def _products(ax: Axes) -> Expr:
    """The products at the points, brought to the outputs by A."""
    outputs = (Access("A", a, i) for i, _, a, _ in ax.each())
    return Mul(*outputs, _element("u", ax.point), _element("v", ax.point))


def _identity(ax: Axes) -> Expr:
    """What takes the place of the bracket when it is summed over the points."""
    return Mul(*(Access("A", a, i) * Access("G", a, s) * Access("B", k, a) for i, s, a, k in ax.each()))


def _bracket(ax: Axes) -> Expr:
    return Mul(*(equal(k, i + s) for i, s, _, k in ax.each()))


def _correlation(ax: Axes) -> Term:
    read = Access("d", *(i + s for i, s, _, _ in ax.each()))
    return Term(ax.output, ax.tap, _element("g", ax.tap) * read)


# ----- what is said before the rows -----------------------------------------------------------------------------------
def _counts(f: CookToom, dims: int) -> Iterator[Words]:
    few, plain, outputs = f.n**dims, (f.m * f.r) ** dims, f.m**dims
    yield say_number(
        outputs,
        "A tile of {outputs} output takes {plain} multiplications by this equation and {few} by the algorithm derived "
        "here: {each} for an output instead of {taps}.",
        "A tile of {outputs} outputs takes {plain} multiplications by this equation and {few} by the algorithm derived "
        "here: {each} for an output instead of {taps}.",
        outputs=str(outputs),
        plain=str(plain),
        few=str(few),
        each=_decimal(few, outputs),
        taps=str(f.r**dims),
    )


def _decimal(upper: int, lower: int) -> str:
    return f"{upper / lower:.3g}"


def _premises(f: CookToom, program: Program) -> Iterator[Premise]:
    """Points, Lagrange polynomials, the identity that follows from them, and its matrices."""
    i, s, a, k = next(axes(f, 1).each())
    n = Integer(f.n)
    degree = f"{f.m} + {f.r} − 1 = {f.n}"
    yield say_number(
        f.n,
        "Interpolation. The product of {first} and {second} has a degree below {degree}. Such a polynomial is known "
        "from its values at one point; at infinity, the coefficient of the highest power counts as its value. With "
        "{lagrange}, the polynomial that is 1 at {point} and 0 at the other points,",
        "Interpolation. The product of {first} and {second} has a degree below {degree}. Such a polynomial is known "
        "from its values at {number} points; at infinity, the coefficient of the highest power counts as its value. "
        "With {lagrange}, the polynomial that is 1 at {point} and 0 at the other points,",
        first=z**i,
        second=z**s,
        degree=degree,
        number=str(f.n),
        lagrange=(Access("L", a), " = ", Access("N", a), "/", Access("D", a)),
        point=Access("p", a),
    )
    values = Access("A", a, i) * Access("R", a, s) * Access("L", a)
    yield Formula(z ** (i + s), Term((), (Range(a, n),), values))
    yield say(
        "where {values} are the values of {powers} at the point as polynomials of {outputs} and {taps} coefficients.",
        values=joined([Access("A", a, i), Access("R", a, s)], AND),
        powers=joined([z**i, z**s], AND),
        outputs=str(f.m),
        taps=str(f.r),
    )
    head: tuple[Words, ...] = ((a,), (Access("p", a),), (Access("N", a),), (Access("D", a),))
    yield Grid(head, tuple(_point_row(number, f) for number in range(f.n)))
    yield say(
        "In other words: the matrix V of Vandermonde has the values of {powers} at the points as rows, and column "
        "{column} of its inverse the coefficients of {lagrange}:",
        powers=(z**0, ", ..., ", z ** (n - 1)),
        column=a,
        lagrange=Access("L", a),
    )
    V = Symbol("V")
    vandermonde = ImmutableMatrix([[Rational(v.numerator, v.denominator) for v in powers(p, f.n)] for p in f.points])
    yield Formula(V, vandermonde)
    yield Formula(Inverse(V), ImmutableMatrix(vandermonde.inv()))
    yield say(
        "The denominators go to the taps, {taps}; let {data} be the coefficient of {power} in {numerator}. The "
        "coefficients of {power} on both sides are the identity",
        taps=Equals(Access("G", a, s), Access("R", a, s) / Access("D", a)),
        data=Access("B", k, a),
        power=z**k,
        numerator=Access("N", a),
    )
    yield Formula(equal(k, i + s), Term((), (Range(a, n),), _identity(axes(f, 1))))
    yield say("with the matrices")
    yield Formula(Transposed(A), f.output)
    yield Formula(G, f.kernel)
    yield Formula(Transposed(B), f.data)
    yield say(
        "Its three indices occur alike. Summed with numbers for two of them it is an algorithm for what results at the "
        "third: for the product of two polynomials, {product} being left (Toom, Cook); for a correlation, "
        "{correlation} being left (Winograd); and for both gradients of a correlation. The transforms are",
        product=k,
        correlation=i,
    )
    for statement in program.statements[:-1]:
        left = _element(statement.target.name, statement.term.free)
        yield Step("definition", (), left, (statement.term,), notation=Notation(order=ORDER))


def _point_row(number: int, f: CookToom) -> tuple[Expr, ...]:
    """One point: its number, itself, and its polynomial, the denominator positive."""
    p = f.points[number]
    numerator, denominator = lagrange(p, f.points)
    sign = -1 if denominator < 0 else 1
    return Integer(number), p, numerator * sign, denominator * sign


# ----- the rows -------------------------------------------------------------------------------------------------------
def _algorithm(ax: Axes, program: Program) -> Section:
    """From the correlation to the algorithm."""
    plain = _element("g", ax.tap) * _element("d", ax.data)
    rows: list[tuple[str, Words, Term]] = [
        ("definition", say("correlation"), _correlation(ax)),
        ("bracket", say("as a bracket"), Term(ax.output, (*ax.tap, *ax.data), plain * _bracket(ax))),
        ("identity", say("identity"), Term(ax.output, (*ax.point, *ax.tap, *ax.data), _identity(ax) * plain)),
        ("fold", say("transforms"), Term(ax.output, ax.point, _products(ax))),
    ]
    steps = _steps(_element("y", ax.output), rows, Notation(order=ORDER))
    dims = len(ax.output)
    lead = (
        say("Along each axis it takes the place of the bracket that says which element is read:")
        if dims > 1
        else say("Here it takes the place of the bracket that says which element is read:")
    )
    both = Elementwise(_sandwich(G, g, dims), _sandwich(Transposed(B), d, dims))
    return Section(
        title=say("the correlation by the identity"),
        setup=(lead,),
        steps=steps,
        caption=(),
        results=(Result(steps[-1], (Equals(y, _sandwich(Transposed(A), both, dims)),)),),
        forward=program,
        raw=steps[0].terms,
    )


def _steps(left: Access, rows: Sequence[tuple[str, Words, Term]], notation: Notation) -> tuple[Step, ...]:
    return tuple(Step(rule, reason, left, (term,), notation=notation) for rule, reason, term in rows)


def _sandwich(left: Expr, inner: Expr, dims: int) -> Matrices:
    """``left inner`` along one axis, ``left inner left^T`` along two."""
    right = left.args[0] if isinstance(left, Transposed) else Transposed(left)
    return Matrices(left, inner) if dims == 1 else Matrices(left, inner, right)


def _in_matrices(section: Section, seed: Access, dims: int) -> Section:
    """The section of a gradient, its result named as a product of matrices."""
    arrived = _sandwich(A, seed, dims)
    kernel, data = _sandwich(G, g, dims), _sandwich(Transposed(B), d, dims)
    products = {
        "u": Elementwise(arrived, v),
        "v": Elementwise(arrived, u),
        "g": _sandwich(Transposed(G), Elementwise(arrived, data), dims),
        "d": _sandwich(B, Elementwise(arrived, kernel), dims),
    }
    gradient = Access(section.steps[0].left.tensor)
    first, *others = section.results
    named = replace(first, name=(Equals(gradient, products[section.wrt]),), caption=None, form=None)
    return replace(section, results=(named, *others))


def _exact(section: Section, ax: Axes, seed: str) -> Section:
    """The rows that take a gradient back to that of the plain correlation.

    Args:
        section: that of g or d.
        ax: the ranges.
        seed: the gradient that arrives.
    """
    boxed = section.results[0].step
    given = _element(seed, ax.output)
    of_kernel = section.wrt == "g"
    free, other = (ax.tap, ax.data) if of_kernel else (ax.data, ax.tap)
    plain = given * (_element("d", ax.data) if of_kernel else _element("g", ax.tap))
    if of_kernel:
        last = Term(free, ax.output, given * Access("d", *(i + s for i, s, _, _ in ax.each())))
        gone = ax.data
    else:
        moved = Access(seed, *(k - s for _, s, _, k in ax.each()))
        last = Term(free, ax.tap, moved * _element("g", ax.tap))
        gone = ax.output
    indices = joined([r.index for r in gone])
    collapsed = say_number(len(gone), "{indices} collapses", "{indices} collapse", indices=indices)
    rows: list[tuple[str, Words, Term]] = [
        ("result", say("result above"), boxed.terms[0]),
        ("insert", say("inserted"), Term(free, (*ax.point, *ax.output, *other), _identity(ax) * plain)),
        ("identity", say("identity"), Term(free, (*ax.output, *other), plain * _bracket(ax))),
        ("collapse", collapsed, last),
    ]
    steps = _steps(boxed.left, rows, boxed.notation)
    tensor = Access(section.wrt)
    return replace(
        section,
        title=say("the gradient with respect to {tensor} is exact", tensor=tensor),
        setup=(say("It is the gradient of the plain correlation:"),),
        steps=steps,
        caption=(),
        results=(called(steps[-1], caption(steps[-1], section.gradient or section.forward)),),
        raw=boxed.terms,
        wrt="",
    )
