"""The choice of a server for a free window, and the reason that is kept with it.

Pure: loads, reservations and a number for ties come in, a `Choice` goes out. It runs inside the store's
transaction, so that two windows that choose at once see each other's reservation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.core.errors import NoServerAvailable
from app.core.model import Choice, PromptId, Reservation, ServerId, Task, Unreadable, WindowId

# A reservation older than this belongs to a window that died between reserving and registering; it is no longer counted
# as load. It frees nothing: a live window's own reservation holds its window for as long as it lasts.
RESERVATION_COUNTS_FOR = 900.0  # seconds: longer than the slowest upload we expect


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one server answered just now: the prompt_ids in its queue, or the cause why it did not."""

    server_id: ServerId
    prompt_ids: frozenset[PromptId] = field(default_factory=frozenset)
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Berths:
    """Everybody's claims as the store has them: reservations, and tasks not known to have ended, readable or not."""

    reservations: Sequence[Reservation] = ()
    unfinished: Sequence[Task] = ()
    unreadable: Sequence[Unreadable] = ()

    def unreadable_of(self, window_id: WindowId) -> tuple[Unreadable, ...]:
        """The records that may be that window's and cannot be read."""
        return tuple(record for record in self.unreadable if record.may_be_of(window_id))

    def held_by(self, window_id: WindowId) -> Iterator[tuple[ServerId, str]]:
        """The servers, with their addresses, that hold that window: once for each claim."""
        for item in self.reservations:
            if item.window_id == window_id:
                yield item.server_id, item.address
        for task in self.unfinished:
            if task.owner == window_id and task.holds_window:
                yield task.server_id, task.address


def load_of(snapshot: Snapshot, berths: Berths, now: float) -> int:
    """How many prompts one server has or is about to get; each counted once, by id."""
    claimed: Iterable[Reservation] = (
        item
        for item in berths.reservations
        if item.server_id == snapshot.server_id and now - item.at < RESERVATION_COUNTS_FOR
    )
    ids = set(snapshot.prompt_ids)
    ids.update(item.prompt_id for item in claimed)
    ids.update(task.prompt_id for task in berths.unfinished if task.server_id == snapshot.server_id)
    return len(ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the person said about the server: that one or none (`asked`), or any but that one (`avoided`)."""

    asked: ServerId | None = None
    avoided: ServerId | None = None


ANY = Wish()


def choose(snapshots: Sequence[Snapshot], berths: Berths, *, now: float, tie: float, wish: Wish = ANY) -> Choice:
    """The least loaded server that answered; `tie` in [0, 1) picks among equals.

    What cannot go where the person wants goes nowhere: NoServerAvailable, with the cause by server.
    """
    asked = wish.asked
    causes = {item.server_id: "avoided" if item.server_id == wish.avoided else item.cause for item in snapshots}
    refused = {str(server_id): cause for server_id, cause in causes.items() if cause}
    loads = {item.server_id: load_of(item, berths, now) for item in snapshots if not causes[item.server_id]}
    if asked is not None:
        if asked not in loads:
            raise NoServerAvailable("reserve", {str(asked): refused.get(str(asked), "not_in_fleet")})
        return Choice(server_id=asked, reason="asked", loads=_named(loads), refused=refused)
    if not loads:
        raise NoServerAvailable("reserve", refused)
    least = min(loads.values())
    best = sorted(server_id for server_id, load in loads.items() if load == least)
    chosen = best[int(tie * len(best)) % len(best)]
    reason = "only" if len(loads) == 1 else "tie" if len(best) > 1 else "least_loaded"
    return Choice(server_id=chosen, reason=reason, loads=_named(loads), refused=refused)


def _named(loads: Mapping[ServerId, int]) -> dict[str, int]:
    return {str(server_id): load for server_id, load in loads.items()}
