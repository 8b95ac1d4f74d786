"""Options of a demo server: stamped pictures, assets, or a dead worker."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from PIL import Image

from tests.contract.peer import WebPeer, entry, history_of, post, queue, quick, submit, until, web_peer
from tests.contract.test_captures_http import parsed
from tests.contract.test_files import BLUE, RED
from tests.kit.services import Service, start_demo
from tests.recordings import read
from wire.versions import NEWEST


@pytest.fixture(scope="module")
def extras_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    flags = ("--speaks", NEWEST, "--step-seconds", "0.02", "--enable-assets", "--stamp", "harbour")
    with start_demo(*flags, data=tmp_path_factory.mktemp("extras")) as service:
        yield service


@pytest.fixture
async def peer(extras_demo: Service) -> AsyncIterator[WebPeer]:
    async with web_peer("demo", extras_demo.url) as peer:
        yield peer
        await post(peer, "/demo/faults", {"reset": True})


async def test_every_picture_has_the_stamp(peer: WebPeer) -> None:
    found = await entry(peer, await submit(peer, quick()))
    query = found["outputs"]["9"]["images"][0]
    answer = await peer.request("GET", "/view", query={key: query[key] for key in ("filename", "subfolder", "type")})
    with Image.open(io.BytesIO(answer.body)) as picture:
        assert picture.info["server"] == "harbour"


async def test_dead_worker_accepts_prompts_and_never_runs_them(peer: WebPeer) -> None:
    assert (await post(peer, "/demo/faults", {"dead_worker": True})).status == 200
    prompt_id = await submit(peer, quick())
    for _ in range(20):
        assert await queue(peer) == ([], [prompt_id])
    await post(peer, "/demo/faults", {"dead_worker": False})
    await until(peer, lambda: history_of(peer, prompt_id))


async def test_recorded_uploads_and_results_are_assets(peer: WebPeer) -> None:
    rows = read("20_assets_enabled", NEWEST)
    pictures = [RED, RED, BLUE, RED]
    for row in rows:
        if row.get("url") == "/upload/image":
            answer = await peer.upload(row["request"]["file"], pictures.pop(0), **row["request"]["form"])
            assert named(answer.json()) == named(row["body"])
        elif row.get("url") in ("/features", "/view?filename=cap.png&type=input"):
            answer = await peer.request("GET", *parsed(row["url"]))
            assert (answer.status, set(answer.headers)) == (
                row["status"],
                {header.lower() for header in row["headers"]},
            )
    assert (await peer.request("GET", "/features")).json()["assets"] is True
    assert pictures == []
    [recorded] = next(row for row in rows if "url" not in row).values()
    found = await entry(peer, await submit(peer, quick()))
    assert set(found["outputs"]["9"]["images"][0]) == set(recorded["outputs"]["9"]["images"][0])


def named(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer to an upload with placeholders for what depends on the bytes."""
    asset = answer["asset"]
    assert uuid.UUID(asset["id"]) and re.fullmatch("blake3:[0-9a-f]{64}", asset["asset_hash"])
    return {**answer, "asset": {**asset, "id": "<id>", "asset_hash": "<hash>", "size": "<size>"}}
