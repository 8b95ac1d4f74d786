"""The choice of a server for a free window, and the reason that is kept with it.

    choice = choose(snapshots, claims, now=now, tie=chance, job=job)

Pure: the queue of each server, learned durations, and a number for ties go in, a `ServerChoice` comes
out. It runs inside the store's transaction, so two windows that choose at the same time see each other's reservation.

It chooses the server that should finish the work first: the seconds of its queue, of loading other models, and of the
work itself. If no server is idle, loading other models counts twice, because waiting prompts lose that time too.
Servers that differ by less than the estimate's accuracy are equal, and chance decides, so that windows of other users,
who do not see our reservations, do not all choose the same server.

An operator may give a server a weight. The queue of a server with weight 2 counts half, and chance picks it twice as
often: with equal queues it gets twice the work of one with weight 1. Loading and working take the same time whatever
the weight.

If the answers are old, the better one of two drawn by
chance is chosen, for the same reason, from those that were about as good as the best.

Runs that are spread over servers (`Wish.spreads`) take idle servers first, so that each has one run before any has two.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeVar

from app.core.durations import Durations
from app.core.errors import NoServerAvailable
from app.core.model import Job, PromptId, Reservation, ServerChoice, ServerId, Task, TaskState, Unreadable, WindowId

T = TypeVar("T")

# A reservation older than this belongs to a window that closed between reserving and registering; it no longer counts
# as load. It frees nothing: an open window's own reservation holds its window for as long as it lasts.
RESERVATION_COUNTS_FOR = 900.0  # seconds: longer than the slowest upload we expect
STALE_AFTER = 8.0  # seconds since the servers were asked: a store that was busy, a page that was asleep
EQUAL = 0.05  # servers within this share of the best are equal: no estimate is more accurate
NEAR = 1.5  # times the best: with old answers, as good as the best
LEAST_LEFT = 0.1  # of a running prompt that has taken longer than expected


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one server answered: the prompt_ids in its queue in their order, or the cause why it did not answer."""

    server_id: ServerId
    pending: Sequence[PromptId] = ()
    cause: str = ""
    running: Sequence[PromptId] = ()
    read_at: float | None = None  # when it was asked; None: just now
    own: Collection[PromptId] | None = None  # prompts of this user, if the gateway knows its users


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of all windows as stored: reservations, and tasks not known to have ended, readable or not.

    They come with the learned durations. Some of the `reservations` are no places yet: `places` leaves those out.
    """

    reservations: Sequence[Reservation] = ()
    unfinished: Sequence[Task] = ()
    unreadable: Sequence[Unreadable] = ()
    durations: Durations = field(default_factory=Durations)

    @property
    def places(self) -> Iterator[Reservation]:
        """The reservations that hold a place."""
        return (item for item in self.reservations if item.waits_since is None)

    def unreadable_of(self, window_id: WindowId) -> tuple[Unreadable, ...]:
        """The unreadable records that may be that window's."""
        return tuple(record for record in self.unreadable if record.may_be_of(window_id))

    def held_by(self, window_id: WindowId) -> Iterator[tuple[ServerId, str]]:
        """The servers, with their addresses, that hold that window: one for each claim."""
        for item in self.places:
            if item.window_id == window_id:
                yield item.server_id, item.address
        for task in self.unfinished:
            if task.owner == window_id and task.holds_window:
                yield task.server_id, task.address

    def by_server(self, now: float) -> dict[ServerId, dict[PromptId, Reservation | Task]]:
        """The claims on each server by prompt_id, in the order in which they should run."""
        found: dict[ServerId, dict[PromptId, Reservation | Task]] = {}
        for task in sorted(self.unfinished, key=lambda task: task.created_at):
            found.setdefault(task.server_id, {})[task.prompt_id] = task
        for item in sorted(self.places, key=lambda item: item.at):
            if now - item.at < RESERVATION_COUNTS_FOR:
                found.setdefault(item.server_id, {}).setdefault(item.prompt_id, item)
        return found


@dataclass(frozen=True, slots=True)
class ServerQueue:
    """The work ahead of a new prompt on a server, and which models will be loaded by then (None: unknown)."""

    count: int
    seconds: float
    loaded: tuple[str, ...] | None


