"""When a poll is due immediately, which tasks it reads, and how polling continues."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest

from app.core.errors import StorageError
from app.core.model import Contact, PromptId, ServerId, TaskState
from app.core.window import Window
from app.session.watching.watch import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    LONGEST_SILENCE,
    QUEUE_SETTLES,
    SOCKET_IS_FRESH,
    SOCKET_PAUSE,
)
from tests.kit.stage import PHOTO, A, B, Stage, bytes_of, scene, task_of, window_of
from tests.ports.tasks import changed
from tests.simulation.network import Mishap
from tests.simulation.server import OLD
from tests.simulation.world import Page

IMMEDIATELY = FIRST_PAUSE / 3


def looks(stage: Stage, server_id: ServerId, since: float) -> int:
    """How often its queue was read since then."""
    return sum(item.server_id == server_id for item in stage.requests("GET", "/queue", since))


async def long_watched(stage: Stage) -> tuple[Page, PromptId]:
    """A page without sockets whose pauses between polls have grown to the longest, just after a poll."""
    stage.world.network.refusing.update(stage.world.network.address_of(item) or "" for item in (A, B))
    page = await stage.window()
    prompt_id = await stage.run(page, steps=9000, server_id=A)
    await stage.sleep(60.0)
    since = stage.now
    await stage.until(lambda: looks(stage, A, since))
    await stage.sleep(IMMEDIATELY)
    return page, prompt_id


async def adopted(stage: Stage) -> tuple[Page, PromptId]:
    """A page that watches the work of a closed window: it has no socket, and tries none."""
    gone = await stage.window()
    prompt_id = await stage.run(gone, steps=9000, server_id=A)
    stage.world.leave(gone, crashed=True)
    heir = await stage.window()
    await stage.until(lambda: heir.session.orphans)
    await heir.session.adopt(prompt_id)
    return heir, prompt_id


async def lost(stage: Stage, page: Page, server_id: ServerId) -> PromptId:
    """A task that its server does not know for a while."""
    prompt_id = await stage.run(page, steps=2000, server_id=server_id)
    await stage.until_running(page, prompt_id)
    stage.world.sims[server_id].is_forgetful = True
    await stage.until(lambda: task_of(page, prompt_id).state is TaskState.LOST)
    stage.world.sims[server_id].is_forgetful = False
    return prompt_id


@scene
async def test_poll_soon_polls_immediately_and_often(stage: Stage) -> None:
    page, _ = await long_watched(stage)
    since = stage.now
    page.session._watch.poll_soon()
    await stage.sleep(IMMEDIATELY)
    assert looks(stage, A, since) == 1
    await stage.sleep(LONGEST_PAUSE / 2)
    assert looks(stage, A, since) > 1


@scene
async def test_returning_user_causes_immediate_poll(stage: Stage) -> None:
    """It has no socket whose next attempt would poll."""
    page, _ = await adopted(stage)
    await stage.sleep(60.0)
    since = stage.now
    await stage.until(lambda: looks(stage, A, since))
    await stage.sleep(IMMEDIATELY)
    since = stage.now
    page.session.wake("visible")
    await stage.sleep(IMMEDIATELY)
    assert looks(stage, A, since) == 1


@scene
async def test_doubt_causes_immediate_poll(stage: Stage) -> None:
    page, _ = await long_watched(stage)
    since = stage.now
    page.session._watch.doubt(A)
    await stage.sleep(IMMEDIATELY)
    assert looks(stage, A, since) == 1


async def say_remaining(stage: Stage, *counts: int) -> None:
    """Let A report these lengths of its queue, a tenth of a second apart."""
    for count in counts:
        status = {"status": {"exec_info": {"queue_remaining": count}}}
        stage.world.sims[A].post("status", status, None)
        await stage.sleep(0.1)


async def just_polled(stage: Stage) -> None:
    """Wait until A was polled as its socket makes it rare."""
    await stage.sleep(2.0)
    since = stage.now
    await stage.until(lambda: looks(stage, A, since))
    await stage.sleep(IMMEDIATELY)


@scene
async def test_queue_that_got_shorter_is_polled_once_it_settles(stage: Stage) -> None:
    page = await stage.window()
    for _ in range(2):
        await stage.run(page, steps=9000, server_id=A)
    await say_remaining(stage, 9)
    for _ in range(2):
        await just_polled(stage)
        since = stage.now
        await say_remaining(stage, 8, 7, 6)
        await stage.sleep(QUEUE_SETTLES - 0.4)
        assert looks(stage, A, since) == 0
        await stage.sleep(0.6)
        assert looks(stage, A, since) == 1, "once for several in a row"
        await say_remaining(stage, 6, 9, 9)
        await stage.sleep(2 * QUEUE_SETTLES)
        assert looks(stage, A, since) == 1, "it has not got shorter"


@scene
async def test_shorter_queue_is_not_polled_while_nothing_waits(stage: Stage) -> None:
    page = await stage.window()
    await stage.until_running(page, await stage.run(page, steps=9000, server_id=A))
    await just_polled(stage)
    since = stage.now
    await say_remaining(stage, 9, 8)
    await stage.sleep(2 * QUEUE_SETTLES)
    assert looks(stage, A, since) == 0


@scene
async def test_last_event_of_a_run_causes_immediate_poll(stage: Stage) -> None:
    """Older servers send it in place of an event that says how it ended."""
    page = await stage.window()
    prompt_id = await stage.run(page, steps=9000, server_id=A)
    await stage.until_running(page, prompt_id)
    await just_polled(stage)
    since = stage.now
    stage.world.sims[A].post("executing", {"prompt_id": prompt_id, "node": None}, None)
    await stage.sleep(IMMEDIATELY)
    assert looks(stage, A, since) == 1


@scene
async def test_changed_server_is_polled_immediately(stage: Stage) -> None:
    page, prompt_id = await long_watched(stage)
    since, task = stage.now, task_of(page, prompt_id)
    page.session._watch._revisit((task.server_id, task.address))
    await stage.sleep(IMMEDIATELY)
    assert looks(stage, A, since) == 1


@scene
async def test_lost_tasks_of_other_servers_are_not_polled(stage: Stage) -> None:
    stage.world.sims[B].install(OLD)  # without the jobs API, which would show the task
    page = await stage.window()
    first, second = await lost(stage, page, A), await lost(stage, page, B)
    since, task = stage.now, task_of(page, first)
    page.session._watch._revisit((task.server_id, task.address))
    await stage.until(lambda: task_of(page, first).state is TaskState.RUNNING)
    assert looks(stage, B, since) == 0
    assert task_of(page, second).state is TaskState.LOST
    assert [item for item in stage.asked if second in item.path and item.server_id == A] == []


@scene
async def test_lost_task_that_returns_is_polled_to_its_end(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await lost(stage, page, A)
    since, task = stage.now, task_of(page, prompt_id)
    page.session._watch._revisit((task.server_id, task.address))
    await stage.until(lambda: task_of(page, prompt_id).state is TaskState.RUNNING)
    await stage.sleep(IMMEDIATELY)
    assert looks(stage, A, since) == 2, "the one that finds it, and the next at once"
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_task_found_by_user_is_polled_to_its_end(stage: Stage) -> None:
    page = await stage.window()
    stage.world.network.refusing.add(stage.world.network.address_of(A) or "")
    prompt_id = await lost(stage, page, A)
    since = stage.now
    await page.session.look_again(prompt_id)
    assert task_of(page, prompt_id).state is TaskState.RUNNING
    await stage.sleep(IMMEDIATELY)
    assert looks(stage, A, since) == 2, "the one that was asked for, and the next at once"
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_outcome_of_cancel_is_polled_soon(stage: Stage) -> None:
    page, prompt_id = await adopted(stage)
    await stage.sleep(60.0)
    since = stage.now
    await stage.until(lambda: looks(stage, A, since))
    await page.session.cancel(prompt_id)
    await stage.sleep(LONGEST_PAUSE / 2)
    assert task_of(page, prompt_id).state is TaskState.CANCELLED


@scene
async def test_give_up_that_cannot_be_written_changes_nothing(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, prompt_id)
    stage.world.database.is_full = True
    with pytest.raises(StorageError):
        await page.session.give_up(prompt_id)
    assert not task_of(page, prompt_id).state.is_end
    assert window_of(page).window_locked_server == A
    stage.world.database.is_full = False
    await page.session.give_up(prompt_id)
    assert task_of(page, prompt_id).state is TaskState.GIVEN_UP
    assert window_of(page).window_locked_server is None


@scene
async def test_given_up_task_keeps_what_was_already_reported(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, prompt_id)
    stage.world.sims[A].files["output", "", "early.png"] = (PHOTO, stage.now)
    made = {"images": [{"filename": "early.png", "subfolder": "", "type": "output"}]}
    stage.world.sims[A].post("executed", {"prompt_id": prompt_id, "node": "3", "output": made}, None)
    await stage.until(lambda: task_of(page, prompt_id).delivery.outputs)
    await page.session.give_up(prompt_id)
    await stage.until(lambda: task_of(page, prompt_id).is_delivered)
    assert (task_of(page, prompt_id).state, await bytes_of(page, prompt_id)) == (TaskState.GIVEN_UP, PHOTO)


@scene
async def test_reporting_socket_makes_polls_rare_and_needs_no_verification(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=9000, server_id=A)
    await stage.until_running(page, prompt_id)
    await stage.sleep(2.0)
    page.session._watch.poll_soon()
    since = stage.now
    await stage.sleep(SOCKET_PAUSE * 0.7)
    assert looks(stage, A, since) == 1
    await stage.sleep(SOCKET_PAUSE * 5)
    assert 4 <= looks(stage, A, since) <= 8
    assert stage.requests("GET", "/system_stats", since) == []


@scene
async def test_server_is_verified_once_while_it_answers(stage: Stage) -> None:
    await adopted(stage)  # it has no socket whose end would cast doubt on the server
    since = stage.now
    await stage.until(lambda: stage.requests("GET", "/system_stats", since))
    verified = stage.now
    await stage.until(lambda: looks(stage, A, verified) == 3)
    assert len(stage.requests("GET", "/system_stats", since)) == 1


@scene
async def test_without_socket_polls_become_rarer_within_a_limit(stage: Stage) -> None:
    page, _ = await long_watched(stage)
    assert page.session.socket.state != "open"
    since = stage.now
    await stage.sleep(60.0)
    assert 8 < looks(stage, A, since) < 30


@scene
async def test_unknown_fleet_is_not_a_moved_server(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    tab = stage.world.leave(page, crashed=False)
    stage.world.network.is_down = True
    back = stage.world.open(tab)
    await stage.until(lambda: isinstance(back.session.window, Window))
    asked = asyncio.ensure_future(back.session.look_again(prompt_id))
    await stage.sleep(10.0)
    stage.world.network.is_down = False
    await asked
    assert (await stage.ended(back, prompt_id)).state is TaskState.SUCCEEDED
    assert [note for note in task_of(back, prompt_id).notes if note.kind == "moved"] == []


@scene
async def test_unverified_server_is_asked_until_it_answers(stage: Stage) -> None:
    page = await stage.window()
    weather = stage.world.weather
    weather.armed += [Mishap("answer lost", lambda exchange: exchange.route == ("GET", "system_stats"))] * 2
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until(lambda: len(stage.requests("GET", "/system_stats")) == 3)
    await stage.sleep(10.0)
    assert len(stage.requests("GET", "/system_stats")) == 3
    await page.session.cancel(prompt_id)


@scene
async def test_silent_server_is_polled_more_rarely(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, prompt_id)
    tried: list[float] = []
    stage.world.network.on_sent.append(
        lambda exchange: tried.append(stage.now) if exchange.route == ("GET", "queue") else None
    )
    stage.world.sims[A].is_down = True
    await stage.until(lambda: task_of(page, prompt_id).progress.contact is Contact.UNREACHABLE)
    assert task_of(page, prompt_id).progress.contact_detail == "connect-failed", "what the gateway says of it"
    await stage.sleep(300.0)
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert max(pauses) > 2.0 * LONGEST_PAUSE, "the longest at a server that answers"
    stage.world.sims[A].is_down = False
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_ward_of_moved_server_is_polled_more_rarely(stage: Stage) -> None:
    heir, prompt_id = await adopted(stage)
    stage.world.network.moved[A] = "http://elsewhere.test:8188"
    await stage.until(lambda: task_of(heir, prompt_id).progress.contact is Contact.MOVED)
    await stage.sleep(60.0)

    def thoughts() -> int:
        entries = heir.session.journal.journal.entries
        return sum(entry.times for entry in entries if entry.kind == "evidence")

    before, since = thoughts(), stage.now
    await stage.sleep(10 * LONGEST_SILENCE)
    assert 0 < thoughts() - before < 20
    assert stage.requests("GET", "/queue", since) == []


@scene
async def test_polls_are_rare_only_while_socket_is_enough(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=900, server_id=A)
    await stage.until_running(page, prompt_id)
    watch, state, task = page.session._watch, page.session._state, task_of(page, prompt_id)
    telling = replace(page.session.socket, server_id=A, state="open", last_event_at=stage.now)
    reporting = {}
    for name, socket in {
        "telling": telling,
        "another's": replace(telling, server_id=B),
        "opening": replace(telling, state="opening"),
        "never": replace(telling, last_event_at=None),
        "silent": replace(telling, last_event_at=stage.now - 2 * SOCKET_IS_FRESH),
    }.items():
        page.own.window.set_socket(socket)
        reporting[name] = watch._is_reporting(A)
    assert reporting == {"telling": True, "another's": False, "opening": False, "never": False, "silent": False}
    page.own.window.set_socket(telling)
    for change in ({"told_end": "success"}, {"state": TaskState.UNCLEAR}, {"absent_since": stage.now}):
        assert watch._needs_history(changed(task, **change)) is True
        state.records.set_window(window_of(page).settle(changed(task, **change)))
        assert watch._is_reporting(A) is False
    assert watch._needs_history(task) is False
    state.records.set_window(window_of(page).settle(task))
    await page.session.cancel(prompt_id)
