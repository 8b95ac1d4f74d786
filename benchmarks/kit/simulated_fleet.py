"""A simulated fleet: servers that differ, users with many windows, and their clicks.

Time advances by events. A server runs one prompt after the other, and loads other models first if it must. A strategy
knows only what a window knows: the ids in the queues, its own browser's records, and what that browser has learned.
Only the all-knowing strategy has the true seconds.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.core.balancer import Claims, Snapshot
from app.core.durations import Durations, Ran, missing_share
from app.core.model import ClientId, Job, PromptId, Reservation, ServerId, Task, TaskState, WindowId
from tests.ports.tasks import new_task


@dataclass(frozen=True, slots=True)
class Kind:
    """A common workflow: seconds on an average server, seconds to load its models from an average disk."""

    job: Job
    seconds: float
    load_seconds: float
    share: float  # of all work


def _kind(name: str, seconds: float, load: float, share: float, *models: str) -> Kind:
    return Kind(Job(name, 1.0, models), seconds, load, share)


KINDS = (
    _kind("draft", 6, 6, 0.30, "small.safetensors"),
    _kind("picture", 18, 14, 0.30, "large.safetensors"),
    _kind("picture-fine", 45, 18, 0.14, "large.safetensors", "refiner.safetensors"),
    _kind("poster", 40, 45, 0.12, "huge.gguf", "text.safetensors"),
    _kind("enlarge", 10, 5, 0.10, "enlarge.pth"),
    _kind("clip", 150, 60, 0.04, "film.safetensors"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One scenario. `load` is the part of its time that the fleet would work if no models had to be loaded."""

    name: str
    windows: int
    servers: int
    people: int = 1  # each with their own browser; windows share what they know only within it
    load: float = 0.6
    prompts: int = 4000
    burst: int = 0  # windows that click in the same instant
    burst_every: float = 0.0  # seconds
    stale: float = 0.0  # seconds: every window sees the queues of the last full multiple
    foreign: float = 0.1  # of all work comes from other programs: only its ids in the queues are known
    unevenness: float = 2.0  # the fastest server to the median, and the median to the slowest
    target: float | None = None  # of the p95 wait, as a multiple of the all-knowing strategy's


@dataclass(frozen=True, slots=True)
class Arrival:
    """One click on Run."""

    at: float
    window: int  # -1: another program
    kind: Kind
    luck: float  # its own factor of the seconds
    draw: float  # a random number for the strategies


@dataclass(slots=True)
class Prompt:
    """One prompt that was sent, with its true times."""

    prompt_id: PromptId
    arrival: Arrival
    server: Server
    seconds: float
    reserved_at: float
    answered_at: float | None = None
    started_at: float | None = None
    worked_at: float = 0.0  # its models were loaded then
    ended_at: float = 0.0
    swapped: float = 0.0
    _claim: Reservation | Task | None = None

    def claim(self) -> Reservation | Task:
        """Return it as its browser's store has it."""
        if self._claim is None:
            self._claim = _claim(self)
        return self._claim

    def changed(self) -> None:
        """Forget the cached record."""
        self._claim = None


@dataclass(slots=True)
class Server:
    """One server: its slowness, also by kind of work, and its queue."""

    server_id: ServerId
    slowness: Mapping[str, float]
    disk: float
    loaded: tuple[str, ...] = ()
    running: Prompt | None = None
    line: deque[Prompt] = field(default_factory=deque)
    busy_until: float = 0.0  # with everything sent here, arrived or not
    loaded_then: tuple[str, ...] = ()

    def load_seconds(self, kind: Kind, loaded: tuple[str, ...]) -> float:
        return missing_share(kind.job.models, loaded or None) * kind.load_seconds * self.disk

    def seconds(self, arrival: Arrival) -> float:
        return arrival.kind.seconds * self.slowness[arrival.kind.job.family] * arrival.luck

    def end_of(self, arrival: Arrival, now: float) -> float:
        """Return when the work would really end here."""
        load = self.load_seconds(arrival.kind, self.loaded_then)
        return max(now, self.busy_until) + load + self.seconds(arrival)

    def snapshot(self, at: float) -> Snapshot:
        """Return its answer."""
        running = [self.running.prompt_id] if self.running else []
        return Snapshot(self.server_id, [item.prompt_id for item in self.line], running=running, read_at=at)


