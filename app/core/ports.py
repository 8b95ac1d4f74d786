"""What the session needs from the outside, as protocols: HTTP, a socket, the store, window identity, a clock, chance.

The browser's adapters are in `app/browser/`; the simulation's in `tests/simulation/`. One port suite runs against
both. Adapters raise only errors of `app.core.errors`; everything else is a bug.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from app.core.balancer import Claims
from app.core.model import ClientId, Fleet, PromptId, Records, Reservation, ServerId, Task, WindowId
from app.core.past_port import PastStore
from app.core.store_parts import LearnedStore, LineStore


class Blob(Protocol):
    """Bytes that stay where they are (a JavaScript Blob in the browser) until somebody reads them."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def media_type(self) -> str:
        """As the browser or the server calls it; may be empty."""

    async def read(self) -> bytes:
        """All of it, copied over."""


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart body: plain fields, and one file in the field `image`."""

    fields: Mapping[str, str]
    file: Blob
    filename: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request to our own origin, or to a server that the page asks itself. `deadline` is in seconds, for the
    whole exchange."""

    method: str
    path: str  # with its query: /servers/gpu-1/history/…, or the whole address of such a server
    deadline: float
    json: str | None = None
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """An answer that arrived whole. Header names are lower-case. `blob` is set by `fetch`, `text` by `send`."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    blob: Blob | None = None


class Http(Protocol):
    """Requests to our own origin. A broken or late exchange raises RequestTimeout: it may have been acted on."""

    async def send(self, request: Request) -> Response:
        """Exchange, and read the answer as text."""

    async def fetch(self, request: Request) -> Response:
        """Exchange, and keep the answer's body as a Blob."""

    async def upload(self, request: Request, on_progress: Callable[[float], None]) -> Response:
        """Exchange with a form; `on_progress` gets the fraction sent, 0 to 1."""


@dataclass(frozen=True, slots=True)
class BinaryFrame:
    """A binary message: its first bytes (at most 8 KiB, enough for every header) and all of it as a Blob."""

    head: bytes
    body: Blob

    def image(self, offset: int) -> BinaryFrame:
        """The frame from `offset` on; what a preview's picture is."""
        return BinaryFrame(self.head[offset:], SlicedBlob(self.body, offset))


@dataclass(frozen=True, slots=True)
class SlicedBlob:
    """The rest of another Blob from `offset` on."""

    whole: Blob
    offset: int

    @property
    def size(self) -> int:
        """Bytes."""
        return max(0, self.whole.size - self.offset)

    @property
    def media_type(self) -> str:
        """Not known here: the frame's header tells it."""
        return ""

    async def read(self) -> bytes:
        """All of it, copied over."""
        return (await self.whole.read())[self.offset :]


Frame = str | BinaryFrame


class Connection(Protocol):
    """One open WebSocket to one server."""

    @property
    def url(self) -> str:
        """The live socket's own address, read from the socket itself."""

    @property
    def is_open(self) -> bool:
        """Whether it can still send and receive."""

    async def send(self, text: str) -> None:
        """Send a text message; SocketClosed if it has ended."""

    async def receive(self) -> Sequence[Frame]:
        """All messages that have arrived, at least one, in order; SocketClosed when it has ended and none is left."""

    async def close(self) -> None:
        """Close, and return only when it is closed (or after a bounded wait, when the other side is gone)."""


class Sockets(Protocol):
    """Opens WebSockets to our own origin."""

    async def open(self, path: str, deadline: float) -> Connection:
        """An open connection to `path` (`/servers/gpu-1/ws?clientId=…`), or SocketClosed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRecord:
    """What the store keeps of a window. `client_id` is minted once and never copied to another window."""

    window_id: WindowId
    client_id: ClientId
    created_at: float
    seen_at: float
    v: int = 1
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptResult:
    """One output's bytes as kept here, and when."""

    prompt_id: PromptId
    index: int
    blob: Blob
    kept_at: float


class Keep(Enum):
    """What is kept of a result's bytes."""

    ORIGINALS = "originals"  # and a thumbnail of each picture
    THUMBNAILS = "thumbnails"  # nothing else


