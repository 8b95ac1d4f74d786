"""The faults that a demo server can have under *Break it*: a closed list, and what a request may say.

Pure. A request names one server and one fault of the list; the request to the server is made from our own values, so
nothing from the client ever reaches `/demo/faults`. See `demo_comfyui/faults.py` for what each change does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.http.json_reader import Bounds, JsonError, read_json
from wire.faults import CHANGES, SWITCHES, Fault

LARGEST_WISH = 1_000  # bytes
_WISH = Bounds(LARGEST_WISH)
_KEYS = {"server", "fault"}

_NEXT = {change["next_submit"]: fault for fault, change in CHANGES.items() if change.get("next_submit")}


@dataclass(frozen=True, slots=True)
class FaultWish:
    """A server, and the fault that it should get."""

    server_id: str
    fault: Fault


def read_wish(raw: bytes) -> FaultWish | str:
    """Parse a request body, or return a sentence on why it is invalid."""
    try:
        value = read_json(raw, _WISH, is_strict=True)
    except JsonError:
        return "The body is not JSON in UTF-8."
    if not isinstance(value, dict) or set(value) != _KEYS or not all(isinstance(one, str) for one in value.values()):
        return 'Only {"server": "…", "fault": "…"} passes.'
    try:
        return FaultWish(value["server"], Fault(value["fault"]))
    except ValueError:
        return f"A fault is one of: {', '.join(fault.value for fault in Fault)}."


def read_active_faults(answer: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return the active faults in a demo server's answer to `/demo/faults`."""
    state = answer["faults"]
    found = [item.fault for item in SWITCHES if state.get(item.key)]
    awaited = _NEXT.get(state.get("next_submit"))
    if awaited is None and answer.get("holding"):
        awaited = Fault.HOLD_NEXT
    return (*found, awaited) if awaited is not None else tuple(found)
