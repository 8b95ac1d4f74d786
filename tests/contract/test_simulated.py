"""What only a simulated server has: a restart on command, and the same results for the same requests."""

from __future__ import annotations

import copy

from tests.contract.captures import plain_events
from tests.contract.peer import Event, Workflow, entry, new_id, post, queue, quick, running, save, submit
from tests.contract.simulated import SimPeer, simulated

FIXED: Workflow = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 16, "height": 16, "batch_size": 1, "color": 77}},
    "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    "9": save("1", "fixed"),
}


async def life(peer: SimPeer, workflow: Workflow) -> tuple[str, list[Event], bytes]:
    """Run one job, and return its id, the received events and the bytes of its file."""
    listener = await peer.connect("life", {"supports_preview_metadata": True})
    prompt_id = await submit(peer, copy.deepcopy(workflow), client_id="life")
    image = (await entry(peer, prompt_id))["outputs"]["9"]["images"][0]
    content = (await peer.request("GET", "/view", image)).body
    await listener.until(lambda received: received[-1].data == {"node": None, "prompt_id": prompt_id})
    received = plain_events(listener.received)
    return prompt_id, [Event(event.kind, {**event.data, "timestamp": 0}) for event in received], content


async def test_same_requests_have_the_same_results() -> None:
    async with simulated("one") as first, simulated("one") as second:
        assert await life(first, FIXED) == await life(second, FIXED)


async def test_another_server_makes_other_bytes_under_the_same_name() -> None:
    async with simulated("one") as first, simulated("two") as second:
        one, two = await life(first, FIXED), await life(second, FIXED)
    assert one[2] != two[2]
    assert one[0] != two[0]


async def test_restart_forgets_what_a_real_one_forgets() -> None:
    async with simulated() as peer:
        await life(peer, FIXED)
        shown = peer.server.files.copy()
        listener = await peer.connect("restart")
        kept = await submit(peer, quick())
        await entry(peer, kept)
        blocker = await submit(peer, peer.slow_workflow(100))
        await running(peer, blocker)
        waiting = await submit(peer, quick())
        peer.server.restart()
        assert listener.is_closed
        assert await queue(peer) == ([], [])
        for prompt_id in (kept, blocker, waiting):
            assert (await peer.request("GET", f"/history/{prompt_id}")).json() == {}
        assert {key[0] for key in shown} == {"output", "temp"}
        for kind, subfolder, filename in shown:
            query = {"filename": filename, "subfolder": subfolder, "type": kind}
            assert (await peer.request("GET", "/view", query)).status == (404 if kind == "temp" else 200)
        answer = await post(peer, "/prompt", {"prompt": quick(), "prompt_id": new_id()})
        assert answer.json()["number"] == 0
        await entry(peer, answer.json()["prompt_id"])
        assert blocker not in peer.server.finished, "what ran is gone without an end"


async def test_restart_during_a_run_sends_no_events_of_the_job() -> None:
    async with simulated() as peer:
        blocker = await submit(peer, peer.slow_workflow(20), client_id="mid")
        await running(peer, blocker)
        peer.server.restart()
        listener = await peer.connect("mid")
        prompt_id = await submit(peer, quick(), client_id="mid")
        await listener.until(lambda received: received[-1].data == {"node": None, "prompt_id": prompt_id})
        assert blocker not in str(listener.received)
        assert peer.server.ran == [blocker, prompt_id]
