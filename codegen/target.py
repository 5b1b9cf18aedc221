"""What a backend is, and which there are. A further one is a folder with a `Target`, and a row here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import quoted

if TYPE_CHECKING:  # SymPy takes its time: whoever looks at the names does not wait for it
    from rich.console import Console, ConsoleOptions, RenderResult

    from gradscribe.codegen.files.emitted import Emitted
    from gradscribe.derive.layer.interface import Layer
    from gradscribe.derive.layer.update import Optimiser


class Target(Protocol):
    """A backend: equations in, files out, such as the modules of a package. It keeps nothing and touches no file.

    What it gets are layers, networks and optimisers; `codegen.kernel` makes of them the functions to write (`kernels`,
    `network_kernels`, `update_kernel`) and of each statement a `Form` (`choose_form`). What it gives are texts, of
    Python with the lists that they are audited by; the compiler executes these, the package writer writes all.
    """

    @property
    def template(self) -> str:
        """What the modules of layers name in their first line, see `codegen.python.text.render.header`."""

    @property
    def offers(self) -> Mapping[str, Sequence[str]]:
        """The modules that every package has besides those of layers, and what the package offers of each."""

    @property
    def folders(self) -> Sequence[str]:
        """The folders that hold a module for each module that needs one beside it, under the same name."""

    @property
    def suffixes(self) -> Sequence[str]:
        """Those of the files that are written for a layer, such as ".py"."""

    @property
    def importable(self) -> bool:
        """Whether modules are Python: audited, executed here, and offered by the package's own file."""

    @property
    def networks(self) -> bool:
        """Whether it takes networks, too."""

    def module(self, item: "Layer | Optimiser", order: int) -> "Emitted":
        """The module of a layer, network or optimiser: a function for each kernel, see `codegen.kernel.calling`.

        Args:
            item: the layer, network or optimiser.
            order: 2 for the functions of second order, too.

        Raises:
            EquationError: when a name cannot be one in its code, or for what the backend cannot compute.
        """

    def shared(self) -> Mapping[str, str]:
        """The files that every package has: path in it -> text. No user's text is in them; they are not audited."""

    def init(self, members: Mapping[str, Sequence[str]]) -> str:
        """The package's own file, which offers members: module -> names, those of `offers` among them.

        It is asked of what is importable only.
        """


class Explanation(Protocol):
    """How functions are computed: print it, or take the figures."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...] | None]:
        """Those of the inputs by name; None for one that is left out."""

    @property
    def functions(self) -> Sequence[Any]:
        """A record for each function."""

    def as_data(self) -> dict[str, Any]:
        """Plain data for JSON."""

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        """What a terminal shows."""


@dataclass(frozen=True)
class Row:
    """A backend in the table.

    Attributes:
        name: what users call it.
        title: how it is written.
        room: the module that has its `TARGET`; it is loaded when something is generated.
        explainer: the module that has its `explained`, which tells how functions are computed; "" where none does.
        doctor: the module that has its `examined`, which tells what it finds on this machine; "" where none does.
        maker: the module that has its `compiled_ahead`, which compiles what functions need before they are called;
            "" where none does.
        tuner: the module that has its `tuned`, which measures the ways to compute something and keeps the fastest;
            likewise.
        wrapper: the module that has its `torch_function`, the text of a function of PyTorch that calls generated ones;
            "" where none does.
    """

    name: str
    title: str
    room: str
    explainer: str = ""
    doctor: str = ""
    maker: str = ""
    tuner: str = ""
    wrapper: str = ""


TARGETS = {
    found.name: found
    for found in (
        Row(
            "numpy",
            "NumPy",
            "gradscribe.codegen.numpy.package.numpy_target",
            "gradscribe.codegen.numpy.explain",
            "gradscribe.codegen.numpy.package.doctor",
            "gradscribe.codegen.numpy.explain.making",
            "gradscribe.codegen.numpy.explain.tuning",
            "gradscribe.codegen.numpy.package.torch_function",
        ),
        Row("c", "C", "gradscribe.codegen.loops.product.c_target"),
    )
}
DEFAULT = next(iter(TARGETS))


def row(name: str) -> Row:
    """The row of a backend, which is not loaded yet.

    Raises:
        EquationError: when there is none of that name.
    """
    if name not in TARGETS:
        raise EquationError(f"backend: expected {' or '.join(TARGETS)}, received {quoted(name)}")
    return TARGETS[name]


def target(name: str = DEFAULT) -> Target:
    """A backend by its name; raises as `row` does."""
    found: Target = import_module(row(name).room).TARGET
    return found


def explainer() -> Callable[..., Explanation]:
    """What tells how functions of the first backend are computed, see `codegen.tool.explain`."""
    found: Callable[..., Explanation] = import_module(row(DEFAULT).explainer).explained
    return found


def doctor() -> Callable[[Mapping[str, ModuleType]], Sequence[tuple[str, str]]]:
    """What tells what the first backend finds on this machine, given the modules that all its packages have."""
    found: Callable[..., Sequence[tuple[str, str]]] = import_module(row(DEFAULT).doctor).examined
    return found


def maker() -> Callable[..., tuple[int, str]]:
    """What compiles what functions of the first backend need before they are called, see `compiled_ahead`.

    It tells how many functions these are and, where there is none, why.
    """
    found: Callable[..., tuple[int, str]] = import_module(row(DEFAULT).maker).compiled_ahead
    return found


def wrapper() -> Callable[["Layer | Optimiser"], str]:
    """What writes a `torch.autograd.Function` that calls the functions of the first backend, see `torch_function`."""
    found: Callable[..., str] = import_module(row(DEFAULT).wrapper).torch_function
    return found


def tuner() -> Callable[..., Iterable[Any]]:
    """What measures the ways to compute what functions of the first backend need, see `tuned`."""
    found: Callable[..., Iterable[Any]] = import_module(row(DEFAULT).tuner).tuned
    return found