@dataclass(frozen=True, slots=True)
class KeepSettings:
    """How much this browser keeps, as the person set it for all of its windows. Thumbnails are apart from the cap."""

    cap_bytes: int = 2_000_000_000
    keep: Keep = Keep.ORIGINALS


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What lies in this browser's storage, in bytes. None is what this browser does not tell."""

    settings: KeepSettings
    count: int = 0  # kept originals
    size: int = 0
    thumbnails: int = 0
    thumbnails_size: int = 0
    inputs_size: int = 0
    used: int | None = None  # by everything of this site, as the browser estimates it
    quota: int | None = None  # what the browser would give to this site
    is_persistent: bool | None = None  # whether the browser has promised not to clear it by itself


class BlobStore(Protocol):
    """The part of the store that holds bytes: results, their thumbnails, and inputs."""

    async def keep_result(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:
        """Keep one output's bytes, within the cap; the oldest make room. False if only thumbnails are wanted,
        StorageError(quota) if it can't be kept. Fenced like `update`."""

    async def read_result(self, prompt_id: PromptId, index: int) -> KeptResult | None:
        """The kept bytes, or None."""

    async def read_kept(self, among: Collection[tuple[PromptId, int]]) -> frozenset[tuple[PromptId, int]]:
        """Which of these outputs' bytes are kept now."""

    async def keep_thumbnail(self, task: Task, index: int, blob: Blob, kept_at: float) -> bool:
        """Make and keep a small WebP of a picture, whatever the cap; False if the bytes are no picture. Fenced."""

    async def read_thumbnail(self, prompt_id: PromptId, index: int) -> Blob | None:
        """The kept thumbnail, or None."""

    async def keep_preview(self, task: Task, blob: Blob, media_type: str, kept_at: float) -> bool:
        """Keep a running task's last preview, small, instead of the one before; those of a few tasks are kept. False if
        the bytes are no picture, or if the task has ended. Fenced."""

    async def read_preview(self, prompt_id: PromptId) -> Blob | None:
        """The kept preview, or None."""

    async def delete_preview(self, prompt_id: PromptId) -> None:
        """Delete the kept preview; nothing happens if there is none."""

    async def delete_results(self, prompt_id: PromptId | None = None) -> None:
        """Delete the kept bytes, thumbnails and preview of one task, or of all."""

    async def keep_input(self, sha256: str, blob: Blob, kept_at: float) -> None:
        """Keep an input's bytes under their hash, within the bound."""

    async def read_input(self, sha256: str) -> Blob | None:
        """The kept input, or None."""

    async def find_input(self, start: str) -> str | None:
        """Return the full hash of a kept input whose hash starts with this text, or None."""

    async def read_settings(self) -> KeepSettings:
        """How much is kept."""

    async def write_settings(self, settings: KeepSettings) -> None:
        """Set how much is kept; what is over the new cap goes at once, the oldest first. Thumbnails stay."""

    async def usage(self) -> Usage:
        """What lies here now."""

    async def persist(self, *, is_asked: bool = False) -> bool | None:
        """Have the browser promise not to clear the storage by itself: whether it has, or None if it cannot. It may
        ask the person, so it is asked once per browser, and again only if the person wants it (`is_asked`)."""


class TaskStore(BlobStore, LineStore, LearnedStore, Protocol):
    """The one store of all windows of this installation and user. Each operation is one transaction.

    Durable means: on disk as far as the browser can tell, before the call returns. Whatever fails raises
    StorageError and has written nothing. `owner` and `epoch` fence: a write for a task checks both in its own
    transaction. A write of a record that meets the quota drops kept bytes (the oldest results, then inputs, then
    thumbnails) and is tried again, `choose` included, until it fits or nothing is left.

    A task's record that cannot be read is never skipped: it comes back as `Unreadable` beside the others, to its owner,
    or to every window if the owner cannot be told. An operation on that one task raises BrokenRecord, or NotOwner if
    this much can be read.
    """

    async def claim(self, fresh: WindowRecord) -> tuple[WindowRecord, Records]:
        """The window's record (`fresh` is written if there is none) and its tasks; its reservations are deleted."""

    async def reserve(self, choose: Callable[[Claims], Reservation]) -> Reservation:
        """Read everybody's claims, and what was learned of durations, call `choose`, write its reservation; durable.
        What `choose` raises is raised."""

    async def release_reservation(self, prompt_id: PromptId) -> None:
        """Delete the reservation; nothing happens if it is gone."""

    async def register(self, task: Task) -> None:
        """Write a new task and delete its reservation; durable. InvalidTransition if the prompt_id is taken,
        NotOwner if the reservation is not this owner's. A task with a `part` is taken off its tab's line in the same
        transaction: NotOwner if it does not wait there any more."""

    async def register_at_once(self, task: Task, check: Callable[[Claims], None]) -> None:
        """`reserve` and `register` in one, where the server is decided already: read everybody's claims (not what was
        learned), call `check`, write the new task; durable, and no reservation is left. What `check` raises is raised,
        and the rest as by `register`."""

    async def update(self, task: Task) -> None:
        """Write a known task; durable. NotOwner if owner and epoch in the store differ from the task's, TaskNotFound
        if it is not there."""

    async def adopt(self, prompt_id: PromptId, seen: tuple[WindowId, int], new_owner: WindowId) -> Task:
        """Compare-and-set the owner: the task with the new owner, the next epoch and `is_ward`. NotOwner if owner and
        epoch are not as `seen`."""

    async def read_task(self, prompt_id: PromptId) -> Task | None:
        """The task as stored now, whoever owns it."""

    async def read_tasks(self, owner: WindowId | None = None) -> Records:
        """All tasks of one window, or of all, oldest first."""

    async def delete_task(self, task: Task) -> None:
        """Delete an ended task, its results, and its inputs if no other task or waiting run has them; fenced."""

    async def delete_unreadable(self, prompt_id: PromptId, owner: WindowId) -> None:
        """Delete a record that cannot be read, with its results; durable. Nothing happens if it is gone. NotOwner if
        it is another window's, InvalidTransition if it can be read."""


class JournalStore(Protocol):
    """Where a window's journal outlives its page. No truth hangs on it, and nobody waits for a write."""

    async def read(self, window_id: WindowId) -> str:
        """What was written last for that window; empty if nothing was."""

    async def write(self, window_id: WindowId, text: str, at: float) -> None:
        """Put this in its place. The journals of windows that wrote longest ago may be deleted."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this window is. `is_duplicate` when the id it came with belongs to another living window."""

    window_id: WindowId
    is_new: bool
    is_duplicate: bool = False


class Windows(Protocol):
    """The identity of this window, and signs of life of the others."""

    async def claim(self) -> Identity:
        """This window's id: the one it had before a reload, or a new one. Never one that another window uses."""

    async def enlist(self, window_id: WindowId) -> bool:
        """Hold one more id, of a session that helps this window, as its own; False if another page holds it."""

    async def is_alive(self, window_id: WindowId) -> bool | None:
        """Whether that window lives; None if this browser cannot tell."""


class FleetSource(Protocol):
    """The list of servers: the gateway's, pushed, or that of a page which asks them itself."""

    async def first(self) -> Fleet:
        """The fleet as it is now; ConfigError or TransportError if the gateway does not tell."""

    async def changes(self) -> Fleet:
        """The next fleet that differs; reconnects by itself for as long as it takes.

        When the gateway cannot be asked any more, that is raised once; then the next fleet is one that differs.
        """


class Catalogues(Protocol):
    """What nodes the servers have, by the hash of that content. Raises TransportError, or ConfigError."""

    async def classes(self, content: str, names: Collection[str]) -> str:
        """The classes with these names, as one JSON object like `/object_info`; without those that are not there."""

    async def names(self, content: str) -> tuple[str, ...]:
        """The names of all classes."""

    async def refresh(self, server_id: ServerId) -> tuple[str, str]:
        """Have that server's catalogue read again: the hashes of its nodes and of its lists of uploaded files."""


class Clock(Protocol):
    """Time, which the simulation owns."""

    def now(self) -> float:
        """Seconds since the epoch."""

    async def sleep(self, seconds: float) -> None:
        """Return after about that long; a late return proves nothing."""


class Random(Protocol):
    """Chance, seeded afresh in every window."""

    def uuid4(self) -> str:
        """A lower-case hyphenated UUID4."""

    def fraction(self) -> float:
        """A number in [0, 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything a session is given."""

    http: Http
    sockets: Sockets
    store: TaskStore
    windows: Windows
    fleet: FleetSource
    clock: Clock
    random: Random
    journal: JournalStore | None = None  # without one, a reload begins a new journal
    past: PastStore | None = None  # without it, a window holds all of its tasks for ever
    catalogues: Catalogues | None = None  # without them, any server is thought able to run anything
