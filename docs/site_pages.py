"""What the site has besides the pages of docs/: files of the checkout's top, and a page for each generated module.

MkDocs calls the functions here (`hooks` in mkdocs.yml), Griffe the class (`extensions` there).
"""

import ast
import re
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
TOP = ("CHANGELOG.md", "CONTRIBUTING.md", "editors/README.md")
"""Pages that stand outside of docs/, where people and tools look for them."""
LAYERS = "api/layers"
"""The folder of the pages of modules."""
NAMED = {
    "layers.md": (r"(?<=^\| )`(\w+)`(?= \| `)", rf"[`\1`]({LAYERS}/\1.md)"),
    "gallery.md": (r"(?<=^- )`(\w+)`", r'<a href="gallery/\1.html">\1</a>'),
}
"""Pages whose names lead on in the site. What the gallery leads to is written afterwards and is no page of MkDocs."""
MODULE = """# {name}

[Every module](index.md)

::: gradscribe.generated.{name}
    options: {{show_root_heading: false}}
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are no files of docs/."""
    modules = {path.stem: _title(path) for path in sorted((ROOT / "generated").glob("[a-z]*.py"))}
    pages = {name: (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](") for name in TOP}
    pages |= {f"{LAYERS}/{name}.md": MODULE.format(name=name) for name in modules}
    pages[f"{LAYERS}/index.md"] = _index(modules)
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Links to what stands beside docs/ in the checkout, and in it here; from names to modules and to the gallery."""
    for name in TOP:
        markdown = markdown.replace(f"](../{name}", f"]({name}")
    if page.file.src_uri in NAMED:
        markdown = re.sub(*NAMED[page.file.src_uri], markdown, flags=re.MULTILINE)
    return markdown


class Verbatim(griffe.Extension):
    """Docstrings of generated modules are shown as they are laid out: lines of equations and of shapes."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Put the docstring of a class or a function into a block."""
        if obj.docstring and obj.path.startswith("gradscribe.generated.") and "runtime" not in obj.path:
            obj.docstring.value = f"```text\n{obj.docstring.value}\n```"


def _title(module: Path) -> str:
    """The first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def _index(modules: dict[str, str]) -> str:
    rows = "".join(f"| [`{name}`]({name}.md) | {title} |\n" for name, title in modules.items())
    return f"# Every module of generated/\n\n| module | what it is |\n| --- | --- |\n{rows}"
