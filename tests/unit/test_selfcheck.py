"""The console's self-check: it passes on the real code, and each of its checks fails on code that breaks it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.core.comfy import queue_request, socket_path, view_path
from app.core.errors import ServerLockedError, UnboundTask
from app.core.model import Fleet, PromptId, ServerId, Task
from app.core.records import encode
from app.core.window import Moored, Window
from app.session import selfcheck
from app.session.memory.sandbox import HERE, THERE, SandboxFleet
from app.session.memory.store import MemoryStore
from app.session.restore import Restorer
from app.session.scripting import Scripting
from app.session.selfcheck import CHECKS, OPERATIONS, run_selfcheck
from app.session.session import Session
from app.session.watching.socket import WindowSocket
from tests.ports.tasks import changed

REGISTERED, PICTURE, UNBOUND, SOCKET, GUARD, LAST_END = CHECKS
SHORT = 2.0  # seconds for a check that waits in vain: less than a task needs to be lost

Break = Callable[[pytest.MonkeyPatch], None]


async def failures() -> dict[str, str]:
    """Return the failed checks, each with its message."""
    results = await run_selfcheck()
    assert [result.name for result in results] == list(CHECKS)
    return {result.name: result.detail for result in results if not result.ok}


async def test_every_check_passes_on_the_real_code() -> None:
    results = await run_selfcheck()
    assert [result.name for result in results] == list(CHECKS)
    assert [(result.ok, result.detail) for result in results] == [(True, "")] * len(CHECKS)
    assert len(results) >= 5


async def test_nothing_runs_after_it() -> None:
    await run_selfcheck()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_it_waits_for_a_fleet_that_is_reported_late(monkeypatch: pytest.MonkeyPatch) -> None:
    first = SandboxFleet.first

    async def late(self: SandboxFleet) -> Fleet:
        await asyncio.sleep(0.2)
        return await first(self)

    monkeypatch.setattr(SandboxFleet, "first", late)
    assert await failures() == {}


async def test_each_check_fails_with_the_error_in_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(*_: object, **__: object) -> None:
        raise ValueError("no run today")

    monkeypatch.setattr(Session, "run", run)
    results = await run_selfcheck()
    assert [(result.ok, result.detail) for result in results] == [(False, "ValueError: no run today")] * len(CHECKS)


# The window and its guard


def the_guard_is_gone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Window, "validate_server_consistency", lambda *_: None)


def the_guard_lets_pass(*operations: str) -> Break:
    validate = Session.validate_server_consistency

    def broken(self: Session, operation: str, server_id: ServerId) -> None:
        if operation not in operations:
            validate(self, operation, server_id)

    return lambda patch: patch.setattr(Session, "validate_server_consistency", broken)


def the_guard_refuses_the_windows_own_server(patch: pytest.MonkeyPatch) -> None:
    def refuse(_: Session, operation: str, server_id: ServerId) -> None:
        raise ServerLockedError(operation, server_id, server_id, 1)

    patch.setattr(Session, "validate_server_consistency", refuse)


def the_window_is_held_by(holder: Callable[[Window, ServerId | None], ServerId | None]) -> Break:
    held = Window.window_locked_server.fget
    broken = property(lambda window: holder(window, held(window)))
    return lambda patch: patch.setattr(Window, "window_locked_server", broken)


def any_end_frees(window: Window, held: ServerId | None) -> ServerId | None:
    return None if any(task.state.is_end for task in window.tasks.values()) else held


def the_window_is_not_restored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Session, "window", property(lambda _: None))


def tasks_can_be_rebound(*, but_not_with_another: str = "") -> Break:
    def settle(self: Window, task: Task) -> Window:
        known = self.tasks[task.prompt_id]
        if but_not_with_another and getattr(known, but_not_with_another) != getattr(task, but_not_with_another):
            raise UnboundTask("settle", task.prompt_id)
        return replace(self, tasks={**self.tasks, task.prompt_id: task})

    return lambda patch: patch.setattr(Window, "settle", settle)


def unbound_tasks_are_let_through(*, but_not_without: str = "") -> Break:
    def get_task(self: Window, operation: str, prompt_id: PromptId) -> Task:
        task = self.tasks[prompt_id]
        if but_not_without and not getattr(task, but_not_without):
            raise UnboundTask(operation, prompt_id)
        return task

    return lambda patch: patch.setattr(Window, "get_task", get_task)


# Records, and the servers that requests go to


def records_say(*, only_beside_others: bool = False, **changes: Any) -> Break:
    """Stored records differ from their tasks."""

    async def write(self: MemoryStore, task: Task) -> None:
        others = {item.prompt_id for item in self.database.claims().unfinished} - {task.prompt_id}
        wrong = changed(task, **changes) if others or not only_beside_others else task
        self.database.reservations.pop(task.prompt_id, None)
        self.database.tasks[task.prompt_id] = encode(wrong)

    def breaks(patch: pytest.MonkeyPatch) -> None:
        for name in ("register", "update"):
            patch.setattr(MemoryStore, name, write)

    return breaks


def tasks_are_not_stored(patch: pytest.MonkeyPatch) -> None:
    """Nor does the session notice when it reads them again."""

    async def forget(self: MemoryStore, task: Task, *_: object) -> None:
        self.database.reservations.pop(task.prompt_id, None)

    async def read_nothing(_: Restorer) -> None:
        pass

    for name in ("register", "reserve_and_register", "update"):
        patch.setattr(MemoryStore, name, forget)
    patch.setattr(Restorer, "reread", read_nothing)


def addresses_come_from(*parts: str, base: Callable[[Any, Fleet], str]) -> Break:
    """These parts of the session take a server's address from another place than the one that knows it."""

    def breaks(patch: pytest.MonkeyPatch) -> None:
        for part in parts:
            patch.setattr(f"app.session.{part}.get_api_base_url", lambda _operation, bound, fleet: base(bound, fleet))

    return breaks


