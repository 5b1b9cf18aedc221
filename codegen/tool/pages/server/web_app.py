"""What is asked of the server, and what it answers: files of the site, and derivations of texts.

It is for one person on one machine: it answers only to the names of this machine and only to its own pages, so that a
page of a stranger in the same browser can neither ask nor read.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gradscribe.codegen.tool.pages.apart import StoppedError
from gradscribe.codegen.tool.pages.playground.answer import answer, check
from gradscribe.codegen.tool.pages.server.answering import Answer, Answering, BusyError
from gradscribe.derive.derivation.record.translation import checked_language
from gradscribe.derive.ir.error import EquationError
from gradscribe.said import ENGLISH

PLAY = "/playground"
HOSTS = ["127.0.0.1", "localhost"]
LARGEST = 1 << 17
"""Bytes of a request."""
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'"
)
"""What pages may do at most; each says itself what it does not need."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
JSON = "application/json"


class Refusal(Exception):
    """A request that is not answered; with the code and the words that say why."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


class Headed:
    """Every answer with the headers that let browsers do no more than needed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is asked; add to what is answered."""

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in HEADERS.items())]
            await send(message)

        await self._app(scope, receive, headed)


def web_app(
    folder: Path, played: Mapping[str, bytes], answering: Answering, ready: Callable[[], Any] = lambda: None
) -> Starlette:
    """The server of a site.

    Args:
        folder: of the site.
        played: the files of the playground that asks this server, in the place of the one that lies there.
        answering: who works on texts.
        ready: called before the first request.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        ready()
        yield

    def answers(function: Callable[[str], Callable[[str], Answer]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            text, language = await _asked(request)
            return JSONResponse(await answering.answer(function(language), text, lambda: _gone(request)))

        return endpoint

    async def plays(request: Request) -> Response:
        path = request.path_params["path"] or "index.html"
        if path not in played:
            raise HTTPException(404)
        return Response(played[path], media_type=guess_type(path)[0])

    asked = {
        "answer": answers(lambda language: partial(answer, language=language)),
        "check": answers(lambda language: check),
    }
    return Starlette(
        routes=[
            *(
                Route(f"{room}/api/{name}", does, methods=["POST"])
                for room in ("", PLAY)
                for name, does in asked.items()
            ),
            Route(f"{PLAY}/{{path:path}}", plays),
            Route("/favicon.ico", _no_icon),
            Mount("/", StaticFiles(directory=folder, html=True)),
        ],
        middleware=[Middleware(Headed), Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False)],
        exception_handlers={Refusal: _refused, StoppedError: _stopped, BusyError: _busy},
        lifespan=lifespan,
    )


async def _asked(request: Request) -> tuple[str, str]:
    """The text of a request and the language of the answer, if a page of this site sends them as it should."""
    origin = request.headers.get("origin")
    if origin is not None and origin != f"http://{request.headers['host']}":
        raise Refusal(403, "expected a request of this site's own pages")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise Refusal(415, f"expected content of type {JSON}")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise Refusal(413, f"expected at most {LARGEST} bytes")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    asked = {"language": ENGLISH, **found} if isinstance(found, Mapping) else {}
    if asked.keys() != {"text", "language"} or not all(isinstance(value, str) for value in asked.values()):
        raise Refusal(400, 'expected JSON such as {"text": "y[n] = x[n]^2"}, and with it perhaps "language"')
    try:
        return asked["text"], checked_language(asked["language"])
    except EquationError as error:
        raise Refusal(400, str(error)) from None


async def _gone(request: Request) -> None:
    """End when the browser does not wait any more."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _no_icon(request: Request) -> Response:
    """Browsers ask for it where a page names none."""
    return Response(status_code=204)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return JSONResponse(_mistake(error.words), error.code)


async def _stopped(request: Request, error: Exception) -> Response:
    """What is said of a text, as of any other that is wrong."""
    return JSONResponse(_mistake(str(error)))


async def _busy(request: Request, error: Exception) -> Response:
    return JSONResponse(_mistake(str(error)), 503)


def _mistake(words: str) -> Answer:
    """As the playground says what is wrong, without a place."""
    return {"error": {"message": words, "line": 0, "column": 0, "length": 0}}
