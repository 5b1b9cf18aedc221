"""Functions, methods and their parameters as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gradscribe.codegen.python.expression import Binary, Expression, Literal, Name, Part, chain, reads
from gradscribe.codegen.python.statement import Body, Statement, used

ANY, INT, NONE = Name("Any"), Name("int"), Literal(None)
HOMES = {"Any": "typing", "ClassVar": "typing", "Mapping": "collections.abc", "Sequence": "collections.abc"}
"""The modules of the types in annotations."""


@dataclass(frozen=True)
class Parameter:
    """A parameter; one without `default` must be given."""

    name: str
    annotation: Expression
    default: Expression | None = None


SELF = Parameter("self", ANY)


@dataclass(frozen=True)
class Signature:
    """What a function is given and returns.

    Attributes:
        positional: parameters that may be given by position.
        keyword: parameters that are given by name only.
        result: the annotation of the result.
        rest: what else is given by position, a tuple.
        unnamed: parameters before them that are given by position only.
    """

    positional: tuple[Parameter, ...]
    keyword: tuple[Parameter, ...] = ()
    result: Expression = NONE
    rest: Parameter | None = None
    unnamed: tuple[Parameter, ...] = ()

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All of them in order."""
        return (*self.unnamed, *self.positional, *((self.rest,) if self.rest is not None else ()), *self.keyword)


@dataclass(frozen=True)
class Function:
    """A function, or a method where the first parameter is `self`.

    Attributes:
        name: its name.
        signature: what it is given and returns.
        doc: what its docstring says, "" for none.
        body: its statements.
        loops: the compiled loops that it calls.
        source: the plan that it was made of; None where there is none.
        decorator: what it is decorated by; None for nothing.
    """

    name: str
    signature: Signature
    doc: str
    body: Body
    loops: tuple[Any, ...] = ()
    source: Any = None
    decorator: Expression | None = None

    @property
    def names(self) -> set[str]:
        """What its code reads: its own variables and those of the module."""
        return reads(self.signature).union(*map(used, self.body))


@dataclass(frozen=True)
class Class:
    """A class on a `base`.

    Attributes:
        name: its name.
        base: the class that it is made of.
        doc: what its docstring says.
        facts: assignments in its body.
        methods: its methods, `self` among their parameters.
    """

    name: str
    base: str
    doc: str
    facts: Body
    methods: tuple[Function, ...]


@dataclass(frozen=True)
class Module:
    """A generated module; `constants` are assignments before its functions."""

    name: str
    doc: str
    functions: tuple[Function, ...]
    cls: Class
    constants: Body = ()

    @property
    def names(self) -> set[str]:
        """What its code reads."""
        methods = (*self.functions, *self.cls.methods)
        return set().union(*map(used, (*self.constants, *self.cls.facts)), *(f.names for f in methods))

    def imports(self, modules: Mapping[str, str]) -> "tuple[Import, ...]":
        """What it imports: the types that its code reads, and of the `modules`, name -> module, those that it reads."""
        read = self.names
        homes = sorted({HOMES[name] for name in HOMES if name in read})
        found = (Import(home, tuple(n for n in HOMES if n in read and HOMES[n] == home)) for home in homes)
        return (*found, *(Import(module, alias=name) for name, module in modules.items() if name in read))


@dataclass(frozen=True)
class Import:
    """``from module import names``, or without names ``import module as alias``."""

    module: str
    names: tuple[str, ...] = ()
    alias: str = ""


def as_method(name: str, signature: Signature, doc: str, body: Sequence[Statement]) -> Function:
    """A method: a function of this signature with `self` in front."""
    return Function(name, replace(signature, positional=(SELF, *signature.positional)), doc, tuple(body))


def union(*kinds: Expression) -> Expression:
    """``int | None``."""
    return chain("|", kinds)


def of(kind: str, *items: Expression) -> Expression:
    """``Sequence[int]``."""
    return Part(Name(kind), items)


def optional(kind: Expression) -> Expression:
    """``kind | None``."""
    return Binary("|", kind, NONE)


def given(*names: str, default: Expression | None = None) -> tuple[Parameter, ...]:
    """Parameters that may be anything: the runtime checks them."""
    return tuple(Parameter(name, ANY, default) for name in names)


def defaults_last(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """Parameters without default must come first: one before them loses its own."""
    last = max((k for k, p in enumerate(parameters) if p.default is None), default=-1)
    return tuple(Parameter(p.name, p.annotation) if k < last else p for k, p in enumerate(parameters))
