"""Promises 6 to 11: disconnects end nothing, results are delivered, work has one owner, cancel hits only its task."""

from __future__ import annotations

import asyncio

import pytest

from app.core.model import Contact, Delivery, ServerId, TaskState
from app.core.ports.http import Request, Response
from app.core.window import Free
from app.core.workflow import parse_workflow
from tests.kit.stage import PHOTO, A, B, Stage, bytes_of, scene, task_of, window_of
from tests.ports.tasks import changed
from tests.simulation.network import Exchange
from tests.simulation.server import Answer
from tests.unit.session.test_submit_steps import adopt_all

TWO_PICTURES = parse_workflow(
    {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "one"}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "two"}},
    }
)


# Disconnects and silence


@scene
async def test_every_socket_refused_still_ends_with_kept_results(stage: Stage) -> None:
    stage.world.weather.refuse_socket = 1.0
    page = await stage.window()
    prompt_id = await stage.run(page, steps=10, picture=PHOTO)
    task = await stage.ended(page, prompt_id)
    assert task.state is TaskState.SUCCEEDED
    assert [item.delivery for item in task.delivery.outputs] == [Delivery.KEPT]
    assert await bytes_of(page, prompt_id)
    assert page.sockets.opened == []


@scene
async def test_a_socket_that_drops_at_every_message_changes_nothing(stage: Stage) -> None:
    stage.world.weather.drop_socket = 1.0
    page = await stage.window()
    prompt_id = await stage.run(page, steps=40)
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED
    assert {item.server.name for item in page.sockets.opened} == {task_of(page, prompt_id).server_id}  # type: ignore[union-attr]


@scene
async def test_a_disconnect_never_ends_a_task(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=100)
    await stage.until_running(page, prompt_id)
    home = stage.world.sims[task_of(page, prompt_id).server_id]
    home.is_down = True
    for socket in tuple(home.all_sockets):
        home.drop(socket)
    await stage.until(lambda: task_of(page, prompt_id).progress.contact is Contact.UNREACHABLE)
    await asyncio.sleep(3600.0)
    assert task_of(page, prompt_id).state is TaskState.RUNNING
    home.is_down = False
    page.session.wake("online")
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_wake_polls_immediately(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=3)
    home = stage.world.sims[task_of(page, prompt_id).server_id]
    home.is_down = True
    await asyncio.sleep(600.0)
    home.is_down = False
    began = stage.now
    page.session.wake("visible")
    await stage.ended(page, prompt_id)
    assert stage.now - began < 0.5


@scene
async def test_task_forgotten_by_restarted_server_is_lost(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=100)
    await stage.until_running(page, prompt_id)
    stage.world.sims[task_of(page, prompt_id).server_id].restart()
    assert (await stage.ended(page, prompt_id)).state is TaskState.LOST


@scene
async def test_end_reported_by_socket_counts_when_server_forgot_it(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=3)
    home = stage.world.sims[task_of(page, prompt_id).server_id]
    stage.once_stored(lambda: stage.world.database.task(prompt_id).end.told_end, home.restart)  # type: ignore[union-attr]
    task = await stage.ended(page, prompt_id)
    assert task.state is TaskState.SUCCEEDED
    assert not task.end.is_proven
    assert [item.delivery for item in task.delivery.outputs] == [Delivery.KEPT]


@scene
async def test_progress_rises_and_is_gone_with_the_end(stage: Stage) -> None:
    page = await stage.window()
    seen: list[float] = []

    def note() -> None:
        seen.extend(item.fraction for item in page.session.progress.values())

    page.session.subscribe(note, note)
    prompt_id = await stage.run(page, steps=40)
    await stage.ended(page, prompt_id)
    assert seen == sorted(seen)
    assert len(set(seen)) > 10
    await asyncio.sleep(60.0)
    assert dict(page.session.progress) == {}


