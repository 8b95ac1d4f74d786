"""The raw exchanges of a real ComfyUI 0.3.64, and a normaliser that makes two runs comparable key by key.

Ids, times, numbers and file counters become placeholders. The captured test nodes SlowSteps and FailAtStep are replaced
by DemoFailAt, which works step by step in the same order of events; what only those nodes' inputs say is left out.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

from tests.contract.peer import Event

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "comfyui"
CAPTURES = FOLDER / "captures"
STAND_IN = "DemoFailAt"
REPLACED = ("SlowSteps", "FailAtStep")
OWN_INPUTS = {"seconds_per_step", "nonce", "preview", "preview_format", "preview_max_size", "fail_at"}

_COUNTER = re.compile(r"^(cap|other|ComfyUI_temp)_(?:[a-z]{5}_)?\d{5}_\.png$")


def read(name: str) -> Any:
    """One capture file."""
    return json.loads((CAPTURES / name).read_text("utf-8"))


def stand_in(prompt: Any) -> Any:
    """A captured prompt with its test nodes replaced by the demo's."""
    if not isinstance(prompt, dict):
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


def request_of(case: dict[str, Any]) -> bytes:
    """The body of a captured POST /prompt, ready for the demo."""
    request = case["request"]
    if isinstance(request, str):
        data: str = ast.literal_eval(request)["data"]
        try:
            request = json.loads(data)
        except json.JSONDecodeError:
            return data.encode()
    if isinstance(request, dict) and "prompt" in request:
        request = {**request, "prompt": stand_in(request["prompt"])}
    return json.dumps(request).encode()


def captured_events(events: list[dict[str, Any]]) -> list[Event]:
    """What a captured socket heard, as our listeners record it; frames keep format and metadata only."""
    found = []
    for event in events:
        if "text" in event:
            found.append(Event(event["text"]["type"], event["text"]["data"]))
        elif event.get("binary"):
            form = event.get("image_format_word")
            metadata = event.get("metadata")
            found.append(Event(event["event_type"], {"form": form, "metadata": metadata, "jpeg": True}))
    return found


def plain_events(events: list[Event]) -> list[Event]:
    """What a listener of ours heard, with frames taken apart like the captured ones."""
    return [event if isinstance(event.kind, str) else Event(event.kind, _frame(event)) for event in events]


def _frame(event: Event) -> dict[str, Any]:
    head = int.from_bytes(event.data[:4], "big")
    if event.kind == 1:
        return {"form": head, "metadata": None, "jpeg": event.data[4:7] == b"\xff\xd8\xff"}
    metadata = json.loads(event.data[4 : 4 + head])
    return {"form": None, "metadata": metadata, "jpeg": event.data[4 + head :][:3] == b"\xff\xd8\xff"}


def normal(value: Any, names: dict[str, str]) -> Any:
    """The value with what differs from run to run replaced; `names` maps ids to placeholders."""
    if isinstance(value, Event):
        return (value.kind, normal(value.data, names))
    if isinstance(value, dict):
        return {names.get(key, key): _entry(key, each, names) for key, each in value.items() if key not in OWN_INPUTS}
    if isinstance(value, (list, tuple)):
        return [normal(each, names) for each in value]
    if isinstance(value, str):
        return _text(value, names)
    return value


def _entry(key: str, value: Any, names: dict[str, str]) -> Any:
    match key:
        case "timestamp" | "number":
            return f"<{key}>"
        case "traceback":
            return "<traceback>" if isinstance(value, list) else value
        case "current_outputs":
            return sorted(value)
        case "current_inputs" if isinstance(value, dict):
            return {name: len(each) for name, each in value.items() if name not in OWN_INPUTS}
        case "prompt" if isinstance(value, list) and len(value) == 5:
            return ["<number>", *normal([value[1], value[2], value[3], sorted(value[4])], names)]
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
    """Types instead of values, and every key."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, bool) or value is None:
        return value
    return "number" if isinstance(value, (int, float)) else type(value).__name__
