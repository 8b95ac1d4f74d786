"""From a reserved place to a running prompt: guarded, durable, reported, and polled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.core.errors import InvalidTransition, NotOwner, ServerLockedError
from app.core.model import PromptId, Task, TaskState
from app.core.server_file import content_name
from app.core.workflow import parse_workflow
from app.session.submitting.submit import CONTACT_DEADLINE, SLEPT_OVER, WRITE_RETRY, RunOrder
from tests.kit.stage import PHOTO, A, B, Stage, scene, task_of, window_of
from tests.simulation.network import Mishap
from tests.simulation.store import Bytes, SimDatabase
from tests.simulation.transport import SimHttp
from tests.simulation.world import Page, a_workflow
from tests.unit.session.test_socket import open_slowly


@scene
async def test_place_on_another_server_takes_no_upload(stage: Stage) -> None:
    page = await stage.window()
    await stage.run(page, steps=900, server_id=A)
    submitter = page.own.submitter
    held = await submitter.places.reserve(PromptId("held"))
    elsewhere = replace(held, server_id=B, address=stage.world.network.address_of(B))
    with pytest.raises(ServerLockedError):
        await submitter.upload(elsewhere, Bytes(PHOTO, "image/png"), "photo.png")
    assert stage.requests("POST", "/upload") == []
    await submitter.places.release(held.prompt_id)


@scene
async def test_released_place_is_not_registered(stage: Stage) -> None:
    page = await stage.window()
    submitter = page.own.submitter
    held = await submitter.places.reserve(PromptId("held"))
    await submitter.places.release(held.prompt_id)
    workflow = a_workflow(2, 1, None)
    with pytest.raises(InvalidTransition):
        await submitter._register(RunOrder(held.prompt_id, workflow, "story", {}), held)
    assert stage.world.database.tasks == {}


@scene
async def test_while_a_prompt_is_sent_memory_and_store_agree(stage: Stage) -> None:
    page = await stage.window()
    seen: list[tuple[str, ...]] = []
    stage.once_requested("POST", "/prompt", lambda _: seen.append(page.session.violations()))
    await stage.run(page)
    assert seen == [()]


@scene
async def test_age_of_a_task_counts_from_its_post(stage: Stage) -> None:
    """A file that was made while its POST waited for the lane is not its own."""
    page = await stage.window()
    await stage.ended(page, await stage.run(page, server_id=A))
    state = page.session._state
    async with state.servers.control(A):
        running = asyncio.ensure_future(stage.run(page, steps=900, server_id=A))
        await stage.until(lambda: any(task.state is TaskState.REGISTERED for task in state.records.unfinished))
        ((waiting),) = state.records.unfinished
        await stage.sleep(5.0)
        assert state.live.age_of(waiting.prompt_id) is None
    age = state.live.age_of(await running)
    assert age is not None and age < 5.0


@scene
async def test_submitted_task_is_polled_immediately(stage: Stage) -> None:
    page = await stage.window()
    await stage.ended(page, await stage.run(page, server_id=A))
    await stage.run(page, steps=900, server_id=A)
    since = stage.now
    await stage.sleep(0.2)
    assert stage.requests("GET", "/queue", since) != []
    [task] = window_of(page).unfinished
    await page.session.cancel(task.prompt_id)


def let_answer_be_late(stage: Stage) -> None:
    """Only the answer to the next prompt takes longer than the deadlines of other requests."""
    weather = stage.world.weather
    weather.armed.append(Mishap("answer late", lambda exchange: exchange.route == ("POST", "prompt")))


@scene
async def test_pending_post_blocks_other_requests_to_its_server(stage: Stage) -> None:
    """It may be hung, and every further request would take one of the browser's few connections."""
    page = await stage.window()
    stage.world.network.refusing.add(stage.world.network.address_of(A) or "")  # no socket reports the prompt
    let_answer_be_late(stage)
    clicking = stage.begin(page, server_id=A, steps=2)
    await stage.until(lambda: stage.requests("POST", "/prompt"))
    since = stage.now
    page.session.wake("story")
    await clicking
    assert stage.now - since > 1.0
    assert [item for item in stage.requests("GET", "/", since) if item.at < stage.now] == []


@scene
async def test_event_of_prompt_ends_the_wait_for_its_answer(stage: Stage) -> None:
    page = await stage.window()
    let_answer_be_late(stage)
    clicking = stage.begin(page, server_id=A, steps=2)
    await stage.until(lambda: stage.requests("POST", "/prompt"))
    await stage.until(lambda: stage.requests("GET", "/history"))
    assert not clicking.done()
    await clicking


def requests_under_way() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if getattr(task.get_coro(), "cr_code", None) is SimHttp.send.__code__]


@scene
async def test_closed_page_cancels_its_post(stage: Stage) -> None:
    page = await stage.window()
    stage.world.network.refusing.add(stage.world.network.address_of(A) or "")  # no socket reports the prompt
    let_answer_be_late(stage)
    clicking = stage.begin(page, server_id=A)
    await stage.until(lambda: stage.requests("POST", "/prompt"))
    assert len(requests_under_way()) == 1
    clicking.cancel()
    await asyncio.wait({clicking})
    await stage.sleep(0.1)
    assert requests_under_way() == []


