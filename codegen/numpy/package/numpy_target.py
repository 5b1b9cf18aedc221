"""NumPy as a backend, see `codegen.target`: modules on NumPy, their compiled loops beside them, the runtime."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gradscribe.codegen.files.emitted import Emitted
from gradscribe.codegen.loops import FOLDER
from gradscribe.codegen.numpy.layer.layer_module import module_source
from gradscribe.codegen.numpy.layer.optimiser_module import optimiser_source
from gradscribe.codegen.numpy.network import network_source
from gradscribe.codegen.numpy.package.module_text import TEMPLATE
from gradscribe.codegen.numpy.package.runtime import runtime_sources
from gradscribe.codegen.python.text.render import package_text
from gradscribe.derive.composition import Network
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser

PACKAGE = "numpy/package.py.jinja"


@dataclass(frozen=True)
class NumpyTarget:
    """The backend as `codegen.target.Target` has it."""

    template: str = TEMPLATE
    offers: Mapping[str, Sequence[str]] = field(default_factory=lambda: {"runtime": ("Sequential", "settings")})
    folders: Sequence[str] = (FOLDER,)
    suffixes: Sequence[str] = (".py",)
    importable: bool = True
    networks: bool = True

    def module(self, item: Layer | Optimiser, order: int) -> Emitted:
        """The module of a layer, a network or an optimiser, with its loops beside it."""
        if isinstance(item, Network):
            return network_source(item, order)
        if isinstance(item, Layer):
            return module_source(item, order)
        return optimiser_source(item)

    def shared(self) -> Mapping[str, str]:
        """The files of the runtime."""
        return runtime_sources()

    def init(self, members: Mapping[str, Sequence[str]]) -> str:
        """The package's own file, which loads what is asked for."""
        return package_text(PACKAGE, members)


TARGET = NumpyTarget()