@scene
async def test_socket_closes_after_grace_and_follows_the_mooring(stage: Stage) -> None:
    page = await stage.window()
    await stage.ended(page, await stage.run(page, server_id=A))
    await stage.ended(page, await stage.run(page, server_id=B))
    await stage.until(lambda: page.session.socket.state == "closed")
    assert [item.server.name for item in page.sockets.opened] == [A, B]  # type: ignore[union-attr]
    assert not any(item.is_open for item in page.sockets.opened)


@scene
async def test_resetting_the_socket_stays_on_the_server(stage: Stage) -> None:
    page = await stage.window()
    await stage.run(page, steps=100, server_id=B)
    await stage.until(lambda: page.session.socket.state == "open")
    page.session.reset_socket()
    await stage.until(lambda: len(page.sockets.opened) == 2 and page.session.socket.state == "open")
    assert {item.server.name for item in page.sockets.opened} == {B}  # type: ignore[union-attr]
    assert window_of(page).window_locked_server == B


@scene
async def test_wake_during_click_reports_no_false_violation(stage: Stage) -> None:
    """Records read just before a task was registered are older than what this window knows."""
    page = await stage.window()
    found: list[str] = []

    async def wake_often() -> None:
        while True:
            page.session.wake("focus")
            await asyncio.sleep(0.003)
            found.extend(page.session.violations())

    waking = asyncio.ensure_future(wake_often())
    ids = [await stage.run(page) for _ in range(20)]
    for prompt_id in ids:
        await stage.ended(page, prompt_id)
    waking.cancel()
    assert found == []
    assert await page.session.verify() == ()


# One invalid answer does not affect other tasks


@scene
async def test_unreadable_history_does_not_delay_other_tasks(stage: Stage) -> None:
    page = await stage.window()
    bad, good = await stage.run(page, server_id=A), await stage.run(page, server_id=A)
    sim = stage.world.sims[A]
    whole = sim.request

    async def request(method: str, path: str, query: dict[str, str], body: bytes = b"") -> Answer:
        return Answer(500) if path == f"/history/{bad}" else await whole(method, path, query, body)

    sim.request = request  # type: ignore[method-assign]
    assert (await stage.ended(page, good)).state is TaskState.SUCCEEDED
    assert not task_of(page, bad).state.is_end
    await stage.until(lambda: not task_of(page, bad).progress.is_reachable)  # said so, though the queue answers
    sim.request = whole  # type: ignore[method-assign]
    assert (await stage.ended(page, bad)).state is TaskState.SUCCEEDED


@pytest.mark.parametrize("status", [400, 403, 404, 410, 500])
@scene
async def test_failed_delivery_does_not_delay_others(stage: Stage, status: int) -> None:
    page = await stage.window()
    for sim in stage.world.sims.values():
        whole = sim.files.view
        sim.files.view = (  # type: ignore[method-assign]
            lambda query, whole=whole: Answer(status) if query["filename"].startswith("one") else whole(query)  # type: ignore[misc]
        )
    prompt_id = await page.session.run(TWO_PICTURES)
    await stage.until(
        lambda: [item.delivery for item in task_of(page, prompt_id).delivery.outputs][-1:] == [Delivery.KEPT]
    )
    first = task_of(page, prompt_id).delivery.outputs[0].delivery
    assert first is (Delivery.PENDING if status == 500 else Delivery.GONE)
    assert await bytes_of(page, prompt_id, 0) is None
    assert await bytes_of(page, prompt_id, 1)


@scene
async def test_picture_is_fetched_once_despite_repeated_wakes(stage: Stage) -> None:
    page = await stage.window()

    def wake(_: ServerId) -> None:
        for reason in ("online", "visible", "pageshow"):
            page.session.wake(reason)
        page.session._courier.hurry()

    stage.once_requested("GET", "/view", wake)
    await stage.ended(page, await stage.run(page))
    await stage.sleep(10.0)
    assert len(stage.requests("GET", "/view")) == 1
    assert page.session._courier._busy == set(), "and nobody is at it any more"


