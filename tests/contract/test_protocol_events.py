"""Events: their order, their receivers, and the deafness of two sockets under one id."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.contract.peer import (
    Peer,
    ended,
    entry,
    history_of,
    invert,
    kinds,
    of_job,
    quick,
    save,
    submit,
)

FLAGS = {"supports_preview_metadata": True}


async def test_events_of_a_run_reach_its_client_in_order(peer: Peer) -> None:
    listener = await peer.connect("events-own")
    assert listener.received[0].data["sid"] == "events-own"
    assert "queue_remaining" in listener.received[0].data["status"]["exec_info"]
    workflow = {**quick(), "2": invert("1"), "9": save("2")}
    prompt_id = await submit(peer, workflow, client_id="events-own")
    received = of_job(await listener.until(ended(prompt_id)), prompt_id)
    node = ["progress_state", "executing", "progress_state"]
    assert kinds(received) == [
        "execution_start",
        "execution_cached",
        *node,
        *node,
        "progress_state",
        "executing",
        "executed",
        "progress_state",
        "execution_success",
        "executing",
    ]
    assert received[1].data["nodes"] == []
    assert received[2].data["nodes"] == {
        "1": {
            "value": 0.0,
            "max": 1.0,
            "state": "running",
            "node_id": "1",
            "prompt_id": prompt_id,
            "display_node_id": "1",
            "parent_node_id": None,
            "real_node_id": "1",
        }
    }
    assert received[3].data == {"node": "1", "display_node": "1", "prompt_id": prompt_id}
    assert list(received[-3].data["nodes"]) == ["1", "2", "9"]
    assert all(node["state"] == "finished" for node in received[-3].data["nodes"].values())
    found = await entry(peer, prompt_id)
    executed = next(event for event in received if event.kind == "executed")
    assert executed.data == {
        "node": "9",
        "display_node": "9",
        "output": found["outputs"]["9"],
        "prompt_id": prompt_id,
    }


@pytest.mark.parametrize("order", [["1", "4", "2", "9"], ["9", "2", "4", "1"]], ids="-".join)
async def test_output_runs_as_soon_as_possible(peer: Peer, order: list[str]) -> None:
    nodes = {
        **quick(),
        "2": invert("1"),
        "4": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
        "9": save("2"),
    }
    listener = await peer.connect("events-order")
    prompt_id = await submit(peer, {node_id: nodes[node_id] for node_id in order}, client_id="events-order")
    received = of_job(await listener.until(ended(prompt_id)), prompt_id)
    begun = [event.data["node"] for event in received if event.kind == "executing"]
    assert begun == ["1", "4", "2", "9", None]


async def test_history_is_written_before_the_end_is_sent(peer: Peer) -> None:
    listener = await peer.connect("events-end")
    for _ in range(10):
        prompt_id = await submit(peer, quick(), client_id="events-end")
        await listener.until(ended(prompt_id))
        assert await history_of(peer, prompt_id) is not None


async def test_events_of_a_job_reach_only_its_client(peer: Peer) -> None:
    other = await peer.connect("events-other")
    own = await peer.connect("events-mine")
    prompt_id = await submit(peer, quick(), client_id="events-mine")
    await own.until(ended(prompt_id))
    last = await submit(peer, quick(), client_id="events-other")
    received = await other.until(ended(last))
    assert of_job(received, prompt_id) == []
    assert sum(event.kind == "status" for event in received) >= 4


async def test_job_without_a_client_broadcasts_only_progress(peer: Peer) -> None:
    listener = await peer.connect("events-broadcast")
    prompt_id = await submit(peer, quick())
    last = await submit(peer, quick(), client_id="events-broadcast")
    received = of_job(await listener.until(ended(last)), prompt_id)
    assert set(kinds(received)) == {"progress_state"}
    assert len(received) == 4


async def test_socket_without_a_client_id_is_given_one(peer: Peer) -> None:
    listener = await peer.connect(None)
    sid = listener.received[0].data["sid"]
    assert uuid.UUID(hex=sid)
    prompt_id = await submit(peer, quick(), client_id=sid)
    await listener.until(ended(prompt_id))


async def test_feature_flags_are_answered_as_the_first_message_only(peer: Peer) -> None:
    first = await peer.connect("flags-first", FLAGS)
    answer = next(event.data for event in first.received if event.kind == "feature_flags")
    assert answer == (await peer.request("GET", "/features")).json()
    late = await peer.connect("flags-late")
    await late.say('{"type": "hello"}')
    await late.say(json.dumps({"type": "feature_flags", "data": FLAGS}))
    prompt_id = await submit(peer, quick(), client_id="flags-late")
    received = await late.until(ended(prompt_id))
    assert "feature_flags" not in kinds(received)


@pytest.mark.parametrize("noise", ["{broken", "[1, 2]", '"text"', "null", ""])
async def test_invalid_messages_of_a_client_are_ignored(peer: Peer, noise: str) -> None:
    listener = await peer.connect("noise")
    await listener.say(noise)
    prompt_id = await submit(peer, quick(), client_id="noise")
    await listener.until(ended(prompt_id))


async def test_previews_follow_the_feature_flags(peer: Peer) -> None:
    if not peer.previews:
        pytest.skip("a server without models has no node that sends previews")
    plain = await peer.connect("previews-plain")
    prompt_id = await submit(peer, peer.slow_workflow(2), client_id="previews-plain")
    received = await plain.until(ended(prompt_id))
    frames = [event for event in received if isinstance(event.kind, int)]
    assert [frame.kind for frame in frames] == [1, 1]
    assert frames[0].data[:8] == b"\x00\x00\x00\x01\xff\xd8\xff\xe0"
    order = kinds(received)
    assert order[order.index(1) - 2 : order.index(1)] == ["progress_state", "progress"]

    flagged = await peer.connect("previews-flagged", FLAGS)
    prompt_id = await submit(peer, peer.slow_workflow(2), client_id="previews-flagged")
    received = await flagged.until(ended(prompt_id))
    frames = [event for event in received if isinstance(event.kind, int)]
    assert [frame.kind for frame in frames] == [4, 4]
    length = int.from_bytes(frames[0].data[:4], "big")
    assert json.loads(frames[0].data[4 : 4 + length]) == {
        "node_id": "2",
        "prompt_id": prompt_id,
        "display_node_id": "2",
        "parent_node_id": None,
        "real_node_id": "2",
        "image_type": "image/jpeg",
    }
    assert frames[0].data[4 + length :][:3] == b"\xff\xd8\xff"
    order = kinds(received)
    assert (order[order.index(4) - 1], order[order.index(4) + 1]) == ("progress_state", "progress")


async def test_reconnected_client_receives_the_current_node(peer: Peer) -> None:
    first = await peer.connect("comes-back")
    prompt_id = await submit(peer, peer.slow_workflow(30), client_id="comes-back")
    await first.until(lambda received: any(event.kind == "executing" for event in received))
    await first.close()
    second = await peer.connect("comes-back")
    received = await second.until(ended(prompt_id))
    assert received[0].kind == "status" and received[0].data["sid"] == "comes-back"
    assert received[1].kind == "executing" and list(received[1].data) == ["node"]
    assert received[1].data["node"] in (await entry(peer, prompt_id))["prompt"][2]
    assert "execution_start" not in kinds(received)


async def test_socket_after_the_end_receives_only_a_status(peer: Peer) -> None:
    prompt_id = await submit(peer, quick(), client_id="too-late")
    await entry(peer, prompt_id)
    listener = await peer.connect("too-late")
    follow = await submit(peer, quick(), client_id="too-late")
    received = await listener.until(ended(follow))
    assert of_job(received, prompt_id) == []


async def test_only_the_newer_socket_of_an_id_receives_events(peer: Peer) -> None:
    older = await peer.connect("twice")
    newer = await peer.connect("twice")
    prompt_id = await submit(peer, quick(), client_id="twice")
    await newer.until(ended(prompt_id))
    assert [event.kind for event in older.received] == ["status"]


@pytest.mark.parametrize("closing", ["older", "newer"])
async def test_remaining_socket_of_two_is_deaf_for_ever(peer: Peer, closing: str) -> None:
    client_id = f"deaf-{closing}"
    older = await peer.connect(client_id)
    newer = await peer.connect(client_id)
    gone, survivor = (older, newer) if closing == "older" else (newer, older)
    await gone.close()
    witness = await peer.connect(f"witness-{closing}")
    before = len(survivor.received)
    prompt_id = await submit(peer, quick(), client_id=client_id)
    assert (await entry(peer, prompt_id))["status"]["status_str"] == "success"
    last = await submit(peer, quick(), client_id=f"witness-{closing}")
    await witness.until(ended(last))
    assert survivor.received[before:] == []


async def test_socket_opened_after_the_close_is_never_deaf(peer: Peer) -> None:
    for _ in range(5):
        listener = await peer.connect("again")
        prompt_id = await submit(peer, quick(), client_id="again")
        await listener.until(ended(prompt_id))
        await listener.close()
