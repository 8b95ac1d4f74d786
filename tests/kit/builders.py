"""Small values for the core's tests: a task, a reservation, an output, an answer, with the fields that a case sets."""

from __future__ import annotations

import json
from typing import Any

from app.core.evidence import Evidence
from app.core.model import (
    ClientId,
    Fleet,
    NodeId,
    Output,
    PromptId,
    Reservation,
    Server,
    ServerId,
    Task,
    TaskState,
    WindowId,
)
from app.core.ports.http import Response
from app.core.truth import judge
from tests.ports.tasks import new_task

ME = WindowId("w-me")
OTHER = WindowId("w-other")
CLIENT = ClientId("c-me")
A = ServerId("gpu-a")
B = ServerId("gpu-b")
C = ServerId("gpu-c")


def address(server_id: str) -> str:
    """The address of a server in these tests."""
    return f"http://{server_id}.test:8188"


def server(server_id: str, at: str = "") -> Server:
    """A server of the fleet."""
    return Server(
        server_id=ServerId(server_id), name=server_id, address=at or address(server_id), base=f"/servers/{server_id}"
    )


FLEET = Fleet((server(A), server(B), server(C)), "file")


def task(prompt_id: str = "p-1", server_id: str = A, **changes: Any) -> Task:
    """A task of this window, just registered unless `changes` say otherwise."""
    facts: dict[str, Any] = {
        "address": address(server_id) if server_id else "",
        "client_id": CLIENT,
        "owner": ME,
        "epoch": 1,
        "created_at": 100.0,
    }
    return new_task(prompt_id=PromptId(prompt_id), server_id=ServerId(server_id), **{**facts, **changes})


def submitted(prompt_id: str = "p-1", server_id: str = A, **changes: Any) -> Task:
    """A task whose POST was answered at 101."""
    return task(prompt_id, server_id, **{"state": TaskState.QUEUED, "answered_at": 101.0, **changes})


def reservation(prompt_id: str = "p-1", server_id: str = A, **changes: Any) -> Reservation:
    """A place reserved by this window."""
    facts: dict[str, Any] = {"window_id": ME, "address": address(server_id), "at": 99.0}
    return Reservation(prompt_id=PromptId(prompt_id), server_id=ServerId(server_id), **{**facts, **changes})


def output(filename: str, node_id: str = "3", **changes: Any) -> Output:
    """A picture of a task."""
    return Output(node_id=NodeId(node_id), kind="images", filename=filename, **changes)


def answer(body: object, status: int = 200, **headers: str) -> Response:
    """An HTTP answer, its body as JSON unless it is text."""
    return Response(status, headers, body if isinstance(body, str) else json.dumps(body))


def queue_item(number: float, prompt_id: str) -> list[Any]:
    """An item of /queue."""
    return [number, prompt_id, {}, {}, ["3"]]


def after(start: Task, *pieces: Evidence) -> Task:
    """The task after all of this evidence."""
    for piece in pieces:
        start = judge(start, piece)
    return start


REJECTION = {
    "error": {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation", "details": ""},
    "node_errors": {
        "2": {
            "errors": [
                {
                    "type": "required_input_missing",
                    "message": "Required input is missing",
                    "details": "steps",
                    "extra_info": {"input_name": "steps"},
                }
            ],
            "class_type": "SlowSteps",
        }
    },
}
ERROR = ["execution_error", {"exception_message": "no", "exception_type": "E", "node_id": "2", "timestamp": 8}]
