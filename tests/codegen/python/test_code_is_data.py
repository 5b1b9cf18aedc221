"""Code is data until it is printed: what makes code searches, cuts and reads no text of it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.cases.together import together

ROOT = Path(__file__).parents[3]
ROOMS = ("kernel", "python", "loops", "numpy")
PATHS = [path for room in ROOMS for path in sorted((ROOT / "codegen" / room).rglob("*.py"))]
READING = frozenset(
    ("replace", "partition", "rpartition", "split", "rsplit", "removeprefix", "removesuffix", "startswith", "endswith",
     "find", "rfind", "translate", "sub", "match", "search", "fullmatch")
)  # fmt: skip
"""Methods that look into a text."""
ALLOWED = {
    "places.py": {"removeprefix"},  # names of nodes, within their place
    "draft.py": {"removeprefix"},  # names of functions
    "pass_statements.py": {"partition"},  # of the name of a weight the node
    "docstring.py": {"removeprefix", "split"},  # words about a shape, the quotes that a sentence is wrapped with
    "literal.py": {
        "re",
        "sub",
        "replace",
        "split",
        "partition",
        "ast",
        "endswith",
    },  # lines that a user wrote; an exponent
    "c_comment.py": {"replace", "split"},  # words of a comment, which must not end it
    "kernel_words.py": {"startswith"},  # words about a layer
    "module_words.py": {"split"},  # words that are too long for a line
    "names.py": {"startswith"},  # names that users chose
    "runtime.py": {"ast", "replace"},  # the runtime's own files: what they offer, and where a module of theirs lies
    "expression.py": {"partition"},  # of a name such as np.inf the module
    "doctor.py": {"search"},  # of compilers
    "native_sources.py": {"re", "sub"},  # our own files of C: those that they include
    "numpy_table.py": {"startswith", "removeprefix"},  # names of NumPy
    "instance.py": {"split"},  # names in a message
    "network_header.py": {"split"},  # the text of a network, for its docstring
    "module_text.py": {"removeprefix", "split", "startswith"},  # names of NumPy, those that begin with an underscore
}
"""What looks into words and names, never into code."""


def looks(path: Path) -> Iterator[str]:
    """The methods that a file calls to look into texts, and the modules that it imports for that."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(ast.Attribute(ast.Name("np"), _)):
                continue
            case ast.Call(ast.Attribute(_, name)) if name in READING:
                yield name
            case ast.Import(names):
                yield from (alias.name for alias in names if alias.name in ("re", "ast", "tokenize"))


@together("path", PATHS, ids=lambda p: p.relative_to(ROOT / "codegen").as_posix())
def test_nothing_searches_or_edits_code(path: Path) -> None:
    assert set(looks(path)) <= ALLOWED.get(path.name, set())


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    file = tmp_path / "edits.py"
    file.write_text("import re\nline = text.replace('np.', '')\nre.search('x', line)\n", encoding="utf-8")
    assert set(looks(file)) == {"re", "replace", "search"}
