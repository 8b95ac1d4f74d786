"""`--enable-cors-header`: the demo answers pages of other origins as the recorded server does with that flag."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.peer import WebPeer, web_peer
from tests.kit.services import start_demo
from tests.recordings import read

ORIGIN = "http://127.0.0.1:9000"
ASKED = (("GET", "/prompt", None), ("POST", "/queue", b'{"delete": []}'), ("OPTIONS", "/prompt", None))


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[WebPeer]:
    """A demo whose answers pages of one origin may read."""
    with start_demo("--enable-cors-header", ORIGIN, data=tmp_path) as service:
        async with web_peer("demo", service.url) as peer:
            yield peer


async def test_recorded_answers_to_other_origins(peer: WebPeer) -> None:
    for name, sent in (
        ("other port", {"Host": "127.0.0.1:8188", "Origin": ORIGIN}),
        ("remote https", {"Host": "127.0.0.1:8188", "Origin": "https://studio.example"}),
        ("no origin", {"Host": "127.0.0.1:8188"}),
    ):
        recorded = read("07_origin")[f"cors_specific / {name}"]
        for method, path, body in ASKED:
            answer = await peer.request(method, path, body=body, headers=sent)
            expected = recorded[method]
            assert answer.status == expected["status"], (name, method)
            allowed = {key.lower(): value for key, value in expected["headers"].items() if key.startswith("Access-")}
            assert allowed and allowed.items() <= dict(answer.headers).items(), (name, method)
        assert (await peer.handshake(sent))[0] == recorded["WS"]["status"]


async def test_refusal_can_be_read_by_other_origins(peer: WebPeer) -> None:
    answer = await peer.request("GET", "/view?filename=none.png", headers={"Origin": ORIGIN})
    assert (answer.status, answer.headers.get("access-control-allow-origin")) == (404, ORIGIN)
