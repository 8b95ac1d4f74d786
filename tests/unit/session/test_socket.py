"""The window's socket: when it is open, when it is retried, and when another page keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from app.core.errors import ServerMoved, SocketClosed
from app.core.events import EndMessage, ExecutingMessage, Message
from app.core.model import Contact, PromptId, ServerId, TaskState
from app.core.ports.sockets import Connection, Frame
from app.core.window import Moored
from app.session.watching.socket import GONE, GREETING_DEADLINE, LONGEST_BACKOFF, REPLACED, UNTIL_REPORTED
from gateway.http import closes
from gateway.http.refusal import Refusal
from tests.kit.stage import PHOTO, A, B, C, Stage, noted, scene, task_of, window_of
from tests.simulation.world import Page
from wire.refusals import Cause


@dataclass
class GateSocket:
    """A socket that the gateway closes with a code, in a world whose sockets have none."""

    inner: Connection
    opened_at: float
    code: int = 0

    @property
    def url(self) -> str:
        return self.inner.url

    @property
    def is_open(self) -> bool:
        return self.inner.is_open

    async def send(self, text: str) -> None:
        await self.inner.send(text)

    async def receive(self) -> Sequence[Frame]:
        try:
            return await self.inner.receive()
        except SocketClosed as error:
            raise SocketClosed(None, "closed", self.code) from error

    async def close(self) -> None:
        await self.inner.close()

    async def end(self, code: int) -> None:
        """Close it as the gateway does."""
        self.code = code
        await self.inner.close()


class Unreached(GateSocket):
    """A socket that the gateway has answered, whose server sends nothing. Its `inner` is never used."""

    def __init__(self, opened_at: float, *, code: int = 0, after: float = 0.0) -> None:
        self.opened_at, self.code, self._after = opened_at, code, after
        self._ended = asyncio.Event()

    @property
    def url(self) -> str:
        return "ws://mooring.test/unreached"

    async def send(self, text: str) -> None:
        """Held open by the gateway, without a server behind it."""

    async def receive(self) -> Sequence[Frame]:
        if self._after:
            await asyncio.sleep(self._after)
        else:
            await self._ended.wait()
        raise SocketClosed(None, "closed", self.code)

    async def close(self) -> None:
        self._ended.set()


@dataclass
class Gate:
    """Every socket that a page opens; `unreached` makes those opened while the server is out of reach."""

    page: Page
    opened: list[GateSocket]
    code: int = 0
    after: float = 0.0
    is_reached: bool = True

    @property
    def reached(self) -> list[GateSocket]:
        """Those that reached the server."""
        return [item for item in self.opened if not isinstance(item, Unreached)]


def gate_of(stage: Stage, page: Page) -> Gate:
    """Intercept the sockets between a page and its gateway."""
    gate, through = Gate(page, []), page.sockets.open

    async def open_socket(path: str, deadline: float) -> Connection:
        if gate.is_reached:
            gate.opened.append(GateSocket(await through(path, deadline), stage.now))
        else:
            gate.opened.append(Unreached(stage.now, code=gate.code, after=gate.after))
        return gate.opened[-1]

    page.sockets.open = open_socket  # type: ignore[method-assign]
    return gate


def open_slowly(stage: Stage, page: Page, seconds: float = 1.0) -> None:
    """Let each socket of a page take that long to open."""
    through = page.sockets.open

    async def open_socket(path: str, deadline: float) -> Connection:
        await stage.sleep(seconds)
        return await through(path, deadline)

    page.sockets.open = open_socket  # type: ignore[method-assign]


# Replaced by another page


async def replaced(stage: Stage) -> tuple[Gate, Page, str]:
    """A page with a long task, whose socket another page has taken."""
    page = await stage.window()
    gate = gate_of(stage, page)
    prompt_id = await stage.run(page, steps=4_000, server_id=A)
    await stage.until(lambda: page.session.socket.state == "open")
    await gate.opened[-1].end(REPLACED)
    await stage.until(lambda: page.session.socket.state == "replaced")
    return gate, page, prompt_id


@scene
async def test_socket_taken_by_another_page_is_not_reopened(stage: Stage) -> None:
    gate, page, prompt_id = await replaced(stage)
    since = stage.now
    assert page.session.socket.url == ""
    await asyncio.sleep(60.0)
    second = await stage.run(page, steps=1)  # a click asks for no socket either, and does not wait for it
    stage.tell_fleet(A, B)
    await stage.until(lambda: len(page.session.fleet.servers) == 2)
    await asyncio.sleep(60.0)
    assert len(gate.opened) == 1
    assert page.session.socket.state == "replaced"
    assert len(stage.requests("GET", "/queue", since)) > 10, "looking goes on"
    assert window_of(page).window_locked_server == A
    assert task_of(page, prompt_id).state is TaskState.RUNNING
    assert second in window_of(page).tasks


@pytest.mark.parametrize("by", ["visible", "pageshow", "online", "reset"])
@scene
async def test_user_at_window_gets_socket_back(stage: Stage, by: str) -> None:
    gate, page, _ = await replaced(stage)
    if by == "reset":
        page.session.reset_socket()
    else:
        page.session.wake(by)
    states: set[str] = set()
    page.session.subscribe(lambda: states.add(page.session.socket.state))
    await stage.until(lambda: page.session.socket.state == "open")
    assert len(gate.opened) == 2
    assert "waiting" not in states, "at once"
    await gate.opened[-1].end(REPLACED)  # the tasks of the replaced socket are polled, too
    await stage.until(lambda: page.session.socket.state == "replaced")
    await asyncio.sleep(60.0)
    assert len(gate.opened) == 2


@scene
async def test_polling_delivers_task_whose_socket_was_taken(stage: Stage) -> None:
    page = await stage.window()
    gate = gate_of(stage, page)
    prompt_id = await stage.run(page, steps=100)
    await stage.until(lambda: page.session.socket.state == "open")
    await gate.opened[-1].end(REPLACED)
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert len(gate.opened) == 1


# A server that the fleet has no more


@pytest.mark.parametrize("code", [4404, 4410])
@scene
async def test_socket_of_removed_server_waits_for_new_fleet(stage: Stage, code: int) -> None:
    page = await stage.window()
    gate = gate_of(stage, page)
    prompt_id = await stage.run(page, steps=4_000, server_id=A)
    await stage.until(lambda: page.session.socket.state == "open")
    await gate.opened[-1].end(code)
    await stage.until(lambda: page.session.socket.state == "waiting")
    await asyncio.sleep(UNTIL_REPORTED - 0.1)
    assert len(gate.opened) == 1
    stage.tell_fleet(B, C)
    await stage.until(lambda: task_of(page, prompt_id).progress.contact is Contact.MOVED)
    await asyncio.sleep(60.0)
    assert len(gate.opened) == 1
    assert task_of(page, prompt_id).shown_state == "unreachable_moved"
    stage.tell_fleet(A, B, C)
    since = stage.now
    await stage.until(lambda: page.session.socket.state == "open")
    assert stage.now - since < UNTIL_REPORTED, "no pause is waited out"
    await stage.until(lambda: task_of(page, prompt_id).progress.contact is Contact.OK)


def test_close_code_for_departed_server_matches_gateway() -> None:
    causes = (Cause.UNKNOWN_SERVER, Cause.SERVER_MOVED)
    assert {closes.close_of(Refusal(cause, "x")).code for cause in causes} == GONE


# A server that the gateway does not reach


@pytest.mark.parametrize("code", [4502, 4503, 4504, 1014])
@scene
async def test_unreachable_server_is_retried(stage: Stage, code: int) -> None:
    page = await stage.window()
    gate = gate_of(stage, page)
    gate.is_reached, gate.code, gate.after = False, code, 0.5
    states: set[str] = set()
    page.session.subscribe(lambda: states.add(page.session.socket.state))
    await stage.run(page, steps=9_000, server_id=B)
    await asyncio.sleep(300.0)
    assert states == {"closed", "opening", "waiting"}, "an answer of the gateway is no open socket"
    gaps = [later.opened_at - former.opened_at for former, later in zip(gate.opened, gate.opened[1:], strict=False)]
    assert len(gaps) > 8
    assert max(gaps) > 10.0, "later and later"
    assert max(gaps) <= LONGEST_BACKOFF + 1.0, "but never given up"
    assert [facts["state"] for facts in noted(page, "socket")] == ["opening", "waiting"], "the rest repeats them"

    gate.is_reached = True
    await stage.until(lambda: page.session.socket.state == "open")
    assert f"/servers/{B}" in gate.opened[-1].url
    since = stage.now
    await gate.opened[-1].end(1014)
    await stage.until(lambda: len(gate.reached) == 2)
    assert stage.now - since < 2.0, "what was open has wiped out the failures before it"


@scene
async def test_silent_socket_is_closed_and_retried(stage: Stage) -> None:
    page = await stage.window()
    gate = gate_of(stage, page)
    gate.is_reached = False
    prompt_id = await stage.run(page, steps=2_000)
    await stage.until(lambda: len(gate.opened) == 3)
    assert gate.opened[-1].opened_at - gate.opened[0].opened_at > 2 * GREETING_DEADLINE
    assert page.session.socket.deaf == 0, "what was never open cannot be proven deaf"
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


@pytest.mark.parametrize("by", ["waking", "click", "reset"])
@scene
async def test_need_for_socket_ends_its_pause(stage: Stage, by: str) -> None:
    page = await stage.window()
    gate = gate_of(stage, page)
    gate.is_reached, gate.code, gate.after = False, 4502, 0.5
    await stage.run(page, steps=9_000, server_id=B)
    for _ in range(3):
        await stage.sleep(100.0)
        await stage.until(lambda: page.session.socket.state == "waiting")
        tries = len(gate.opened)
        assert (page.session.socket.url, page.session.socket.reconnects) == ("", tries)
        match by:
            case "waking":
                page.session.wake("online")
            case "click":
                stage.begin_now(page)
            case _:
                page.session.reset_socket()
        await stage.sleep(0.2)
        assert len(gate.opened) == tries + 1
    assert noted(page, "socket_reopened") == [], "there was none to be closed"


@scene
async def test_sockets_dropped_together_are_reopened_apart(stage: Stage) -> None:
    """All windows at once would be a rush on a server that has just restarted."""
    gates = []
    for fraction in (0.1, 0.9):
        page = await stage.window()
        gates.append(gate_of(stage, page))
        await stage.run(page, steps=9_000, server_id=A)
        await stage.until(lambda page=page: page.session.socket.state == "open")
        page.session._state.ports.random.fraction = lambda fraction=fraction: fraction  # type: ignore[method-assign]
    since = stage.now
    for gate in gates:
        await gate.opened[-1].end(1014)
    await stage.until(lambda: all(len(gate.opened) == 2 for gate in gates))
    first, second = (gate.opened[-1].opened_at - since for gate in gates)
    assert first < 0.5 < second


@scene
async def test_of_a_socket_that_is_gone_nothing_stays_behind(stage: Stage) -> None:
    """A night of reconnects would accumulate it, and an old socket's watcher could report that the new one closes."""
    page = await stage.window()
    gate = gate_of(stage, page)
    await stage.run(page, steps=9_000, server_id=A)

    async def opened(count: int) -> None:
        await stage.until(lambda: len(gate.opened) == count and page.session.socket.state == "open")

    for count in (1, 2, 3):
        await opened(count)
        await gate.opened[-1].end(1014)
    await opened(4)
    minding = sorted(task.get_name() for task in page.session._state._background if "leave" in task.get_name())
    assert minding == ["leave ungreeted", "leave when free"]


