"""Everything that can be refused or fail, grouped by what the user can do about it.

    MooringError
    ├ ConfigError                      bad fleet, missing runtime files
    │  └ ListError(file)               a page without a gateway cannot read its list of servers
    ├ BadInput                         the user's file or workflow cannot be used
    │  └ BadPlan(faults)               a plan of many runs cannot be used
    ├ TransportError(server_id)        may be retried
    │  ├ ConnectError                  certainly not sent
    │  ├ RequestTimeout                unclear
    │  ├ ServerBusy(retry_after)       something in front of the server answered in its place
    │  └ SocketClosed
    ├ ComfyError(server_id)            the server answered
    │  ├ HttpStatusError(status)
    │  ├ PromptRejected(node_errors)
    │  └ ProtocolError                 not a valid answer of ComfyUI
    ├ AffinityError                    a promise would break
    │  ├ StillRestoring · ServerLockedError · TaskNotFound · UnboundTask
    │  ├ NotOwner · ServerMoved · ServerUnable · NoServerAvailable · NotYourTurn · InvalidTransition
    │  └ UnreadableRecord
    ├ GatewayRefused(cause)            the gateway's own rules forbid it
    ├ StorageError                     quota, blocked, closed by an upgrade
    └ LayoutError                      a graph could not be arranged

Errors carry facts as attributes; `app/ui/kit/messages.py` has the messages. `facts()` is what the console's
`Error` objects carry as properties.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.core.model import NodeError, PromptId, ServerId, WindowId


def reason_of(error: Exception) -> str:
    """What an error of Python says, to stand in a message."""
    if isinstance(error, KeyError) and error.args:
        return f"{error.args[0]} is missing"
    return str(error) or type(error).__name__


@dataclass(eq=False)
class MooringError(Exception):
    """The root: every refusal and failure that Mooring itself raises."""

    def __post_init__(self) -> None:
        super().__init__(str(self))

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in self.facts().items() if value not in (None, ()))
        return f"{type(self).__name__}({facts})"

    def facts(self) -> dict[str, object]:
        """The attributes by name, for the log, the locale and the console."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


@dataclass(eq=False)
class ConfigError(MooringError):
    """The installation is invalid: an unreadable fleet, a missing runtime file."""

    cause: str = ""


@dataclass(eq=False)
class ListError(ConfigError):
    """The list of servers beside a page without a gateway cannot be read, or is invalid."""

    file: str = ""


@dataclass(eq=False)
class BadInput(MooringError):
    """The user's input cannot be used: `cause` is not-a-picture, too-large, empty, bad-workflow …"""

    cause: str = ""
    name: str = ""
    detail: str = ""


class SourceFault(Enum):
    """Why no workflow could be taken from a file: the `cause` of its BadInput."""

    EMPTY = "empty"
    UNKNOWN_FILE = "unknown-file"
    NO_WORKFLOW = "no-workflow"  # a known, undamaged file without a workflow
    DAMAGED = "damaged-file"
    TOO_LARGE = "file-too-large"
    TOO_DEEP = "too-deep"
    TOO_MANY_NODES = "too-many-nodes"
    TOO_MANY_CHUNKS = "too-many-chunks"
    TOO_MANY_PIXELS = "too-many-pixels"
    GONE = "file-gone"  # it was in a list, and no longer exists


@dataclass(frozen=True, slots=True)
class RowFault:
    """What is invalid in one line or row of the user's text; `row` counts from 1, as editors do."""

    row: int
    cause: str  # bad-quotes | row-length | too-long | bad-value | bad-seed
    name: str = ""
    detail: str = ""


@dataclass(eq=False)
class BadPlan(BadInput):
    """A plan of many runs cannot be used: `cause` is empty-plan, too-many-runs, bad-rows (with `faults`) …"""

    faults: tuple[RowFault, ...] = ()


@dataclass(eq=False)
class TransportError(MooringError):
    """The request failed on its way; it may be retried. Without a `server_id` it was for the gateway itself."""

    server_id: ServerId | None = None
    cause: str = ""


@dataclass(eq=False)
class ConnectError(TransportError):
    """The server has certainly not seen the request, or the prompt that the request was for."""


@dataclass(eq=False)
class RequestTimeout(TransportError):
    """No answer in time, or the connection broke after sending: the server may have acted."""


@dataclass(eq=False)
class ServerBusy(TransportError):
    """Something in front of the server has answered in its place (`core/busy.py`).

    It asks to be tried again after so many seconds, or does not say (None). `retry_at` is when it is tried again, once
    that is known.
    """

    retry_after: float | None = None
    retry_at: float | None = None


