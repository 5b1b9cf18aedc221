"""What a backend hands over: the text of a module, what its docstrings have to say, and what its code may say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gradscribe.codegen.python.text.printer import CodeLine


@dataclass(frozen=True)
class Allowed:
    """What the code of a module may say, besides names of its own; the lists of a backend, read by `audit`.

    Attributes:
        imports: its imports, as `ast.unparse` writes them.
        frame: other statements that it may begin with: statement -> the name that it defines.
        offered: what may be read of a name that stands for a module: ``{"np": {"exp", "log"}}``.
        attributes: what may be read of everything else: of arrays, dictionaries, generators.
        bases: what a class may stand on, as it is written -> the members that the class may have.
        called: local names that may be called.
        decorators: what its functions may be decorated by, as it is written.
        texts: what it defines as texts: name -> what each says.
    """

    imports: frozenset[str] = frozenset()
    frame: Mapping[str, str] = field(default_factory=dict)
    offered: Mapping[str, frozenset[str]] = field(default_factory=dict)
    attributes: frozenset[str] = frozenset()
    bases: Mapping[str, frozenset[str]] = field(default_factory=dict)
    called: frozenset[str] = frozenset()
    decorators: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)


class Printed(Protocol):
    """A function as it was printed, for what asks which record is behind a line."""

    @property
    def source(self) -> Any:
        """The plan that it was made of; None where there is none."""

    @property
    def places(self) -> Mapping[int, Any]:
        """What the lines were made of, by their distance from the first one."""

    @property
    def listing(self) -> Sequence[CodeLine]:
        """Its lines but for the docstring, each with what it was made of, None where that was not recorded."""


@dataclass(frozen=True)
class Emitted:
    """A module as it was emitted, to be audited before anybody executes or writes it.

    Attributes:
        name: of the module within its package: "conv2d", "compiled.conv2d", "compiled.__init__".
        text: its code.
        docs: what its docstrings have to say, by qualified name; the module's own is that of "".
        allowed: what its code may say.
        public: its functions and its class, by name, but for those that begin with an underscore.
        functions: its functions by name.
        beside: the modules that it needs for itself, such as compiled loops, or its other file.
        suffix: that of its file.
    """

    name: str
    text: str
    docs: Mapping[str, str]
    allowed: Allowed
    public: tuple[str, ...] = ()
    functions: Mapping[str, Printed] = field(default_factory=dict)
    beside: "tuple[Emitted, ...]" = ()
    suffix: str = ".py"

    @property
    def modules(self) -> "tuple[Emitted, ...]":
        """This one and those beside it."""
        return (self, *self.beside)

    @property
    def path(self) -> str:
        """Its file within a package."""
        return f"{self.name.replace('.', '/')}{self.suffix}"