@scene
async def test_run_on_next_server_waits_for_its_socket(stage: Stage) -> None:
    page = await stage.window()
    await stage.ended(page, await stage.run(page, server_id=A))
    assert (page.session.socket.server_id, page.session.socket.state) == (A, "open"), "it stays for a while"
    open_slowly(stage, page)
    seen: list[tuple[str | None, str]] = []

    def look(_: ServerId) -> None:
        seen.append((page.session.socket.server_id, page.session.socket.state))

    stage.once_requested("POST", "/prompt", look)
    await stage.run(page, server_id=B)
    assert seen == [(B, "open")]


@scene
async def test_run_continues_once_socket_is_open(stage: Stage) -> None:
    page = await stage.window()
    since = stage.now
    await stage.run(page, steps=9_000, server_id=A)
    (post,) = stage.requests("POST", "/prompt")
    assert post.at - since < 1.0
    assert [facts["state"] for facts in noted(page, "socket")] == ["opening", "open"]


@scene
async def test_start_and_cached_nodes_are_known_while_running(stage: Stage) -> None:
    """Polls show no end either: the task is in the queue, and in the history only once it has ended."""
    page = await stage.window()
    await stage.ended(page, await stage.run(page, picture=PHOTO, server_id=A))
    prompt_id = await stage.run(page, steps=400, picture=PHOTO, server_id=A)
    await stage.until(lambda: task_of(page, prompt_id).state is not TaskState.QUEUED)
    await stage.until(lambda: task_of(page, prompt_id).end.cached and task_of(page, prompt_id).end.server_started_ms)
    assert (task_of(page, prompt_id).state, task_of(page, prompt_id).end.told_end) == (TaskState.RUNNING, "")


