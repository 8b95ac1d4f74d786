"""Work on large texts, in a process of its own: the event loop stays free, and memory is bounded and given back.

    async with reading.place():                              # of the few large texts at a time
        queue = await reading.run(scan, parse_queue, body)   # here if the text is small, else in the process

The process is started when it is first needed, does one work at a time, and ends when it is idle or has grown. A work
is a function of the text that can be pickled, with further arguments that can; what it raises is raised here. A work
that takes too long or too much memory ends with `TooMuchWork`, and the next one has a new process.

`python -m gateway.reading` is that process.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from gateway.json_reader import Scan, TooMuch
from gateway.tasks import start_task

SMALL_SIZE = 262_144  # bytes of a text that is read on the event loop, in some milliseconds
SMALL_VALUES = 20_000
LARGE_AT_ONCE = 2  # large texts in memory at the same time
WORK_SECONDS = 20.0
IDLE_SECONDS = 30.0
MOST_MEMORY = 256 * 1024 * 1024  # bytes that the process may have
GROWN = 128 * 1024 * 1024  # bytes; a process that had so many ends: Python rarely gives memory back
_ROOT = Path(__file__).resolve().parent.parent
_HEAD = struct.Struct(">QQ")  # bytes of the message, and of the text behind it
_PIECE = 262_144  # bytes written at a time: what the pipe does not take is copied

T = TypeVar("T")


class TooMuchWork(TooMuch):
    """A text that takes too long or too much memory to read."""


class Reading:
    """Reads large texts. Use `close` at the end."""

    def __init__(self, *, work_seconds: float = WORK_SECONDS, idle_seconds: float = IDLE_SECONDS) -> None:
        self._work_seconds = work_seconds
        self._idle_seconds = idle_seconds
        self._places = asyncio.Semaphore(LARGE_AT_ONCE)
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._ended: set[asyncio.Task[int]] = set()

    def place(self) -> asyncio.Semaphore:
        """The right to have a large text in memory, for as long as an `async with` block lasts."""
        return self._places

    async def run(self, scan: Scan, work: Callable[..., T], text: bytes | bytearray, *arguments: object) -> T:
        """What a work gives, on a text with this scan."""
        if is_small(scan):
            return work(text, *arguments)
        async with self._turn:
            if self._idle is not None:
                self._idle.cancel()
            try:
                async with asyncio.timeout(self._work_seconds):
                    kind, value = await self._have_done(text, (work, arguments))
            except TimeoutError as error:
                self._kill()
                raise TooMuchWork("It takes too long to read.") from error
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                self._kill()
                raise TooMuchWork("It takes too much memory to read.") from error
            except BaseException:  # such as a cancellation: the answer would be taken for the next one's
                self._kill()
                raise
            self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._kill)
        if kind == "raised":
            raise _revived(*value)
        return value  # type: ignore[no-any-return]

    async def close(self) -> None:
        """End the process, and wait for all that were ended before."""
        self._kill()
        await asyncio.gather(*self._ended)

    async def _have_done(self, text: bytes | bytearray, order: object) -> tuple[str, Any]:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", __spec__.name, cwd=_ROOT,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
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
            self._forget()
        return kind, value

    def _kill(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        self._forget()

    def _forget(self) -> None:
        """Have the next work start another process."""
        if self._process is not None:
            wait = start_task(self._process.wait())
            self._ended.add(wait)
            wait.add_done_callback(self._ended.discard)
        self._process = None


def is_small(scan: Scan) -> bool:
    """Whether a text with this scan is read within some milliseconds."""
    return scan.size <= SMALL_SIZE and scan.values <= SMALL_VALUES


def _revived(kind: type[Exception], arguments: tuple[object, ...], facts: dict[str, object]) -> Exception:
    """An error as it was raised in the process, whatever its class wants to be made of."""
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(facts)
    return error


def _attempt(text: bytes, work: Callable[..., Any], arguments: tuple[object, ...]) -> tuple[str, Any]:
    try:
        return "done", work(text, *arguments)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - it is raised where the work was asked for
        return "raised", (type(error), error.args, error.__dict__)


def _bound_memory() -> None:
    """Have the system refuse more memory, where it can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))


def _peak() -> int:
    """How many bytes this process had at most, where the system says; `getrusage` counts its parent's too."""
    try:
        status = Path("/proc/self/status").read_text("ascii", "replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def main() -> None:
    """Do each work that comes in, until no more does, one took too much, or the process has grown."""
    _bound_memory()
    given, back = sys.stdin.buffer, sys.stdout.buffer
    while len(head := given.read(_HEAD.size)) == _HEAD.size:
        size, length = _HEAD.unpack(head)
        work, arguments = pickle.loads(given.read(size))
        kind, value = _attempt(given.read(length), work, arguments)
        is_last = _peak() > GROWN
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
