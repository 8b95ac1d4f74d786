"""How far a click has come is shown at each step, and the socket is there before the prompt is sent."""

from __future__ import annotations

from app.session import RunStage
from tests.unit.session.stage import PHOTO, A, Stage, scene


@scene
async def test_a_click_shows_each_of_its_stages_and_its_server_as_soon_as_it_is_chosen(stage: Stage) -> None:
    page = await stage.window()
    seen: list[tuple[RunStage, object]] = []
    page.session.subscribe(lambda: seen.extend((run.stage, run.server_id) for run in page.session.runs))
    await stage.run(page, picture=PHOTO, server_id=A)
    assert list(dict.fromkeys(seen)) == [
        (RunStage.RESERVING, None),
        (RunStage.CONNECTING, A),
        (RunStage.UPLOADING, A),
        (RunStage.REGISTERING, A),
        (RunStage.SUBMITTING, A),
    ]
    assert page.session.runs == ()


@scene
async def test_the_socket_is_open_before_the_prompt_is_sent(stage: Stage) -> None:
    page = await stage.window()
    seen: list[str] = []
    stage.once_requested("POST", "/prompt", lambda _: seen.append(page.session.socket.state))
    await stage.run(page)
    assert seen == ["open"]
