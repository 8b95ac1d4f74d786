"""The port for HTTP requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.core.ports.blobs import Blob


@dataclass(frozen=True, slots=True)
class Multipart:
    """A multipart body: plain fields, and one file in the field `image`."""

    fields: Mapping[str, str]
    file: Blob
    filename: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request to our own origin, or to a server that the page reaches directly. `deadline` is in seconds, for
    the whole exchange."""

    method: str
    path: str  # with its query: /servers/gpu-1/history/…, or a full URL of such a server
    deadline: float
    json: str | None = None
    form: Multipart | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer. Header names are lower-case. `blob` is set by `fetch`, `text` by `send`."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    blob: Blob | None = None


class Http(Protocol):
    """Requests to our own origin. A failed or late exchange raises RequestTimeout: the server may have acted on it."""

    async def send(self, request: Request) -> Response:
        """Send, and read the answer as text."""

    async def fetch(self, request: Request) -> Response:
        """Send, and keep the answer's body as a Blob."""

    async def upload(self, request: Request, on_progress: Callable[[float], None]) -> Response:
        """Send a form; `on_progress` gets the fraction sent, 0 to 1."""
