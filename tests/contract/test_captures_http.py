"""Answers of a real ComfyUI 0.3.64, replayed on a demo and on a simulated server, compared key by key.

`test_captures_ledger.py` lists what is not replayed, with the reason.
"""

from __future__ import annotations

import json
from ast import literal_eval
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from demo_comfyui.versions import OLD
from tests.contract.captures import normal, request_for, shape, warm
from tests.contract.peer import (
    Answer,
    Peer,
    WebPeer,
    Workflow,
    ended,
    entry,
    new_id,
    post,
    queue,
    quick,
    running,
    save,
    submit,
    until,
    web_peer,
)
from tests.contract.simulated import simulated
from tests.contract.stuck import StuckReader
from tests.contract.test_files import RED
from tests.recordings import catalogue, read, without_prose
from tests.recordings.scenarios import ORIGINS
from tests.services import start_demo
from tests.simulation.server import OLD as SIMULATED_OLD

CHANGING_HEADERS = {"content-length", "date", "server", "etag", "last-modified"}
CORS_HEADERS = ("access-control-", "content-encoding")
"""Headers that the recorded servers added because of their flags."""

EQUAL_CLASSES = ("object_info/EmptyImage", "object_info/SaveImage", "object_info/SlowSteps")
PEER_CLASSES = ("LoadImage", "SaveImage", "PreviewImage", "EmptyImage", "ImageScale", "ImageInvert", "ImageBlur")

UNASKED = {
    "missing_checkpoint": "its node classes need models",
}
UNKNOWN_TO_A_DEMO = {
    "not_in_list": "the list belongs to a test node; test_protocol_*.py asks the same of ImageScale",
}


@pytest.mark.parametrize("name", [name for name, case in read("04_prompt_post").items() if "response" in case])
async def test_recorded_submit_is_answered_identically(replica: Peer, name: str) -> None:
    case = read("04_prompt_post")[name]
    if name in UNASKED or (name in UNKNOWN_TO_A_DEMO and not replica.has_recorded_nodes):
        pytest.skip(UNASKED.get(name) or UNKNOWN_TO_A_DEMO[name])
    answer = await replica.request("POST", "/prompt", body=request_for(replica, case))
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
    if name == "one_good_one_bad_output":  # ComfyUI's order of a set decides which output is blamed
        for body in (found, expected["body"]):
            for node in body["node_errors"].values():
                del node["dependent_outputs"]
    assert normal(without_prose(found), ours) == normal(expected["body"], theirs)


async def test_recorded_answers_to_cancelling(replica: Peer) -> None:
    capture = read("05_queue_ops")
    workflow = replica.slow_workflow(200)
    await warm(replica, workflow, ["1"])
    prompt_id = await submit(replica, workflow, client_id="replay-05")
    await running(replica, prompt_id)
    waiting = await submit(replica, quick(), client_id="replay-05")
    bodies: dict[str, Any] = {
        "delete_unknown": {"delete": ["unknown"]},
        "delete_running": {"delete": [prompt_id]},
        "delete_pending": {"delete": [waiting]},
    }
    for key, body in bodies.items():
        answer = await post(replica, "/queue", body)
        assert (answer.status, answer.body.decode()) == (capture[key]["status"], capture[key]["body"])
        assert set(answer.headers) == {header.lower() for header in capture[key]["headers"]}
    await post(replica, "/interrupt", {"prompt_id": prompt_id})
    found = await entry(replica, prompt_id)
    (recorded,) = capture["history_interrupted"].values()
    theirs = {recorded["prompt"][1]: "<prompt>"}
    ours = {prompt_id: "<prompt>"}
    assert normal(found["status"], ours) == normal(recorded["status"], theirs)
    assert (found["outputs"], found["meta"]) == (recorded["outputs"], recorded["meta"])
    assert (await post(replica, "/interrupt", [])).status == capture["interrupt_list"]["status"]


