"""How far a click has come is shown at each step, and the socket is there before the prompt is sent."""

from __future__ import annotations

from app.session import RunStage
from tests.unit.session.stage import PHOTO, A, B, Stage, scene


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


@scene
async def test_a_socket_that_moves_with_its_window_does_not_wait_like_one_that_failed(stage: Stage) -> None:
    page = await stage.window()
    waits = list[float]()
    for server_id in (A, B, A, B, A):
        since = stage.now
        prompt_id = await stage.run(page, server_id=server_id)
        [posted] = stage.requests("POST", "/prompt", since)
        waits.append(posted.at - since)
        await stage.ended(page, prompt_id)
    assert max(waits) < 0.4