def pictures_are_at_the_windows_server(patch: pytest.MonkeyPatch) -> None:
    address_of = Scripting.get_task_bound_image_url

    def broken(self: Scripting, prompt_id: PromptId, index: int) -> str:
        window = self._state.records.get_window("image")
        if not isinstance(window.mooring, Moored):
            return address_of(self, prompt_id, index)
        task = window.tasks[prompt_id]
        return view_path(f"/servers/{window.mooring.server_id}", task, task.delivery.outputs[index])

    patch.setattr(Scripting, "get_task_bound_image_url", broken)


def the_fourth_socket_wanders(patch: pytest.MonkeyPatch) -> None:
    opened: Counter[str] = Counter()

    def path_of(base: str, client_id: str) -> str:
        opened[client_id] += 1
        return socket_path(base if opened[client_id] < 4 else f"/servers/{THERE}", client_id)

    patch.setattr("app.core.comfy.socket_path", path_of)


def a_lost_socket_stays_lost(patch: pytest.MonkeyPatch) -> None:
    async def for_ever(_: WindowSocket, _failures: int) -> None:
        await asyncio.Event().wait()

    patch.setattr(WindowSocket, "_after", for_ever)


# A run for another server than the one that holds the window


def a_run(broken: Callable[[Session, ServerId | None, ServerId | None, Callable[..., Any]], Any]) -> Break:
    """`broken` gets the session, the requested server, the one that holds the window, and the real run."""
    run = Session.run

    async def instead(self: Session, workflow: Any, *, server_id: ServerId | None = None) -> Any:
        held = self.window.window_locked_server if isinstance(self.window, Window) else None
        return await broken(self, server_id, held, lambda where: run(self, workflow, server_id=where))

    return lambda patch: patch.setattr(Session, "run", instead)


async def goes_where_the_window_is(_: Session, asked: ServerId | None, held: ServerId | None, run: Any) -> Any:
    return await run(held or asked)


async def tries_the_other_first(session: Session, asked: ServerId | None, held: ServerId | None, run: Any) -> Any:
    if held and asked not in (None, held):
        await session._state.ports.http.send(queue_request(f"/servers/{asked}"))
    return await run(asked)


async def is_refused_the_wrong_way_round(_: Session, asked: ServerId | None, _held: ServerId | None, run: Any) -> Any:
    try:
        return await run(asked)
    except ServerLockedError as error:
        raise ServerLockedError(error.operation, error.locked, error.asked or HERE, error.holders) from error


NOT_HELD = "the window is moored to None"
FREED = "a lost socket freed the window"
REBOUND = "a registered task was bound to another server"
NO_SERVER = "a task without a server"
NOT_RESTORED = "the sandbox's window is not restored"
NOT_STORED = "is not in the store"
REFUSED = "ServerLockedError("
WAITED = "TimeoutError"  # the awaited event never came

