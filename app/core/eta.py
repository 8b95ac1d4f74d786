"""How long a task still takes, estimated from learned runs and from its own pace; None where too little is known.

    eta = running_eta(work, now=now)               # until its end
    etas = waiting_etas(server_id, queue, durations, now=now)    # until each of them begins

An estimate is a sum of parts: parts learned on this very server or measured in this very run are sure; parts carried
over from elsewhere or guessed by a node's class are not. It is shown only while most of it is sure, and no longer than
it may be true: a run that takes much longer than ever is not "done in a moment".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from app.core.durations import Durations
from app.core.model import Job, NodeId, PromptId, ServerId
from app.core.plan import Certainty, Plan
from app.core.stopwatch import SLACK, STUCK, Stopwatch

MOST_GUESSED = 0.3  # of an estimate
MOST_GUESSED_WAITING = 0.5
LATE = 1.6  # times the expected: a run that takes longer is unusual
SLOW_STEP = 1.5  # times the pace of a step, after which the time left stops until the next one
UNSEEN = 8.0  # seconds without an event or a poll that shows that it runs, after which the time left stops
SLOWEST, FASTEST = 4.0, 0.25  # how much slower or faster than learned a run can be


@dataclass(frozen=True, slots=True)
class Eta:
    """When something is expected; unknown after `good_until`. Seconds of the clock by which it was made.

    What is left stops at `holds_at`, unless something moves until then. `left` counts from now, and does not compare:
    it differs with every call.
    """

    ends_at: float
    good_until: float
    left: float = field(default=0.0, compare=False)
    holds_at: float = math.inf

    def left_at(self, now: float) -> float:
        """The seconds that are left then, if nothing moves until then."""
        return max(0.0, self.ends_at - min(now, self.holds_at))

    def later(self, seconds: float) -> Eta:
        """The same moments by a clock that is so much ahead."""
        ends, good, holds = self.ends_at + seconds, self.good_until + seconds, self.holds_at + seconds
        return replace(self, ends_at=ends, good_until=good, holds_at=holds)


@dataclass(frozen=True, slots=True)
class Sum:
    """Seconds, split into sure and guessed ones."""

    sure: float = 0.0
    guess: float = 0.0

    def plus(self, seconds: float, *, is_sure: bool) -> Sum:
        """The sum with another part."""
        return Sum(self.sure + seconds, self.guess) if is_sure else Sum(self.sure, self.guess + seconds)

    def eta(self, now: float, most_guessed: float = MOST_GUESSED, holds_at: float = math.inf) -> Eta | None:
        """The estimate that is shown, or None if too much is guessed."""
        whole = self.sure + self.guess
        if self.guess > max(SLACK, most_guessed * whole):
            return None
        return Eta(now + whole, now + whole * LATE + SLACK, whole, holds_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A running task with everything known about it. `swap` are seconds to load missing models; None: unknown.

    `seen_at` is when an event or a poll has shown last that it runs.
    """

    plan: Plan
    watch: Stopwatch
    started_at: float | None
    done: frozenset[NodeId] = frozenset()  # by events, or by the server's cache
    total: float | None = None  # seconds of such a task there, as learned; without loading
    is_cold: bool = False
    swap: float | None = 0.0
    is_partly_cached: bool = False
    seen_at: float | None = None


def running_eta(work: Work, *, now: float) -> Eta | None:
    """The time until a running task ends. It stops while nothing shows that the task runs."""
    unseen_at = math.inf if work.seen_at is None else work.seen_at + UNSEEN
    at = min(now, unseen_at)
    found = _by_total(work, at) if work.watch.node is None and not work.watch.spent else _by_nodes(work, at)
    if found is None:
        return None
    return replace(found.later(now - at), holds_at=max(now, min(found.holds_at, unseen_at)))


