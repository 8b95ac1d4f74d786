"""A lost gateway is reported as such, and not as silent servers; its return is noticed."""

from __future__ import annotations

from app.core.model import TaskState
from tests.kit.stage import A, B, Stage, scene
from tests.unit.session.test_waiting_runs import add, labels, paused, unfinished


@scene
async def test_lost_gateway_is_reported_until_it_returns(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, steps=400, server_id=A)
    await stage.until_running(page, prompt_id)
    assert page.session.fleet_error is None
    stage.world.network.is_down = True
    stage.world.network.restart_gateway()
    await stage.until(lambda: page.session.fleet_error is not None)
    assert page.session.fleet.get(A) is not None, "what was known of the fleet stays"
    stage.world.network.is_down = False
    await stage.until(lambda: page.session.fleet_error is None)
    assert (await stage.ended(page, prompt_id)).state is TaskState.SUCCEEDED


@scene
async def test_page_without_gateway_shows_kept_and_waiting_work(stage: Stage) -> None:
    page, gone = await stage.window(), await stage.window()
    await stage.ended(page, await stage.run(page, server_id=A))
    left = await stage.run(gone, steps=400, server_id=B)
    await add(stage, page, 4, steps=400)
    await stage.until(lambda: unfinished(page) == 2)
    await paused(stage, page)
    waiting = labels(page)
    assert len(waiting) == 2
    stage.world.network.is_down = True
    stage.world.leave(gone, crashed=True)
    page = stage.world.reload(page)
    await stage.until(lambda: page.session.line.line is not None)
    assert labels(page) == waiting
    await stage.until(lambda: page.session.results.usage is not None and page.session.results.usage.count == 1)
    await stage.until(lambda: [item.task.prompt_id for item in page.session.orphans] == [left])
    assert page.session.fleet.servers == ()
    assert not page.session._state.servers.has_fleet.is_set()


@scene
async def test_first_fleet_ends_the_pause_before_the_socket_is_tried(stage: Stage) -> None:
    page = await stage.window()
    await stage.run(page, steps=9000, server_id=A)
    tab = stage.world.leave(page, crashed=False)
    stage.world.network.is_down = True
    back = stage.world.open(tab)
    await stage.sleep(120.0)
    stage.world.network.is_down = False
    await stage.until(lambda: back.session.fleet.servers)
    since = stage.now
    await stage.until(lambda: back.session.socket.state == "open")
    assert stage.now - since < 1.0
