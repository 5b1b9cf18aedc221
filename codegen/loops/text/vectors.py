"""The body of a loop over elements -> the same of a loop over vectors of them: reads and types, choices and functions.

What does not vary along the loop stays one number; `all` makes a vector of it where a vector has to be.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gradscribe.codegen.loops.text.c_function import (
    FINAL_INTEGER,
    FINAL_MASK,
    FINAL_REAL,
    INTEGER,
    REAL,
    Along,
    CBody,
    Count,
    CStatement,
)
from gradscribe.codegen.python.expression import (
    Binary,
    Call,
    Choice,
    Comparison,
    Expression,
    Literal,
    Name,
    Part,
    Unary,
    call,
    parts,
    reads,
)
from gradscribe.codegen.python.statement import Assign, Do

REALS, FINAL_REALS, MASKS, FINAL_MASKS = Name("reals"), Name("const reals"), Name("masks"), Name("const masks")
KINDS: dict[Expression | None, Name] = {
    REAL: REALS,
    FINAL_REAL: FINAL_REALS,
    INTEGER: MASKS,
    FINAL_INTEGER: FINAL_MASKS,
    FINAL_MASK: FINAL_MASKS,
}
"""Types of variables, of one element and of several."""
NUMBERS = (REALS, FINAL_REALS)
ELEMENTWISE = (
    *("exp_of", "log_of", "tanh_of", "erf_of", "expm1_of", "log1p_of", "sin_of", "cos_of", "atan_of", "sinh_of"),
    *("cosh_of", "tan_of", "asin_of", "acos_of", "asinh_of", "acosh_of", "atanh_of"),
    *("root_of", "sigmoid_of", "softplus_of"),
)
"""The functions of ``functions.h``."""
EXACT = "above", "below", "larger", "smaller", "absolute", "sign_of"
"""Those of ``loops.c``, which are the same for a vector and for a number."""
FUNCTIONS = {name: f"all_{name}" for name in (*EXACT, *ELEMENTWISE)}


def vectorised(along: Along) -> CBody:
    """The body of a loop, for vectors."""
    variables = {a.target: KINDS.get(a.kind, FINAL_MASKS) for a in _declared(along.body)}
    vectors = _Vectors(along.index.text, variables)
    return tuple(vectors.statement(s) for s in along.body)


def numbered(along: Along) -> bool:
    """Whether positions vary along the loop: no vectors are written for that."""
    return any(isinstance(e, Call) and e.name == "position" and along.index.text in reads(e) for e in parts(along.body))


def elementwise(body: CBody) -> bool:
    """Whether functions of elements are called: those of vectors and those of numbers differ in the last bit."""
    return any(isinstance(part, Call) and part.name in ELEMENTWISE for part in parts(body))


def repeatable(along: Along) -> bool:
    """Whether elements may be computed twice: what is written is not read, and nothing is added to it."""
    stores = [a for a in parts(along.body) if isinstance(a, Assign) and isinstance(a.target, Part)]
    written = {id(a.target) for a in stores}
    arrays = {a.target.value for a in stores if isinstance(a.target, Part)}
    read = {p.value for p in parts(along.body) if isinstance(p, Part) and id(p) not in written}
    return all(a.operator == "=" for a in stores) and not arrays & read


def _declared(body: CBody) -> Iterator[Assign]:
    for statement in body:
        match statement:
            case Assign() if statement.kind is not None:
                yield statement
            case Count():
                yield from _declared(statement.body)


def _is_test(e: Expression) -> bool:
    """Whether it is 1 where something holds, and 0 elsewhere."""
    match e:
        case Comparison():
            return True
        case Binary("&" | "|", left, right):
            return _is_test(left) and _is_test(right)
    return False


class _Vectors:
    """What is written for vectors along an index.

    Args:
        index: its name.
        variables: the variables of the body, and the types that they have.
    """

    def __init__(self, index: str, variables: Mapping[Expression, Name]) -> None:
        self.index, self.variables = index, variables
        self.varying = {index, *(name for v in variables for name in reads(v))}

    def statement(self, s: CStatement) -> CStatement:
        """A statement for vectors."""
        match s:
            case Do(Call(arguments=(found, value)) as made):
                return Do(call(f"all_{made.name}", found, self.vector(value)))
            case Count():
                return replace(s, body=tuple(map(self.statement, s.body)))
            case Assign(Part() as target, value, operator):
                place, integers = Unary("&", target), self.variables.get(value, REALS) not in NUMBERS
                new = value if operator == "=" else Binary(operator[0], target, value)
                return Do(call("store_words" if integers else "store", place, self.vector(new, integers)))
            case Assign(target, value, kind=kind):
                own = self.variables[target]
                new = self.vector(value, own not in NUMBERS)
                return replace(s, value=new, kind=own if kind is not None else None)
        raise TypeError(f"no statement of a loop over elements: {s}")

    def vector(self, e: Expression, integers: bool = False) -> Expression:
        """An expression as a vector, of positions where they are `integers`."""
        if self._varies(e):
            return self.expression(e, integers)
        if _is_test(e):
            return call("all_integers", Unary("-", e))  # in a mask what holds is -1, all bits
        return call("all_integers" if integers else "all", e)

    def expression(self, e: Expression, integers: bool = False) -> Expression:
        """An expression; what does not vary stays a number."""
        if not self._varies(e):
            return e
        match e:
            case Part():
                return call("load_integers" if integers else "load", Unary("&", e))
            case Unary(operator, value):
                return Unary(operator, self.expression(value, integers))
            case Binary(operator, left, right):
                a, b = (self._operand(side, integers) for side in (left, right))
                return Binary(operator, a, b)
            case Comparison((left, right), operators):
                whole = self._integers(left) or self._integers(right)
                return call("MASKS", Comparison((self.vector(left, whole), self.vector(right, whole)), operators))
            case Choice(then, test, otherwise):
                name = "choose_integers" if integers else "choose"
                return call(name, self._mask(test), self.vector(then, integers), self.vector(otherwise, integers))
            case Call() if e.name == "when":
                return self._mask(e.arguments[0])
            case Call() if e.name in FUNCTIONS:
                return call(FUNCTIONS[e.name], *map(self.vector, e.arguments))
        return e

    def _mask(self, test: Expression) -> Expression:
        """A test as a vector: all bits of a position are set where it holds."""
        if isinstance(test, Binary) and test.operator == "&":
            return Binary("&", self._mask(test.left), self._mask(test.right))
        return self.expression(test, True) if self._varies(test) else call("all_integers", Unary("-", test))

    def _operand(self, e: Expression, integers: bool) -> Expression:
        """A side of an operation: numbers of the arrays' type and integers that are as wide may stay one number."""
        return self.vector(e, integers) if isinstance(e, Literal) or _is_test(e) else self.expression(e, integers)

    def _varies(self, e: Expression) -> bool:
        return bool(reads(e) & self.varying)

    def _integers(self, e: Expression) -> bool:
        """Whether an expression is one of positions."""
        return any(self.variables.get(Name(name), REALS) not in NUMBERS for name in reads(e))