@scene
async def test_unneeded_socket_is_shown_as_closing(stage: Stage) -> None:
    page = await stage.window()
    await stage.ended(page, await stage.run(page))
    states: list[str] = []
    page.session.subscribe(lambda: states.append(page.session.socket.state))
    await stage.until(lambda: page.session.socket.state == "closed")
    assert list(dict.fromkeys(states)) == ["open", "closing", "closed"]


@scene
async def test_a_page_that_goes_leaves_no_socket_open(stage: Stage) -> None:
    page = await stage.window()
    gate = gate_of(stage, page)
    await stage.run(page, steps=9_000)
    await stage.until(lambda: page.session.socket.state == "open")
    await page.session.stop()
    assert not gate.opened[-1].is_open


@pytest.mark.parametrize("end", [EndMessage(PromptId("p"), "success", None, 7), ExecutingMessage(PromptId("p"), None)])
@scene
async def test_each_end_event_causes_immediate_poll(stage: Stage, end: Message) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=400, server_id=A)
    looks: list[str] = []
    page.session._watch.poll_soon = lambda: looks.append("look")  # type: ignore[method-assign]
    await page.own.socket._handle(task_of(page, prompt_id), replace(end, prompt_id=prompt_id), "")  # type: ignore[call-arg]
    assert looks == ["look"]


