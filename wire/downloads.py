"""Downloads of models by a server: which addresses are allowed, and the shapes of requests and answers.

    judge_source("https://huggingface.co/org/repo/resolve/main/a.safetensors", ["huggingface.co"])   # None: allowed
    judge_source("http://huggingface.co/a.safetensors", ["huggingface.co"])                         # SourceFault.SCHEME

Newer servers have `POST /api/assets/download`, which answers with a task, and `/api/tasks/{id}` to poll it. The page
offers only allowed addresses, and the gateway refuses all others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import unquote

from wire.file_names import is_unambiguous
from wire.model_files import NO_MODELS, read_size

DOWNLOAD = "/api/assets/download"
TASKS = "/api/tasks"
ENDING = ".safetensors"  # the only format that runs no code when it is loaded
MODELS_TAG = "models"
LONGEST_SOURCE = 2048  # characters
LONGEST_HOST = 253

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.ASCII)
# A segment of a path. Escapes stand for printable characters without a meaning in an address: none of # % / ; ? \\.
# Some readers, such as `urlparse`, cut a path at its `;`, and would see another name.
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%(?!2[35Ff]|3[BbFf]|5[Cc]|7[Ff])[2-7][0-9A-Fa-f])+", re.ASCII)
_NAME = re.compile(r"[^.*\"<>|][^*\"<>|]*", re.ASCII)  # of a file, on every system
_QUERIES = ("", "?download=true")  # of Hugging Face's links; any other may select another file, or contain a key
_FOLDER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_TASK_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}", re.ASCII)  # it becomes part of a path
_LONGEST_MESSAGE = 300  # characters


class SourceFault(Enum):
    """Why an address is not allowed."""

    FORM = "form"  # unusual characters, a fragment, dots as a segment
    SCHEME = "scheme"  # not https
    LOGIN = "login"  # a user name or password
    PORT = "port"
    HOST = "host"  # not listed in the fleet file
    QUERY = "query"
    ENDING = "ending"  # another file than .safetensors


def judge_source(source: str, hosts: Collection[str]) -> SourceFault | None:
    """Return why a server may not download from this address; None if it may.

    Hosts are compared letter for letter, and nothing is normalised, so that no other program reads the address in
    another way.
    """
    found = _ADDRESS.fullmatch(source) if len(source) <= LONGEST_SOURCE else None
    if found is None:
        return SourceFault.FORM
    scheme, place, path, query, fragment = found.groups(default="")
    host, colon, _port = place.partition(":")
    if scheme != "https":
        return SourceFault.SCHEME
    if "@" in place:
        return SourceFault.LOGIN
    if not path.endswith(ENDING):
        return SourceFault.ENDING
    if query not in _QUERIES:
        return SourceFault.QUERY
    if host not in hosts or not is_host(host):
        return SourceFault.HOST
    if colon:
        return SourceFault.PORT
    segments = path.split("/")[1:]
    is_plain = all(_SEGMENT.fullmatch(part) and unquote(part).strip(".") for part in segments)
    name = file_name(path)
    is_named = _NAME.fullmatch(name) and is_unambiguous(name)
    return None if is_plain and not fragment and is_named else SourceFault.FORM


def file_name(source: str) -> str:
    """Return the name under which a server saves the file at this address."""
    return unquote(source.partition("?")[0].rpartition("/")[2])


def is_host(text: str) -> bool:
    """Whether this is a plain host name: lower-case ASCII, no IP address in any spelling, no port, no `*`.

    A name whose last part is a number is an address for those who connect, as `127.1` and `0x7f000001` are.
    """
    is_address = _NUMBER.fullmatch(text.rpartition(".")[2]) is not None
    return len(text) <= LONGEST_HOST and not is_address and _HOST.fullmatch(text) is not None


def is_model_folder(text: str) -> bool:
    """Whether this may be one of a server's folders of models."""
    return _FOLDER.fullmatch(text) is not None and text.lower() not in NO_MODELS  # Windows reads either case


def write_download(source: str, folder: str) -> dict[str, Any]:
    """Return the body of a request for a download."""
    return {"source_url": source, "tags": [MODELS_TAG, folder]}


class DownloadStatus(Enum):
    """The status of a task, as the server names it."""

    CREATED = "created"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_end(self) -> bool:
        """Whether the task has ended."""
        return self in {DownloadStatus.COMPLETED, DownloadStatus.FAILED}


@dataclass(frozen=True, slots=True)
class DownloadTask:
    """A task as the server describes it. 0 bytes are unknown. `task_id` is empty if the server had the file already."""

    task_id: str
    status: DownloadStatus
    done: int = 0  # bytes
    total: int = 0
    message: str = ""  # the server's


def read_task(answer: object) -> DownloadTask | None:
    """Read the answer to a request for a download or about its task; None if it is invalid.

    `bytes_downloaded` and `bytes_total` may be in the task itself, its result or its payload.
    """
    if not isinstance(answer, dict):
        return None
    if "status" not in answer and isinstance(answer.get("id"), str):
        return DownloadTask("", DownloadStatus.COMPLETED)  # an asset: the file exists
    task_id = answer.get("task_id", answer.get("id"))
    try:
        status = DownloadStatus(answer.get("status"))
    except ValueError:
        return None
    if not isinstance(task_id, str) or not _TASK_ID.fullmatch(task_id):
        return None
    parts = [answer, *(part for name in ("result", "payload") if isinstance(part := answer.get(name), dict))]
    texts = [part.get(name) for part in parts for name in ("error_message", "error", "message")]
    message = next((text for text in texts if isinstance(text, str) and text), "")
    done, total = (_bytes(parts, name) for name in ("bytes_downloaded", "bytes_total"))
    return DownloadTask(task_id, status, done, total, message[:_LONGEST_MESSAGE])


def _bytes(parts: Sequence[Mapping[str, Any]], name: str) -> int:
    return next(filter(None, (read_size(part.get(name)) for part in parts)), 0)
