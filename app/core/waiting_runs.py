"""A window's waiting line: runs that are not on a server yet, as a value with transitions.

    line = WaitingRuns(window_id=me).join(batch, entries, line_id)
    entry = line.due(ahead=1)                    # the next run to send; None while two are ahead, or it is paused
    line = line.without(entry.prompt_id)         # it is a task now, or was removed

An entry has its prompt_id from the start, so it is sent at most once: registering the task of
that id removes the entry in the same transaction. An entry holds no server, no reservation
and no mooring; its server is chosen when it is sent. Every method returns a new value; one that raises has changed
nothing. A line without waiting runs has no pause and no wish, and an empty one no identity.

Each press of Run is one before any server is asked, so that a reload or a crash keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

from app.core.errors import BadPlan, InvalidTransition, TaskNotFound
from app.core.model import RECORD_VERSION, BatchId, Part, PromptId, ServerId, Template, WindowId
from app.core.workflow import ApiWorkflow, parse_workflow
from wire.turns import AHEAD

MOST_WAITING = 10_000
MOST_SENDERS = 16  # sessions of one tab that send from its line
EVERY = 0  # instead of their number: as many as there are servers that can take the work, at each send
NUMBER_MARK = "+"

Values = Mapping[tuple[str, str], object]


class Pause(Enum):
    """Why a line is paused."""

    ASKED = "asked"
    REJECTED = "rejected"  # a server rejected a run; it would reject the others too
    UNUSABLE = "unusable"  # a run cannot be sent as it is: an input is no longer kept, a file is too large


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file for one input; its bytes are kept in this browser under their hash."""

    node_id: str
    input_name: str
    sha256: str
    name: str = ""
    size: int = 0  # bytes; 0 in records of older versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What the runs of one plan share. It is kept for as long as one of them waits.

    `asked`, `avoided` and `is_patient` are the user's wish about the server (`core/balancer.py`, Wish).
    """

    batch_id: BatchId
    workflow: str  # API format, JSON text
    title: str = ""
    inputs: tuple[Attachment, ...] = ()
    editor_sha256: str = ""  # of the copy of the editor's file that is sent along, kept with the inputs
    asked: ServerId | None = None
    is_patient: bool = False
    avoided: ServerId | None = None
    editor_fault: str = ""  # why there is no such copy, of a run that is repeated
    again_of: PromptId | None = None  # the task that a click repeats, whatever became of earlier tries
    is_click: bool = False  # one press of Run for one run, which goes before the runs of plans
    v: int = RECORD_VERSION
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRun:
    """One waiting run. `place` orders the line; `values` is JSON text, with exact integers: see `read_values`.

    `inputs` are the files of this run alone, such as one photo of a folder; those of all runs are the batch's.
    One that was refused before it became a task has its error in `refusal` (`core/refusals.py`), and waits no more.
    """

    prompt_id: PromptId
    owner: WindowId
    part: Part
    values: str = "[]"
    templates: tuple[Template, ...] = ()  # of prompts among the values
    inputs: tuple[Attachment, ...] = ()
    place: float = 0.0
    again_of: PromptId | None = None  # the task that it repeats, or that was certainly not sent
    pressed_at: float = 0.0  # of a click
    refusal: str = ""
    v: int = RECORD_VERSION
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def batch_id(self) -> BatchId:
        """The batch that it belongs to."""
        return self.part.batch_id

    def workflow_of(self, batch: Batch) -> ApiWorkflow:
        """The workflow to run. BadInput if the values do not fit."""
        return parse_workflow(batch.workflow).with_values(read_values(self.values))


@dataclass(frozen=True, slots=True, kw_only=True)
class LineHead:
    """What the store keeps of a line besides its entries. It exists exactly while there are any."""

    window_id: WindowId
    line_id: str
    pause: Pause | None = None
    paused_by: PromptId | None = None
    is_unbounded: bool = False
    hands: int = 1  # `senders` of the line, under its stored name; the last release reads EVERY as 1
    v: int = RECORD_VERSION
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """The result of one transition, for the store: all of it in one transaction, or nothing."""

    window_id: WindowId
    line_id: str  # that the store must have; empty if there is no line yet
    head: LineHead | None  # None: the line is empty now
    put: tuple[WaitingRun, ...] = ()  # changed entries, which must exist
    added: tuple[WaitingRun, ...] = ()
    removed: tuple[WaitingRun, ...] = ()
    batches: tuple[Batch, ...] = ()  # those of the added runs: the store may have dropped a batch that is known here

    @property
    def presses(self) -> tuple[WaitingRun, ...]:
        """The added runs that have the id of a press, which another page may have carried out."""
        return tuple(item for item in self.added if str(item.prompt_id) == item.batch_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRuns:
    """The waiting runs of one window in order. `line_id` is created with the first one, and fences every write.

    `refused` are clicks that were not sent, until they are dismissed: they wait for nothing, and hold no pause.
    """

    window_id: WindowId
    line_id: str = ""
    entries: tuple[WaitingRun, ...] = ()
    refused: tuple[WaitingRun, ...] = ()
    batches: Mapping[BatchId, Batch] = field(default_factory=dict)
    pause: Pause | None = None
    paused_by: PromptId | None = None  # the task or entry that is the reason
    is_unbounded: bool = False  # *send all now*: no bound on what is ahead
    senders: int = 1  # sessions of this tab that send from it, or EVERY

    def __post_init__(self) -> None:
        object.__setattr__(self, "batches", MappingProxyType(dict(self.batches)))
        if bool(self._kept_entries) != bool(self.line_id):
            raise InvalidTransition("line", "a line is one exactly while something is in it")
        if any(item.owner != self.window_id or item.batch_id not in self.batches for item in self._kept_entries):
            raise InvalidTransition("line", "an entry of another window, or of no batch")

    @property
    def _kept_entries(self) -> tuple[WaitingRun, ...]:
        """What the store has of it."""
        return (*self.entries, *self.refused)

    # Queries

    def entry(self, prompt_id: PromptId) -> WaitingRun:
        """The waiting run with that id, or TaskNotFound: it has become a task, or was removed."""
        return self.entries[self._index(prompt_id)]

    def has(self, prompt_id: PromptId) -> bool:
        """Whether that run waits."""
        return any(item.prompt_id == prompt_id for item in self.entries)

    def has_record(self, prompt_id: PromptId) -> bool:
        """Whether that run waits, or was refused."""
        return any(item.prompt_id == prompt_id for item in self._kept_entries)

    def due(
        self,
        ahead: int,
        taken: Iterable[PromptId] = (),
        most: int | None = None,
        fits: Callable[[Batch], bool] = lambda _: True,
    ) -> WaitingRun | None:
        """The next run for a session with `ahead` unfinished prompts; `taken` are being sent already.

        `most` is how many the installation allows; more would be rejected. The run is of a batch that `fits`.
        """
        bounds = [bound for bound in (None if self.is_unbounded else AHEAD, most) if bound is not None]
        if self.pause is not None or any(ahead >= bound for bound in bounds):
            return None
        on_their_way = frozenset(taken)
        fitting = {name for name, batch in self.batches.items() if fits(batch)}
        waiting = (item for item in self.entries if item.batch_id in fitting)
        return next((item for item in waiting if item.prompt_id not in on_their_way), None)

    # Adding and removing

    def join(self, batch: Batch, entries: Sequence[WaitingRun], line_id: str) -> WaitingRuns:
        """Append runs of a batch, in this order; `line_id` is for a line that starts with them.

        A click goes before the runs of plans, and after earlier clicks. More runs of a batch may follow later, as long
        as the batch is the same.
        """
        ids = {item.prompt_id for item in entries}
        if not entries:
            raise BadPlan("empty-plan")
        if len(self.entries) + len(entries) > MOST_WAITING:
            raise BadPlan("too-many-runs", str(MOST_WAITING), str(len(self.entries) + len(entries)))
        if len(ids) < len(entries) or any(item.prompt_id in ids for item in self._kept_entries):
            raise InvalidTransition("join", "a prompt_id twice")
        known = self.batches.get(batch.batch_id, batch)
        if known != batch or any(item.batch_id != batch.batch_id for item in entries):
            raise InvalidTransition("join", "not a batch of its own")
        last = self.entries[-1].place if self.entries else 0.0
        placed = (replace(item, owner=self.window_id, place=last + number) for number, item in enumerate(entries, 1))
        joined = replace(
            self,
            line_id=self.line_id or line_id,
            entries=(*self.entries, *placed),
            batches={**self.batches, batch.batch_id: batch},
        )
        behind = next((item for item in self.entries if not self.batches[item.batch_id].is_click), None)
        return joined.move(entries[0].prompt_id, behind.prompt_id) if batch.is_click and behind else joined

    def put_back(self, entry: WaitingRun, prompt_id: PromptId, line_id: str, was: WaitingRuns) -> WaitingRuns:
        """Put a run whose task was certainly not sent at the front of the line, under a new id.

        `was` is the line that it came from. If it has become empty since, it starts with the same wishes.
        """
        if self.has(prompt_id) or self.has(entry.prompt_id):
            raise InvalidTransition("put_back", "it waits already")
        first = self.entries[0].place if self.entries else 1.0
        back = replace(entry, prompt_id=prompt_id, owner=self.window_id, place=first - 1.0)
        wishes = self if self.entries else was
        return replace(
            self,
            line_id=self.line_id or line_id,
            entries=(back, *self.entries),
            batches={**self.batches, entry.batch_id: was.batches[entry.batch_id]},
            is_unbounded=wishes.is_unbounded,
            senders=wishes.senders,
        )

    def refuse(self, prompt_id: PromptId, refusal: str) -> WaitingRuns:
        """Note why a click was not sent."""
        found = replace(self.entry(prompt_id), refusal=refusal)
        rest = [item for item in self.entries if item.prompt_id != prompt_id]
        return replace(self, refused=(*self.refused, found))._kept(rest)

    def dismiss(self, prompt_id: PromptId) -> WaitingRuns:
        """Remove a click that was refused; nothing happens if there is none."""
        rest = tuple(item for item in self.refused if item.prompt_id != prompt_id)
        if not self.entries and not rest:
            return WaitingRuns(window_id=self.window_id)
        return replace(self, refused=rest)._kept(self.entries)

    def retry(self, prompt_id: PromptId) -> WaitingRuns:
        """Let a click that was refused wait again, before all others. TaskNotFound if there is none."""
        found = next((item for item in self.refused if item.prompt_id == prompt_id), None)
        if found is None:
            raise TaskNotFound("retry", prompt_id)
        place = self.entries[0].place - 1.0 if self.entries else found.place
        rest = tuple(item for item in self.refused if item is not found)
        return replace(self, entries=(replace(found, refusal="", place=place), *self.entries), refused=rest)

    def without(self, *prompt_ids: PromptId) -> WaitingRuns:
        """Remove runs that are tasks now, or that the user removed. TaskNotFound for one that is not in the line."""
        gone = frozenset(prompt_ids)
        kept = [item for item in self.entries if item.prompt_id not in gone]
        if len(self.entries) - len(kept) < len(gone):
            raise TaskNotFound("line", next(iter(gone - {item.prompt_id for item in self.entries})))
        return self._kept(kept)

    def cleared(self) -> WaitingRuns:
        """Remove all runs."""
        return self._kept(())

    def _kept(self, entries: Sequence[WaitingRun]) -> WaitingRuns:
        used = {item.batch_id for item in (*entries, *self.refused)}
        batches = {name: batch for name, batch in self.batches.items() if name in used}
        if not entries:
            line_id = self.line_id if self.refused else ""
            return WaitingRuns(window_id=self.window_id, line_id=line_id, refused=self.refused, batches=batches)
        return replace(self, entries=tuple(entries), batches=batches)

    # Order and values

    def move(self, prompt_id: PromptId, before: PromptId | None = None) -> WaitingRuns:
        """Put a run before another one, or at the end."""
        moved = self.entry(prompt_id)
        if before == prompt_id:
            return self
        rest = [item for item in self.entries if item.prompt_id != prompt_id]
        index = len(rest) if before is None else self._index(before, rest)
        low = rest[index - 1].place if index else None
        high = rest[index].place if index < len(rest) else None
        place = _between(low, high)
        if (low is not None and place <= low) or (high is not None and place >= high):  # no room between: renumber
            rest.insert(index, moved)
            return replace(
                self, entries=tuple(replace(item, place=float(number)) for number, item in enumerate(rest, 1))
            )
        rest.insert(index, replace(moved, place=place))
        return replace(self, entries=tuple(rest))

    def step(self, prompt_id: PromptId, by: int) -> WaitingRuns:
        """Move a run up (`by` below 0) or down by so many places, within the line."""
        index = self._index(prompt_id)
        ids = [item.prompt_id for item in self.entries if item.prompt_id != prompt_id]
        target = max(0, index + by)
        return self.move(prompt_id, ids[target] if target < len(ids) else None)

    def edit(self, prompt_id: PromptId, values: Values, label: str) -> WaitingRuns:
        """Change the values of a waiting run. BadInput if its workflow has no such nodes.

        It leaves its grid's contact sheet, where its row and column would be wrong.
        """
        known = self.entry(prompt_id)
        before = read_values(known.values)
        cell = known.part.cell if before == values else None
        drawn = {key for key, value in before.items() if values.get(key) == value}
        changed = replace(
            known,
            values=write_values(values),
            templates=tuple(item for item in known.templates if (item.node_id, item.input_name) in drawn),
            part=replace(known.part, label=label, cell=cell),
        )
        changed.workflow_of(self.batches[known.batch_id])
        return replace(self, entries=tuple(changed if item is known else item for item in self.entries))

    def _index(self, prompt_id: PromptId, entries: Sequence[WaitingRun] | None = None) -> int:
        known = self.entries if entries is None else entries
        found = next((index for index, item in enumerate(known) if item.prompt_id == prompt_id), None)
        if found is None:
            raise TaskNotFound("line", prompt_id)
        return found

    # Pausing and sending

    def hold(self, pause: Pause, by: PromptId | None = None) -> WaitingRuns:
        """Pause the line. The first reason stays."""
        self._expect_any("pause")
        return self if self.pause is not None else replace(self, pause=pause, paused_by=by)

    def resume(self) -> WaitingRuns:
        """End the pause."""
        self._expect_any("resume")
        return replace(self, pause=None, paused_by=None)

    def send_all(self, is_wanted: bool = True) -> WaitingRuns:
        """Send everything as soon as possible, however much is ahead; or return to the usual limit."""
        self._expect_any("send_all")
        return replace(self, is_unbounded=is_wanted)

    def spread(self, senders: int) -> WaitingRuns:
        """Set how many sessions of this tab send from it; EVERY leaves that to the fleet's state at each send."""
        self._expect_any("spread")
        if not EVERY <= senders <= MOST_SENDERS:
            raise InvalidTransition("spread", f"not between {EVERY} and {MOST_SENDERS}: {senders}")
        return replace(self, senders=senders)

    def _expect_any(self, operation: str) -> None:
        if not self.entries:
            raise InvalidTransition(operation, "nothing waits")

    # The store

    @property
    def head(self) -> LineHead | None:
        """What is stored besides the entries."""
        if not self._kept_entries:
            return None
        return LineHead(
            window_id=self.window_id,
            line_id=self.line_id,
            pause=self.pause,
            paused_by=self.paused_by,
            is_unbounded=self.is_unbounded,
            hands=self.senders,
        )

    def change_to(self, after: WaitingRuns) -> LineChange:
        """The change that turns this line into `after`, for the store."""
        known = {item.prompt_id: item for item in self._kept_entries}
        now = after._kept_entries
        kept = {item.prompt_id for item in now}
        added = tuple(item for item in now if item.prompt_id not in known)
        return LineChange(
            window_id=self.window_id,
            line_id=self.line_id,
            head=after.head,
            put=tuple(item for item in now if item.prompt_id in known and item != known[item.prompt_id]),
            added=added,
            removed=tuple(item for item in known.values() if item.prompt_id not in kept),
            batches=tuple(after.batches[name] for name in dict.fromkeys(item.batch_id for item in added)),
        )