@scene
async def test_opening_polls_for_missed_events(stage: Stage) -> None:
    page = await stage.window()
    gate = gate_of(stage, page)
    gate.is_reached, gate.code, gate.after = False, 4502, 0.5
    await stage.run(page, steps=9_000, server_id=A)
    await stage.sleep(100.0)
    await stage.until(lambda: page.session.socket.state == "waiting")
    since = stage.now
    await stage.until(lambda: stage.requests("GET", "/queue", since))
    gate.is_reached = True
    page.session.reset_socket()
    await stage.until(lambda: page.session.socket.state == "open")
    since = stage.now
    await stage.sleep(0.5)
    assert stage.requests("GET", "/queue", since)


@scene
async def test_socket_to_old_address_is_not_at_the_mooring(stage: Stage) -> None:
    page = await stage.window()
    await stage.ended(page, await stage.run(page, server_id=A))
    (first, *_), at = page.session.fleet.servers, "http://elsewhere.test:8188"
    stage.move_server(A, at)
    await stage.until(lambda: page.session.fleet.servers[0].address == at)
    base = page.session.fleet.servers[0].base
    old, new = (Moored(A, address, frozenset({PromptId("p-1")})) for address in (first.address, at))
    assert not page.own.socket._is_still_at(new, old, base), "not even where a user said that it is the same"
    assert page.own.socket._is_still_at(new, new, base)


@scene
async def test_taken_socket_causes_immediate_poll(stage: Stage) -> None:
    page = await stage.window()
    gate = gate_of(stage, page)
    await stage.run(page, steps=9_000, server_id=A)
    await stage.sleep(20.0)
    since = stage.now
    await stage.until(lambda: stage.requests("GET", "/queue", since))
    await stage.sleep(0.3)
    since = stage.now
    await gate.opened[-1].end(REPLACED)
    await stage.sleep(0.3)
    assert len(stage.requests("GET", "/queue", since)) == 1
    assert len(stage.requests("GET", "/system_stats", since)) == 1, "and whether the server is the same"


