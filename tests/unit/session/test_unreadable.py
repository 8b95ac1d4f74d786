"""Unreadable stored tasks: promise 4, and the part of promise 1 that depends on it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from app.core.errors import InvalidTransition, NotOwner, StorageError, TaskNotFound, UnreadableRecord
from app.core.model import PromptId, StoredTasks, TaskState
from app.core.window import Window
from app.session.console import ConsoleContract
from tests.kit.stage import A, B, Stage, scene, task_of, window_of
from tests.simulation.store import Bytes
from tests.simulation.world import Page, a_workflow

PAUSED: Mapping[str, object] = {"state": "paused"}
ODD: Mapping[str, object] = {"choice": 3}  # the rest, an end too, can still be read


def damage(stage: Stage, prompt_id: PromptId, changes: Mapping[str, object] = PAUSED) -> None:
    """Damage a record in the store. A violated invariant is then no window's fault."""
    world = stage.world
    sound = tuple(world.broken)
    world.database.tasks[prompt_id] = {**world.database.tasks[prompt_id], **changes}
    for watcher in world.database.watchers:
        watcher()
    world.broken[:] = sound


def set_aside(page: Page) -> list[PromptId]:
    """The records that the page cannot read."""
    return [record.prompt_id for record in window_of(page).unreadable]


async def back_with_damage(stage: Stage, changes: Mapping[str, object] = PAUSED) -> tuple[Page, PromptId]:
    """A reloaded window whose only unfinished task was damaged before."""
    page = await stage.window()
    prompt_id = await stage.run(page, steps=400, server_id=A)
    tab = stage.world.leave(page, crashed=False)
    damage(stage, prompt_id, changes)
    return await stage.window(tab), prompt_id


@scene
async def test_a_window_whose_only_task_is_unreadable_takes_nothing_on(stage: Stage) -> None:
    page, prompt_id = await back_with_damage(stage)
    assert set_aside(page) == [prompt_id]
    submits = len(stage.requests("POST", "/prompt"))
    for server_id in (None, A, B):
        with pytest.raises(UnreadableRecord) as caught:
            await stage.run(page, server_id=server_id)
        assert (caught.value.prompt_id, caught.value.server_id, caught.value.is_newer) == (prompt_id, A, False)
        assert "Task.state" in caught.value.detail
    assert len(stage.requests("POST", "/prompt")) == submits
    assert stage.world.database.reservations == {}
    with pytest.raises(UnreadableRecord):
        page.session.validate_server_consistency("submit", A)
    with pytest.raises(UnreadableRecord):
        await page.session.upload_image(Bytes(b"picture"), "a.png")
    assert stage.requests("POST", "/upload") == []


@scene
async def test_window_is_not_free_before_unreadable_records_are_known(stage: Stage) -> None:
    page, prompt_id = await back_with_damage(stage)
    page = stage.world.open(stage.world.leave(page, crashed=False))
    seen: list[list[PromptId]] = []
    page.session.subscribe(lambda: seen.append(set_aside(page)) if isinstance(page.session.window, Window) else None)
    await stage.until(lambda: bool(seen))
    assert seen == [[prompt_id]] * len(seen)


@scene
async def test_an_unreadable_task_counts_as_a_violation(stage: Stage) -> None:
    page, prompt_id = await back_with_damage(stage)
    summary = ConsoleContract(page.session).debug_server_consistency()
    assert len(summary["violations"]) == 1
    assert summary["violations"][0].startswith(f"unreadable: {prompt_id} on {A}: Task.state ")
    assert tuple(summary["violations"]) == page.session.violations() == await page.session.verify()


@scene
async def test_giving_up_unreadable_task_deletes_it_and_frees_window(stage: Stage) -> None:
    page, prompt_id = await back_with_damage(stage)
    await page.session.give_up(prompt_id)
    assert prompt_id not in stage.world.database.tasks
    assert page.session.violations() == await page.session.verify() == ()
    with pytest.raises(TaskNotFound):
        await page.session.give_up(prompt_id)
    assert (await stage.ended(page, await stage.run(page, server_id=B))).state is TaskState.SUCCEEDED
    assert set_aside(await stage.reload(page)) == []


@scene
async def test_a_reading_from_before_a_give_up_brings_nothing_back(stage: Stage) -> None:
    page, prompt_id = await back_with_damage(stage)
    window = window_of(page)
    await page.session.give_up(prompt_id)
    page.session._restorer.compare_unreadable(window, StoredTasks((), window.unreadable))
    assert set_aside(page) == []


@scene
async def test_a_give_up_that_cannot_be_made_durable_changes_nothing(stage: Stage) -> None:
    page, prompt_id = await back_with_damage(stage)
    await stage.sleep(20.0)  # what the page looks for when it comes up is over, and takes no part in the failure
    stage.world.database.fail_next = 1
    with pytest.raises(StorageError):
        await page.session.give_up(prompt_id)
    assert set_aside(page) == [prompt_id]
    assert prompt_id in stage.world.database.tasks
    await page.session.give_up(prompt_id)
    assert set_aside(page) == []


