"""The checks of JSON bodies before they reach a server: pure, one per listed POST.

Refused are requests that would act on other users' work (a bare interrupt, a queue or history `clear`), and bodies
that are known to harm a server (a `client_id` that is no string ends a whole ComfyUI process).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.http.json_reader import Bounds, JsonError, TooMuch, read_json
from gateway.http.routes import RequiredBody
from wire.downloads import MODELS_TAG, is_model_folder
from wire.partner import PARTNER_KEYS

LARGEST_JSON = 8 * 1024 * 1024  # bytes; a workflow is text, and pictures are sent as uploads
LARGEST_SHOWN = 2_097_152  # bytes of an answer to a prompt: its errors may list the choices of each input
BOUNDS = Bounds(LARGEST_JSON)
MOST_DELETED = 100  # prompts in one request; the page sends one
LONGEST_CLIENT_ID = 200  # characters
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_CLIENT_ID = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Examined:
    """The result of a check: why a body is refused, if it is, and the prompt_id of a prompt."""

    fault: str | None = None
    prompt_id: str | None = None
    is_too_much: bool = False  # too many bytes or values, rather than the wrong kind


def examine_body(raw: bytes, kind: RequiredBody) -> Examined:
    """Check a whole body of this kind."""
    if kind is RequiredBody.JOB_CANCEL and not raw:
        return Examined()
    try:
        value = read_json(raw, BOUNDS, is_strict=True)
    except JsonError as error:
        return Examined(str(error), is_too_much=isinstance(error, TooMuch))
    if not isinstance(value, dict):
        return Examined("The body is not a JSON object.")
    fault = _CHECKS[kind](value)
    return Examined(fault, value["prompt_id"] if kind is RequiredBody.PROMPT and fault is None else None)


def is_client_id(text: str) -> bool:
    """Whether `text` is valid as the client_id of a window's socket."""
    return len(text) <= LONGEST_CLIENT_ID and _CLIENT_ID.fullmatch(text) is not None


def _check_prompt(body: Mapping[str, object]) -> str | None:
    if not isinstance(body.get("prompt"), dict):
        return "prompt must be a workflow in API format."
    client_id = body.get("client_id")
    if not isinstance(client_id, str) or not is_client_id(client_id):
        return "client_id must be a non-empty string: without one, the events would be sent to all users."
    prompt_id = body.get("prompt_id")
    if not isinstance(prompt_id, str) or not _UUID.fullmatch(prompt_id):
        return "prompt_id must be a lower-case UUID: without one, an answer that is lost cannot be looked up."
    extra = body.get("extra_data", {})
    if not isinstance(extra, dict):
        return "extra_data must be an object: anything else ends the server's worker."
    for key in PARTNER_KEYS:
        if key in extra:
            return f"extra_data.{key} does not pass: the gateway adds the keys that its fleet file names."
    return None


def _check_delete(body: Mapping[str, object]) -> str | None:
    ids = body.get("delete")
    if set(body) != {"delete"} or not isinstance(ids, list) or not ids:
        return 'Only {"delete": [prompt_id, …]} passes: a clear would remove other people\'s work.'
    if not all(isinstance(one, str) and one for one in ids):
        return "delete must list prompt_ids."
    if len(ids) > MOST_DELETED:
        return f"delete takes at most {MOST_DELETED} prompt_ids at a time, since the owner of each is looked up."
    return None


def _check_interrupt(body: Mapping[str, object]) -> str | None:
    prompt_id = body.get("prompt_id")
    if set(body) != {"prompt_id"} or not isinstance(prompt_id, str) or not prompt_id:
        return 'Only {"prompt_id": "…"} passes: a bare interrupt would stop any user\'s running prompt.'
    return None


def _check_download(body: Mapping[str, object]) -> str | None:
    """Check the form; `gateway/people/downloads.py` judges the address."""
    match body:
        case {"source_url": str(), "tags": [str(models), str(folder)]} if len(body) == 2:
            is_right = models == MODELS_TAG and is_model_folder(folder)
            return None if is_right else 'tags must be ["models", "FOLDER"], with the name of a folder of models.'
    return 'Only {"source_url": "https://…", "tags": ["models", "FOLDER"]} passes.'


def _check_job_cancel(body: Mapping[str, object]) -> str | None:
    return "The body must be empty or {}." if body else None


_CHECKS: Mapping[RequiredBody, Callable[[Mapping[str, object]], str | None]] = MappingProxyType(
    {
        RequiredBody.PROMPT: _check_prompt,
        RequiredBody.QUEUE_DELETE: _check_delete,
        RequiredBody.HISTORY_DELETE: _check_delete,
        RequiredBody.INTERRUPT: _check_interrupt,
        RequiredBody.JOB_CANCEL: _check_job_cancel,
        RequiredBody.DOWNLOAD: _check_download,
    }
)