async def test_recorded_duplicate_ids_and_numbers(replica: Peer) -> None:
    capture = read("05_queue_ops")["dup_prompt_id_and_number"]
    blocker = await submit(replica, replica.slow_workflow(200))
    await running(replica, blocker)
    same = quick()
    answers = [await post(replica, "/prompt", {"prompt": same, "prompt_id": "same", "number": 7}) for _ in range(3)]
    assert [answer.json() for answer in answers] == [capture[key]["body"] for key in ("r1", "r2", "r3")]
    listing = (await replica.request("GET", "/queue")).json()
    assert [item[:2] for item in listing["queue_pending"]] == capture["queue"]["pending"]
    other = await post(replica, "/prompt", {"prompt": quick(), "prompt_id": "same", "number": 7})
    recorded = read("09_robust")["same_id_number_diff_prompt"]["b"]
    assert (other.status, other.body.decode()) == (recorded["status"], recorded["body"])
    assert len((await queue(replica))[1]) == 4
    await post(replica, "/queue", {"clear": True})
    await post(replica, "/interrupt", {"prompt_id": blocker})
    await entry(replica, blocker)


@pytest.mark.parametrize("case", read("01_get"), ids=lambda case: case["url"])
async def test_recorded_get_is_answered_in_the_same_shape(replica: Peer, case: dict[str, Any]) -> None:
    if case["url"].endswith("SlowSteps") and not replica.has_recorded_nodes:
        pytest.skip("a test node of the recorded server, which a demo has not")
    path, _, text = case["url"].partition("?")
    query = dict(part.split("=") for part in text.split("&")) if text else None
    answer = await replica.request("GET", f"/{path}", query)
    assert answer.status == case["status"]
    expected = {key.lower(): value for key, value in case["headers"].items()}
    for header in (set(expected) | set(answer.headers)) - CHANGING_HEADERS - {"transfer-encoding", "connection"}:
        if answer.status != 200 and header == "content-type" and not answer.body:
            continue  # an empty answer has no content
        assert answer.headers.get(header) == expected.get(header), header
    if not answer.body or not expected["content-type"].startswith("application/json"):
        return
    if path.startswith(
        ("object_info/EmptyImage", "object_info/SaveImage", "object_info/SlowSteps", "models", "users", "features")
    ):
        assert without_prose(answer.json()) == case["body"]
    elif path not in ("history", "api/history", "object_info", "api/object_info"):  # these depend on the server
        assert shape(without_prose(answer.json())) == shape(case["body"])


async def test_recorded_views_are_answered_identically(replica: Peer) -> None:
    capture = read("06_upload_view")
    for kind, subfolder in (("input", ""), ("input", "a/b"), ("output", "")):
        await replica.upload("tac75f6.png", RED, type=kind, subfolder=subfolder, overwrite="true")
    await replica.upload("nac75f6.txt", b"hello world", overwrite="true")
    conditional = {"view If-None-Match", "view If-Modified-Since", "view Range", "view HEAD", "view unicode"}
    assert conditional <= set(capture)
    compared = 0
    for name, case in capture.items():
        if not name.startswith("view ") or name in conditional:
            continue
        _, _, text = case["url"].partition("?")
        query = {}
        for part in filter(None, text.split("&")):
            key, _, value = part.partition("=")
            query[key] = value.replace("%2F", "/").replace("%20", " ")
        answer = await replica.request("GET", "/view", query)
        expected = {key.lower(): value for key, value in case["headers"].items()}
        assert answer.status == case["status"], name
        if answer.status == 200:
            assert set(answer.headers) == set(expected), name
        for header in set(expected) - CHANGING_HEADERS - {"connection"}:
            assert answer.headers[header] == expected[header], (name, header)
        compared += 1
    assert compared > 20


