"""The socket of the server, on this machine only, and the server until somebody ends it."""

import errno
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from gradscribe.codegen.tool.pages.apart import Limits
from gradscribe.codegen.tool.pages.playground.playground import playground_files
from gradscribe.codegen.tool.pages.server.answering import Answering, prepare
from gradscribe.codegen.tool.pages.server.web_app import web_app
from gradscribe.codegen.tool.pages.site.play_pages import above
from gradscribe.codegen.tool.pages.site.site_folder import language_of

HOST = "127.0.0.1"
PATIENCE = 1
"""Seconds that answers have left when somebody ends it."""


def bound(port: int) -> socket.socket:
    """A socket at a port of this machine; 0 for any that is free.

    Raises:
        OSError: when there is none to have.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((HOST, port))
        found.listen(64)
    except OSError as error:
        found.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        raise OSError(f"port {port} {why}; --port takes another one, 0 any that is free") from None
    return found


def serve(folder: Path, port: int, limits: Limits, tell: Callable[[str], None]) -> None:
    """Serve a site until somebody ends it.

    Args:
        folder: of the site.
        port: see `bound`.
        limits: of each text.
        tell: is told where it is, once it answers.
    """
    language = language_of(folder)
    played = playground_files(None, above(language), language=language)
    with bound(port) as found:
        prepare(limits)
        address = f"http://{HOST}:{found.getsockname()[1]}/"
        app = web_app(folder, played, Answering(limits), lambda: tell(address))
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=PATIENCE,
            http="h11",
            loop="asyncio",
            ws="none",
        )
        uvicorn.Server(config).run(sockets=[found])
