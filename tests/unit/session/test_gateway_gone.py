"""A gateway that is gone is told as such, and not as servers that do not answer; its return is noticed."""

from __future__ import annotations

from app.core.model import TaskState
from tests.unit.session.stage import A, Stage, scene


@scene
async def test_a_gateway_that_has_gone_is_told_until_it_is_back(stage: Stage) -> None:
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
