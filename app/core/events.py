"""ComfyUI's socket: text and binary messages, parsed into values. Unknown ones become UnknownMessage.

`FLAGS` must be the very first message of each connection; the server ignores a later one (docs/comfyui.md 4).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.comfy import read_failure
from app.core.evidence import Cached, Executed, ReportedEnd, Started
from app.core.model import Failure, NodeId, Output, PromptId
from app.core.outputs import read_node_outputs
from wire.events import Event, prompt_of_event
from wire.frames import IMAGE_TYPES, PREVIEW, PREVIEW_WITH_METADATA, prompt_of_preview, read_header
from wire.media import OPAQUE
from wire.queue import read_remaining

FLAGS = json.dumps({"type": Event.FEATURE_FLAGS, "data": {"supports_preview_metadata": True}})
FASTEST = 60  # frames a second of an animated preview


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """Sent to all clients: how many prompts the server has. On connect it carries the socket's own id."""

    queue_remaining: int
    sid: str = ""


@dataclass(frozen=True, slots=True)
class StartMessage:
    """The prompt begins; `started_ms` is the server's own clock."""

    prompt_id: PromptId
    started_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CachedMessage:
    """These nodes need not run."""

    prompt_id: PromptId
    nodes: tuple[NodeId, ...]


@dataclass(frozen=True, slots=True)
class ExecutingMessage:
    """A node begins; without a node the prompt has ended. Without prompt_id it informs a late socket of what runs."""

    prompt_id: PromptId | None
    node: NodeId | None


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """How far one node is. `state` is running | finished | pending | error. `part` is the node's own id where it was
    made at run time by the `node` that is shown for it."""

    node: NodeId
    value: float
    maximum: float
    state: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class ProgressMessage:
    """Progress of one node (`progress`), or of all started ones (`progress_state`)."""

    prompt_id: PromptId
    nodes: tuple[NodeProgress, ...]


@dataclass(frozen=True, slots=True)
class ExecutedMessage:
    """A node has made files."""

    prompt_id: PromptId
    node: NodeId
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class EndMessage:
    """The server reports the end: success | error | interrupted."""

    prompt_id: PromptId
    end: str
    failure: Failure | None = None
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PreviewMessage:
    """A preview picture begins at `offset` of the frame. A frame of type 1 does not say whose it is.

    `index` is the place of a frame of an animated preview.
    """

    offset: int
    media_type: str
    prompt_id: PromptId | None = None
    node: NodeId | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class AnimationMessage:
    """An animated preview of the running prompt begins, with so many frames a second."""

    rate: int


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """Any other message; no task is concerned."""

    kind: str


Message = (
    StatusMessage
    | StartMessage
    | CachedMessage
    | ExecutingMessage
    | ProgressMessage
    | ExecutedMessage
    | EndMessage
    | PreviewMessage
    | AnimationMessage
    | UnknownMessage
)


def evidence_of(message: Message, at: float, age: float | None) -> Started | Cached | Executed | ReportedEnd | None:
    """Return what a message proves of its task, if anything; `age` as in ReportedEnd."""
    match message:
        case StartMessage():
            return Started(at, message.started_ms)
        case CachedMessage() if message.nodes:
            return Cached(at, message.nodes)
        case ExecutedMessage():
            return Executed(at, message.outputs, age)
        case EndMessage():
            return ReportedEnd(at, message.end, message.failure, message.ended_ms, age)
    return None


def read_text(text: str) -> Message:
    """Parse one text message."""
    try:
        message = json.loads(text)
        kind, data = message["type"], message["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return UnknownMessage("malformed")
    if not isinstance(data, dict) or not isinstance(kind, str):
        return UnknownMessage(str(kind))
    try:
        return _read(kind, data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return UnknownMessage(kind)


def _read(kind: str, data: Mapping[str, Any]) -> Message:
    prompt_id = prompt_of_event(kind, data)
    match kind:
        case Event.STATUS:
            return StatusMessage(read_remaining(data["status"]), str(data.get("sid") or ""))
        case Event.EXECUTING:
            node = data.get("display_node") or data.get("node")
            known = None if prompt_id is None else PromptId(prompt_id)
            return ExecutingMessage(known, NodeId(str(node)) if node else None)
        case Event.ANIMATION:
            return AnimationMessage(round(min(max(1.0, float(data["rate"])), FASTEST)))
    return UnknownMessage(kind) if prompt_id is None else _read_of_prompt(kind, PromptId(prompt_id), data)


def _read_of_prompt(kind: str, prompt_id: PromptId, data: Mapping[str, Any]) -> Message:
    match kind:
        case Event.EXECUTION_START:
            return StartMessage(prompt_id, _timestamp(data))
        case Event.EXECUTION_CACHED:
            return CachedMessage(prompt_id, tuple(NodeId(str(node)) for node in data["nodes"]))
        case Event.PROGRESS:
            progress = NodeProgress(NodeId(str(data["node"])), float(data["value"]), float(data["max"]), "running")
            return ProgressMessage(prompt_id, (progress,))
        case Event.PROGRESS_STATE:
            return ProgressMessage(prompt_id, tuple(map(_node_progress, data["nodes"].values())))
        case Event.EXECUTED:
            node_id = str(data.get("display_node") or data["node"])
            return ExecutedMessage(prompt_id, NodeId(node_id), read_node_outputs(node_id, data.get("output")))
        case Event.EXECUTION_SUCCESS:
            return EndMessage(prompt_id, "success", ended_ms=_timestamp(data))
        case Event.EXECUTION_INTERRUPTED:
            return EndMessage(prompt_id, "interrupted", ended_ms=_timestamp(data))
        case Event.EXECUTION_ERROR if data.get("exception_type") == "ExecutionBlocked":
            return UnknownMessage("execution_blocked")  # no end: execution_success follows (docs/comfyui.md 4)
        case Event.EXECUTION_ERROR:
            return EndMessage(prompt_id, "error", read_failure(data), _timestamp(data))
    return UnknownMessage(kind)


def _timestamp(data: Mapping[str, Any]) -> int | None:
    timestamp = data.get("timestamp")
    return timestamp if isinstance(timestamp, int) else None


def _node_progress(node: Mapping[str, Any]) -> NodeProgress:
    own = str(node.get("node_id") or "")
    node_id = NodeId(str(node.get("display_node_id") or node["node_id"]))
    part = own if own != node_id else ""
    return NodeProgress(node_id, float(node["value"]), float(node["max"]), str(node["state"]), part)


def read_binary(head: bytes) -> Message:
    """Parse one binary message from its first bytes."""
    header = read_header(head)
    if header is None:
        return UnknownMessage("binary with a cut header")
    if header.type == PREVIEW:
        media_type, node_id = IMAGE_TYPES.get(header.number, OPAQUE), NodeId(header.node) if header.node else None
        return PreviewMessage(header.end, media_type, node=node_id, index=header.index)
    if header.type != PREVIEW_WITH_METADATA:
        return UnknownMessage(f"binary {header.type}")
    try:
        meta = json.loads(header.metadata)
        prompt_id, node = prompt_of_preview(meta), meta.get("display_node_id") or meta.get("node_id")
        media_type = meta["image_type"] if meta["image_type"] in IMAGE_TYPES.values() else OPAQUE
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        prompt_id = None
    if prompt_id is None:
        return UnknownMessage("binary 4 with a bad header")
    return PreviewMessage(header.end, media_type, PromptId(prompt_id), NodeId(str(node)) if node else None)
