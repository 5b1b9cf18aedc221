"""`gradscribe serve`: a site on this machine, with this Python behind its playground."""

from pathlib import Path
from typing import Annotated

import typer

from gradscribe.codegen.tool.finding.unknown_layer import UnknownLayerError
from gradscribe.derive.ir.quote import located

MEMORY = 2
"""GiB that a text may take."""


def serve(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder of the site; ./site by default.")] = Path(
        "site"
    ),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any that is free.")] = 8000,
    seconds: Annotated[int, typer.Option(min=1, max=86_400, help="Seconds that a text may take.")] = 20,
) -> None:
    """Serve what `gradscribe site` has written, at 127.0.0.1 only, and answer to texts of its playground."""
    try:
        from gradscribe.codegen.tool.pages.server.listening import serve as served
    except ModuleNotFoundError as error:
        raise UnknownLayerError(f"serve needs {error.name}; install it by: pip install 'gradscribe[serve]'") from None
    from gradscribe.codegen.tool.pages.site.site_folder import is_site

    if not is_site(folder):
        raise UnknownLayerError(f"{located(folder)}: no site is there; gradscribe site -o {located(folder)} writes one")
    from gradscribe.codegen.tool.pages.apart import GIB, Limits

    def tell(address: str) -> None:
        print(f"serving {located(folder)} at {address}; Ctrl-C ends it", flush=True)

    served(folder, port, Limits(seconds, MEMORY * GIB), tell)
