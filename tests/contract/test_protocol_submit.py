"""Submitting: ids, numbers, answers, and repetitions."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.contract.peer import (
    Peer,
    entry,
    history_of,
    new_id,
    post,
    queue,
    quick,
    running,
    submit,
    until,
    without_added,
)


async def test_submit_keeps_the_clients_prompt_id(peer: Peer) -> None:
    prompt_id = new_id()
    answer = await post(peer, "/prompt", {"prompt": quick(), "prompt_id": prompt_id, "client_id": new_id()})
    body = answer.json()
    assert answer.status == 200
    assert list(body) == ["prompt_id", "number", "node_errors"]
    assert (body["prompt_id"], body["node_errors"]) == (prompt_id, {})
    assert isinstance(body["number"], int)
    assert (await entry(peer, prompt_id))["status"]["status_str"] == "success"


async def test_submit_without_an_id_gets_one(peer: Peer) -> None:
    assert uuid.UUID(await submit(peer, quick()))


@pytest.mark.parametrize("prompt_id", [1234567, "mine", "F72528BC-3929-45A7-9931-0E1F425E6331"])
async def test_id_may_have_to_be_a_lower_case_uuid(peer: Peer, prompt_id: object) -> None:
    answer = await post(peer, "/prompt", {"prompt": quick(), "prompt_id": prompt_id})
    if peer.expected.requires_uuids:
        assert answer.status == 400
        assert answer.json()["error"]["type"] == "invalid_prompt_id"
    else:
        assert answer.json()["prompt_id"] == str(prompt_id)


async def test_null_as_id_gets_a_new_one_or_its_name(peer: Peer) -> None:
    given = await submit(peer, quick(), prompt_id=None)
    assert uuid.UUID(given) if peer.expected.requires_uuids else given == "None"


async def test_numbers_count_up_and_front_negates_them(peer: Peer) -> None:
    first = (await post(peer, "/prompt", {"prompt": quick()})).json()["number"]
    front = (await post(peer, "/prompt", {"prompt": quick(), "front": True})).json()["number"]
    own = (await post(peer, "/prompt", {"prompt": quick(), "number": -5, "front": True})).json()["number"]
    assert first >= 0
    assert front < 0 and -front > first
    assert own == -5 and isinstance(own, float)


async def test_content_type_of_a_submit_is_ignored(peer: Peer) -> None:
    body = json.dumps({"prompt": quick()}).encode()
    answer = await peer.request("POST", "/prompt", body=body, headers={"Content-Type": "text/plain"})
    assert answer.status == 200


async def test_extra_data_is_returned_with_the_client_id(peer: Peer) -> None:
    extra = {"extra_pnginfo": {"workflow": {"id": "w"}}, "mine": {"a": 1}, "client_id": "ignored"}
    prompt_id = await submit(peer, quick(), extra_data=extra, client_id="real-client")
    found = (await entry(peer, prompt_id))["prompt"][3]
    assert without_added(peer, found) == {**extra, "client_id": "real-client"}


async def test_secrets_of_partner_nodes_are_never_in_the_history(peer: Peer) -> None:
    blocker = await submit(peer, peer.slow_workflow(20))
    secrets = {"api_key_comfy_org": "key-of-a-user", "auth_token_comfy_org": "token-of-a-user"}
    prompt_id = await submit(peer, quick(), extra_data={**secrets, "mine": 1})
    listed = (await peer.request("GET", "/queue")).json()
    shown = next(item for item in listed["queue_pending"] if item[1] == prompt_id)[3]
    assert (secrets.items() <= shown.items()) is peer.expected.shows_secrets
    assert ("of-a-user" in json.dumps(listed)) is peer.expected.shows_secrets
    await post(peer, "/interrupt", {"prompt_id": blocker})
    assert "of-a-user" not in json.dumps(await entry(peer, prompt_id))


async def test_history_entry_is_complete(peer: Peer) -> None:
    workflow = quick("contract_shape")
    prompt_id = await submit(peer, workflow, client_id="shape")
    found = await entry(peer, prompt_id)
    assert list(found) == ["prompt", "outputs", "status", "meta"]
    _, *about, extra_data, outputs = found["prompt"]
    assert [*about, outputs] == [prompt_id, workflow, ["9"]]
    assert without_added(peer, extra_data) == {"client_id": "shape"}
    (image,) = found["outputs"]["9"]["images"]
    assert list(image) == ["filename", "subfolder", "type"]
    assert (image["subfolder"], image["type"]) == ("", "output")
    assert found["meta"] == {"9": {"node_id": "9", "display_node": "9", "parent_node": None, "real_node_id": "9"}}
    status = found["status"]
    assert (status["status_str"], status["completed"]) == ("success", True)
    assert [message[0] for message in status["messages"]] == [
        "execution_start",
        "execution_cached",
        "execution_success",
    ]
    assert all(message[1]["timestamp"] > 1_600_000_000_000 for message in status["messages"])


async def test_duplicate_id_runs_twice_and_history_keeps_one(peer: Peer) -> None:
    blocker = await submit(peer, peer.slow_workflow(20))
    prompt_id = new_id()
    await submit(peer, quick(), prompt_id=prompt_id)
    last = quick()
    await submit(peer, last, prompt_id=prompt_id)
    assert (await queue(peer))[1].count(prompt_id) == 2
    await post(peer, "/interrupt", {"prompt_id": blocker})

    async def both_done() -> bool:
        now, waiting = await queue(peer)
        return prompt_id not in now + waiting

    await until(peer, both_done)
    assert (await entry(peer, prompt_id))["prompt"][2] == last


async def test_one_delete_removes_one_of_two_equal_ids(peer: Peer) -> None:
    blocker = await submit(peer, peer.slow_workflow(20))
    prompt_id = new_id()
    for _ in range(2):
        await submit(peer, quick(), prompt_id=prompt_id)
    await post(peer, "/queue", {"delete": [prompt_id]})
    assert (await queue(peer))[1].count(prompt_id) == 1
    await post(peer, "/queue", {"delete": [prompt_id]})
    assert (await queue(peer))[1].count(prompt_id) == 0
    await post(peer, "/interrupt", {"prompt_id": blocker})
    assert await history_of(peer, prompt_id) is None


async def test_same_id_and_number_is_a_500_that_is_queued(peer: Peer) -> None:
    blocker = await submit(peer, peer.slow_workflow(30))
    await running(peer, blocker)
    prompt_id, number = new_id(), 1e6
    await submit(peer, quick(), prompt_id=prompt_id, number=number)
    answer = await post(peer, "/prompt", {"prompt": quick(), "prompt_id": prompt_id, "number": number})
    assert answer.status == 500
    assert answer.body == b"500 Internal Server Error\n\nServer got itself in trouble"
    assert (await queue(peer))[1].count(prompt_id) == 2
    for _ in range(2):
        await post(peer, "/queue", {"delete": [prompt_id]})
    await post(peer, "/interrupt", {"prompt_id": blocker})
    await entry(peer, blocker)


async def test_partial_targets_limit_the_outputs(peer: Peer) -> None:
    workflow = {**quick(), "5": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}
    prompt_id = await submit(peer, workflow, partial_execution_targets=["5"])
    found = await entry(peer, prompt_id)
    assert list(found["outputs"]) == ["5"]
    assert found["prompt"][4] == ["5"]
    assert found["outputs"]["5"]["images"][0]["type"] == "temp"
    assert found["outputs"]["5"]["images"][0]["filename"].startswith("ComfyUI_temp_")