BROKEN: dict[str, tuple[Break, dict[str, str]]] = {
    "the guard is gone": (the_guard_is_gone, {GUARD: f"upload_image on {THERE} may pass"}),
    "nobody asks the guard": (the_guard_lets_pass(*OPERATIONS), {GUARD: f"upload_image on {THERE} may pass"}),
    **{
        f"the guard forgets {operation}": (the_guard_lets_pass(operation), {GUARD: f"{operation} on {THERE} may pass"})
        for operation in (OPERATIONS[0], OPERATIONS[-1])
    },
    "the guard refuses its own": (the_guard_refuses_the_windows_own_server, {GUARD: REFUSED}),
    "nothing holds a window": (
        the_window_is_held_by(lambda _window, _held: None),
        {REGISTERED: NOT_HELD, SOCKET: FREED, LAST_END: "freed with work pending"},
    ),
    "any end frees the window": (the_window_is_held_by(any_end_frees), {LAST_END: "freed with work pending"}),
    "no end frees the window": (the_window_is_held_by(lambda _window, _held: HERE), {LAST_END: WAITED}),
    "no window": (
        the_window_is_not_restored,
        dict.fromkeys((REGISTERED, UNBOUND, SOCKET, LAST_END), NOT_RESTORED),
    ),
    "a task can be bound again": (tasks_can_be_rebound(), {REGISTERED: REBOUND}),
    "its server can": (tasks_can_be_rebound(but_not_with_another="address"), {REGISTERED: REBOUND}),
    "its address can": (tasks_can_be_rebound(but_not_with_another="server_id"), {REGISTERED: REBOUND}),
    "unbound tasks are let through": (unbound_tasks_are_let_through(), {UNBOUND: NO_SERVER}),
    "those without a server are": (unbound_tasks_are_let_through(but_not_without="address"), {UNBOUND: NO_SERVER}),
    "those without an address are": (unbound_tasks_are_let_through(but_not_without="server_id"), {UNBOUND: NO_SERVER}),
    "tasks are not stored": (tasks_are_not_stored, dict.fromkeys((REGISTERED, UNBOUND, LAST_END), NOT_STORED)),
    "records name another server": (
        records_say(server_id=THERE),
        {REGISTERED: f"the record names {THERE}", LAST_END: REFUSED},  # the store has work on another server
    ),
    "records have another address": (
        records_say(address="http://elsewhere.invalid"),
        {REGISTERED: "the record has the address http://elsewhere.invalid", LAST_END: REFUSED},
    ),
    "the second run is written down elsewhere": (
        records_say(only_beside_others=True, server_id=THERE),
        {LAST_END: "the second run went elsewhere"},
    ),
    "addresses of whatever server": (
        addresses_come_from("scripting", base=lambda _bound, fleet: fleet.servers[-1].base),
        {PICTURE: f"is not at {HERE}"},
    ),
    "addresses of the window's server": (pictures_are_at_the_windows_server, {PICTURE: f"is not at {HERE}"}),
    "addresses at a server that moved": (
        addresses_come_from("scripting", base=lambda bound, _fleet: f"/servers/{bound.server_id}"),
        {PICTURE: "an address at a server that has moved"},
    ),
    "pictures are fetched elsewhere": (
        addresses_come_from("delivery.fetch", base=lambda _bound, _fleet: f"/servers/{THERE}"),
        {PICTURE: f"nothing was fetched from /servers/{HERE}/view?"},
    ),
    "looks go elsewhere": (
        addresses_come_from("watching.watch", base=lambda _bound, _fleet: f"/servers/{THERE}"),
        {PICTURE: WAITED, GUARD: "sent all the same", LAST_END: WAITED},
    ),
    "sockets wander": (
        addresses_come_from("watching.socket", base=lambda _bound, _fleet: f"/servers/{THERE}"),
        {SOCKET: "reconnected to", GUARD: "sent all the same"},  # no socket may be opened there either
    ),
    "the fourth socket wanders": (the_fourth_socket_wanders, {SOCKET: "reconnected to"}),
    "a lost socket stays lost": (a_lost_socket_stays_lost, {SOCKET: WAITED}),
    "a run goes where the window is": (
        a_run(goes_where_the_window_is),
        {GUARD: f"work for {THERE} was taken while {HERE} holds the window"},
    ),
    "a run looks at the other server first": (a_run(tries_the_other_first), {GUARD: "sent all the same"}),
    "a refusal has it the wrong way round": (a_run(is_refused_the_wrong_way_round), {GUARD: "the refusal names"}),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_code_fails_its_check(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    breaks, expected = BROKEN[name]
    if WAITED in expected.values():
        monkeypatch.setattr(selfcheck, "PATIENCE", SHORT)
    breaks(monkeypatch)
    found = await failures()
    assert list(found) == list(expected), found
    for check, detail in expected.items():
        assert detail in found[check]
