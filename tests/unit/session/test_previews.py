"""Previews: each prompt asks its server for the user's choice."""

from __future__ import annotations

import json
from dataclasses import replace

from app.core.model import Fleet, ServerId
from app.core.previews import Previews
from app.session.console import ConsoleContract
from tests.simulation.world import a_workflow
from tests.unit.session.stage import A, B, Stage, scene
from tests.unit.session.test_crew import all_home, spread


def asked_methods(stage: Stage) -> list[tuple[ServerId, str]]:
    """Return each server that gets a prompt from now on, with the method that it asks for."""
    asked: list[tuple[ServerId, str]] = []

    def note(server_id: ServerId, method: str, path: str, body: bytes) -> None:
        if (method, path) == ("POST", "/prompt?"):
            asked.append((server_id, json.loads(body)["extra_data"]["preview_method"]))

    stage.world.network.on_request.append(note)
    return asked


@scene
async def test_choice_applies_to_clicks_scripts_and_waiting_runs(stage: Stage) -> None:
    asked = asked_methods(stage)
    page = await stage.window()
    await stage.ended(page, await stage.run(page))
    page.session.choose_previews(Previews.BEST)
    await stage.ended(page, await stage.run(page))
    await ConsoleContract(page.session, dict, page.crew).submit_workflow(a_workflow(3, 77, None).text)
    await spread(stage, page, 6, 2)
    await stage.until(all_home(page, 9))
    assert [method for _, method in asked] == ["auto", *["taesd"] * 8]
    assert len({server_id for server_id, _ in asked}) > 1, "its crew has sent some of them"


@scene
async def test_automatic_previews_respect_the_operators_method(stage: Stage) -> None:
    asked = asked_methods(stage)
    network = stage.world.network
    servers = tuple(
        replace(network._server(server_id), preview_method="taesd" if server_id == A else "") for server_id in (A, B)
    )
    network.fleet = lambda: Fleet(servers, "simulation")  # type: ignore[method-assign]
    for server_id in (A, B):
        page = await stage.window()
        await stage.ended(page, await stage.run(page, server_id=server_id))
    assert asked == [(A, "default"), (B, "auto")]