def _by_total(work: Work, now: float) -> Eta | None:
    """Without events of its nodes: the total of such tasks, minus the time that it has run."""
    if work.total is None or work.started_at is None or work.is_partly_cached:
        return None
    if work.is_cold and work.swap is None:
        return None
    whole = work.total + (work.swap or 0.0 if work.is_cold else 0.0)
    ran = now - work.started_at
    if ran > whole * LATE + SLACK:
        return None
    return Sum(max(whole - ran, 0.05 * whole)).eta(now, holds_at=now + whole - ran)


def _by_nodes(work: Work, now: float) -> Eta | None:
    plan, watch = work.plan, work.watch
    factor = _own_pace(work)
    if factor is None and plan.certainty is Certainty.GUESSED:
        return None  # there are weights and no seconds
    loading = _loading(work, now)
    if loading is None:
        return None
    is_learned = plan.certainty is Certainty.LEARNED
    found = Sum().plus(loading, is_sure=is_learned)
    current = _current(work, factor, now)
    if current is None:
        return None
    found = found.plus(current.seconds, is_sure=current.is_sure)
    for node, seconds in plan.seconds.items():
        if node != watch.node and node not in watch.spent and node not in work.done:
            found = found.plus(seconds * (factor or 1.0), is_sure=is_learned)
    return found.eta(now, holds_at=now + loading + current.moves_for)


def _own_pace(work: Work) -> float | None:
    """How much slower than planned this run is, by the nodes that count steps; None before the first one."""
    planned = measured = 0.0
    for node, took in work.watch.spent.items():
        if node in work.plan.stepping and node in work.plan.seconds and node not in work.watch.cached:
            planned, measured = planned + work.plan.seconds[node], measured + took.seconds
    row, running = work.watch.steps, work.watch.node
    is_guessed = work.plan.certainty is Certainty.GUESSED
    if row is not None and row.pace is not None and running is not None and running in work.plan.seconds:
        one_row = work.plan.seconds[running] / work.plan.parts.get(running, 1)
        planned += row.maximum if is_guessed else one_row  # a guess is in steps
        measured += row.pace * row.maximum
    if planned <= 0:
        return None
    return measured / planned if is_guessed else min(SLOWEST, max(FASTEST, measured / planned))


def _loading(work: Work, now: float) -> float | None:
    """Seconds of loading that remain; None while it is unknown how long it takes."""
    if not work.is_cold or _has_stepped(work):
        return 0.0
    ahead = [node for node in work.plan.stepping if node not in work.watch.spent and node not in work.done]
    if not ahead or work.plan.certainty is Certainty.GUESSED:
        return 0.0
    learned = sum(work.plan.leads.get(node, 0.0) for node in ahead)
    whole = learned if work.plan.leads else work.swap
    if whole is None:
        return None
    ran = now - work.watch.since if work.watch.node in ahead else 0.0
    return None if ran > whole * LATE + SLACK + _planned(work) else max(0.0, whole - ran)


def _has_stepped(work: Work) -> bool:
    return work.watch.steps is not None or any(node in work.plan.stepping for node in work.watch.spent)


def _planned(work: Work) -> float:
    return work.plan.seconds.get(work.watch.node, 0.0) if work.watch.node is not None else 0.0


@dataclass(frozen=True, slots=True)
class Current:
    """Seconds of the running node that are left, whether they are sure, and how many may pass without progress."""

    seconds: float
    is_sure: bool
    moves_for: float


