"""Other routes: information, the /api prefix, and the guard against foreign origins."""

from __future__ import annotations

import uuid

import pytest

from tests.contract.peer import Peer, post

TWINS = ["/queue", "/prompt", "/system_stats", "/features", "/history", "/object_info/EmptyImage", "/models", "/users"]


@pytest.mark.parametrize("path", TWINS)
async def test_every_route_exists_twice(peer: Peer, path: str) -> None:
    for each in (path, f"/api{path}"):
        answer = await peer.request("GET", each)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json; charset=utf-8")


async def test_unknown_path_is_an_empty_404(peer: Peer) -> None:
    for method, path in (("GET", "/nope"), ("GET", "/api/nope"), ("GET", "/interrupt")):
        answer = await peer.request(method, path)
        assert (answer.status, answer.body) == (404, b"")


@pytest.mark.parametrize("path", ["/nope", "/system_stats"])
async def test_post_to_a_get_route_is_a_405(peer: Peer, path: str) -> None:
    answer = await peer.request("POST", path, body=b"{}")
    assert (answer.status, answer.body) == (405, b"405: Method Not Allowed")


async def test_unknown_class_is_an_empty_object(peer: Peer) -> None:
    answer = await peer.request("GET", "/object_info/Nope")
    assert (answer.status, answer.json()) == (200, {})


async def test_models_of_an_unknown_kind_are_a_404(peer: Peer) -> None:
    assert (await peer.request("GET", "/models/nope")).status == 404
    assert isinstance((await peer.request("GET", "/models/checkpoints")).json(), list)
    assert "checkpoints" in (await peer.request("GET", "/models")).json()
    assert (await peer.request("GET", "/embeddings")).json() == []


async def test_system_stats_are_complete(peer: Peer) -> None:
    stats = (await peer.request("GET", "/system_stats")).json()
    assert list(stats) == ["system", "devices"]
    assert set(stats["system"]) == peer.expected.system
    assert stats["system"]["comfyui_version"] == peer.version
    (device,) = stats["devices"]
    assert set(device) == {
        "name",
        "type",
        "index",
        "vram_total",
        "vram_free",
        "torch_vram_total",
        "torch_vram_free",
    }


async def test_missing_setting_is_null(peer: Peer) -> None:
    answer = await peer.request("GET", f"/settings/contract.{uuid.uuid4().hex}")
    assert (answer.status, answer.json()) == (200, None)


async def test_userdata_can_be_created_once(peer: Peer) -> None:
    name = f"/userdata/contract-{uuid.uuid4().hex}.json"
    assert (await peer.request("GET", name)).status == 404
    first = await peer.request("POST", name, {"overwrite": "false"}, b'{"id": 1}')
    assert (first.status, first.json()) == (200, name.removeprefix("/userdata/"))
    second = await peer.request("POST", name, {"overwrite": "false"}, b"{}")
    assert (second.status, second.body) == (409, b"File already exists")
    assert (await peer.request("GET", name)).json() == {"id": 1}
    assert (await peer.request("DELETE", name)).status == 204
    assert (await peer.request("GET", name)).status == 404
    missing = await peer.request("GET", "/userdata", {"dir": "not-there"})
    assert (missing.status, missing.body) == (404, b"Directory not found")


HOST = "127.0.0.1:8188"


@pytest.mark.parametrize(
    ("host", "origin", "passes"),
    [
        (HOST, None, True),
        (HOST, f"http://{HOST}", True),
        (HOST, "http://127.0.0.1:9000", False),
        (HOST, "http://localhost:8188", False),
        (HOST, "https://example.com", False),
        (HOST, "http://127.0.0.1", True),
        ("localhost:8188", "http://localhost", True),
        ("127.0.0.1", "http://127.0.0.1:9", True),
        ("[::1]:8188", "http://127.0.0.1:8188", False),
        (HOST, "null", True),
        ("192.0.2.7:8188", "https://example.com", True),
    ],
)
async def test_foreign_origin_is_refused_only_under_a_loopback_host(
    peer: Peer, host: str, origin: str | None, passes: bool
) -> None:
    headers = {"Host": host} if origin is None else {"Host": host, "Origin": origin}
    for method in ("GET", "OPTIONS"):
        answer = await peer.request(method, "/prompt", headers=headers)
        assert answer.status == (200 if passes else 403)
        if not passes:
            assert answer.body == b""
    answer = await peer.request("POST", "/queue", body=b'{"delete": []}', headers=headers)
    assert answer.status == (200 if passes else 403)


async def test_options_without_origin_is_an_empty_200(peer: Peer) -> None:
    answer = await peer.request("OPTIONS", "/prompt")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("path", ["/queue", "/history"])
@pytest.mark.parametrize(("body", "status"), [(b"[]", 200), (b"{}", 200), (b'{"delete": null}', 500), (b"", 500)])
async def test_malformed_deletes(peer: Peer, path: str, body: bytes, status: int) -> None:
    assert (await peer.request("POST", path, body=body)).status == status


async def test_empty_delete_does_nothing(peer: Peer) -> None:
    answer = await post(peer, "/queue", {"delete": []})
    assert (answer.status, answer.body) == (200, b"")