@pytest.mark.parametrize("name", ["view If-None-Match", "view If-Modified-Since", "view Range", "view HEAD"])
async def test_recorded_conditional_request_is_answered_identically(replica: Peer, name: str) -> None:
    recorded = read("06_upload_view")[name]
    await replica.upload("condition.png", RED, overwrite="true")
    query = {"filename": "condition.png", "type": "input"}
    plain = await replica.request("GET", "/view", query)
    conditions = {
        "view If-None-Match": {"If-None-Match": plain.headers["etag"]},
        "view If-Modified-Since": {"If-Modified-Since": plain.headers["last-modified"]},
        "view Range": {"Range": "bytes=0-9"},
        "view HEAD": {},
    }
    answer = await replica.request(recorded["method"], "/view", query, headers=conditions[name])
    assert answer.status == recorded["status"]
    assert f"<{len(answer.body)} bytes>" == recorded["body"]
    assert set(answer.headers) == {header.lower() for header in recorded["headers"]}


@pytest.mark.parametrize("name", ORIGINS)
async def test_recorded_origin_is_answered_identically(replica: Peer, name: str) -> None:
    recorded, headers = read("07_origin")[f"default / {name}"], ORIGINS[name]
    await idle(replica)
    for method, path, body in (
        ("GET", "/prompt", None),
        ("POST", "/queue", b'{"delete": []}'),
        ("OPTIONS", "/prompt", None),
    ):
        answer = await replica.request(method, path, body=body, headers=headers)
        compare(answer, recorded[method])
    status, received = await replica.handshake(headers)
    assert status == recorded["WS"]["status"]
    assert [{"type": event.kind, "data": event.data} for event in received[:1]] == [
        item for item in [recorded["WS"].get("first")] if item
    ]


@pytest.mark.parametrize("name", [name for name in read("08_browser_cors") if ":8188" in name])
async def test_page_of_another_origin_runs_jobs_on_other_hosts(replica: Peer, name: str) -> None:
    """What the page can see depends on the browser; whether the server accepts the request does not."""
    recorded = read("08_browser_cors")[name]
    page, server = name.split(" -> ")
    headers = {"Host": server.removeprefix("http://"), "Origin": page, "Content-Type": "text/plain;charset=UTF-8"}
    prompt_id = new_id()
    body = json.dumps({"prompt": quick(), "prompt_id": prompt_id}).encode()
    answer = await replica.request("POST", "/prompt", body=body, headers=headers)
    has_run = recorded["(job of the no-cors POST ran?)"]
    assert answer.status == (200 if has_run else 403)
    if has_run:
        assert (await entry(replica, prompt_id))["status"]["status_str"] == "success"
    assert ((await replica.handshake(headers))[0] == 101) is recorded["WebSocket"].startswith("message")


async def test_recorded_userdata_and_settings(replica: Peer) -> None:
    capture = read("11_more")
    rows = {key: row for key, row in capture.items() if key.startswith(("POST", "GET", "DELETE"))}
    for key, row in rows.items():
        address, _, sent = key.removeprefix(row["method"]).strip().partition(" ")
        path, _, text = address.partition("?")
        query = dict(part.split("=") for part in text.split("&")) if text else None
        said = literal_eval(sent)
        body = json.dumps(said["json"]).encode() if "json" in said else said.get("data", "").encode()
        answer = await replica.request(row["method"], path, query, body or None)
        compare(answer, row)
    assert len(rows) == 10


async def test_deleted_file_is_a_success_with_a_404(replica: Peer) -> None:
    recorded = read("09_robust")["cached_file_deleted"]
    workflow = quick("del")
    first = (await entry(replica, await submit(replica, workflow)))["outputs"]["9"]["images"][0]
    replica.forget_file(first["filename"])
    second = await entry(replica, await submit(replica, workflow))
    assert second["outputs"]["9"]["images"] == [first]
    assert second["status"]["status_str"] == recorded["second"]["status"]["status_str"]
    compare(await replica.request("GET", "/view", first), recorded["view"])


