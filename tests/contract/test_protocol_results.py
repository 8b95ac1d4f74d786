"""Results: cache, names, failed reads, and dropped outputs."""

from __future__ import annotations

import uuid

import pytest

from tests.contract.peer import Peer, ended, entry, kinds, new_id, of_job, post, quick, save, submit


async def test_identical_prompt_is_cached_under_the_old_name(peer: Peer) -> None:
    workflow = quick()
    first = await entry(peer, await submit(peer, workflow))
    prompt_id = new_id()
    listener = await peer.connect("cached")
    await submit(peer, workflow, prompt_id=prompt_id, client_id="cached")
    received = of_job(await listener.until(ended(prompt_id)), prompt_id)
    if not peer.is_alone and received[1].data["nodes"] == []:
        pytest.skip("another user's job came between and took the cache")
    assert (await entry(peer, prompt_id))["outputs"] == first["outputs"]
    assert kinds(received) == [
        "execution_start",
        "execution_cached",
        "executed",
        "progress_state",
        "execution_success",
        "executing",
    ]
    assert received[1].data["nodes"] == ["1", "9"]
    assert received[3].data["nodes"]["9"]["value"] == 1


async def test_cached_output_outside_the_targets_may_be_listed(peer: Peer) -> None:
    workflow = {**quick(), "5": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}}
    assert set((await entry(peer, await submit(peer, workflow)))["outputs"]) == {"5", "9"}
    found = await entry(peer, await submit(peer, workflow, partial_execution_targets=["5"]))
    if not peer.is_alone and found["status"]["messages"][1][1]["nodes"] == []:
        pytest.skip("another user's job came between and took the cache")
    assert set(found["outputs"]) == ({"5", "9"} if peer.expected.lists_whole_cache else {"5"})


async def test_names_count_up_per_prefix_and_picture(peer: Peer) -> None:
    prefix = f"contract_{uuid.uuid4().hex[:8]}"
    first = await entry(peer, await submit(peer, quick(prefix)))
    second = await entry(peer, await submit(peer, quick(prefix, batch=2)))
    assert [image["filename"] for image in first["outputs"]["9"]["images"]] == [f"{prefix}_00001_.png"]
    assert [image["filename"] for image in second["outputs"]["9"]["images"]] == [
        f"{prefix}_00002_.png",
        f"{prefix}_00003_.png",
    ]


async def test_prefix_may_name_a_subfolder(peer: Peer) -> None:
    found = await entry(peer, await submit(peer, quick("contract_sub/deep")))
    image = found["outputs"]["9"]["images"][0]
    assert image["subfolder"] == "contract_sub"
    assert (await peer.request("GET", "/view", image)).status == 200


async def test_file_that_is_no_picture_fails_on_reading(peer: Peer) -> None:
    name = (await peer.upload(f"{uuid.uuid4().hex}.png", b"no picture")).json()["name"]
    workflow = {
        **quick(),
        "2": {"class_type": "LoadImage", "inputs": {"image": name}},
        "8": save("2"),
    }
    listener = await peer.connect("broken")
    prompt_id = await submit(peer, workflow, client_id="broken")
    received = of_job(await listener.until(ended(prompt_id)), prompt_id)
    found = await entry(peer, prompt_id)
    assert (found["status"]["status_str"], found["status"]["completed"]) == ("error", False)
    kind, data = found["status"]["messages"][-1]
    assert kind == "execution_error"
    assert set(data) == {
        "prompt_id",
        "node_id",
        "node_type",
        "executed",
        "exception_message",
        "exception_type",
        "traceback",
        "current_inputs",
        "current_outputs",
        "timestamp",
    }
    assert (data["node_id"], data["node_type"]) == ("2", "LoadImage")
    assert data["exception_type"] == "PIL.UnidentifiedImageError"
    assert data["current_inputs"] == {"image": [name]}
    assert set(data["current_outputs"]) == set(workflow)
    assert kinds(received)[-2:] == ["execution_error", "executing"]


async def test_invalid_outputs_are_dropped_with_200_and_node_errors(peer: Peer) -> None:
    workflow = {**quick(), "6": {"class_type": "PreviewImage", "inputs": {}}}
    answer = await post(peer, "/prompt", {"prompt": workflow})
    assert answer.status == 200
    assert answer.json()["node_errors"] == {
        "6": {
            "errors": [
                {
                    "type": "required_input_missing",
                    "message": "Required input is missing",
                    "details": "images",
                    "extra_info": {"input_name": "images"},
                }
            ],
            "dependent_outputs": ["6"],
            "class_type": "PreviewImage",
        }
    }
    found = await entry(peer, answer.json()["prompt_id"])
    assert found["status"]["status_str"] == "success"
    assert found["prompt"][4] == ["9"] and list(found["outputs"]) == ["9"]


async def test_text_output_is_in_the_history_entry(peer: Peer) -> None:
    known = await peer.request("GET", "/object_info/PreviewAny")
    if known.status != 200 or not known.json():
        pytest.skip("this server has no PreviewAny")
    workflow = {**quick(), "12": {"class_type": "PreviewAny", "inputs": {"source": "seen, 沙丘"}}}
    prompt_id = new_id()
    listener = await peer.connect("told")
    await submit(peer, workflow, prompt_id=prompt_id, client_id="told")
    received = of_job(await listener.until(ended(prompt_id)), prompt_id)
    outputs = [item.data["output"] for item in received if item.kind == "executed" and item.data["node"] == "12"]
    assert outputs == [{"text": ["seen, 沙丘"]}]
    assert (await entry(peer, prompt_id))["outputs"]["12"] == {"text": ["seen, 沙丘"]}
