"""ComfyUI's HTTP: requests are built here and answers are read here, and no JSON leaves this module.

`base` is what `get_api_base_url` gave (`/servers/gpu-1`). docs/comfyui.md has the facts; comments name its sections.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from app.core.busy import BUSY, NOT_PASSED_ON, busy_in_front
from app.core.errors import (
    ConnectError,
    HttpStatusError,
    PromptRejected,
    ProtocolError,
    RequestTimeout,
    ServerBusy,
    TransportError,
)
from app.core.evidence import Accepted, Finished, Refused, Seen, Unclear
from app.core.model import Failure, NodeError, NodeId, Output, PromptId, ServerId, Task
from app.core.outputs import read_outputs
from app.core.ports.blobs import Blob
from app.core.ports.http import Multipart, Request, Response
from app.core.server_file import ServerFile
from wire.events import Event
from wire.features import Features, read_features
from wire.history import HistoryEntry, HistoryError, read_entry
from wire.queue import QueueError, read_rows
from wire.refusals import FORBIDDEN, UNFIT_BODIES, Cause
from wire.turns import ALL_NOW, NOT_YOUR_TURN, OWNER

LOOK_DEADLINE = 12.0  # seconds; the gateway gives up on the server before that (10 s) and reports the cause
SUBMIT_DEADLINE = 40.0
FILE_DEADLINE = 4.0  # a click on Run waits for it
UPLOAD_DEADLINE = 900.0  # the gateway cuts an upload that stops moving
VIEW_DEADLINE = 300.0
UPLOAD_FOLDER = "mooring"
TOO_MANY = Cause.TOO_MANY_PROMPTS.code
NEVER_RAN = frozenset({"rejected", "not_sent"})  # the kinds of failure after which there certainly was no run

# Statuses that a request ends with before any handler has seen the prompt (docs/comfyui.md 2 and 7).
_NEVER_QUEUED = frozenset({400, 401, 403, 404, 405, 413})


def submit_request(
    base: str, task: Task, graph: Mapping[str, Any] | None = None, *, previews: str, is_unbounded: bool = False
) -> Request:
    """POST /prompt with our own ids; `extra_data.mooring` has its owner. `graph` goes into its pictures.

    `previews` is the method that its samplers use (`core/previews.py`). With `is_unbounded` a gateway that knows its
    users does not count how many of the user's prompts are ahead.
    """
    extra: dict[str, Any] = {OWNER: {"window": task.owner, "title": task.title}, "preview_method": previews}
    if is_unbounded:
        extra[OWNER][ALL_NOW] = True
    if graph is not None:
        extra["extra_pnginfo"] = {"workflow": graph}
    body = {
        "prompt": json.loads(task.workflow),
        "prompt_id": task.prompt_id,
        "client_id": task.client_id,
        "extra_data": extra,
    }
    text = json.dumps(body, ensure_ascii=False)
    return Request(method="POST", path=f"{base}/prompt", deadline=SUBMIT_DEADLINE, json=text)


def upload_request(base: str, blob: Blob, filename: str) -> Request:
    """POST /upload/image into our own subfolder; `filename` should be a content hash, never overwritten."""
    form = Multipart({"type": "input", "subfolder": UPLOAD_FOLDER}, blob, filename)
    return Request(method="POST", path=f"{base}/upload/image", deadline=UPLOAD_DEADLINE, form=form)


def queue_request(base: str) -> Request:
    """GET /queue: to be read before history, or a task that ends in between is missed."""
    return Request(method="GET", path=f"{base}/queue", deadline=LOOK_DEADLINE)


def history_request(base: str, prompt_id: PromptId) -> Request:
    """GET /history/{id}: 200 and `{}` for whatever is not there."""
    return Request(method="GET", path=f"{base}/history/{quote(prompt_id, safe='')}", deadline=LOOK_DEADLINE)


def system_request(base: str) -> Request:
    """GET /system_stats: versions and devices, the only way to distinguish two ComfyUI processes."""
    return Request(method="GET", path=f"{base}/system_stats", deadline=LOOK_DEADLINE)


def delete_request(base: str, prompt_id: PromptId) -> Request:
    """Take one pending prompt off the queue; a running one is untouched."""
    body = json.dumps({"delete": [prompt_id]})
    return Request(method="POST", path=f"{base}/queue", deadline=LOOK_DEADLINE, json=body)


def interrupt_request(base: str, prompt_id: PromptId) -> Request:
    """Interrupt that prompt if it is the one that runs."""
    body = json.dumps({"prompt_id": prompt_id})
    return Request(method="POST", path=f"{base}/interrupt", deadline=LOOK_DEADLINE, json=body)


def loads_request() -> Request:
    """GET /fleet/loads: the gateway polls every server's queue now, over one connection, even if a server hangs."""
    return Request(method="GET", path="/fleet/loads", deadline=LOOK_DEADLINE)


