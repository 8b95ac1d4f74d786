"""Answers of real ComfyUI servers, replayed on demo and simulated ones of their version, compared key by key.

`test_captures_ledger.py` lists what is not replayed, with the reason.
"""

from __future__ import annotations

import json
from ast import literal_eval
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from demo_comfyui.catalogue import catalogue_of as demo_catalogue
from tests.contract.captures import each, idle, normal, request_for, shape, warm
from tests.contract.conftest import KINDS, Demos
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
    web_peer,
)
from tests.contract.simulated import simulated
from tests.contract.stuck import StuckReader
from tests.contract.test_files import BLUE, RED
from tests.kit.services import start_demo
from tests.recordings import catalogue, names, read, without_prose
from tests.recordings.scenarios import ORIGINS
from tests.simulation.server import VERSIONS as SERVER_VERSIONS
from tests.simulation.server.catalogue import catalogue_of as simulated_catalogue
from wire.versions import OLDEST, VERSIONS

CHANGING_HEADERS = {"content-length", "date", "server", "etag", "last-modified"}
CORS_HEADERS = ("access-control-", "content-encoding")
"""Headers that the recorded servers added because of their flags."""

EQUAL_CLASSES = ("/object_info/EmptyImage", "/object_info/SaveImage", "/object_info/SlowSteps")
EQUAL_LISTS = ("/models", "/api/models", "/features", "/api/features")
PEER_CLASSES = ("LoadImage", "SaveImage", "PreviewImage", "EmptyImage", "ImageScale", "ImageInvert", "ImageBlur")

UNASKED = {
    "missing_checkpoint": "its node classes need models",
    "replaced class without _meta": "the class replaces a loader of models; 11_node_replacement asks the same",
    "replaced class with _meta": "likewise",
    "dynamic combo": "a class that replicas do not have",
    "autogrow": "likewise",
}
UNKNOWN_TO_A_DEMO = {
    "not_in_list": "the list belongs to a test node; test_protocol_*.py asks the same of ImageScale",
}
SUBMITS = ("04_prompt_post", "11_node_replacement")


def submits(version: str) -> list[tuple[str, str]]:
    """Return the recorded requests to /prompt: the recording and the key."""
    known = [name for name in SUBMITS if name in names(version)]
    return [(name, key) for name in known for key, case in read(name, version).items() if "status" in answer_of(case)]