def line_of(
    snapshot: Snapshot, claims: Mapping[PromptId, Reservation | Task], durations: Durations, now: float
) -> ServerQueue:
    """The work ahead on one server: its queue as answered, and claims that are not in it yet.

    Each prompt counts once, by id. One whose POST was answered before the server was asked, and that is not in its
    queue, has ended; its window does not know yet.
    """
    server_id, running = snapshot.server_id, set(snapshot.running)
    seconds, loaded = 0.0, durations.loaded(server_id)
    queue = [*snapshot.running, *snapshot.pending]
    for prompt_id in queue:
        claim = claims.get(prompt_id)
        cost, loaded = _cost(claim.job if claim else None, loaded, durations, server_id)
        seconds += _left(cost, claim, now) if prompt_id in running else cost
    seconds = max(0.0, seconds - _age(snapshot, now))
    known = set(queue)
    coming = [claim for prompt_id, claim in claims.items() if prompt_id not in known and not is_over(claim, snapshot)]
    for claim in coming:
        cost, loaded = _cost(claim.job, loaded, durations, server_id)
        seconds += cost
    return ServerQueue(len(known) + len(coming), seconds, loaded)


def _age(snapshot: Snapshot, now: float) -> float:
    return 0.0 if snapshot.read_at is None else max(0.0, now - snapshot.read_at)


def _cost(
    job: Job | None, loaded: tuple[str, ...] | None, durations: Durations, server_id: ServerId
) -> tuple[float, tuple[str, ...] | None]:
    """Seconds that one prompt takes, and what is loaded after it. Of other users' prompts only the id is known."""
    if job is None:
        return durations.expected(server_id, None), None
    swap = durations.swap(job.models, loaded)
    return durations.expected(server_id, job) + swap, job.models or loaded


def _left(cost: float, claim: Reservation | Task | None, now: float) -> float:
    """Seconds left of a running prompt: half of its cost if its start is unknown."""
    started_at = claim.progress.started_at if isinstance(claim, Task) else None
    if started_at is None:
        return cost / 2
    return max(cost - max(0.0, now - started_at), cost * LEAST_LEFT)


def is_over(claim: Reservation | Task, snapshot: Snapshot, read_before: float = 0.0) -> bool:
    """Return whether a claim that is not in this queue has ended: its POST was answered before the queue was read.

    The queue may have been read `read_before` seconds before it was asked for.
    """
    if snapshot.read_at is None or not isinstance(claim, Task):
        return False
    answered_at = claim.progress.answered_at
    is_answered = answered_at is not None and answered_at < snapshot.read_at - read_before
    return is_answered and claim.state in {TaskState.QUEUED, TaskState.RUNNING}


class Leaning(Enum):
    """Whether a window prefers or avoids a server, for all of its choices until the user changes it.

    A preferred server is chosen whenever it can do the work, however long its queue; an avoided one only if it is asked
    for by name. Neither moves a moored window.
    """

    PREFER = "prefer"
    AVOID = "avoid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user wants for one run: this server or none (`asked`), or any but this one (`avoided`).

    With `is_patient`, no server instead of a busy one: the work waits in its window for an idle one.
    With `spreads`, an idle server is preferred to any busy one, even if a busy one would finish the work sooner.
    `leanings` are the window's own. With `is_unbounded` it waits for no turn (`core/turns.py`).
    """

    asked: ServerId | None = None
    avoided: ServerId | None = None
    is_patient: bool = False
    spreads: bool = False
    is_unbounded: bool = False
    leanings: Mapping[ServerId, Leaning] = field(default_factory=dict)

    def objection(self, server_id: ServerId) -> str:
        """Why that server is excluded, or an empty text; being asked for by name outweighs a leaning."""
        if server_id == self.avoided:
            return "avoided"
        is_shunned = self.leanings.get(server_id) is Leaning.AVOID and server_id != self.asked
        return "shunned" if is_shunned else ""


ANY = Wish()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One server that could take the work, with the work ahead of it."""

    server_id: ServerId
    line: ServerQueue
    swap: float
    work: float
    burden: float = 0.0  # seconds that others would lose
    weight: float = 1.0

    @property
    def score(self) -> float:
        """Seconds until the work would be done there."""
        return self.line.seconds + self.swap + self.work

    @property
    def rank(self) -> float:
        """The sort key: lowest wins."""
        return self.line.seconds / self.weight + self.swap + self.work + self.burden

    @property
    def plain_rank(self) -> float:
        """The sort key if all servers had the same weight."""
        return self.score + self.burden


