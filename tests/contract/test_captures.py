"""The demo against the recorded exchanges of a real ComfyUI 0.3.64, key by key.

Not replayed: 02e and 02f (their nodes send PNG previews), 02h, 02i and parts of 11 (nodes that expand, send text or
block), 07 and 08 (answers of servers with CORS flags; the plain rows are in `test_surroundings.py`), 13 (the browser).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from demo_comfyui.catalogue import DEFINITIONS, REAL_CLASSES
from tests.contract.captures import (
    CAPTURES,
    FOLDER,
    captured_events,
    normal,
    plain_events,
    read,
    request_of,
    shape,
    stand_in,
)
from tests.contract.peer import (
    Event,
    WebListener,
    WebPeer,
    Workflow,
    ended,
    entry,
    history_of,
    post,
    queue,
    quick,
    running,
    submit,
)

if not CAPTURES.is_dir():
    print(f"The captures of a real ComfyUI are not at {CAPTURES}: the demo is not compared with them.")
    pytest.skip(f"no captures at {CAPTURES}", allow_module_level=True)

FLAGS = {"supports_preview_metadata": True}
CHANGING_HEADERS = {"content-length", "date", "server", "etag", "last-modified"}


async def warm(peer: WebPeer, prompt: Workflow, cached: list[str]) -> None:
    """Fill the cache with these nodes of the prompt, and with nothing else."""
    await entry(peer, await submit(peer, quick()))
    if cached:
        part = {node_id: prompt[node_id] for node_id in cached}
        if "3" not in cached:
            part["99"] = {"class_type": "PreviewImage", "inputs": {"images": [cached[-1], 0]}}
        await entry(peer, await submit(peer, part))


async def idle(listener: WebListener, *, more_than: int = 1) -> None:
    """Wait until the socket has heard that the queue is empty again."""

    def heard_it(heard: list[Event]) -> bool:
        statuses = [event.data["status"]["exec_info"]["queue_remaining"] for event in heard if event.kind == "status"]
        return len(statuses) > more_than and statuses[-1] == 0

    await listener.until(heard_it)


def cached_nodes(events: list[Event]) -> list[str]:
    return next(event.data["nodes"] for event in events if event.kind == "execution_cached")


@pytest.mark.parametrize(
    "name",
    [
        "02a_run_noflags_jpeg",
        "02b_run_cached_identical",
        "02c_run_partly_cached",
        "02d_run_flags_metadata_jpeg",
        "02g_execution_error",
        "02j_two_outputs_batch2",
    ],
)
async def test_a_recorded_run_is_told_in_the_same_events(demo_peer: WebPeer, name: str) -> None:
    capture = read(f"{name}.json")
    expected = captured_events(capture["ws_client"])
    prompt = stand_in(capture["prompt"])
    await warm(demo_peer, prompt, cached_nodes(expected))
    client_id = f"replay-{name}"
    other = await demo_peer.connect("replay-other")
    listener = await demo_peer.connect(client_id, capture["flags_sent"])
    answer = await post(demo_peer, "/prompt", {"prompt": prompt, "client_id": client_id})
    prompt_id = answer.json()["prompt_id"]
    await listener.until(ended(prompt_id))
    await idle(other)
    history = (await demo_peer.request("GET", f"/history/{prompt_id}")).json()

    theirs = {capture["post"]["body"]["prompt_id"]: "<prompt>", capture["client_id"]: "<client>"}
    theirs[capture["ws_other_client"][0]["text"]["data"]["sid"]] = "<other>"
    ours = {prompt_id: "<prompt>", client_id: "<client>", "replay-other": "<other>"}
    assert normal(answer.json(), ours) == normal(capture["post"]["body"], theirs)
    assert normal(plain_events(listener.heard), ours) == normal(expected, theirs)
    assert normal(other.heard, ours) == normal(captured_events(capture["ws_other_client"]), theirs)
    expected_history = normal(capture["history"], theirs)
    expected_prompt = expected_history["<prompt>"]["prompt"]
    expected_prompt[2] = normal(prompt, {})
    found = normal(history, ours)
    found["<prompt>"]["prompt"][2] = normal(found["<prompt>"]["prompt"][2], {})
    del expected_prompt[2], found["<prompt>"]["prompt"][2]
    expected_prompt[1:1], found["<prompt>"]["prompt"][1:1] = [], []
    assert found == expected_history


@pytest.mark.parametrize("name", ["02k_no_client_id", "02l_no_client_id_error"])
async def test_a_recorded_run_without_a_client_is_broadcast_alike(demo_peer: WebPeer, name: str) -> None:
    capture = read(f"{name}.json")
    (recorded,) = capture["history"].values()
    prompt = stand_in(recorded["prompt"][2])
    await warm(demo_peer, prompt, recorded["status"]["messages"][1][1]["nodes"])
    kinds = {"ws1": ("broadcast-1", None), "ws2_flags": ("broadcast-2", FLAGS), "ws3_no_clientId_query": (None, None)}
    listeners = {
        key: await demo_peer.connect(client_id, flags) for key, (client_id, flags) in kinds.items() if key in capture
    }
    prompt_id = await submit(demo_peer, prompt)
    for key, listener in listeners.items():
        await idle(listener, more_than=2)
        expected = captured_events(capture[key])
        theirs = {capture["post"]["body"]["prompt_id"]: "<prompt>", expected[0].data["sid"]: "<sid>"}
        ours = {prompt_id: "<prompt>", listener.heard[0].data["sid"]: "<sid>"}
        assert normal(plain_events(listener.heard), ours) == normal(expected, theirs)


async def test_a_recorded_reconnect_in_mid_run_begins_alike(demo_peer: WebPeer) -> None:
    expected = captured_events(read("03a_reconnect_after_close.json")["second"])
    first = await demo_peer.connect("replay-03a", FLAGS)
    prompt_id = await submit(demo_peer, demo_peer.slow_workflow(40), client_id="replay-03a")
    await first.until(lambda heard: any(event.kind == "progress" for event in heard))
    await first.close()
    second = await demo_peer.connect("replay-03a", FLAGS)
    await second.until(ended(prompt_id))
    theirs = {expected[0].data["sid"]: "<client>"}
    ours = {"replay-03a": "<client>"}
    assert normal(second.heard[:3], ours) == normal(expected[:3], theirs)
    assert [event.kind for event in second.heard[3:6]] == [event.kind for event in expected[3:6]]
    tail = [event.kind for event in second.heard][-9:]
    assert tail == [event.kind for event in expected][-9:]


async def test_the_recorded_deafness_after_the_older_socket_closes(demo_peer: WebPeer) -> None:
    capture = read("03b_old_socket_closes_after_new.json")
    assert capture["messages_on_new_after_old_closed"] == 0
    old = await demo_peer.connect("replay-03b", FLAGS)
    prompt_id = await submit(demo_peer, demo_peer.slow_workflow(100), client_id="replay-03b")
    await old.until(lambda heard: any(event.kind == "progress" for event in heard))
    new = await demo_peer.connect("replay-03b", FLAGS)
    await new.until(lambda heard: any(event.kind == "progress" for event in heard))
    expected = captured_events(capture["new"])
    theirs = {expected[0].data["sid"]: "<client>"}
    ours = {"replay-03b": "<client>"}
    assert normal(new.heard[:3], ours) == normal(expected[:3], theirs)
    await old.close()
    other = await demo_peer.connect("replay-03b-other")
    deaf_since = len(new.heard)
    await post(demo_peer, "/interrupt", {"prompt_id": prompt_id})
    await idle(other)
    assert new.heard[deaf_since:] == []
    assert await history_of(demo_peer, prompt_id) is not None


async def test_the_recorded_run_over_two_sockets_of_one_client(demo_peer: WebPeer) -> None:
    capture = read("03c_two_sockets_same_id.json")
    expected = captured_events(capture["second"])
    prompt = demo_peer.slow_workflow(3)
    prompt = {"1": prompt["1"], "2": prompt["2"], "3": {**prompt["9"]}}
    prompt["3"]["inputs"]["filename_prefix"] = "cap"
    await warm(demo_peer, prompt, cached_nodes(expected))
    first = await demo_peer.connect("replay-03c")
    second = await demo_peer.connect("replay-03c")
    prompt_id = await submit(demo_peer, prompt, client_id="replay-03c")
    await second.until(ended(prompt_id))
    theirs = {expected[0].data["sid"]: "<client>"}
    theirs[next(event.data["prompt_id"] for event in expected if event.kind == "execution_start")] = "<prompt>"
    ours = {"replay-03c": "<client>", prompt_id: "<prompt>"}
    assert normal(plain_events(second.heard), ours) == normal(expected, theirs)
    assert normal(first.heard, ours) == normal(captured_events(capture["first"]), theirs)


async def test_the_recorded_socket_that_waits_for_a_pending_job(demo_peer: WebPeer) -> None:
    capture = read("03f_pending_socket.json")
    expected = captured_events(capture["ws"])
    blocker = await submit(demo_peer, demo_peer.slow_workflow(60), client_id="replay-03f-blocker")
    await running(demo_peer, blocker)
    prompt = {**demo_peer.slow_workflow(2)}
    prompt = {"1": prompt["1"], "2": prompt["2"], "3": {**prompt["9"]}}
    prompt["3"]["inputs"]["filename_prefix"] = "cap"
    prompt_id = await submit(demo_peer, prompt, client_id="replay-03f")
    listing = (await demo_peer.request("GET", "/queue")).json()
    assert [len(item) for item in listing["queue_running"] + listing["queue_pending"]] == [5, 5]
    remaining = (await demo_peer.request("GET", "/prompt")).json()
    assert remaining == capture["prompt"]["body"]
    listener = await demo_peer.connect("replay-03f")
    await post(demo_peer, "/interrupt", {"prompt_id": blocker})
    await listener.until(ended(prompt_id))
    theirs = {expected[0].data["sid"]: "<client>"}
    theirs[next(event.data["prompt_id"] for event in expected if event.kind == "execution_start")] = "<prompt>"
    ours = {"replay-03f": "<client>", prompt_id: "<prompt>"}
    found = normal(plain_events(listener.heard), ours)
    wanted = normal(expected, theirs)
    # In the recording the blocker had used the same source, so that node 1 came from the cache.
    wanted = [event for event in wanted if event[0] not in ("progress_state", "execution_cached")]
    found = [event for event in found if event[0] not in ("progress_state", "execution_cached")]
    assert [event for event in found if event[1].get("node") != "1"] == wanted


NOT_IN_THE_DEMO = {
    "missing_checkpoint": "its node classes need models",
    "not_in_list": "the list belongs to a test node; test_protocol_*.py asks the same of ImageScale",
    "wrong_content_type_text_plain": "the recorded body is cut; test_protocol_*.py asks the same",
    "GET_on_post_only": "recorded as a POST without a prompt, which other rows have",
}


@pytest.mark.parametrize("name", [name for name, case in read("04_prompt_post.json").items() if "response" in case])
async def test_a_recorded_submit_is_answered_alike(demo_peer: WebPeer, name: str) -> None:
    case = read("04_prompt_post.json")[name]
    if name in NOT_IN_THE_DEMO:
        pytest.skip(NOT_IN_THE_DEMO[name])
    answer = await demo_peer.request("POST", "/prompt", body=request_of(case))
    expected = case["response"]
    assert answer.status == expected["status"]
    kind = expected["headers"].get("Content-Type")
    assert answer.headers.get("content-type") == kind
    if kind is None or not kind.startswith("application/json"):
        assert answer.body.decode() == expected["body"]
        return
    found = answer.json()
    theirs = {expected["body"].get("prompt_id", ""): "<prompt>"}
    ours = {found.get("prompt_id", ""): "<prompt>"}
    if name == "one_good_one_bad_output":  # a set decides there which output is blamed on which
        for body in (found, expected["body"]):
            for node in body["node_errors"].values():
                del node["dependent_outputs"]
    assert normal(found, ours) == normal(expected["body"], theirs)


async def test_the_recorded_answers_to_cancelling(demo_peer: WebPeer) -> None:
    capture = read("05_queue_ops.json")
    workflow = demo_peer.slow_workflow(200)
    await warm(demo_peer, workflow, ["1"])
    prompt_id = await submit(demo_peer, workflow, client_id="replay-05")
    await running(demo_peer, prompt_id)
    waiting = await submit(demo_peer, quick(), client_id="replay-05")
    bodies: dict[str, Any] = {
        "delete_unknown": {"delete": ["unknown"]},
        "delete_running": {"delete": [prompt_id]},
        "delete_pending": {"delete": [waiting]},
    }
    for key, body in bodies.items():
        answer = await post(demo_peer, "/queue", body)
        assert (answer.status, answer.body.decode()) == (capture[key]["status"], capture[key]["body"])
        assert set(answer.headers) == {header.lower() for header in capture[key]["headers"]}
    await post(demo_peer, "/interrupt", {"prompt_id": prompt_id})
    found = await entry(demo_peer, prompt_id)
    (recorded,) = capture["history_interrupted"].values()
    theirs = {recorded["prompt"][1]: "<prompt>"}
    ours = {prompt_id: "<prompt>"}
    assert normal(found["status"], ours) == normal(recorded["status"], theirs)
    assert (found["outputs"], found["meta"]) == (recorded["outputs"], recorded["meta"])
    assert (await post(demo_peer, "/interrupt", [])).status == capture["interrupt_list"]["status"]


async def test_the_recorded_double_ids_and_numbers(demo_peer: WebPeer) -> None:
    capture = read("05_queue_ops.json")["dup_prompt_id_and_number"]
    blocker = await submit(demo_peer, demo_peer.slow_workflow(200))
    await running(demo_peer, blocker)
    same = quick()
    answers = [await post(demo_peer, "/prompt", {"prompt": same, "prompt_id": "same", "number": 7}) for _ in range(3)]
    assert [answer.json() for answer in answers] == [capture[key]["body"] for key in ("r1", "r2", "r3")]
    listing = (await demo_peer.request("GET", "/queue")).json()
    assert [item[:2] for item in listing["queue_pending"]] == capture["queue"]["pending"]
    other = await post(demo_peer, "/prompt", {"prompt": quick(), "prompt_id": "same", "number": 7})
    recorded = read("09_robust.json")["same_id_number_diff_prompt"]["b"]
    assert (other.status, other.body.decode()) == (recorded["status"], recorded["body"])
    assert len((await queue(demo_peer))[1]) == 4
    await post(demo_peer, "/queue", {"clear": True})
    await post(demo_peer, "/interrupt", {"prompt_id": blocker})
    await entry(demo_peer, blocker)


@pytest.mark.parametrize("case", read("01_get.json"), ids=lambda case: case["url"])
async def test_a_recorded_get_is_answered_in_the_same_shape(demo_peer: WebPeer, case: dict[str, Any]) -> None:
    if case["url"].endswith("SlowSteps"):
        pytest.skip("a test node of the recorded server")
    path, _, text = case["url"].partition("?")
    query = dict(part.split("=") for part in text.split("&")) if text else None
    answer = await demo_peer.request("GET", f"/{path}", query)
    assert answer.status == case["status"]
    expected = {key.lower(): value for key, value in case["headers"].items()}
    for header in (set(expected) | set(answer.headers)) - CHANGING_HEADERS - {"transfer-encoding", "connection"}:
        if answer.status != 200 and header == "content-type" and not answer.body:
            continue  # an empty answer has none that matters
        assert answer.headers.get(header) == expected.get(header), header
    if not answer.body or not expected["content-type"].startswith("application/json"):
        return
    if path.startswith(("object_info/EmptyImage", "object_info/SaveImage", "models", "users", "features")):
        assert answer.json() == case["body"]
    elif path not in ("history", "api/history", "object_info", "api/object_info"):  # whose content is the server's own
        assert shape(answer.json()) == shape(case["body"])


async def test_recorded_views_are_answered_alike(demo_peer: WebPeer) -> None:
    from tests.contract.test_files import RED

    capture = read("06_upload_view.json")
    for kind, subfolder in (("input", ""), ("input", "a/b"), ("output", "")):
        await demo_peer.upload("tac75f6.png", RED, type=kind, subfolder=subfolder, overwrite="true")
    await demo_peer.upload("nac75f6.txt", b"hello world", overwrite="true")
    conditional = {"view If-None-Match", "view If-Modified-Since", "view Range", "view HEAD", "view unicode"}
    compared = 0
    for name, case in capture.items():
        if not name.startswith("view ") or name in conditional:
            continue
        _, _, text = case["url"].partition("?")
        query = {}
        for part in filter(None, text.split("&")):
            key, _, value = part.partition("=")
            query[key] = value.replace("%2F", "/").replace("%20", " ")
        answer = await demo_peer.request("GET", "/view", query)
        expected = {key.lower(): value for key, value in case["headers"].items()}
        assert answer.status == case["status"], name
        if answer.status == 200:
            assert set(answer.headers) == set(expected), name
        for header in set(expected) - CHANGING_HEADERS - {"connection"}:
            assert answer.headers[header] == expected[header], (name, header)
        compared += 1
    assert compared > 20


def test_the_catalogue_equals_the_real_one() -> None:
    real = json.loads((FOLDER / "object_info.json").read_text("utf-8"))
    for name in REAL_CLASSES:
        expected = real[name]
        if name == "LoadImage":
            expected["input"]["required"]["image"][0] = []
        assert DEFINITIONS[name] == expected, name
        assert list(DEFINITIONS[name]) == list(expected), name


async def test_a_deleted_file_is_a_success_with_a_404(demo_peer: WebPeer, demo_folder: Any) -> None:
    recorded = read("09_robust.json")["cached_file_deleted"]
    workflow = quick("del")
    first = (await entry(demo_peer, await submit(demo_peer, workflow)))["outputs"]["9"]["images"][0]
    (demo_folder / "output" / first["filename"]).unlink()
    second = await entry(demo_peer, await submit(demo_peer, workflow))
    assert second["outputs"]["9"]["images"] == [first]
    assert second["status"]["status_str"] == recorded["second"]["status"]["status_str"]
    assert (await demo_peer.request("GET", "/view", first)).status == recorded["view"]["status"]


async def test_one_reader_that_does_not_read_stalls_everybody(demo_peer: WebPeer) -> None:
    """Recorded in 11: a client's socket that is not read holds up the events of all others, but not the work."""
    from tests.contract.stuck import StuckReader

    assert read("11_more.json")["stuck_reader"]["before_close"] == []
    good = await demo_peer.connect("stuck-good")
    inputs = {"text": "many previews", "seed": 1, "steps": 100, "width": 512, "height": 512}
    flood: Workflow = {
        "2": {"class_type": "DemoSampler", "inputs": inputs},
        "9": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    async with StuckReader(demo_peer.url, "stuck"):
        await entry(demo_peer, await submit(demo_peer, flood, client_id="stuck"))
        prompt_id = await submit(demo_peer, quick(), client_id="stuck-good")
        assert (await entry(demo_peer, prompt_id))["status"]["status_str"] == "success"
        for _ in range(10):
            await demo_peer.pause()
        assert not any(event.kind == "execution_start" for event in good.heard)
    await good.until(ended(prompt_id))