@dataclass
class Browser:
    """What all windows of one user know together."""

    prompts: dict[PromptId, Prompt] = field(default_factory=dict)
    durations: Durations = field(default_factory=Durations)

    def claims(self) -> Claims:
        """Return the records of the store."""
        claims = [prompt.claim() for prompt in self.prompts.values()]
        return Claims(
            [item for item in claims if isinstance(item, Reservation)],
            [item for item in claims if isinstance(item, Task)],
            durations=self.durations,
        )


def _claim(prompt: Prompt) -> Reservation | Task:
    window = WindowId(str(prompt.arrival.window))
    if prompt.answered_at is None:
        return Reservation(
            prompt_id=prompt.prompt_id,
            window_id=window,
            server_id=prompt.server.server_id,
            address="",
            at=prompt.reserved_at,
            job=prompt.arrival.kind.job,
        )
    return new_task(
        prompt_id=prompt.prompt_id,
        server_id=prompt.server.server_id,
        address="",
        client_id=ClientId(""),
        owner=window,
        epoch=1,
        created_at=prompt.reserved_at,
        job=prompt.arrival.kind.job,
        state=TaskState.QUEUED if prompt.started_at is None else TaskState.RUNNING,
        answered_at=prompt.answered_at,
        started_at=prompt.started_at,
    )


class Policy(Protocol):
    """A strategy for the choice of a free window."""

    name: str

    def choose(self, world: World, arrival: Arrival) -> ServerId: ...


def make_servers(setting: Setting, chance: random.Random) -> list[Server]:
    """Return servers as a studio has them: of different ages, some too small for the large models."""
    servers = []
    for number in range(setting.servers):
        slowness = setting.unevenness ** chance.uniform(-1.0, 1.0)
        is_small = setting.unevenness > 1 and chance.random() < 0.2
        by_kind = {
            kind.job.family: slowness * (chance.uniform(2.0, 3.0) if is_small and kind.load_seconds > 30 else 1.0)
            for kind in KINDS
        }
        servers.append(Server(ServerId(f"gpu-{number}"), by_kind, chance.uniform(0.7, 1.4)))
    return servers


def make_arrivals(setting: Setting, servers: list[Server], chance: random.Random) -> list[Arrival]:
    """Return the same work for every strategy."""
    means = (sum(kind.share * kind.seconds * item.slowness[kind.job.family] for kind in KINDS) for item in servers)
    rate = setting.load * sum(1 / mean for mean in means)
    times: list[float] = []
    now, bursts = 0.0, 0
    between = setting.burst / setting.burst_every if setting.burst else 0.0
    while len(times) < setting.prompts:
        now += chance.expovariate(max(rate - between, rate * 0.1))
        while setting.burst and now >= (bursts + 1) * setting.burst_every:
            bursts += 1
            times += [bursts * setting.burst_every] * setting.burst
        times.append(now)
    return [_arrival(setting, at, chance) for at in sorted(times)]


def _arrival(setting: Setting, at: float, chance: random.Random) -> Arrival:
    window = -1 if chance.random() < setting.foreign else chance.randrange(setting.windows)
    kind = chance.choices(KINDS, [item.share for item in KINDS])[0]
    return Arrival(at, window, kind, chance.lognormvariate(0.0, 0.15), chance.random())


