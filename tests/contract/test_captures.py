"""Events of runs on real ComfyUI servers, replayed on demo and simulated ones of their version, compared key by key.

The other recorded exchanges are in `test_captures_http.py`; `test_captures_ledger.py` lists what is not replayed.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.contract.captures import (
    captured_events,
    each,
    idle,
    normal,
    plain_events,
    prompt_for,
    skip_unknown,
    warm,
    without_form,
)
from tests.contract.peer import (
    Event,
    Listener,
    Peer,
    ended,
    entry,
    history_of,
    post,
    quick,
    running,
    submit,
)
from tests.recordings import names, read

FLAGS = {"supports_preview_metadata": True}


async def heard_idle(listener: Listener, *, more_than: int = 1) -> None:
    """Wait until the socket has received that the queue is empty."""

    def is_empty(received: list[Event]) -> bool:
        statuses = [event.data["status"] for event in received if event.kind == "status"]
        return len(statuses) > more_than and statuses[-1]["exec_info"]["queue_remaining"] == 0

    await listener.until(is_empty)


def cached_nodes(events: list[Event]) -> list[str]:
    return next(event.data["nodes"] for event in events if event.kind == "execution_cached")


def runs(version: str) -> list[str]:
    """Return the recordings of one run with its own socket."""
    return [name for name in names(version) if "ws_client" in read(name, version)]


def has_flags(events: list[Event]) -> bool:
    """Return whether a socket sent its feature flags, which the server answers."""
    return any(event.kind == "feature_flags" for event in events)


def without_steps(events: list[Event]) -> list[Event]:
    """Return the events without those of steps, whose number before an interrupt varies."""
    return [event for event in events if event.kind not in (1, 4, "progress") and not _is_step(event)]


def _is_step(event: Event) -> bool:
    nodes = event.data["nodes"].values() if event.kind == "progress_state" else ()
    return any(node["state"] == "running" and node["value"] for node in nodes)


@pytest.mark.parametrize(("replica", "name"), each(runs), indirect=["replica"])
async def test_recorded_run_sends_the_same_events(replica: Peer, name: str) -> None:
    capture = read(name, replica.version)
    skip_unknown(replica, capture["prompt"])
    await idle(replica)
    expected, expected_other = captured_events(capture["ws_client"]), captured_events(capture["ws_other_client"])
    prompt = prompt_for(replica, capture["prompt"])
    await warm(replica, prompt, cached_nodes(expected))
    client_id = f"replay-{name}"
    other = await replica.connect("replay-other", capture["flags_sent"] if has_flags(expected_other) else None)
    listener = await replica.connect(client_id, capture["flags_sent"])
    extra = {"extra_data": capture["extra_data_sent"]} if capture.get("extra_data_sent") else {}
    answer = await post(replica, "/prompt", {"prompt": prompt, "client_id": client_id, **extra})
    prompt_id = answer.json()["prompt_id"]
    theirs = {capture["post"]["body"]["prompt_id"]: "<prompt_id>", capture["client_id"]: "<client>"}
    theirs[capture["ws_other_client"][0]["text"]["data"]["sid"]] = "<other>"
    ours = {prompt_id: "<prompt_id>", client_id: "<client>", "replay-other": "<other>"}
    if "meanwhile" in capture:
        await listener.until(lambda received: any(event.kind == "progress" for event in received))
        for row in capture["meanwhile"]:
            await replay(replica, row, theirs, ours)
    await listener.until(ended(prompt_id))
    await heard_idle(other)
    history = (await replica.request("GET", f"/history/{prompt_id}")).json()

    assert normal(answer.json(), ours) == normal(capture["post"]["body"], theirs)
    received = plain_events(listener.received)
    if not replica.has_recorded_nodes and "png" in name:  # a demo sends JPEG
        received, expected = without_form(received), without_form(expected)
    if "meanwhile" in capture:
        received, expected = without_steps(received), without_steps(expected)
    assert normal(received, ours) == normal(expected, theirs)
    assert normal(plain_events(other.received), ours) == normal(expected_other, theirs)
    assert normal(history, ours) == normal(capture["history"], theirs)
    if "job" in capture:
        await replay(replica, capture["job"], theirs, ours)


async def replay(replica: Peer, row: dict[str, Any], theirs: dict[str, str], ours: dict[str, str]) -> None:
    """Repeat a request with our ids in place of theirs, and compare the answer."""
    texts = {their: our for their, name in theirs.items() for our, same in ours.items() if name == same}
    url, body = row["url"], json.dumps(row["request"]["json"]) if "request" in row else ""
    for their, our in texts.items():
        url, body = url.replace(their, our), body.replace(their, our)
    path, _, text = url.partition("?")
    query = dict(part.split("=") for part in text.split("&")) if text else None
    answer = await replica.request(row["method"], path, query, body.encode() or None)
    assert answer.status == row["status"], url
    found = answer.json() if answer.body else ""
    assert normal(found, ours) == normal(row["body"], theirs), url


@pytest.mark.parametrize("name", ["02k_no_client_id", "02l_no_client_id_error"])
async def test_recorded_run_without_a_client_is_broadcast_identically(replica: Peer, name: str) -> None:
    capture = read(f"{name}")
    (recorded,) = capture["history"].values()
    prompt = prompt_for(replica, recorded["prompt"][2])
    await warm(replica, prompt, recorded["status"]["messages"][1][1]["nodes"])
    kinds = {"ws1": ("broadcast-1", None), "ws2_flags": ("broadcast-2", FLAGS), "ws3_no_clientId_query": (None, None)}
    listeners = {
        key: await replica.connect(client_id, flags) for key, (client_id, flags) in kinds.items() if key in capture
    }
    prompt_id = await submit(replica, prompt)
    for key, listener in listeners.items():
        await heard_idle(listener, more_than=2)
        expected = captured_events(capture[key])
        theirs = {capture["post"]["body"]["prompt_id"]: "<prompt>", expected[0].data["sid"]: "<sid>"}
        ours = {prompt_id: "<prompt>", listener.received[0].data["sid"]: "<sid>"}
        assert normal(plain_events(listener.received), ours) == normal(expected, theirs)


async def test_recorded_reconnect_during_a_run_begins_identically(replica: Peer) -> None:
    expected = captured_events(read("03a_reconnect_after_close")["second"])
    first = await replica.connect("replay-03a", FLAGS)
    prompt_id = await submit(replica, replica.slow_workflow(40), client_id="replay-03a")
    await first.until(lambda received: any(event.kind == "progress" for event in received))
    await first.close()
    second = await replica.connect("replay-03a", FLAGS)
    await second.until(ended(prompt_id))
    theirs = {expected[0].data["sid"]: "<client>"}
    ours = {"replay-03a": "<client>"}
    assert normal(second.received[:3], ours) == normal(expected[:3], theirs)
    assert [event.kind for event in second.received[3:6]] == [event.kind for event in expected[3:6]]
    tail = [event.kind for event in second.received][-9:]
    assert tail == [event.kind for event in expected][-9:]


async def test_recorded_deafness_after_the_older_socket_closes(replica: Peer) -> None:
    capture = read("03b_old_socket_closes_after_new")
    assert capture["messages_on_new_after_old_closed"] == 0
    old = await replica.connect("replay-03b", FLAGS)
    prompt_id = await submit(replica, replica.slow_workflow(100), client_id="replay-03b")
    await old.until(lambda received: any(event.kind == "progress" for event in received))
    new = await replica.connect("replay-03b", FLAGS)
    await new.until(lambda received: any(event.kind == "progress" for event in received))
    expected = captured_events(capture["new"])
    theirs = {expected[0].data["sid"]: "<client>"}
    ours = {"replay-03b": "<client>"}
    assert normal(new.received[:3], ours) == normal(expected[:3], theirs)
    await old.close()
    other = await replica.connect("replay-03b-other")
    deaf_since = len(new.received)
    await post(replica, "/interrupt", {"prompt_id": prompt_id})
    await heard_idle(other)
    assert new.received[deaf_since:] == []
    assert await history_of(replica, prompt_id) is not None


async def test_recorded_run_over_two_sockets_of_one_client(replica: Peer) -> None:
    capture = read("03c_two_sockets_same_id")
    expected = captured_events(capture["second"])
    prompt = replica.slow_workflow(3)
    prompt = {"1": prompt["1"], "2": prompt["2"], "3": {**prompt["9"]}}
    prompt["3"]["inputs"]["filename_prefix"] = "cap"
    await warm(replica, prompt, cached_nodes(expected))
    first = await replica.connect("replay-03c")
    second = await replica.connect("replay-03c")
    prompt_id = await submit(replica, prompt, client_id="replay-03c")
    await second.until(ended(prompt_id))
    theirs = {expected[0].data["sid"]: "<client>"}
    theirs[next(event.data["prompt_id"] for event in expected if event.kind == "execution_start")] = "<prompt>"
    ours = {"replay-03c": "<client>", prompt_id: "<prompt>"}
    assert normal(plain_events(second.received), ours) == normal(expected, theirs)
    assert normal(first.received, ours) == normal(captured_events(capture["first"]), theirs)


async def test_recorded_socket_that_waits_for_a_pending_job(replica: Peer) -> None:
    capture = read("03f_pending_socket")
    expected = captured_events(capture["ws"])
    blocker = await submit(replica, replica.slow_workflow(60), client_id="replay-03f-blocker")
    await running(replica, blocker)
    prompt = {**replica.slow_workflow(2)}
    prompt = {"1": prompt["1"], "2": prompt["2"], "3": {**prompt["9"]}}
    prompt["3"]["inputs"]["filename_prefix"] = "cap"
    prompt_id = await submit(replica, prompt, client_id="replay-03f")
    listing = (await replica.request("GET", "/queue")).json()
    assert [len(item) for item in listing["queue_running"] + listing["queue_pending"]] == [5, 5]
    remaining = (await replica.request("GET", "/prompt")).json()
    assert remaining == capture["prompt"]["body"]
    listener = await replica.connect("replay-03f")
    await post(replica, "/interrupt", {"prompt_id": blocker})
    await listener.until(ended(prompt_id))
    theirs = {expected[0].data["sid"]: "<client>"}
    theirs[next(event.data["prompt_id"] for event in expected if event.kind == "execution_start")] = "<prompt>"
    ours = {"replay-03f": "<client>", prompt_id: "<prompt>"}
    found = normal(plain_events(listener.received), ours)
    wanted = normal(expected, theirs)
    # In the recording the blocking job had used the same source, so that node 1 came from the cache.
    wanted = [event for event in wanted if event[0] not in ("progress_state", "execution_cached")]
    found = [event for event in found if event[0] not in ("progress_state", "execution_cached")]
    assert [event for event in found if event[1].get("node") != "1"] == wanted


async def test_recorded_socket_that_opens_after_the_end(replica: Peer) -> None:
    expected = captured_events(read("03e_late_socket"))
    await entry(replica, await submit(replica, quick(), client_id="replay-03e"))
    listener = await replica.connect("replay-03e")
    theirs, ours = {expected[0].data["sid"]: "<client>"}, {"replay-03e": "<client>"}
    assert normal(listener.received, ours) == normal(expected, theirs)


@pytest.mark.parametrize("name", ["blocked no mask found", "blocked "])
async def test_recorded_block_is_no_end_and_omits_its_output(replica: Peer, name: str) -> None:
    if not replica.has_recorded_nodes:
        pytest.skip("a demo has no node that blocks")
    capture = read("11_more")[name]
    expected = captured_events(capture["ws"])
    await entry(replica, await submit(replica, quick()))
    listener = await replica.connect("replay-11")
    prompt_id = await submit(replica, capture["prompt"], client_id="replay-11")
    await listener.until(ended(prompt_id))
    theirs = {expected[0].data["sid"]: "<client>", capture["history"]["prompt"][1]: "<prompt>"}
    ours = {"replay-11": "<client>", prompt_id: "<prompt>"}
    assert normal(plain_events(listener.received), ours) == normal(expected, theirs)
    assert normal(await history_of(replica, prompt_id), ours) == normal(capture["history"], theirs)


async def test_recorded_run_of_the_frontend(replica: Peer) -> None:
    """Its first socket is given an id, under which it opens the second one and runs prompts."""
    capture = read("13_frontend_calls")
    flags = json.loads(capture["ws"][0]["sent"][0])["data"]
    first = await replica.connect(None, flags)
    client_id = first.received[0].data["sid"]
    await first.until(lambda received: len(received) > 1)
    await first.close()
    posted = capture["prompt_requests"][0][2]  # truncated
    prompt, _ = json.JSONDecoder().raw_decode(posted, posted.index('"prompt":') + len('"prompt":'))
    prompt = prompt_for(replica, prompt)
    await warm(replica, prompt, [])
    second = await replica.connect(client_id, flags)
    await second.until(lambda received: len(received) > 1)
    prompt_id = (await post(replica, "/api/prompt", {"prompt": prompt, "client_id": client_id})).json()["prompt_id"]
    await second.until(ended(prompt_id))
    theirs, ours = {capture["window.name"]: "<client>"}, {client_id: "<client>", prompt_id: "<prompt>"}
    for listener, socket in ((first, capture["ws"][0]), (second, capture["ws"][1])):
        expected = [_frontend_event(text) for text in socket["recv"]]
        theirs |= {event.data["prompt_id"]: "<prompt>" for event in expected if event.kind == "execution_start"}
        received = plain_events(listener.received)
        assert [event.kind for event in received] == [event.kind for event in expected]
        for found, wanted in zip(received, expected, strict=True):
            if wanted.data is not None:
                data = found.data["metadata"] if found.kind == 4 else found.data
                assert normal(data, ours) == normal(wanted.data, theirs)


def _frontend_event(text: str) -> Event:
    """Return a recorded message. The record has only the metadata of a frame, and only the kind of a long text."""
    metadata = re.match(r"b'\\x00\\x00\\x00\\x04.*?(\{.*?\})", text)
    if metadata is not None:
        return Event(4, json.loads(metadata[1]))
    try:
        said = json.loads(text)
    except ValueError:
        kind = re.match(r'\{"type": "(\w+)"', text)
        assert kind is not None, text
        return Event(kind[1], None)
    return Event(said["type"], said["data"])
