"""With a decided server and nothing to upload, the place and the task are written in one transaction."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.errors import AffinityError, ServerLockedError, StorageError, UnreadableRecord
from app.core.model import PromptId, TaskState
from app.session import RunStage
from tests.kit.stage import PHOTO, A, B, Stage, scene, task_of, window_of
from tests.ports.tasks import changed
from tests.simulation.store import Bytes
from tests.simulation.world import Page, a_workflow

WRITES = ("reserve", "register", "reserve_and_register", "read_task")


def overhear(page: Page) -> list[str]:
    """Record which of the store's operations are called on the way to a prompt."""
    store, asked = page.session._state.ports.store, list[str]()

    def recording(name: str) -> Any:
        operation = getattr(store, name)

        async def ask(*arguments: Any) -> Any:
            asked.append(name)
            return await operation(*arguments)

        return ask

    for name in WRITES:
        setattr(store, name, recording(name))
    return asked


@scene
async def test_a_moored_window_writes_once_before_it_sends(stage: Stage) -> None:
    page = await stage.window()
    await stage.until_running(page, await stage.run(page, steps=900, server_id=A))
    asked, stored = overhear(page), list[bool]()
    stage.once_requested("POST", "/prompt", lambda _: stored.append(len(stage.world.database.tasks) == 2))
    prompt_id = await stage.run(page)
    assert asked == ["reserve_and_register"]
    assert stored == [True]
    task = task_of(page, prompt_id)
    assert (task.server_id, task.choice and task.choice.reason) == (A, "moored")
    assert task.job is not None
    assert page.session.violations() == ()


@scene
async def test_upload_holds_place_until_it_is_registered(stage: Stage) -> None:
    page = await stage.window()
    await stage.until_running(page, await stage.run(page, steps=900, server_id=A))
    asked, held = overhear(page), list[int]()
    stage.once_requested("POST", "/upload", lambda _: held.append(len(stage.world.database.reservations)))
    await stage.run(page, picture=PHOTO)
    assert asked == ["reserve", "register"]
    assert held == [1]


@scene
async def test_window_stays_moored_during_connect(stage: Stage) -> None:
    page = await stage.window()
    await stage.until_running(page, held := await stage.run(page, steps=900, server_id=A))
    socket = page.own.socket
    connect = socket.connect_briefly

    async def connect_late() -> None:
        socket.connect_briefly = connect  # type: ignore[method-assign]
        await page.session.cancel(held)
        await stage.until(lambda: task_of(page, held).state.is_end)

    socket.connect_briefly = connect_late  # type: ignore[method-assign]
    asked = overhear(page)
    task = task_of(page, await stage.run(page))
    assert asked == ["reserve_and_register"]
    assert (task.server_id, task.choice and task.choice.reason) == (A, "moored")


@scene
async def test_claim_elsewhere_in_store_refuses_the_run(stage: Stage) -> None:
    page = await stage.window()
    held = await stage.run(page, steps=900, server_id=A)
    database = stage.world.database
    there = stage.world.network.address_of(B)
    database.tasks["other"] = {**database.tasks[held], "prompt_id": "other", "server_id": B, "address": there}
    with pytest.raises(ServerLockedError):
        await stage.run(page)
    assert set(database.tasks) == {held, "other"}
    assert window_of(page).reservations == {} == database.reservations
    assert len(stage.requests("POST", "/prompt")) == 1
    stage.world.broken.clear()  # which is what this story has put there


@scene
async def test_unreadable_record_stops_the_run_and_is_set_aside(stage: Stage) -> None:
    page = await stage.window()
    held = await stage.run(page, steps=900, server_id=A)
    database = stage.world.database
    whole = database.tasks[held]
    database.tasks[held] = {**whole, "state": "paused"}
    with pytest.raises(UnreadableRecord):
        await stage.run(page)
    assert [record.prompt_id for record in window_of(page).unreadable] == [held]
    assert window_of(page).reservations == {} == database.reservations
    assert len(stage.requests("POST", "/prompt")) == 1


@scene
async def test_failed_write_sends_nothing_and_releases_place(stage: Stage) -> None:
    page = await stage.window()
    held = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, held)
    stage.world.database.is_full = True
    with pytest.raises(StorageError):
        await stage.run(page)
    stage.world.database.is_full = False
    assert set(stage.world.database.tasks) == {held}
    assert window_of(page).reservations == {} == stage.world.database.reservations
    assert [run.stage for run in page.session.runs] == [RunStage.FAILED]
    assert len(stage.requests("POST", "/prompt")) == 1


@scene
async def test_the_window_stays_moored_while_that_is_written(stage: Stage) -> None:
    """The work that held it ends at that moment: the new one holds it already, so no other server is possible."""
    page = await stage.window()
    await stage.until_running(page, held := await stage.run(page, steps=900, server_id=A))
    store, moored = page.session._state.ports.store, list[object]()
    register = store.reserve_and_register

    async def register_late(*arguments: Any) -> None:
        await page.session.cancel(held)
        await stage.until(lambda: task_of(page, held).state is TaskState.CANCELLED)
        moored.append(window_of(page).window_locked_server)
        await register(*arguments)

    store.reserve_and_register = register_late  # type: ignore[method-assign]
    prompt_id = await stage.run(page)
    assert moored == [A]
    assert task_of(page, prompt_id).server_id == A


@scene
async def test_leftover_reservation_is_deleted_before_next_run(stage: Stage) -> None:
    page = await stage.window()
    await stage.until_running(page, await stage.run(page, steps=900, server_id=A))
    places, database = page.own.submitter.places, stage.world.database
    held = await places.reserve(page.session._state.ports.random.uuid4())
    database.is_blocked = True
    await places.release(held.prompt_id)
    database.is_blocked = False
    assert list(database.reservations) == [held.prompt_id]
    await stage.run(page)
    assert database.reservations == {}


@scene
async def test_task_for_another_server_than_its_place_is_not_written(stage: Stage) -> None:
    page = await stage.window()
    await stage.until_running(page, first := await stage.run(page, steps=900, server_id=A))
    places, astray = page.own.submitter.places, changed(task_of(page, first), prompt_id=PromptId("p-astray"))
    with pytest.raises(AffinityError):
        await places.register(astray)
    await places.reserve(astray.prompt_id, is_bare=True)
    with pytest.raises(AffinityError):
        await places.register(changed(astray, server_id=B))
    assert list(stage.world.database.tasks) == [first]


@scene
async def test_uploads_of_a_script_are_recorded_as_inputs(stage: Stage) -> None:
    page = await stage.window()
    await page.session.upload_image(Bytes(PHOTO, "image/png"), "photo.png")
    prompt_id = await page.session.submit_workflow(a_workflow(2, 1, None), title="story", inputs={})
    assert task_of(page, prompt_id).job is not None, "how long such work takes is learned from it"
