"""Paths of our own origin and whole addresses, as far as adapters need to read them."""

from __future__ import annotations

from urllib.parse import unquote

from app.core.model import ServerId

_PREFIX = "/servers/"


def is_whole(path: str) -> bool:
    """Whether it is a whole address, of a server that this page asks itself: ComfyUI's CORS takes no header of ours."""
    return path.startswith(("http://", "https://"))


def server_of(path: str) -> ServerId | None:
    """The server that a path goes to (`/servers/gpu-1/queue`), for the errors; None for the gateway itself."""
    if not path.startswith(_PREFIX):
        return None
    return ServerId(unquote(path[len(_PREFIX) :].split("/", 1)[0]))
