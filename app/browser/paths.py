"""Paths of our own origin and full URLs, as far as adapters need to parse them."""

from __future__ import annotations

from urllib.parse import unquote

from app.core.model import ServerId

_PREFIX = "/servers/"


def is_whole(path: str) -> bool:
    """Whether it is a full URL of a server that this page reaches directly: ComfyUI's CORS allows no header of ours."""
    return path.startswith(("http://", "https://"))


def server_of(path: str) -> ServerId | None:
    """The server of a path (`/servers/gpu-1/queue`), for errors; None for the gateway itself."""
    if not path.startswith(_PREFIX):
        return None
    return ServerId(unquote(path[len(_PREFIX) :].split("/", 1)[0]))
