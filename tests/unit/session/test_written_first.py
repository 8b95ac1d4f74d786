"""Promise 5: durable before it is sent; unclear submits are settled by polling; one click runs at most once."""

from __future__ import annotations

from collections import Counter

import pytest

from app.core.comfy import SUBMIT_DEADLINE
from app.core.errors import (
    BadInput,
    HttpStatusError,
    InvalidTransition,
    MooringError,
    StorageError,
)
from app.core.model import PromptId, TaskState
from app.core.truth import LOST_GAP
from app.core.window import Free, Restoring
from app.core.workflow import parse_workflow
from app.session import RunStage
from tests.kit.stage import PHOTO, A, Stage, line_of, scene, task_of, window_of
from tests.simulation.browser import PRESSES
from tests.simulation.network import Mishap
from tests.simulation.server import Answer
from tests.simulation.world import Page


def runs(stage: Stage) -> Counter[str]:
    """How often each prompt really started."""
    return Counter(prompt_id for sim in stage.world.sims.values() for prompt_id in sim.ran)


def kinds(page: Page, prompt_id: PromptId) -> list[str]:
    """The evidence in a task's record."""
    return [note.kind for note in task_of(page, prompt_id).notes]


@scene
async def test_the_record_is_durable_before_the_post(stage: Stage) -> None:
    """Another window reads it while the POST is in progress."""
    seen: list[object] = []
    stage.once_requested("POST", "/prompt", lambda _: seen.extend(stage.world.database.all_tasks()))
    page = await stage.window()
    prompt_id = await stage.run(page, picture=b"picture")
    (record,) = seen
    assert (record.prompt_id, record.state) == (prompt_id, TaskState.REGISTERED)  # type: ignore[attr-defined]
    task = task_of(page, prompt_id)
    assert record.inputs == task.inputs and task.inputs[0].original_name == "photo.png"  # type: ignore[attr-defined]
    assert record.workflow == task.workflow and task.inputs[0].name in task.workflow  # type: ignore[attr-defined]
    assert record.expected == ("3",)  # type: ignore[attr-defined]
    assert task.choice is not None and set(task.choice.loads) == set(stage.world.sims)


# Unclear


@scene
async def test_queued_prompt_answered_by_500_is_found_and_posted_once(stage: Stage) -> None:
    stage.world.weather.error_but_queued = 1.0
    page = await stage.window()
    prompt_id = await stage.run(page)
    assert "unclear" in kinds(page, prompt_id)
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert len(stage.requests("POST", "/prompt")) == 1
    assert runs(stage) == {prompt_id: 1}


@scene
async def test_a_lost_answer_is_found_by_looking_and_posted_once(stage: Stage) -> None:
    page = await stage.window()
    stage.while_submitting(page, "lose_after")
    prompt_id = await stage.run(page)
    assert "unclear" in kinds(page, prompt_id)
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert runs(stage) == {prompt_id: 1}


@scene
async def test_end_is_seen_although_submit_is_never_answered(stage: Stage) -> None:
    """A hanging POST delays no poll once the socket has reported its prompt."""
    page = await stage.window()
    stage.world.weather.armed.append(Mishap("answer late", lambda exchange: exchange.route == ("POST", "prompt")))
    began = stage.now
    clicked = stage.begin(page)
    await stage.until(lambda: [task for task in window_of(page).tasks.values() if task.state is TaskState.SUCCEEDED])
    assert stage.now - began < SUBMIT_DEADLINE / 2
    assert not clicked.done() and len(stage.requests("POST", "/prompt")) == 1
    prompt_id = await clicked
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert runs(stage) == {prompt_id: 1}


@scene
async def test_submit_that_never_arrived_is_lost_and_not_reposted(stage: Stage) -> None:
    page = await stage.window()
    stage.while_submitting(page, "lose_before")
    prompt_id = await stage.run(page)
    began = stage.now
    task = await stage.ended(page, prompt_id)
    assert task.state is TaskState.LOST
    assert kinds(page, prompt_id) == ["unclear", "absent", "absent_again"]
    assert stage.now - began >= LOST_GAP
    assert len(stage.requests("GET", f"/history/{prompt_id}")) >= 2
    assert stage.requests("POST", "/prompt") == []
    assert window_of(page).mooring == Free()


