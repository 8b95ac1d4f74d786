"""The progress of a click is shown at each step, and the socket is open before the prompt is sent."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from app.core.ports.http import Request, Response
from app.core.ports.sockets import Connection
from app.session import RunStage
from app.session.facts import Picked, Run
from tests.kit.stage import PHOTO, A, B, Stage, scene
from tests.simulation.store import Bytes, SimStore
from tests.simulation.world import a_workflow


@scene
async def test_click_shows_each_stage_and_its_server(stage: Stage) -> None:
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
async def test_a_click_of_a_moored_window_shows_its_stages_too(stage: Stage) -> None:
    page = await stage.window()
    await stage.until_running(page, await stage.run(page, steps=900, server_id=A))
    seen: list[tuple[RunStage, object]] = []
    page.session.subscribe(lambda: seen.extend((run.stage, run.server_id) for run in page.session.runs))
    await stage.run(page)
    assert list(dict.fromkeys(seen)) == [
        (RunStage.RESERVING, None),
        (RunStage.CONNECTING, A),
        (RunStage.REGISTERING, A),
        (RunStage.SUBMITTING, A),
    ]


@scene
async def test_moored_run_waits_for_two_writes_before_its_submit(stage: Stage) -> None:
    """For its press, and for its record. Each turn of the loop beside these costs a browser some milliseconds."""
    page = await stage.window()
    await stage.until_running(page, await stage.run(page, steps=900, server_id=A))
    store, asked, transact = page.session._state.ports.store, list[tuple[str, list[RunStage]]](), SimStore._transact

    async def note(self: SimStore, operation: str, *how: Any, **more: Any) -> Any:
        asked.append((operation, [run.stage for run in page.session.runs]))
        return await transact(self, operation, *how, **more)

    store._transact = types.MethodType(note, store)  # type: ignore[attr-defined]
    prompt_id = await page.session.run(a_workflow(3, 1, None))
    written = [("write_line", [RunStage.RESERVING]), ("reserve_and_register", [RunStage.REGISTERING])]
    assert [item for item in asked if item[1] and item[0] != "read_learned"][:2] == written
    assert (await stage.ended(page, prompt_id)).server_id == A


@scene
async def test_a_file_is_sent_once_the_socket_is_there(stage: Stage) -> None:
    page = await stage.window()
    through, seen = page.sockets.open, list[str]()

    async def open_late(path: str, deadline: float) -> Connection:
        await stage.sleep(1.0)
        return await through(path, deadline)

    page.sockets.open = open_late  # type: ignore[method-assign]
    stage.once_requested("POST", "/upload", lambda _: seen.append(page.session.socket.state))
    await stage.run(page, picture=PHOTO)
    assert seen == ["open"]


@scene
async def test_arrived_files_count_whatever_the_browser_reports(stage: Stage) -> None:
    page = await stage.window()
    http, shown = page.session._state.ports.http, list[tuple[float, int]]()
    upload = http.upload

    async def upload_untold(request: Request, _on_progress: Callable[[float], None]) -> Response:
        return await upload(request, lambda _part: None)

    http.upload = upload_untold  # type: ignore[method-assign]
    page.session.subscribe(lambda: shown.extend((run.fraction, run.sent) for run in page.session.runs if run.size))
    files = {("1", name): Picked(Bytes(PHOTO, "image/png"), f"{name}.png") for name in ("image", "other")}
    await page.session.run(a_workflow(3, 1, PHOTO), title="story", inputs=files)
    assert list(dict.fromkeys(shown)) == [(0.0, 0), (0.5, len(PHOTO)), (1.0, 2 * len(PHOTO))]


@scene
async def test_script_upload_does_not_affect_progress_of_click(stage: Stage) -> None:
    page = await stage.window()
    state, submitter = page.session._state, page.own.submitter
    place = await submitter.places.reserve(state.ports.random.uuid4())
    state.live.set_run(Run(prompt_id=place.prompt_id, title="story", started_at=stage.now))
    await submitter.upload(place, Bytes(PHOTO, "image/png"), "photo.png")
    assert [(run.fraction, run.sent) for run in page.session.runs] == [(0.0, 0)]
    await submitter.places.release(place.prompt_id)


@scene
async def test_the_socket_is_open_before_the_prompt_is_sent(stage: Stage) -> None:
    page = await stage.window()
    seen: list[str] = []
    stage.once_requested("POST", "/prompt", lambda _: seen.append(page.session.socket.state))
    await stage.run(page)
    assert seen == ["open"]


@scene
async def test_socket_following_its_window_has_no_retry_pause(stage: Stage) -> None:
    page = await stage.window()
    waits = list[float]()
    for server_id in (A, B, A, B, A):
        since = stage.now
        prompt_id = await stage.run(page, server_id=server_id)
        [posted] = stage.requests("POST", "/prompt", since)
        waits.append(posted.at - since)
        await stage.ended(page, prompt_id)
    assert max(waits) < 0.4