def socket_path(base: str, client_id: str) -> str:
    """Where a window's socket for that server is."""
    return f"{base}/ws?{urlencode({'clientId': client_id})}"


def view_path(base: str, task: Task, output: Output) -> str:
    """The address of one output. The prompt_id is in it, so that a browser never shows an older file of that name."""
    query = {"filename": output.filename, "subfolder": output.subfolder, "type": output.folder}
    sealed = {"seal": output.seal} if output.seal else {}
    return f"{base}/view?{urlencode({**query, **sealed, 'mooring': task.prompt_id})}"


def view_request(base: str, task: Task, output: Output) -> Request:
    """GET one output's bytes."""
    return Request(method="GET", path=view_path(base, task, output), deadline=VIEW_DEADLINE)


def file_request(base: str, file: ServerFile) -> Request:
    """HEAD /view: whether the server has this file."""
    query = urlencode({"filename": file.name, "subfolder": file.subfolder, "type": file.folder})
    return Request(method="HEAD", path=f"{base}/view?{query}", deadline=FILE_DEADLINE)


def read_presence(response: Response) -> bool | None:
    """Return whether the server has the file and this user may use it; None if the answer does not say.

    A server answers 404 for a missing file. A gateway answers 204, since browsers log failures.
    """
    return None if gateway_cause(response) else {200: True, 204: False, 404: False}.get(response.status)


def features_request(base: str) -> Request:
    """GET /features: what the server can do."""
    return Request(method="GET", path=f"{base}/features", deadline=LOOK_DEADLINE)


def read_server_features(response: Response, server_id: ServerId) -> Features:
    """Return what this answer to /features announces; TransportError if it is not the server's."""
    check_own(response, server_id)
    return read_features(parse_object(response) if response.status == 200 else None)


def replacements_request(base: str) -> Request:
    """GET /node_replacements: the classes that this server replaces (`workflows/replacements.py`)."""
    return Request(method="GET", path=f"{base}/node_replacements", deadline=LOOK_DEADLINE)


def gateway_cause(response: Response) -> str:
    """Why the gateway itself has answered; empty if the server did."""
    return response.headers.get("x-mooring-gateway", "").partition(";")[0].strip()


def check_arrived(response: Response, server_id: ServerId | None) -> None:
    """Raise what the gateway says of a request that it did not get through: ConnectError or RequestTimeout."""
    header = response.headers.get("x-mooring-gateway")
    if header is None:
        return
    cause, _, rest = header.partition(";")
    if rest.strip() == "sent=no":
        raise ConnectError(server_id, cause.strip())
    raise RequestTimeout(server_id, cause.strip())


def check_own(response: Response, server_id: ServerId) -> None:
    """Raise TransportError if something in front of the server has answered in its place."""
    check_arrived(response, server_id)
    if (busy := busy_in_front(response, server_id)) is not None:
        raise busy


def read_submit(response: Response, task: Task, at: float) -> Accepted | Refused | Unclear:
    """What the answer to POST /prompt proves. A 500 proves nothing: it may be in the queue (docs/comfyui.md 2)."""
    if gateway_cause(response) in FORBIDDEN:
        return Refused(at, _rejection(response))
    try:
        check_arrived(response, task.server_id)
    except TransportError as error:
        is_unfit = isinstance(error, ConnectError) and error.cause in UNFIT_BODIES
        return Refused(at, _rejection(response)) if is_unfit else read_broken_submit(error, at)
    if response.status == 200:
        answer = parse_object(response)
        if answer is None or answer.get("prompt_id") != task.prompt_id:
            return Unclear(at, "strange answer")
        return Accepted(at, _number(answer.get("number")), _node_errors(answer.get("node_errors")))
    if busy_in_front(response, task.server_id) is not None:  # it was queued if the proxy had passed it on
        return not_sent(BUSY, at) if response.status == NOT_PASSED_ON else Unclear(at, BUSY)
    if response.status in _NEVER_QUEUED:
        return Refused(at, _rejection(response))
    return Unclear(at, f"status {response.status}")


def read_broken_submit(error: TransportError, at: float) -> Refused | Unclear:
    """What an exchange that broke proves: nothing, unless it certainly was not sent."""
    return not_sent(error.cause, at) if isinstance(error, ConnectError) else Unclear(at, error.cause)


