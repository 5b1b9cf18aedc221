"""codegen/python: what is printed, read by Python again, is the same tree, however its lines are broken."""

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from gradscribe.codegen.python import expression as e
from gradscribe.codegen.python.definition import ANY, Function, Parameter, Signature, defaults_last, of
from gradscribe.codegen.python.statement import (
    Assign,
    Comment,
    Delete,
    Do,
    For,
    If,
    Return,
    Sourced,
    Statement,
    While,
    let,
    live,
    used,
)
from gradscribe.codegen.python.text.line_breaks import WIDTH
from gradscribe.codegen.python.text.printer import LEVELS, CodeLine, lines, signature, text

GENERATED = Path(__file__).parents[3] / "generated"
has_ruff = importlib.util.find_spec("ruff") is not None
needs_ruff = pytest.mark.skipif(not has_ruff, reason="ruff is not installed")
X, Y = e.Name("x"), e.Name("y")
OPERATORS = {
    "+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div, "//": ast.FloorDiv, "%": ast.Mod, "**": ast.Pow,
    "&": ast.BitAnd, "|": ast.BitOr,
}  # fmt: skip
COMPARED = {
    "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE, "==": ast.Eq, "!=": ast.NotEq, "is": ast.Is,
    "is not": ast.IsNot,
}  # fmt: skip


# ----- what the records mean, said by Python's own syntax tree --------------------------------------------------------
def tree(value: e.Expression) -> ast.expr:
    """The syntax tree that a record stands for."""
    match value:
        case e.Name(name):
            return ast.parse(name, mode="eval").body
        case e.Literal(given) if isinstance(given, int | float) and not isinstance(given, bool) and given < 0:
            return ast.UnaryOp(ast.USub(), ast.Constant(-given))
        case e.Literal(given):
            return ast.Constant(given)
        case e.Format(several):
            return ast.JoinedStr([ast.Constant(p) if isinstance(p, str) else _put(p) for p in several])
        case e.Attribute(inner, name):
            return ast.Attribute(tree(inner), name)
        case e.Call(function, arguments, keywords):
            return ast.Call(tree(function), trees(arguments), [ast.keyword(k, tree(v)) for k, v in keywords])
        case e.Part(inner, (only,)):
            return ast.Subscript(tree(inner), tree(only))
        case e.Part(inner, several):
            return ast.Subscript(tree(inner), ast.Tuple(trees(several)))
        case e.Span(low, high):
            return ast.Slice(None if low is None else tree(low), None if high is None else tree(high))
        case e.Group(items) | e.Items(items):
            return ast.Tuple(trees(items))
        case e.Table(items):
            return ast.List(trees(items))
        case e.Star(inner):
            return ast.Starred(tree(inner))
        case e.Dictionary(entries):
            return ast.Dict([None if k is None else tree(k) for k, _ in entries], trees([v for _, v in entries]))
        case e.Unary(operator, inner):
            return ast.UnaryOp(ast.Not() if operator == "not" else ast.USub(), tree(inner))
        case e.Binary(operator, left, right):
            return ast.BinOp(tree(left), OPERATORS[operator](), tree(right))
        case e.Comparison(operands, operators):
            first, *rest = operands
            return ast.Compare(tree(first), [COMPARED[o]() for o in operators], trees(rest))
        case e.All(operands):
            return ast.BoolOp(ast.And(), trees(operands))
        case e.Choice(then, test, otherwise):
            return ast.IfExp(tree(test), tree(then), tree(otherwise))


def _put(value: e.Expression) -> ast.expr:
    """A value within a string."""
    return ast.FormattedValue(tree(value), -1)


def trees(values: Sequence[e.Expression]) -> list[ast.expr]:
    return [tree(value) for value in values]