@scene
async def test_a_hung_server_is_waited_for_and_asked_once(stage: Stage) -> None:
    page = await stage.window()
    stage.world.sims[A].awake.clear()
    prompt_id = await stage.run(page, server_id=A)
    assert task_of(page, prompt_id).state is TaskState.UNCLEAR
    stage.world.sims[A].awake.set()
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert runs(stage) == {prompt_id: 1}


# Certainly not sent, and refused


@scene
async def test_server_killed_before_submit_frees_window(stage: Stage) -> None:
    page = await stage.window()
    stage.once_stored(lambda: stage.world.database.tasks, lambda: setattr(stage.world.sims[A], "is_down", True))
    waiting = await stage.run(page, server_id=A)
    assert line_of(page).has(waiting)
    assert window_of(page).mooring == Free()
    assert stage.world.database.tasks == {} and stage.requests("POST", "/prompt") == []


@scene
async def test_rejected_prompt_fails_with_servers_message_and_frees_window(stage: Stage) -> None:
    page = await stage.window()
    broken = parse_workflow(
        {"1": {"class_type": "EmptyImage"}, "3": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x"}}}
    )
    prompt_id = await page.session.run(broken)
    task = task_of(page, prompt_id)
    assert task.state is TaskState.FAILED
    assert task.end.failure is not None and task.end.failure.kind == "rejected"
    assert [(item.node_id, item.type, item.input_name) for item in task.end.failure.node_errors] == [
        ("3", "required_input_missing", "images")
    ]
    assert window_of(page).mooring == Free()
    assert task.is_delivered


# Before there is a task


@pytest.mark.parametrize("answer", [Answer(413, b"too large"), Answer(500, b"500 Internal Server Error"), Answer(200)])
@scene
async def test_failed_upload_submits_nothing_and_releases_place(stage: Stage, answer: Answer) -> None:
    page = await stage.window()
    for sim in stage.world.sims.values():
        sim.upload = lambda *_: answer  # type: ignore[method-assign]
    with pytest.raises(MooringError) as caught:
        await stage.run(page, picture=b"picture")
    if answer.status == 413:
        assert isinstance(caught.value, HttpStatusError) and caught.value.status == 413
    assert stage.requests("POST", "/prompt") == []
    assert window_of(page).mooring == Free()
    assert stage.world.database.reservations == {}
    assert [(item.stage, item.error) for item in page.session.runs] == [(RunStage.FAILED, caught.value)]


@scene
async def test_an_empty_file_is_refused(stage: Stage) -> None:
    page = await stage.window()
    with pytest.raises(BadInput):
        await stage.run(page, picture=b"")
    assert window_of(page).mooring == Free()
    assert stage.asked == []


@scene
async def test_a_server_that_dies_under_an_upload_submits_nothing(stage: Stage) -> None:
    page = await stage.window()
    stage.once_stored(lambda: stage.world.database.reservations, lambda: setattr(stage.world.sims[A], "is_down", True))
    prompt_id = await stage.run(page, picture=b"picture", server_id=A)
    assert line_of(page).has(prompt_id)
    assert stage.world.database.tasks == {}
    assert window_of(page).mooring == Free()


# The store


@scene
async def test_without_a_durable_record_there_is_no_post(stage: Stage) -> None:
    page = await stage.window()
    stage.once_stored(lambda: stage.world.database.reservations, lambda: setattr(stage.world.database, "fail_next", 1))
    with pytest.raises(StorageError) as caught:
        await stage.run(page)
    assert caught.value.operation == "register"
    assert stage.requests("POST", "/prompt") == []
    assert window_of(page).mooring == Free()
    assert stage.world.database.reservations == {}
    assert stage.world.database.tasks == {}


@scene
async def test_full_store_refuses_run_before_sending(stage: Stage) -> None:
    page = await stage.window()
    stage.world.database.is_blocked = True
    with pytest.raises(StorageError):
        await stage.run(page)
    assert stage.asked == []
    assert window_of(page).mooring == Free()
    stage.world.database.is_blocked = False
    assert (await stage.ended(page, await stage.run(page))).state is TaskState.SUCCEEDED


@scene
async def test_store_failing_during_run_leaves_usable_window(stage: Stage) -> None:
    page = await stage.window()
    stage.once_stored(
        lambda: stage.world.database.reservations, lambda: setattr(stage.world.database, "is_blocked", True)
    )
    with pytest.raises(StorageError):
        await stage.run(page)
    assert window_of(page).mooring == Free()
    stage.world.database.is_blocked = False
    page.session.wake("story")
    for _ in range(4):
        assert (await stage.ended(page, await stage.run(page))).state is TaskState.SUCCEEDED


@scene
async def test_unreadable_store_refuses_runs_until_it_recovers(stage: Stage) -> None:
    stage.world.database.is_blocked = True
    page = stage.world.open()
    await stage.until(lambda: page.session.store_error)
    assert isinstance(page.session.window, Restoring)
    with pytest.raises(StorageError) as caught:
        await stage.run(page)
    assert caught.value.cause == "blocked"
    stage.world.database.is_blocked = False
    page.session.wake("online")
    await stage.until(lambda: not isinstance(page.session.window, Restoring))
    assert page.session.store_error is None
    assert (await stage.ended(page, await stage.run(page))).state is TaskState.SUCCEEDED


@scene
async def test_one_failed_read_refuses_no_later_run(stage: Stage) -> None:
    """No write is left to do in this window, so none would ever show that the store works."""
    page = await stage.window()
    await stage.ended(page, await stage.run(page))
    stage.world.database.is_blocked = True
    page.session.wake("online")
    await stage.until(lambda: page.session.store_error)
    stage.world.database.is_blocked = False
    page.session.wake("online")
    await stage.until(lambda: page.session.store_error is None)


@scene
async def test_failed_write_is_repeated_when_there_is_room(stage: Stage) -> None:
    page = await stage.window()
    old = await stage.ended(page, await stage.run(page))
    stage.once_requested("GET", "/view", lambda _: setattr(stage.world.database, "is_full", True))
    new = await stage.ended(page, await stage.run(page))
    await stage.until(lambda: page.session.store_error)
    assert page.session.has_loose_ends
    assert stage.world.database.task(new.prompt_id) != new
    stage.world.database.is_full = False
    await page.session.delete_task(old.prompt_id)
    assert page.session.store_error is None
    assert not page.session.has_loose_ends
    assert stage.world.database.task(new.prompt_id) == task_of(page, new.prompt_id)


@scene
async def test_unwritten_end_holds_window_until_written(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=20)
    await stage.until_running(page, prompt_id)
    stage.world.database.is_blocked = True
    home = stage.world.sims[task_of(page, prompt_id).server_id]
    await stage.until(lambda: prompt_id in home.history)
    await stage.until(lambda: page.session.store_error)
    assert window_of(page).window_locked_server == home.name
    stage.world.database.is_blocked = False
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert page.session.store_error is None


@scene
async def test_an_answer_that_cannot_be_written_is_not_forgotten(stage: Stage) -> None:
    """It comes only once: the prompt was rejected, and must not hold the window for ever."""
    page = await stage.window()
    stage.once_requested("POST", "/prompt", lambda _: setattr(stage.world.database, "fail_next", 3))
    prompt_id = await page.session.run(parse_workflow({"3": {"class_type": "SaveImage"}}))
    assert task_of(page, prompt_id).state is TaskState.FAILED
    assert stage.world.database.task(prompt_id) == task_of(page, prompt_id)


# A page that dies on the way


@scene
async def test_click_that_died_before_post_is_lost_after_two_polls(stage: Stage) -> None:
    page = await stage.window()
    tab = page.tab
    stage.once_stored(lambda: stage.world.database.tasks, lambda: stage.world.leave(page, crashed=True) and None)
    stage.begin(page)
    await stage.until(lambda: not page.life.is_alive)
    back = await stage.window(tab)
    (prompt_id,) = window_of(back).tasks
    assert (await stage.ended(back, prompt_id)).state is TaskState.LOST
    assert kinds(back, prompt_id) == ["unclear", "absent", "absent_again"]
    assert stage.requests("POST", "/prompt") == []
    assert (await stage.ended(back, await stage.run(back))).state is TaskState.SUCCEEDED


@scene
async def test_run_of_page_that_died_after_post_is_delivered(stage: Stage) -> None:
    page = await stage.window()
    tab = page.tab
    stage.once_requested("POST", "/prompt", lambda _: stage.world.leave(page, crashed=True) and None)
    stage.begin(page)
    await stage.until(lambda: not page.life.is_alive)
    back = await stage.window(tab)
    (prompt_id,) = window_of(back).tasks
    assert (await stage.ended(back, prompt_id)).state is TaskState.SUCCEEDED
    assert await back.session.read_result(prompt_id) is not None
    assert runs(stage) == {prompt_id: 1}


@scene
async def test_crash_with_reserved_place_keeps_the_press(stage: Stage) -> None:
    page = await stage.window()
    tab = page.tab
    stage.once_stored(lambda: stage.world.database.reservations, lambda: stage.world.leave(page, crashed=True) and None)
    stage.begin(page, prompt_id=PRESS)
    await stage.until(lambda: not page.life.is_alive)
    assert stage.world.database.reservations
    tab.storage.pop(PRESSES, None)
    back = await stage.window(tab)
    assert (await stage.ended(back, PRESS)).state is TaskState.SUCCEEDED
    assert stage.world.database.reservations == {}
    assert runs(stage) == {PRESS: 1}


@scene
async def test_our_own_bug_releases_the_place(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    page = await stage.window()

    def stumble(*_: object) -> None:
        raise LookupError("a mistake")

    monkeypatch.setattr("app.core.comfy.upload_request", stumble)
    with pytest.raises(LookupError):
        await stage.run(page, picture=PHOTO)
    assert window_of(page).mooring == Free()
    assert page.session.runs == ()
    assert not page.session.has_loose_ends
    monkeypatch.undo()
    assert (await stage.ended(page, await stage.run(page, picture=PHOTO))).state is TaskState.SUCCEEDED


# A click from before there was a session

PRESS = PromptId("aaaaaaaa-0000-4000-8000-000000000000")


@scene
async def test_one_press_in_two_windows_runs_once(stage: Stage) -> None:
    one, two = await stage.window(), await stage.window()
    assert await stage.run(one, prompt_id=PRESS) == PRESS
    assert await two.session.knows(PRESS)
    with pytest.raises(InvalidTransition):
        await stage.run(two, prompt_id=PRESS)
    assert (await stage.ended(one, PRESS)).state is TaskState.SUCCEEDED
    assert runs(stage) == {PRESS: 1}
    assert isinstance(window_of(two).mooring, Free), "its reservation is released"


@scene
async def test_page_that_dies_before_the_record_has_sent_nothing(stage: Stage) -> None:
    page = await stage.window()
    stage.begin_now(page)
    page = await stage.reload(page, crashed=True)
    assert not await page.session.knows(PRESS)
    assert await stage.run(page, prompt_id=PRESS) == PRESS
    page = await stage.reload(page, crashed=True)
    assert await page.session.knows(PRESS)
    assert (await stage.ended(page, PRESS)).state is TaskState.SUCCEEDED
    assert runs(stage)[PRESS] == 1


@scene
async def test_press_whose_task_is_past_is_known(stage: Stage) -> None:
    page = await stage.window()
    await stage.store().archive(await stage.ended(page, await stage.run(page, prompt_id=PRESS)))
    page.session._state.records.forget(PRESS)
    assert await page.session.knows(PRESS)
    assert not await page.session.knows(PromptId("never was"))


@scene
async def test_press_that_waits_for_its_turn_is_known(stage: Stage) -> None:
    page = await stage.window()
    for _ in range(2):
        stage.begin(page)
    await stage.until(lambda: len(window_of(page).tasks) == 2)
    stage.begin(page, prompt_id=PRESS)
    await stage.until(lambda: line_of(page).has(PRESS))
    assert await page.session.knows(PRESS)
