"""The protocol of ComfyUI 0.3.64 as any server must speak it: submit, queue, history, cancel, errors, events."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.contract.peer import (
    Event,
    Peer,
    ended,
    entry,
    history_of,
    post,
    queue,
    quick,
    running,
    save,
    submit,
    until,
)

FLAGS = {"supports_preview_metadata": True}


def new_id() -> str:
    return str(uuid.uuid4())


def kinds(heard: list[Event]) -> list[str | int]:
    return [event.kind for event in heard if event.kind != "status"]


def of_job(heard: list[Event], prompt_id: str) -> list[Event]:
    return [event for event in heard if isinstance(event.data, dict) and event.data.get("prompt_id") == prompt_id]


# --- submit


async def test_a_submit_keeps_the_prompt_id_that_the_client_chose(peer: Peer) -> None:
    prompt_id = new_id()
    answer = await post(peer, "/prompt", {"prompt": quick(), "prompt_id": prompt_id, "client_id": new_id()})
    body = answer.json()
    assert answer.status == 200
    assert list(body) == ["prompt_id", "number", "node_errors"]
    assert (body["prompt_id"], body["node_errors"]) == (prompt_id, {})
    assert isinstance(body["number"], int)
    assert (await entry(peer, prompt_id))["status"]["status_str"] == "success"


async def test_a_submit_without_an_id_gets_one(peer: Peer) -> None:
    assert uuid.UUID(await submit(peer, quick()))


async def test_a_number_as_id_becomes_a_string(peer: Peer) -> None:
    number = uuid.uuid4().int >> 80
    assert await submit(peer, quick(), prompt_id=number) == str(number)


async def test_numbers_count_up_and_front_turns_them_round(peer: Peer) -> None:
    first = (await post(peer, "/prompt", {"prompt": quick()})).json()["number"]
    front = (await post(peer, "/prompt", {"prompt": quick(), "front": True})).json()["number"]
    own = (await post(peer, "/prompt", {"prompt": quick(), "number": -5, "front": True})).json()["number"]
    assert first >= 0
    assert front < 0 and -front > first
    assert own == -5 and isinstance(own, float)


async def test_the_content_type_of_a_submit_is_not_looked_at(peer: Peer) -> None:
    body = json.dumps({"prompt": quick()}).encode()
    answer = await peer.request("POST", "/prompt", body=body, headers={"Content-Type": "text/plain"})
    assert answer.status == 200


async def test_extra_data_comes_back_untouched_with_the_client_id_merged_in(peer: Peer) -> None:
    extra = {"extra_pnginfo": {"workflow": {"id": "w"}}, "mine": {"a": 1}, "client_id": "ignored"}
    prompt_id = await submit(peer, quick(), extra_data=extra, client_id="real-client")
    assert (await entry(peer, prompt_id))["prompt"][3] == {**extra, "client_id": "real-client"}


async def test_a_history_entry_has_the_whole_shape(peer: Peer) -> None:
    workflow = quick("contract_shape")
    prompt_id = await submit(peer, workflow, client_id="shape")
    found = await entry(peer, prompt_id)
    assert list(found) == ["prompt", "outputs", "status", "meta"]
    assert found["prompt"][1:] == [prompt_id, workflow, {"client_id": "shape"}, ["9"]]
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


async def test_a_duplicate_id_runs_twice_and_history_keeps_one(peer: Peer) -> None:
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


async def test_same_id_and_number_with_another_prompt_is_a_500_that_is_queued(peer: Peer) -> None:
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


# --- queue, history, cancel


async def test_running_and_pending_jobs_are_listed_and_have_no_history(peer: Peer) -> None:
    first = await submit(peer, peer.slow_workflow(20), client_id="q")
    await running(peer, first)
    workflow = quick()
    second = await submit(peer, workflow, client_id="q")
    listing = (await peer.request("GET", "/queue")).json()
    assert list(listing) == ["queue_running", "queue_pending"]
    item = next(each for each in listing["queue_pending"] if each[1] == second)
    assert item[2:] == [workflow, {"client_id": "q"}, ["9"]]
    assert (await peer.request("GET", "/prompt")).json()["exec_info"]["queue_remaining"] >= 2
    assert await history_of(peer, first) is None
    assert await history_of(peer, second) is None
    await post(peer, "/interrupt", {"prompt_id": first})
    await entry(peer, second)


async def test_pending_is_listed_in_heap_order(peer: Peer) -> None:
    if not peer.is_alone:
        pytest.skip("jobs of others would stand between ours")
    blocker = await submit(peer, peer.slow_workflow(50))
    await running(peer, blocker)
    ids = {number: new_id() for number in (1000, 1003, 1001, 1004)}
    for number, prompt_id in ids.items():
        await submit(peer, quick(), prompt_id=prompt_id, number=number)
    await post(peer, "/queue", {"delete": []})
    assert (await queue(peer))[1] == [ids[1000], ids[1003], ids[1001], ids[1004]]
    await post(peer, "/queue", {"delete": list(ids.values())})
    await post(peer, "/interrupt", {"prompt_id": blocker})
    await entry(peer, blocker)


async def test_lower_numbers_run_first(peer: Peer) -> None:
    blocker = await submit(peer, peer.slow_workflow(20))
    await running(peer, blocker)
    late = await submit(peer, quick(), number=1e7)
    early = await submit(peer, quick(), number=-1e7)
    await post(peer, "/interrupt", {"prompt_id": blocker})
    after, before = await entry(peer, late), await entry(peer, early)
    assert before["status"]["messages"][-1][1]["timestamp"] <= after["status"]["messages"][0][1]["timestamp"]


async def test_a_deleted_job_leaves_no_trace_and_a_running_one_is_untouched(peer: Peer) -> None:
    first = await submit(peer, peer.slow_workflow(20))
    await running(peer, first)
    second = await submit(peer, quick())
    answer = await post(peer, "/queue", {"delete": [second, first, "unknown"]})
    assert (answer.status, answer.body) == (200, b"")
    now, waiting = await queue(peer)
    assert first in now and second not in waiting
    await post(peer, "/interrupt", {"prompt_id": first})
    await entry(peer, first)
    assert await history_of(peer, second) is None


async def test_an_interrupted_job_is_an_error_that_only_its_message_tells(peer: Peer) -> None:
    prompt_id = await submit(peer, peer.slow_workflow(40), client_id="i")
    await running(peer, prompt_id)
    answer = await post(peer, "/interrupt", {"prompt_id": prompt_id})
    assert (answer.status, answer.body) == (200, b"")
    found = await entry(peer, prompt_id)
    status = found["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)
    kind, data = status["messages"][-1]
    assert kind == "execution_interrupted"
    assert set(data) == {"prompt_id", "node_id", "node_type", "executed", "timestamp"}
    assert found["outputs"] == {}


async def test_an_interrupt_names_the_running_job_or_hits_nothing(peer: Peer) -> None:
    first = await submit(peer, peer.slow_workflow(15))
    await running(peer, first)
    second = await submit(peer, quick())
    await post(peer, "/interrupt", {"prompt_id": second})
    await post(peer, "/interrupt", {"prompt_id": "unknown"})
    assert (await entry(peer, first))["status"]["status_str"] == "success"
    assert (await entry(peer, second))["status"]["status_str"] == "success"


async def test_a_bare_interrupt_stops_whatever_runs_and_none_when_idle(peer: Peer) -> None:
    if not peer.is_alone:
        pytest.skip("it would stop the jobs of others")
    assert (await peer.request("POST", "/interrupt")).status == 200
    prompt_id = await submit(peer, peer.slow_workflow(100))
    await running(peer, prompt_id)
    assert await history_of(peer, prompt_id) is None
    assert (await peer.request("POST", "/interrupt")).status == 200
    assert (await entry(peer, prompt_id))["status"]["messages"][-1][0] == "execution_interrupted"
    assert (await post(peer, "/interrupt", [])).status == 500


async def test_clear_drops_everybodys_pending_jobs(peer: Peer) -> None:
    if not peer.is_alone:
        pytest.skip("it would drop the jobs of others")
    blocker = await submit(peer, peer.slow_workflow(40))
    await running(peer, blocker)
    ids = [await submit(peer, quick()) for _ in range(3)]
    assert (await post(peer, "/queue", {"clear": True})).status == 200
    assert not set(ids) & set((await queue(peer))[1])
    await post(peer, "/interrupt", {"prompt_id": blocker})
    await entry(peer, blocker)


async def test_history_can_be_forgotten(peer: Peer) -> None:
    prompt_id = await submit(peer, quick())
    await entry(peer, prompt_id)
    answer = await post(peer, "/history", {"delete": [prompt_id, "unknown"]})
    assert (answer.status, answer.body) == (200, b"")
    assert await history_of(peer, prompt_id) is None


async def test_history_is_cut_by_limit_and_offset(peer: Peer) -> None:
    ids = [await submit(peer, quick()) for _ in range(3)]
    for prompt_id in ids:
        await entry(peer, prompt_id)

    async def keys(**query: str) -> list[str]:
        return list((await peer.request("GET", "/history", query)).json())

    everything = await keys()
    assert [each for each in everything if each in ids] == ids
    assert await keys(max_items="2") == everything[-2:]
    assert await keys(max_items="2", offset="0") == everything[:2]
    assert await keys(max_items="1", offset="1") == everything[1:2]
    assert await keys(offset="2") == everything[2:]
    assert await keys(max_items="1", offset="-1") == everything[-1:]
    assert await keys(max_items="0") == []
    assert await keys(max_items="-1") == []
    assert await keys(max_items="500", offset="99999") == []
    assert (await peer.request("GET", "/history", {"max_items": "abc"})).status == 500


async def test_an_unknown_id_is_an_empty_object_with_200(peer: Peer) -> None:
    answer = await peer.request("GET", f"/history/{new_id()}")
    assert (answer.status, answer.json()) == (200, {})


async def test_free_needs_a_body_and_drops_the_cache(peer: Peer) -> None:
    assert (await peer.request("POST", "/free")).status == 500
    if not peer.is_alone:
        pytest.skip("it would drop the cache of others")
    workflow = quick()
    first = await entry(peer, await submit(peer, workflow))
    await post(peer, "/free", {"free_memory": True})

    async def second() -> Any:
        found = await entry(peer, await submit(peer, workflow))
        return found if found["outputs"] != first["outputs"] else None

    assert await until(peer, second)


# --- results


async def test_an_identical_prompt_is_served_from_the_cache_under_the_old_name(peer: Peer) -> None:
    workflow = quick()
    first = await entry(peer, await submit(peer, workflow))
    prompt_id = new_id()
    listener = await peer.connect("cached")
    await submit(peer, workflow, prompt_id=prompt_id, client_id="cached")
    heard = of_job(await listener.until(ended(prompt_id)), prompt_id)
    if not peer.is_alone and heard[1].data["nodes"] == []:
        pytest.skip("a job of somebody else came between and took the cache")
    assert (await entry(peer, prompt_id))["outputs"] == first["outputs"]
    assert kinds(heard) == [
        "execution_start",
        "execution_cached",
        "executed",
        "progress_state",
        "execution_success",
        "executing",
    ]
    assert heard[1].data["nodes"] == ["1", "9"]
    assert heard[3].data["nodes"]["9"]["value"] == 1


async def test_names_count_up_per_prefix_and_one_file_is_made_per_picture(peer: Peer) -> None:
    prefix = f"contract_{uuid.uuid4().hex[:8]}"
    first = await entry(peer, await submit(peer, quick(prefix)))
    second = await entry(peer, await submit(peer, quick(prefix, batch=2)))
    assert [image["filename"] for image in first["outputs"]["9"]["images"]] == [f"{prefix}_00001_.png"]
    assert [image["filename"] for image in second["outputs"]["9"]["images"]] == [
        f"{prefix}_00002_.png",
        f"{prefix}_00003_.png",
    ]


async def test_a_prefix_may_name_a_subfolder(peer: Peer) -> None:
    found = await entry(peer, await submit(peer, quick("contract_sub/deep")))
    image = found["outputs"]["9"]["images"][0]
    assert image["subfolder"] == "contract_sub"
    assert (await peer.request("GET", "/view", image)).status == 200


async def test_a_file_that_is_no_picture_fails_when_it_is_read(peer: Peer) -> None:
    name = (await peer.upload(f"{uuid.uuid4().hex}.png", b"no picture")).json()["name"]
    workflow = {
        **quick(),
        "2": {"class_type": "LoadImage", "inputs": {"image": name}},
        "8": save("2"),
    }
    listener = await peer.connect("broken")
    prompt_id = await submit(peer, workflow, client_id="broken")
    heard = of_job(await listener.until(ended(prompt_id)), prompt_id)
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
    assert kinds(heard)[-2:] == ["execution_error", "executing"]


async def test_some_bad_outputs_are_dropped_with_200_and_node_errors(peer: Peer) -> None:
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


# --- errors before a run


def with_input(name: str, value: Any) -> dict[str, Any]:
    workflow = quick(color=1)
    workflow["1"]["inputs"][name] = value
    return workflow


def invert(source: str) -> dict[str, Any]:
    return {"class_type": "ImageInvert", "inputs": {"image": [source, 0]}}


REFUSED: list[tuple[str, Any, str, str]] = [
    ("no prompt", {}, "no_prompt", "No prompt provided"),
    ("a list", [1], "no_prompt", "No prompt provided"),
    ("an empty prompt", {"prompt": {}}, "prompt_no_outputs", ""),
    ("a list as prompt", {"prompt": []}, "prompt_no_outputs", ""),
    ("no output", {"prompt": {"1": quick()["1"]}}, "prompt_no_outputs", ""),
    ("unknown target", {"prompt": quick(), "partial_execution_targets": ["77"]}, "prompt_no_outputs", ""),
    ("an editor's workflow", {"prompt": {"nodes": [{"id": 1}], "links": []}}, "invalid_prompt", "Node ID '#nodes'"),
    ("no class", {"prompt": {"1": {"inputs": {}}}}, "invalid_prompt", "Node ID '#1'"),
    ("unknown class", {"prompt": {"1": {"class_type": "Nope", "inputs": {}}}}, "invalid_prompt", "Node ID '#1'"),
]


@pytest.mark.parametrize(("body", "kind", "details"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
async def test_a_prompt_refused_as_a_whole(peer: Peer, body: Any, kind: str, details: str) -> None:
    answer = await post(peer, "/prompt", body)
    assert answer.status == 400
    assert list(answer.json()) == ["error", "node_errors"]
    error = answer.json()["error"]
    assert list(error) == ["type", "message", "details", "extra_info"]
    assert (error["type"], error["details"], error["extra_info"]) == (kind, details, {})
    assert answer.json()["node_errors"] == {}


@pytest.mark.parametrize(
    "body",
    [
        b"{not json",
        b"",
        b'{"prompt": null}',
        b"null",
        b"5",
        b'"prompt"',
        b'["prompt"]',
        b'{"prompt": {}, "number": "x"}',
    ],
)
async def test_what_the_server_does_not_expect_is_a_500(peer: Peer, body: bytes) -> None:
    answer = await peer.request("POST", "/prompt", body=body)
    assert answer.status == 500
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.body == b"500 Internal Server Error\n\nServer got itself in trouble"


WIDTH = ["INT", {"default": 512, "min": 1, "max": 16384, "step": 1}]
CROP = [["disabled", "center"], {}]
SCALE = {
    "class_type": "ImageScale",
    "inputs": {"image": ["1", 0], "upscale_method": "area", "width": 8, "height": 8, "crop": "never"},
}
NODE_ERRORS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "too small",
        with_input("width", 0),
        "1",
        {
            "type": "value_smaller_than_min",
            "message": "Value 0 smaller than min of 1",
            "details": "width",
            "extra_info": {"input_name": "width", "input_config": WIDTH, "received_value": 0},
        },
    ),
    (
        "too big",
        with_input("width", 16385),
        "1",
        {
            "type": "value_bigger_than_max",
            "message": "Value 16385 bigger than max of 16384",
            "details": "width",
            "extra_info": {"input_name": "width", "input_config": WIDTH, "received_value": 16385},
        },
    ),
    (
        "no number",
        with_input("width", "abc"),
        "1",
        {
            "type": "invalid_input_type",
            "message": "Failed to convert an input value to a INT value",
            "details": "width, abc, invalid literal for int() with base 10: 'abc'",
            "extra_info": {
                "input_name": "width",
                "input_config": WIDTH,
                "received_value": "abc",
                "exception_message": "invalid literal for int() with base 10: 'abc'",
            },
        },
    ),
    (
        "null",
        with_input("width", None),
        "1",
        {
            "type": "invalid_input_type",
            "message": "Failed to convert an input value to a INT value",
            "details": (
                "width, None, int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"
            ),
            "extra_info": {
                "input_name": "width",
                "input_config": WIDTH,
                "received_value": None,
                "exception_message": (
                    "int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"
                ),
            },
        },
    ),
    (
        "not in the list",
        {**quick(), "2": SCALE, "9": save("2", "x")},
        "2",
        {
            "type": "value_not_in_list",
            "message": "Value not in list",
            "details": "crop: 'never' not in ['disabled', 'center']",
            "extra_info": {"input_name": "crop", "input_config": CROP, "received_value": "never"},
        },
    ),
    (
        "a link of another type",
        {
            **quick(),
            "1": {"class_type": "ImageInvert", "inputs": {"image": ["2", 1]}},
            "2": {"class_type": "LoadImage", "inputs": {"image": "any.png"}},
        },
        "1",
        {
            "type": "return_type_mismatch",
            "message": "Return type mismatch between linked nodes",
            "details": "image, received_type(MASK) mismatch input_type(IMAGE)",
            "extra_info": {
                "input_name": "image",
                "input_config": ["IMAGE", {}],
                "received_type": "MASK",
                "linked_node": ["2", 1],
            },
        },
    ),
    (
        "a link of three",
        {**quick(), "9": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0, 1]}}},
        "9",
        {
            "type": "bad_linked_input",
            "message": "Bad linked input, must be a length-2 list of [node_id, slot_index]",
            "details": "images",
            "extra_info": {"input_name": "images", "input_config": ["IMAGE", {}], "received_value": ["1", 0, 1]},
        },
    ),
    (
        "no such file",
        {"1": {"class_type": "LoadImage", "inputs": {"image": "nope.png"}}, "9": save("1", "x")},
        "1",
        {
            "type": "custom_validation_failed",
            "message": "Custom validation failed for node",
            "details": "image - Invalid image file: nope.png",
            "extra_info": {"input_name": "image"},
        },
    ),
]


@pytest.mark.parametrize(
    ("workflow", "node", "expected"), [case[1:] for case in NODE_ERRORS], ids=[case[0] for case in NODE_ERRORS]
)
async def test_a_bad_input_is_told_node_by_node(
    peer: Peer, workflow: dict[str, Any], node: str, expected: dict[str, Any]
) -> None:
    answer = await post(peer, "/prompt", {"prompt": workflow})
    assert answer.status == 400
    error = answer.json()["error"]
    assert (error["type"], error["message"]) == ("prompt_outputs_failed_validation", "Prompt outputs failed validation")
    found = answer.json()["node_errors"]
    assert list(found) == [node]
    assert found[node] == {
        "errors": [expected],
        "dependent_outputs": ["9"],
        "class_type": workflow[node]["class_type"],
    }


EXCEPTIONS: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("no inputs", {"9": {"class_type": "SaveImage"}}, "exception_during_validation", "KeyError", "'inputs'"),
    ("a link to no node", {"9": save("99")}, "exception_during_validation", "KeyError", "'99'"),
    (
        "a link to no slot",
        {**quick(), "9": {"class_type": "PreviewImage", "inputs": {"images": ["1", 7]}}},
        "exception_during_validation",
        "IndexError",
        "tuple index out of range",
    ),
    (
        "a picture without a name",
        {"1": {"class_type": "LoadImage", "inputs": {}}, "9": save("1", "x")},
        "exception_during_inner_validation",
        "TypeError",
        "LoadImage.VALIDATE_INPUTS() missing 1 required positional argument: 'image'",
    ),
    (
        "a picture by a link",
        {**quick(), "2": {"class_type": "LoadImage", "inputs": {"image": ["1", 0]}}, "9": save("2", "x")},
        "exception_during_inner_validation",
        "AttributeError",
        "'NoneType' object has no attribute 'endswith'",
    ),
    (
        "a link of a newer class to no slot",
        {
            **quick(),
            "2": {"class_type": "ImageBlur", "inputs": {"image": ["1", 0], "blur_radius": 1, "sigma": 1.0}},
            "9": {"class_type": "PreviewImage", "inputs": {"images": ["2", 7]}},
        },
        "exception_during_validation",
        "IndexError",
        "list index out of range",
    ),
]


@pytest.mark.parametrize(
    ("workflow", "kind", "exception", "details"),
    [case[1:] for case in EXCEPTIONS],
    ids=[case[0] for case in EXCEPTIONS],
)
async def test_an_exception_while_validating_is_told_by_its_name(
    peer: Peer, workflow: dict[str, Any], kind: str, exception: str, details: str
) -> None:
    answer = await post(peer, "/prompt", {"prompt": workflow})
    assert answer.status == 400
    ((error,),) = [node["errors"] for node in answer.json()["node_errors"].values()]
    assert (error["type"], error["details"]) == (kind, details)
    more = {"input_name", "input_config", "exception_message", "linked_node"} if "inner" in kind else set()
    assert set(error["extra_info"]) == {"exception_type", "traceback"} | more
    assert error["extra_info"]["exception_type"] == exception


async def test_a_cycle_is_refused_without_a_reason(peer: Peer) -> None:
    answer = await post(peer, "/prompt", {"prompt": {"1": invert("2"), "2": invert("1"), "9": save("2")}})
    assert answer.status == 400
    assert answer.json() == {
        "error": {
            "type": "prompt_outputs_failed_validation",
            "message": "Prompt outputs failed validation",
            "details": "",
            "extra_info": {},
        },
        "node_errors": {},
    }


async def test_values_are_converted_and_unknown_inputs_ignored(peer: Peer) -> None:
    prompt_id = await submit(peer, {**with_input("width", "40"), "9": save("1")}, client_id="c")
    found = await entry(peer, prompt_id)
    assert found["prompt"][2]["1"]["inputs"]["width"] == 40
    await submit(peer, with_input("foo", 1))


# --- events


async def test_a_run_is_told_in_order_to_its_own_client(peer: Peer) -> None:
    listener = await peer.connect("events-own")
    assert listener.heard[0].data["sid"] == "events-own"
    assert "queue_remaining" in listener.heard[0].data["status"]["exec_info"]
    workflow = {**quick(), "2": invert("1"), "9": save("2")}
    prompt_id = await submit(peer, workflow, client_id="events-own")
    heard = of_job(await listener.until(ended(prompt_id)), prompt_id)
    node = ["progress_state", "executing", "progress_state"]
    assert kinds(heard) == [
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
    assert heard[1].data["nodes"] == []
    assert heard[2].data["nodes"] == {
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
    assert heard[3].data == {"node": "1", "display_node": "1", "prompt_id": prompt_id}
    assert list(heard[-3].data["nodes"]) == ["1", "2", "9"]
    assert all(node["state"] == "finished" for node in heard[-3].data["nodes"].values())
    found = await entry(peer, prompt_id)
    executed = next(event for event in heard if event.kind == "executed")
    assert executed.data == {
        "node": "9",
        "display_node": "9",
        "output": found["outputs"]["9"],
        "prompt_id": prompt_id,
    }


async def test_history_is_written_when_the_end_is_told(peer: Peer) -> None:
    listener = await peer.connect("events-end")
    for _ in range(10):
        prompt_id = await submit(peer, quick(), client_id="events-end")
        await listener.until(ended(prompt_id))
        assert await history_of(peer, prompt_id) is not None


async def test_a_job_with_a_client_is_told_to_nobody_else(peer: Peer) -> None:
    other = await peer.connect("events-other")
    own = await peer.connect("events-mine")
    prompt_id = await submit(peer, quick(), client_id="events-mine")
    await own.until(ended(prompt_id))
    last = await submit(peer, quick(), client_id="events-other")
    heard = await other.until(ended(last))
    assert of_job(heard, prompt_id) == []
    assert sum(event.kind == "status" for event in heard) >= 4


async def test_a_job_without_a_client_broadcasts_only_its_progress(peer: Peer) -> None:
    listener = await peer.connect("events-broadcast")
    prompt_id = await submit(peer, quick())
    last = await submit(peer, quick(), client_id="events-broadcast")
    heard = of_job(await listener.until(ended(last)), prompt_id)
    assert set(kinds(heard)) == {"progress_state"}
    assert len(heard) == 4


async def test_a_socket_without_a_client_id_is_given_one(peer: Peer) -> None:
    listener = await peer.connect(None)
    sid = listener.heard[0].data["sid"]
    assert uuid.UUID(hex=sid)
    prompt_id = await submit(peer, quick(), client_id=sid)
    await listener.until(ended(prompt_id))


async def test_feature_flags_are_answered_as_the_first_message_only(peer: Peer) -> None:
    first = await peer.connect("flags-first", FLAGS)
    answer = next(event.data for event in first.heard if event.kind == "feature_flags")
    assert answer == (await peer.request("GET", "/features")).json()
    late = await peer.connect("flags-late")
    await late.say('{"type": "hello"}')
    await late.say(json.dumps({"type": "feature_flags", "data": FLAGS}))
    prompt_id = await submit(peer, quick(), client_id="flags-late")
    heard = await late.until(ended(prompt_id))
    assert "feature_flags" not in kinds(heard)


@pytest.mark.parametrize("noise", ["{broken", "[1, 2]", '"text"', "null", ""])
async def test_noise_from_a_client_does_no_harm(peer: Peer, noise: str) -> None:
    listener = await peer.connect("noise")
    await listener.say(noise)
    prompt_id = await submit(peer, quick(), client_id="noise")
    await listener.until(ended(prompt_id))


async def test_previews_come_in_the_form_that_the_flags_asked_for(peer: Peer) -> None:
    if not peer.previews:
        pytest.skip("a server without models has no node that sends previews")
    plain = await peer.connect("previews-plain")
    prompt_id = await submit(peer, peer.slow_workflow(2), client_id="previews-plain")
    heard = await plain.until(ended(prompt_id))
    frames = [event for event in heard if isinstance(event.kind, int)]
    assert [frame.kind for frame in frames] == [1, 1]
    assert frames[0].data[:8] == b"\x00\x00\x00\x01\xff\xd8\xff\xe0"
    order = kinds(heard)
    assert order[order.index(1) - 2 : order.index(1)] == ["progress_state", "progress"]

    flagged = await peer.connect("previews-flagged", FLAGS)
    prompt_id = await submit(peer, peer.slow_workflow(2), client_id="previews-flagged")
    heard = await flagged.until(ended(prompt_id))
    frames = [event for event in heard if isinstance(event.kind, int)]
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
    order = kinds(heard)
    assert (order[order.index(4) - 1], order[order.index(4) + 1]) == ("progress_state", "progress")


async def test_a_client_that_comes_back_in_mid_run_hears_where_it_stands_and_goes_on(peer: Peer) -> None:
    first = await peer.connect("comes-back")
    prompt_id = await submit(peer, peer.slow_workflow(30), client_id="comes-back")
    await first.until(lambda heard: any(event.kind == "executing" for event in heard))
    await first.close()
    second = await peer.connect("comes-back")
    heard = await second.until(ended(prompt_id))
    assert heard[0].kind == "status" and heard[0].data["sid"] == "comes-back"
    assert heard[1].kind == "executing" and list(heard[1].data) == ["node"]
    assert heard[1].data["node"] in (await entry(peer, prompt_id))["prompt"][2]
    assert "execution_start" not in kinds(heard)


async def test_a_socket_after_the_end_hears_only_a_status(peer: Peer) -> None:
    prompt_id = await submit(peer, quick(), client_id="too-late")
    await entry(peer, prompt_id)
    listener = await peer.connect("too-late")
    follow = await submit(peer, quick(), client_id="too-late")
    heard = await listener.until(ended(follow))
    assert of_job(heard, prompt_id) == []


async def test_of_two_sockets_with_one_id_only_the_newer_hears(peer: Peer) -> None:
    older = await peer.connect("twice")
    newer = await peer.connect("twice")
    prompt_id = await submit(peer, quick(), client_id="twice")
    await newer.until(ended(prompt_id))
    assert [event.kind for event in older.heard] == ["status"]


@pytest.mark.parametrize("closing", ["older", "newer"])
async def test_when_one_of_two_sockets_closes_the_survivor_is_deaf_for_ever(peer: Peer, closing: str) -> None:
    client_id = f"deaf-{closing}"
    older = await peer.connect(client_id)
    newer = await peer.connect(client_id)
    gone, survivor = (older, newer) if closing == "older" else (newer, older)
    await gone.close()
    witness = await peer.connect(f"witness-{closing}")
    before = len(survivor.heard)
    prompt_id = await submit(peer, quick(), client_id=client_id)
    assert (await entry(peer, prompt_id))["status"]["status_str"] == "success"
    last = await submit(peer, quick(), client_id=f"witness-{closing}")
    await witness.until(ended(last))
    assert survivor.heard[before:] == []


async def test_closing_before_opening_again_is_never_deaf(peer: Peer) -> None:
    for _ in range(5):
        listener = await peer.connect("again")
        prompt_id = await submit(peer, quick(), client_id="again")
        await listener.until(ended(prompt_id))
        await listener.close()
