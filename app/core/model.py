"""The words of Mooring as values: ids, servers, reservations, tasks and their outputs.

Times are seconds since the epoch (UTC, float) unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NewType

ServerId = NewType("ServerId", str)
WindowId = NewType("WindowId", str)
ClientId = NewType("ClientId", str)
PromptId = NewType("PromptId", str)
BatchId = NewType("BatchId", str)
NodeId = NewType("NodeId", str)

RECORD_VERSION = 1


class Health(Enum):
    """What the gateway's prober last saw of a server."""

    UNKNOWN = "unknown"
    WELL = "well"
    DOWN = "down"
    TIMEOUT = "timeout"
    REFUSES = "refuses"
    NOT_COMFYUI = "not_comfyui"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One ComfyUI of the fleet. `base` is where this page reaches it; `address` is its own, part of its identity."""

    server_id: ServerId
    name: str
    address: str
    base: str
    health: Health = Health.UNKNOWN
    detail: str = ""
    running: int = 0
    pending: int = 0
    version: str = ""
    is_demo: bool = False
    has_jobs: bool = False  # the newer jobs API, as the gateway has found out
    is_drained: bool = False  # by its operator's wish it takes nothing new; what it has is finished there
    catalogue: str = ""  # what nodes it has, as the hash of that content; empty while the gateway has not read it
    files: str = ""  # the same of its lists of uploaded files
    broken: tuple[str, ...] = ()  # faults that a demo server has on purpose
    cause: str = ""  # of its health: login | forbidden | web-page | redirect | certificate | busy | another | too-much
    colour: str = ""  # as its operator has named it; empty lets the page choose
    weight: float = 1.0  # how much of the work it is to get, compared with the others
    tags: tuple[str, ...] = ()  # its operator's short names for people
    at: str = ""  # where it is now, for people: `address` of one that was looked up is what it is known by


@dataclass(frozen=True, slots=True)
class Fleet:
    """The servers that this installation may use, in the order of its list, and why it is this fleet."""

    servers: tuple[Server, ...] = ()
    source: str = ""
    detail: str = ""
    same: frozenset[tuple[ServerId, str, str]] = frozenset()  # (id, recorded, present): one server, a person said
    is_breakable: bool = False  # whether its servers may be broken on purpose: a demo fleet with `--faults`
    problem: str = ""  # what is wrong with the fleet file now, while this fleet stays; shown to admins
    workflows: str = ""  # changes with the workflows that the installation publishes; empty if there are none
    most_pending: int | None = None  # unfinished prompts of one person on one server; None: as many as one likes
    searches: tuple[str, ...] = ()  # problems of the DNS lookups, in sentences; shown to admins

    def get(self, server_id: ServerId | str) -> Server | None:
        """The server with that id, or None."""
        return next((server for server in self.servers if server.server_id == server_id), None)

    def has_jobs(self, server_id: ServerId) -> bool:
        """Whether that server is known to have the newer jobs API."""
        server = self.get(server_id)
        return server is not None and server.has_jobs


class TaskState(Enum):
    """Where a task stands, by the evidence. Whether its server answers now is `Contact`, a thing apart."""

    REGISTERED = "registered"  # durable here; its submit has no answer yet
    UNCLEAR = "unclear"  # the submit ended without a clear answer; look-up decides
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"  # looked for twice on its real server and found nowhere
    GIVEN_UP = "given_up"  # lost by the user's choice

    @property
    def is_end(self) -> bool:
        """Whether the task has stopped holding its window."""
        return self._value_ in _ENDED


ENDS = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED, TaskState.LOST, TaskState.GIVEN_UP})
_ENDED = frozenset(state.value for state in ENDS)  # asked thousands of times a second; a member's hash is a slow call


class Contact(Enum):
    """Whether the task's server answers at present; never an end."""

    OK = "ok"
    UNREACHABLE = "unreachable"
    MOVED = "moved"  # the fleet has another address for this id now


TEXT = "text"  # the folder of outputs that are no files


