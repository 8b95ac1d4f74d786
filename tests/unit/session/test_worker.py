"""One window as its session uses it: what is ahead, what keeps it from sending, how long it rests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace

import pytest

from app.core.errors import ConnectError, MooringError, NoServerAvailable, RequestTimeout, StorageError
from app.core.model import Contact, Fleet, PromptId, ServerId, TaskState
from app.core.window import Window
from app.session.memory.sandbox import Sandbox, SandboxClock
from app.session.state import State
from app.session.submitting.submit import RunOrder
from app.session.waiting.worker import LONGEST_REST, LONGEST_WHILE_BUSY, WindowWorker
from app.session.window import SessionWindow
from tests.kit.builders import CLIENT, FLEET, ME, A, reservation, submitted
from wire.health import Health

DOWN = RequestTimeout(None, "network")
BUSY = NoServerAvailable("reserve", {ServerId(A): "busy"})


class Patience(SandboxClock):
    """A clock on which a wait ends when the test says so."""

    def __init__(self) -> None:
        self.waits: list[tuple[float, asyncio.Event]] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append((seconds, asyncio.Event()))
        await self.waits[-1][1].wait()

    @property
    def seconds(self) -> list[float]:
        """How long each wait was to be."""
        return [seconds for seconds, _ in self.waits]

    async def end(self, place: int) -> None:
        """End that wait."""
        self.waits[place][1].set()
        await settled()


async def settled() -> None:
    """Let all ready tasks run."""
    for _ in range(9):
        await asyncio.sleep(0)


def a_hand(clock: Patience | None = None, window: Window | None = None, servers: Fleet | None = None) -> WindowWorker:
    """A worker of that window and that fleet."""
    state = State(replace(Sandbox().ports, clock=clock or Patience()))
    own = SessionWindow(state, ME)
    state.records.open_window(ME)
    state.records.set_window(window or Window(ME, CLIENT))
    state.servers.reported(servers or FLEET, ())

    async def take(order: RunOrder) -> PromptId:
        return order.prompt_id

    none, submitter = SimpleNamespace(), SimpleNamespace(run=take)
    return WindowWorker(own, none, none, submitter)  # type: ignore[arg-type]


def obstacle(worker: WindowWorker) -> tuple[type[MooringError], ServerId | None, str] | None:
    """Its obstacle: the error, its server and its cause."""
    found = worker.obstacle
    if found is None:
        return None
    return type(found), getattr(found, "server_id", None), getattr(found, "cause", "")


def why(worker: WindowWorker) -> MooringError | None:
    """Its obstacle."""
    return worker.obstacle


# What it has


async def test_places_and_own_work_are_ahead_and_wards_are_not() -> None:
    worker = a_hand()
    assert (worker.ahead, worker.own_unfinished) == (0, ())
    mine, ward = submitted("p-1"), submitted("p-2", is_ward=True)
    ended = submitted("p-3", state=TaskState.CANCELLED, ended_at=200.0)
    tasks = {item.prompt_id: item for item in (mine, ward, ended)}
    place = reservation("p-4")
    worker = a_hand(window=Window(ME, CLIENT, {place.prompt_id: place}, tasks))
    assert worker.ahead == 2
    assert worker.own_unfinished == (mine,)
    assert worker.has_task(mine.prompt_id)
    assert not worker.has_task(place.prompt_id)
    assert not worker.has_task(None)


async def test_unrestored_session_has_and_takes_nothing() -> None:
    worker = a_hand()
    worker.state.records._windows.clear()
    assert (worker.window.restored, worker.ahead, worker.own_unfinished, worker.obstacle) == (None, 0, (), None)
    assert worker.has_task(PromptId("p-1")) is False
    assert worker.is_idle is False


# What keeps it from sending


async def test_session_takes_run_only_with_fleet_and_while_idle() -> None:
    worker, sending = a_hand(), a_hand()
    sending.sending = PromptId("p-1")
    nowhere = a_hand(servers=Fleet((), "flags"))
    assert [item.is_idle for item in (worker, sending, nowhere)] == [True, False, False]


async def test_session_with_work_or_an_obstacle_chooses_no_idle_server() -> None:
    mine = submitted("p-1")
    free, resting, without_store = a_hand(), a_hand(), a_hand()
    busy = a_hand(window=Window(ME, CLIENT, tasks={mine.prompt_id: mine}))
    resting.is_resting = True
    without_store.state.records.failed(StorageError("read_tasks", "blocked"))
    assert [item.is_free for item in (free, busy, resting, without_store)] == [True, False, False, False]


async def test_without_the_gateway_it_waits() -> None:
    worker = a_hand()
    worker.state.servers.failed(DOWN)
    assert worker.obstacle is DOWN
    assert worker.is_idle is False


@pytest.mark.parametrize("health", [Health.DOWN, Health.TIMEOUT, Health.REFUSES, Health.NOT_COMFYUI])
async def test_session_waits_for_its_silent_server(health: Health) -> None:
    mine = submitted("p-1", A)
    silent = FLEET
    servers = (replace(item, health=health) if item.server_id == A else item for item in silent.servers)
    silent = replace(silent, servers=tuple(servers))
    moored = Window(ME, CLIENT, tasks={mine.prompt_id: mine})
    assert obstacle(a_hand(window=moored, servers=silent)) == (ConnectError, A, health.value)
    assert a_hand(servers=silent).obstacle is None, "it may go to any other"
    assert a_hand(window=moored).obstacle is None
    gone = replace(silent, servers=tuple(item for item in silent.servers if item.server_id != A))
    assert a_hand(window=moored, servers=gone).obstacle is None, "its tasks show that"


@pytest.mark.parametrize("contact", [Contact.UNREACHABLE, Contact.MOVED])
async def test_while_its_own_work_cannot_be_reached_it_waits(contact: Contact) -> None:
    cut_off = submitted("p-1", A, contact=contact, contact_detail="timeout")
    worker = a_hand(window=Window(ME, CLIENT, tasks={cut_off.prompt_id: cut_off}))
    assert obstacle(worker) == (ConnectError, A, "timeout")
    ward = replace(cut_off, is_ward=True)
    assert a_hand(window=Window(ME, CLIENT, tasks={ward.prompt_id: ward})).obstacle is None


# Rests


def rest(worker: WindowWorker, cause: MooringError, ended: list[str], name: str = "over") -> None:
    worker.rest(cause, lambda: ended.append(name))


@pytest.mark.parametrize(
    ("causes", "longest"),
    [
        ({A: "down"}, LONGEST_REST),
        ({A: "busy"}, LONGEST_WHILE_BUSY),
        ({A: "down", "b": "busy"}, LONGEST_WHILE_BUSY),
    ],
)
async def test_rests_grow_to_a_limit_shorter_for_busy_servers(causes: Mapping[str, str], longest: float) -> None:
    clock, ended = Patience(), list[str]()
    worker = a_hand(clock)
    cause = NoServerAvailable("reserve", {ServerId(key): value for key, value in causes.items()})
    for turn in range(14):
        rest(worker, cause, ended)
        await settled()
        assert worker.obstacle is cause
        await clock.end(turn)
        assert (worker.is_resting, len(ended)) == (False, turn + 1)
    assert clock.seconds[:3] == [2.0, 4.0, 8.0]
    assert clock.seconds == sorted(clock.seconds)
    assert clock.seconds[-1] == max(clock.seconds) == longest


async def test_an_error_of_another_kind_is_not_a_busy_server() -> None:
    clock = Patience()
    worker = a_hand(clock)
    for _ in range(10):
        rest(worker, DOWN, [])
        await settled()
    assert clock.seconds[-1] == LONGEST_REST


async def test_who_sent_well_rests_shortly_the_next_time() -> None:
    clock = Patience()
    worker = a_hand(clock)
    for _ in range(3):
        rest(worker, DOWN, [])
    worker.hurry()
    worker.succeeded()
    assert (worker.cause, worker.obstacle) == (None, None)
    rest(worker, DOWN, [])
    await settled()
    assert clock.seconds == [2.0, 4.0, 8.0, 2.0]


async def test_hurry_ends_only_the_current_rest() -> None:
    clock, ended = Patience(), list[str]()
    worker = a_hand(clock)
    rest(worker, DOWN, ended, "first")
    await settled()
    worker.hurry()
    assert not why(worker)
    await clock.end(0)
    assert ended == [], "who hurried looks anyway"
    rest(worker, BUSY, ended, "second")
    rest(worker, BUSY, ended, "third")
    await settled()
    await clock.end(1)
    assert (why(worker), ended) == (BUSY, [])
    await clock.end(2)
    assert (why(worker), ended) == (None, ["third"])


async def test_rest_without_cause_has_an_obstacle() -> None:
    worker = a_hand()
    worker.is_resting = True
    assert obstacle(worker) == (MooringError, None, "")
