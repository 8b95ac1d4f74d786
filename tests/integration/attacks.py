"""Requests written byte by byte, and a gateway to send them to."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

from tests.kit.gateways import Running, Upstream, head_of, speak

PROMPT = json.dumps({"prompt": {"1": {}}, "client_id": "w", "prompt_id": str(uuid.uuid4())})
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
JSON = {"Content-Type": "application/json"}


@dataclass
class GuardedServer:
    """A gateway with one server behind it."""

    gateway: Running
    upstream: Upstream

    async def send(self, request: bytes) -> tuple[int, dict[str, str]]:
        """Send a request to the gateway, with its own host and origin for `HOST` and `ORIGIN`."""
        origin = self.gateway.url.encode()
        request = request.replace(b"HOST", origin.removeprefix(b"http://")).replace(b"ORIGIN", origin)
        reply = await speak(self.gateway.port, request)
        return head_of(reply) if reply else (0, {})

    async def assert_refused(self, cause: str, attack: bytes) -> None:
        """Check the refusal and that nothing reached the server; `cause` is empty if the HTTP parser refuses."""
        status, headers = await self.send(attack.replace(b"PORT", str(self.gateway.port).encode()))
        assert 400 <= status < 500
        if cause:
            assert headers["x-mooring-gateway"] == f"{cause}; sent=no"
        assert headers["x-content-type-options"] == "nosniff"
        assert self.upstream.seen == []
        assert (await self.send(get("/servers/a/queue")))[0] == 200, "the gateway still works"


def write(
    method: str, target: str, headers: dict[str, str] | None = None, body: str = "", host: str | None = "HOST"
) -> bytes:
    """Return a request as bytes, without a Host header if `host` is None."""
    lines = [f"{method} {target} HTTP/1.1"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines.append("Accept: */*")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines.append(f"Content-Length: {len(body.encode())}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def get(target: str, **headers: str) -> bytes:
    """Return a GET request; `_` in a header's name becomes `-`."""
    return write("GET", target, {name.replace("_", "-"): value for name, value in headers.items()})


def post(target: str, body: str, **headers: str) -> bytes:
    """Return a POST request with JSON; `_` in a header's name becomes `-`."""
    return write("POST", target, JSON | {name.replace("_", "-"): value for name, value in headers.items()}, body)
