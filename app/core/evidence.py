"""What can be learned about a task, as values: submit answers, polls of queue and history, socket events.

`core/truth.py` says what each of them means. `at` is when it was learned, in seconds since the epoch; names that end in
`_ms` are the server's own clock, in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.core.model import Failure, NodeError, NodeId, Output


@dataclass(frozen=True, slots=True)
class Accepted:
    """The POST was answered with 200; `node_errors` name outputs that the server has dropped."""

    at: float
    number: float | None
    node_errors: tuple[NodeError, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The POST certainly led to no run: rejected by the server, or certainly not sent."""

    at: float
    failure: Failure


@dataclass(frozen=True, slots=True)
class Unclear:
    """The POST ended, and it is unknown whether the server accepted it."""

    at: float
    cause: str


@dataclass(frozen=True, slots=True)
class Seen:
    """The real server's queue has it: running, or waiting at `place` (1 is next)."""

    at: float
    is_running: bool
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """The real server has it neither in its queue nor, read after that, in its history.

    `began` is when that poll began, `at` when it ended: the time between two polls is from the first's end to the
    second's beginning. `is_same` if the server was not restarted since it had the task. `apart` is that time by a clock
    that is never set; None after a reload.
    """

    began: float
    at: float
    is_same: bool = False
    apart: float | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """Our own request to stop a task that was there was answered, and a poll right after it found the task nowhere."""

    at: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The real server's history entry. `end` is success | error | interrupted."""

    at: float
    end: str
    outputs: tuple[Output, ...] = ()
    failure: Failure | None = None
    ended_ms: int | None = None
    started_ms: int | None = None
    cached: tuple[NodeId, ...] = ()


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """A poll without a real answer; it says nothing about the task."""

    at: float
    cause: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The fleet no longer gives the task's server id the recorded address."""

    at: float
    present: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    """The socket reported that it runs; `started_ms` is the server's own clock."""

    at: float
    started_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Cached:
    """The socket reported which nodes need not run."""

    at: float
    nodes: tuple[NodeId, ...]


@dataclass(frozen=True, slots=True)
class Executed:
    """The socket reported the outputs of one node; `age` as in ReportedEnd."""

    at: float
    outputs: tuple[Output, ...]
    age: float | None = None


@dataclass(frozen=True, slots=True)
class ReportedEnd:
    """The socket reported an end: success | error | interrupted.

    `age` is the seconds since the task was sent, by a clock that is never set; None if an earlier page sent it.
    """

    at: float
    end: str
    failure: Failure | None = None
    ended_ms: int | None = None
    age: float | None = None


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """The user has cancelled it."""

    at: float


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The user has given it up."""

    at: float


Evidence = (
    Accepted | Refused | Unclear | Seen | Absent | Removed | Finished | NoAnswer | Moved | Started | Cached | Executed
    | ReportedEnd | CancelAsked | GivenUp
)  # fmt: skip