@pytest.mark.parametrize("kind", ["demo", "simulated"])
async def test_recorded_names_are_the_same_on_two_servers(kind: str, tmp_path: Path) -> None:
    recorded = read("09_robust")["names_on_two_servers"]
    found, contents = [], []
    async with AsyncExitStack() as stack:
        for number in range(2):
            if kind == "simulated":
                server: Peer = await stack.enter_async_context(simulated(f"simulated-{number}"))
            else:
                service = stack.enter_context(start_demo(data=tmp_path / str(number)))
                server = await stack.enter_async_context(web_peer(f"demo-{number}", service.url))
            workflow = {"1": quick()["1"], "3": save("1", "same")}
            outputs = (await entry(server, await submit(server, workflow)))["outputs"]
            found.append(outputs)
            contents.append((await server.request("GET", "/view", outputs["3"]["images"][0])).body)
    assert found == recorded
    assert contents[0] != contents[1], "same name, yet another picture"


@pytest.mark.parametrize(
    ("definitions", "names"),
    [(OLD.catalogue, ()), (SIMULATED_OLD.catalogue, PEER_CLASSES)],
    ids=["demo", "simulated"],
)
def test_catalogue_equals_the_real_one(definitions: Mapping[str, Any], names: tuple[str, ...]) -> None:
    real = catalogue()
    for name in dict.fromkeys([*names, *(name for name in definitions if name in real)]):
        expected = real[name]
        if name in ("LoadImage", "LoadImageMask"):
            expected["input"]["required"]["image"][0] = []
        found = without_prose(definitions[name])
        assert found == expected, name
        assert list(found) == list(expected), name


async def idle(peer: Peer) -> None:
    """Wait until nothing runs and nothing waits."""

    async def is_idle() -> bool:
        return await queue(peer) == ([], [])

    await until(peer, is_idle)


def compare(answer: Answer, recorded: dict[str, Any]) -> None:
    """Compare status, headers and body of an answer with the record, without what the recorded server's flags added."""
    assert answer.status == recorded["status"]
    expected = {key.lower(): value for key, value in recorded["headers"].items()}
    expected = {key: value for key, value in expected.items() if not key.startswith(CORS_HEADERS)}
    assert set(answer.headers) == set(expected)
    for header in set(expected) - CHANGING_HEADERS:
        assert answer.headers[header] == expected[header], header
    kind = expected.get("content-type", "")
    if not kind.startswith("application/json"):
        assert answer.body.decode() == recorded["body"]
    else:
        assert dated(answer.json()) == dated(recorded["body"])


def dated(value: Any) -> Any:
    """Return the value without dates."""
    if isinstance(value, dict):
        return {key: "<date>" if key in ("created", "modified") else dated(each) for key, each in value.items()}
    return [dated(each) for each in value] if isinstance(value, list) else value


SHOWN = {"preview_method": "auto"}


async def test_unread_socket_stalls_events_of_all_clients(demo_peer: WebPeer) -> None:
    """An unread socket of one client delays the events of all others, but not the work (recorded in 11).

    This depends on TCP, which a simulated server does not have.
    """
    assert read("11_more")["stuck_reader"]["before_close"] == []
    good = await demo_peer.connect("stuck-good")
    inputs = {"text": "many previews", "seed": 1, "steps": 100, "width": 512, "height": 512}
    flood: Workflow = {
        "2": {"class_type": "DemoSampler", "inputs": inputs},
        "9": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    async with StuckReader(demo_peer.url, "stuck"):
        await entry(demo_peer, await submit(demo_peer, flood, client_id="stuck", extra_data=SHOWN))
        prompt_id = await submit(demo_peer, quick(), client_id="stuck-good")
        assert (await entry(demo_peer, prompt_id))["status"]["status_str"] == "success"
        for _ in range(10):
            await demo_peer.pause()
        assert not any(event.kind == "execution_start" for event in good.received)
    await good.until(ended(prompt_id))
