"""Work on large texts in a separate process, so that the event loop stays free and memory is bounded and returned.

    async with worker.room(size):                           # waits while other large texts fill the memory
        queue = await worker.run(scan, parse_queue, body)   # here if the text is small

The process is started when it is first needed, runs one function at a time, for users in turn, and ends when it is idle
or has grown. The function receives the text and further arguments, which must be picklable; its exceptions are raised
here. One that takes too long or too much memory ends with `TooMuchWork`, and the next one gets a new process.

`python -m gateway.http.worker_process` is that process.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import struct
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from gateway.child_process import ChildProcess
from gateway.http.json_reader import Scan, TooMuch
from gateway.http.lanes import Lane
from gateway.platforms import system

SMALL_SIZE = 262_144  # bytes; smaller texts are read on the event loop, within some milliseconds
SMALL_VALUES = 20_000
SMALL_HEAVY = 32_768  # bytes, of a text on which heavy work is done here
LARGE_BYTES = 64 * 1024 * 1024  # of large texts in memory at the same time
WORK_SECONDS = 20.0
IDLE_SECONDS = 30.0
MOST_MEMORY = 256 * 1024 * 1024  # bytes that the process may have
GROWN = 128 * 1024 * 1024  # bytes; a process that has used more ends, since Python rarely returns memory
_ROOT = Path(__file__).resolve().parents[2]
_HEAD = struct.Struct(">QQ")  # lengths of the message and of the text after it
_PIECE = 262_144  # bytes written at a time, since asyncio copies what the pipe does not take

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Heavy(Generic[T]):
    """Work that takes much longer than to read its text, such as a proof: the process does all but the shortest."""

    work: Callable[..., T]

    def __call__(self, text: bytes | bytearray, *arguments: object) -> T:
        return self.work(text, *arguments)


class TooMuchWork(TooMuch):
    """A text that takes too long or too much memory to read."""


class WorkerProcess:
    """The process that reads large texts. Call `close` at the end."""

    def __init__(self, *, work_seconds: float = WORK_SECONDS, idle_seconds: float = IDLE_SECONDS) -> None:
        self._work_seconds = work_seconds
        self._idle_seconds = idle_seconds
        self._used = 0  # bytes of large texts
        self._queue = asyncio.Lock()
        self._freed = asyncio.Event()
        self._turns = Lane(1)
        self._process: ChildProcess | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._latest: ChildProcess | None = None  # which has ended, or is ending

    @contextlib.asynccontextmanager
    async def room(self, size: int) -> AsyncIterator[None]:
        """Wait until a large text of this many bytes fits into memory, and reserve the room: first come, first served.

        So a server that sends its answer slowly blocks no more than this answer's size.
        """
        async with self._queue:
            while self._used and self._used + size > LARGE_BYTES:
                self._freed.clear()
                await self._freed.wait()
            self._used += size
        try:
            yield
        finally:
            self._used -= size
            self._freed.set()

    async def run(self, scan: Scan, work: Callable[..., T], text: bytes | bytearray, *arguments: object) -> T:
        """Run `work` on a text with this scan and return its result."""
        if is_small(scan) and (scan.size <= SMALL_HEAVY or not isinstance(work, Heavy)):
            return work(text, *arguments)
        async with self._turns.hold():
            if self._idle is not None:
                self._idle.cancel()
            try:
                async with asyncio.timeout(self._work_seconds):
                    kind, value = await self._have_done(text, (work, arguments))
            except TimeoutError as error:
                self._kill()
                raise TooMuchWork("It takes too long to parse.") from error
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                self._kill()
                raise TooMuchWork("It takes too much memory to parse.") from error
            except BaseException:  # such as a cancellation: the next call would read this answer
                self._kill()
                raise
            self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._kill)
        if kind == "raised":
            raise _revived(*value)
        return value  # type: ignore[no-any-return]

    async def close(self) -> None:
        """End the process, and wait for its end, though not for long."""
        self._kill()
        if self._latest is not None:
            await self._latest.ended()

    async def _have_done(self, text: bytes | bytearray, order: object) -> tuple[str, Any]:
        if self._process is None or self._process.is_over:
            self._kill()
            self._process = await ChildProcess.start([sys.executable, "-m", __spec__.name], _ROOT)
        to, back = self._process.to, self._process.back
        message = pickle.dumps(order, pickle.HIGHEST_PROTOCOL)
        to.write(_HEAD.pack(len(message), len(text)))
        to.write(message)
        view = memoryview(text)
        for start in range(0, len(text), _PIECE):
            to.write(view[start : start + _PIECE])
            await to.drain()
        view.release()
        size, _ = _HEAD.unpack(await back.readexactly(_HEAD.size))
        is_last, kind, value = pickle.loads(await back.readexactly(size))
        if is_last:
            self._kill()
        return kind, value

    def _kill(self) -> None:
        """End the process, so that the next call starts another one."""
        if self._idle is not None:
            self._idle.cancel()
        if self._process is not None:
            self._process.end()
            self._latest, self._process = self._process, None


def is_small(scan: Scan) -> bool:
    """Return whether a text with this scan can be read within some milliseconds."""
    return scan.size <= SMALL_SIZE and scan.values <= SMALL_VALUES


def _revived(kind: type[Exception], arguments: tuple[object, ...], facts: dict[str, object]) -> Exception:
    """Return the error that was raised in the process, without calling its class's own `__init__`."""
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(facts)
    return error


def _attempt(text: bytes, work: Callable[..., Any], arguments: tuple[object, ...]) -> tuple[str, Any]:
    try:
        return "done", work(text, *arguments)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - it is raised in the caller
        return "raised", (type(error), error.args, error.__dict__)


def main() -> None:
    """Run each call that arrives, until no more do, one uses too much, or the process has grown."""
    system.bound_memory(MOST_MEMORY)
    system.yield_processor()  # to the event loop, which answers all
    given, back = sys.stdin.buffer, sys.stdout.buffer
    while len(head := given.read(_HEAD.size)) == _HEAD.size:
        size, length = _HEAD.unpack(head)
        work, arguments = pickle.loads(given.read(size))
        kind, value = _attempt(given.read(length), work, arguments)
        is_last = system.peak_memory() > GROWN
        answer = pickle.dumps((is_last, kind, value), pickle.HIGHEST_PROTOCOL)
        back.write(_HEAD.pack(len(answer), 0))
        back.write(answer)
        back.flush()
        del value, answer
        if is_last:
            return


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError, MemoryError):
        main()
