"""The aggregate: which server holds a window, by what work, and what that forbids.

A window is `Restoring`, or a `Window` whose `mooring` is `Free` or `Moored(server, holders)`. The mooring is not
stored: it follows from the reservations and unfinished tasks, so "tasks pending, no lock" cannot be written down, and a
`Window` whose holders name two servers cannot be built.

    window = Restoring(window_id).restored(client_id, tasks)
    window = window.reserve(reservation)          # Free -> Moored, or another holder
    window = window.register_window_task(task)    # the reservation becomes the task
    window = window.settle(task)                  # the last end: Moored -> Free

Every method returns a new value; one that raises has changed nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

from app.core.errors import (
    InvalidTransition,
    ServerLockedError,
    ServerMoved,
    StillRestoring,
    TaskNotFound,
    UnboundTask,
    UnreadableRecord,
)
from app.core.model import (
    ClientId,
    Fleet,
    PromptId,
    Reservation,
    Server,
    ServerId,
    Task,
    TaskState,
    Unreadable,
    WindowId,
)

V = TypeVar("V")
TAG_LENGTH = 8  # hexadecimal digits


@dataclass(frozen=True, slots=True)
class Free:
    """Nothing holds the window; its next work may go to any server."""


@dataclass(frozen=True, slots=True)
class Moored:
    """One server holds the window, through at least one piece of work (`holders` are prompt_ids)."""

    server_id: ServerId
    address: str
    holders: frozenset[PromptId]

    def __post_init__(self) -> None:
        if not self.holders:
            raise InvalidTransition("moor", "a mooring without holders")


@dataclass(frozen=True, slots=True)
class Restoring:
    """The window has not read its own records yet, so it does not know whether it is moored."""

    window_id: WindowId

    def restored(self, client_id: ClientId, tasks: Iterable[Task], unreadable: Iterable[Unreadable] = ()) -> Window:
        """The window by its records. Reservations are gone: nothing had been submitted under them.

        Tasks that disagree with the oldest unfinished one about the server are quarantined: shown, but not decisive.
        So are unreadable ones, which may be work on any server: the window takes no new work beside them.
        """
        ordered = sorted(tasks, key=lambda task: (task.created_at, task.prompt_id))
        mine = [task for task in ordered if task.owner == self.window_id]
        bound = next((task for task in mine if task.holds_window and task.server_id), None)
        good: dict[PromptId, Task] = {}
        quarantined: list[Task] = []
        for task in ordered:
            disagrees = task.holds_window and not (bound and _same_server(task, bound))
            if disagrees or task.owner != self.window_id:
                quarantined.append(task)
            else:
                good[task.prompt_id] = task
        return Window(
            self.window_id, client_id, tasks=good, quarantined=tuple(quarantined), unreadable=tuple(unreadable)
        )


@dataclass(frozen=True, slots=True)
class Window:
    """A window that knows its work. All holders name one server, or this value does not exist.

    With `unreadable` records it cannot know all of it, and reserves nothing until the user has given them up.
    """

    window_id: WindowId
    client_id: ClientId
    reservations: Mapping[PromptId, Reservation] = field(default_factory=dict)
    tasks: Mapping[PromptId, Task] = field(default_factory=dict)
    quarantined: tuple[Task, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    unfinished: tuple[Task, ...] = field(init=False)  # oldest first; also wards

    def __post_init__(self) -> None:
        object.__setattr__(self, "reservations", MappingProxyType(dict(self.reservations)))
        object.__setattr__(self, "tasks", MappingProxyType(dict(self.tasks)))
        object.__setattr__(self, "unfinished", tuple([task for task in self.tasks.values() if not task.state.is_end]))
        held = {(holder.server_id, holder.address) for holder in self._holders()}
        if len(held) > 1:
            raise InvalidTransition("hold", f"two servers at once: {sorted(held)}")

    def _holders(self) -> list[Reservation | Task]:
        return [*self.reservations.values(), *[task for task in self.unfinished if task.holds_window]]

    @property
    def mooring(self) -> Free | Moored:
        """Free, or the one server with everything that holds the window to it."""
        holders = self._holders()
        if not holders:
            return Free()
        first = holders[0]
        return Moored(first.server_id, first.address, frozenset([holder.prompt_id for holder in holders]))

    @property
    def window_locked_server(self) -> ServerId | None:
        """The id of the server that holds the window, or None."""
        mooring = self.mooring
        return mooring.server_id if isinstance(mooring, Moored) else None

    @property
    def window_tasks(self) -> Mapping[PromptId, Task]:
        """Every task of this window, ended ones too, by prompt_id."""
        return self.tasks

    def get_task(self, operation: str, prompt_id: PromptId) -> Task:
        """The task, bound to its server, or TaskNotFound / UnboundTask."""
        task = self.tasks.get(prompt_id)
        if task is None:
            raise TaskNotFound(operation, prompt_id)
        if not task.server_id or not task.address:
            raise UnboundTask(operation, prompt_id)
        return task

    def validate_server_consistency(self, operation: str, server_id: ServerId) -> None:
        """Raise ServerLockedError if `operation` would go to another server than the one that holds the window."""
        mooring = self.mooring
        if isinstance(mooring, Moored) and mooring.server_id != server_id:
            raise ServerLockedError(operation, server_id, mooring.server_id, len(mooring.holders))

    def expect_readable(self, operation: str) -> None:
        """Raise UnreadableRecord if a stored task of this window cannot be read: it may be work on any server."""
        expect_readable(operation, self.unreadable)

    def reserve(self, reservation: Reservation) -> Window:
        """Hold a place: a free window moors to the reservation's server, a moored one gets another holder."""
        self.expect_readable("reserve")
        self.validate_server_consistency("reserve", reservation.server_id)
        mooring = self.mooring
        if isinstance(mooring, Moored) and mooring.address != reservation.address:
            raise ServerMoved("reserve", reservation.server_id, mooring.address, reservation.address)
        if reservation.window_id != self.window_id:
            raise InvalidTransition("reserve", "a reservation of another window")
        if reservation.prompt_id in self.reservations or reservation.prompt_id in self.tasks:
            raise InvalidTransition("reserve", f"{reservation.prompt_id} is taken")
        return replace(self, reservations={**self.reservations, reservation.prompt_id: reservation})

    def release_reservation(self, prompt_id: PromptId) -> Window:
        """Release the place; the window is free if nothing else holds it."""
        if prompt_id not in self.reservations:
            raise InvalidTransition("release_reservation", f"no reservation {prompt_id}")
        return replace(self, reservations=_without(self.reservations, prompt_id))

    def expect_reserved(self, task: Task) -> None:
        """Raise unless this is a fresh task of this window, on the server that is reserved for it."""
        reservation = self.reservations.get(task.prompt_id)
        if reservation is None:
            raise InvalidTransition("register_window_task", f"no reservation {task.prompt_id}")
        self.validate_server_consistency("register_window_task", task.server_id)
        if not _same_server(task, reservation):
            raise ServerMoved("register_window_task", task.server_id, reservation.address, task.address)
        if task.owner != self.window_id or task.is_ward or task.state is not TaskState.REGISTERED:
            raise InvalidTransition("register_window_task", "not a fresh task of this window")

    def register_window_task(self, task: Task) -> Window:
        """Turn the reservation of this prompt_id into a task on the very same server."""
        self.expect_reserved(task)
        return replace(
            self,
            reservations=_without(self.reservations, task.prompt_id),
            tasks={**self.tasks, task.prompt_id: task},
        )

    def settle(self, task: Task) -> Window:
        """Update a task. Its server, owner and prompt_id cannot change this way.

        An ended task can come back only as a ward: its end has freed the window, which may use another server by now.
        """
        known = self.get_task("settle", task.prompt_id)
        if not _same_server(known, task) or known.owner != task.owner or known.epoch > task.epoch:
            raise InvalidTransition("settle", "a task's server and owner are fixed")
        if known.state.is_end and task.holds_window:
            raise InvalidTransition("settle", "an ended task comes back only as a ward")
        return replace(self, tasks={**self.tasks, task.prompt_id: task})

    def adopt(self, task: Task) -> Window:
        """Adopt a closed window's task as a ward: watched and delivered, never holding this window."""
        if task.prompt_id in self.tasks or task.owner != self.window_id or not task.is_ward:
            raise InvalidTransition("adopt", "only a ward that this window owns")
        return replace(self, tasks={**self.tasks, task.prompt_id: task})

    def drop(self, prompt_id: PromptId) -> Window:
        """Drop a task that another window owns now, or that was deleted."""
        if prompt_id not in self.tasks:
            raise TaskNotFound("drop", prompt_id)
        return replace(self, tasks=_without(self.tasks, prompt_id))

    def release_quarantined(self, prompt_id: PromptId) -> Window:
        """Drop a quarantined task, which the user has given up."""
        rest = tuple(task for task in self.quarantined if task.prompt_id != prompt_id)
        if len(rest) == len(self.quarantined):
            raise TaskNotFound("give_up", prompt_id)
        return replace(self, quarantined=rest)

    def note_unreadable(self, records: Iterable[Unreadable]) -> Window:
        """Drop these tasks, whose records cannot be read, but not what they may hold."""
        known = {record.prompt_id: record for record in (*self.unreadable, *records)}
        tasks = {prompt_id: task for prompt_id, task in self.tasks.items() if prompt_id not in known}
        quarantined = tuple(task for task in self.quarantined if task.prompt_id not in known)
        return replace(self, tasks=tasks, quarantined=quarantined, unreadable=tuple(known.values()))

    def release_unreadable(self, prompt_id: PromptId) -> Window:
        """Drop an unreadable record: the user has given it up, or it was deleted."""
        rest = tuple(record for record in self.unreadable if record.prompt_id != prompt_id)
        if len(rest) == len(self.unreadable):
            raise TaskNotFound("give_up", prompt_id)
        return replace(self, unreadable=rest)

    def violations(self) -> tuple[str, ...]:
        """The contradictions of a promise in these records; empty in a sound window."""
        found = [f"quarantined: {task.prompt_id} on {task.server_id}" for task in self.quarantined]
        found += [
            f"unreadable: {record.prompt_id} on {record.server_id or 'an unknown server'}: {record.detail}"
            for record in self.unreadable
        ]
        found += [f"unbound: {task.prompt_id}" for task in self.tasks.values() if not task.server_id]
        found += [
            f"foreign owner: {task.prompt_id} of {task.owner}"
            for task in self.tasks.values()
            if task.owner != self.window_id
        ]
        return tuple(found)


