"""The domain of Mooring as values: ids, servers, reservations, tasks and their outputs.

Times are seconds since the epoch (UTC, float) unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NewType

from wire.health import Condition

ServerId = NewType("ServerId", str)
WindowId = NewType("WindowId", str)
ClientId = NewType("ClientId", str)
PromptId = NewType("PromptId", str)
BatchId = NewType("BatchId", str)
NodeId = NewType("NodeId", str)

RECORD_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Server(Condition):
    """One ComfyUI of the fleet in its condition.

    `base` is where this page reaches it; `address` is its own, part of its identity.
    """

    server_id: ServerId
    name: str
    address: str
    base: str
    is_drained: bool = False  # takes no new work, as its operator chose; what it has is finished there
    gets_keys: bool = True  # the gateway may send it keys for nodes that cost credits, as far as is known
    catalogue: str = ""  # the hash of its node catalogue; empty while the gateway has not read it
    files: str = ""  # the hash of its lists of uploaded files
    broken: tuple[str, ...] = ()  # faults that a demo server has on purpose
    colour: str = ""  # set by its operator; if empty, the page chooses
    weight: float = 1.0  # its share of the work, compared with the others
    tags: tuple[str, ...] = ()  # its operator's short labels for users
    at: str = ""  # its present address, for display: the `address` of a server found through DNS is its identity


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A ComfyUI that was found on the gateway's machine, and that is not in the fleet until the user chooses it."""

    server_id: ServerId
    address: str
    version: str = ""
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fleet:
    """The servers of this installation, in the order of its list, and where the list comes from."""

    servers: tuple[Server, ...] = ()
    source: str = ""
    detail: str = ""
    same: frozenset[tuple[ServerId, str, str]] = frozenset()  # (id, recorded, present): one server, as the user said
    is_breakable: bool = False  # whether its servers may be broken on purpose: a demo fleet with `--faults`
    problem: str = ""  # what is invalid in the fleet file now, while this fleet stays; shown to admins
    workflows: str = ""  # changes with the workflows that the installation publishes; empty if there are none
    has_users: bool = False  # its gateway knows whose prompts are in a queue
    most_pending: int | None = None  # unfinished prompts of one user on one server; None: no limit
    searches: tuple[str, ...] = ()  # problems of the DNS lookups, in sentences; shown to admins
    local: tuple[LocalServer, ...] = ()  # those that an admin may add to it
    model_hosts: tuple[str, ...] = ()  # from which servers may download models, for admins

    def get(self, server_id: ServerId | str) -> Server | None:
        """The server with that id, or None."""
        return next((server for server in self.servers if server.server_id == server_id), None)

    def has_jobs(self, server_id: ServerId) -> bool:
        """Whether that server is known to have the newer jobs API."""
        server = self.get(server_id)
        return server is not None and server.has_jobs


class TaskState(Enum):
    """The state of a task, by the evidence. Whether its server answers now is its `Contact`."""

    REGISTERED = "registered"  # durable here; its submit has no answer yet
    UNCLEAR = "unclear"  # the submit ended without a clear answer; polls decide
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"  # two polls of its real server found it nowhere
    GIVEN_UP = "given_up"  # not tracked any more, by the user's choice

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
    """The delivery of one output's bytes."""

    PENDING = "pending"
    KEPT = "kept"
    GONE = "gone"  # the real server no longer has it, or does not serve it
    UNPROVEN = "unproven"  # where users log in: no run of this user is known to have made it
    OVERWRITTEN = "overwritten"  # the file under that name is not of this task's time
    NOT_KEPT = "not_kept"  # fetched, but this browser's store could not keep it
    THUMBNAIL = "thumbnail"  # fetched; by the user's choice only its thumbnail is kept
    DROPPED = "dropped"  # was kept, and made room or was deleted

    @property
    def is_fetchable(self) -> bool:
        """Whether it was fetched once and is not kept here: its server may still have the same bytes."""
        return self in {Delivery.NOT_KEPT, Delivery.THUMBNAIL, Delivery.DROPPED}