@scene
async def test_wake_retries_failed_deliveries(stage: Stage) -> None:
    page = await stage.window()
    stage.once_requested("GET", "/view", lambda server_id: setattr(stage.world.sims[server_id], "is_down", True))
    prompt_id = await stage.run(page, server_id=A)
    await stage.until(lambda: task_of(page, prompt_id).state.is_end)
    await stage.sleep(600.0)
    assert not task_of(page, prompt_id).is_delivered
    stage.world.sims[A].is_down = False
    page.session.wake("online")
    await stage.sleep(2.0)
    assert task_of(page, prompt_id).is_delivered


# Results outlive the server


@pytest.mark.parametrize("by", ["look_again", "confirm_move"])
@scene
async def test_user_request_retries_failed_delivery(stage: Stage, by: str) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, server_id=A)

    def goes(_: ServerId) -> None:
        stage.world.weather.lose_after = 1.0
        if by == "confirm_move":
            stage.move_server(A, "http://elsewhere.test:8188")

    stage.once_requested("GET", "/view", goes)
    await stage.until(lambda: task_of(page, prompt_id).state.is_end)
    await stage.sleep(200.0)
    assert not task_of(page, prompt_id).is_delivered
    stage.world.weather.calm()
    since = stage.now
    await getattr(page.session, by)(prompt_id)
    await stage.until(lambda: task_of(page, prompt_id).is_delivered)
    assert stage.now - since < 1.0
    assert await bytes_of(page, prompt_id)


@scene
async def test_a_result_is_kept_and_outlives_its_server(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page)
    task = await stage.ended(page, prompt_id)
    home = stage.world.sims[task.server_id]
    (data,) = [content for key, (content, _) in home.files.items() if key[0] == "output"]
    home.files.clear()
    home.restart()
    back = await stage.reload(page)
    assert await bytes_of(back, prompt_id) == data
    assert task_of(back, prompt_id).delivery.outputs[0].size == len(data)
    assert task_of(back, prompt_id).delivery.outputs[0].media_type == "image/png"
    first = await back.session.read_result(prompt_id)  # where nothing else is asked for
    assert first is not None and await first.read() == data
    assert task_of(back, prompt_id).delivery.outputs[0].filename in back.session.get_task_bound_image_url(prompt_id)


@scene
async def test_reordered_outputs_mix_no_pictures(stage: Stage) -> None:
    """A picture is found by its index, and history may have another order than the socket reported."""
    page = await stage.window()

    def turn_round(_: ServerId) -> None:
        (task,) = window_of(page).tasks.values()
        turned = changed(task, outputs=task.delivery.outputs[::-1])
        page.session._state.records.set_window(window_of(page).settle(turned))

    stage.once_requested("GET", "/view", turn_round)
    task = await stage.ended(page, await page.session.run(TWO_PICTURES))
    assert [item.delivery for item in task.delivery.outputs] == [Delivery.KEPT] * 2
    made = {key[-1]: content for key, (content, _) in stage.world.sims[task.server_id].files.items()}
    for index, output in enumerate(task.delivery.outputs):
        assert await bytes_of(page, task.prompt_id, index) == made[output.filename]
    entries = page.session.journal.journal.entries
    assert [entry.facts["index"] for entry in entries if entry.kind == "delivered"] == [0, 1], "each is noted once"


@scene
async def test_task_adopted_during_its_delivery_leaves_the_window(stage: Stage) -> None:
    page = await stage.window()
    stage.once_requested("GET", "/view", lambda _: adopt_all(stage.world.database))
    prompt_id = await stage.run(page, server_id=A)
    await stage.until(lambda: stage.requests("GET", "/view"))
    await stage.sleep(1.0)
    assert prompt_id not in window_of(page).tasks
    assert stage.world.database.results == {}, "its new window keeps them"


@scene
async def test_missing_file_is_recorded_and_nothing_kept(stage: Stage) -> None:
    page = await stage.window()
    stage.once_requested("GET", "/view", lambda server_id: stage.world.sims[server_id].files.clear())
    prompt_id = await stage.run(page)
    task = await stage.ended(page, prompt_id)
    assert task.state is TaskState.SUCCEEDED
    assert [item.delivery for item in task.delivery.outputs] == [Delivery.GONE]
    assert stage.world.database.results == {}


