"""How long a task still takes, estimated from learned runs and from its own pace; None where too little is known.

    eta = running_eta(work, now=now)               # until its end
    etas = waiting_etas(server_id, queue, durations, now=now)    # until each of them begins

An estimate is a sum of parts: parts learned on this very server or measured in this very run are sure; parts carried
over from elsewhere or guessed by a node's class are not. It is shown only while most of it is sure, and no longer than
it may be true: a run that takes much longer than ever is not "done in a moment".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from app.core.durations import Durations
from app.core.model import Job, NodeId, PromptId, ServerId
from app.core.plan import Certainty, Plan
from app.core.stopwatch import Stopwatch

MOST_GUESSED = 0.3  # of an estimate
MOST_GUESSED_WAITING = 0.5
SLACK = 3.0  # seconds that may be guessed, and that a run may be late without being unusual
LATE = 1.6  # times the expected: a run that takes longer is unusual
STUCK = 4.0  # times the pace of a step, without another one
SLOWEST, FASTEST = 4.0, 0.25  # how much slower or faster than learned a run can be


@dataclass(frozen=True, slots=True)
class Eta:
    """When something is expected; unknown after `good_until`. Seconds since the epoch.

    `left` counts from now, and does not compare: it differs with every call.
    """

    ends_at: float
    good_until: float
    left: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Sum:
    """Seconds, split into sure and guessed ones."""

    sure: float = 0.0
    guess: float = 0.0

    def plus(self, seconds: float, *, is_sure: bool) -> Sum:
        """The sum with another part."""
        return Sum(self.sure + seconds, self.guess) if is_sure else Sum(self.sure, self.guess + seconds)

    def eta(self, now: float, most_guessed: float = MOST_GUESSED) -> Eta | None:
        """The estimate that is shown, or None if too much is guessed."""
        whole = self.sure + self.guess
        if self.guess > max(SLACK, most_guessed * whole):
            return None
        return Eta(now + whole, now + whole * LATE + SLACK, whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A running task with everything known about it. `swap` are seconds to load missing models; None: unknown."""

    plan: Plan
    watch: Stopwatch
    started_at: float | None
    done: frozenset[NodeId] = frozenset()  # by events, or by the server's cache
    total: float | None = None  # seconds of such a task there, as learned; without loading
    is_cold: bool = False
    swap: float | None = 0.0
    is_partly_cached: bool = False


def running_eta(work: Work, *, now: float) -> Eta | None:
    """The time until a running task ends."""
    if work.watch.node is None and not work.watch.spent:
        return _by_total(work, now)
    return _by_nodes(work, now)


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
    return Sum(max(whole - ran, 0.05 * whole)).eta(now)


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
    found = found.plus(current[0], is_sure=current[1])
    for node, seconds in plan.seconds.items():
        if node != watch.node and node not in watch.spent and node not in work.done:
            found = found.plus(seconds * (factor or 1.0), is_sure=is_learned)
    return found.eta(now)


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


def _current(work: Work, factor: float | None, now: float) -> tuple[float, bool] | None:
    """Seconds of the running node, and whether they are sure; None while that is unknown."""
    node, watch = work.watch.node, work.watch
    row = watch.steps
    is_counting = row is not None and row.last < row.maximum
    if node is None or (node in work.done and not is_counting):
        return 0.0, True
    if row is not None and row.pace is not None:
        since = now - row.last_at
        if since > row.pace * STUCK + SLACK and row.last < row.maximum:
            return None
        more = max(0, work.plan.parts.get(node, 1) - watch.rows)
        ahead = (row.maximum - row.last) + more * row.maximum
        counted = max(0.0, ahead * row.pace - since)
        return _expanded(work, counted, now) if watch.is_expanded else (counted, True)
    planned = _planned(work) * (factor or 1.0)
    is_loading = work.is_cold and node in work.plan.stepping and not _has_stepped(work)
    ran = 0.0 if is_loading else now - watch.since
    if work.plan.certainty is Certainty.GUESSED and factor is None:
        return None
    if ran > planned * LATE + SLACK:
        return None
    return max(planned - ran, 0.1 * planned), work.plan.certainty is Certainty.LEARNED


def _expanded(work: Work, counted: float, now: float) -> tuple[float, bool] | None:
    """The same for an expanded node: only an earlier run shows what follows the steps that it counts."""
    if work.plan.certainty is not Certainty.LEARNED:
        return None
    return max(counted, _planned(work) + work.watch.lead - (now - work.watch.since)), True


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
    """The estimate for a task: its end if it runs, its start if it waits, and how many wait on its server.

    Of a waiting one also how many prompts are before it, running or waiting: the user's own and those of others. None
    without users: then it is unknown whose the prompts are.
    """

    eta: Eta | None = None
    count: int | None = None
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
    return Eta(shown.ends_at, shown.good_until, left)