def expect_restored(operation: str, window: Restoring | Window) -> Window:
    """The window if it has read its records, else StillRestoring."""
    if isinstance(window, Restoring):
        raise StillRestoring(operation)
    return window


def expect_readable(operation: str, records: Iterable[Unreadable]) -> None:
    """Raise UnreadableRecord for the first of these, if there is any."""
    for record in records:
        raise UnreadableRecord(operation, record.prompt_id, record.server_id, record.detail, record.is_newer)


def get_api_base_url(operation: str, bound: Task | Reservation | Moored, fleet: Fleet) -> str:
    """Where requests about `bound` go: the only place where a server's id becomes an address.

    Raises ServerMoved when the fleet lacks that id or has another address for it than the recorded one.
    """
    server = fleet.get(bound.server_id)
    if server is None or not _is_at(server, bound.address, fleet):
        raise ServerMoved(operation, bound.server_id, bound.address, server.address if server else "")
    return server.base


def _is_at(server: Server, recorded: str, fleet: Fleet) -> bool:
    """Return whether this server has the recorded address: the address, its tag, or one that the user confirmed."""
    is_known = (server.server_id, recorded, server.address) in fleet.same
    return server.address == recorded or address_tag(server.address) == address_tag(recorded) or is_known


def address_tag(address: str) -> str:
    """Return the tag that the gateway sends instead of an address (`Server.tag` there); a tag is returned as it is.

    A record may hold either, since it may be older than the hiding of addresses or than a change of its owner's role.
    """
    return address if is_address_tag(address) else hashlib.sha256(address.encode()).hexdigest()[:TAG_LENGTH]


def is_address_tag(address: str) -> bool:
    """Return whether this is a tag instead of an address."""
    return len(address) == TAG_LENGTH and set(address) <= set("0123456789abcdef")


def _same_server(one: Task | Reservation, other: Task | Reservation) -> bool:
    return (one.server_id, one.address) == (other.server_id, other.address)


def _without(mapping: Mapping[PromptId, V], key: PromptId) -> dict[PromptId, V]:
    return {name: value for name, value in mapping.items() if name != key}
