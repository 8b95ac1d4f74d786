"""Violations of a promise are listed as messages: between memory and store, and at the live socket."""

from __future__ import annotations

from tests.kit.stage import A, Stage, scene


@scene
async def test_task_missing_in_store_is_a_violation(stage: Stage) -> None:
    page = await stage.window()
    prompt_id = await stage.run(page, server_id=A)
    assert page.session.violations() == ()
    page.session._state.records._stored.clear()
    assert page.session.violations() == (f"store: {prompt_id} is not there",)
