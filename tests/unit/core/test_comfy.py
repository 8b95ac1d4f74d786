"""ComfyUI's HTTP: what an answer proves, and what it cannot prove."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from app.core import comfy
from app.core.errors import (
    ComfyError,
    ConnectError,
    HttpStatusError,
    MooringError,
    PromptRejected,
    ProtocolError,
    RequestTimeout,
    ServerBusy,
    TransportError,
)
from app.core.evidence import Accepted, Evidence, Refused, Unclear
from app.core.model import Failure, NodeError, PromptId, ServerId, TaskState
from app.core.ports.http import Response
from app.core.truth import judge
from tests.kit import captures
from tests.kit.builders import ERROR, REJECTION, A, answer, queue_item, task

P = PromptId("p-1")
TASK = task("p-1", A)
NOT_SENT = {"x-mooring-gateway": "connect-failed; sent=no"}
UNKNOWN = {"x-mooring-gateway": "timeout; sent=unknown"}


# What an answer to the submit proves


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer({"prompt_id": "p-1", "number": 3, "node_errors": {}}), Accepted),
        (answer({"prompt_id": "p-1"}), Accepted),
        (answer({"prompt_id": "other", "number": 3}), Unclear),
        (answer({}), Unclear),
        (answer([]), Unclear),
        (answer("<html>log in</html>"), Unclear),
        (answer("", 204), Unclear),
        (answer("", 302), Unclear),
        (answer("500 Internal Server Error", 500), Unclear),
        (answer("", 502), Unclear),
        (answer("", 503), Unclear),
        (answer("", 504), Unclear),
        (answer("", 408), Unclear),
        (answer("", 429), Refused),
        (answer({"error": {"type": "no_prompt"}}, 400), Refused),
        (answer("", 401), Refused),
        (answer("", 403), Refused),
        (answer("", 404), Refused),
        (answer("", 405), Refused),
        (answer("Maximum request body size 104857600 exceeded.", 413), Refused),
        (Response(502, NOT_SENT), Refused),
        (Response(504, UNKNOWN), Unclear),
        (Response(200, UNKNOWN, '{"prompt_id": "p-1"}'), Unclear),
        (Response(502, {"x-mooring-gateway": "upstream-lost"}), Unclear),
        (Response(400, {"x-mooring-gateway": "too-large; sent=unknown"}), Unclear),
    ],
)
def test_only_a_clear_answer_is_taken_for_one(response: Response, kind: type[Evidence]) -> None:
    result = comfy.read_submit(response, TASK, 5.0)
    assert type(result) is kind
    assert result.at == 5.0


def test_a_500_proves_nothing() -> None:
    """The prompt may be in the queue and run."""
    result = comfy.read_submit(answer("500 Internal Server Error\n\nServer got itself in trouble", 500), TASK, 5.0)
    assert result == Unclear(5.0, "status 500")
    assert judge(TASK, result).state is TaskState.UNCLEAR


def test_certainly_not_sent_is_a_failure_of_its_own() -> None:
    assert comfy.read_submit(Response(502, NOT_SENT), TASK, 5.0) == Refused(
        5.0, Failure(kind="not_sent", message="connect-failed")
    )
    assert comfy.read_broken_submit(ConnectError(A, "refused"), 5.0) == comfy.not_sent("refused", 5.0)
    assert comfy.read_broken_submit(RequestTimeout(A, "deadline"), 5.0) == Unclear(5.0, "deadline")


@pytest.mark.parametrize(("cause", "status"), [("too-large", 413), ("refused-body", 400)])
def test_body_that_the_gateway_never_passes_on_is_not_sent_again(cause: str, status: int) -> None:
    headers = {key: value.replace("connect-failed", cause) for key, value in NOT_SENT.items()}
    body = json.dumps({"error": {"message": "The body is larger than the limit."}})
    result = comfy.read_submit(Response(status, headers, body), TASK, 5.0)
    assert isinstance(result, Refused) and not comfy.may_go_later(result.failure)
    assert (result.failure.kind, result.failure.exception_type) == ("rejected", cause)


def test_each_fault_of_rejected_prompt_has_servers_message() -> None:
    body = captures.one("04")["missing_required"]["response"]["body"]
    result = comfy.read_submit(answer(body, 400), TASK, 5.0)
    assert isinstance(result, Refused)
    assert result.failure.kind == "rejected"
    assert result.failure.exception_type == "prompt_outputs_failed_validation"
    assert result.failure.node_errors[0] == NodeError(
        node_id="2",
        class_type="SlowSteps",
        type="required_input_missing",
        message="Required input is missing",
        details="steps",
        input_name="steps",
    )
    failed = judge(TASK, result)
    assert failed.end.failure is not None
    error = comfy.refusal_of(failed, failed.end.failure)
    assert isinstance(error, PromptRejected)
    assert isinstance(error, PromptRejected)
    assert error.node_errors == result.failure.node_errors
    assert error.message == result.failure.message


def test_a_200_may_still_name_outputs_that_were_dropped() -> None:
    result = comfy.read_submit(answer({"prompt_id": "p-1", "number": 54, **REJECTION}), TASK, 5.0)
    assert isinstance(result, Accepted)
    assert [item.node_id for item in result.node_errors] == ["2"]


# What the gateway says


@pytest.mark.parametrize(
    ("header", "kind", "cause"),
    [
        ("connect-failed; sent=no", ConnectError, "connect-failed"),
        ("connect-failed;sent=no", ConnectError, "connect-failed"),
        ("timeout; sent=unknown", RequestTimeout, "timeout"),
        ("upstream-lost", RequestTimeout, "upstream-lost"),
        ("odd; sent=maybe", RequestTimeout, "odd"),
    ],
)
def test_a_request_that_did_not_get_through_says_so(header: str, kind: type[MooringError], cause: str) -> None:
    with pytest.raises(MooringError) as caught:
        comfy.check_arrived(Response(502, {"x-mooring-gateway": header}), A)
    assert type(caught.value) is kind
    assert caught.value.facts() == {"server_id": A, "cause": cause}
    comfy.check_arrived(Response(500), A)


# Queue


def test_pending_is_sorted_not_heap_ordered() -> None:
    heap = [queue_item(1, "b"), queue_item(5, "e"), queue_item(2, "c"), queue_item(5, "d"), queue_item(-3.0, "a")]
    read = comfy.read_queue(answer({"queue_running": [queue_item(9, "r")], "queue_pending": heap}), A)
    assert read.pending == ("a", "b", "c", "d", "e")
    assert read.running == ("r",)
    assert [read.place_of(PromptId(item)) for item in "abr"] == [1, 2, None]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        [],
        {},
        {"queue_running": []},
        {"queue_running": [], "queue_pending": None},
        {"queue_running": [], "queue_pending": [3]},
        {"queue_running": [], "queue_pending": [[1]]},
        {"queue_running": [[1, 42]], "queue_pending": []},
        {"exec_info": {"queue_remaining": 0}},
    ],
)
def test_invalid_queue_is_protocol_error(body: object) -> None:
    """A login page with status 200 must never pass for an empty queue: that would count as a poll."""
    with pytest.raises(ProtocolError):
        comfy.read_queue(answer(body), A)


@pytest.mark.parametrize("read", [comfy.read_queue, lambda r, s: comfy.read_history(r, s, P, 1.0), comfy.read_upload])
@pytest.mark.parametrize("status", [204, 302, 401, 403, 404, 500, 504])
def test_another_status_is_no_answer(read: Callable[[Response, ServerId], object], status: int) -> None:
    with pytest.raises(HttpStatusError) as caught:
        read(answer({"queue_running": [], "queue_pending": []}, status), A)
    assert (caught.value.status, caught.value.server_id) == (status, A)


@pytest.mark.parametrize("read", [comfy.read_queue, lambda r, s: comfy.read_history(r, s, P, 1.0), comfy.read_upload])
@pytest.mark.parametrize("status", [429, 502, 503])
def test_busy_proxy_is_no_answer_of_the_server(read: Callable[[Response, ServerId], object], status: int) -> None:
    with pytest.raises(ServerBusy):
        read(answer("<html>busy</html>", status), A)


# History


def entry(status: object, outputs: object = None) -> Response:
    """A history answer of p-1."""
    return answer({"p-1": {"prompt": [], "outputs": {} if outputs is None else outputs, "status": status}})


def test_an_empty_history_is_no_end() -> None:
    assert comfy.read_history(answer({}), A, P, 5.0) is None


@pytest.mark.parametrize("body", [{"p-2": {"outputs": {}}}, {"p-1": []}, {"p-1": {"outputs": []}}, [], "x"])
def test_a_history_of_something_else_is_no_answer(body: object) -> None:
    with pytest.raises(ProtocolError):
        comfy.read_history(answer(body), A, P, 5.0)


BLOCKED = ["execution_error", {"exception_message": "no mask", "exception_type": "ExecutionBlocked", "timestamp": 7}]


@pytest.mark.parametrize(
    ("status", "end", "failure", "ended_ms"),
    [
        ({"status_str": "success", "messages": [["execution_success", {"timestamp": 9}]]}, "success", None, 9),
        ({"status_str": "error", "messages": [ERROR]}, "error", "no", 8),
        ({"status_str": "error", "messages": [["execution_interrupted", {"timestamp": 7}]]}, "interrupted", None, 7),
        ({"status_str": "success", "messages": [BLOCKED, ["execution_success", {"timestamp": 9}]]}, "success", None, 9),
        ({"status_str": "success"}, "success", None, None),
        ({"status_str": "error", "messages": None}, "error", None, None),
        (
            {"status_str": "error", "messages": [3, [], ["x"], ["x", None], ["x", {"timestamp": "y"}]]},
            "error",
            None,
            None,
        ),
        ({}, "error", None, None),
        (None, "error", None, None),
    ],
)
def test_messages_distinguish_interrupt_from_error(
    status: object, end: str, failure: str | None, ended_ms: int | None
) -> None:
    read = comfy.read_history(entry(status), A, P, 5.0)
    assert read is not None
    assert (read.end, read.ended_ms) == (end, ended_ms)
    assert (read.failure.message if read.failure else None) == failure


def test_all_outputs_of_any_kind_are_read_in_their_order() -> None:
    outputs = {
        "9": {"images": [{"filename": "b.png", "subfolder": "s", "type": "output"}, {"filename": "a.png"}]},
        "3": {"gifs": [{"filename": "c.webp", "type": "temp"}], "animated": [True], "text": ["hello"]},
        "4": {"images": [None, {"name": "x"}, {"filename": 3}], "audio": None},
        "5": None,
    }
    read = comfy.read_history(entry({"status_str": "success"}, outputs), A, P, 5.0)
    assert read is not None
    assert [(item.node_id, item.kind, item.filename, item.subfolder, item.folder) for item in read.outputs] == [
        ("9", "images", "b.png", "s", "output"),
        ("9", "images", "a.png", "", "output"),
        ("3", "gifs", "c.webp", "", "temp"),
        ("3", "text", "text_00001_.txt", "", "text"),
    ]


# Upload


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ({"name": "t (1).png", "subfolder": "mooring", "type": "input"}, "mooring/t (1).png"),
        ({"name": "t.png", "subfolder": "", "type": "input"}, "t.png"),
        ({"name": "t.png"}, "t.png"),
        ({"name": "t.png", "subfolder": None, "type": "temp"}, "t.png [temp]"),
        ({"name": "t.png", "type": "input", "asset": {"id": "new", "asset_hash": "blake3:61599f1d"}}, "t.png"),
        ({"name": "t.png", "type": "input", "asset": None}, "t.png"),
        ({"name": "blake3:61599f1d", "subfolder": "", "type": "input", "asset": {"id": "new"}}, "blake3:61599f1d"),
    ],
)
def test_upload_is_used_under_the_answered_name(body: object, value: str) -> None:
    uploaded = comfy.read_upload(answer(body), A)
    assert uploaded.input_value == value
    assert uploaded.server_id == A


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": None}, [], "", "ok"])
def test_an_upload_without_a_name_is_none(body: object) -> None:
    with pytest.raises(ProtocolError):
        comfy.read_upload(answer(body), A)


def test_oversized_upload_raises_its_status() -> None:
    with pytest.raises(HttpStatusError) as caught:
        comfy.read_upload(answer("Maximum request body size 104857600 exceeded.", 413), A)
    assert caught.value.facts() == {
        "server_id": A,
        "status": 413,
        "detail": "Maximum request body size 104857600 exceeded.",
    }


def test_upload_too_large_for_the_gateway_is_reported() -> None:
    refusal = Response(413, {"x-mooring-gateway": "too-large; sent=no"}, "too large")
    with pytest.raises(HttpStatusError) as caught:
        comfy.read_upload(refusal, A)
    assert caught.value.status == 413


# Loads


def test_loads_are_ids_or_a_cause() -> None:
    body = {
        "v": 1,
        "servers": {"a": {"ok": True, "running": ["p"], "pending": ["q", "r"]}, "b": {"ok": False, "cause": "timeout"}},
    }
    assert comfy.read_loads(answer(body)) == {
        "a": (comfy.Queue((PromptId("p"),), (PromptId("q"), PromptId("r"))), ""),
        "b": (comfy.Queue((), ()), "timeout"),
    }
    assert comfy.read_loads(answer({"servers": {"c": {"ok": False}}})) == {"c": (comfy.Queue((), ()), "unknown")}


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer({}), ProtocolError),
        (answer({"servers": []}), ProtocolError),
        (answer({"servers": {"a": []}}), ProtocolError),
        (answer("x"), ProtocolError),
        (answer({"servers": {}}, 500), HttpStatusError),
        (answer({"servers": {}}, 503), ServerBusy),
        (Response(200, UNKNOWN), RequestTimeout),
    ],
)
def test_invalid_loads_are_the_gateways_fault(response: Response, kind: type[TransportError | ComfyError]) -> None:
    with pytest.raises(kind) as raised:
        comfy.read_loads(response)
    assert raised.value.server_id is None, "it is the gateway's"


def test_a_plain_answer_must_be_a_200() -> None:
    comfy.check_done(Response(200), A)
    with pytest.raises(HttpStatusError):
        comfy.check_done(Response(500, {}, "trouble"), A)
    with pytest.raises(RequestTimeout):
        comfy.check_done(Response(200, UNKNOWN), A)


@pytest.mark.parametrize(
    ("exception_type", "message", "is_oom"),
    [
        ("torch.OutOfMemoryError", "Allocation on device 0 would exceed allowed memory.", True),
        ("torch.cuda.OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB", True),
        ("RuntimeError", "MPS backend out of memory", True),
        ("RuntimeError", "[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes", True),
        ("RuntimeError", "shape '[1, 2]' is invalid for input of size 3", False),
        ("", "", False),
    ],
)
def test_out_of_memory_is_recognised(exception_type: str, message: str, is_oom: bool) -> None:
    assert Failure(kind="execution", exception_type=exception_type, message=message).is_out_of_memory is is_oom


def test_a_server_is_described_by_its_versions_and_devices() -> None:
    stats = {
        "system": {"os": "posix", "comfyui_version": "0.3.64", "python_version": "3.11", "pytorch_version": "2.9"},
        "devices": [{"name": "cuda:0 NVIDIA"}, "odd"],
    }
    assert comfy.read_description(answer(stats), A) == "posix · 0.3.64 · 3.11 · 2.9 · cuda:0 NVIDIA"
    with pytest.raises(ProtocolError):
        comfy.read_description(answer({"devices": []}), A)