@dataclass(eq=False)
class SocketClosed(TransportError):
    """The socket ended or was never opened; it says nothing about any task."""

    code: int = 0


@dataclass(eq=False)
class ComfyError(MooringError):
    """The server answered, but not with what was asked for. Without a `server_id` it was the gateway."""

    server_id: ServerId | None = None


@dataclass(eq=False)
class HttpStatusError(ComfyError):
    """An answer with a status other than those that the protocol uses for success."""

    status: int = 0
    detail: str = ""


@dataclass(eq=False)
class PromptRejected(ComfyError):
    """The server refused the prompt: `message` and `details` are its own, `node_errors` one per fault."""

    message: str = ""
    details: str = ""
    node_errors: tuple[NodeError, ...] = ()


@dataclass(eq=False)
class ProtocolError(ComfyError):
    """An invalid answer: a login page, a proxy's error, another program."""

    detail: str = ""


@dataclass(eq=False)
class AffinityError(MooringError):
    """A promise would break, so nothing was done."""

    operation: str = ""


@dataclass(eq=False)
class StillRestoring(AffinityError):
    """The window has not read its own records yet."""


@dataclass(eq=False)
class ServerLockedError(AffinityError):
    """The window is moored to another server than the one asked for."""

    asked: ServerId | None = None
    locked: ServerId | None = None
    holders: int = 0


@dataclass(eq=False)
class TaskNotFound(AffinityError):
    """This window has no task with that prompt_id."""

    prompt_id: PromptId | None = None


@dataclass(eq=False)
class UnboundTask(AffinityError):
    """The task's record names no server, so no address can be built for it."""

    prompt_id: PromptId | None = None


@dataclass(eq=False)
class NotOwner(AffinityError):
    """Another window owns the task now; this one has let go of it."""

    prompt_id: PromptId | None = None
    owner: WindowId | None = None
    epoch: int = 0


@dataclass(eq=False)
class ServerMoved(AffinityError):
    """The fleet has another address for the task's server id now, or lacks the id; nothing is sent there."""

    server_id: ServerId | None = None
    recorded: str = ""
    present: str = ""


@dataclass(eq=False)
class ServerUnable(AffinityError):
    """The server that holds the window cannot run this work: `cause` is lacks …, `lacking` names what it lacks."""

    server_id: ServerId | None = None
    cause: str = ""
    lacking: tuple[str, ...] = ()


@dataclass(eq=False)
class NoServerAvailable(AffinityError):
    """No server can take the work now: `causes` says why, by server id, and `lacking` what is missing there."""

    causes: Mapping[str, str] = field(default_factory=dict)
    lacking: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(eq=False)
class NotYourTurn(AffinityError):
    """Enough runs of this user are ahead on the server, or waited for longer: the run is sent when its turn comes.

    `own`, `earlier` and `others` are those of `core/turns.py`; `starts_at` is when its turn should come, after so many
    seconds from now (`left`). `is_held`: it cannot wait with the window's other runs, because these are paused.
    """

    server_id: ServerId | None = None
    own: int = 0
    earlier: int = 0
    others: int | None = None
    starts_at: float | None = None
    left: float = 0.0
    is_held: bool = False


@dataclass(eq=False)
class UnreadableRecord(AffinityError):
    """A stored task that may be this window's cannot be read, so it is unknown which server holds the window.

    `server_id` is what the record names, if that is readable; `is_newer` when a newer version wrote it.
    """

    prompt_id: PromptId | None = None
    server_id: ServerId | None = None
    detail: str = ""
    is_newer: bool = False


@dataclass(eq=False)
class InvalidTransition(AffinityError):
    """This step is impossible in the present state; a bug of ours, and nothing was changed."""

    detail: str = ""


@dataclass(eq=False)
class GatewayRefused(MooringError):
    """The gateway itself refused: `cause` is its code, `detail` its sentence."""

    server_id: ServerId | None = None
    cause: str = ""
    detail: str = ""


@dataclass(eq=False)
class StorageError(MooringError):
    """The browser's store cannot be read or written: `cause` is blocked, quota, closed, upgrade, unknown …"""

    operation: str = ""
    cause: str = ""
    detail: str = ""


@dataclass(eq=False)
class LayoutError(MooringError):
    """The layout engine returned no positions for a graph: `cause` is unavailable, timeout, failed, bad-answer."""

    cause: str = ""
    detail: str = ""
