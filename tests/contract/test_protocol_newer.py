"""What newer versions have and older ones lack: the jobs API, replaced classes, previews on request, assets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.peer import Peer, ended, entry, kinds, new_id, post, queue, quick, running, submit

NOT_FOUND = {"error": "Job not found"}


async def status_of(peer: Peer, prompt_id: str) -> str | None:
    """Return a job's status by the jobs API, or None if it does not have the job."""
    answer = await peer.request("GET", f"/api/jobs/{prompt_id}")
    if answer.status == 404:
        assert answer.json() == NOT_FOUND
        return None
    return str(answer.json()["status"])


def needs_jobs(peer: Peer) -> None:
    """Skip the test for a server without the jobs API."""
    if not peer.expected.has_jobs:
        pytest.skip("this version has no jobs API")


async def test_older_versions_have_no_jobs_api(peer: Peer) -> None:
    routes = (("GET", "/api/jobs"), ("GET", f"/api/jobs/{new_id()}"), ("POST", f"/api/jobs/{new_id()}/cancel"))
    found = [(await peer.request(method, path)).status for method, path in routes]
    assert found == ([200, 404, 200] if peer.expected.has_jobs else [404, 404, 405])


async def test_jobs_api_reports_a_job_from_pending_to_its_end(peer: Peer) -> None:
    needs_jobs(peer)
    first = await submit(peer, peer.slow_workflow(100))
    await running(peer, first)
    second = await submit(peer, quick())
    assert (await status_of(peer, first), await status_of(peer, second)) == ("in_progress", "pending")
    assert await status_of(peer, "nobody") is None
    listed = (await peer.request("GET", "/api/jobs")).json()["jobs"]
    assert [job["id"] for job in listed if job["id"] in (first, second)] == [second, first], "the newest first"
    active = (await peer.request("GET", "/api/jobs", {"status": "pending,in_progress"})).json()["jobs"]
    assert {first, second} <= {job["id"] for job in active}
    assert (await post(peer, f"/api/jobs/{first}/cancel", {})).json() == {"cancelled": True}
    await entry(peer, first)
    await entry(peer, second)
    assert (await status_of(peer, first), await status_of(peer, second)) == ("cancelled", "completed")


async def test_cancelled_waiting_job_leaves_no_trace(peer: Peer) -> None:
    needs_jobs(peer)
    first = await submit(peer, peer.slow_workflow(100))
    await running(peer, first)
    second = await submit(peer, quick())
    assert (await post(peer, f"/api/jobs/{second}/cancel", {})).json() == {"cancelled": True}
    assert (await post(peer, f"/api/jobs/{second}/cancel", {})).json() == {"cancelled": False}
    assert await status_of(peer, second) is None
    now, waiting = await queue(peer)
    assert first in now and second not in waiting
    await post(peer, f"/api/jobs/{first}/cancel", {})
    await entry(peer, first)


async def test_several_jobs_are_cancelled_by_their_ids(peer: Peer) -> None:
    needs_jobs(peer)
    first = await submit(peer, peer.slow_workflow(100))
    await running(peer, first)
    second = await submit(peer, quick())
    refused = await post(peer, "/api/jobs/cancel", {"job_ids": [second, "mine"]})
    assert (refused.status, refused.json()["invalid_ids"]) == (400, ["mine"])
    assert (await post(peer, "/api/jobs/cancel", {"job_ids": [second, first]})).json() == {"cancelled": True}
    await entry(peer, first)
    assert (await post(peer, "/api/jobs/cancel", {"job_ids": [second, first]})).json() == {"cancelled": False}


async def test_ended_job_carries_all_of_its_extra_data(peer: Peer) -> None:
    needs_jobs(peer)
    workflow = quick()
    prompt_id = await submit(peer, workflow, extra_data={"mine": {"a": 1}}, client_id="jobs")
    found = await entry(peer, prompt_id)
    job = (await peer.request("GET", f"/api/jobs/{prompt_id}")).json()
    assert (job["outputs"], job["execution_status"]) == (found["outputs"], found["status"])
    assert job["workflow"] == {"prompt": workflow, "extra_data": found["prompt"][3]}