@pytest.mark.parametrize("how", ["dropped", "replaced"])
@scene
async def test_run_waits_briefly_for_reopening_socket(stage: Stage, how: str) -> None:
    page = await stage.window()
    gate = gate_of(stage, page)
    await stage.run(page, steps=9_000, server_id=A)
    await stage.until(lambda: page.session.socket.state == "open")
    await gate.opened[-1].end(1014 if how == "dropped" else REPLACED)
    await stage.until(lambda: page.session.socket.state in {"waiting", "replaced"})
    open_slowly(stage, page)
    page.session.wake("visible")
    seen: list[str] = []
    stage.once_requested("POST", "/prompt", lambda _: seen.append(page.session.socket.state))
    await stage.until(lambda: page.session.socket.state == "opening")
    await stage.run(page)
    assert seen == ["open"]


@scene
async def test_free_window_stays_without_socket_when_user_returns(stage: Stage) -> None:
    _, page, prompt_id = await replaced(stage)
    await page.session.give_up(prompt_id)
    await stage.sleep(60.0)
    assert page.session.socket.state == "replaced"
    page.session.wake("visible")
    await stage.sleep(1.0)
    assert page.session.socket.state == "closed"


def test_replaced_code_matches_gateway() -> None:
    assert closes.REPLACED.code == REPLACED


# A server that moves


@scene
async def test_moving_server_is_shown_as_moved_without_violation(stage: Stage) -> None:
    page = await stage.window()
    seen: list[tuple[str, ...]] = []
    page.session.subscribe(lambda: seen.append(page.session.violations()))
    prompt_id = await stage.run(page, steps=4_000, server_id=A)
    await stage.until(lambda: page.session.socket.state == "open")
    stage.world.network.moved[A] = "http://elsewhere.test:8188"
    await stage.until(lambda: task_of(page, prompt_id).progress.contact is Contact.MOVED)
    since = stage.now
    await stage.until(lambda: page.session.socket.state == "waiting")
    assert stage.now - since < 1.0, "the socket is left at once, not when its silence is noticed"
    await asyncio.sleep(120.0)
    assert set(seen) == {()}
    assert task_of(page, prompt_id).shown_state == "unreachable_moved"
    assert page.sockets.living == [], "nothing is said to whom it may not concern"
    with pytest.raises(ServerMoved):
        page.session.get_api_base_url()
    del stage.world.network.moved[A]
    await stage.until(lambda: page.session.socket.state == "open")


@scene
async def test_retries_pause_after_unreached_server_moved(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=4_000, server_id=A)
    stage.world.network.moved[A] = "http://elsewhere.test:8188"
    page = await stage.reload(page)
    await stage.until(lambda: task_of(page, prompt_id).progress.contact is Contact.MOVED)
    since, before = stage.now, page.session.socket.reconnects
    await stage.until(lambda: page.session.socket.reconnects >= before + 6)
    assert stage.now - since > 3.0, "a wait that grows, as for any server that cannot be had"


@scene
async def test_a_socket_at_another_server_is_a_violation(stage: Stage) -> None:
    page = await stage.window()
    gate = gate_of(stage, page)
    await stage.run(page, steps=4_000, server_id=A)
    await stage.until(lambda: page.session.socket.state == "open")
    assert page.session.violations() == ()
    through = page.sockets.open

    async def astray(path: str, deadline: float) -> Connection:
        return await through(path.replace(A, B), deadline)

    page.sockets.open = astray  # type: ignore[method-assign]
    await gate.opened[-1].end(1014)
    await stage.until(lambda: len(gate.opened) == 2 and page.session.socket.state == "open")
    [violation] = page.session.violations()
    assert violation.startswith("socket: ")
    assert [text.startswith("promise 1: ") for text in stage.world.broken] == [True], "the world has seen it too"
    stage.world.broken.clear()