class World:
    """One run of one strategy over one trace."""

    def __init__(self, setting: Setting, seed: int) -> None:
        self.setting = setting
        chance = random.Random(f"{setting.name} {seed}")
        self.servers = make_servers(setting, chance)
        self.by_id = {server.server_id: server for server in self.servers}
        self.arrivals = make_arrivals(setting, self.servers, chance)
        self.browsers = [Browser() for _ in range(setting.people)]
        self.chance = random.Random(f"{setting.name} {seed} on the way")
        self.now = 0.0
        self.ended: list[Prompt] = []
        self._held: dict[int, list[Prompt]] = {}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self._seen: tuple[float, list[Snapshot]] = (-1.0, [])

    def browser_of(self, window: int) -> Browser:
        """Return the browser of a window."""
        return self.browsers[window % len(self.browsers)]

    def snapshots(self) -> list[Snapshot]:
        """Return the queues, as of now or, in a stale world, of the last common poll."""
        if not self.setting.stale:
            return [server.snapshot(self.now) for server in self.servers]
        return self.cached(self.setting.stale)

    def cached(self, period: float) -> list[Snapshot]:
        """Return the queues as they were at the last full multiple of a period."""
        at = self.now // period * period
        if self._seen[0] != at:
            self._seen = (at, [server.snapshot(at) for server in self.servers])
        return self._seen[1]

    def run(self, policy: Policy) -> list[Prompt]:
        """Run the whole trace, and return the prompts as they ended."""
        for arrival in self.arrivals:
            self._at(arrival.at, lambda arrival=arrival: self._click(policy, arrival))  # type: ignore[misc]
        while self._events:
            self.now, _, happen = heapq.heappop(self._events)
            happen()
        return self.ended

    def _at(self, when: float, happen: Callable[[], None]) -> None:
        self._serial += 1
        heapq.heappush(self._events, (when, self._serial, happen))

    def _click(self, policy: Policy, arrival: Arrival) -> None:
        held = self._held.get(arrival.window)
        if arrival.window < 0:
            server = self.servers[int(arrival.draw * len(self.servers))]
        elif held:
            server = held[0].server
        else:
            server = self.by_id[policy.choose(self, arrival)]
        prompt = Prompt(PromptId(f"p-{self._serial}"), arrival, server, server.seconds(arrival), self.now)
        server.busy_until = server.end_of(arrival, self.now)
        server.loaded_then = arrival.kind.job.models
        if arrival.window >= 0:
            self._held.setdefault(arrival.window, []).append(prompt)
            self.browser_of(arrival.window).prompts[prompt.prompt_id] = prompt
        self._at(self.now + self.chance.uniform(0.05, 0.8), lambda: self._arrive(prompt))

    def _arrive(self, prompt: Prompt) -> None:
        prompt.answered_at = self.now
        prompt.changed()
        prompt.server.line.append(prompt)
        self._begin(prompt.server)

    def _begin(self, server: Server) -> None:
        if server.running is not None or not server.line:
            return
        prompt = server.running = server.line.popleft()
        kind = prompt.arrival.kind
        prompt.swapped = server.load_seconds(kind, server.loaded)
        prompt.started_at, prompt.worked_at = self.now, self.now + prompt.swapped
        prompt.ended_at = prompt.worked_at + prompt.seconds
        prompt.changed()
        server.loaded = kind.job.models
        self._at(prompt.ended_at, lambda: self._end(prompt))

    def _end(self, prompt: Prompt) -> None:
        prompt.server.running = None
        self.ended.append(prompt)
        if prompt.arrival.window >= 0:
            self._at(self.now + self.chance.uniform(0.0, 2.0), lambda: self._hear(prompt))
        self._begin(prompt.server)

    def _hear(self, prompt: Prompt) -> None:
        """The window has read the history: it is free if that was its last task, and its browser learns the time."""
        self._held[prompt.arrival.window].remove(prompt)
        browser = self.browser_of(prompt.arrival.window)
        del browser.prompts[prompt.prompt_id]
        ran = Ran(
            server_id=prompt.server.server_id,
            address="",
            job=prompt.arrival.kind.job,
            started_ms=round((prompt.started_at or 0.0) * 1000),
            ended_ms=round(prompt.ended_at * 1000),
        )
        browser.durations = browser.durations.learned(ran)
