"""The names that modules on NumPy have everywhere: `np`, the runtime `rt` beside them, what a class of theirs has."""

from gradscribe.codegen.python.expression import Name
from gradscribe.codegen.python.names import PYTHON

RUNTIME = "rt"
MODULES = {"np": "numpy"}
"""The modules of others that are imported where they are read, by their names."""
ARRAY = Name("rt.Array")
PASS = "net"
"""The variable of a pass through a network, see `rt.Pass`."""
FIXED = PYTHON | {"loops", "np", RUNTIME, "dtype", "full_shape", "self"}
"""The names that every generated function may use."""
MEMBERS = frozenset({"layer", "differentiable", "outputs", "backward", "double_backward", "predict", "loss"})
"""The members of a generated class that its base in the runtime does not have."""
