"""The one gate: a module is parsed back before anybody executes or writes it, and holds only what the compiler emits.

Its docstrings say what they were given; its imports, names, attributes and statements are among those that its backend
lists, see `Allowed`; no local name hides one that the module needs. Nothing that a user wrote can be code then,
whatever else goes wrong on the way. Code that needs more is no accident: it is listed first.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence

from gradscribe.codegen.files.emitted import Emitted
from gradscribe.codegen.python.names import BUILTINS
from gradscribe.derive.ir.quote import quoted, shown
from gradscribe.derive.ir.term import EquationError

PLAIN = frozenset(
    {
        *(ast.AnnAssign, ast.Assign, ast.AugAssign, ast.For, ast.If, ast.Return, ast.While),
        *(ast.BinOp, ast.BoolOp, ast.Compare, ast.Constant, ast.Dict, ast.IfExp, ast.List, ast.Slice, ast.Starred),
        *(
            ast.FormattedValue,
            ast.JoinedStr,
            ast.Subscript,
            ast.Tuple,
            ast.UnaryOp,
            ast.alias,
            ast.arg,
            ast.arguments,
            ast.keyword,
            ast.Load,
            ast.Store,
            ast.Del,
        ),
        *(part for kind in (ast.boolop, ast.cmpop, ast.operator, ast.unaryop) for part in kind.__subclasses__()),
    }
)
"""The statements and expressions that do nothing by themselves; names, attributes and calls are looked at."""


class AuditError(EquationError):
    """A module that holds what the compiler does not emit; it is neither executed nor written."""


def audit(module: Emitted) -> ast.Module:
    """The syntax tree of `module`, once it has passed.

    Raises:
        AuditError: naming the module, the line and what was found in it, or the docstring.
    """
    try:
        tree = ast.parse(module.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where = f"line {error.lineno}" if isinstance(error, SyntaxError) else type(error).__name__
        raise AuditError(
            f"{shown(module.name)}: a name or a text of it does not fit into Python code: {where}"
        ) from None
    _check_docs(module, tree)
    _Audit(module, tree).run()
    return tree


def _check_docs(module: Emitted, tree: ast.Module) -> None:
    """Raise unless the docstrings are those that were given."""
    found = dict(_docs(tree))
    for name in {**module.docs, **found}:
        given, own = module.docs.get(name), found.get(name)
        if given != own:
            what = f"the docstring of {shown(name)}" if name else "the docstring of the module"
            raise AuditError(f"{shown(module.name)}: {what} does not say what was given, {quoted(given or '')}")


def _docs(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The docstrings by qualified name."""
    nodes: list[tuple[str, ast.AST]] = [("", tree)]
    for name, node in nodes:
        body = getattr(node, "body", [])
        doc = ast.get_docstring(node, clean=False) if isinstance(node, _DOCUMENTED) else None
        if doc is not None:
            yield name, doc
        inner = [n for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        nodes += [(f"{name}.{n.name}" if name else n.name, n) for n in inner]


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


class _Audit:
    """The walk through one module."""

    def __init__(self, module: Emitted, tree: ast.Module) -> None:
        self.module, self.tree, self.allowed = module, tree, module.allowed
        self.globals: set[str] = set()
        self.functions: set[str] = set()
        self.members: frozenset[str] = frozenset()
        self.frame = {ast.unparse(ast.parse(text)): name for text, name in self.allowed.frame.items()}

    def run(self) -> None:
        """Check every statement of the module."""
        for statement in self.tree.body:
            self._define(statement)
        for statement in self.tree.body:
            match statement:
                case ast.FunctionDef():
                    self._function(statement)
                case ast.ClassDef():
                    self._class(statement)
                case ast.Assign() if ast.unparse(statement) not in self.frame:
                    self._all(ast.walk(statement), self.globals)

    def _define(self, statement: ast.stmt) -> None:
        """Note what a statement of the module defines."""
        match statement:
            case ast.Import() | ast.ImportFrom():
                if ast.unparse(statement) not in self.allowed.imports:
                    raise self._error(statement, "imports what it may not")
                names = [alias.asname or alias.name for alias in statement.names]
            case ast.If() | ast.Assign() if ast.unparse(statement) in self.frame:
                names = [self.frame[ast.unparse(statement)]]
            case ast.FunctionDef(name) | ast.ClassDef(name):
                names = [name]
                self.functions |= {name} if isinstance(statement, ast.FunctionDef) else set()
            case ast.Assign([ast.Name(name)], value):
                if isinstance(value, ast.Constant) and value.value != self.allowed.texts.get(name, value.value):
                    raise self._error(statement, f"has a text {shown(name)} that does not say what was given")
                names = [name]
            case ast.Expr(ast.Constant(str())) if statement is self.tree.body[0]:
                return
            case _:
                raise self._error(statement, "does something when it is loaded")
        for name in names:
            if name in self.globals | BUILTINS or name.startswith("__"):
                raise self._error(statement, f"defines {shown(name)} twice; choose another name")
            self.globals.add(name)

    def _class(self, cls: ast.ClassDef) -> None:
        """The class: attributes that are data, and methods."""
        base = ", ".join(map(ast.unparse, cls.bases))
        if base not in self.allowed.bases or cls.keywords or cls.decorator_list:
            raise self._error(cls, "has a class of another kind")
        given = self.allowed.bases[base]
        methods = [s for s in cls.body if isinstance(s, ast.FunctionDef)]
        stored = {a.attr for m in methods for a in ast.walk(m) if isinstance(a, ast.Attribute) and _is_self(a.value)}
        self.members = given | {a for a in stored if not a.startswith("_")}
        seen: set[str] = set()
        for statement in cls.body:
            match statement:
                case ast.FunctionDef(name):
                    self._function(statement)
                case ast.Assign([ast.Name(name)]) | ast.AnnAssign(ast.Name(name)):
                    self._all(ast.walk(statement), self.globals | {name})
                case ast.Expr(ast.Constant(str())) if statement is cls.body[0]:
                    continue
                case _:
                    raise self._error(statement, "does something when its class is made")
            if name in seen or name not in given | {"__init__", "__call__"}:
                raise self._error(statement, f"has a member {shown(name)} that its class may not have")
            seen.add(name)

    def _function(self, function: ast.FunctionDef) -> None:
        """A function or a method: no name of its own hides one that the module needs."""
        if not {ast.unparse(d) for d in function.decorator_list} <= self.allowed.decorators:
            raise self._error(function, "decorates a function")
        a = function.args
        heads = [*a.defaults, *(d for d in a.kw_defaults if d is not None)]
        arguments = [*a.posonlyargs, *a.args, *a.kwonlyargs, *(x for x in (a.vararg, a.kwarg) if x is not None)]
        heads += [x.annotation for x in arguments if x.annotation is not None]
        heads += [function.returns] if function.returns is not None else []
        self._all((node for head in heads for node in ast.walk(head)), self.globals)
        documented = ast.get_docstring(function, clean=False) is not None
        nodes = [node for s in function.body[documented:] for node in ast.walk(s)]
        own = {x.arg for x in arguments}
        own |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        hidden = sorted(own & (self.globals | BUILTINS)) + sorted(n for n in own if n.startswith("__"))
        if hidden:
            raise self._error(function, f"has a local name {shown(hidden[0])} that means something else in the module")
        self._all(nodes, self.globals | own)

    def _all(self, nodes: Iterator[ast.AST] | list[ast.AST], known: set[str]) -> None:
        """Check every node; `known` are the names that have a meaning there."""
        local = known - self.globals
        known = known | BUILTINS
        callable_ = self.functions | BUILTINS | self.allowed.called
        for node in nodes:
            if type(node) in PLAIN:
                continue
            if isinstance(node, ast.Name):
                if node.id not in known:
                    raise self._error(node, f"reads the name {shown(node.id)}")
            elif isinstance(node, ast.Attribute):
                self._attribute(node, node.value, node.attr)
            elif isinstance(node, ast.Call):
                called = node.func
                if not (isinstance(called, ast.Attribute) or (isinstance(called, ast.Name) and called.id in callable_)):
                    raise self._error(node, f"calls {shown(ast.unparse(called))}")
            elif isinstance(node, ast.Delete):
                if not {t.id if isinstance(t, ast.Name) else "" for t in node.targets} <= local:
                    raise self._error(node, "deletes what is no variable of the function")
            elif not isinstance(node, ast.Expr):
                raise self._error(node, f"has a {type(node).__name__}")
            elif not isinstance(node.value, ast.Call):
                raise self._error(node, "has a statement without an effect")

    def _attribute(self, node: ast.Attribute, value: ast.expr, name: str) -> None:
        offered = self.members if _is_self(value) else None
        if isinstance(value, ast.Name) and offered is None:
            offered = self.allowed.offered.get(value.id)
        if offered is not None:
            good = name in offered
        else:
            good = name in self.allowed.attributes or (name == "__init__" and ast.unparse(value) == "super()")
        if not good or (isinstance(node.ctx, ast.Store) and not _is_self(value)):
            raise self._error(node, f"uses the attribute {shown(name)}")

    def _error(self, node: ast.AST, what: str) -> AuditError:
        """An error that quotes what was found."""
        line = getattr(node, "lineno", 1)
        text = shown(self.module.text.split("\n")[line - 1].strip())
        return AuditError(f"{shown(self.module.name)}: line {line} of the generated module {what}: {text}")


def _is_self(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id == "self"


def audit_package(text: str, empty: str, members: Mapping[str, Sequence[str]]) -> None:
    """Check a package's ``__init__.py`` as `audit` does a module.

    Args:
        text: the file.
        empty: the same file for a package without modules of its own.
        members: what is taken from each module.

    Raises:
        AuditError: when it holds anything but the names of its members.
    """
    expected = {(module, name) for module, names in members.items() for name in names}
    whole, frame = ast.parse(text).body, ast.parse(empty).body
    if len(whole) != len(frame):
        raise AuditError("__init__.py holds more than the names of its modules and classes")
    for own, other in zip(whole, frame, strict=True):
        match own:
            case ast.Assign([ast.Name("_MODULES")], value):
                found = {(module, name) for module, names in ast.literal_eval(value).items() for name in names}
                good = found == expected
            case ast.Assign([ast.Name("__all__")], value):
                good = sorted(ast.literal_eval(value)) == sorted(name for _, name in expected)
            case ast.If(ast.Name("TYPE_CHECKING"), body, []):
                own_imports = [s for s in body if isinstance(s, ast.ImportFrom) and s.level == 1]
                found = {(s.module, a.asname or a.name) for s in own_imports for a in s.names}
                good = found == expected and own_imports == body
            case _:
                good = ast.dump(own) == ast.dump(other)
        if not good:
            raise AuditError(f"__init__.py: line {own.lineno} holds more than the names of its modules and classes")