@scene
async def test_click_waits_only_briefly_for_a_hung_server(stage: Stage) -> None:
    """It may still accept the prompt."""
    page = await stage.window()
    open_slowly(stage, page, 60.0)
    stage.world.weather.armed.append(Mishap("answer late", lambda exchange: exchange.route == ("GET", "queue")))
    since = stage.now
    prompt_id = await stage.run(page, server_id=A)
    [posted] = stage.requests("POST", "/prompt")
    assert CONTACT_DEADLINE <= posted.at - since < 2 * CONTACT_DEADLINE
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


async def occupy(stage: Stage, page: Page) -> None:
    """Let another request have its turn with that server, for longer than the registration counts as proof."""
    async with page.session._state.servers.control(A):
        await stage.until(lambda: stage.world.database.tasks)
        await stage.sleep(2 * SLEPT_OVER)


def before_ownership_is_read(page: Page, act: Callable[[], None]) -> None:
    """Call this each time the store is asked for the owner of a prompt that is about to be sent."""
    store = page.session._state.ports.store
    read_task = store.read_task

    async def read(prompt_id: PromptId) -> Task | None:
        act()
        return await read_task(prompt_id)

    store.read_task = read  # type: ignore[method-assign]


def adopt_all(database: SimDatabase) -> None:
    """Let another window adopt all tasks."""
    for prompt_id, record in database.tasks.items():
        database.tasks[prompt_id] = {**record, "owner": "somebody-else", "epoch": 2, "is_ward": True}


@scene
async def test_post_waits_for_store_to_confirm_ownership(stage: Stage) -> None:
    page = await stage.window()
    database, asked = stage.world.database, list[float]()
    stage.once_stored(lambda: database.tasks, lambda: setattr(database, "is_blocked", True))
    before_ownership_is_read(page, lambda: asked.append(stage.now))
    waiting = asyncio.ensure_future(occupy(stage, page))
    clicking = stage.begin(page, server_id=A)
    await stage.until(lambda: database.is_blocked)
    await waiting
    await stage.sleep(5 * WRITE_RETRY)
    assert stage.requests("POST", "/prompt") == []
    assert 3 < len(asked) < 8
    database.is_blocked = False
    task = await stage.ended(page, await clicking)
    assert (task.state, len(stage.requests("POST", "/prompt"))) == (TaskState.SUCCEEDED, 1)


@scene
async def test_clock_set_back_proves_no_ownership(stage: Stage) -> None:
    page = await stage.window()
    asked = list[float]()
    before_ownership_is_read(page, lambda: asked.append(stage.now))
    stage.once_stored(lambda: stage.world.database.tasks, lambda: setattr(stage.world.browser, "clock_shift", -3600.0))
    waiting = asyncio.ensure_future(occupy(stage, page))
    await stage.run(page, server_id=A)
    await waiting
    assert len(asked) == 1


@scene
async def test_adopted_task_is_dropped_and_not_sent(stage: Stage) -> None:
    page = await stage.window()
    before_ownership_is_read(page, lambda: adopt_all(stage.world.database))
    waiting = asyncio.ensure_future(occupy(stage, page))
    with pytest.raises(NotOwner):
        await stage.run(page, server_id=A)
    await waiting
    assert stage.requests("POST", "/prompt") == []
    assert window_of(page).tasks == {}


@scene
async def test_adoption_before_answer_is_reported(stage: Stage) -> None:
    page = await stage.window()
    stage.world.network.refusing.add(stage.world.network.address_of(A) or "")  # only the answer reports the prompt
    stage.once_requested("POST", "/prompt", lambda _: adopt_all(stage.world.database))
    with pytest.raises(NotOwner):
        await stage.run(page, server_id=A)
    [posted] = stage.requests("POST", "/prompt")
    assert stage.now - posted.at < WRITE_RETRY


@scene
async def test_unwritable_refusal_is_retried_at_intervals(stage: Stage) -> None:
    page = await stage.window()
    database, state = stage.world.database, page.session._state
    stage.world.network.refusing.add(stage.world.network.address_of(A) or "")
    stage.once_requested("POST", "/prompt", lambda _: setattr(database, "is_blocked", True))
    nothing_to_make = parse_workflow(json.dumps({"1": {"class_type": "EmptyImage", "inputs": {}}}))
    clicking = asyncio.ensure_future(page.session.run(nothing_to_make, server_id=A))
    await stage.until(lambda: database.is_blocked)
    await stage.sleep(10 * WRITE_RETRY)
    failures = [entry for entry in state.journal_writer.journal.entries if entry.kind == "store_error"]
    assert 5 < len(failures) < 20
    database.is_blocked = False
    assert task_of(page, await clicking).state is TaskState.FAILED


@pytest.mark.parametrize(
    ("filename", "name"),
    [("a.PNG", "abc.png"), ("archive.tar.gz", "abc.gz"), ("none", "abc.bin"), ("odd.p/ng", "abc.bin"), ("", "abc.bin")],
)
def test_upload_is_named_by_content_with_plain_extension(filename: str, name: str) -> None:
    assert content_name("abc", filename) == name
