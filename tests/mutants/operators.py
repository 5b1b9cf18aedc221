"""The faults: what each kind of node of the syntax tree may be replaced by."""

import ast
import copy
from collections.abc import Callable, Iterator

Fault = tuple[str, ast.AST]
"""What is done, and the node that stands there afterwards."""

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr,
}  # fmt: skip


def comparison(node: ast.AST) -> Iterator[Fault]:
    """``<`` for ``<=``, ``==`` for ``!=``, ``in`` for ``not in``."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            changed = copy.deepcopy(node)
            changed.ops[place] = COMPARISONS[type(operator)]()
            yield "comparison", changed


def arithmetic(node: ast.AST) -> Iterator[Fault]:
    """``-`` for ``+``, ``+`` for ``*``, also in ``+=``; a sign is lost."""
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in ARITHMETIC:
        changed = copy.deepcopy(node)
        changed.op = ARITHMETIC[type(node.op)]()
        yield "arithmetic", changed
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield "arithmetic", node.operand


def constant(node: ast.AST) -> Iterator[Fault]:
    """Another number, another truth value; texts stay, as a changed message is no fault of the mathematics."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "constant", ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield "constant", ast.Constant(node.value + 1)


def boolean(node: ast.AST) -> Iterator[Fault]:
    """``or`` for ``and``; a ``not`` is lost."""
    if isinstance(node, ast.BoolOp):
        changed = copy.deepcopy(node)
        changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "boolean", changed
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "boolean", node.operand


def condition(node: ast.AST) -> Iterator[Fault]:
    """A condition always holds, or never."""
    if isinstance(node, ast.IfExp):
        yield "condition", node.body
        yield "condition", node.orelse
    if isinstance(node, ast.If | ast.comprehension):
        tests = [node.test] if isinstance(node, ast.If) else node.ifs
        for test in tests:
            for value in (True, False):
                yield "condition", ast.copy_location(ast.Constant(value), test)


def statement(node: ast.AST) -> Iterator[Fault]:
    """A statement is dropped: a call, an assignment to a part, an addition, a jump, an error that would be raised."""
    whole = isinstance(node, ast.Raise | ast.AugAssign | ast.Continue | ast.Break | ast.Delete)
    call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Yield | ast.YieldFrom)
    part = isinstance(node, ast.Assign) and all(isinstance(t, ast.Subscript | ast.Attribute) for t in node.targets)
    if whole or call or part:
        yield "statement", ast.Pass()


def returned(node: ast.AST) -> Iterator[Fault]:
    """None is returned."""
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "return", ast.Return(ast.Constant(None))


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


OPERATORS: tuple[Callable[[ast.AST], Iterator[Fault]], ...] = (
    comparison, arithmetic, constant, boolean, condition, statement, returned,
)  # fmt: skip