def meaning(statement: Statement) -> list[ast.stmt]:
    """The syntax trees of a statement."""
    match statement:
        case Assign(target, value, "="):
            return [ast.Assign([tree(target)], tree(value))]
        case Assign(target, value, operator):
            return [ast.AugAssign(tree(target), OPERATORS[operator[:-1]](), tree(value))]  # type: ignore[arg-type]
        case Do(value):
            return [ast.Expr(tree(value))]
        case For(target, values, body):
            return [ast.For(tree(target), tree(values), meanings(body), [])]
        case While(test, body):
            return [ast.While(tree(test), meanings(body), [])]
        case If(test, body, otherwise):
            return [ast.If(tree(test), meanings(body), meanings(otherwise))]
        case Return((only,)):
            return [ast.Return(tree(only))]
        case Return(values):
            return [ast.Return(ast.Tuple(trees(values)))]
        case Delete(name):
            return [ast.Delete([ast.Name(name)])]
        case Sourced(_, body):
            return meanings(body)
        case Comment():
            return []


def meanings(body: Sequence[Statement]) -> list[ast.stmt]:
    return [made for statement in body for made in meaning(statement)]


def dump(body: Sequence[ast.stmt]) -> str:
    """The tree without what a target's context adds."""
    module = ast.Module(list(body), [])
    for node in ast.walk(module):
        if "ctx" in node._fields:
            node.ctx = ast.Load()  # type: ignore[attr-defined]
    return ast.dump(module)


def in_a_function(found: Sequence[CodeLine]) -> list[ast.stmt]:
    made = ast.parse("\n".join(["def f():", *(f"    {line.text}" for line in found), ""])).body[0]
    assert isinstance(made, ast.FunctionDef)
    return made.body


# ----- random code ----------------------------------------------------------------------------------------------------
def random_name(rng: np.random.Generator) -> e.Name:
    return e.Name("abcdefgh"[rng.integers(8)] * int(rng.integers(1, 12)))


def random_expression(depth: int, rng: np.random.Generator) -> e.Expression:
    """An expression of every kind that kernels have, of more than they have."""
    if depth == 0:
        choices = (
            random_name(rng), e.Literal(int(rng.integers(-3, 9))), e.Literal(-0.25), e.Literal(1e300), e.Literal(True),
            e.Literal('n i, (r "-> k'), e.Literal(None), e.Name("np.inf"),
        )  # fmt: skip
        return choices[rng.integers(len(choices))]
    made = [random_expression(int(rng.integers(depth)), rng) for _ in range(rng.integers(2, 6))]
    one, two, *_ = made
    match int(rng.integers(16)):
        case 15:
            sizes = e.Binary("+-*"[rng.integers(3)], random_name(rng), e.Literal(int(rng.integers(-3, 9))))
            return e.Format(("n ", random_name(rng), 'i+{r} "\\"', sizes, ", c -> k")[: rng.integers(1, 6)])
        case 0:
            return e.call(f"rt.{random_name(rng).text}", *made)
        case 1:
            return e.Call(random_name(rng), tuple(made), (("axis", one), ("out", two)))
        case 2:
            return (e.Group, e.Table)[rng.integers(2)](tuple(made[: rng.integers(1, 4)]))
        case 3:
            parts = [m if rng.random() < 0.6 else e.Span(*(m, two)[: rng.integers(3)]) for m in made]
            return e.Part(random_name(rng), tuple(parts[: rng.integers(1, 4)]))
        case 4:
            return e.Dictionary(tuple((e.Literal(str(k)), m) for k, m in enumerate(made)))
        case 5:
            return e.method(one, "reshape", *made)
        case 6:
            return e.Unary(("-", "not")[rng.integers(2)], one)
        case 7:
            return (
                e.Comparison((one, two, X), ("<=", "<"))
                if rng.random() < 0.5
                else e.Comparison((one, two), ("is not",))
            )
        case 8:
            return e.All(tuple(made))
        case 9:
            return e.Choice(one, two, made[-1])
        case 10:
            return e.chain("+", made)
        case 11:
            return e.chain("*", made)
        case _:
            return e.Binary(list(LEVELS)[rng.integers(len(LEVELS))], one, two)


