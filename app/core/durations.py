"""How long work takes, learned from successful runs of this installation.

    durations = durations.learned(ran)                 # from a run, by the server's own clock
    durations.expected(server_id, job)                 # seconds for such a job there, with its models loaded
    durations.swap(job.models, loaded)                 # seconds more if other models are loaded

A kind of job has a cost, a server has a pace, and both multiply. So one run of a new kind shows how long it takes on
every server, and one run on a new server how long everything takes there. What was measured for a kind on that very
server counts more, the more often it was seen (a small card is slow with large models only). All means forget slowly: a
server may get another card. No task's state depends on any of this; what is unknown is guessed.

Stored as one bounded record for all windows; the entries that were used longest ago are dropped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from app.core.job import costly_nodes
from app.core.model import Job, ServerId, Task, TaskState
from app.core.workflow import parse_workflow

T = TypeVar("T")

UNKNOWN = 30.0  # seconds of a prompt that nothing is known about; only its order of magnitude matters
UNKNOWN_SWAP = 15.0  # seconds to load other models; 5 to 60 by their size and the disk
LONGEST_SWAP = 120.0  # more than that was something else
SHORTEST = 0.05  # seconds
GUESS_COUNTS = 0.5  # how many runs of a kind on a server the guess by cost and pace counts for
FAR = math.log(8.0)  # how far the time of one size is extrapolated to another
LATE_MS = 3_600_000  # an end that is at most this much older than the last known one there was reported late
MOST_KINDS, MOST_KINDS_OF_A_SERVER, MOST_SWAPS, MOST_SERVERS = 200, 60, 100, 200


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean that forgets: of `count` values, the latest count most."""

    value: float = 0.0
    count: int = 0

    def gain(self, least: float) -> float:
        """The weight of the next value."""
        return max(least, 1.0 / (self.count + 1))

    def towards(self, value: float, gain: float) -> Mean:
        """The mean with another value."""
        return Mean(self.value + (value - self.value) * gain, self.count + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One run, by the server's own clock in milliseconds."""

    server_id: ServerId
    address: str
    job: Job
    started_ms: int
    ended_ms: int

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max(SHORTEST, (self.ended_ms - self.started_ms) / 1000)


def observed(task: Task) -> Ran | None:
    """What an ended task teaches, or None if it did not succeed, or the server's cache did its work."""
    if task.state is not TaskState.SUCCEEDED or not task.end.is_proven or task.job is None:
        return None
    started, ended = task.end.server_started_ms, task.end.server_ended_ms
    if started is None or ended is None:
        return None
    if ended < started or not task.workflow:  # a private window loses it in a reload
        return None
    if not costly_nodes(parse_workflow(task.workflow)).isdisjoint(task.end.cached):
        return None
    return Ran(server_id=task.server_id, address=task.address, job=task.job, started_ms=started, ended_ms=ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDurations:
    """What was learned of one server. Another address under its id is another server."""

    address: str = ""
    pace: Mean = Mean()  # logarithm of how much slower than usual it is
    typical: Mean = Mean()  # seconds of any prompt, the loading of models included
    kinds: Mapping[str, Mean] = field(default_factory=dict)  # logarithm of seconds
    models: tuple[str, ...] = ()  # loaded by the last known run
    ended_ms: int = 0  # when that run ended

    def lately(self, ran: Ran) -> ServerDurations:
        """With the models loaded by that run, unless a later one is known."""
        if self.is_late(ran):
            return self
        return replace(self, models=ran.job.models or self.models, ended_ms=ran.ended_ms)

    def is_late(self, ran: Ran) -> bool:
        """Whether that run ended before the last known one began; a clock set back by hours shows no order."""
        return self.ended_ms - LATE_MS < ran.started_ms < self.ended_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """What was learned of all servers."""

    kinds: Mapping[str, Mean] = field(default_factory=dict)  # logarithm of seconds at the usual pace
    typical: Mean = Mean()  # seconds of any prompt at the usual pace
    swaps: Mapping[str, Mean] = field(default_factory=dict)  # seconds, by the models that were loaded
    servers: Mapping[str, ServerDurations] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was learned yet, so that all seconds are guesses."""
        return not self.typical.count

    # What is expected

    def expected(self, server_id: ServerId, job: Job | None) -> float:
        """Seconds that such a job takes there once its models are loaded; what is usual, for an unknown job."""
        server = self.servers.get(server_id, _NOTHING)
        if job is None:
            return server.typical.value if server.typical.count else self._usual() * math.exp(server.pace.value)
        cost = self._cost(job)
        guess = (math.log(self._usual()) if cost is None else cost) + server.pace.value
        seen = server.kinds.get(job.kind, _NO_MEAN)
        return math.exp((GUESS_COUNTS * guess + seen.value * seen.count) / (GUESS_COUNTS + seen.count))

    def swap(self, models: tuple[str, ...], loaded: tuple[str, ...] | None) -> float:
        """Seconds to load these models where `loaded` are loaded (None: unknown)."""
        return missing_share(models, loaded) * self._load(models)[0]

    def loaded(self, server_id: ServerId) -> tuple[str, ...] | None:
        """The models loaded by the last known run there."""
        return self.servers.get(server_id, _NOTHING).models or None

    def knows_kind(self, job: Job, server_id: ServerId | None = None) -> bool:
        """Whether such a job has succeeded there or, without a server, anywhere."""
        if server_id is None:
            return self.kinds.get(job.kind, _NO_MEAN).count > 0
        return self.servers.get(server_id, _NOTHING).kinds.get(job.kind, _NO_MEAN).count > 0

    def knows_swap(self, models: tuple[str, ...]) -> bool:
        """Whether the loading time of these models was measured."""
        return self._load(models)[1]

    def _load(self, models: tuple[str, ...]) -> tuple[float, bool]:
        """Seconds to load all of these models, and whether they are known."""
        seen = self.swaps.get(_key(models), _NO_MEAN)
        return (seen.value, True) if seen.count else (UNKNOWN_SWAP, False)

    def _usual(self) -> float:
        return self.typical.value if self.typical.count else UNKNOWN

    def _cost(self, job: Job) -> float | None:
        """The logarithm of its seconds at the usual pace: of its kind, or of the nearest size of its family."""
        known = self.kinds.get(job.kind)
        if known is not None:
            return known.value
        size, family = math.log(job.size), f"{job.family} "
        relatives = [
            (math.log(float(kind.removeprefix(family))) - size, mean.value)
            for kind, mean in self.kinds.items()
            if kind.startswith(family)
        ]
        if not relatives:
            return None
        away, value = min(relatives, key=lambda item: abs(item[0]))
        return value - max(-FAR, min(FAR, away))

    # What is learned

    def learned(self, ran: Ran) -> Durations:
        """The durations with another run."""
        server = self.servers.get(ran.server_id, _NOTHING)
        if server.address != ran.address:
            server = ServerDurations(address=ran.address)
        share = missing_share(ran.job.models, server.models or None)
        if server.is_late(ran) and share:
            return self  # what was loaded before it is no longer known
        known = replace(self, servers=_put(self.servers, ran.server_id, server, MOST_SERVERS))
        load, is_known = self._load(ran.job.models)
        seconds = max(ran.seconds - share * load, ran.seconds / 4)
        if share and known._knows(server, ran.job):
            known = known._learned_swap(ran, share)
        elif share and not is_known:
            known = known._guessed(ran.job, math.log(seconds) - server.pace.value)
        else:
            known = known._learned_run(ran, math.log(seconds))
        return known._learned_usual(ran)

    def _knows(self, server: ServerDurations, job: Job) -> bool:
        is_known = self.kinds.get(job.kind, _NO_MEAN).count > 0
        return is_known and (job.kind in server.kinds or server.pace.count > 0)

    def _guessed(self, job: Job, cost: float) -> Durations:
        """Learn from a first run that loaded models for an unknown time; the next run corrects this estimate."""
        if self.kinds.get(job.kind, _NO_MEAN).count:
            return self
        return replace(self, kinds=_put(self.kinds, job.kind, Mean(cost, 0), MOST_KINDS))

    def _learned_swap(self, ran: Ran, share: float) -> Durations:
        """Learn from a run that loaded models: the time beyond the expected is theirs."""
        took = (ran.seconds - self.expected(ran.server_id, ran.job)) / share
        seen = self.swaps.get(_key(ran.job.models), _NO_MEAN)
        seen = seen.towards(max(0.0, min(LONGEST_SWAP, took)), seen.gain(0.2))
        return replace(self, swaps=_put(self.swaps, _key(ran.job.models), seen, MOST_SWAPS))

    def _learned_run(self, ran: Ran, logarithm: float) -> Durations:
        """Learn from a run with its models loaded: divide the difference between the kind's cost and the server's pace,
        most to the less known one.
        """
        kind, server = ran.job.kind, self.servers[ran.server_id]
        cost, pace, here = self.kinds.get(kind, _NO_MEAN), server.pace, server.kinds.get(kind, _NO_MEAN)
        if not cost.count:
            cost = Mean(logarithm - pace.value, 1)
        else:
            surprise, for_cost, for_pace = logarithm - cost.value - pace.value, cost.gain(0.05), pace.gain(0.05)
            part = surprise * max(for_cost, for_pace) / (for_cost + for_pace)
            cost = Mean(cost.value + part * for_cost, cost.count + 1)
            pace = Mean(pace.value + part * for_pace, pace.count + 1)
        here = here.towards(logarithm, here.gain(0.2))
        server = replace(server, pace=pace, kinds=_put(server.kinds, kind, here, MOST_KINDS_OF_A_SERVER))
        return replace(
            self,
            kinds=_put(self.kinds, kind, cost, MOST_KINDS),
            servers=_put(self.servers, ran.server_id, server, MOST_SERVERS),
        )

    def _learned_usual(self, ran: Ran) -> Durations:
        server = self.servers[ran.server_id].lately(ran)
        usual = ran.seconds / math.exp(server.pace.value)
        server = replace(server, typical=server.typical.towards(ran.seconds, server.typical.gain(0.05)))
        return replace(
            self,
            typical=self.typical.towards(usual, self.typical.gain(0.02)),
            servers=_put(self.servers, ran.server_id, server, MOST_SERVERS),
        )


_NO_MEAN = Mean()
_NOTHING = ServerDurations()


def missing_share(models: tuple[str, ...], loaded: tuple[str, ...] | None) -> float:
    """The share of the models that has to be loaded; all of them if it is unknown what is loaded."""
    if not models:
        return 0.0
    return sum(name not in (loaded or ()) for name in models) / len(models)


def _key(models: tuple[str, ...]) -> str:
    return "\n".join(models)


def _put(known: Mapping[str, T], key: str, value: T, most: int) -> dict[str, T]:
    """The mapping with that value last; the entries set longest ago are dropped."""
    kept = {name: item for name, item in known.items() if name != key}
    for name in [*kept][: max(0, len(kept) + 1 - most)]:
        del kept[name]
    kept[key] = value
    return kept
