"""Answers side by side: what one text does to its process is nothing to another one."""

import asyncio
import os
import sys
import time
from typing import Any

import pytest

from gradscribe.codegen.tool.pages.apart import GIB, Limits, StoppedError
from gradscribe.codegen.tool.pages.server.answering import Answering

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not bound memory")
LIMITS = Limits(20, GIB // 2)


def says(text: str) -> dict[str, Any]:
    return {"said": text, "process": os.getpid()}


def hoards(text: str) -> dict[str, Any]:
    held: list[bytearray] = []
    while True:
        held.append(bytearray(GIB // 16))


def leaves(text: str) -> dict[str, Any]:
    os._exit(1)


def sleeps(text: str) -> dict[str, Any]:
    time.sleep(600)
    return {}


async def stays() -> None:
    await asyncio.Event().wait()


async def goes() -> None:
    await asyncio.sleep(0.2)


def test_one_text_does_nothing_to_another_one() -> None:
    async def together() -> list[Any]:
        answering = Answering(LIMITS)
        asked = (says, hoards, leaves, says)
        every = [answering.answer(function, str(k), stays) for k, function in enumerate(asked)]
        return await asyncio.gather(*every, return_exceptions=True)

    first, hoarded, left, last = asyncio.run(together())
    assert (first["said"], last["said"]) == ("0", "3")
    assert len({first["process"], last["process"], os.getpid()}) == 3
    assert isinstance(hoarded, StoppedError)
    assert str(hoarded) == "stopped at 0.5 GiB of memory: the text is too much"
    assert isinstance(left, StoppedError)
    assert "exit code 1" in str(left)


def test_texts_wait_for_each_other_but_not_for_ever() -> None:
    async def many() -> list[Any]:
        answering = Answering(Limits(1, GIB), most=1)
        every = [answering.answer(function, "", stays) for function in (sleeps, says)]
        return await asyncio.gather(*every, return_exceptions=True)

    slow, waiting = asyncio.run(many())
    assert str(slow) == "stopped after 1 s: the text is too much"
    assert isinstance(waiting, dict) or str(waiting) == "other texts are still worked on; try again"


def test_who_goes_is_waited_for_no_longer() -> None:
    start = time.monotonic()
    with pytest.raises(StoppedError):
        asyncio.run(Answering(LIMITS).answer(sleeps, "", goes))
    assert time.monotonic() - start < 10