def random_statement(depth: int, rng: np.random.Generator) -> Statement:
    value = random_expression(int(rng.integers(1, 5)), rng)
    if depth and rng.random() < 0.6:
        body, other = (tuple(random_statement(depth - 1, rng) for _ in range(rng.integers(1, 3))) for _ in range(2))
        return (
            For(e.Items((X, Y)), value, body),
            While(value, body),
            If(value, body),
            If(e.All((value, X, value)), body, other),
            Sourced("a record", body),
        )[rng.integers(5)]
    return (
        Assign(X, value, remark="words" * int(rng.integers(2))),
        Assign(e.Part(X, (e.Span(Y), e.Literal(2))), value, "+="),
        Assign(e.Items((X, Y)), value),
        Do(e.call("rt.check", value)),
        Return((value,)),
        Return((value, X, value)),
        Delete("x"),
    )[rng.integers(7)]


@pytest.mark.parametrize("seed", range(20))
def test_an_expression_is_read_back_as_it_was(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(30):
        value = random_expression(4, rng)
        found = ast.parse(text(value), mode="eval").body
        assert dump([ast.Expr(found)]) == dump([ast.Expr(tree(value))]), text(value)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_broken_statements_are_read_back_as_they_were(depth: int) -> None:
    broken = 0
    for seed in range(120):
        statement = random_statement(2, np.random.default_rng([seed, depth]))
        found = lines([statement], depth)
        assert dump(in_a_function(found)) == dump(meaning(statement)), "\n".join(line.text for line in found)
        broken += len(found) > 8
    assert broken > 10


def test_lines_fit_the_width() -> None:
    for seed in range(120):
        statement = Do(e.call("f", random_expression(4, np.random.default_rng(seed))))
        for line in lines([statement], 1):
            stuck = not any(bracket in line.text for bracket in "([{") or " if " in line.text
            assert 4 + len(line.text) <= WIDTH or stuck or "**" in line.text or "not" in line.text, line.text


def shown(statement: Statement, depth: int = 0) -> list[str]:
    return [line.text for line in lines([statement], depth)]


def test_a_line_that_fits_stays() -> None:
    name = "x" * (WIDTH - 8)
    assert shown(Do(e.call("ff", e.Name(name))), 1) == [f"ff({name})"]
    assert shown(Do(e.call("fff", e.Name(name))), 1) == ["fff(", f"    {name}", ")"]
    assert shown(Do(e.call("ff", e.Name(name + "y"))), 1) == ["ff(", f"    {name}y,", ")"]


def test_a_single_item_becomes_no_tuple() -> None:
    inner = e.call("f", *[e.Name("abcdef")] * 25)
    assert shown(let("y", e.Part(X, (inner,)))) == ["y = x[", "    f(", *["        abcdef,"] * 25, "    )", "]"]


def test_a_product_of_a_long_call_is_broken_within_it() -> None:
    items = [e.Name("abcdefghij")] * 20
    rows = ["    abcdefghij,"] * 20
    assert shown(let("y", e.call("f", *items))) == ["y = f(", *rows, ")"]


def test_a_remark_stands_behind_the_first_line() -> None:
    call = e.call("f", *[e.Name("abcdefghij")] * 20)
    assert shown(Assign(X, call, remark="n i"))[0] == "x = f(  # n i"
    assert shown(Assign(X, e.call("f", Y), remark="n i")) == ["x = f(y)  # n i"]


def test_a_remark_that_alone_has_no_room_is_left_out() -> None:
    name = "y" * (WIDTH - len("x = f()  # n i"))
    assert shown(Assign(X, e.call("f", e.Name(name)), remark="n i")) == [f"x = f({name})  # n i"]
    assert shown(Assign(X, e.call("f", e.Name(f"{name}y")), remark="n i")) == [f"x = f({name}y)"]


def test_the_sign_of_a_product_is_that_of_its_first_factor() -> None:
    assert text(e.negated(e.Binary("*", X, Y))) == "-x * y"
    assert text(e.negated(e.Binary("//", X, Y))) == "-(x // y)"
    assert text(e.negated(e.Binary("+", X, Y))) == "-(x + y)"


# ----- what statements read -------------------------------------------------------------------------------------------
def test_what_is_written_in_part_is_read() -> None:
    assert used(Assign(e.Part(X, (Y,)), e.Literal(1))) == {"x", "y"}
    assert used(Assign(X, Y)) == {"y"}
    assert used(Assign(X, Y, "+=")) == {"x", "y"}
    assert used(For(X, Y, (Do(e.call("np.sum", e.Name("z"))),))) == {"y", "np", "z"}
    assert used(Sourced("x", (Return((Y,)),))) == {"y"}
    assert used(Delete("x")) == {"x"}


def test_what_nothing_reads_goes_and_what_may_refuse_stays() -> None:
    check = e.call("rt.count", X)
    body = (let("a", e.Name("b")), let("c", check), let("d", e.Name("e")), Assign(e.Items((X, Y)), e.Name("shape")))
    assert live(body, {"d"}, "rt") == (Do(check), let("d", e.Name("e")), Assign(e.Items((X, Y)), e.Name("shape")))


def test_of_a_choice_that_nothing_reads_what_may_refuse_stays() -> None:
    check = e.call("rt.number", X)
    there = e.Comparison((X, e.Literal(None)), ("is not",))
    assert live((let("x", e.Choice(e.Literal(None), e.absent("x"), check)),), (), "rt") == (If(there, (Do(check),)),)
    assert live((let("x", e.Choice(check, Y, e.Literal(0))),), (), "rt") == (If(Y, (Do(check),)),)
    assert live((let("x", e.Choice(e.Literal(0), Y, check)),), (), "rt") == (If(e.Unary("not", Y), (Do(check),)),)


def test_a_chain_of_what_is_read_stays() -> None:
    body = (let("a", e.Name("z")), let("b", e.Name("a")), let("c", e.Name("b")))
    assert live(body, {"c"}, "rt") == body
    assert live(body, (), "rt") == ()


# ----- functions ------------------------------------------------------------------------------------------------------
def test_a_signature() -> None:
    given = defaults_last(
        (Parameter("x", ANY, e.Literal(None)), Parameter("w", ANY), Parameter("b", ANY, e.Literal(None)))
    )
    made = Function("f", Signature(given, (Parameter("eps", e.Name("float"), e.Literal(1e-5)),), ANY), "", ())
    assert signature(made, 0) == "def f(x: Any, w: Any, b: Any = None, *, eps: float = 1e-05) -> Any:"
    many = Function("f", Signature(tuple(Parameter(f"parameter_{k}", ANY) for k in range(9))), "", ())
    assert signature(many, 1).splitlines()[:2] == ["    def f(", "        parameter_0: Any,"]
    ast.parse(f"class C:\n{signature(many, 1)}\n        pass")
    returned = Function("f", Signature(given, result=of("tuple", *[e.Name("rt.Array")] * 11)), "", ())
    assert signature(returned, 0).splitlines()[2:] == [") -> tuple[", f"    {', '.join(['rt.Array'] * 11)}", "]:"]


def test_lines_know_what_they_were_made_of() -> None:
    call = e.call("f", *[e.Name("abcdefghij")] * 20)
    body = (let("a", X), Sourced("outer", (For(X, Y, (Sourced("inner", (let("b", call),)), let("c", X))),)))
    found = [(line.source, line.text.strip()) for line in lines(body, 1)]
    assert found[0] == (None, "a = x")
    assert found[1] == ("outer", "for x in y:")
    assert {source for source, line in found if "abc" in line or line == "b = f("} == {"inner"}
    assert found[-1] == ("outer", "c = x")


@needs_ruff
def test_ruff_leaves_every_generated_module_alone() -> None:
    """The files, of which test_generated_fresh holds that they are what is generated; by no rules but the width."""
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache", "--line-length", str(WIDTH)]
    done = subprocess.run([*command, "--diff", GENERATED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{len([*GENERATED.rglob('*.py')])} files already formatted" in done.stderr
