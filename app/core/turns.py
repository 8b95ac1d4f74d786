"""Whose turn it is on a server: at most two runs of one user are ahead there, whatever window sent them.

    turn = turn_of(asker, claims, snapshot)
    turn.is_now                     # else the run waits, and its window asks again

Counted are the runs of all windows of this browser, from the claims in the store; and where the gateway knows its
users, also those that the user sent from other browsers, which are in the server's queue. The count ends by itself: a
claim that is not in the queue of a server that has answered since is over, and one that never got there counts for a
limited time, shorter if its window is gone. So a window that was closed, or crashed, never blocks others for ever. Only
the sessions of the asking page count without a limit: they are as awake as the one that asks.

Windows that wait are served in the order in which they began to wait, one run each: a click in one window does not wait
for the hundred runs of a plan in another one. A run that has been refused is written down as a reservation that is no
place yet (`Reservation.waits_since`), which its window renews whenever it asks again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from app.core.balancer import Claims, Snapshot, is_over
from app.core.durations import Durations
from app.core.eta import Eta, Queued, waiting_etas
from app.core.model import PromptId, Reservation, ServerId, Task, TaskState, WindowId
from app.core.waiting_runs import own_window_of
from wire.turns import AHEAD

UNSEEN_COUNTS_FOR = 900.0  # seconds: a run that is being sent, longer than the slowest upload we expect
GONE_COUNTS_FOR = 60.0  # the same if its window is gone: its request may still be on its way
WAITING_COUNTS_FOR = 70.0  # since a waiting run last asked: a page in the background may act once a minute
READ_BEFORE = 2.0  # seconds: those who ask a gateway for the queues share its reads, which take that long at most
_IN_QUEUE = frozenset({TaskState.QUEUED, TaskState.RUNNING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """A run that is to be sent to a server."""

    prompt_id: PromptId
    window_id: WindowId
    server_id: ServerId
    now: float
    alive: Mapping[WindowId, bool | None] = field(default_factory=dict)  # of the windows asked; None: it is not known

    def is_gone(self, window_id: WindowId) -> bool:
        """Whether that window is known to be closed."""
        return self.alive.get(window_id) is False

    def knows(self, window_id: WindowId) -> bool:
        """Whether that window has been asked whether it lives."""
        return window_id == self.window_id or window_id in self.alive

    def is_beside(self, window_id: WindowId) -> bool:
        """Whether that is a living session of this tab, or may be."""
        if window_id == self.window_id:
            return True
        return own_window_of(window_id) == own_window_of(self.window_id) and self.alive.get(window_id, True) is True


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is before a run on a server, where it waits `since` then.

    `own` are the user's runs, `earlier` the user's waiting runs of other windows that come first, `others` the prompts
    of others in the queue (None: that is not known). `eta` is when its turn should come, if that can be estimated.
    `unsure` are windows whose claims count although the queue does not show them, and that have not been asked yet
    whether they live.
    """

    since: float
    own: int = 0
    earlier: int = 0
    others: int | None = None
    eta: Eta | None = None
    unsure: frozenset[WindowId] = frozenset()

    @property
    def is_now(self) -> bool:
        """Whether it may be sent."""
        return self.own + self.earlier < AHEAD


def turn_of(asker: Asker, claims: Claims, snapshot: Snapshot | None) -> Turn:
    """Return what is before this run; without a `snapshot`, every task counts that is not known to have ended."""
    seen = snapshot if snapshot is not None and not snapshot.cause else None
    queue = (*seen.running, *seen.pending) if seen is not None else ()
    held = {item.prompt_id: item for item in _held(asker, claims)}
    own = None if seen is None else seen.own
    queued = [prompt_id for prompt_id in queue if prompt_id in held or prompt_id in (own or ())]
    coming = [item for prompt_id, item in held.items() if prompt_id not in queue and _is_coming(item, seen, asker)]
    since = _since(asker, claims)
    waiting = [item for item in claims.reservations if _is_earlier(item, since, asker)]
    turn = Turn(
        since=since,
        own=len(queued) + len(coming),
        earlier=len(waiting),
        others=None if own is None else len(queue) - len(queued),
        unsure=frozenset(owner for owner in map(_window_of, (*coming, *waiting)) if not asker.knows(owner)),
    )
    ends = turn.own - AHEAD  # of the runs that have to end first, the last one's place among them
    if seen is None or waiting or not 0 <= ends < len(queued):
        return turn
    return replace(turn, eta=_end_of(queued[ends], seen, held, claims.durations, asker.now))


def _since(asker: Asker, claims: Claims) -> float:
    """Return since when this run waits; clocks may be set back."""
    known = next((item for item in claims.reservations if item.prompt_id == asker.prompt_id), None)
    return asker.now if known is None or known.waits_since is None else min(known.waits_since, asker.now)


def _held(asker: Asker, claims: Claims) -> Iterator[Reservation | Task]:
    """Yield the places and unfinished tasks on the server, without the run itself."""
    held: list[Reservation | Task] = [*claims.places, *claims.unfinished]
    for item in held:
        if item.server_id == asker.server_id and item.prompt_id != asker.prompt_id:
            yield item


def _is_coming(item: Reservation | Task, seen: Snapshot | None, asker: Asker) -> bool:
    """Return whether a claim counts that is not in the queue."""
    if seen is None and isinstance(item, Task) and item.state in _IN_QUEUE:
        return True
    if seen is not None and is_over(item, seen, READ_BEFORE):
        return False
    if asker.is_beside(_window_of(item)) and (isinstance(item, Reservation) or item.holds_window):
        return True  # this page knows that it has not ended, whatever the clock says
    since = item.created_at if isinstance(item, Task) else item.at
    is_gone = asker.is_gone(_window_of(item))
    if isinstance(item, Reservation) and is_gone:
        return False
    return abs(asker.now - since) < (GONE_COUNTS_FOR if is_gone else UNSEEN_COUNTS_FOR)  # clocks may be set back


def _is_earlier(item: Reservation, since: float, asker: Asker) -> bool:
    """Return whether this is a waiting run of another tab that comes first; the runs of one tab have their own line."""
    if item.waits_since is None or item.server_id != asker.server_id or asker.is_gone(item.window_id):
        return False
    if (
        own_window_of(item.window_id) == own_window_of(asker.window_id)
        or abs(asker.now - item.at) >= WAITING_COUNTS_FOR
    ):
        return False
    return (item.waits_since, item.prompt_id) < (since, asker.prompt_id)


def _window_of(item: Reservation | Task) -> WindowId:
    return item.owner if isinstance(item, Task) else item.window_id


def _end_of(
    last: PromptId,
    seen: Snapshot,
    held: Mapping[PromptId, Reservation | Task],
    durations: Durations,
    now: float,
) -> Eta | None:
    """Return when a prompt of the queue should end; None if too little is known of what is before it."""
    queue = [
        Queued(
            prompt_id=prompt_id,
            job=claim.job if (claim := held.get(prompt_id)) else None,
            running_since=claim.progress.started_at if isinstance(claim, Task) else None,
            is_running=prompt_id in seen.running,
        )
        for prompt_id in (*seen.running, *seen.pending)
    ]
    until = next(number for number, item in enumerate(queue) if item.prompt_id == last)
    before = [*queue[: until + 1], Queued(prompt_id=last)]
    *_, (_, eta) = waiting_etas(seen.server_id, before, durations, now=now)
    return eta