def answer_of(case: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of a recorded case."""
    found: dict[str, Any] = case.get("response", case)
    return found


@pytest.mark.parametrize(("replica", "case"), each(submits, lambda case: case[1]), indirect=["replica"])
async def test_recorded_submit_is_answered_identically(replica: Peer, case: tuple[str, str]) -> None:
    file, name = case
    recorded = read(file, replica.version)[name]
    if name in UNASKED or (name in UNKNOWN_TO_A_DEMO and not replica.has_recorded_nodes):
        pytest.skip(UNASKED.get(name) or UNKNOWN_TO_A_DEMO[name])
    answer = await replica.request("POST", "/prompt", body=request_for(replica, recorded))
    expected = answer_of(recorded)
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
    if "history" in recorded and replica.version != OLDEST:
        [history] = recorded["history"].values()
        entry_found = await entry(replica, found["prompt_id"])
        assert normal(without_cache(entry_found), ours) == normal(without_cache(history), theirs)
        assert classes(entry_found) == classes(history)


def classes(found: dict[str, Any]) -> list[str]:
    """Return the node classes that ran."""
    return [node["class_type"] for node in found["prompt"][2].values()]


def without_cache(found: dict[str, Any]) -> dict[str, Any]:
    """Return a history entry without the nodes that came from the cache, which the recorded requests share."""
    for kind, data in found["status"]["messages"]:
        if kind == "execution_cached":
            data["nodes"] = []
    return found


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


async def test_recorded_queue_operations_of_a_newer_version(new_replica: Peer) -> None:
    """Each request of the session, in its order; lists of the recorded server's earlier jobs are left out."""
    replica = new_replica
    for _ in range(3):  # a page of earlier jobs
        await entry(replica, await submit(replica, quick()))
    await idle(replica)
    rows = read("05_queue_ops", replica.version)
    now = [row["request"]["json"]["prompt_id"] for row in rows[:3]]
    ids = {prompt_id: f"<{place}>" for place, prompt_id in enumerate(now)}
    for place, row in enumerate(rows):
        if place == 3:
            await running(replica, now[0])
        if row["url"] == "/api/jobs/cancel":  # the recorded run had ended by then
            await idle(replica)
        path, query = parsed(row["url"])
        body = request_for(replica, row) if "request" in row else None
        answer = await replica.request(row["method"], path, query, body)
        assert answer.status == row["status"], row["url"]
        assert set(answer.headers) == {header.lower() for header in row["headers"]}
        found, expected = (answer.json() if answer.body else ""), row["body"]
        if path == "/api/jobs" and query is None:
            found, expected = (sorted(each["jobs"][:3], key=lambda job: job["id"]) for each in (found, expected))
        if query is not None:
            assert len(found.get("jobs", found)) == len(expected.get("jobs", expected))
        else:
            assert normal(found, ids) == normal(expected, ids), row["url"]


async def test_recorded_uploads_and_views_of_a_newer_version(new_replica: Peer) -> None:
    replica = new_replica
    await entry(replica, await submit(replica, quick("cap")))
    pictures = [RED, RED, BLUE, BLUE, RED, RED, RED, RED]
    for row in read("06_upload_view", replica.version):
        path, query = parsed(row["url"])
        if row["method"] == "POST":
            answer = await replica.upload(row["request"]["file"], pictures.pop(0), **row["request"]["form"])
        else:
            answer = await replica.request("GET", path, query)
        assert answer.status == row["status"], row["url"]
        expected = {key.lower(): value for key, value in row["headers"].items()}
        assert set(answer.headers) == set(expected), row["url"]
        for header in set(expected) - CHANGING_HEADERS:
            assert answer.headers[header] == expected[header], (row["url"], header)
        if expected.get("content-type", "").startswith("application/json"):
            assert answer.json() == row["body"]
    assert pictures == []


def parsed(url: str) -> tuple[str, dict[str, str] | None]:
    """Return the path and the query of a recorded address."""
    path, _, text = url.partition("?")
    return f"/{path.lstrip('/')}", dict(part.split("=") for part in text.split("&")) if text else None


SERVERS_OWN = ("history", "object_info", "node_replacements", "jobs", "extensions", "checkpoints")
"""The last part of an address whose answer is another on every server."""
UNKNOWN_CLASSES = ("KSampler", "BatchImagesNode", "ResizeImageMaskNode")


def gets(version: str) -> list[dict[str, Any]]:
    """Return the recorded GETs."""
    found: list[dict[str, Any]] = read("01_get", version)
    return found


@pytest.mark.parametrize(("replica", "case"), each(gets, lambda case: case["url"]), indirect=["replica"])
async def test_recorded_get_is_answered_in_the_same_shape(replica: Peer, case: dict[str, Any]) -> None:
    if case["url"].endswith("SlowSteps") and not replica.has_recorded_nodes:
        pytest.skip("a test node of the recorded server, which a demo has not")
    if case["url"].endswith(UNKNOWN_CLASSES):
        pytest.skip("a class that replicas do not have")
    path, query = parsed(case["url"])
    answer = await replica.request("GET", path, query)
    assert answer.status == case["status"]
    expected = {key.lower(): value for key, value in case["headers"].items()}
    for header in (set(expected) | set(answer.headers)) - CHANGING_HEADERS - {"transfer-encoding", "connection"}:
        if answer.status != 200 and header == "content-type" and not answer.body:
            continue  # an empty answer has no content
        assert answer.headers.get(header) == expected.get(header), header
    if not answer.body or not expected["content-type"].startswith("application/json"):
        return
    found = without_prose(answer.json())
    kind = path.removeprefix("/api").split("/")[1]
    if answer.status != 200 or path.startswith(EQUAL_CLASSES) or path in EQUAL_LISTS:
        assert found == case["body"]
    elif kind == "users":
        assert set(found) == set(case["body"])  # a migrated folder or a new one
    elif path == "/system_stats" or not path.endswith(SERVERS_OWN):
        assert shape(found) == shape(case["body"])
    elif kind == "jobs":
        assert set(found) == set(case["body"]) and set(found["pagination"]) == set(case["body"]["pagination"])


@pytest.mark.parametrize("version", VERSIONS)
async def test_demo_describes_models_like_the_real_server(demos: Demos, version: str) -> None:
    """The recorded servers had files with the names and the metadata of a demo's LoRAs."""
    rows = read("12_models", version)
    async with demos.open(version) as demo:
        for row in rows:
            path, query = parsed(row["url"])
            answer, headers = await demo.request("GET", path, query), row["headers"]
            assert (answer.status, bool(answer.body)) == (row["status"], row["body"] != ""), row["url"]
            if row["status"] != 200:
                continue
            assert answer.headers["content-type"] == headers["Content-Type"], row["url"]
            assert set(answer.headers) == {header.lower() for header in headers}, row["url"]
            if path.startswith(("/models", "/view_metadata")):
                assert answer.json() == row["body"]
            elif path == "/experiment/models":
                assert [item["name"] for item in answer.json()] == [item["name"] for item in row["body"]]
                assert shape(answer.json()[0]) == shape(row["body"][0])
            elif path.startswith("/experiment/models/preview"):
                assert answer.body.startswith(b"RIFF") and answer.body[8:12] == b"WEBP"
            else:
                found, expected = (sorted(each, key=lambda item: item["name"]) for each in (answer.json(), row["body"]))
                assert [item["name"] for item in found] == [item["name"] for item in expected]
                assert list(map(shape, found)) == list(map(shape, expected))


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


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_catalogue_equals_the_real_one(kind: str, version: str) -> None:
    own = demo_catalogue(version) if kind == "demo" else simulated_catalogue(SERVER_VERSIONS[version])
    real, definitions = catalogue(version), own
    for name in dict.fromkeys([*PEER_CLASSES, *(name for name in definitions if name in real)]):
        expected = real[name]
        if name in ("LoadImage", "LoadImageMask"):
            expected["input"]["required"]["image"][0] = []
        found = without_prose(definitions[name])
        assert found == expected, name
        assert list(found) == list(expected), name


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
