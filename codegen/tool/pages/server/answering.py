"""Answers to texts: each comes from a process of its own, a copy of one that has all loaded and has seen no text.

So a text that takes too much, or ends its process, is the end of its own answer and of nothing else.
"""

import asyncio
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradscribe.codegen.tool.pages.apart import Apart, Limits, StoppedError

WARM = "gradscribe.codegen.tool.pages.server.warm"
COPIED = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
"""How processes start: from one that has no thread and holds no connection of ours."""
Answer = dict[str, Any]


class BusyError(StoppedError):
    """A text that nobody has come to."""


@dataclass
class Answering:
    """How many texts are worked on at once, and what each may take."""

    limits: Limits
    most: int = 4

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.most)

    async def answer(self, function: Callable[[str], Answer], text: str, gone: Callable[[], Any]) -> Answer:
        """What a function says to a text; who has gone is waited for no longer.

        Args:
            function: of a module.
            text: a stranger's.
            gone: ends when nobody waits for the answer any more.

        Raises:
            StoppedError: when the text takes too much.
            BusyError: when so many are worked on that it has to wait for too long.
        """
        try:
            await asyncio.wait_for(self._free.acquire(), self.limits.seconds)
        except TimeoutError:
            raise BusyError("other texts are still worked on; try again") from None
        try:
            return await self._apart(function, text, gone)
        finally:
            self._free.release()

    async def _apart(self, function: Callable[[str], Answer], text: str, gone: Callable[[], Any]) -> Answer:
        call = await asyncio.to_thread(Apart, self.limits, function, text, method=COPIED)
        left = asyncio.ensure_future(gone())
        left.add_done_callback(lambda _: call.stop())
        try:
            return await asyncio.to_thread(_result, call)
        finally:
            left.cancel()


def _result(call: Apart[Answer]) -> Answer:
    with call:
        return call.result()


def prepare(limits: Limits) -> None:
    """Load what all copies have, and try it, before anybody asks."""
    multiprocessing.get_context(COPIED).set_forkserver_preload([WARM])
    from gradscribe.codegen.tool.pages.playground.answer import check

    with Apart(limits, check, "y[n] = x[n]", method=COPIED) as call:
        call.result()