class Delivery(Enum):
    """What became of the bytes of one output."""

    PENDING = "pending"
    KEPT = "kept"
    GONE = "gone"  # the real server has it no more, or will not hand it out
    OVERWRITTEN = "overwritten"  # what stands under that name is not of this task's time
    NOT_KEPT = "not_kept"  # fetched well, but this browser's store would not keep it
    THUMBNAIL = "thumbnail"  # fetched; by the user's choice only its thumbnail is kept
    DROPPED = "dropped"  # was kept, and is no longer: it made room, or was deleted here

    @property
    def is_fetchable(self) -> bool:
        """Whether it was fetched once and is not here: its server may still have the same bytes."""
        return self in {Delivery.NOT_KEPT, Delivery.THUMBNAIL, Delivery.DROPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One file that a task made, under the name that its own server gave it; or a text that a node shows."""

    node_id: NodeId
    kind: str  # the key in the history entry: images, gifs, audio …
    filename: str
    subfolder: str = ""
    folder: str = "output"  # ComfyUI's `type`: output | temp | input; or TEXT
    delivery: Delivery = Delivery.PENDING
    size: int = 0  # bytes, once delivered
    media_type: str = ""
    etag: str = ""  # the server's mark of these very bytes, once delivered
    told_ms: int | None = None  # it was made before this, by the server's clock, if the socket told of it
    text: str = ""  # what the node shows as a text; it is in the history entry, and no file anywhere
    seal: str = ""  # the gateway's signature where users log in: without it, the gateway does not serve the file

    @property
    def is_text(self) -> bool:
        """Whether it is a text that the history entry itself has, not a file of the server's."""
        return self.folder == TEXT

    @property
    def file(self) -> tuple[str, str, str, str]:
        """What distinguishes it from the task's other outputs."""
        return self.node_id, self.folder, self.subfolder, self.filename


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """An input as uploaded: the name is the one that the server's answer gave. `sha256` finds the kept bytes."""

    node_id: NodeId
    input_name: str
    name: str
    subfolder: str = ""
    folder: str = "input"
    sha256: str = ""
    original_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeError:
    """One fault that the server found in a prompt. `message` and `details` are the server's words."""

    node_id: str
    class_type: str
    type: str
    message: str
    details: str = ""
    input_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a task failed. `kind` is rejected | not_sent | execution; the words are the server's."""

    kind: str
    message: str = ""
    node_id: str = ""
    node_type: str = ""
    exception_type: str = ""
    traceback: str = ""
    node_errors: tuple[NodeError, ...] = ()

    @property
    def is_out_of_memory(self) -> bool:
        """Whether the device's memory was too small: torch's own exceptions, or what drivers and node packs write."""
        words = f"{self.exception_type} {self.message}".casefold()
        return any(
            sign in words for sign in ("outofmemory", "out of memory", "allocation on device", "not enough memory")
        )


@dataclass(frozen=True, slots=True)
class Note:
    """One piece of evidence as kept in the record: when, what kind, and the fact."""

    at: float
    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """What a prompt costs, as far as its workflow shows before it runs (`core/job.py`)."""

    family: str  # the same for workflows of the same nodes and models
    size: float = 1.0  # what its time grows with: steps times pixels times pictures
    models: tuple[str, ...] = ()  # the model files that it loads

    @property
    def kind(self) -> str:
        """What jobs that should take equally long have in common."""
        return f"{self.family} {self.size:.6g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Why this server: what was known of each candidate when the window chose.

    `loads` counts prompts. `scores` are seconds until the work would be done there, by what was learned; none where
    nothing was.
    """

    server_id: ServerId
    reason: str  # only | least_loaded | soonest | warm | weighted | tie | weighted_tie | two_choice | idle | …
    loads: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A place on the contact sheet of a grid, with the labels of its column and row."""

    column: int
    row: int
    column_label: str = ""
    row_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which one it is of many runs that were asked for together; `index` counts from 0."""

    batch_id: BatchId
    index: int = 0
    label: str = ""
    cell: Cell | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A place held on a server for the task that will carry `prompt_id`, until it is registered or given up."""

    prompt_id: PromptId
    window_id: WindowId
    server_id: ServerId
    address: str
    at: float
    choice: Choice | None = None
    job: Job | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Our record of one submitted prompt.

    `server_id` and `address` are set when it is registered and never change. `owner` and `epoch` fence every
    write: a window whose epoch is behind has lost the task.
    """

    prompt_id: PromptId
    server_id: ServerId
    address: str
    client_id: ClientId
    owner: WindowId
    epoch: int
    created_at: float
    title: str = ""
    workflow: str = ""  # API format, JSON text: exactly what is posted
    inputs: tuple[InputFile, ...] = ()
    expected: tuple[NodeId, ...] = ()  # output nodes that must show up for a full success
    choice: Choice | None = None
    job: Job | None = None
    again_of: PromptId | None = None  # the task that this one repeats, if the user asked for that
    part: Part | None = None  # set if it came out of a waiting line
    project: str = ""  # the project's name in this window when it was run
    editor_sha256: str = ""  # of the copy of the editor's file that went along, kept with the inputs
    editor_fault: str = ""  # why that file did not go along, or is not kept
    state: TaskState = TaskState.REGISTERED
    contact: Contact = Contact.OK
    contact_detail: str = ""
    confirmed_address: str = ""  # another address that the user confirmed as the same server
    silent_looks: int = 0  # looks in a row that got no real answer
    number: float | None = None
    place: int | None = None  # 1 is next; None when not waiting
    answered_at: float | None = None  # when the POST ended, however it ended
    absent_since: float | None = None  # first look that found it nowhere
    cancel_asked_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    server_started_ms: int | None = None  # not before this; the server's own clock, milliseconds
    server_ended_ms: int | None = None
    cached: tuple[NodeId, ...] = ()  # nodes that did not run: what they show was made by an earlier prompt
    longest_still: float | None = None  # seconds without a movement while it was watched, once it has ended
    told_end: str = ""  # as reported by the socket: success | error | interrupted
    is_proven: bool = False  # the end was read in an answer or in history, not inferred from absence
    is_ward: bool = False
    outputs: tuple[Output, ...] = ()
    missing: tuple[NodeId, ...] = ()
    failure: Failure | None = None
    warnings: tuple[NodeError, ...] = ()
    notes: tuple[Note, ...] = ()
    v: int = RECORD_VERSION
    extra: Mapping[str, object] = field(default_factory=dict)  # fields of a newer version, kept as they are

    @property
    def execution_server(self) -> ServerId:
        """The server that has this task, for ever."""
        return self.server_id

    @property
    def holds_window(self) -> bool:
        """Whether this task keeps its window moored: unfinished, and the window's own."""
        return not self.state.is_end and not self.is_ward

    @property
    def shown_state(self) -> str:
        """The state in one word, contact included: what the console and the page show."""
        if self.state.is_end or self.contact is Contact.OK:
            return self.state.value
        return self.contact.value if self.contact is Contact.UNREACHABLE else "unreachable_moved"

    @property
    def is_delivered(self) -> bool:
        """Whether nothing of it is still to be fetched."""
        return self.state.is_end and all(item.delivery is not Delivery.PENDING for item in self.outputs)

    def with_note(self, note: Note, limit: int = 40) -> Task:
        """The task with one more piece of evidence; the middle of a long list is dropped, its ends kept."""
        notes = (*self.notes, note)
        if len(notes) > limit:
            notes = notes[: limit // 2] + notes[-(limit // 2) :]
        return replace(self, notes=notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A stored task whose record this version cannot read, with the fields that are still readable.

    It may be unfinished, on any server, so its window takes on nothing new until the person gives it up. Nothing is
    ever sent on its account: `server_id` is only shown.
    """

    prompt_id: PromptId  # the store's own key of the record
    owner: WindowId | None = None  # None: unknown, so it may be any window's
    server_id: ServerId | None = None
    title: str = ""
    detail: str = ""  # which field, and why
    is_newer: bool = False  # not damaged: written by a newer version of Mooring

    def may_be_of(self, window_id: WindowId) -> bool:
        """Whether it is that window's, or may be."""
        return self.owner in {None, window_id}


@dataclass(frozen=True, slots=True)
class Records:
    """The tasks that the store has, oldest first, and beside them those that cannot be read."""

    tasks: tuple[Task, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