def _current(work: Work, factor: float | None, now: float) -> Current | None:
    """What is left of the running node; None while that is unknown."""
    node, watch = work.watch.node, work.watch
    row = watch.steps
    is_counting = row is not None and row.last < row.maximum
    if node is None or (node in work.done and not is_counting):
        return Current(0.0, is_sure=True, moves_for=0.0)
    if row is not None and row.pace is not None:
        since = now - row.last_at
        if since > row.pace * STUCK + SLACK and row.last < row.maximum:
            return None
        more = max(0, work.plan.parts.get(node, 1) - watch.rows)
        ahead = (row.maximum - row.last) + more * row.maximum
        counted = max(0.0, ahead * row.pace - min(since, row.pace * SLOW_STEP))
        moves_for = max(0.0, row.pace * SLOW_STEP - since)
        return _expanded(work, counted, moves_for, now) if watch.is_expanded else Current(counted, True, moves_for)
    planned = _planned(work) * (factor or 1.0)
    is_loading = work.is_cold and node in work.plan.stepping and not _has_stepped(work)
    ran = 0.0 if is_loading else now - watch.since
    if work.plan.certainty is Certainty.GUESSED and factor is None:
        return None
    if ran > planned * LATE + SLACK:
        return None
    is_learned = work.plan.certainty is Certainty.LEARNED
    return Current(max(planned - ran, 0.1 * planned), is_learned, max(0.0, planned - ran))


def _expanded(work: Work, counted: float, moves_for: float, now: float) -> Current | None:
    """The same for an expanded node: only an earlier run shows what follows the steps that it counts."""
    if work.plan.certainty is not Certainty.LEARNED:
        return None
    whole = max(counted, _planned(work) + work.watch.lead - (now - work.watch.since))
    return Current(whole, True, moves_for)


# Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """One prompt in a server's queue. `job` is None if it is unknown."""

    prompt_id: PromptId
    job: Job | None = None
    left: float | None = None  # seconds, of a running one, if known
    running_since: float | None = None
    is_running: bool = False


def waiting_etas(
    server_id: ServerId, queue: Sequence[Queued], durations: Durations, *, now: float
) -> Iterator[tuple[PromptId, Eta | None]]:
    """For each prompt of a queue, in order: the time until everything before it is done."""
    found: Sum | None = Sum()
    loaded = durations.loaded(server_id)
    for item in queue:
        yield item.prompt_id, found.eta(now, MOST_GUESSED_WAITING) if found is not None else None
        if found is not None:
            found = _with_one(found, item, server_id, durations, loaded=loaded, now=now)
        loaded = None if item.job is None else item.job.models or loaded


def _with_one(
    found: Sum,
    item: Queued,
    server_id: ServerId,
    durations: Durations,
    *,
    loaded: tuple[str, ...] | None,
    now: float,
) -> Sum | None:
    """The sum with another prompt to be done first; None if its time is unknown."""
    if item.left is not None:
        return found.plus(item.left, is_sure=True)
    if item.job is None or not durations.knows_kind(item.job):
        return None
    is_sure, cost = durations.knows_kind(item.job, server_id), durations.expected(server_id, item.job)
    if not item.is_running:
        swap = durations.swap(item.job.models, loaded)
        return found.plus(cost, is_sure=is_sure).plus(swap, is_sure=durations.knows_swap(item.job.models))
    if item.running_since is None:
        return found.plus(cost / 2, is_sure=False)
    ran = now - item.running_since
    return None if ran > cost * LATE + SLACK else found.plus(max(cost - ran, 0.05 * cost), is_sure=is_sure)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The estimate for a task: its end if it runs, its start if it waits.

    Of a waiting one also how many prompts are before it, running or waiting: the user's own and those of others. None
    without users: then it is unknown whose the prompts are.
    """

    eta: Eta | None = None
    own: int | None = None
    others: int | None = None


NO_OUTLOOK = Outlook()


def steady(shown: Eta | None, fresh: Eta | None, now: float) -> Eta | None:
    """The estimate to show: the one already shown, as long as the new one agrees."""
    if shown is None or fresh is None:
        return fresh
    left = max(0.0, shown.ends_at - now)
    if abs(fresh.ends_at - shown.ends_at) > max(0.8, 0.06 * left) or now > shown.ends_at:
        return fresh
    kept = replace(shown, holds_at=fresh.holds_at)
    return replace(kept, left=kept.left_at(now))
