"""The answers of a ComfyUI server to the gateway's own requests, parsed into values. Pure.

An answer must have ComfyUI's shape and stay within its bounds, or `NotComfyError` is raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.http.json_reader import Bounds, JsonError, TooMuch, build
from wire.health import page_cause
from wire.queue import QueueError, TooManyRows, read_rows
from wire.system_stats import ProbeResult, StatsError, read_stats

SMALL = Bounds(262_144)  # /system_stats, /features: a server with sixteen devices describes itself in four thousand
QUEUE = Bounds(32 * 1024 * 1024, values=1_000_000)  # the whole prompts of all users, each with its editor's graph
PAGE = Bounds(4 * 1024 * 1024)  # of /history
ENTRY = Bounds(16 * 1024 * 1024)  # one prompt with all its outputs, in /history or /api/jobs
JOBS = Bounds(4 * 1024 * 1024)
MODELS = Bounds(4 * 1024 * 1024)  # one folder's list, or one model's metadata; ComfyUI reads at most 1 MiB of that
CATALOGUE = Bounds(32 * 1024 * 1024, values=1_000_000)  # it repeats thousands of file names many times
MOST_ROWS = 10_000  # prompts in one queue


class NotComfyError(Exception):
    """The answer does not have ComfyUI's shape. `cause` says what it is instead, if that is known."""

    def __init__(self, message: str, cause: str = "") -> None:
        self.cause = cause
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class QueueAnswer:
    """The prompt_ids of `/queue`, in the order in which they will run."""

    running: tuple[str, ...]
    pending: tuple[str, ...]
    marks: Mapping[str, str] = field(default_factory=dict)  # by prompt_id, the owner's mark where there is one


def parse_json(body: bytes | bytearray, path: str) -> object:
    """Return the value of a body that was scanned."""
    try:
        value: object = build(body)
    except JsonError as error:
        raise not_json(path, error, body) from error
    return value


def not_json(path: str, error: JsonError, body: bytes | bytearray) -> NotComfyError:
    """Return the error for an answer that is too large or not JSON."""
    cause = "too-much" if isinstance(error, TooMuch) else page_cause(body)
    return NotComfyError(f"{path} is not read: {error}", cause)


def parse_stats(answer: object) -> ProbeResult:
    """Read a `/system_stats`, or raise `NotComfyError`."""
    try:
        return read_stats(answer)
    except StatsError as error:
        raise NotComfyError(str(error)) from error


def parse_queue(answer: object) -> QueueAnswer:
    """Return the ids of `/queue`, or raise `NotComfyError`."""
    try:
        rows = read_rows(answer, most=MOST_ROWS)
    except QueueError as error:
        raise NotComfyError(str(error), "too-much" if isinstance(error, TooManyRows) else "") from error
    running, pending = (tuple(row.prompt_id for row in rows if row.is_running is now) for now in (True, False))
    marks = {row.prompt_id: mark for row in rows if isinstance(mark := row.extra_data.get("mooring"), str)}
    return QueueAnswer(running, pending, marks)


def read_queue_answer(body: bytes | bytearray) -> QueueAnswer:
    """Read a `/queue` from its text."""
    return parse_queue(parse_json(body, "/queue"))