@scene
async def test_answer_without_bytes_is_retried(stage: Stage) -> None:
    page = await stage.window()
    http = page.session._state.ports.http
    whole, asked = http.fetch, []

    async def fetch(request: Request) -> Response:
        asked.append(request)
        return Response(200) if len(asked) < 3 else await whole(request)

    http.fetch = fetch  # type: ignore[method-assign]
    prompt_id = await stage.run(page)
    await stage.ended(page, prompt_id)
    assert len(asked) == 3
    assert await bytes_of(page, prompt_id)


@scene
async def test_unknown_server_at_gateway_does_not_mean_file_gone(stage: Stage) -> None:
    page = await stage.window()
    network = stage.world.network

    def forget(exchange: Exchange) -> None:
        if exchange.route == ("GET", "view") and not network.removed:
            network.removed.add(A)

    network.on_sent.append(forget)
    prompt_id = await stage.run(page, server_id=A)
    await stage.until(lambda: network.removed)
    await stage.sleep(30.0)
    assert [item.delivery for item in task_of(page, prompt_id).delivery.outputs] == [Delivery.PENDING]
    network.on_sent.remove(forget)
    network.removed.clear()
    await stage.ended(page, prompt_id)
    assert await bytes_of(page, prompt_id)


@scene
async def test_overwritten_file_is_never_kept_as_result(stage: Stage) -> None:
    page = await stage.window()

    def overwrite(server_id: ServerId) -> None:
        files = stage.world.sims[server_id].files
        files.update(dict.fromkeys(files, (b"another picture", stage.now + 60.0)))

    stage.once_requested("GET", "/view", overwrite)
    prompt_id = await stage.run(page)
    task = await stage.ended(page, prompt_id)
    assert [item.delivery for item in task.delivery.outputs] == [Delivery.OVERWRITTEN]
    assert stage.world.database.results == {}
    assert await bytes_of(page, prompt_id) is None


@scene
async def test_result_that_does_not_fit_is_recorded(stage: Stage) -> None:
    page = await stage.window()

    def grow(server_id: ServerId) -> None:
        files = stage.world.sims[server_id].files
        files.update({key: (bytes(2_000_000), at) for key, (_, at) in files.items()})

    stage.once_requested("GET", "/view", grow)
    task = await stage.ended(page, await stage.run(page))
    assert [(item.delivery, item.size) for item in task.delivery.outputs] == [(Delivery.NOT_KEPT, 2_000_000)]


@scene
async def test_interrupted_delivery_continues_after_reload(stage: Stage) -> None:
    page = await stage.window()
    tab = page.tab
    stage.once_requested("GET", "/view", lambda _: stage.world.leave(page, crashed=True) and None)
    prompt_id = await stage.run(page)
    await stage.until(lambda: not page.life.is_alive)
    back = await stage.window(tab)
    assert window_of(back).mooring == Free(), "what has ended holds nothing"
    assert [item.delivery for item in (await stage.ended(back, prompt_id)).delivery.outputs] == [Delivery.KEPT]


@scene
async def test_the_same_name_on_two_servers_is_two_pictures(stage: Stage) -> None:
    pages = [await stage.window(), await stage.window()]
    ids = [
        await page.session.run(TWO_PICTURES, server_id=server_id) for page, server_id in zip(pages, (A, B), strict=True)
    ]
    tasks = [await stage.ended(page, prompt_id) for page, prompt_id in zip(pages, ids, strict=True)]
    assert tasks[0].delivery.outputs[0].filename == tasks[1].delivery.outputs[0].filename
    one, two = [await bytes_of(page, prompt_id) for page, prompt_id in zip(pages, ids, strict=True)]
    assert one != two
    assert await bytes_of(pages[0], ids[1]) == two, "whoever asks"
