"""Downloads of models from servers without the route, and from servers outside the fleet."""

from __future__ import annotations

import pytest

from app.core.errors import ConnectError, HttpStatusError
from app.core.model import ServerId
from app.core.ports.http import Request, Response
from tests.kit.stage import A, Stage, scene
from tests.unit.session.test_capability import open_window
from wire.downloads import DownloadStatus, DownloadTask

SOURCE = "https://huggingface.co/a.safetensors"


@scene
async def test_server_without_the_route_cannot_download(stage: Stage) -> None:
    page = await stage.window()
    with pytest.raises(HttpStatusError) as caught:
        await page.session.model_downloads.start(A, SOURCE, "vae")
    assert caught.value.status in {404, 405}
    with pytest.raises(HttpStatusError):
        await page.session.model_downloads.cancel(A, "t1")
    assert len(stage.requests("POST", "/api/assets/download")) == 1


@scene
async def test_server_outside_the_fleet_gets_no_request(stage: Stage) -> None:
    page = await stage.window()
    with pytest.raises(ConnectError):
        await page.session.model_downloads.poll(ServerId("gone"), "t1")
    assert stage.requests("GET", "/api/tasks") == []


@scene
async def test_progress_of_a_download_is_read_and_its_model_listed(stage: Stage) -> None:
    page, catalogues = await open_window(stage, {A: {}})
    asked: list[str] = []

    async def answer(request: Request) -> Response:
        asked.append(request.path)
        return Response(200, text='{"task_id": "t1", "status": "running", "bytes_downloaded": 5, "bytes_total": 9}')

    http = page.session._state.ports.http
    send, http.send = http.send, answer  # type: ignore[method-assign]
    found = await page.session.model_downloads.poll(A, "t1")
    http.send = send  # type: ignore[method-assign]
    assert found == DownloadTask("t1", DownloadStatus.RUNNING, 5, 9)
    assert [path.rpartition("/api/")[2] for path in asked] == ["tasks/t1"]
    await page.session.model_downloads.refresh(A)
    assert catalogues.refreshed == [A]