def choose(
    snapshots: Sequence[Snapshot],
    claims: Claims,
    *,
    now: float,
    tie: float,
    wish: Wish = ANY,
    job: Job | None = None,
    unable: Mapping[ServerId, str] | None = None,
    weights: Mapping[ServerId, float] | None = None,
) -> ServerChoice:
    """Choose the server that should finish the work first, of those that answered; `tie` in [0, 1) is chance.

    `unable` are causes why a server cannot take this work: lacks, drained. `weights` are above 0, and
    1 where missing. If no server fits the wish: NoServerAvailable, with the cause by
    server.
    """
    refused = dict(_refusals(snapshots, wish, unable or {}))
    asked = [item for item in snapshots if item.server_id not in refused]
    candidates = [
        replace(item, weight=(weights or {}).get(item.server_id, 1.0)) for item in _candidates(asked, claims, now, job)
    ]
    if wish.is_patient:
        refused.update((item.server_id, "busy") for item in candidates if item.line.count)
        candidates = [item for item in candidates if not item.line.count]
    if all(item.line.count for item in candidates):  # others have to reload what is unloaded for our work
        candidates = [replace(item, burden=item.swap) for item in candidates]
    is_stale = any(_age(item, now) > STALE_AFTER for item in asked)
    preferred = [item for item in candidates if wish.leanings.get(item.server_id) is Leaning.PREFER]
    if wish.asked is not None:
        chosen, reason = _named_one(wish.asked, candidates, refused), "asked"
    elif not candidates:
        raise NoServerAvailable("reserve", _named(refused))
    else:
        among = preferred or candidates
        idle = [item for item in among if not item.line.count] if wish.spreads else []
        chosen, reason = _best(idle or among, tie, claims.durations, is_stale=is_stale)
        if preferred and len(preferred) < len(candidates):
            reason = "preferred"
        elif idle and len(idle) < len(among):
            reason = "idle"
    is_learned = not claims.durations.is_empty
    return ServerChoice(
        server_id=chosen.server_id,
        reason=reason,
        loads=_named({item.server_id: item.line.count for item in candidates}),
        refused=_named(refused),
        scores=_named({item.server_id: round(item.score, 1) for item in candidates if is_learned}),
    )


def _refusals(
    snapshots: Iterable[Snapshot], wish: Wish, unable: Mapping[ServerId, str]
) -> Iterator[tuple[ServerId, str]]:
    for item in snapshots:
        if cause := wish.objection(item.server_id) or unable.get(item.server_id) or item.cause:
            yield item.server_id, cause


def _candidates(asked: Sequence[Snapshot], claims: Claims, now: float, job: Job | None) -> list[Candidate]:
    by_server, durations, found = claims.by_server(now), claims.durations, []
    for snapshot in asked:
        line = line_of(snapshot, by_server.get(snapshot.server_id, {}), durations, now)
        swap = durations.swap(job.models, line.loaded) if job else 0.0
        found.append(Candidate(snapshot.server_id, line, swap, durations.expected(snapshot.server_id, job)))
    return found


def _named_one(asked: ServerId, candidates: Sequence[Candidate], refused: Mapping[ServerId, str]) -> Candidate:
    found = next((item for item in candidates if item.server_id == asked), None)
    if found is None:
        raise NoServerAvailable("reserve", {str(asked): refused.get(asked, "not_in_fleet")})
    return found


def _best(
    candidates: Sequence[Candidate], tie: float, durations: Durations, *, is_stale: bool
) -> tuple[Candidate, str]:
    if is_stale and len(near := _near(candidates)) > 1:
        return _drawn(near, tie), "two_choice"
    return _soonest(candidates, tie, durations)


def _soonest(candidates: Sequence[Candidate], tie: float, durations: Durations) -> tuple[Candidate, str]:
    least = min(item.rank for item in candidates)
    best = sorted((item for item in candidates if item.rank <= least * (1 + EQUAL)), key=lambda item: item.server_id)
    chosen, _ = _drawn_one(best, tie)
    if len(candidates) == 1:
        return chosen, "only"
    if len(best) > 1:
        is_even = all(item.weight == chosen.weight for item in best)
        return chosen, "tie" if is_even else "weighted_tie"
    if min(item.plain_rank for item in candidates) * (1 + EQUAL) < chosen.plain_rank:
        return chosen, "weighted"  # only its weight has made it the first
    if min(item.score - item.swap for item in candidates) < chosen.score - chosen.swap:
        return chosen, "warm"  # only what is loaded there has made it the soonest
    return chosen, "least_loaded" if durations.is_empty else "soonest"


def _near(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that may be the best by now, in the order of their ids."""
    least = min(item.rank for item in candidates)
    return sorted((item for item in candidates if item.rank <= least * NEAR), key=lambda item: item.server_id)


def _drawn(near: Sequence[Candidate], tie: float) -> Candidate:
    """The better of two drawn by chance: the best by old answers may have been chosen by all other windows."""
    first, rest = _drawn_one(near, tie)
    second, _ = _drawn_one([item for item in near if item is not first], rest)
    return min(first, second, key=lambda item: item.rank)


def _drawn_one(items: Sequence[Candidate], chance: float) -> tuple[Candidate, float]:
    """Draw one by chance in [0, 1), in proportion to the weights; also return the unused chance, for another draw."""
    place = chance * sum(item.weight for item in items)
    for item in items:
        if place < item.weight:
            return item, place / item.weight
        place -= item.weight
    return items[-1], 0.0  # by rounding


def _named(values: Mapping[ServerId, T]) -> dict[str, T]:
    return {str(server_id): value for server_id, value in values.items()}