def not_sent(cause: str, at: float) -> Refused:
    """The task certainly never left this window."""
    return Refused(at, Failure(kind="not_sent", message=cause))


def check_done(response: Response, server_id: ServerId) -> None:
    """Raise unless the server took a request whose answer has no body (queue, interrupt)."""
    check_arrived(response, server_id)
    if response.status != 200:
        raise _failed(response, server_id)


def _failed(response: Response, server_id: ServerId | None) -> ServerBusy | HttpStatusError:
    """The error of an answer with another status than 200."""
    busy = busy_in_front(response, server_id)
    return busy or HttpStatusError(server_id, response.status, response.text.strip()[:300])


def may_go_later(failure: Failure) -> bool:
    """Whether a retry may succeed: the prompt was not sent, or its user had too many prompts on the server."""
    return failure.kind == "not_sent" or (
        failure.kind == "rejected" and failure.exception_type in {TOO_MANY, NOT_YOUR_TURN}
    )


def waits_for_turn(failure: Failure | None) -> bool:
    """Whether the gateway has refused a prompt because enough of its user's prompts are ahead on the server."""
    return failure is not None and failure.kind == "rejected" and failure.exception_type == NOT_YOUR_TURN


def met_busy(failure: Failure | None) -> bool:
    """Whether a prompt was not queued because something in front of its server was busy."""
    return failure is not None and (failure.kind, failure.message) == ("not_sent", BUSY)


def refusal_of(task: Task, failure: Failure) -> PromptRejected | TransportError:
    """The error that a script gets for a prompt that never ran."""
    if met_busy(failure):
        return ServerBusy(task.server_id, BUSY)
    if failure.kind == "not_sent":
        return ConnectError(task.server_id, failure.message)
    return PromptRejected(task.server_id, failure.message, failure.exception_type, failure.node_errors)


def _rejection(response: Response) -> Failure:
    answer = parse_object(response) or {}
    error = answer.get("error")
    cause = gateway_cause(response)
    if not isinstance(error, dict):
        return Failure(kind="rejected", message=response.text.strip()[:500], exception_type=str(response.status))
    message = " ".join(filter(None, (_text(error.get("message")), _text(error.get("details")))))
    return Failure(
        kind="rejected",
        message=message,
        exception_type=cause or _text(error.get("type")),
        node_errors=_node_errors(answer.get("node_errors")),
    )


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Where the server has put an upload: its own words, to be used in the workflow."""

    name: str
    subfolder: str
    folder: str
    server_id: ServerId

    @property
    def input_value(self) -> str:
        """What a LoadImage node's `image` takes."""
        path = f"{self.subfolder}/{self.name}" if self.subfolder else self.name
        return path if self.folder == "input" else f"{path} [{self.folder}]"


def read_upload(response: Response, server_id: ServerId) -> Uploaded:
    """The name that the server gave; HttpStatusError (413: too large) or ProtocolError otherwise."""
    if gateway_cause(response) not in UNFIT_BODIES:
        check_arrived(response, server_id)
    if response.status != 200:
        raise _failed(response, server_id)
    answer = parse_object(response)
    if answer is None or not isinstance(answer.get("name"), str) or not answer["name"]:
        raise ProtocolError(server_id, "upload answer without a name")
    return Uploaded(answer["name"], _text(answer.get("subfolder")), _text(answer.get("type")) or "input", server_id)


_PARTS = ("running", "pending")  # of a queue, as the gateway reports it


@dataclass(frozen=True, slots=True)
class Queue:
    """A server's queue by prompt_id; `pending` in the order in which it will run."""

    running: tuple[PromptId, ...]
    pending: tuple[PromptId, ...]

    def place_of(self, prompt_id: PromptId) -> int | None:
        """1 for the next to run; None if it does not wait."""
        return self.pending.index(prompt_id) + 1 if prompt_id in self.pending else None

    def sight_of(self, prompt_id: PromptId, at: float) -> Seen | None:
        """That this queue has it; None if not."""
        place = self.place_of(prompt_id)
        return Seen(at, prompt_id in self.running, place) if place or prompt_id in self.running else None


def read_queue(response: Response, server_id: ServerId) -> Queue:
    """The queue, or ProtocolError."""
    try:
        rows = read_rows(read_object(response, server_id))
    except QueueError as error:
        raise ProtocolError(server_id, str(error)) from error
    running = tuple(PromptId(row.prompt_id) for row in rows if row.is_running)
    return Queue(running, tuple(PromptId(row.prompt_id) for row in rows if not row.is_running))