def line_of(
    head: LineHead | None, entries: Iterable[WaitingRun], batches: Iterable[Batch], window_id: WindowId
) -> WaitingRuns:
    """The line as stored."""
    ordered = tuple(sorted(entries, key=lambda item: (item.place, item.prompt_id)))
    if head is None or not ordered:
        return WaitingRuns(window_id=window_id)
    line = WaitingRuns(
        window_id=window_id,
        line_id=head.line_id,
        refused=tuple(item for item in ordered if item.refusal),
        entries=tuple(item for item in ordered if not item.refusal),
        batches={batch.batch_id: batch for batch in batches},
        pause=head.pause,
        paused_by=head.paused_by,
        is_unbounded=head.is_unbounded,
        senders=min(MOST_SENDERS, max(EVERY, head.hands)),
    )
    return line if line.entries else line.cleared()


# Values


def write_values(values: Values) -> str:
    """Values by (node id, input name) as JSON text; a browser's own numbers would lose integers past 2**53."""
    listed = [[node_id, input_name, value] for (node_id, input_name), value in values.items()]
    return json.dumps(listed, ensure_ascii=False)


def read_values(text: str) -> dict[tuple[str, str], object]:
    """The values that `write_values` wrote."""
    return {(str(node_id), str(input_name)): value for node_id, input_name, value in json.loads(text)}


# The windows of one session


def numbered_window(own: WindowId, number: int) -> WindowId:
    """The id of another window of a session; the same after a reload. `own` is the session's own window."""
    return WindowId(f"{own}{NUMBER_MARK}{number}")


def own_window_of(window_id: WindowId) -> WindowId:
    """The own window of the session that has this window: the line is its."""
    return WindowId(window_id.partition(NUMBER_MARK)[0])


def window_number(window_id: WindowId) -> int | None:
    """The number of a session's other window; None for its own."""
    number = window_id.partition(NUMBER_MARK)[2]
    return int(number) if number.isdecimal() else None


def _between(low: float | None, high: float | None) -> float:
    if low is None:
        return (high if high is not None else 2.0) - 1.0
    return low + 1.0 if high is None else (low + high) / 2