@dataclass(frozen=True, slots=True)
class FileFact:
    """Something known of a file without decoding it (`app/core/file_facts.py`)."""

    name: str
    value: str


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
    etag: str = ""  # the server's ETag of these very bytes, once delivered
    told_ms: int | None = None  # it was made before this, by the server's clock, if an event reported it
    text: str = ""  # shown by the node and not in a file; or the beginning of a text file, once delivered
    facts: tuple[FileFact, ...] = ()  # once delivered, of a file that is no picture, film or sound
    seal: str = ""  # the gateway's signature where users log in: without it, the gateway does not serve the file

    @property
    def is_text(self) -> bool:
        """Whether it is a text in the history entry, not a file on the server."""
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


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt as the user wrote it, with choices or wildcards; the workflow has the text that was drawn from it."""

    node_id: NodeId
    input_name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeError:
    """One error that the server found in a prompt. `message` and `details` are the server's."""

    node_id: str
    class_type: str
    type: str
    message: str
    details: str = ""
    input_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a task failed. `kind` is rejected | not_sent | execution; the texts are the server's."""

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
        text = f"{self.exception_type} {self.message}".casefold()
        return any(
            sign in text for sign in ("outofmemory", "out of memory", "allocation on device", "not enough memory")
        )


@dataclass(frozen=True, slots=True)
class Note:
    """One piece of evidence as kept in the record: when, its kind, and a detail."""

    at: float
    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """The cost of a prompt, as far as its workflow shows it before the run (`core/job.py`)."""

    family: str  # the same for workflows of the same nodes and models
    size: float = 1.0  # what its time grows with: steps times pixels times pictures
    models: tuple[str, ...] = ()  # the model files that it loads

    @property
    def kind(self) -> str:
        """A name shared by jobs that should take equally long."""
        return f"{self.family} {self.size:.6g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerChoice:
    """Why this server was chosen: what was known of each candidate at that time.

    `loads` counts prompts. `scores` are seconds until the work would be done there, from learned durations; empty
    without any.
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
    """The number of a run among those that were planned together; `index` counts from 0."""

    batch_id: BatchId
    index: int = 0
    label: str = ""
    cell: Cell | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A place reserved on a server for the task that will have `prompt_id`, until it is registered or released.

    With `waits_since` it is no place: its run waits for its turn there, since then (`core/turns.py`).
    """

    prompt_id: PromptId
    window_id: WindowId
    server_id: ServerId
    address: str
    at: float
    choice: ServerChoice | None = None
    job: Job | None = None
    waits_since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProgress:
    """What is known of a task until its end: the answer to its POST, its place, and whether its server answers."""

    contact: Contact = Contact.OK
    contact_detail: str = ""
    silent_looks: int = 0  # polls in a row without a real answer
    answered_at: float | None = None  # when the POST ended, however it ended
    number: float | None = None  # given by its server: the order of its queue
    warnings: tuple[NodeError, ...] = ()  # of outputs that the server has dropped
    place: int | None = None  # 1 is next; None when not waiting
    absent_since: float | None = None  # the first poll that found it nowhere
    cancel_asked_at: float | None = None
    started_at: float | None = None

    @property
    def is_reachable(self) -> bool:
        """Whether its server answers, as far as is known."""
        return self.contact is Contact.OK

    @property
    def is_answered(self) -> bool:
        """Whether the POST has ended."""
        return self.answered_at is not None

    @property
    def is_cancelling(self) -> bool:
        """Whether the user has asked to cancel it."""
        return self.cancel_asked_at is not None

    def reached(self) -> TaskProgress:
        """Note that its server has answered."""
        return replace(self, contact=Contact.OK, contact_detail="", silent_looks=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEnd:
    """What is known of a task's run on its server, and of its end; most of it before the task counts as ended."""

    ended_at: float | None = None
    server_started_ms: int | None = None  # not before this; the server's own clock, milliseconds
    server_ended_ms: int | None = None
    cached: tuple[NodeId, ...] = ()  # nodes that did not run: their outputs were made by an earlier prompt
    longest_still: float | None = None  # seconds without a movement while it was polled
    told_end: str = ""  # as reported by the socket: success | error | interrupted
    is_proven: bool = False  # the end was read in an answer or in history, not inferred from absence
    missing: tuple[NodeId, ...] = ()  # expected output nodes that made nothing, if it succeeded
    failure: Failure | None = None

    @property
    def seconds(self) -> float | None:
        """How long its server worked on it, if the server has reported that."""
        if self.server_started_ms is None or self.server_ended_ms is None:
            return None
        return max(0.0, (self.server_ended_ms - self.server_started_ms) / 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDelivery:
    """What a task has made, and how far its bytes are: reported by its server, fetched by `session/delivery`."""

    outputs: tuple[Output, ...] = ()

    @property
    def is_pending(self) -> bool:
        """Whether any output is still to be fetched."""
        return any(item.delivery is Delivery.PENDING for item in self.outputs)

    def with_reported(self, reported: tuple[Output, ...]) -> TaskDelivery:
        """Add reported outputs, each file once; a known delivery stays.

        The reported order counts (history has the right one) until an output is delivered: results are kept by index.
        """
        known = self.outputs
        is_untouched = all(item.delivery is Delivery.PENDING for item in known)
        first, second = (reported, known) if is_untouched else (known, reported)
        by_file = {item.file: item for item in (*reported, *known)}
        order = dict.fromkeys(item.file for item in (*first, *second))
        return replace(self, outputs=tuple(by_file[file] for file in order))

    def with_output(self, output: Output) -> TaskDelivery:
        """Update an output, found by its file, since a later poll may have changed the order."""
        return replace(self, outputs=tuple(output if item.file == output.file else item for item in self.outputs))

    def with_output_at(self, index: int, output: Output) -> TaskDelivery:
        """Update the output there, unless a later poll has changed the order: its bytes are stored under that index.

        The output stays pending then, and is fetched by the next try.
        """
        return self.with_output(output) if self.outputs[index].file == output.file else self

    def with_dropped(self, file: tuple[str, str, str, str]) -> TaskDelivery:
        """Note that the output with that file is no longer kept, if it was."""
        kept = next((item for item in self.outputs if item.file == file and item.delivery is Delivery.KEPT), None)
        return self if kept is None else self.with_output(replace(kept, delivery=Delivery.DROPPED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Our record of one submitted prompt: what it was registered as, its state, and what is known of it, in parts.

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
    confirmed_address: str = ""  # another address that the user confirmed as the same server
    title: str = ""
    workflow: str = ""  # API format, JSON text: exactly what is posted
    inputs: tuple[InputFile, ...] = ()
    templates: tuple[Template, ...] = ()  # of its prompts, where another text was drawn
    expected: tuple[NodeId, ...] = ()  # output nodes that must show up for a full success
    choice: ServerChoice | None = None
    job: Job | None = None
    again_of: PromptId | None = None  # the task that this one repeats, if the user asked for that
    part: Part | None = None  # set if it came out of a waiting line
    project: str = ""  # the project's name in this window when it was run
    editor_sha256: str = ""  # of the copy of the editor's file that was sent along, kept with the inputs
    editor_fault: str = ""  # why that file was not sent along, or is not kept
    state: TaskState = TaskState.REGISTERED
    is_ward: bool = False
    progress: TaskProgress = TaskProgress()
    end: TaskEnd = TaskEnd()
    delivery: TaskDelivery = TaskDelivery()
    notes: tuple[Note, ...] = ()
    v: int = RECORD_VERSION
    extra: Mapping[str, object] = field(default_factory=dict)  # fields of a newer version, kept unchanged

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
        """The state as one string, contact included, as the console and the page show it."""
        if self.state.is_end or self.progress.is_reachable:
            return self.state.value
        return "unreachable_moved" if self.progress.contact is Contact.MOVED else self.progress.contact.value

    @property
    def is_silent(self) -> bool:
        """Whether its progress is unknown: its server does not answer, or gave no clear answer to the prompt."""
        return not self.progress.is_reachable or self.state is TaskState.UNCLEAR

    @property
    def is_delivered(self) -> bool:
        """Whether it has ended and none of its outputs is still to be fetched."""
        return self.state.is_end and not self.delivery.is_pending

    def with_note(self, note: Note, limit: int = 40) -> Task:
        """The task with another piece of evidence; of a long list, the middle is dropped."""
        notes = (*self.notes, note)
        if len(notes) > limit:
            notes = notes[: limit // 2] + notes[-(limit // 2) :]
        return replace(self, notes=notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A stored task whose record this version cannot read, with the fields that are still readable.

    It may be unfinished, on any server, so its window takes no new work until the user gives it up. Nothing is
    ever sent because of it: `server_id` is only shown.
    """

    prompt_id: PromptId  # the store's own key of the record
    owner: WindowId | None = None  # None: unknown, so it may be any window's
    server_id: ServerId | None = None
    title: str = ""
    detail: str = ""  # which field, and why
    is_newer: bool = False  # not damaged: written by a newer version of Mooring

    def may_be_of(self, window_id: WindowId) -> bool:
        """Whether it is, or may be, that window's."""
        return self.owner in {None, window_id}


@dataclass(frozen=True, slots=True)
class StoredTasks:
    """The tasks in the store, oldest first, and the records that cannot be read."""

    tasks: tuple[Task, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