@scene
async def test_a_task_of_a_newer_version_is_not_called_damaged(stage: Stage) -> None:
    page, prompt_id = await back_with_damage(stage, {"v": 2, "state": "paused"})
    with pytest.raises(UnreadableRecord) as caught:
        await stage.run(page)
    assert (caught.value.prompt_id, caught.value.is_newer) == (prompt_id, True)


@scene
async def test_newer_record_with_more_fields_is_read(stage: Stage) -> None:
    page, prompt_id = await back_with_damage(stage, {"v": 2, "newer": {"deep": [1]}})
    assert page.session.violations() == ()
    assert window_of(page).window_locked_server == A
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert stage.world.database.tasks[prompt_id]["newer"] == {"deep": [1]}


@scene
async def test_good_task_beside_unreadable_one_continues_without_new_work(stage: Stage) -> None:
    page = await stage.window()
    good, wrong = await stage.run(page, steps=40, server_id=A), await stage.run(page, steps=40, server_id=A)
    tab = stage.world.leave(page, crashed=False)
    damage(stage, wrong)
    page = await stage.window(tab)
    assert window_of(page).window_locked_server == A
    with pytest.raises(UnreadableRecord):
        await stage.run(page)
    assert (await stage.ended(page, good)).state is TaskState.SUCCEEDED
    with pytest.raises(UnreadableRecord):
        await stage.run(page)


@scene
async def test_record_damaged_at_run_time_is_found_by_next_write(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=40, server_id=A)
    await stage.until_running(page, prompt_id)
    damage(stage, prompt_id)
    await stage.until(lambda: set_aside(page) == [prompt_id])
    assert prompt_id not in window_of(page).tasks
    assert page.session.store_error is None, "the store itself works"
    with pytest.raises(UnreadableRecord):
        await stage.run(page)


@scene
async def test_record_damaged_at_run_time_is_found_on_wake(stage: Stage) -> None:
    page = await stage.window()
    ended = await stage.run(page, server_id=A)
    await stage.ended(page, ended)
    damage(stage, ended, ODD)
    assert page.session.violations() == ()
    page.session.wake("visible")
    await stage.until(lambda: set_aside(page) == [ended])
    assert len(page.session.violations()) == 1
    with pytest.raises(UnreadableRecord):
        await page.session.upload_image(Bytes(b"picture"), "a.png")


@scene
async def test_unowned_unreadable_record_is_found_when_choosing(stage: Stage) -> None:
    page, other = await stage.window(), await stage.window()
    prompt_id = await stage.run(other, steps=400, server_id=A)
    damage(stage, prompt_id, {"owner": None})
    written: list[object] = []
    stage.world.database.watchers.append(lambda: written.extend(stage.world.database.reservations))
    with pytest.raises(UnreadableRecord) as caught:
        await stage.run(page, server_id=B)
    assert caught.value.prompt_id == prompt_id
    assert written == [], "refused before anything is written"
    assert set_aside(page) == [prompt_id], "shown at once, not after the next waking"


@scene
async def test_unreadable_record_of_another_window_is_ignored(stage: Stage) -> None:
    page, other = await stage.window(), await stage.window()
    prompt_id = await stage.run(other, steps=400, server_id=A)
    damage(stage, prompt_id)
    assert await page.session.verify() == ()
    assert (await stage.ended(page, await stage.run(page, server_id=B))).state is TaskState.SUCCEEDED


@scene
async def test_record_given_up_by_one_window_is_gone_for_others(stage: Stage) -> None:
    page, prompt_id = await back_with_damage(stage, {"owner": 7})
    other = await stage.window()
    assert set_aside(page) == set_aside(other) == [prompt_id]
    await page.session.give_up(prompt_id)
    other.session.wake("visible")
    await stage.until(lambda: set_aside(other) == [])
    assert (await stage.ended(other, await stage.run(other))).state is TaskState.SUCCEEDED


@scene
async def test_record_that_proves_foreign_is_released(stage: Stage) -> None:
    page, prompt_id = await back_with_damage(stage)
    damage(stage, prompt_id, {"owner": "another"})
    with pytest.raises(NotOwner):
        await page.session.give_up(prompt_id)
    assert set_aside(page) == []
    assert prompt_id in stage.world.database.tasks


@scene
async def test_record_readable_again_is_restored_by_reload_only(stage: Stage) -> None:
    """Until then its server is unknown here, and the window takes no new work."""
    page, prompt_id = await back_with_damage(stage)
    damage(stage, prompt_id, {"state": "running"})
    await page.session.verify()
    with pytest.raises(UnreadableRecord):
        await stage.run(page, server_id=B)
    with pytest.raises(InvalidTransition):
        await page.session.give_up(prompt_id)
    page = await stage.reload(page)
    assert window_of(page).window_locked_server == A
    assert task_of(page, prompt_id).title == "story"


@scene
async def test_an_upload_holds_no_submit_once_a_record_is_unreadable(stage: Stage) -> None:
    page = await stage.window()
    ended = await stage.run(page, server_id=A)
    await stage.ended(page, ended)
    await page.session.upload_image(Bytes(b"picture"), "a.png")
    damage(stage, ended, ODD)
    await page.session.verify()
    submits = len(stage.requests("POST", "/prompt"))
    with pytest.raises(UnreadableRecord):
        await page.session.submit_workflow(a_workflow(3, 1, None))
    assert len(stage.requests("POST", "/prompt")) == submits
