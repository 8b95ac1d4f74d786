"""The orders of simulated users: small workflows of the simulated servers' nodes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from app.core.workflow import ApiWorkflow, parse_workflow
from tests.simulation.editor import DRAWN
from tests.simulation.server.pictures import Picture, write

PACE = {"seconds_per_step": 0.05, "preview": True, "preview_format": "JPEG", "preview_max_size": 16}


@dataclass(frozen=True)
class Wanted:
    """A workflow, its picture if any, and a word for the trace."""

    workflow: ApiWorkflow
    picture: bytes | None = None
    name: str = "plain"


def a_picture(chance: random.Random) -> bytes:
    """Return a small picture of a random colour."""
    red, green, blue = chance.randbytes(3)
    return write(Picture(8, 8, (red, green, blue)))


def a_workflow(steps: int, seed: int, picture: bytes | None) -> ApiWorkflow:
    """Return a workflow that passes a picture through `steps` of work, or makes one."""
    return parse_workflow(_graph(steps, seed, picture is not None, PACE))


def random_order(chance: random.Random, earlier: list[Wanted]) -> Wanted:
    """Return a new order, or an earlier one, which the server has cached."""
    if earlier and chance.random() < 0.1:
        return chance.choice(earlier)
    steps, seconds = chance.choice([(1, 0.05), (4, 0.25), (6, 1.0), (12, 2.0), (20, 3.0)])
    picture = a_picture(chance) if chance.random() < 0.4 else None
    pace = {**PACE, "seconds_per_step": seconds, "preview": chance.random() < 0.2}
    seed = chance.getrandbits(32)
    graph = _graph(steps, seed, picture is not None, pace)
    if seed % 2:
        graph["2"]["_meta"] = {"title": DRAWN}
    name = chance.choices(["plain", "two outputs", "fails", "rejected"], [12, 3, 2, 1])[0]
    match name:
        case "two outputs":
            graph["4"] = {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}}
        case "fails":
            work = {"image": ["1", 0], "steps": 4, "seconds_per_step": seconds, "fail_at": 2, "nonce": 1}
            graph["2"] = {"class_type": "FailAtStep", "inputs": work}
        case "rejected":
            graph["2"]["inputs"]["steps"] = 0
    return Wanted(parse_workflow(graph), picture, name)


def _graph(steps: int, seed: int, has_picture: bool, pace: dict[str, object]) -> dict[str, Any]:
    blank = {"width": 64, "height": 64, "batch_size": 1, "color": seed % 99}
    first = (
        {"class_type": "LoadImage", "inputs": {"image": "photo.png"}}
        if has_picture
        else {"class_type": "EmptyImage", "inputs": blank}
    )
    return {
        "1": first,
        "2": {"class_type": "SlowSteps", "inputs": {"image": ["1", 0], "steps": steps, "nonce": seed, **pace}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "sim"}},
    }
