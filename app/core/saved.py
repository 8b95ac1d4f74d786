"""Workflows from elsewhere: those that the installation publishes, and those that a server's editor has saved.

Such a file is read like any other (`app/workflows/reading.py`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from app.core.errors import ConfigError, HttpStatusError, ProtocolError
from app.core.model import Server, ServerId
from app.core.ports.http import Request, Response

LIST_DEADLINE = 12.0  # seconds
FILE_DEADLINE = 60.0
PUBLISHED_PATH = "/workflows"
SAVED_QUERY = "dir=workflows&recurse=true&split=false&full_info=false"


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file that the installation publishes. `tag` changes with it; `title` and `about` are its author's, if given."""

    path: str
    tag: str
    title: str = ""
    about: str = ""


def published_request() -> Request:
    """GET /workflows."""
    return Request(method="GET", path=PUBLISHED_PATH, deadline=LIST_DEADLINE)


def read_published(response: Response) -> tuple[PublishedFile, ...]:
    """The published files in the gateway's order; ConfigError if the answer is invalid."""
    try:
        answer = json.loads(response.text) if response.status == 200 else {}
        return tuple(_published(item) for item in answer["files"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{PUBLISHED_PATH} answered {response.status}") from error


def published_file_request(path: str) -> Request:
    """GET of one published file."""
    return Request(method="GET", path=f"{PUBLISHED_PATH}/{quote(path, safe='/')}", deadline=FILE_DEADLINE)


def saved_request(server: Server) -> Request:
    """GET /userdata?dir=workflows: docs/comfyui.md 7; with subfolders, as in the editor's own list."""
    return Request(method="GET", path=f"{server.base}/userdata?{SAVED_QUERY}", deadline=LIST_DEADLINE)


def read_saved(response: Response, server_id: ServerId) -> tuple[str, ...]:
    """The names of the saved workflows, in order; none if the server has never saved one."""
    if response.status == 404:
        return ()
    if response.status != 200:
        raise HttpStatusError(server_id, response.status, response.text[:200])
    try:
        answer = json.loads(response.text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(server_id, "no list of saved workflows") from error
    if not isinstance(answer, list):
        raise ProtocolError(server_id, "no list of saved workflows")
    names = {name.replace("\\", "/") for name in map(_saved_name, answer) if name}
    return tuple(sorted((name for name in names if name.endswith(".json")), key=str.casefold))


def saved_file_request(server: Server, name: str) -> Request:
    """GET /userdata/workflows%2F…: the whole name is one segment of the path."""
    return Request(
        method="GET", path=f"{server.base}/userdata/{quote(f'workflows/{name}', safe='')}", deadline=FILE_DEADLINE
    )


def _published(item: Any) -> PublishedFile:
    return PublishedFile(
        str(item["path"]), str(item["tag"]), str(item.get("title") or ""), str(item.get("about") or "")
    )


def _saved_name(item: object) -> str:
    """A name alone, or with facts about the file."""
    match item:
        case str(name) | {"path": str(name)}:
            return name
    return ""
