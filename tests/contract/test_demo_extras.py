"""Options of a demo server: newer (the jobs API), stamped pictures, or a dead worker."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from PIL import Image

from tests.contract.peer import WebPeer, entry, history_of, post, queue, quick, running, submit, until, web_peer
from tests.services import Service, start_demo
from wire.versions import NEWEST


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    flags = ("--step-seconds", "0.02", "--speaks", NEWEST, "--stamp", "harbour")
    with start_demo(*flags, data=tmp_path_factory.mktemp("extras")) as service:
        yield service


@pytest.fixture
async def peer(service: Service) -> AsyncIterator[WebPeer]:
    async with web_peer("demo", service.url) as peer:
        yield peer
        await post(peer, "/demo/faults", {"reset": True})


async def status_of(peer: WebPeer, prompt_id: str) -> str | None:
    """Return a job's status by the jobs API, or None if it does not have the job."""
    answer = await peer.request("GET", f"/api/jobs/{prompt_id}")
    if answer.status == 404:
        assert answer.json() == {"error": "Job not found"}
        return None
    return str(answer.json()["status"])


async def test_jobs_api_reports_a_job_from_pending_to_its_end(peer: WebPeer) -> None:
    first = await submit(peer, peer.slow_workflow(400))
    await running(peer, first)
    second = await submit(peer, quick())
    assert (await status_of(peer, first), await status_of(peer, second)) == ("in_progress", "pending")
    assert await status_of(peer, "nobody") is None
    listed = (await peer.request("GET", "/api/jobs")).json()["jobs"]
    assert [job["id"] for job in listed[:2]] == [second, first], "the newest first"
    assert (await post(peer, f"/api/jobs/{first}/cancel", {})).json() == {"cancelled": True}
    await entry(peer, first)
    await entry(peer, second)
    assert (await status_of(peer, first), await status_of(peer, second)) == ("cancelled", "completed")


async def test_cancelled_waiting_job_leaves_no_trace(peer: WebPeer) -> None:
    first = await submit(peer, peer.slow_workflow(400))
    await running(peer, first)
    second = await submit(peer, quick())
    assert (await post(peer, f"/api/jobs/{second}/cancel", {})).json() == {"cancelled": True}
    assert (await post(peer, f"/api/jobs/{second}/cancel", {})).json() == {"cancelled": False}
    assert await status_of(peer, second) is None
    assert await queue(peer) == ([first], [])
    await post(peer, f"/api/jobs/{first}/cancel", {})
    await entry(peer, first)


async def test_jobs_api_has_no_route_without_prefix(peer: WebPeer) -> None:
    assert (await peer.request("GET", "/jobs")).status == 404
    assert (await peer.request("GET", "/api/api/jobs")).status == 404


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


def replaced(*, has_meta: bool = True) -> dict[str, Any]:
    """Return a prompt whose second and third node have replaced classes."""
    prompt: dict[str, Any] = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 5476506}},
        "2": {"class_type": "OldInvert", "inputs": {"picture": ["1", 0]}},
        "3": {"class_type": "OldSave", "inputs": {"images": ["2", 0], "prefix": "old"}},
    }
    return {key: {**node, "_meta": {"title": key}} for key, node in prompt.items()} if has_meta else prompt


async def test_replaced_classes_run_as_their_replacements(peer: WebPeer) -> None:
    assert (await peer.request("GET", "/features")).json()["node_replacements"] is True
    assert set((await peer.request("GET", "/node_replacements")).json()) == {"OldInvert", "OldSave"}
    found = await entry(peer, await submit(peer, replaced()))
    assert [node["class_type"] for node in found["prompt"][2].values()] == ["EmptyImage", "ImageInvert", "SaveImage"]
    assert found["outputs"]["3"]["images"][0]["filename"].startswith("old_")


async def test_replaced_class_without_meta_is_a_server_error(peer: WebPeer) -> None:
    body = {"prompt": replaced(has_meta=False), "client_id": "c"}
    assert (await post(peer, "/prompt", body)).status == 500
