"""The jobs API of newer servers, and how a server without one is recognised."""

from __future__ import annotations

import pytest

from app.core import jobs
from app.core.errors import HttpStatusError, MooringError, ProtocolError
from app.core.model import PromptId
from app.core.ports.http import Response
from tests.kit.builders import A, answer


def test_a_job_is_cancelled_by_its_id_alone() -> None:
    cancel = jobs.job_cancel_request("/servers/gpu-a", PromptId("p/1"))
    assert (cancel.method, cancel.path, cancel.json) == ("POST", "/servers/gpu-a/api/jobs/p%2F1/cancel", "{}")


def test_only_waiting_and_running_jobs_are_requested() -> None:
    asked = jobs.active_request("/servers/gpu-a")
    assert (asked.method, asked.path.partition("&")[0]) == (
        "GET",
        "/servers/gpu-a/api/jobs?status=pending,in_progress",
    )


@pytest.mark.parametrize(
    ("response", "was_active"),
    [
        (answer({"cancelled": True}), True),
        (answer({"cancelled": False}), False),
        (answer("", 404), None),
        (answer("405: Method Not Allowed", 405), None),
    ],
)
def test_cancel_tells_whether_the_job_was_active(response: Response, was_active: bool | None) -> None:
    assert jobs.read_job_cancel(response, A) is was_active


def test_failed_cancel_is_raised() -> None:
    with pytest.raises(HttpStatusError):
        jobs.read_job_cancel(answer("no", 500), A)


@pytest.mark.parametrize(
    ("listed", "status"),
    [
        ([{"id": "p-1", "status": "in_progress"}], "in_progress"),
        ([{"id": "p-2", "status": "pending"}, {"id": "p-1", "status": "pending"}], "pending"),
        ([{"id": "p-1", "status": "completed"}], None),  # history will show it
        ([{"id": "p-2", "status": "pending"}, "odd", {}], None),
        ([], None),
    ],
)
def test_a_job_is_active_or_not(listed: list[object], status: str | None) -> None:
    assert jobs.read_active(answer({"jobs": listed}), A, PromptId("p-1")) == status


@pytest.mark.parametrize("status", [404, 405])
def test_no_job_is_active_on_a_server_without_the_route(status: int) -> None:
    assert jobs.read_active(answer("", status), A, PromptId("p-1")) is None
    with pytest.raises(MooringError):
        jobs.read_active(answer("", status, **{"x-mooring-gateway": "unknown-server; sent=no"}), A, PromptId("p-1"))


def test_an_answer_that_lists_no_jobs_is_refused() -> None:
    with pytest.raises(ProtocolError):
        jobs.read_active(answer({"id": "p-1"}), A, PromptId("p-1"))