async def test_jobs_api_has_no_route_without_prefix_but_a_twin(peer: Peer) -> None:
    assert (await peer.request("GET", "/jobs")).status == 404
    assert (await peer.request("GET", "/api/api/jobs")).status == (200 if peer.expected.has_jobs else 404)


@pytest.mark.parametrize("path", ["/api/assets", "/api/tags"])
async def test_assets_are_missing_or_disabled(peer: Peer, path: str) -> None:
    assert (await peer.request("GET", path)).status == (503 if peer.expected.has_assets else 404)
    features = (await peer.request("GET", "/features")).json()
    assert features.get("assets") is (False if peer.expected.has_assets else None)


# Replaced classes


def replaced(*, has_meta: bool = True) -> dict[str, Any]:
    """Return a prompt whose second and third node have replaced classes."""
    prompt: dict[str, Any] = {
        "1": quick()["1"],
        "2": {"class_type": "OldInvert", "inputs": {"picture": ["1", 0]}},
        "3": {"class_type": "OldSave", "inputs": {"images": ["2", 0], "prefix": "old"}},
    }
    return {key: {**node, "_meta": {"title": key}} for key, node in prompt.items()} if has_meta else prompt


async def needs_replacements(peer: Peer) -> None:
    """Skip the test for a server without these replacements."""
    answer = await peer.request("GET", "/node_replacements")
    if answer.status != 200 or not {"OldInvert", "OldSave"} <= set(answer.json()):
        pytest.skip("this server does not replace the recorded test classes")


async def test_replaced_classes_are_announced(peer: Peer) -> None:
    features = (await peer.request("GET", "/features")).json()
    assert features.get("node_replacements", False) is peer.expected.replaces_nodes
    assert (await peer.request("GET", "/node_replacements")).status == (200 if peer.expected.replaces_nodes else 404)


async def test_replaced_classes_run_as_their_replacements(peer: Peer) -> None:
    await needs_replacements(peer)
    found = await entry(peer, await submit(peer, replaced()))
    assert [node["class_type"] for node in found["prompt"][2].values()] == ["EmptyImage", "ImageInvert", "SaveImage"]
    assert found["outputs"]["3"]["images"][0]["filename"].startswith("old_")


async def test_replaced_class_without_meta_is_a_server_error(peer: Peer) -> None:
    await needs_replacements(peer)
    answer = await post(peer, "/prompt", {"prompt": replaced(has_meta=False), "client_id": "c"})
    assert answer.status == 500


# Previews


@pytest.mark.parametrize("method", ["auto", "latent2rgb", "taesd", "none", "default", "bogus", None])
async def test_sampler_sends_previews_only_with_a_method(peer: Peer, method: str | None) -> None:
    workflow = peer.sampler_workflow(2)
    if not (await peer.request("GET", f"/object_info/{workflow['2']['class_type']}")).json():
        pytest.skip("this server has no sampler that needs no model")
    if not peer.expected.previews_on_request and not peer.previews:
        pytest.skip("it depends on how this server was started")
    listener = await peer.connect("previews", {"supports_preview_metadata": True})
    extra = {} if method is None else {"preview_method": method}
    prompt_id = await submit(peer, workflow, client_id="previews", extra_data=extra)
    received = kinds(await listener.until(ended(prompt_id)))
    is_shown = not peer.expected.previews_on_request or method in ("auto", "latent2rgb", "taesd")
    assert (received.count(4), received.count("progress")) == (2 if is_shown else 0, 2)
    await listener.close()


async def test_node_with_its_own_pictures_sends_them_always(peer: Peer) -> None:
    if not peer.previews:
        pytest.skip("a server without models has no node that sends pictures")
    listener = await peer.connect("pictures", {"supports_preview_metadata": True})
    prompt_id = await submit(peer, peer.slow_workflow(2), client_id="pictures", extra_data={"preview_method": "none"})
    assert kinds(await listener.until(ended(prompt_id))).count(4) == 2
    await listener.close()
