"""ComfyUI's HTTP as captured from a real server, and with invalid answers: each is understood or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import comfy, jobs
from app.core.errors import (
    HttpStatusError,
    MooringError,
)
from app.core.evidence import Accepted, Finished, Refused, Unclear
from app.core.model import NodeId, PromptId
from app.core.ports.http import Response
from app.core.truth import judge
from tests.kit import captures
from tests.kit.builders import ERROR, REJECTION, A, answer, queue_item, task
from tests.recordings import OLDEST, VERSIONS
from tests.unit.core.odd import JSON, mutated

P = PromptId("p-1")
GRAPH = {"3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "seed": 18446744073709551615}}}
TASK = task("p-1", A, workflow=json.dumps(GRAPH), title="日本")
NOT_SENT = {"x-mooring-gateway": "connect-failed; sent=no"}
UNKNOWN = {"x-mooring-gateway": "timeout; sent=unknown"}


# What a real server said


def test_every_captured_submit_is_understood() -> None:
    kinds: set[type] = set()
    for exchange in captures.exchanges():
        if (exchange.method, exchange.url) != ("POST", "prompt"):
            continue
        response = exchange.response
        answered_id = json.loads(response.text)["prompt_id"] if response.status == 200 else "p-1"
        result = comfy.read_submit(response, task(answered_id), 5.0)
        expected = {200: Accepted, 500: Unclear}.get(response.status, Refused)
        assert type(result) is expected, exchange
        kinds.add(expected)
        if isinstance(result, Accepted):
            assert result.number is not None
        elif isinstance(result, Refused):
            assert result.failure.exception_type
            assert result.failure.message or response.status == 403
    assert kinds == {Accepted, Unclear, Refused}


def test_every_captured_node_error_is_parsed() -> None:
    versions = set()
    for exchange in captures.exchanges():
        if (exchange.method, exchange.url) != ("POST", "prompt") or exchange.response.status == 500:
            continue
        body = json.loads(exchange.response.text)
        if not body.get("node_errors"):
            continue
        result = comfy.read_submit(exchange.response, task(str(body.get("prompt_id"))), 5.0)
        errors = result.node_errors if isinstance(result, Accepted) else result.failure.node_errors  # type: ignore[union-attr]
        assert len(errors) == sum(len(node["errors"]) for node in body["node_errors"].values()), exchange
        assert all(item.type and item.message and item.class_type for item in errors), exchange
        versions.add(exchange.where.split("/")[0])
    assert versions == set(VERSIONS)


def test_every_captured_queue_is_understood() -> None:
    assert len(captures.queues()) >= 4
    for where, body in captures.queues():
        read = comfy.read_queue(answer(body), A)
        assert read.running == tuple(item[1] for item in body["queue_running"]), where
        assert sorted(read.pending) == sorted(item[1] for item in body["queue_pending"]), where


def test_every_captured_history_entry_is_an_end() -> None:
    ends = set()
    for where, body in captures.entries():
        prompt_id = PromptId(body["prompt"][1])
        read = comfy.read_history(answer({prompt_id: body}), A, prompt_id, 5.0)
        assert isinstance(read, Finished), where
        ends.add(read.end)
        last = body["status"]["messages"][-1]
        assert read.end == last[0].removeprefix("execution_"), where
        assert read.ended_ms == last[1]["timestamp"], where
        assert (read.failure is not None) == (read.end == "error"), where
        files = [item["filename"] for made in body["outputs"].values() for item in made.get("images", [])]
        assert [item.filename for item in read.outputs] == files, where
    assert ends == {"success", "error", "interrupted"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_blocked_output_is_a_success_that_misses_it(version: str) -> None:
    if version == OLDEST:
        entry = captures.one("11")["blocked no mask found"]["history"]
    else:
        [entry] = captures.one("02h_blocked", version)["history"].values()
    prompt_id = entry["prompt"][1]
    read = comfy.read_history(answer({prompt_id: entry}), A, PromptId(prompt_id), 5.0)
    assert read is not None
    assert read.end == "success"
    made = [NodeId(node_id) for node_id in entry["outputs"]]
    start = task(prompt_id, answered_at=1.0, expected=(NodeId("3"), *made))
    assert judge(start, read).end.missing == ("3",)


def test_every_captured_answer_of_the_jobs_api_is_understood() -> None:
    active, cancels = 0, []
    for exchange in captures.exchanges():
        if exchange.url == "api/jobs" and exchange.response.status == 200:
            listed = json.loads(exchange.response.text)["jobs"]
            for job in listed:
                is_active = job["status"] in ("pending", "in_progress")
                found = jobs.read_active(exchange.response, A, PromptId(job["id"]))
                assert found == (job["status"] if is_active else None), exchange
                active += is_active
        elif exchange.url.startswith("api/jobs/") and exchange.url.endswith("/cancel"):
            cancels.append(jobs.read_job_cancel(exchange.response, A))
    assert active >= 4
    assert {True, False} == set(cancels)


def test_servers_without_the_jobs_api_have_no_active_job() -> None:
    answers = [exchange for exchange in captures.exchanges() if exchange.where.startswith(f"{OLDEST}/01_get")]
    missing = [exchange.response for exchange in answers if exchange.url == "api/jobs"]
    assert [jobs.read_active(response, A, P) for response in missing] == [None]


def test_every_captured_upload_is_understood() -> None:
    for exchange in captures.exchanges():
        if (exchange.method, exchange.url) != ("POST", "upload/image"):
            continue
        if exchange.response.status == 200:
            assert comfy.read_upload(exchange.response, A).name, exchange
            continue
        with pytest.raises(HttpStatusError):
            comfy.read_upload(exchange.response, A)


# Anything at all

READERS: list[Callable[[Response], object]] = [
    lambda response: comfy.read_queue(response, A),
    lambda response: comfy.read_history(response, A, P, 1.0),
    lambda response: comfy.read_upload(response, A),
    lambda response: comfy.read_submit(response, TASK, 1.0),
    comfy.read_loads,
    lambda response: comfy.check_done(response, A),
    lambda response: comfy.check_arrived(response, A),
]
SOUND: list[Any] = [
    {"queue_running": [queue_item(1, "p-1")], "queue_pending": [queue_item(2, "a"), queue_item(3, "b")]},
    {"p-1": {"outputs": {"3": {"images": [{"filename": "a.png", "subfolder": "", "type": "output"}]}},
             "status": {"status_str": "error", "messages": [ERROR]}}},
    {"name": "a.png", "subfolder": "s", "type": "input"},
    {"prompt_id": "p-1", "number": 3, **REJECTION},
    {"servers": {"a": {"ok": True, "running": ["p"], "pending": ["q"]}, "b": {"ok": False, "cause": "x"}}},
]  # fmt: skip
STATUSES = st.sampled_from([200, 200, 200, 200, 204, 302, 400, 404, 413, 500, 502])
HEADERS = st.sampled_from([{}, {}, {}, NOT_SENT, UNKNOWN, {"x-mooring-gateway": ""}])


@given(
    st.sampled_from(READERS),
    st.sampled_from(SOUND).flatmap(mutated).map(json.dumps) | JSON.map(json.dumps) | st.text(max_size=20),
    STATUSES,
    HEADERS,
)
def test_only_our_own_errors_come_out_of_any_answer(
    read: Callable[[Response], object], text: str, status: int, headers: dict[str, str]
) -> None:
    try:
        read(Response(status, headers, text))
    except MooringError as error:
        assert str(error)


@given(st.sampled_from(SOUND).flatmap(mutated), STATUSES, HEADERS)
def test_any_answer_to_a_submit_is_an_answer(body: Any, status: int, headers: dict[str, str]) -> None:
    """Nothing may be raised after the prompt was sent: the task would be left without its answer."""
    result = comfy.read_submit(answer(body, status, **headers), TASK, 1.0)
    assert judge(TASK, result).progress.answered_at == 1.0
    if isinstance(result, Accepted):
        assert status == 200
        assert isinstance(body, dict)
        assert body["prompt_id"] == P
    if isinstance(result, Refused) and result.failure.kind == "not_sent":
        assert headers == NOT_SENT
