"""The process that draws first screens: the page's own Python (`app/prerender`), in the files of one build.

It speaks in lines of JSON: an order, its questions with their answers, and the drawing. It starts with the first order,
and ends when there was none for a while.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.child_process import ChildProcess
from gateway.http.json_reader import build
from gateway.install.page_python import LIBRARIES
from gateway.install.place import child_environment

IDLE = 300.0  # seconds
LONGEST = 30.0  # seconds for one drawing; the first one of a build compiles the page's Python
LARGEST_LINE = 32_000_000  # bytes
_BEGIN = "import runpy, sys; sys.path[:0] = sys.argv[1:]; runpy.run_module('app.prerender', run_name='__main__')"

Message = Mapping[str, Any]
Answer = Callable[[Message], Awaitable[Message]]

_log = logging.getLogger(__name__)


class NoDrawing(Exception):
    """The process could not draw."""


class DrawingProcess:
    """Draws one screen at a time, from the files in `folder`. Call `close` at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: ChildProcess | None = None
        self._turn = asyncio.Lock()
        self._ending: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def is_running(self) -> bool:
        """Whether an order is answered soon."""
        return self._process is not None

    async def draw(self, order: Message, answer: Answer) -> Message:
        """Return the drawing; `answer` is called with each question. `NoDrawing` if there is none."""
        async with self._turn:
            if self._is_closed:
                raise NoDrawing("the gateway ends")
            if self._ending is not None:
                self._ending.cancel()
            try:
                async with asyncio.timeout(LONGEST):
                    drawing = await self._exchange(order, answer)
            except (OSError, ValueError, TimeoutError, asyncio.CancelledError):
                await self._end()  # it may be in the middle of a message
                raise
            self._ending = asyncio.get_running_loop().call_later(IDLE, self._kill)
        if "error" in drawing:
            raise NoDrawing(str(drawing["error"]))
        return drawing

    async def _exchange(self, order: Message, answer: Answer) -> Message:
        process = self._process = self._process or await self._start()
        message = order
        while True:
            process.to.write(json.dumps(message).encode() + b"\n")
            await process.to.drain()
            line = await process.back.readline()
            if not line:
                raise ConnectionError("it has ended")
            reply: Message = build(line)
            if "regions" in reply or "error" in reply:
                return reply
            message = await answer(reply)

    async def _start(self) -> ChildProcess:
        python = (sys.executable, "-I", "-X", "utf8", "-c", _BEGIN)
        command = (*python, self._folder, self._folder / LIBRARIES)
        return await ChildProcess.start(command, self._folder, child_environment(), LARGEST_LINE)

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end()

    async def _end(self) -> None:
        process = self._process
        self._kill()
        if process is not None:
            await process.ended()

    async def close(self) -> None:
        """End the process; it draws no more."""
        self._is_closed = True
        if self._ending is not None:
            self._ending.cancel()
        await self._end()
