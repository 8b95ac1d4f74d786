"""Promises 1 to 4: one window, one server; a task's server for ever; refuse, never fall back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from app.core.errors import (
    AffinityError,
    ServerLockedError,
    ServerMoved,
    StillRestoring,
)
from app.core.model import Contact, PromptId, ServerId, TaskState
from app.core.records import encode
from app.core.window import Free
from app.session import RunStage
from tests.kit.stage import PHOTO, A, B, C, Stage, line_of, scene, task_of, window_of
from tests.simulation.store import Bytes
from tests.simulation.world import Page, a_workflow


@scene
async def test_two_windows_choosing_simultaneously_take_two_servers(stage: Stage) -> None:
    pages = [await stage.window() for _ in range(3)]
    ids = await asyncio.gather(*(stage.run(page, steps=40) for page in pages))
    assert {task_of(page, prompt_id).server_id for page, prompt_id in zip(pages, ids, strict=True)} == {A, B, C}


@scene
async def test_moored_window_reuses_its_server_although_others_are_idle(stage: Stage) -> None:
    page = await stage.window()
    first = await stage.run(page, steps=60)
    rest = [await stage.run_now(page, steps=2) for _ in range(3)]
    home = task_of(page, first).server_id
    assert {task_of(page, item).server_id for item in rest} == {home}
    assert window_of(page).window_locked_server == home
    assert task_of(page, rest[0]).choice.reason == "moored"  # type: ignore[union-attr]


@scene
async def test_two_simultaneous_clicks_take_one_server(stage: Stage) -> None:
    page = await stage.window()
    ids = await asyncio.gather(*(stage.run(page, steps=10) for _ in range(4)))
    await stage.send_all(page)
    assert len({task_of(page, item).server_id for item in ids}) == 1


@scene
async def test_only_the_end_of_the_last_work_frees_the_window(stage: Stage) -> None:
    page = await stage.window()
    first, second = await stage.run(page, steps=2), await stage.run(page, steps=40)
    await stage.ended(page, first)
    assert window_of(page).window_locked_server == task_of(page, second).server_id
    await stage.ended(page, second)
    assert window_of(page).mooring == Free()
    assert page.session.violations() == ()


@scene
async def test_no_clock_frees_a_window(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=60)
    home = task_of(page, prompt_id).server_id
    stage.world.sims[home].awake.clear()
    await asyncio.sleep(6 * 3600.0)
    assert window_of(page).window_locked_server == home
    assert task_of(page, prompt_id).progress.contact is Contact.UNREACHABLE
    stage.world.sims[home].awake.set()
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_work_for_another_server_is_refused_with_everything_that_matters(stage: Stage) -> None:
    page = await stage.window()
    await stage.run(page, steps=40, server_id=A)
    with pytest.raises(ServerLockedError) as caught:
        await stage.run(page, server_id=B)
    refusal_facts = caught.value.facts()
    assert (refusal_facts["asked"], refusal_facts["locked"], refusal_facts["holders"]) == (B, A, 1)
    assert [item.server_id for item in stage.requests("POST", "/prompt")] == [A]
    (failed,) = page.session.runs
    assert (failed.stage, failed.error) == (RunStage.FAILED, caught.value)
    await page.session.dismiss_run(failed.prompt_id)
    assert page.session.runs == ()


@scene
async def test_a_server_that_is_down_is_never_replaced_by_another(stage: Stage) -> None:
    page = await stage.window()
    stage.world.sims[B].is_down = True
    prompt_id = await stage.run(page, server_id=B)
    await stage.sleep(30.0)
    assert line_of(page).has(prompt_id), "it waits for that server"
    assert stage.requests("POST", "/prompt") == []
    assert window_of(page).mooring == Free()
    stage.world.sims[B].is_down = False
    await stage.until(lambda: prompt_id in window_of(page).tasks)
    assert (await stage.ended(page, prompt_id)).server_id == B


@scene
async def test_a_window_that_has_not_read_its_records_reserves_nothing(stage: Stage) -> None:
    page = stage.world.open()
    await asyncio.sleep(0)
    with pytest.raises(StillRestoring):
        await page.session.run(a_workflow(2, 1, None))
    assert stage.world.database.reservations == {}


@scene
async def test_all_requests_of_a_task_go_to_its_own_server(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, server_id=A)
    await stage.ended(page, prompt_id)
    await stage.run(page, steps=60, server_id=B)
    assert window_of(page).window_locked_server == B
    since = stage.now
    assert page.session.get_task_bound_image_url(prompt_id).startswith("/servers/gpu-1/view?")
    assert prompt_id in await page.session.get_task_history(prompt_id)
    await page.session.cancel(prompt_id)
    assert {item.server_id for item in stage.asked if item.at >= since and prompt_id in item.path} == {A}


# A server that moved


@scene
async def test_moved_server_makes_task_unreachable_and_gets_no_requests(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=400, server_id=A)
    stage.world.network.moved[A] = "http://elsewhere.test:8188"
    await stage.until(lambda: task_of(page, prompt_id).progress.contact is Contact.MOVED)
    since = stage.now
    await asyncio.sleep(600.0)
    assert [item for item in stage.asked if item.at > since and item.server_id == A] == []
    assert task_of(page, prompt_id).shown_state == "unreachable_moved"
    assert window_of(page).window_locked_server == A
    with pytest.raises(ServerMoved):
        await page.session.cancel(prompt_id)
    with pytest.raises(ServerMoved):
        page.session.get_task_bound_image_url(prompt_id)
    with pytest.raises(ServerMoved):
        await stage.run(page)
    assert len(stage.requests("POST", "/prompt")) == 1
    del stage.world.network.moved[A]
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_task_of_removed_server_is_not_lost(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=40, server_id=C)
    stage.tell_fleet(A, B)
    await stage.until(lambda: task_of(page, prompt_id).progress.contact is Contact.MOVED)
    await asyncio.sleep(600.0)
    assert not task_of(page, prompt_id).state.is_end
    stage.tell_fleet(A, B, C)
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_results_are_not_fetched_from_moved_server(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=2, server_id=A)

    def moves(_: ServerId) -> None:
        stage.world.weather.lose_after = 1.0
        stage.world.network.moved[A] = "http://elsewhere:1"

    stage.once_requested("GET", "/view", moves)
    await stage.until(lambda: page.session.fleet.servers[0].address == "http://elsewhere:1")
    stage.world.weather.calm()
    since = stage.now
    await asyncio.sleep(120.0)
    assert stage.requests("GET", "/view", since) == []
    assert not task_of(page, prompt_id).is_delivered
    del stage.world.network.moved[A]
    assert (await stage.ended(page, prompt_id)).is_delivered


# Giving up, and what comes back


@scene
async def test_giving_up_frees_window_despite_hung_server(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=400, server_id=A)
    await stage.until_running(page, prompt_id)
    stage.world.sims[A].awake.clear()
    began = stage.now
    await page.session.give_up(prompt_id)
    assert window_of(page).mooring == Free()
    assert stage.now - began < 0.1
    other = await stage.run(page, server_id=B)
    assert (await stage.ended(page, other)).state is TaskState.SUCCEEDED
    assert task_of(page, prompt_id).state is TaskState.GIVEN_UP


@scene
async def test_giving_up_frees_the_window_while_its_post_hangs(stage: Stage) -> None:
    page = await stage.window()
    stage.world.sims[A].awake.clear()
    click = stage.begin(page, server_id=A)
    await stage.until(lambda: window_of(page).tasks)
    (prompt_id,) = window_of(page).tasks
    await page.session.give_up(prompt_id)
    assert window_of(page).mooring == Free()
    assert await stage.ended(page, await stage.run(page, server_id=B))
    assert await click == prompt_id
    assert task_of(page, prompt_id).state is TaskState.GIVEN_UP


@scene
async def test_task_given_up_before_its_turn_is_never_sent(stage: Stage) -> None:
    page = await stage.window()
    stage.world.sims[A].awake.clear()
    first = stage.begin(page, server_id=A)
    await stage.until(lambda: any(item.stage is RunStage.SUBMITTING for item in page.session.runs))
    (sent,) = window_of(page).tasks
    await asyncio.sleep(1.0)
    second = stage.begin(page, server_id=A)
    await stage.until(lambda: len(window_of(page).tasks) == 2)
    (waiting,) = set(window_of(page).tasks) - {sent}
    await page.session.give_up(waiting)
    stage.world.sims[A].awake.set()
    assert (await first, await second) == (sent, waiting)
    assert (await stage.ended(page, sent)).state is TaskState.SUCCEEDED
    assert task_of(page, waiting).state is TaskState.GIVEN_UP
    assert stage.world.sims[A].ran == [sent]
    assert len(stage.requests("POST", "/prompt")) == 1


async def lose_on(stage: Stage, server_id: ServerId) -> tuple[Page, PromptId]:
    """A window whose first task was found nowhere on that server, although it runs there, hidden for a while."""
    page = await stage.window()
    prompt_id = await stage.run(page, steps=400, server_id=server_id)
    await stage.until_running(page, prompt_id)
    sim = stage.world.sims[server_id]
    hidden, sim.running = sim.running, None
    stage.world.weather.refuse_socket = 1.0
    for socket in tuple(sim.all_sockets):
        sim.drop(socket)
    await stage.until(lambda: task_of(page, prompt_id).state is TaskState.LOST)
    sim.running = hidden
    return page, prompt_id


@pytest.mark.parametrize("elsewhere", [A, B])
@scene
async def test_lost_task_that_returns_never_moors_window(stage: Stage, elsewhere: ServerId) -> None:
    page, prompt_id = await lose_on(stage, A)
    assert window_of(page).mooring == Free()
    await stage.run(page, steps=100, server_id=elsewhere)
    await page.session.look_again(prompt_id)
    found = task_of(page, prompt_id)
    assert (found.state, found.is_ward) == (TaskState.RUNNING, True)
    assert stage.world.database.task(found.prompt_id) == found, "the store says the same"
    assert window_of(page).window_locked_server == elsewhere
    back = await stage.reload(page)
    assert window_of(back).quarantined == ()
    assert window_of(back).window_locked_server == elsewhere
    assert (await stage.ended(back, found.prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_overturned_end_is_shown_once_durable(stage: Stage) -> None:
    page, prompt_id = await lose_on(stage, A)
    await stage.until(lambda: prompt_id in stage.world.sims[A].finished)
    stage.world.database.fail_next = 1
    await page.session.look_again(prompt_id)
    assert task_of(page, prompt_id).state is TaskState.LOST, "as the store still says"
    await page.session.look_again(prompt_id)
    assert task_of(page, prompt_id).state is TaskState.SUCCEEDED
    assert (await stage.ended(await stage.reload(page), prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_a_message_from_another_server_is_no_evidence(stage: Stage) -> None:
    """The same id on another server is another prompt."""
    page, prompt_id = await lose_on(stage, A)
    stage.world.weather.calm()
    await stage.run(page, steps=100, server_id=B)
    await stage.until(lambda: page.session.socket.state == "open")
    heard = page.session.socket.last_event_at
    for kind in ("execution_start", "execution_success"):
        stage.world.sims[B].post(kind, {"prompt_id": prompt_id}, window_of(page).client_id)
    await stage.until(lambda: page.session.socket.last_event_at != heard)
    await asyncio.sleep(1.0)
    assert task_of(page, prompt_id).state is TaskState.LOST
    assert task_of(page, prompt_id).end.told_end == ""


@scene
async def test_records_that_disagree_trap_no_window(stage: Stage) -> None:
    page = await stage.window()
    first, second = await stage.run(page, steps=40, server_id=A), await stage.run(page, steps=40, server_id=A)
    tab = stage.world.leave(page, crashed=False)
    wrong = replace(stage.world.database.task(second), server_id=B, address="http://gpu-2.test:8188")  # type: ignore[type-var]
    stage.world.database.tasks[second] = encode(wrong)
    stage.world.bindings[second] = (B, wrong.address)
    page = await stage.window(tab)
    assert [item.prompt_id for item in window_of(page).quarantined] == [second]
    assert window_of(page).window_locked_server == A
    assert len(page.session.violations()) == 1
    with pytest.raises(ServerLockedError):
        await stage.run(page)
    await page.session.give_up(second)
    assert page.session.violations() == ()
    assert (await stage.ended(page, first)).state is TaskState.SUCCEEDED
    assert (await stage.ended(page, await stage.run(page, server_id=C))).state is TaskState.SUCCEEDED
    assert stage.world.database.task(second).state is TaskState.GIVEN_UP  # type: ignore[union-attr]
    assert all("promise 1" in line for line in stage.world.broken), "but for what was planted nothing is wrong"
    stage.world.broken.clear()


# Uploads of the scripting interface


@scene
async def test_an_upload_holds_the_mooring_until_it_is_released(stage: Stage) -> None:
    page = await stage.window()
    uploaded = await page.session.upload_image(Bytes(b"picture"), "a.png")
    await asyncio.sleep(3600.0)
    assert window_of(page).window_locked_server == uploaded.server_id
    assert page.session.get_api_base_url() == f"/servers/{uploaded.server_id}"
    await page.session.release_uploads()
    assert window_of(page).mooring == Free()
    assert page.session.get_api_base_url() is None
    assert stage.world.database.reservations == {}


@scene
async def test_a_submit_goes_to_the_uploads_server(stage: Stage) -> None:
    page = await stage.window()
    uploaded = await page.session.upload_image(Bytes(PHOTO), "a.png")
    others = [await stage.window() for _ in range(3)]
    for other in others:  # the upload's server is the fullest by now
        await stage.run(other, steps=40, server_id=uploaded.server_id)
    workflow = a_workflow(2, 1, b"x").with_value("1", "image", uploaded.input_value)
    prompt_id = await page.session.submit_workflow(workflow)
    assert task_of(page, prompt_id).server_id == uploaded.server_id
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert window_of(page).mooring == Free()


@scene
async def test_simultaneous_uploads_hold_one_place(stage: Stage) -> None:
    page = await stage.window()
    sent = await asyncio.gather(*(page.session.upload_image(Bytes(bytes([n])), f"{n}.png") for n in range(3)))
    assert len({item.server_id for item in sent}) == 1
    assert len(window_of(page).reservations) == 1
    await page.session.release_uploads()
    assert window_of(page).mooring == Free()


@scene
async def test_a_failed_upload_gives_its_place_back_with_a_run(stage: Stage) -> None:
    page = await stage.window()
    stage.once_stored(
        lambda: stage.world.database.reservations,
        lambda: [setattr(sim, "is_down", True) for sim in stage.world.sims.values()] and None,
    )
    prompt_id = await stage.run(page, picture=b"picture")
    assert line_of(page).has(prompt_id) and page.session.runs == ()
    assert window_of(page).mooring == Free()
    assert stage.world.database.reservations == {}


@scene
async def test_the_guard_lets_through_only_the_moored_server(stage: Stage) -> None:
    page = await stage.window()
    page.session.validate_server_consistency("anything", B)
    await stage.run(page, steps=40, server_id=A)
    page.session.validate_server_consistency("anything", A)
    with pytest.raises(AffinityError):
        page.session.validate_server_consistency("anything", B)
