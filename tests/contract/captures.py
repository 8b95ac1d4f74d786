"""The recorded exchanges of real ComfyUI servers, normalised so that two runs can be compared key by key.

Ids, times, numbers, prompts and file counters become placeholders. The recorded servers had small test nodes. A
simulated server has them too; on a demo SlowSteps and FailAtStep are replaced by DemoFailAt, which sends the same
events in the same order, and the inputs of those nodes are left out.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.contract.conftest import replicas
from tests.contract.peer import Event, Peer, Workflow, entry, queue, quick, submit, until
from wire.versions import VERSIONS

STAND_IN = "DemoFailAt"
REPLACED = ("SlowSteps", "FailAtStep")
UNKNOWN_TO_A_DEMO = {
    "ExpandSlow": "a demo has no node that expands",
    "SendText": "a demo has no node that sends text",
    "BlockWithMessage": "a demo has no node that blocks",
    "FakeSampler": "a demo's sampler takes a text; test_protocol_newer.py asks it for previews",
}
"""Test nodes of the recorded servers that nothing replaces, with the reason."""
TIMES = ("create_time", "execution_start_time", "execution_end_time", "timestamp")
OWN_INPUTS = {"seconds_per_step", "nonce", "preview", "preview_format", "preview_max_size", "fail_at"}

IMAGES = {"ffd8ffe0": "jpeg", "89504e47": "png"}
"""Kinds of pictures by their first four bytes."""

_COUNTER = re.compile(r"^(cap|other|b|ComfyUI_temp|ComfyUI)_(?:[a-z]{5}_)?\d{5}_\.png$")


def each(pick: Callable[[str], Iterable[Any]], name: Callable[[Any], str] = str) -> list[Any]:
    """Return the parameters `replica` and an item of `pick(version)`, for each version and each kind of replica."""
    return [
        pytest.param(replica, item, id=f"{replica}-{name(item)}")
        for version in VERSIONS
        for replica in replicas(version)
        for item in pick(version)
    ]


def skip_unknown(peer: Peer, prompt: Any) -> None:
    """Skip a test whose prompt has a node that the server does not have."""
    for node in prompt.values() if isinstance(prompt, dict) and not peer.has_recorded_nodes else ():
        if isinstance(node, dict) and node.get("class_type") in UNKNOWN_TO_A_DEMO:
            pytest.skip(UNKNOWN_TO_A_DEMO[node["class_type"]])


async def idle(peer: Peer) -> None:
    """Wait until nothing runs and nothing waits."""

    async def is_idle() -> bool:
        return await queue(peer) == ([], [])

    await until(peer, is_idle)


def prompt_for(peer: Peer, prompt: Any) -> Any:
    """Return a captured prompt for a server, with replacements for test nodes that it does not have."""
    if peer.has_recorded_nodes or not isinstance(prompt, dict):
        return prompt
    replaced = {}
    for node_id, node in prompt.items():
        if not isinstance(node, dict) or node.get("class_type") not in REPLACED:
            replaced[node_id] = node
            continue
        inputs = {key: value for key, value in node["inputs"].items() if key not in OWN_INPUTS}
        inputs["fail_at"] = node["inputs"].get("fail_at", 0)
        replaced[node_id] = {"class_type": STAND_IN, "inputs": inputs}
    return replaced


def request_for(peer: Peer, case: dict[str, Any]) -> bytes:
    """Return the body of a captured POST /prompt for a server."""
    request = case["request"].get("json", case["request"]) if isinstance(case["request"], dict) else case["request"]
    if isinstance(request, str):
        data: str = ast.literal_eval(request)["data"]
        try:
            request = json.loads(data)
        except json.JSONDecodeError:
            return data.encode()
    if isinstance(request, dict) and "prompt" in request:
        request = {**request, "prompt": prompt_for(peer, request["prompt"])}
    return json.dumps(request).encode()


async def warm(peer: Peer, prompt: Workflow, cached: list[str]) -> None:
    """Fill the cache with exactly these nodes of the prompt."""
    await entry(peer, await submit(peer, quick()))
    if cached:
        part = {node_id: prompt[node_id] for node_id in cached}
        if "3" not in cached:
            source = cached[-1]
            if prompt[source]["class_type"] == "EmptyLatentImage":
                part["98"] = {"class_type": "LatentPicture", "inputs": {"latent": [source, 0]}}
                source = "98"
            part["99"] = {"class_type": "PreviewImage", "inputs": {"images": [source, 0]}}
        await entry(peer, await submit(peer, part))


def captured_events(events: list[dict[str, Any]]) -> list[Event]:
    """Return what a captured socket received, as our listeners record it, with its frames decoded."""
    found = []
    for event in events:
        if "text" in event:
            found.append(Event(event["text"]["type"], event["text"]["data"]))
        elif event.get("binary"):
            found.append(Event(event["event_type"], _captured_frame(event)))
    return found


def _captured_frame(event: dict[str, Any]) -> dict[str, Any]:
    match event["event_type"]:
        case 1:
            return {"form": int(event["hex_first_16"][8:16], 16), "image": IMAGES[event["image_magic"]]}
        case 3 if "rest" in event:
            return _frame(Event(3, event["rest"].encode()))
        case 3:
            return {"node": event["node_id"], "text": event["progress_text"]}
        case _:
            return {"metadata": event["metadata"], "image": IMAGES[event["image_magic"]]}


def plain_events(events: list[Event]) -> list[Event]:
    """Return what a listener of ours received, with frames decoded like the captured ones."""
    return [event if isinstance(event.kind, str) else Event(event.kind, _frame(event)) for event in events]


def _frame(event: Event) -> dict[str, Any]:
    head = int.from_bytes(event.data[:4], "big")
    first, rest = event.data[4 : 4 + head], event.data[4 + head :]
    match event.kind:
        case 1:
            return {"form": head, "image": IMAGES[event.data[4:8].hex()]}
        case 3:
            return {"node": first.decode(), "text": rest.decode()}
        case _:
            return {"metadata": json.loads(first), "image": IMAGES[rest[:4].hex()]}


def without_form(events: list[Event]) -> list[Event]:
    """Return the events with any picture format of previews replaced, for a server that sends only JPEG."""
    return [
        Event(event.kind, {"metadata": {**event.data.get("metadata", {}), "image_type": "any"}})
        if event.kind in (1, 4)
        else event
        for event in events
    ]


def normal(value: Any, names: dict[str, str]) -> Any:
    """Replace what differs from run to run; `names` maps ids to placeholders."""
    if isinstance(value, Event):
        return (value.kind, normal(value.data, names))
    if isinstance(value, dict):
        return {names.get(key, key): _entry(key, each, names) for key, each in value.items() if key not in OWN_INPUTS}
    match value:
        case [int() | float(), str(prompt_id), dict(), dict(extra_data), list(outputs)]:  # of a queue or a history
            return ["<number>", normal(prompt_id, names), "<prompt>", normal(extra_data, names), sorted(outputs)]
    if isinstance(value, (list, tuple)):
        return [normal(each, names) for each in value]
    if isinstance(value, str):
        return _text(value, names)
    return value


def _entry(key: str, value: Any, names: dict[str, str]) -> Any:
    match key:
        case "number" | "priority":
            return f"<{key}>"
        case _ if key in TIMES:
            return f"<{key}>"
        case "prompt" if isinstance(value, dict):
            return "<prompt>"
        case "traceback":
            return "<traceback>" if isinstance(value, list) else value
        case "current_outputs" | "executed" if isinstance(value, list):  # sets in ComfyUI
            return sorted(value)
        case "current_inputs" if isinstance(value, dict):
            return {name: len(each) for name, each in value.items() if name not in OWN_INPUTS}
        case _:
            return normal(value, names)


def _text(value: str, names: dict[str, str]) -> str:
    found = _COUNTER.match(value)
    if found:
        return f"<{found[1]} file>"
    for name in REPLACED:
        value = value.replace(name, STAND_IN)
    return names.get(value, value)


def shape(value: Any) -> Any:
    """Return types instead of values, with every key."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, bool) or value is None:
        return value
    return "number" if isinstance(value, (int, float)) else type(value).__name__
