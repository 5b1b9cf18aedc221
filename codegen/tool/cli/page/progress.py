"""What a long command is doing, on standard error, at least every few seconds."""

import sys
from threading import Event, Thread
from time import monotonic
from typing import Self, TextIO

from gradscribe.derive.ir.quote import visible

SECONDS = 2.0
"""Between two lines where no terminal shows them; a terminal has one line that changes."""
_ERASED = "\r\x1b[K"


class Progress:
    """Says within ``with`` what was `told` last; nothing of what takes less than `SECONDS`."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._what = ""
        self.ended = Event()
        self._thread = Thread(target=self._tick, daemon=True)

    def told(self, what: str) -> None:
        """From now on this is being done."""
        self._what = visible(what)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._thread.join()

    def _tick(self) -> None:
        start, terminal = monotonic(), self._stream.isatty()
        shown = False
        while not self.ended.wait(SECONDS if not (terminal and shown) else 0.5):
            text = f"gradscribe: {self._what}, {monotonic() - start:.0f} s"
            print(f"{_ERASED}{text}" if terminal else text, end="" if terminal else "\n", file=self._stream, flush=True)
            shown = True
        if terminal and shown:
            print(_ERASED, end="", file=self._stream, flush=True)
