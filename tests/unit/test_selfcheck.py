"""The console's self-check: it passes on the real code, and notices when the guard is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.model import Task
from app.core.window import Window
from app.session.selfcheck import CHECKS, run_selfcheck


async def test_every_check_passes_on_the_real_code() -> None:
    results = await run_selfcheck()
    assert [result.name for result in results] == list(CHECKS)
    assert [result for result in results if not result.ok] == []
    assert len(results) >= 5


async def failed() -> list[str]:
    results = await run_selfcheck()
    assert all(result.detail for result in results if not result.ok)
    return [result.name for result in results if not result.ok]


async def test_with_the_guard_removed_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Window, "validate_server_consistency", lambda *_: None)
    assert await failed() == ["the guard refuses every operation for another server"]


async def test_with_addresses_of_whatever_server_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "app.session.scripting.get_api_base_url", lambda _operation, _bound, fleet: fleet.servers[-1].base
    )
    assert await failed() == ["the picture's address comes from the bound server only"]


async def test_with_an_error_in_its_way_each_check_fails_and_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(*_: object, **__: object) -> None:
        raise ValueError("no run today")

    monkeypatch.setattr("app.session.session.Session.run", run)
    results = await run_selfcheck()
    assert [(result.ok, result.detail) for result in results] == [(False, "ValueError: no run today")] * len(CHECKS)


async def test_with_windows_that_nothing_holds_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Window, "window_locked_server", property(lambda _: None))
    assert await failed() == [
        "registration binds the server",
        "a socket reconnect stays on the server",
        "only the last end frees the window",
    ]


async def test_with_sockets_that_wander_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.session.connection.get_api_base_url", lambda *_: "/servers/sandbox-2")
    assert await failed() == [
        "a socket reconnect stays on the server",
        "the guard refuses every operation for another server",  # nothing may be opened there either
    ]


async def test_with_unbound_tasks_let_through_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Window, "get_task", lambda self, _operation, prompt_id: self.tasks[prompt_id])
    assert await failed() == ["a missing binding is refused"]


async def test_with_tasks_that_can_be_bound_again_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def settle(self: Window, task: Task) -> Window:
        return replace(self, tasks={**self.tasks, task.prompt_id: task})

    monkeypatch.setattr(Window, "settle", settle)
    assert await failed() == ["registration binds the server"]