def read_description(response: Response, server_id: ServerId) -> str:
    """The server's versions and devices in one line: another line is another ComfyUI, or an upgraded one."""
    answer = read_object(response, server_id)
    system, devices = answer.get("system"), answer.get("devices")
    if not isinstance(system, dict):
        raise ProtocolError(server_id, "not system stats")
    facts = [_text(system.get(name)) for name in ("os", "comfyui_version", "python_version", "pytorch_version")]
    facts += [_text(device.get("name")) for device in _list(devices) if isinstance(device, dict)]
    return " · ".join(facts)


def read_history(response: Response, server_id: ServerId, prompt_id: PromptId, at: float) -> Finished | None:
    """The end of that task as recorded in history, or None if it is not there (yet, or any more)."""
    answer = read_object(response, server_id)
    entry = answer.get(prompt_id)
    if entry is None:
        if answer:
            raise ProtocolError(server_id, "history of something else")
        return None
    try:
        return _finished(read_entry(entry), at)
    except HistoryError as error:
        raise ProtocolError(server_id, str(error)) from error


def _finished(entry: HistoryEntry, at: float) -> Finished:
    found = Finished(at, "success" if entry.is_success else "error", read_outputs(entry.outputs))
    for name, data in entry.messages:
        found = _with_message(found, name, data)
    return found if found.end == "error" else replace(found, failure=None)


def _with_message(found: Finished, name: str, data: Mapping[str, Any]) -> Finished:
    stamp = data.get("timestamp")
    if isinstance(stamp, int):
        found = replace(found, ended_ms=stamp)
    match name:
        case Event.EXECUTION_START if isinstance(stamp, int):
            return replace(found, started_ms=stamp)
        case Event.EXECUTION_CACHED:
            return replace(found, cached=tuple(NodeId(str(node)) for node in _list(data.get("nodes"))))
        case Event.EXECUTION_INTERRUPTED:  # status_str says "error" here too (docs/comfyui.md 3)
            return replace(found, end="interrupted")
        case Event.EXECUTION_ERROR if data.get("exception_type") != "ExecutionBlocked":
            return replace(found, failure=read_failure(data))
    return found


def read_failure(data: Mapping[str, Any]) -> Failure:
    """A failed node, from an `execution_error` message."""
    traceback = data.get("traceback")
    return Failure(
        kind="execution",
        message=_text(data.get("exception_message")).strip(),
        node_id=_text(data.get("node_id")),
        node_type=_text(data.get("node_type")),
        exception_type=_text(data.get("exception_type")),
        traceback="".join(map(str, traceback)) if isinstance(traceback, list) else "",
    )


def read_loads(response: Response) -> Mapping[str, tuple[Queue, str]]:
    """By server id: its queue, and the cause if it did not answer. Errors name no server: they are the gateway's."""
    servers = read_object(response, None).get("servers")
    if not isinstance(servers, dict):
        raise ProtocolError(None, "not the gateway's loads")
    loads: dict[str, tuple[Queue, str]] = {}
    for server_id, load in servers.items():
        if not isinstance(load, dict):
            raise ProtocolError(None, "not the gateway's loads")
        running, pending = (tuple(PromptId(str(item)) for item in _list(load.get(name))) for name in _PARTS)
        loads[server_id] = (Queue(running, pending), "" if load.get("ok") else str(load.get("cause") or "unknown"))
    return loads


def read_object(response: Response, server_id: ServerId | None) -> dict[str, Any]:
    """The JSON object of a good answer, or HttpStatusError, ProtocolError, or what the gateway says."""
    check_arrived(response, server_id)
    if response.status != 200:
        raise _failed(response, server_id)
    answer = parse_object(response)
    if answer is None:
        raise ProtocolError(server_id, "not a JSON object")
    return answer


def parse_object(response: Response) -> dict[str, Any] | None:
    """Return the JSON object of an answer; None if it has no such body."""
    try:
        answer = json.loads(response.text)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _node_errors(found: object) -> tuple[NodeError, ...]:
    if not isinstance(found, dict):
        return ()
    return tuple(
        _node_error(str(node_id), node, error)
        for node_id, node in found.items()
        if isinstance(node, dict)
        for error in _list(node.get("errors"))
        if isinstance(error, dict)
    )


def _node_error(node_id: str, node: Mapping[str, Any], error: Mapping[str, Any]) -> NodeError:
    extra = error.get("extra_info")
    return NodeError(
        node_id=node_id,
        class_type=_text(node.get("class_type")),
        type=_text(error.get("type")),
        message=_text(error.get("message")),
        details=_text(error.get("details")),
        input_name=_text(extra.get("input_name")) if isinstance(extra, dict) else "",
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
