"""Downloads of models from servers without the route, and from servers outside the fleet."""

from __future__ import annotations

import pytest

from app.core.errors import ConnectError, HttpStatusError
from app.core.model import ServerId
from tests.unit.session.stage import A, Stage, scene

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
