"""The socket's messages: each real one is parsed, each strange one is `UnknownMessage`, none raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.events import (
    FLAGS,
    AnimationMessage,
    CachedMessage,
    EndMessage,
    ExecutedMessage,
    ExecutingMessage,
    Message,
    NodeProgress,
    PreviewMessage,
    ProgressMessage,
    StartMessage,
    StatusMessage,
    UnknownMessage,
    read_binary,
    read_text,
)
from app.core.model import Failure, NodeId, PromptId
from tests.kit import captures
from tests.kit.builders import output
from tests.unit.core.odd import JSON, mutated
from wire.events import Event

P = PromptId("p-1")
META = {"node_id": "2.0.0.1", "prompt_id": P, "display_node_id": "2", "image_type": "image/png"}


def text(kind: str, **data: Any) -> Message:
    """That message, parsed."""
    return read_text(json.dumps({"type": kind, "data": data}))


def frame(kind: int, second: int, rest: bytes = b"") -> bytes:
    """A binary frame."""
    return kind.to_bytes(4, "big") + second.to_bytes(4, "big") + rest


def with_meta(**changes: Any) -> bytes:
    """A preview with metadata."""
    meta = json.dumps({**META, **changes}).encode()
    return frame(4, len(meta), meta + b"\x89PNG")


def test_flags_ask_for_previews_that_say_whose_they_are() -> None:
    assert json.loads(FLAGS) == {"type": "feature_flags", "data": {"supports_preview_metadata": True}}


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("status", {"status": {"exec_info": {"queue_remaining": 2}}}, StatusMessage(2)),
        ("status", {"status": {"exec_info": {"queue_remaining": 0}}, "sid": "c-1"}, StatusMessage(0, "c-1")),
        ("execution_start", {"prompt_id": P, "timestamp": 1}, StartMessage(P, 1)),
        ("execution_cached", {"prompt_id": P, "nodes": ["1", "2"]}, CachedMessage(P, (NodeId("1"), NodeId("2")))),
        ("execution_cached", {"prompt_id": P, "nodes": []}, CachedMessage(P, ())),
        ("executing", {"prompt_id": P, "node": "3", "display_node": "3"}, ExecutingMessage(P, NodeId("3"))),
        ("executing", {"prompt_id": P, "node": "2.0.0.1", "display_node": "2"}, ExecutingMessage(P, NodeId("2"))),
        ("executing", {"prompt_id": P, "node": None}, ExecutingMessage(P, None)),
        ("executing", {"node": "2"}, ExecutingMessage(None, NodeId("2"))),
        (
            "progress",
            {"prompt_id": P, "node": "2", "value": 1, "max": 4},
            ProgressMessage(P, (NodeProgress(NodeId("2"), 1.0, 4.0, "running"),)),
        ),
        (
            "progress_state",
            {
                "prompt_id": P,
                "nodes": {
                    "2.0.0.1": {
                        "value": 1,
                        "max": 2,
                        "state": "finished",
                        "node_id": "2.0.0.1",
                        "display_node_id": "2",
                        "parent_node_id": "2",
                    }
                },
            },
            ProgressMessage(P, (NodeProgress(NodeId("2"), 1.0, 2.0, "finished", "2.0.0.1"),)),
        ),
        (
            "executed",
            {"prompt_id": P, "node": "3", "output": {"images": [{"filename": "a.png", "type": "temp"}]}},
            ExecutedMessage(P, NodeId("3"), (output("a.png", folder="temp"),)),
        ),
        ("executed", {"prompt_id": P, "node": "3", "output": None}, ExecutedMessage(P, NodeId("3"), ())),
        ("execution_success", {"prompt_id": P, "timestamp": 9}, EndMessage(P, "success", ended_ms=9)),
        ("execution_success", {"prompt_id": P}, EndMessage(P, "success")),
        ("execution_interrupted", {"prompt_id": P, "node_id": "2"}, EndMessage(P, "interrupted")),
        (
            "execution_error",
            {
                "prompt_id": P,
                "node_id": "2",
                "node_type": "X",
                "exception_message": "no\n",
                "exception_type": "E",
                "traceback": ["a", "b"],
            },
            EndMessage(
                P,
                "error",
                Failure(kind="execution", message="no", node_id="2", node_type="X", exception_type="E", traceback="ab"),
            ),
        ),
        ("crystools.monitor", {"cpu": 3}, UnknownMessage("crystools.monitor")),
        ("assets.seed.progress", {"scanned": 4, "total": 9}, UnknownMessage("assets.seed.progress")),
    ],
)
def test_a_message_is_read_as_what_it_says(kind: str, data: dict[str, Any], message: Message) -> None:
    assert text(kind, **data) == message


def test_a_blocked_node_is_no_end() -> None:
    """execution_success follows."""
    assert text("execution_error", prompt_id=P, exception_type="ExecutionBlocked") == UnknownMessage(
        "execution_blocked"
    )


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "null",
        "[]",
        "3",
        '"text"',
        "{not json",
        "[" * 100_000,
        '{"type": "status"}',
        '{"data": {}}',
        '{"type": null, "data": {}}',
        '{"type": ["status"], "data": {}}',
        '{"type": "status", "data": []}',
        '{"type": "status", "data": {"status": null}}',
        '{"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 1e999}}}}',
        '{"type": "status", "data": {"status": {"exec_info": {"queue_remaining": "many"}}}}',
        '{"type": "execution_start", "data": {}}',
        '{"type": "execution_start", "data": {"prompt_id": 42}}',
        '{"type": "execution_cached", "data": {"prompt_id": "p", "nodes": 3}}',
        '{"type": "progress", "data": {"prompt_id": "p", "node": "1", "value": "x", "max": 1}}',
        '{"type": "progress", "data": {"prompt_id": "p", "node": "1", "value": 1' + "0" * 400 + ', "max": 1}}',
        '{"type": "progress_state", "data": {"prompt_id": "p", "nodes": []}}',
        '{"type": "progress_state", "data": {"prompt_id": "p", "nodes": {"1": 3}}}',
        '{"type": "progress_state", "data": {"prompt_id": "p", "nodes": {"1": {}}}}',
        '{"type": "executed", "data": {"prompt_id": "p"}}',
    ],
)
def test_a_malformed_message_is_unknown(raw: str) -> None:
    assert isinstance(read_text(raw), UnknownMessage)


# Binary frames


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (frame(1, 1, b"\xff\xd8"), PreviewMessage(8, "image/jpeg")),
        (frame(1, 2, b"\x89PNG"), PreviewMessage(8, "image/png")),
        (frame(1, 9), PreviewMessage(8, "application/octet-stream")),
        (frame(1, 1, frame(1, 7, b"\x012" + bytes(14) + b"\xff\xd8")), PreviewMessage(32, "image/jpeg", None, "2", 7)),
        (frame(1, 1, frame(1, 7, b"\xff\xd8")), PreviewMessage(16, "image/jpeg", index=7)),
        (frame(3, 1, b"2hello"), UnknownMessage("binary 3")),
        (frame(2, 1), UnknownMessage("binary 2")),
        (frame(4, 8_000_000, b"{}"), UnknownMessage("binary with a cut header")),
        (frame(4, 2, b"{}"), UnknownMessage("binary 4 with a bad header")),
        (frame(4, 2, b"[]"), UnknownMessage("binary 4 with a bad header")),
        (frame(4, 3, b"\xff\xfe\xfd"), UnknownMessage("binary 4 with a bad header")),
        (frame(4, 8000, b"[" * 8000), UnknownMessage("binary 4 with a bad header")),
        (b"\0\0\0\1\0\0", UnknownMessage("binary with a cut header")),
        (b"", UnknownMessage("binary with a cut header")),
    ],
)
def test_a_frame_is_read_from_its_first_bytes(head: bytes, message: Message) -> None:
    assert read_binary(head) == message


def test_preview_with_metadata_has_prompt_and_picture_offset() -> None:
    head = with_meta()
    message = read_binary(head)
    assert isinstance(message, PreviewMessage)
    assert (message.prompt_id, message.node, message.media_type) == (P, "2", "image/png")
    assert head[message.offset :] == b"\x89PNG"


@pytest.mark.parametrize("media_type", ["image/svg+xml", "text/html", None, ["image/png"], 3])
def test_a_preview_is_never_taken_for_something_active(media_type: object) -> None:
    message = read_binary(with_meta(image_type=media_type))
    assert isinstance(message, PreviewMessage)
    assert message.media_type == "application/octet-stream"


@pytest.mark.parametrize(
    ("rate", "shown"), [(8, 8), (7.6, 8), (0.5, 1), (-3, 1), (900, 60), (float("nan"), 1), (float("inf"), 60)]
)
def test_announced_rate_is_one_that_can_be_shown(rate: float, shown: int) -> None:
    assert text("VHS_latentpreview", length=21, rate=rate, id="2") == AnimationMessage(shown)


@pytest.mark.parametrize("data", [{}, {"rate": None}, {"rate": "fast"}])
def test_announcement_without_a_rate_is_unknown(data: dict[str, object]) -> None:
    assert isinstance(text("VHS_latentpreview", **data), UnknownMessage)


# What real servers said

UNDERSTOOD = set(Event) - {Event.FEATURE_FLAGS, Event.ANIMATION}


def test_every_captured_message_is_understood() -> None:
    seen = set()
    for frames in captures.sockets():
        for item in frames.messages:
            if "text" not in item:
                continue
            kind = item["text"]["type"]
            message = read_text(json.dumps(item["text"]))
            seen.add(kind)
            is_blocked = item["text"]["data"].get("exception_type") == "ExecutionBlocked"
            expected = kind not in UNDERSTOOD or is_blocked
            assert isinstance(message, UnknownMessage) == expected, f"{frames.where}: {item}"
            if not expected and kind != "status":
                assert message.prompt_id == item["text"]["data"].get("prompt_id")  # type: ignore[union-attr]
    assert seen >= UNDERSTOOD, "the captures show all kinds"


def test_every_captured_frame_is_understood() -> None:
    kinds = []
    for frames in captures.sockets():
        for item in frames.messages:
            if "binary" not in item:
                continue
            message = read_binary(captures.binary(item))
            kinds.append(item["event_type"])
            if item["event_type"] == 3:
                assert message == UnknownMessage("binary 3")
                continue
            assert isinstance(message, PreviewMessage), f"{frames.where}: {item}"
            is_jpeg = item["image_magic"].startswith("ffd8")
            assert message.media_type == ("image/jpeg" if is_jpeg else "image/png")
            if item["event_type"] == 4:
                assert message.prompt_id == item["metadata"]["prompt_id"]
                assert message.offset == item["len"] - item["image_bytes"]
    assert {1, 3, 4} <= set(kinds)


def test_late_socket_learns_what_runs_without_prompt_id() -> None:
    second = captures.one("03a")["second"]
    parsed = [read_text(json.dumps(item["text"])) for item in second if "text" in item]
    late = next(item for item in parsed if isinstance(item, ExecutingMessage))
    assert (late.prompt_id, late.node) == (None, "2")


# Anything at all


@given(st.text() | JSON.map(json.dumps))
def test_no_text_raises(raw: str) -> None:
    read_text(raw)


SAMPLES = [
    {"type": kind, "data": {"prompt_id": "p", "node": "2", "nodes": {"2": {"value": 1, "max": 2, "state": "running",
     "node_id": "2"}}, "value": 1, "max": 2, "status": {"exec_info": {"queue_remaining": 1}}, "sid": "s",
     "output": {"images": [{"filename": "a.png", "subfolder": "", "type": "output"}]}, "timestamp": 1,
     "traceback": ["t"], "exception_type": "E", "exception_message": "m"}}
    for kind in sorted(UNDERSTOOD)
]  # fmt: skip


@given(st.sampled_from(SAMPLES).flatmap(mutated))
def test_no_message_with_something_odd_in_it_raises(message: Any) -> None:
    read = read_text(json.dumps(message))
    node = getattr(read, "node", None)
    assert node is None or isinstance(node, str)
    assert isinstance(getattr(read, "sid", ""), str)


@given(st.binary(max_size=200) | st.builds(frame, st.integers(0, 5), st.integers(0, 300), st.binary(max_size=100)))
def test_no_bytes_raise(head: bytes) -> None:
    read_binary(head)


@given(mutated(META))
def test_no_odd_metadata_raises(meta: Any) -> None:
    raw = json.dumps(meta).encode()
    read_binary(frame(4, len(raw), raw))
